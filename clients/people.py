"""Who is here, and in which rooms one is, as a client knows it: from events alone, never from what somebody says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

TALK = frozenset({"said", "acted"})


@dataclass(slots=True)
class Place:
    """A room one is in. `names` stand in the order of arrival; in a large room `count` may be more than they are.

    `unread` counts what others said there since one was there last.
    """

    room: str
    title: str
    names: dict[str, None] = field(default_factory=dict)
    count: int = 0
    unread: int = 0


class People:
    """One's rooms and who is in them. Hand every object of the server, and every piece of the link's news, to `hear`.

    `places` are one's rooms in the order in which one came, `room` is the current one. `fresh` tells whether the
    last `joined` was into a room in which one was not before.
    """

    def __init__(self) -> None:
        self.me = ""
        self.room = ""
        self.places: dict[str, Place] = {}
        self.known: dict[str, None] = {}
        """The rooms one has heard of."""
        self.fresh = False
        self._unread: dict[str, int] = {}
        """What was unread when the connection was lost, by room."""

    @property
    def here(self) -> Place:
        """The current room; one without a name where one is in none."""
        return self.places.get(self.room) or Place("", "")

    @property
    def title(self) -> str:
        """The title of the current room."""
        return self.here.title

    @property
    def names(self) -> list[str]:
        """Who is in the current room."""
        return list(self.here.names)

    @property
    def count(self) -> int:
        """How many are in the current room, as the server says."""
        return self.here.count

    @property
    def elsewhere(self) -> list[Place]:
        """The other rooms in which something new was said."""
        return [place for place in self.places.values() if place.unread]

    def hear(self, found: Mapping[str, Any]) -> bool:
        """Take in what happened; True when rooms, people, counts or one's own name may have changed by it."""
        event = word(found, "event")
        if event in TALK:
            return self._count_talk(found)
        if event == "link":
            event = word(found, "state")
        hear = _HEARD.get(event)
        if hear:
            hear(self, found)
        return hear is not None

    def _welcome(self, found: Mapping[str, Any]) -> None:
        self.me = word(found, "name")
        self.places.clear()
        self._come(found)

    def _come(self, found: Mapping[str, Any]) -> None:
        """Be in a room: the current one from now on."""
        room = word(found, "room")
        self.fresh = room not in self.places
        place = self.places.setdefault(room, Place(room, ""))
        place.title = word(found, "title") or room
        place.names = dict.fromkeys(words(found, "users"))
        place.unread = self._unread.get(room, 0) if found.get("resumed") is True else 0
        self.room = room
        self.known[room] = None
        self._count(place, found)

    def _go(self, found: Mapping[str, Any]) -> None:
        self.places.pop(word(found, "room"), None)
        self.room = word(found, "current")
        self.places.setdefault(self.room, Place(self.room, word(found, "current_title"))).unread = 0

    def _enter(self, found: Mapping[str, Any]) -> None:
        place = self.places.get(word(found, "room"))
        if place:
            place.names.update(dict.fromkeys([word(found, "name")]))
            self._count(place, found)

    def _leave(self, found: Mapping[str, Any]) -> None:
        place = self.places.get(word(found, "room"))
        if place:
            place.names.pop(word(found, "name"), None)
            self._count(place, found)

    def _rename(self, found: Mapping[str, Any]) -> None:
        old, new = word(found, "old"), word(found, "new")
        for place in self.places.values():
            place.names = {new if name == old else name: None for name in place.names}
        if old == self.me:
            self.me = new

    def _learn_rooms(self, found: Mapping[str, Any]) -> None:
        self.known = dict.fromkeys([*self.places, *(word(row, "room") for row in rows(found, "channels"))])

    def _lose(self, found: Mapping[str, Any]) -> None:
        self._unread = {place.room: place.unread for place in self.places.values()}
        self._empty(found)

    def _empty(self, _found: Mapping[str, Any]) -> None:
        self.places.clear()
        self.room = ""

    def _count(self, place: Place, found: Mapping[str, Any]) -> None:
        count = found.get("count")
        place.count = count if isinstance(count, int) else len(place.names)

    def _count_talk(self, found: Mapping[str, Any]) -> bool:
        place = self.places.get(word(found, "room"))
        if place is None or place.room == self.room or found.get("history") is True:
            return False
        place.unread += 1
        return True


_HEARD = {
    "welcome": People._welcome,
    "joined": People._come,
    "parted": People._go,
    "entered": People._enter,
    "left": People._leave,
    "renamed": People._rename,
    "channels": People._learn_rooms,
    "goodbye": People._empty,
    "lost": People._lose,
    "closed": People._empty,
    "gave_up": People._empty,
}


def word(found: Mapping[str, Any], key: str) -> str:
    """Return the string under `key`, empty where there is none."""
    value = found.get(key)
    return value if isinstance(value, str) else ""


def words(found: Mapping[str, Any], key: str) -> list[str]:
    """Return the strings in the list under `key`; what is not a string is left out."""
    value = found.get(key)
    return [entry for entry in value if isinstance(entry, str)] if isinstance(value, list) else []


def rows(found: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """Return the objects in the list under `key`; what is not an object is left out."""
    value = found.get(key)
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
