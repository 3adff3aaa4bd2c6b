"""The password that everybody must know to come in: DOOR or PASSWORD. (`/password` is that of one's own name.)"""

from __future__ import annotations

from chat.rule import write_down
from chat.turn import Standing
from commands import Call, Command

OPEN = "-"


def run(call: Call, password: str) -> None:
    """Ask newcomers for `password` from now on, until the next start; `-` asks for none. Who is here stays."""
    hub, password = call.hub, password.strip()
    if not password:
        state = "Newcomers are asked for a password." if hub.door else "Newcomers are asked for no password."
        call.tell("door", f"{state} DOOR PASSWORD changes it, DOOR - ends it.")
        return
    hub.door = "" if password == OPEN else password
    hub.desk.decide("password", "yes" if hub.door else "", hub.keep)  # itself it is kept nowhere
    write_down(hub, call.user, "DOOR", "", "a password" if hub.door else "no password")
    until = "until the next start; `password` in chat.toml is asked for after that, too"
    call.tell("door", f"Newcomers are asked for {'that password, ' + until if hub.door else 'no password'}.")


COMMAND = Command(
    "door",
    "let newcomers give a password, until the next start; - for none",
    run,
    "password?",
    standing=Standing.HOST,
    bare=True,
    capitals=("PASSWORD",),
    raw=True,
)
