"""The list of who is here, for the host and his operators."""

from __future__ import annotations

from chat.turn import Standing
from commands import Call, Command


def run(call: Call) -> None:
    """Answer with everyone on line: the names in one line, then rooms, address, time on line and wire of each."""
    call.list_people("list_users", call.hub)


COMMAND = Command(
    "list_users", "list who is on line: rooms, address, time on line, wire", run, standing=Standing.OPERATOR, bare=True
)
