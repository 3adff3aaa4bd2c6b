"""Give someone another name."""

from __future__ import annotations

from chat.naming import rename
from chat.rule import write_down
from chat.turn import Standing
from commands import Call, Command


def run(call: Call, old: str, new: str) -> None:
    """Let the one called `old` be called `new`; whoever shares a room with him is told, and so is he."""
    hub = call.hub
    other = hub.get(old)
    before = other.name
    rename(hub, other, new, by=call.user)
    write_down(hub, call.user, "RENAME", before, other.name)
    hub.inform(other, "rename", f"{call.user.name} has given you the name {other.name}.")
    call.tell("rename", f"{before} is {other.name} now.")


COMMAND = Command(
    "rename", "give someone another name", run, "old new", standing=Standing.OPERATOR, bare=True, raw=True
)
