"""Choose what scrolls by on the host's console: SHOW or WATCH. (`/watch` is the hot list.)"""

from __future__ import annotations

from chat.events import Refused
from chat.turn import Standing
from commands import Call, Command


def run(call: Call, room: str) -> None:
    """Let the talk and the comings and goings of one room be shown, of all, or of none; answers always are."""
    if room.lower() in ("all", "none"):
        call.table.house.show(None if room.lower() == "all" else "")
        call.tell("show", "Everything is shown." if room.lower() == "all" else "Only answers and warnings are shown.")
        return
    try:
        place = call.hub.rooms.get(room)
    except Refused as refusal:
        raise Refused(refusal.code, f"{refusal.text} /watch {room} tells you when {room} comes.") from None
    call.table.house.show(place.name)
    call.tell("show", f"Of what is said, only {place.title} is shown; SHOW all shows everything.")


COMMAND = Command(
    "show",
    "choose what scrolls by on the console: one room, all, or none",
    run,
    "room",
    standing=Standing.HOST,
    bare=True,
    capitals=("WATCH",),
)
