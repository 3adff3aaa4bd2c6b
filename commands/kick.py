"""Put someone out: the host off line, who runs a room out of that."""

from __future__ import annotations

from chat.moderation import is_operator
from chat.rule import write_down
from chat.running import remove
from chat.sanctions import audible
from commands import Call, Command


def run(call: Call, name: str, reason: str, room: str = "") -> None:
    """Put out the one called `name`; everyone is told. Who is no operator puts him out of a room."""
    reason = audible(call.user, reason, call.hub.clock.time())
    if room or not is_operator(call.user):
        place = call.place(room)
        remove(call.hub, call.user, name, place, reason, ref=call.ref)
        write_down(call.hub, call.user, "KICK", f"{name} out of {place.name}", reason)
        return
    other = call.hub.get(name)
    shared = call.user.shares(other)
    call.hub.kick(other, call.user, reason, call.ref)
    write_down(call.hub, call.user, "KICK", other.name, reason)
    if not shared:
        call.tell("kick", f"{other.name} has been kicked out.")


COMMAND = Command(
    "kick", "put someone out; who has made a room puts him out of that", run, "name reason?", more="room", bare=True
)
