"""The rooms there are, by name. Knows who may be in how many, and tells nobody."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping

from chat.events import Acted, Refused, Said
from chat.turn import RECENT, Room

LOBBY = "lobby"
MOST = 500
PER_PERSON = 20
Past = Iterable[Said | Acted]
_NAME = re.compile(r"[^\W_][\w-]{0,31}")


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
        self._past = {name: deque(events, RECENT) for name, events in (past or {}).items()}
        self.lobby = Room(LOBBY, lobby_title, recent=self._recall(LOBBY))
        self.fixed = fixed
        self._rooms: dict[str, Room] = {LOBBY: self.lobby}
        for room in lasting:
            room.recent = self._recall(room.name)
            self._rooms.setdefault(key(room.name), room)

    def __iter__(self) -> Iterator[Room]:
        return iter(self._rooms.values())

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
        if not (_NAME.fullmatch(name) and _NAME.fullmatch(key(name))):
            raise Refused("room_bad", "A room's name has 1 to 32 letters, digits, - and _; the first is no sign.")
        if len(self._rooms) >= MOST:
            raise Refused("too_many", f"There are {MOST} rooms already, and no more can be made.")
        made = Room(key(name), name, lasting=False, recent=self._recall(key(name)))
        return self._rooms.setdefault(key(name), made)

    def keep(self, room: Room) -> Room:
        """Return the room of that name, made now if need be: it lasts, and is called and described so."""
        found = self._rooms.get(room.name)
        if found is None:
            room.recent = self._recall(room.name)
            return self._rooms.setdefault(room.name, room)
        found.lasting, found.title, found.description = True, room.title, room.description
        return found

    def drop_if_empty(self, room: Room) -> None:
        """Forget a room of users' own when nobody is in it."""
        if not room.members and not room.lasting:
            self._rooms.pop(room.name, None)
            self._past[room.name] = room.recent
            while len(self._past) > MOST:
                del self._past[next(iter(self._past))]

    def _recall(self, name: str) -> deque[Said | Acted]:
        return self._past.pop(name, None) or deque(maxlen=RECENT)
