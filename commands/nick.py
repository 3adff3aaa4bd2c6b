"""Take another name."""

from __future__ import annotations

from chat.naming import rename
from commands import Call, Command


def run(call: Call, name: str) -> None:
    """Change the name; whoever shares a room is told."""
    rename(call.hub, call.user, name, call.ref)


COMMAND = Command("nick", "take another name", run, "name", raw=True, guests=True)
