"""Lock a room, so that only operators and those with a voice speak there; or the door, so that nobody new comes in."""

from __future__ import annotations

from chat.desk import SHUT
from chat.events import Refused
from chat.rule import write_down
from chat.running import Change, change
from chat.turn import Standing
from commands import Call, Command

DOOR = "door"


def run(call: Call, what: str, reason: str) -> None:
    """Lock the room `what`, by default the current one, or the door. Private talk goes on."""
    hub = call.hub
    if what.lower() == DOOR:
        hub.desk.decide("lock door", reason.strip() or SHUT, hub.keep)
        write_down(hub, call.user, "LOCK", DOOR, reason)
        call.tell("lock", "The door is locked: nobody new comes in. UNLOCK door opens it.")
        return
    place = call.place(what)
    if not change(hub, call.user, place, [Change("+", "m")], call.ref):
        raise Refused("no_change", f"{place.title} is locked already.")
    write_down(hub, call.user, "LOCK", place.name, reason)
    if place not in call.user.rooms:
        call.tell("lock", f"{place.title} is locked: only operators and those with a voice speak there.")


COMMAND = Command(
    "lock",
    "let only operators speak in the room, or LOCK door: nobody new comes in",
    run,
    "what? reason?",
    standing=Standing.OPERATOR,
    bare=True,
)
