"""Turns what was posted in a turn into what each person gets: encoded once per dialect, written once per person.

It decides nothing, and knows no socket: a listener takes bytes, and must not close, or call back, while it does.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Container, Sequence
from itertools import accumulate, islice
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

    def __init__(self, turn: Turn, fault: Fault | None = None) -> None:
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
        self._only = next(iter(self.heard)) if len(self.heard) == 1 else None
        self._places = {} if self._only else self._find_places()
        users = [*self._only.members] if self._only else [*self._places]
        lines = sum(len(post.events) for post in self.posts) // max(1, len(self.heard))  # in a room, on average
        size = max(SMALL, min(PART, LINES // (1 + lines)))
        self._parts = deque(users[start : start + size] for start in range(0, len(users), size))
        self._owed: set[User] | None = None  # who is in these parts

    def go_on(self, late: Callable[[], bool] = lambda: False) -> bool:
        """Tell people until all are told, or it is `late`; returns whether all are."""
        self._owed = None
        while self._special or self._parts:
            if self._special:
                for user in tuple(islice(self._special, FEW)):
                    self._tell_special(user, *self._special.pop(user))
            else:
                self._tell(self._parts.popleft())
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
            self._owed = {user for part in self._parts for user in part}
        if user in self._owed:
            self._tell((user,))
            self._apart.add(user)

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

    def _tell(self, users: Sequence[User]) -> None:
        """Tell some of those who are common."""
        apart, only = self._apart, self._only
        shared: dict[object, bytes] = {}
        for user in users:
            if user in apart:
                continue
            listener = user.listener
            try:
                wire = listener.wire
                if only is None:
                    data = self._common(wire, self._places[user]).data
                elif (ready := shared.get(wire.dialect)) is not None:
                    data = ready
                else:
                    data = shared[wire.dialect] = self._common(wire, (only,)).data
                if data:
                    listener.write(data)
            except Exception as error:  # noqa: BLE001 - a try costs nothing where nothing is raised
                self.fault(listener, error)

    def _tell_special(self, user: User, listener: Listener, rooms: tuple[Room, ...]) -> None:
        """Tell someone who is in these rooms, and not common."""
        try:
            data = listener.wire.join(self._put_together(user, listener.wire, rooms))
            if data:
                listener.write(data)
        except Exception as error:  # noqa: BLE001 - this is the fence: his wire, and nobody else's turn
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
