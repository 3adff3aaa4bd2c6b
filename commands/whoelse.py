"""List who is here besides oneself."""

from __future__ import annotations

from commands import Call, Command


def run(call: Call) -> None:
    """Answer with everyone else in the current room."""
    call.list_people("whoelse", but=call.user)


COMMAND = Command("whoelse", "list who is here besides you", run)
