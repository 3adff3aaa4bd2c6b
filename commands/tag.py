"""Send a sign that only some clients understand, such as that one is typing (IRCv3 TAGMSG)."""

from __future__ import annotations

from chat.changes import Tagged
from chat.events import Refused
from chat.moderation import check_may_speak
from chat.tags import check
from commands import Call, Command


def run(call: Call, tags: str, room: str = "", to: str = "") -> None:
    """Send it to a room, by default the current one, or to one person."""
    hub, user = call.hub, call.user
    checked = check(tags)
    if not checked:
        raise Refused("missing", "There is no tag to send.")
    if to:
        other = hub.get(to)
        event = Tagged(*hub.stamp(), "", user.name, other.name, checked, user.who)
        hub.post(event, to=(other, user) if other.hears(user) else (user,), author=user, ref=call.ref)
        return
    place = hub.rooms.get(room) if room else user.room
    check_may_speak(user, place)
    hub.post(Tagged(*hub.stamp(), place.name, user.name, "", checked, user.who), place, author=user, ref=call.ref)


COMMAND = Command("tag", "for programs: send a sign such as +typing=active", run, "tags", more="room to")
