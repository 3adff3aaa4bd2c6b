"""List the commands, or explain one."""

from __future__ import annotations

from chat.turn import Standing
from commands import Call, Command


def run(call: Call, command: str) -> None:
    """Answer with one line per command that this person may use."""
    console = call.user.standing is Standing.HOST
    one = command.lstrip("/").lower()
    chosen = [call.table.get(one, call.user)] if one else call.table.allowed(call.user)
    call.tell("help", "\n".join(f"{entry.usage(console):<24} {entry.help}" for entry in chosen))


COMMAND = Command("help", "list the commands, or explain one", run, "command?", bare=True)
