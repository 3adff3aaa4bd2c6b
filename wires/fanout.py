"""Turns what was posted in a turn into what each person gets: encoded once per dialect, written once per person.

It decides nothing, and knows no socket: a listener takes bytes, and must not close, or call back, while it does.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Container, Sequence
from itertools import accumulate
from typing import Protocol

from chat.events import Acted, Event, Said
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
    who hear the same rooms share one bytes object. An author gets the same bytes with his own words cut out of them,
    and so does whoever is told something in private; only for those who came or went the pieces are put together one
    by one. A piece is a *stretch*: posts in a row that differ in their text alone.
    """

    def __init__(self, turn: Turn, fault: Fault) -> None:
        self.fault = fault
        self.posts = turn.posts
        self.since = turn.since
        self.moved = turn.moved
        self.lasts = turn.lasts
        self.stretches: list[_Stretch] = []
        self.heard: dict[Room, list[int]] = {}
        self.private: dict[User, list[int]] = {}
        self.authored: dict[User, list[int]] = {}
        self.deaf: dict[User, list[int]] = {}
        self._pieces: dict[tuple[object, int], bytes] = {}
        self._shared: dict[tuple[object, tuple[Room, ...]], _Joined] = {}
        self._cut(_ends(turn) if turn.moved or turn.since else frozenset())
        for index, stretch in enumerate(self.stretches):
            self._sort(index, stretch)

    def run(self) -> None:
        moved = {user for user in self.moved if not user.gone}  # whose connection has broken hears nothing any more
        special = self.private.keys() | self.authored.keys() | self.deaf.keys() | self.since.keys() | moved
        for user in special:
            try:
                self._tell_special(user)
            except Exception as error:  # noqa: BLE001 - this is the fence: his wire, and nobody else's turn
                self.fault(user.listener, error)
        told: set[User] = set()
        for room in self.heard:
            shared: dict[object, bytes] = {}
            for user in room.members:
                if user in special:
                    continue
                listener = user.listener
                try:
                    wire = listener.wire
                    if len(user.rooms) > 1:
                        if user in told:
                            continue
                        told.add(user)
                        data = self._common(wire, self._places(user)).data
                    elif (ready := shared.get(wire.dialect)) is not None:
                        data = ready
                    else:
                        data = shared[wire.dialect] = self._common(wire, (room,)).data
                    if data:
                        listener.write(data)
                except Exception as error:  # noqa: BLE001 - a try costs nothing where nothing is raised
                    self.fault(listener, error)

    def acknowledgements(self) -> Acknowledgements:
        found: Acknowledgements = []
        for user, indexes in self.authored.items():
            wire = user.listener.wire
            if wire.acknowledges:
                mine = [post for index in indexes for post in self._posts(index)]
                try:
                    data = b"".join([wire.acknowledge(event, post.ref) for post in mine for event in post.events])
                except Exception as error:  # noqa: BLE001 - as above
                    self.fault(user.listener, error)
                    continue
                if data:
                    found.append((user.listener, data))
        return found

    # -- sorting

    def _cut(self, ends: Container[int]) -> None:
        """Find the stretches. What is told to some people is one of its own: it may be encoded for each of them."""
        found, last = self.stretches, None
        for index, post in enumerate(self.posts):
            if (
                last is not None
                and post.author is last.author
                and post.room is last.room is not None
                and type(post.events[0]) is type(last.events[0])
                and not (post.to or last.to or index in ends)
                and post.deaf == last.deaf
            ):
                continue
            if last is not None:
                found[-1].end = index
            found.append(_Stretch(post, index, 0))
            last = post
        found[-1].end = len(self.posts)

    def _sort(self, index: int, stretch: _Stretch) -> None:
        post = stretch.first
        if post.room is not None:
            self.heard.setdefault(post.room, []).append(index)
        for user in post.to:
            self.private.setdefault(user, []).append(index)
        if post.author is not None:
            self.authored.setdefault(post.author, []).append(index)
        for user in post.deaf:
            self.deaf.setdefault(user, []).append(index)

    # -- bytes

    def _posts(self, index: int) -> list[Post]:
        stretch = self.stretches[index]
        return self.posts[stretch.start : stretch.end]

    def _events(self, index: int) -> Sequence[Event]:
        posts = self._posts(index)
        return posts[0].events if len(posts) == 1 else [event for post in posts for event in post.events]

    def _piece(self, wire: Wire, index: int) -> bytes:
        post = self.stretches[index].first
        if post.room is None and (wire.personal or len(post.to) == 1):  # not kept: a welcome names all who are here
            return wire.encode(post.event)
        key = (wire.dialect, index)
        piece = self._pieces.get(key)
        if piece is None:
            piece = self._pieces[key] = wire.encode_all(self._events(index))
        return piece

    def _own(self, wire: Wire, index: int) -> bytes:
        """Return what the author gets instead."""
        echoes = wire.echoes or not isinstance(self.stretches[index].first.event, (Said, Acted))
        acknowledges = wire.acknowledges and not self.lasts
        pieces: list[bytes] = []
        for post in self._posts(index) if echoes or acknowledges else ():
            for event in post.events:
                pieces.append(wire.own(event, post.ref) if echoes else b"")
                pieces.append(wire.acknowledge(event, post.ref) if acknowledges else b"")
        return b"".join(pieces)

    def _common(self, wire: Wire, rooms: tuple[Room, ...]) -> _Joined:
        """Return everything that was posted to `rooms`."""
        key = (wire.dialect, rooms)
        joined = self._shared.get(key)
        if joined is None:
            indexes = (
                self.heard[rooms[0]] if len(rooms) == 1 else sorted({i for room in rooms for i in self.heard[room]})
            )
            joined = self._shared[key] = _Joined(indexes, [self._piece(wire, index) for index in indexes])
        return joined

    # -- special people

    def _places(self, user: User) -> tuple[Room, ...]:
        """Return in which of someone's rooms something was posted."""
        return tuple([room for room in user.rooms if room in self.heard])

    def _tell_special(self, user: User) -> None:
        wire = user.listener.wire
        deaf = self.deaf.get(user, ())
        if user in self.moved or user in self.since:
            mine = frozenset(self.authored.get(user, ()))
            pieces = [
                self._own(wire, index) if index in mine else self._piece(wire, index)
                for index in self._spanned(user)
                if index not in deaf
            ]
        else:
            common = self._common(wire, self._places(user))
            changed = self._changed(user, common)
            changed.update(dict.fromkeys(deaf, b""))
            pieces = common.but(changed)
        data = wire.join(pieces)
        if data:
            user.listener.write(data)

    def _changed(self, user: User, common: _Joined) -> dict[int, bytes]:
        """Return what someone gets that others do not: in its order, for a wire may remember what it has written."""
        wire, private = user.listener.wire, frozenset(self.private.get(user, ()))
        mine = [index for index in self.authored.get(user, ()) if index in private or common.has(index)]
        if not private:
            return {index: self._own(wire, index) for index in mine}
        own = frozenset(mine)
        return {
            index: self._own(wire, index) if index in own else self._piece(wire, index)
            for index in sorted(private | own)
        }

    def _spanned(self, user: User) -> list[int]:
        """Return what was told to someone, and to the rooms he was in while it was posted."""
        spans = self.moved.get(user, [])
        changed = {span.room for span in spans}
        whole = [Span(room, 0) for room in user.rooms if room not in changed]
        found = set(self.private.get(user, ()))
        for span in (*whole, *spans):
            end = len(self.posts) if span.end is None else span.end
            found.update(i for i in self.heard.get(span.room, ()) if span.start <= self.stretches[i].start < end)
        since = self.since.get(user, 0)  # he has come back in this turn: what was before is in what he missed
        return sorted(index for index in found if self.stretches[index].start >= since)


