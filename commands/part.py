"""Go out of a room."""

from __future__ import annotations

from chat.moves import part
from chat.sanctions import audible
from commands import Call, Command


def run(call: Call, room: str, reason: str) -> None:
    """Bring the caller out of `room`, or of the current one, back to the room before; the others see the reason."""
    room, reason = call.hub.rooms.split(room, reason)
    reason = audible(call.user, reason, call.hub.clock.time())
    part(call.hub, call.user, room, call.ref, reason=reason)


COMMAND = Command("part", "leave a room; by default the current one, for the one before", run, "room? reason?")
