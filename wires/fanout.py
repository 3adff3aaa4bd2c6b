"""Turns what was posted in a turn into what each person gets: encoded once per dialect, written once per person.

It decides nothing, and knows no socket: a listener takes bytes, and must not close, or call back, while it does.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import Protocol

from chat.turn import Post, Room, Span, Turn, User
from wires.wire import Wire


class Listener(Protocol):
    """Someone who hears: a wire to encode with, and a way to write."""

    wire: Wire

    def write(self, data: bytes) -> None: ...


Acknowledgements = list[tuple[Listener, bytes]]
Fault = Callable[[Listener, Exception], None]
"""What to do where somebody could not be told; it must wait with that until all the others have been."""


def deliver(turn: Turn, fault: Fault | None = None) -> Acknowledgements:
    """Write each person what is new for him, in the order in which it was posted.

    Returns the acknowledgements to write once the turn is kept for good. Where nothing is, they stand in their place.
    An exception in one person's wire is handed to `fault`, and costs nobody else a word; without `fault` it is raised.
    """
    if not turn.posts:
        return []
    delivery = _Delivery(turn, fault or _raise)
    delivery.run()
    return delivery.acknowledgements() if turn.lasts else []


def _raise(listener: Listener, error: Exception) -> None:
    raise error


class _Delivery:
    """One turn on its way out.

    Most people are *common*: no author, nothing private, neither came nor went, deaf to nobody. Those of one dialect
    who hear the same rooms share one bytes object. For the others the pieces are put together one by one.
    """

    def __init__(self, turn: Turn, fault: Fault) -> None:
        self.fault = fault
        self.posts = turn.posts
        self.since = turn.since
        self.moved = turn.moved
        self.lasts = turn.lasts
        self.deaf: set[User] = set()
        self.heard: dict[Room, list[int]] = {}
        self.private: dict[User, list[int]] = {}
        self.authored: dict[User, list[int]] = {}
        self._pieces: dict[object, list[bytes | None]] = {}
        self._shared: dict[tuple[object, tuple[Room, ...]], bytes] = {}
        for index, post in enumerate(turn.posts):
            self._sort(index, post)

    def run(self) -> None:
        special = self.private.keys() | self.authored.keys() | self.moved.keys() | self.deaf | self.since.keys()
        for user in special:
            try:
                self._tell_special(user)
            except Exception as error:  # noqa: BLE001 - this is the fence: his wire, and nobody else's turn
                self.fault(user.listener, error)
        rooms = tuple(self.heard)
        for room in rooms:
            shared: dict[object, bytes] = {}
            for user in room.members:
                if user in special:
                    continue
                if len(user.rooms) > 1 and not self._is_first(user, room, rooms):
                    continue
                listener = user.listener
                try:
                    dialect = listener.wire.dialect
                    if len(user.rooms) > 1:
                        data = self._common(listener.wire, tuple(place for place in rooms if place in user.rooms))
                    elif dialect in shared:
                        data = shared[dialect]
                    else:
                        data = shared[dialect] = self._common(listener.wire, (room,))
                    if data:
                        listener.write(data)
                except Exception as error:  # noqa: BLE001 - a try costs nothing where nothing is raised
                    self.fault(listener, error)

    def acknowledgements(self) -> Acknowledgements:
        found: Acknowledgements = []
        for user, indexes in self.authored.items():
            wire = user.listener.wire
            if wire.acknowledges:
                mine = (self.posts[index] for index in indexes)
                try:
                    data = b"".join([wire.acknowledge(post.event, post.ref) for post in mine])
                except Exception as error:  # noqa: BLE001 - as above
                    self.fault(user.listener, error)
                    continue
                if data:
                    found.append((user.listener, data))
        return found

    def _sort(self, index: int, post: Post) -> None:
        if post.room is not None:
            self.heard.setdefault(post.room, []).append(index)
        for user in post.to:
            self.private.setdefault(user, []).append(index)
        if post.author is not None:
            self.authored.setdefault(post.author, []).append(index)
        self.deaf |= post.deaf

    @staticmethod
    def _is_first(user: User, room: Room, rooms: tuple[Room, ...]) -> bool:
        return next(place for place in rooms if place in user.rooms) is room

    def _piece(self, wire: Wire, index: int) -> bytes:
        if wire.personal and self.posts[index].room is None:
            return wire.encode(self.posts[index].event)
        pieces = self._pieces.get(wire.dialect)
        if pieces is None:
            pieces = self._pieces[wire.dialect] = [None] * len(self.posts)
        piece = pieces[index]
        if piece is None:
            piece = pieces[index] = wire.encode(self.posts[index].event)
        return piece

    def _common(self, wire: Wire, rooms: tuple[Room, ...]) -> bytes:
        """Return the bytes of everything that was posted to `rooms`."""
        key = (wire.dialect, rooms)
        data = self._shared.get(key)
        if data is None:
            indexes = self.heard[rooms[0]] if len(rooms) == 1 else sorted(i for room in rooms for i in self.heard[room])
            data = self._shared[key] = b"".join([self._piece(wire, index) for index in indexes])
        return data

    def _tell_special(self, user: User) -> None:
        wire = user.listener.wire
        mine = set(self.authored.get(user, ()))
        indexes = {*self.private.get(user, ()), *self._spanned(user)}
        since = self.since.get(user)
        if since is not None:  # he has come back in this turn: what was before is in what he missed
            indexes = {index for index in indexes if index >= since}
        if user in self.deaf:
            indexes = {index for index in indexes if user not in self.posts[index].deaf}
        data = wire.join([
            self._own(wire, index) if index in mine else self._piece(wire, index) for index in sorted(indexes)
        ])  # fmt: skip
        if data:
            user.listener.write(data)

    def _own(self, wire: Wire, index: int) -> bytes:
        post = self.posts[index]
        own = wire.own(post.event, post.ref)
        return own if self.lasts else own + wire.acknowledge(post.event, post.ref)

    def _spanned(self, user: User) -> Iterator[int]:
        """Yield the posts of the rooms someone was in while they were posted."""
        spans = self.moved.get(user, [])
        changed = {span.room for span in spans}
        whole = [Span(room, 0) for room in user.rooms if room not in changed]
        for span in (*whole, *spans):
            indexes = self.heard.get(span.room, [])
            end = len(self.posts) if span.end is None else span.end
            yield from indexes[bisect_left(indexes, span.start) : bisect_left(indexes, end)]
