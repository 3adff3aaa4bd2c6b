"""Close the room, and end the server."""

from __future__ import annotations

from chat.turn import Standing
from commands import Call, Command


def run(call: Call, reason: str) -> None:
    """Say goodbye to everyone; the server ends when they have heard it."""
    call.hub.close(f"The host has closed the room{': ' + reason if reason else ''}.")


COMMAND = Command("exit", "close the room; everyone is told", run, "reason?", standing=Standing.HOST, bare=True)
