"""Say that one is not at the keyboard."""

from __future__ import annotations

from chat.changes import Rested
from chat.sanctions import check_not_muted
from commands import Call, Command

LONGEST = 200  # characters


def run(call: Call, reason: str) -> None:
    """Be away for `reason`; without one: be back."""
    user, hub = call.user, call.hub
    text = " ".join(reason.split())[:LONGEST]
    if text == user.away:
        return call.tell("away", "You are away already." if text else "You are not away.")
    if text:
        check_not_muted(user, hub.clock.time())
    user.away = text
    others = tuple(other for other in hub.concerned(user) if other is not user)
    hub.post(Rested(*hub.stamp(), user.name, text, user.who), to=others)
    return call.tell("away", f"You are away: {text}" if text else "You are back.")


COMMAND = Command("away", "say that you are away, and why; alone: you are back", run, "reason?", guests=True)
