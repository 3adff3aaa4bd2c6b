"""What the room is about."""

from __future__ import annotations

from chat.running import describe
from chat.turn import Room
from commands import Call, Command

NOTHING = "-"  # as a text: it is about nothing any more


def run(call: Call, text: str, room: str = "") -> None:
    """Say what the room is about, or, without `text`, answer with it."""
    place, text = call.place(room), text.strip()
    if text == NOTHING:
        text = ""
    elif not text:
        return call.tell("topic", _answer(place))
    if not describe(call.hub, call.user, place, text, call.ref):
        return call.tell("topic", _answer(place))
    return None


def _answer(place: Room) -> str:
    return f"{place.title}: {place.description or 'nothing is said of what it is about.'}"


COMMAND = Command(
    "topic", "say what the room is about, - for nothing; alone: read it", run, "text?", more="room", bare=True
)
