"""Let someone come in again."""

from __future__ import annotations

from chat.rule import lift
from chat.sanctions import BAN
from chat.turn import Standing
from commands import Call, Command


def run(call: Call, who: str) -> None:
    """End what BAN began."""
    ended = lift(call.hub, call.user, BAN, who)
    call.tell("unban", f"Not banned any more: {' and '.join(f'{each.sort} {each.shown}' for each in ended)}.")


COMMAND = Command("unban", "let someone come in again", run, "who", standing=Standing.OPERATOR, bare=True)
