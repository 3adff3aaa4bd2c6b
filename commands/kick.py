"""Put someone out: the host off line, who runs a room out of that."""

from __future__ import annotations

from chat.moderation import is_operator
from chat.running import remove
from commands import Call, Command


def run(call: Call, name: str, reason: str, room: str = "") -> None:
    """Put out the one called `name`; everyone is told. Who is no operator puts him out of a room."""
    if room or not is_operator(call.user):
        place = call.hub.rooms.get(room) if room else call.user.room
        remove(call.hub, call.user, name, place, reason)
    else:
        call.hub.kick(call.hub.get(name), call.user, reason)


COMMAND = Command(
    "kick", "put someone out; who has made a room puts him out of that", run, "name reason?", more="room", bare=True
)
