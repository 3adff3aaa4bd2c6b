"""Turns what was posted in a turn into what each person gets: encoded once per dialect, written once per person.

It decides nothing, and knows no socket, only ways that take bytes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Container, Sequence
from itertools import accumulate, islice
from typing import Protocol

from chat.events import Acted, Event, Said
from chat.turn import Post, Room, Span, Turn, User
from wires.crowds import Crowds, Group, Way
from wires.wire import Wire, dialects


class Listener(Protocol):
    """Someone who hears: a wire to encode with, and a way to write."""

    wire: Wire

    @property
    def way(self) -> Way: ...


Acknowledgements = list[tuple[Listener, bytes]]
Fault = Callable[[Listener, Exception], None]
"""What to do where somebody could not be told; it must wait with that until all the others have been."""

Part = list[tuple[Group | Listener, tuple[Room, ...], Sequence[Way]]]
"""Some of those who are to be told: in whose dialect, who hears which rooms, and the ways to them."""


PART = 64  # people to whom is written between two looks at the time, at most
SMALL = 8  # at least, where what they are told is long
LINES = 2_000  # that they are told in all, about
FEW = 4  # of those whose bytes are put together one by one


def _raise(listener: Listener, error: Exception) -> None:
    raise error


class Telling:
    """One turn on its way out: each person is written what is new for him, in the order in which it was posted.

    That may take several turns of the loop, one `go_on` in each; what is told is what it was at the beginning, also to
    those who come and go meanwhile. An exception in one person's wire is handed to `fault`, and costs nobody else a
    word; without `fault` it is raised.

    Most people are *common*: no author, nothing private, neither came nor went, deaf to nobody. Those of one dialect
    who hear the same rooms share one bytes object. An author gets the same bytes with his own words cut out of them,
    and so does whoever is told something in private; only for those who came or went the pieces are put together one
    by one. A piece is a *stretch*: posts in a row that differ in their text alone.
    """

    def __init__(self, turn: Turn, fault: Fault | None = None, crowds: Crowds | None = None) -> None:
        self.fault = fault or _raise
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
        if self.posts:
            self._cut(_ends(turn) if turn.moved or turn.since else frozenset())
        for index, stretch in enumerate(self.stretches):
            self._sort(index, stretch)
        self._special = self._find_special()
        self._apart = set(self._special)  # who is told by himself, or is told no more
        self._skipped = {listener.way for listener, _ in self._special.values()}  # the ways to them
        self._only = next(iter(self.heard)) if len(self.heard) == 1 else None
        self._places = {} if self._only else self._find_places()
        lines = sum(len(post.events) for post in self.posts) // max(1, len(self.heard))  # in a room, on average
        size = max(SMALL, min(PART, LINES // (1 + lines)))
        self._parts = self._divide_room(crowds or Crowds(), size) if self._only else self._divide_places(size)
        self._owed: set[Way] | None = None  # the ways in these parts
        self._changes = dialects.changes

    def go_on(self, late: Callable[[], bool] = lambda: False) -> bool:
        """Tell people until all are told, or it is `late`; returns whether all are."""
        self._owed = None
        while self._special or self._parts:
            if self._special:
                for user in tuple(islice(self._special, FEW)):
                    self._tell_special(user, *self._special.pop(user))
            else:
                if self._changes != dialects.changes:
                    self._set_apart()
                for speaker, rooms, ways in self._parts.popleft():
                    self._tell(speaker.wire, rooms, ways)
            if late():
                break
        return not (self._special or self._parts)

    def bring(self, user: User) -> None:
        """Tell someone now what he is still to be told, for something else is to follow it."""
        special = self._special.pop(user, None)
        if special is not None:
            self._tell_special(user, *special)
        if user in self._apart:
            return
        if self._owed is None:
            self._owed = {way for part in self._parts for _, _, ways in part for way in ways}
        listener = user.listener
        if listener.way in self._owed:
            self._tell(listener.wire, self._rooms(user), (listener.way,))
            self._apart.add(user)
            self._skipped.add(listener.way)

    def bring_authors(self) -> None:
        """Tell all who have said something of it, for their acknowledgements are to follow."""
        for user in self.authored:
            self.bring(user)

    def forget(self, user: User) -> None:
        """Tell someone nothing more of this: he has come back, and is told otherwise what he has missed."""
        self._special.pop(user, None)
        self._apart.add(user)

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
        if post.room is None and (wire.personal or len(post.to) == 1):
            return _for_one(wire, post)
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

    # -- people

    def _find_special(self) -> dict[User, tuple[Listener, tuple[Room, ...]]]:
        """Return those who are not common, with who listens for them, and the rooms in which they are."""
        moved = (user for user in self.moved if not user.gone)  # whose connection has broken hears nothing any more
        deaf = (user for user in self.deaf if not user.gone)
        found = (*moved, *self.since, *self.private, *self.authored, *deaf)
        return {user: (user.listener, tuple(user.rooms)) for user in dict.fromkeys(found)}

    def _find_places(self) -> dict[User, tuple[Room, ...]]:
        """Return in which rooms people are, of those in which something was posted."""
        found: dict[User, tuple[Room, ...]] = {}
        for room in self.heard:
            for user in room.members:
                found[user] = (*found.get(user, ()), room)
        return found

    def _divide_room(self, crowds: Crowds, size: int) -> deque[Part]:
        """Divide those who hear the only room there is: all of one dialect get the same."""
        assert self._only
        rooms = (self._only,)
        return deque(
            [(group, rooms, group.ways[start : start + size])]
            for group in crowds.of(self._only).values()
            for start in range(0, len(group.ways), size)
        )

    def _divide_places(self, size: int) -> deque[Part]:
        """Divide those who hear several rooms, where hardly two get the same."""
        each = iter([(user.listener, rooms, (user.listener.way,)) for user, rooms in self._places.items()])
        return deque(iter(lambda: [*islice(each, size)], []))

    def _rooms(self, user: User) -> tuple[Room, ...]:
        """Return which rooms someone hears, of those in which something was posted."""
        return (self._only,) if self._only else self._places[user]

    def _set_apart(self) -> None:
        """Tell those by themselves who have changed their dialect, and are still to be told what their group is."""
        self._changes = dialects.changes
        owed = {way: group for part in self._parts for group, _, ways in part for way in ways}
        for user in self._only.members if self._only else ():
            listener, group = user.listener, owed.get(user.listener.way)
            if not isinstance(group, Group) or user in self._apart:
                continue
            if group.dialect == listener.wire.dialect:
                group.wire = listener.wire  # it may have been the wire of one who has changed
            else:
                self._special[user] = (listener, self._rooms(user))
                self._apart.add(user)
                self._skipped.add(listener.way)

    def _tell(self, wire: Wire, rooms: tuple[Room, ...], ways: Sequence[Way]) -> None:
        """Tell some of those who are common, and hear `rooms`."""
        try:
            data = self._common(wire, rooms).data
        except Exception as error:  # noqa: BLE001 - this is the fence: their wires, and nobody else's turn
            self._blame(ways, error)
            return
        if not self._skipped.isdisjoint(ways):
            ways = [way for way in ways if way not in self._skipped]
        for way in ways if data else ():
            try:
                way.write(data)
            except Exception as error:  # noqa: BLE001 - a try costs nothing where nothing is raised
                self._blame((way,), error)

    def _blame(self, ways: Sequence[Way], error: Exception) -> None:
        """Hand over those to whom these ways lead."""
        faulty = {*ways} - self._skipped
        for user in tuple(self._only.members if self._only else self._places):
            if user.listener.way in faulty:
                self.fault(user.listener, error)

    def _tell_special(self, user: User, listener: Listener, rooms: tuple[Room, ...]) -> None:
        """Tell someone who is in these rooms, and not common."""
        try:
            data = listener.wire.join(self._put_together(user, listener.wire, rooms))
            if data:
                listener.way.write(data)
        except Exception as error:  # noqa: BLE001 - as above
            self.fault(listener, error)

    def _put_together(self, user: User, wire: Wire, rooms: tuple[Room, ...]) -> list[bytes]:
        deaf = self.deaf.get(user, ())
        if user in self.moved or user in self.since:
            mine = frozenset(self.authored.get(user, ()))
            return [
                self._own(wire, index) if index in mine else self._piece(wire, index)
                for index in self._spanned(user, rooms)
                if index not in deaf
            ]
        common = self._common(wire, tuple([room for room in rooms if room in self.heard]))
        changed = self._changed(user, wire, common)
        changed.update(dict.fromkeys(deaf, b""))
        return common.but(changed)

    def _changed(self, user: User, wire: Wire, common: _Joined) -> dict[int, bytes]:
        """Return what someone gets that others do not: in its order, for a wire may remember what it has written."""
        private = frozenset(self.private.get(user, ()))
        mine = [index for index in self.authored.get(user, ()) if index in private or common.has(index)]
        if not private:
            return {index: self._own(wire, index) for index in mine}
        own = frozenset(mine)
        return {
            index: self._own(wire, index) if index in own else self._piece(wire, index)
            for index in sorted(private | own)
        }

    def _spanned(self, user: User, rooms: tuple[Room, ...]) -> list[int]:
        """Return what was told to someone, and to the rooms he was in while it was posted."""
        spans = self.moved.get(user, [])
        changed = {span.room for span in spans}
        whole = [Span(room, 0) for room in rooms if room not in changed]
        found = set(self.private.get(user, ()))
        for span in (*whole, *spans):
            end = len(self.posts) if span.end is None else span.end
            found.update(i for i in self.heard.get(span.room, ()) if span.start <= self.stretches[i].start < end)
        since = self.since.get(user, 0)  # he has come back in this turn: what was before is in what he missed
        return sorted(index for index in found if self.stretches[index].start >= since)


def _for_one(wire: Wire, post: Post) -> bytes:
    """Encode what is told to one person, or to each anew. Neither is kept: a welcome names all who are here."""
    data = wire.encode(post.event)
    if len(post.to) == 1 and post.author is None:  # an author's is looked at once more, to acknowledge it
        post.events = ()
    return data


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
