"""Tell everybody something, in whatever rooms they are."""

from __future__ import annotations

from chat.rule import announce
from chat.turn import Standing
from commands import Call, Command


def run(call: Call, text: str) -> None:
    """Tell it; it looks like nothing that anybody says."""
    announce(call.hub, call.user, text, call.ref)


COMMAND = Command(
    "announce", "tell everybody something, in all rooms", run, "text", standing=Standing.OPERATOR, bare=True
)
