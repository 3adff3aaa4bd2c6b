"""Tell the room what one does: `/me waves` shows as `* alice waves`."""

from __future__ import annotations

from commands import Call, Command


def run(call: Call, text: str) -> None:
    """Tell everyone else in the room."""
    call.hub.act(call.user, text, call.ref)


COMMAND = Command("me", "say what you do: /me waves shows as * alice waves", run, "text")
