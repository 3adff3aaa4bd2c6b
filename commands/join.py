"""Come into a room."""

from __future__ import annotations

from chat.moves import join
from commands import Call, Command


def run(call: Call, room: str, key: str) -> None:
    """Bring the caller into `room`, made now where the host allows it; what he says goes there from now on."""
    rooms = call.hub.rooms
    room, key = rooms.split(room, key)
    if key and not call.user.roams:
        rooms.get(room)  # who gives a key, or a name with a blank, does not mean to make one
    join(call.hub, call.user, room, call.ref, key=key)


COMMAND = Command(
    "join", "come into a room, or talk in it again; /channels lists them", run, "room key?", aliases=("j",)
)
