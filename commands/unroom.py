"""End a room."""

from __future__ import annotations

from chat.rule import unmake
from chat.text import count
from chat.turn import Standing
from commands import Call, Command


def run(call: Call, name: str) -> None:
    """Bring everybody out of the room called `name`, and let there be no such room."""
    room = call.place(name)
    people = unmake(call.hub, call.user, room)
    call.tell("unroom", f"{room.title} has ended; {count(people, 'person')} had to leave.")


COMMAND = Command(
    "unroom", "end a room; who is in it goes back to the lobby", run, "name", standing=Standing.OPERATOR, bare=True
)
