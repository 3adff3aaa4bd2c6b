"""Tell the room what one does: `/me waves` shows as `* alice waves`."""

from __future__ import annotations

from chat.events import AS_USUAL
from chat.forms import form
from commands import Call, Command


def run(call: Call, text: str, room: str = "", **how: str) -> None:
    """Tell everyone else in the room, by default the current one."""
    place = call.hub.rooms.get(room) if room else None
    call.hub.act(call.user, text, call.ref, room=place, form=form(**how) if how else AS_USUAL)


COMMAND = Command("me", "say what you do: /me waves shows as * alice waves", run, "text", more="room tags")
