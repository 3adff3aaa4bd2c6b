"""Leave the room."""

from __future__ import annotations

from chat.sanctions import audible
from commands import Call, Command


def run(call: Call, reason: str) -> None:
    """Say goodbye and hang up; the others see the reason."""
    call.hub.leave(call.user, "said goodbye", audible(call.user, reason, call.hub.clock.time()))
    call.hub.end(call.user, "quit", "Goodbye.")


COMMAND = Command("quit", "leave", run, "reason?", aliases=("bye", "leave"), guests=True)
