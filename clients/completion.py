"""What Tab completes: the server's commands after a slash, rooms after /join and /part, and the names of those here.

Where a password is typed it completes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from clients.people import People
from clients.secret import secret_in

_COMMAND = re.compile(r"/(\S+)\s*(.*)")
_ROOM = re.compile(r"/(join|j|part)\s+#?(\S*)\Z", re.IGNORECASE)
_NAME = re.compile(r"[^\s,]*\Z")


class Words(Completer):
    """Completes what is typed from `people`, and from `commands`: verbs and what they do."""

    def __init__(self, people: People) -> None:
        self.commands: dict[str, str] = {}
        self._people = people

    def learn(self, help_text: str) -> None:
        """Take the commands from the server's answer to `help`, one a line."""
        found = (_COMMAND.match(line.strip()) for line in help_text.split("\n"))
        self.commands = {match[1]: re.sub(r"\s{2,}", "  ", match[2]) for match in found if match}

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """Yield what may stand at the cursor."""
        before = document.text_before_cursor
        if before.startswith("/") and " " not in before:
            return self._verbs(before[1:], "/")
        if before.startswith("/help ") and before.count(" ") == 1:
            return self._verbs(before[6:], "")
        if "/history older".startswith(before) and before.startswith("/history "):
            return (Completion("older", -len(before) + len("/history "), display_meta="what stands above that"),)
        if match := _ROOM.match(before):
            return self._rooms(match[1].lower(), match[2])
        if secret_in(before):
            return ()
        return self._names(before)

    def _verbs(self, typed: str, slash: str) -> Iterator[Completion]:
        for verb, what in sorted(self.commands.items()):
            if verb.startswith(typed.lower()):
                yield Completion(f"{slash}{verb} ", -len(slash + typed), display=f"{slash}{verb}", display_meta=what)

    def _rooms(self, verb: str, typed: str) -> Iterator[Completion]:
        known = self._people.places if verb == "part" else self._people.known
        for room in sorted(known):
            if room.startswith(typed.casefold()):
                yield Completion(f"{room} ", -len(typed), display=room)

    def _names(self, before: str) -> Iterator[Completion]:
        found = _NAME.search(before)
        typed = found[0] if found else ""
        for name in sorted(self._people.names, key=str.casefold):
            if name != self._people.me and name.casefold().startswith(typed.casefold()):
                yield Completion(f"{name} ", -len(typed), display=name)