class _Stretch:
    """Posts `start` to `end`, in which one person goes on talking to one room; for everything else, one post."""

    __slots__ = ("end", "first", "start")

    def __init__(self, first: Post, start: int, end: int) -> None:
        self.first = first
        self.start = start
        self.end = end


class _Joined:
    """The stretches `indexes` as one bytes object, and where in it each begins."""

    __slots__ = ("_begins", "_indexes", "data")

    def __init__(self, indexes: list[int], pieces: list[bytes]) -> None:
        self.data = b"".join(pieces)
        self._indexes = indexes
        self._begins = [0, *accumulate(map(len, pieces))]

    def has(self, index: int) -> bool:
        """Return whether this stretch is in it."""
        at = bisect_left(self._indexes, index)
        return at < len(self._indexes) and self._indexes[at] == index

    def but(self, changed: dict[int, bytes]) -> list[bytes]:
        """Return the pieces of what someone gets for whom some stretches are different, or more."""
        pieces: list[bytes] = []
        done = 0
        for index in sorted(changed):
            at = bisect_left(self._indexes, index)
            pieces += self.data[done : self._begins[at]], changed[index]
            done = self._begins[at + self.has(index)]
        return [*pieces, self.data[done:]]


def _ends(turn: Turn) -> Container[int]:
    """Return where somebody came or went: what was posted before and after it is not one stretch."""
    spans = [span for spans in turn.moved.values() for span in spans]
    return {
        *turn.since.values(),
        *(span.start for span in spans),
        *(span.end for span in spans if span.end is not None),
    }
