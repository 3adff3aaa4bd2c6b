"""What the room is about."""

from __future__ import annotations

from chat.moderation import is_operator
from chat.rule import write_down
from chat.running import describe
from chat.sanctions import check_not_muted
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
    check_not_muted(call.user, call.hub.clock.time())
    if not describe(call.hub, call.user, place, text, call.ref):
        return call.tell("topic", _answer(place))
    if is_operator(call.user):
        write_down(call.hub, call.user, "TOPIC", place.name, text)
    return None


def _answer(place: Room) -> str:
    return f"{place.title}: {place.description or 'nothing is said of what it is about.'}"


COMMAND = Command(
    "topic", "say what the room is about, - for nothing; alone: read it", run, "text?", more="room", bare=True
)
