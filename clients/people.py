"""Who is here, in the order of arrival, as a client knows it: from events alone, never from what somebody says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class People:
    """The people in one's room. Hand every object of the server, and every piece of the link's news, to `hear`."""

    def __init__(self) -> None:
        self.me = ""
        self.room = ""
        self.title = ""
        self.names: list[str] = []
        self.count = 0
        """How many are here, the server says; in a large room there may be more than `names`."""

    def hear(self, found: Mapping[str, Any]) -> bool:
        """Take in what happened; True when the list, the count or one's own name may have changed by it."""
        event = found.get("event")
        if event == "welcome":
            self._welcome(found)
        elif event == "entered" and self._is_here(found):
            self._enter(word(found, "name"), found)
        elif event == "left" and self._is_here(found):
            self._leave(word(found, "name"), found)
        elif event == "renamed":
            self._rename(word(found, "old"), word(found, "new"))
        elif event == "goodbye" or (event == "link" and found.get("state") in ("lost", "closed", "gave_up")):
            self._empty()
        else:
            return False
        return True

    def _welcome(self, found: Mapping[str, Any]) -> None:
        self.me = word(found, "name")
        self.room = word(found, "room")
        self.title = word(found, "title") or self.room
        self.names = list(dict.fromkeys(words(found, "users")))
        self._count(found)

    def _is_here(self, found: Mapping[str, Any]) -> bool:
        return word(found, "room") == self.room

    def _enter(self, name: str, found: Mapping[str, Any]) -> None:
        if name and name not in self.names:
            self.names.append(name)
        self._count(found)

    def _leave(self, name: str, found: Mapping[str, Any]) -> None:
        if name in self.names:
            self.names.remove(name)
        self._count(found)

    def _rename(self, old: str, new: str) -> None:
        self.names = [new if name == old else name for name in self.names]
        if old == self.me:
            self.me = new

    def _empty(self) -> None:
        self.names = []
        self.count = 0

    def _count(self, found: Mapping[str, Any]) -> None:
        count = found.get("count")
        self.count = count if isinstance(count, int) else len(self.names)


def word(found: Mapping[str, Any], key: str) -> str:
    """Return the string under `key`, empty where there is none."""
    value = found.get(key)
    return value if isinstance(value, str) else ""


def words(found: Mapping[str, Any], key: str) -> list[str]:
    """Return the strings in the list under `key`; what is not a string is left out."""
    value = found.get(key)
    return [entry for entry in value if isinstance(entry, str)] if isinstance(value, list) else []
