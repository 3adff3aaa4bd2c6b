"""Let someone speak again."""

from __future__ import annotations

from chat.rule import lift
from chat.sanctions import MUTE
from chat.turn import Standing
from commands import Call, Command


def run(call: Call, who: str) -> None:
    """End what MUTE began."""
    ended = lift(call.hub, call.user, MUTE, who)
    call.tell("unmute", f"Not muted any more: {' and '.join(f'{each.sort} {each.shown}' for each in ended)}.")


COMMAND = Command("unmute", "let someone speak again", run, "who", standing=Standing.OPERATOR, bare=True)
