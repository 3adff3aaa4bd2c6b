"""List the rooms."""

from __future__ import annotations

from chat.events import Mapped, Place
from commands import Call, Command


def run(call: Call) -> None:
    """Answer with title, description and number of people of each room."""
    places = tuple(Place(room.name, room.title, room.description, len(room.members)) for room in call.hub.rooms)
    call.answer(Mapped(*call.hub.stamp(), places, call.user.room.name, call.ref))


COMMAND = Command("channels", "list the rooms: title, description, number of people", run, aliases=("rooms", "list"))
