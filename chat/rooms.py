"""The rooms there are, by name. Knows who may be in how many, and tells nobody."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from chat.events import Refused
from chat.turn import Room

LOBBY = "lobby"
MOST = 500
PER_PERSON = 20
_NAME = re.compile(r"[^\W_][\w-]{0,31}")


def key(name: str) -> str:
    """Return what is equal for names of the same room."""
    return name.removeprefix("#").casefold()


class Rooms:
    """All rooms; the lobby is always there, and `fixed` rooms are the only ones."""

    def __init__(self, lobby_title: str, lasting: Iterable[Room] = (), fixed: bool = False) -> None:
        self.lobby = Room(LOBBY, lobby_title)
        self.fixed = fixed
        self._rooms: dict[str, Room] = {LOBBY: self.lobby}
        for room in lasting:
            self._rooms.setdefault(key(room.name), room)

    def __iter__(self) -> Iterator[Room]:
        return iter(self._rooms.values())

    def get(self, name: str) -> Room:
        """Return the room called `name`, in any case; raises Refused `no_room`."""
        room = self._rooms.get(key(name))
        if room is None:
            raise Refused("no_room", f"There is no room called {name}. /channels lists them.")
        return room

    def get_or_make(self, name: str) -> Room:
        """Return the room called `name`, made now if need be. Raises Refused `no_room`, `room_bad`, `too_many`."""
        found = self._rooms.get(key(name))
        if found is not None or self.fixed:
            return found or self.get(name)
        name = name.removeprefix("#")
        if not _NAME.fullmatch(name):
            raise Refused("room_bad", "A room's name has 1 to 32 letters, digits, - and _; the first is no sign.")
        if len(self._rooms) >= MOST:
            raise Refused("too_many", f"There are {MOST} rooms already, and no more can be made.")
        return self._rooms.setdefault(key(name), Room(key(name), name, lasting=False))

    def drop_if_empty(self, room: Room) -> None:
        """Forget a room of users' own when nobody is in it."""
        if not room.members and not room.lasting:
            self._rooms.pop(key(room.name), None)
