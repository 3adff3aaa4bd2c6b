"""The host's list of who is here."""

from __future__ import annotations

from chat.turn import Standing
from commands import Call, Command


def run(call: Call) -> None:
    """Answer with everyone in the room, in one line."""
    call.list_people("list_users")


COMMAND = Command("list_users", "list who is here", run, standing=Standing.HOST, bare=True)
