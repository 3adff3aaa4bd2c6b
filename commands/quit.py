"""Leave the room."""

from __future__ import annotations

from commands import Call, Command


def run(call: Call, reason: str) -> None:
    """Say goodbye and hang up; the others see the reason."""
    call.hub.leave(call.user, "said goodbye", reason)
    call.hub.end(call.user, "quit", "Goodbye.")


COMMAND = Command("quit", "leave", run, "reason?", aliases=("bye", "leave"), guests=True)
