"""List who is kept out, and who may not speak."""

from __future__ import annotations

from chat.facts import Sanction
from chat.sanctions import BAN, MUTE, how_long
from chat.turn import Standing
from commands import Call, Command


def run(call: Call) -> None:
    """Answer with a line for each ban and each mute that is in force."""
    now = call.hub.clock.time()
    call.hub.desk.tidy(now, call.hub.keep)
    desk = call.hub.desk
    kept = [sanction for kind in (BAN, MUTE) for sanction in desk.sanctions.of(kind, now)]
    found = [*desk.listed.of(BAN, now), *kept]
    call.tell("bans", "\n".join(_row(sanction, now) for sanction in found) or "Nobody is banned or muted.")


def _row(sanction: Sanction, now: float) -> str:
    verb = "BAN " if sanction.kind == BAN else "MUTE"
    return f"{verb} {sanction.sort:<7} {sanction.shown:<20} by {sanction.by}, {how_long(sanction, now)}"


COMMAND = Command("bans", "list who is banned or muted, until when and why", run, standing=Standing.OPERATOR, bare=True)
