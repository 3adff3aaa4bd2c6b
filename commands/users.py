"""List who is in the room: name, time on line, rooms."""

from __future__ import annotations

from commands import Call, Command


def run(call: Call) -> None:
    """Answer with everyone in the current room."""
    call.list_people("users", call.user.room.members)


COMMAND = Command("users", "list who is in this room, with time on line and rooms", run, aliases=("who", "names"))
