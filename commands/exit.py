"""Close the room, now or later, and end the server."""

from __future__ import annotations

import re

from chat.countdown import closing
from chat.rule import write_down
from chat.turn import Standing
from commands import Call, Command

TIME = r"([0-9]{1,6}(?:\.[0-9]{1,3})?)([smh]?)"
UNITS = {"s": 1.0, "": 60.0, "m": 60.0, "h": 3_600.0}


def run(call: Call, minutes: str, reason: str) -> None:
    """Say goodbye to everyone, or set when that will be; the server ends when they have heard it."""
    time, said = re.fullmatch(TIME, minutes), f"{minutes} {reason}".strip()
    if minutes.lower() == "cancel" and not reason:
        call.table.house.closing().cancel()
    elif time and float(time[1]):
        call.table.house.closing().begin(float(time[1]) * UNITS[time[2]], reason)
    else:
        call.hub.close(closing(reason if time else said))
    write_down(call.hub, call.user, "EXIT", "", said)


COMMAND = Command(
    "exit",
    "close the room, now or in so many minutes; everyone is told. EXIT cancel: not after all",
    run,
    "minutes? reason?",
    standing=Standing.HOST,
    bare=True,
)
