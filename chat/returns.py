"""Coming back: whose connection is lost is waited for, and whoever returns with his token has missed nothing.

The others see neither leave nor enter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chat import names
from chat.changes import Removed
from chat.events import Acted, Ref, Resumed, Said, Welcomed, Whispered
from chat.hub import Hub
from chat.limits import ledger
from chat.turn import User

Missed = Said | Acted | Whispered | Removed
MOST = 500_000  # bytes of what was missed: outboxes are bounded, and what is quoted takes twice the room
AROUND = 150  # bytes around a text


def lose(hub: Hub, user: User, nobody: Any, why: str, seconds: float) -> None:
    """Wait `seconds` for someone whose connection is lost, and say `why`; meanwhile `nobody` listens for him."""
    user.listener = nobody
    hub.note(f"{user.name} has lost the connection ({why}), and has {seconds:g} s to come back.")


def give_up(hub: Hub, user: User, nobody: Any, limit: str) -> None:
    """Let someone go who has not come back in time, which is a `limit`."""
    if user.listener is nobody:
        ledger.hit(limit)
        hub.leave(user, "did not come back")


def come_back(hub: Hub, user: User, listener: Any, *, since: int, address: str, ref: Ref = None) -> Any:
    """Let someone go on where he was, after the event `since`; returns who listened for him until now."""
    earlier, user.listener, user.address = user.listener, listener, address
    hub.restart(user)
    first, *others = user.rooms
    here = tuple(member.name for member in first.members)
    welcome = Welcomed(*hub.stamp(), first.name, first.title, user.name, here, ref, hub.tokens.issue(user))
    hub.tell(user, welcome)
    for room in others:
        hub.tell(user, hub.joined(room))
    missed = _missed(hub, user, since)
    told = _end(missed)
    cut = len(told) < len(missed) or any(room.scrollback.may_lack(since) for room in user.rooms)
    hub.tell(user, Resumed(*hub.stamp(), told, cut))
    hub.note(f"{user.name} is back, from {address}.")
    return earlier


def _missed(hub: Hub, user: User, since: int) -> tuple[Missed, ...]:
    """Return what was said to `user`, and what of it removed, after the event `since`, as far as that is remembered."""
    said = (event for room in user.rooms for event in room.scrollback if event.id > since)
    heard = [event for event in said if names.key(event.sender) not in user.blocked]
    private = [event for event in user.private if event.id > since]
    rooms = {room.name for room in user.rooms}
    removed = [event for event in hub.desk.removals if event.id > since and (event.room in rooms or not event.room)]
    return tuple(sorted((*heard, *private, *removed), key=lambda event: event.id))


def _end(missed: tuple[Missed, ...]) -> tuple[Missed, ...]:
    """Return as much of the end as goes into one answer."""
    left = MOST
    for number, event in enumerate(reversed(missed)):
        left -= len(event.text.encode("utf-8", "replace")) + AROUND if not isinstance(event, Removed) else AROUND
        if left < 0:
            return missed[len(missed) - number :]
    return missed


class Nobody:
    """Listens for someone whose connection is lost: what he misses is told when he comes back."""

    def __init__(self, wire: Any) -> None:
        self.wire = wire

    @property
    def way(self) -> Nobody:
        """Return what takes what he misses."""
        return self

    def write(self, data: bytes) -> None:
        """Take it, and forget it."""

    def wait(self) -> Callable[[], None]:
        """Nothing comes from him anyhow."""
        return lambda: None

    def retire(self) -> None:
        """There is nothing to close."""

    def hang_up(self) -> None:
        """There is nothing to close."""

    def failed(self, why: str) -> None:
        """There is nobody to put out."""
