"""Be an operator no more."""

from __future__ import annotations

from chat.turn import Standing
from commands import Call, Command


def run(call: Call) -> None:
    """Give up what the caller may do as an operator."""
    call.user.standing = min(call.user.standing, Standing.GUEST)
    call.user.modes -= {"o"}
    call.tell("deoper", "You are no operator any more.")


COMMAND = Command("deoper", "be an operator no more", run, standing=Standing.OPERATOR, guests=True)
