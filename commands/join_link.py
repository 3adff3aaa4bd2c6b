"""A link to a room, to pass on."""

from __future__ import annotations

from commands import Call, Command


def run(call: Call, room: str) -> None:
    """Answer with the link that opens a room, or the current one, in a browser."""
    place = call.hub.rooms.get(room) if room else call.user.room
    call.tell("join-link", call.table.front.link(place.name))


COMMAND = Command("join-link", "show a link that opens a room in a browser, to pass on", run, "room?")
