"""Put someone out."""

from __future__ import annotations

from chat.turn import Standing
from commands import Call, Command


def run(call: Call, name: str, reason: str) -> None:
    """Put out the one called `name`; everyone is told."""
    call.hub.kick(call.hub.get(name), call.user, reason)


COMMAND = Command("kick", "put someone out", run, "name reason?", standing=Standing.HOST, bare=True)
