"""Keep someone out: by name, account, address or network, for a time or for ever."""

from __future__ import annotations

from chat.rule import ban
from chat.sanctions import how_long, sentence
from chat.turn import Standing
from commands import Call, Command


def run(call: Call, who: str, time: str, reason: str) -> None:
    """Let `who` not come in any more, and put out whoever is meant and here."""
    hub = call.hub
    other = hub.find(who)
    made = ban(hub, call.user, sentence(who, time, reason))
    shown = " and ".join(f"{sanction.sort} {sanction.shown}" for sanction in made)
    hint = f" {other.name} came from {other.address.rpartition(':')[0]}, which stays open." if other else ""
    call.tell("ban", f"Banned: {shown}, {how_long(made[0], hub.clock.time())}.{hint}")


COMMAND = Command(
    "ban",
    "keep a name, an address or a network out: BAN bob 10m spam; 30s, 2h, 3d, ever",
    run,
    "who time? reason?",
    standing=Standing.OPERATOR,
    bare=True,
)
