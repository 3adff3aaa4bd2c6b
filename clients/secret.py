"""Which commands hold a password, how such a line may be shown, and the questions for one. It keeps none."""

from __future__ import annotations

import re
from dataclasses import dataclass

STARS = "****"
UNEQUAL = "The two are not the same; nothing was changed."
DOOR = "room_password"
ASKING = frozenset({"registered", "wrong_password", DOOR})
"""The codes of a refused login after which the password is asked for."""

_COMMAND = re.compile(r"\s*/(register|password)(?:\s+(.*))?", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Secret:
    """A command that holds a password, or asks for one where it is empty; `start` is where that begins in the line."""

    verb: str
    password: str
    start: int

    @property
    def question(self) -> str:
        """What the person is asked."""
        return "Password for this name" if self.verb == "register" else "New password"

    @property
    def shown(self) -> str:
        """The line as it may be shown."""
        return f"/{self.verb} {STARS}"


def secret_in(line: str) -> Secret | None:
    """Return the command with a password that `line` is; None where it is anything else."""
    match = _COMMAND.fullmatch(line)
    if match is None:
        return None
    start = match.start(2) if match[2] is not None else len(line)
    return Secret(match[1].lower(), match[2] or "", start)
