"""Slow a room down: each person says something there only once in so many seconds."""

from __future__ import annotations

from chat.rule import SLOWEST, slow
from chat.turn import Standing
from commands import Call, Command, number


def run(call: Call, seconds: str, room: str) -> None:
    """Set it for `room`, by default the current one; 0 ends it."""
    place = call.place(room)
    slow(call.hub, call.user, place, number(seconds, 0, SLOWEST, least=0), call.ref)
    if place not in call.user.rooms:
        call.tell("slow", f"{place.title}: {f'one message each in {seconds} s' if seconds != '0' else 'no limit'}.")


COMMAND = Command(
    "slow",
    "let each person speak only once in so many seconds; 0 ends it",
    run,
    "seconds room?",
    standing=Standing.OPERATOR,
    bare=True,
)
