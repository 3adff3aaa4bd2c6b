"""What one sets for oneself, as IRC writes it: +i unseen by strangers, +B a bot, +w hears what operators tell."""

from __future__ import annotations

from chat.events import Refused
from commands import Call, Command
from record import replace

LETTERS = "Biw"


def run(call: Call, change: str) -> None:
    """Set or unset one of LETTERS for the caller: `+i`, `-i`."""
    user, sign, letter = call.user, change[:1], change[1:]
    if sign not in ("+", "-") or len(letter) != 1 or letter not in LETTERS:
        raise Refused("mode_bad", f"Give + or -, and one of {', '.join(LETTERS)}.")
    user.modes = user.modes | {letter} if sign == "+" else user.modes - {letter}
    user.who = replace(user.who, bot="B" in user.modes)


COMMAND = Command("umode", "set what IRC knows of you: +i unseen by strangers, +B a bot", run, "change", guests=True)
