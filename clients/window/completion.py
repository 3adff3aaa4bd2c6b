"""What Tab makes of the beginning of a word: the server's commands, rooms, and the names of those who are here."""

from __future__ import annotations

import re

from clients.people import People
from clients.secret import secret_in

_COMMAND = re.compile(r"^\s*(/\S+)", re.MULTILINE)
_ROOM = re.compile(r"/(join|j|part)\s+", re.IGNORECASE)


class Vocabulary:
    """The commands the server has, as far as it told, the rooms one has heard of, and the people in one's own."""

    def __init__(self, people: People) -> None:
        self._people = people
        self._commands: list[str] = ["/help"]

    def learn(self, help_text: str) -> None:
        """Take the commands from the server's answer to `help`, one a line."""
        self._commands = sorted(set(_COMMAND.findall(help_text)))

    def complete(self, begun: str, before: str) -> list[str]:
        """Return what the word `begun` may become; `before` is the text before it."""
        if not before and begun.startswith("/"):
            return [f"{command} " for command in self._commands if command.startswith(begun.lower())]
        if match := _ROOM.fullmatch(before):
            rooms = self._people.places if match[1].lower() == "part" else self._people.known
            return [f"{room} " for room in sorted(rooms) if room.startswith(begun.lstrip("#").casefold())]
        if secret_in(before + begun):
            return []
        names = sorted((name for name in self._people.names if name != self._people.me), key=str.casefold)
        return [f"{name}{' ' if before else ': '}" for name in names if name.casefold().startswith(begun.casefold())]
