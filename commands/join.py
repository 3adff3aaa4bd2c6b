"""Come into a room."""

from __future__ import annotations

from chat.moves import join
from commands import Call, Command


def run(call: Call, room: str, key: str) -> None:
    """Bring the caller into `room`, made now where the host allows it; what he says goes there from now on."""
    join(call.hub, call.user, room, call.ref, key=key)


COMMAND = Command(
    "join", "come into a room, or talk in it again; /channels lists them", run, "room key?", aliases=("j",)
)
