"""Tell something to all who want to hear from the operators (user mode +w of IRC)."""

from __future__ import annotations

from chat.changes import Called
from chat.sanctions import check_not_muted
from chat.turn import Standing
from commands import Call, Command


def run(call: Call, text: str) -> None:
    """Tell it."""
    hub, user = call.hub, call.user
    check_not_muted(user, hub.clock.time())
    hearing = tuple(other for other in hub if "w" in other.modes)
    hub.post(Called(*hub.stamp(), user.name, text, user.who), to=hearing)


COMMAND = Command("wallops", "tell those who listen for it (IRC's mode +w)", run, "text", standing=Standing.OPERATOR)
