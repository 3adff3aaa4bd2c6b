"""What the room is about."""

from __future__ import annotations

from chat.running import describe
from commands import Call, Command


def run(call: Call, text: str, room: str = "") -> None:
    """Say what the room is about, or, without `text`, answer with it."""
    place = call.hub.rooms.get(room) if room else call.user.room
    if text.strip():
        describe(call.hub, call.user, place, text.strip())
    elif room:
        describe(call.hub, call.user, place, "")
    else:
        call.tell("topic", f"{place.title}: {place.description or 'nothing is said of what it is about.'}")


COMMAND = Command("topic", "say what the room is about; without a text: read it", run, "text?", more="room", bare=True)
