"""Say something to the room one is in."""

from __future__ import annotations

from chat.events import AS_USUAL
from chat.forms import form
from commands import Call, Command


def run(call: Call, text: str, room: str = "", **how: str) -> None:
    """Tell everyone else in the room, by default the current one."""
    place = call.hub.rooms.get(room) if room else None
    call.hub.say(call.user, text, call.ref, room=place, form=form(**how) if how else AS_USUAL)


COMMAND = Command(
    "say",
    "say something to the room; /say is needed only where a text begins with a slash",
    run,
    "text",
    more="room notice tags cuts sign",
)
