"""Put someone out: the host off line, who runs a room out of that."""

from __future__ import annotations

from chat.moderation import is_operator
from chat.running import remove
from commands import Call, Command


def run(call: Call, name: str, reason: str, room: str = "") -> None:
    """Put out the one called `name`; everyone is told. Who is no operator puts him out of a room."""
    if room or not is_operator(call.user):
        remove(call.hub, call.user, name, call.place(room), reason, ref=call.ref)
        return
    other = call.hub.get(name)
    shared = not call.user.rooms.keys().isdisjoint(other.rooms)
    call.hub.kick(other, call.user, reason, call.ref)
    if not shared:
        call.tell("kick", f"{other.name} has been kicked out.")


COMMAND = Command(
    "kick", "put someone out; who has made a room puts him out of that", run, "name reason?", more="room", bare=True
)
