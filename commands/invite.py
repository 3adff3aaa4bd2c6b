"""Ask someone into a room."""

from __future__ import annotations

from chat.running import invite
from chat.sanctions import check_not_muted
from commands import Call, Command


def run(call: Call, name: str, room: str) -> None:
    """Ask the one called `name` into `room`, by default the current one."""
    check_not_muted(call.user, call.hub.clock.time())
    place = call.place(room)
    invite(call.hub, call.user, name, place, call.ref)
    if place not in call.user.rooms:
        call.tell("invite", f"{call.hub.get(name).name} is asked into {place.title}.")


COMMAND = Command("invite", "ask someone into the room, or into another: /invite bob weather", run, "name room?")
