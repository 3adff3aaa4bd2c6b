"""Who hears a room, sorted by dialect: found once, and again when somebody has come, gone, or changed his dialect.

It writes nothing. To look a person up costs as much as all the rest that is done for him in Python, for what is known
of a thousand people is in no cache; so whoever tells them something walks along the ways to them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from chat.turn import Room, Turn, User
from wires.wire import Wire, dialects


class Way(Protocol):
    """What takes bytes to one person; it must not close, or call back, while it does."""

    def write(self, data: bytes) -> None: ...


class Group:
    """Those who speak one dialect: one of their wires, and the ways to all of them."""

    __slots__ = ("dialect", "ways", "wire")

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.dialect = wire.dialect
        self.ways: list[Way] = []


Crowd = Mapping[object, Group]


def by_dialect(users: Iterable[User]) -> Crowd:
    """Return these people by dialect."""
    found: dict[object, Group] = {}
    for user in users:
        listener = user.listener
        wire = listener.wire
        group = found.get(wire.dialect)
        if group is None:
            group = found[wire.dialect] = Group(wire)
        group.ways.append(listener.way)
    return found


class Crowds:
    """The crowds of the rooms in which something is said. Who has lost his connection may still be in one."""

    def __init__(self) -> None:
        self._found: dict[Room, Crowd] = {}
        self._changes = dialects.changes

    def of(self, room: Room) -> Crowd:
        """Return who hears `room`; it is not changed any more."""
        crowd = self._found.get(room)
        if crowd is None:
            crowd = self._found[room] = by_dialect(room.members)
        return crowd

    def forget(self, turn: Turn) -> None:
        """Forget the rooms in which somebody is other than before, as he came, went, or came back in `turn`."""
        if self._changes != dialects.changes:
            self._changes = dialects.changes
            self._found.clear()
        for spans in turn.moved.values():
            for span in spans:
                self._found.pop(span.room, None)
        for user in turn.since:
            for room in user.rooms:
                self._found.pop(room, None)
