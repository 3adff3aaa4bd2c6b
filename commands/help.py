"""List the commands, or explain one."""

from __future__ import annotations

import re

from chat.turn import Standing
from commands import Call, Command

_END = re.compile(r"[:;.] ")  # of the first words about a command


def run(call: Call, command: str) -> None:
    """Answer with one line per command that this person may use: what it does in a few words, alone in all of them."""
    console = call.user.standing is Standing.HOST
    if command:
        entry = call.table.get(call.table.verb(call.user, command), call.user)
        return call.tell("help", f"{entry.usage(console):<24} {entry.help}")
    rows = [f"{entry.usage(console):<24} {_END.split(entry.help)[0]}" for entry in call.table.allowed(call.user)]
    return call.tell("help", "\n".join([*rows, f"{'HELP KICK' if console else '/help kick'} says more of one."]))


COMMAND = Command("help", "list the commands, or explain one", run, "command?", bare=True)
