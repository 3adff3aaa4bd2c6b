"""Let someone say nothing for a time: he hears everything, and can write to the host."""

from __future__ import annotations

from chat.rule import mute
from chat.sanctions import how_long, sentence
from chat.turn import Standing
from commands import Call, Command


def run(call: Call, who: str, time: str, reason: str) -> None:
    """Let `who`, a name, an address or a network, not speak."""
    made = mute(call.hub, call.user, sentence(who, time, reason))
    shown = " and ".join(f"{sanction.sort} {sanction.shown}" for sanction in made)
    call.tell("mute", f"Muted: {shown}, {how_long(made[0], call.hub.clock.time())}.")


COMMAND = Command(
    "mute",
    "let someone say nothing: MUTE bob 10m noise; he can still write to the host",
    run,
    "who time? reason?",
    standing=Standing.OPERATOR,
    bare=True,
)
