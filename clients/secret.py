"""Which commands hold a password, how such a line may be shown and sent, and the questions for one. It keeps none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

STARS = "****"
UNEQUAL = "The two are not the same; nothing was changed."
DOOR = "room_password"
ASKING = frozenset({"registered", "wrong_password", DOOR})
"""The codes of a refused login after which the password is asked for."""

NEW = {"register": "Password for this name", "password": "New password"}
OWN = frozenset({"register", "password", "identify"})  # verbs whose one argument is the password
_COMMAND = re.compile(
    r"\s*(?P<head>/(?:(?P<verb>register|password|identify|login|pass|door)|(?P<oper>oper)\s+(?P<name>\S+)"
    r"|(?:msg|tell|w|query)\s+(?:nick|ns)(?:serv)?\s+(?:register|identify)))(?:\s+(?P<password>.*))?",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Secret:
    """A command that holds a password, or asks for one where it is empty; `start` is where that begins in the line."""

    line: str
    verb: str
    name: str
    password: str
    start: int

    @property
    def asks(self) -> bool:
        """Is the password to be asked for? `/door` alone has a meaning of its own, and others the server refuses."""
        return not self.password and self.verb in (*OWN, "oper")

    @property
    def is_new(self) -> bool:
        """Is it a password that was not there before, so that it should be typed twice?"""
        return self.verb in NEW

    @property
    def question(self) -> str:
        """What the person is asked."""
        return NEW.get(self.verb, f"Password of the operator {self.name}" if self.name else "Password of your name")

    @property
    def kept(self) -> str:
        """What may be kept of the line, to be typed again."""
        return self.line[: self.start].strip()

    @property
    def shown(self) -> str:
        """The line as it may be shown."""
        return f"{self.kept} {STARS}"

    def request(self, password: str) -> dict[str, Any]:
        """Return what to send, with this password."""
        if self.verb in OWN:
            return {"do": self.verb, "password": password}
        if self.verb == "oper":
            return {"do": "oper", "name": self.name, "password": password}
        return {"do": "line", "line": self.line.strip()}


def secret_in(line: str) -> Secret | None:
    """Return the command with a password that `line` is; None where it is anything else."""
    match = _COMMAND.fullmatch(line)
    if match is None:
        return None
    password = match["password"]
    start = match.start("password") if password is not None else len(line)
    verb = (match["verb"] or match["oper"] or "").lower()
    return Secret(line, verb, match["name"] or "", password or "", start)
