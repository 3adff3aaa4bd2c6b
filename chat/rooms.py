"""The rooms there are, by name. Knows who may be in how many, and tells nobody."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from chat.events import Acted, Refused, Said, Whispered
from chat.limits import Limits, ledger
from chat.scrollback import Scrollback
from chat.turn import Room

LOBBY = "lobby"
MOST = Limits().rooms
PER_PERSON = Limits().rooms_per_person
Past = Iterable[Said | Acted]
_NAME = r"[^\W_][\w-]{0,31}"


def key(name: str) -> str:
    """Return what is equal for names of the same room."""
    return "-".join(name.removeprefix("#").casefold().split())


class Rooms:
    """All rooms; the lobby is always there, and `fixed` rooms are the only ones."""

    def __init__(
        self,
        lobby_title: str,
        lasting: Iterable[Room] = (),
        fixed: bool = False,
        past: Mapping[str, Past] | None = None,
    ) -> None:
        self._past = {name: Scrollback(events) for name, events in (past or {}).items()}
        self.lobby = Room(LOBBY, lobby_title, scrollback=self._recall(LOBBY))
        self.fixed = fixed
        self._rooms: dict[str, Room] = {LOBBY: self.lobby}
        for room in lasting:
            room.scrollback = self._recall(room.name)
            self._rooms.setdefault(key(room.name), room)

    def __iter__(self) -> Iterator[Room]:
        return iter(self._rooms.values())

    def has(self, name: str) -> bool:
        """Return whether there is a room called `name`, in any case."""
        return key(name) in self._rooms

    def get(self, name: str) -> Room:
        """Return the room called `name`, in any case; raises Refused `no_room`."""
        room = self._rooms.get(key(name))
        if room is None:
            raise Refused("no_room", f"There is no room called {name}. /channels lists them.")
        return room

    def split(self, name: str, rest: str) -> tuple[str, str]:
        """Return a room's name and what follows it, of what was typed: a title may have a blank in it."""
        title = f"{name} {rest}"
        return (title, "") if rest and key(title) in self._rooms else (name, rest)

    def get_or_make(self, name: str) -> Room:
        """Return the room called `name`, made now if need be. Raises Refused `no_room`, `room_bad`, `too_many`."""
        found = self._rooms.get(key(name))
        if found is not None or self.fixed:
            return found or self.get(name)
        name = name.removeprefix("#")
        if not (re.fullmatch(_NAME, name) and re.fullmatch(_NAME, key(name))):
            raise Refused("room_bad", "A room's name has 1 to 32 letters, digits, - and _; the first is no sign.")
        if len(self._rooms) >= ledger.limits.rooms:
            ledger.hit("rooms")
            raise Refused("too_many", f"There are {ledger.limits.rooms} rooms already, and no more can be made.")
        made = Room(key(name), name, lasting=False, scrollback=self._recall(key(name)))
        return self._rooms.setdefault(key(name), made)

    def make(self, title: str, description: str) -> Room:
        """Make a room that stays, or say so of one there is. Raises Refused `room_bad`, `too_many`, `not_allowed`."""
        name = key(title)
        if name == LOBBY:
            raise Refused("not_allowed", "The lobby is always there.")
        if not re.fullmatch(_NAME, name):
            raise Refused("room_bad", "A room's title has 1 to 32 letters, digits, blanks, - and _; the first no sign.")
        room = self._rooms.get(name)
        if room is None:
            if len(self._rooms) >= MOST:
                raise Refused("too_many", f"There are {MOST} rooms already, and no more can be made.")
            room = self._rooms[name] = Room(name, title, scrollback=self._recall(name))
        room.title, room.description, room.lasting = title, description, True
        return room

    def forget(self, event: Said | Acted | Whispered) -> None:
        """Forget something that was said, also in rooms that have ended."""
        for scrollback in (*(room.scrollback for room in self._rooms.values()), *self._past.values()):
            scrollback.remove(event.id)

    def drop_if_empty(self, room: Room) -> None:
        """Forget a room of users' own when nobody is in it."""
        if not room.members and not room.lasting:
            self._rooms.pop(room.name, None)
            self._past[room.name] = room.scrollback
            while len(self._past) > ledger.limits.rooms:
                del self._past[next(iter(self._past))]

    def _recall(self, name: str) -> Scrollback:
        return self._past.pop(name, None) or Scrollback()
