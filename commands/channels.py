"""List the rooms."""

from __future__ import annotations

from chat.events import Mapped, Place
from chat.moderation import is_shown
from commands import Call, Command


def run(call: Call) -> None:
    """Answer with title, description and number of people of each room."""
    rooms = (room for room in call.hub.rooms if is_shown(room, call.user))
    places = tuple(Place(room.name, room.title, room.description, len(room.members)) for room in rooms)
    current = call.user.current.name if call.user.current else ""
    call.answer(Mapped(*call.hub.stamp(), places, current, call.ref))


COMMAND = Command("channels", "list the rooms: title, description, number of people", run, aliases=("rooms", "list"))
