"""Open a room, or the door, that was locked."""

from __future__ import annotations

from chat.events import Refused
from chat.rule import write_down
from chat.running import Change, change
from chat.turn import Standing
from commands import Call, Command

DOOR = "door"


def run(call: Call, what: str) -> None:
    """Let everybody speak again in the room `what`, by default the current one; or let newcomers in."""
    hub = call.hub
    if what.lower() == DOOR:
        if not hub.desk.locked:
            raise Refused("no_change", "The door is not locked.")
        hub.desk.decide("lock door", "", hub.keep)
        write_down(hub, call.user, "UNLOCK", DOOR)
        call.tell("unlock", "The door is open.")
        return
    place = call.place(what)
    if not change(hub, call.user, place, [Change("-", "m")], call.ref):
        raise Refused("no_change", f"{place.title} is not locked.")
    write_down(hub, call.user, "UNLOCK", place.name)
    if place not in call.user.rooms:
        call.tell("unlock", f"Everybody may speak in {place.title} again.")


COMMAND = Command(
    "unlock",
    "let everybody speak in the room again, or UNLOCK door",
    run,
    "what?",
    standing=Standing.OPERATOR,
    bare=True,
)
