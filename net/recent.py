"""Who has been here lately: a bounded memory of addresses that forgets by itself. Knows nothing of what they did."""

from __future__ import annotations

from collections import OrderedDict


class Recent:
    """Addresses noted within the last `seconds`; at most `most`, of which those noted longest ago are forgotten.

    Those of this machine are not noted: here people try one way in beside the other.
    """

    def __init__(self, seconds: float, most: int = 1_000) -> None:
        self._seconds = seconds
        self._most = most
        self._seen: OrderedDict[str, float] = OrderedDict()

    def note(self, address: str, now: float) -> None:
        """Take note of an address; `now` is monotonic seconds."""
        from ipaddress import ip_address  # it takes 5 ms of the start

        if ip_address(address.strip("[]").partition("%")[0]).is_loopback:
            return
        self._seen[address] = now
        self._seen.move_to_end(address)
        if len(self._seen) > self._most:
            self._seen.popitem(last=False)

    def has(self, address: str, now: float) -> bool:
        """Return whether an address was noted lately."""
        return now - self._seen.get(address, -self._seconds) < self._seconds
