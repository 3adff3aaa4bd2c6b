"""How many connections there may be: in all, without a login, from one address, new ones a second. Knows no sockets.

An IPv6 address counts by its first 64 bits: whoever has one of them has them all.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable

from record import record

KNOWN = 10_000  # addresses whose arrivals are remembered
LATELY = 0.25  # seconds for which a count is good


@record
class Room:
    """How many there may be."""

    connections: int = 20_000
    per_address: int = 64
    new_per_second: int = 32
    half_open: int = 500


class Gatekeeper:
    """Counts who is in. `hit` is told the name of a limit that was met, `spares` for whom only the first one holds.

    `strangers` counts who has not logged in; that takes a while, and is asked a few times a second.
    """

    def __init__(
        self, room: Room, spares: Callable[[str], bool], hit: Callable[[str], None], strangers: Callable[[], int]
    ) -> None:
        self._room = room
        self._spares = spares
        self._hit = hit
        self._strangers = strangers
        self._half_open, self._counted = 0, -LATELY  # as counted then, with all who have come since
        self._in: Counter[str] = Counter()
        self._all = 0
        self._new: OrderedDict[str, tuple[float, float]] = OrderedDict()  # how many may come, and when that was so

    def __len__(self) -> int:
        return self._all

    def admit(self, host: str, now: float) -> str:
        """Count one more from `host`; return the sentence for one who may not come in, and is not counted."""
        place = group(host)
        if self._all >= self._room.connections:
            return self._refuse("connections", "The room is full; please try again later.")
        if not self._spares(host):
            if self._is_crowded(now):
                return self._refuse("half_open", "Too many are about to come in; please try again in a moment.")
            if self._in[place] >= self._room.per_address:
                return self._refuse("per_address", "Too many connections come from your address; close one first.")
            if not self._arrives(place, now):
                return self._refuse("new_per_second", "Your address connects too often; please wait a second.")
        self._all += 1
        self._half_open += 1
        self._in[place] += 1
        return ""

    def leave(self, host: str) -> None:
        """Count one less from `host`."""
        place = group(host)
        self._all -= 1
        self._in[place] -= 1
        if not self._in[place]:
            del self._in[place]

    def _refuse(self, name: str, text: str) -> str:
        self._hit(name)
        return text

    def _is_crowded(self, now: float) -> bool:
        if self._half_open >= self._room.half_open and now - self._counted >= LATELY:
            self._half_open, self._counted = self._strangers(), now
        return self._half_open >= self._room.half_open

    def _arrives(self, place: str, now: float) -> bool:
        """Return whether one more may come now; of those who may, so many come at once."""
        most = float(self._room.new_per_second)
        left, at = self._new.pop(place, (most, now))
        left = min(most, left + (now - at) * most)
        self._new[place] = max(left - 1, 0.0) if left >= 1 else left, now
        if len(self._new) > KNOWN:
            self._new.popitem(last=False)
        return left >= 1


def group(host: str) -> str:
    """Return what counts as one address: of IPv6 the network of 64 bits."""
    if ":" not in host:
        return host
    from ipaddress import IPv6Address  # it takes 5 ms of the start

    address = IPv6Address(host.strip("[]").partition("%")[0])
    return f"{IPv6Address(int(address) >> 64 << 64)}/64"
