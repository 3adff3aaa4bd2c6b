"""Say something to the room one is in."""

from __future__ import annotations

from commands import Call, Command


def run(call: Call, text: str) -> None:
    """Tell everyone else in the room."""
    call.hub.say(call.user, text, call.ref)


COMMAND = Command("say", "say something to the room; /say is needed only where a text begins with a slash", run, "text")
