"""What was said before, put together from what a server sends: told once, however often one comes back.

A server sends old messages one by one, marked `"history": true`, and then a `history` that ends them. `Past` makes of
them one object: that `history`, with the messages in it. It knows no screen.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from typing import Any

from clients.people import word

MOST = 1000  # messages of one `history`; of more the newest count
PAGE = 50  # older messages that are asked for at once
ROOMS = 1000  # of which is known how far back one has read
REMEMBERED = 20_000  # messages of which is known that they have been told

Found = dict[str, Any]
_TOLD = frozenset({"said", "acted", "accepted"})
_OLDER = re.compile(r"\s*/history\s+older(?:\s+(\d{1,4}))?\s*", re.IGNORECASE)


class Past:
    """Hand every object to `gather`, in order."""

    def __init__(self) -> None:
        self._waiting: deque[Found] = deque(maxlen=MOST)
        self._told: dict[tuple[object, str], None] = {}
        self._oldest: dict[str, int] = {}

    def gather(self, found: Found) -> Found | None:
        """Return what is to be heard now; None for an old message, which comes with its `history`.

        A `history` one did not ask for has in `messages` only what was not told before.
        """
        event = word(found, "event")
        if event in _TOLD:
            self._note(found)
        if found.get("history") is True:
            self._waiting.append(found)
            return None
        if event == "history":
            return {**found, "messages": self._take(asked="ref" in found)}
        if event == "welcome":
            self._waiting.clear()
        elif event in _TOLD:
            self._remember(found)
        return found

    def typed(self, line: str, room: str) -> Found | None:
        """Return the request that `/history older` in this room stands for; None where `line` is anything else."""
        match = _OLDER.fullmatch(line)
        return older(room, self._oldest.get(room, 0), int(match[1] or PAGE)) if match and room else None

    def _note(self, found: Found) -> None:
        number, room = found.get("id"), word(found, "room")
        if isinstance(number, int) and 0 < number < self._oldest.get(room, number + 1):
            self._oldest[room] = number
            if len(self._oldest) > ROOMS:
                del self._oldest[next(iter(self._oldest))]

    def _take(self, *, asked: bool) -> list[Found]:
        messages = [each for each in self._waiting if asked or _mark(each) not in self._told]
        self._waiting.clear()
        for each in messages:
            self._remember(each)
        return messages

    def _remember(self, found: Found) -> None:
        if word(found, "time"):
            self._told[_mark(found)] = None
            if len(self._told) > REMEMBERED:
                del self._told[next(iter(self._told))]


def older(room: str, first: int, count: int = PAGE) -> Found:
    """Return the request for what was said in a room before the id `first`, 0 for the end."""
    return {"do": "history", "n": count, "room": room} | ({"before": first} if first else {})


def _mark(found: Mapping[str, Any]) -> tuple[object, str]:
    """Return what tells one message from all others, also from those of a server that began to count anew."""
    number = found.get("id")
    return number if isinstance(number, int) else 0, word(found, "time")
