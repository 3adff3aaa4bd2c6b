"""Make a room that stays, also over a restart."""

from __future__ import annotations

from chat.rule import make
from chat.turn import Standing
from commands import Call, Command


def run(call: Call, title: str) -> None:
    """Make the room that `Title: description` stands for, or give one there is this title and description."""
    name, _, description = title.partition(":")
    room = make(call.hub, call.user, " ".join(name.split()), " ".join(description.split()))
    call.tell("room", f"There is a room {room.title} now: /join {room.name}")


COMMAND = Command(
    "room", "make a room: ROOM Weather: Talk about the weather", run, "title", standing=Standing.OPERATOR, bare=True
)
