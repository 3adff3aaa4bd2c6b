"""What Tab makes of the beginning of a word: the server's commands and the names of those who are here."""

from __future__ import annotations

import re

from clients.people import People

_COMMAND = re.compile(r"^\s*(/\S+)", re.MULTILINE)


class Vocabulary:
    """The commands the server has, as far as it told, and the people in the room."""

    def __init__(self, people: People) -> None:
        self._people = people
        self._commands: list[str] = ["/help"]

    def learn(self, help_text: str) -> None:
        """Take the commands from the server's answer to `help`, one a line."""
        self._commands = sorted(set(_COMMAND.findall(help_text)))

    def complete(self, begun: str, first: bool) -> list[str]:
        """Return what the word `begun` may become; `first` says whether it is the first of the text."""
        if first and begun.startswith("/"):
            return [f"{command} " for command in self._commands if command.startswith(begun.lower())]
        names = sorted((name for name in self._people.names if name != self._people.me), key=str.casefold)
        after = ": " if first else " "
        return [f"{name}{after}" for name in names if name.casefold().startswith(begun.casefold())]
