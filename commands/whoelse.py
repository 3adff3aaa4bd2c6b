"""List who is here besides oneself."""

from __future__ import annotations

from commands import Call, Command


def run(call: Call) -> None:
    """Answer with everyone else in the current room."""
    call.list_people("whoelse", (user for user in call.user.room.members if user is not call.user))


COMMAND = Command("whoelse", "list who is here besides you", run)
