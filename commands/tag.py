"""Send a sign that only some clients understand: a tag, such as that one is typing (IRCv3), or a query (CTCP)."""

from __future__ import annotations

from chat.changes import Tagged
from chat.events import Refused
from chat.forms import check
from chat.moderation import check_may_speak
from chat.sanctions import check_not_muted
from commands import Call, Command


def run(call: Call, tags: str, *, room: str = "", to: str = "", query: str = "", reply: str = "") -> None:
    """Send it to a room, by default the current one, or to one person."""
    hub, user = call.hub, call.user
    checked = check(tags)
    if not (checked or query):
        raise Refused("missing", "There is no tag to send.")
    place = None if to else hub.rooms.get(room) if room else user.room
    other = hub.get(to) if to else None
    check_not_muted(user, hub.clock.time(), (other,) if other else ())
    if place is not None:
        check_may_speak(user, place)
        if query and "C" in place.gate.flags:
            raise Refused("may_not_speak", f"Clients may not query one another in {place.title}.")
    where = (place.name if place else "", user.name, other.name if other else "")
    event = Tagged(*hub.stamp(), *where, checked, user.who, query, bool(reply))
    hearing = tuple(reader for reader in (other, user) if reader is not None and reader.hears(user))
    hub.post(event, place, () if place else hearing, author=user, ref=call.ref)


COMMAND = Command("tag", "for programs: send a sign such as +typing=active", run, "tags?", more="room to query reply")
