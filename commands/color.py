"""Colours for who comes by nc or telnet. Nobody gets any who has not asked: a program may be behind it."""

from __future__ import annotations

from chat.changes import Coloured
from chat.events import Refused
from commands import Call, Command

PLAIN = "plain"  # the one way in on which the server decides how lines look


def run(call: Call, choice: str) -> None:
    """Switch colours on or off."""
    word = choice.strip().lower()
    if word not in ("on", "off"):
        raise Refused("bad_request", "Give /color on, or /color off.")
    if call.user.wire == PLAIN:
        call.answer(Coloured(*call.hub.stamp(), word == "on"))
    else:
        call.tell("color", "Your client chooses its colours itself; /color is for those who come by nc or telnet.")


COMMAND = Command("color", "colours in nc and telnet: on or off", run, "choice", aliases=("colour",), guests=True)
