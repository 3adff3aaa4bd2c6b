"""Who is here, in which rooms, and who is told what.

The hub decides and posts; it never sends, and knows neither sockets nor bytes. What it posted in a turn
is taken by whoever tells it to everyone (`take`), in the order in which it was accepted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import islice
from typing import Any, Protocol

from chat import names
from chat.events import (
    Acted,
    Ended,
    Entered,
    Event,
    Left,
    Noted,
    Person,
    Ref,
    Refused,
    Renamed,
    Said,
    Welcomed,
    Whispered,
)

HOST = "Host"
LOBBY = "lobby"
ROSTER = 100  # names that travel with an event about who is here; the count tells how many there are


class Clock(Protocol):
    """`monotonic` for how long, `time` for when; both in seconds."""

    def monotonic(self) -> float: ...
    def time(self) -> float: ...


class Standing(IntEnum):
    """Who may do what to whom: nobody acts on someone of equal or higher standing."""

    GUEST = 1
    HOST = 3


@dataclass(eq=False, slots=True)
class User:
    """Someone present. `listener` is whatever brings events to him; the hub only keeps it."""

    name: str
    key: str
    looks: frozenset[str]
    listener: Any
    standing: Standing
    arrived: float
    address: str = ""
    wire: str = ""
    gone: bool = False
    rooms: dict[Room, None] = field(default_factory=dict)
    room: Room = field(init=False)


@dataclass(eq=False, slots=True)
class Room:
    """A named place; what is said in it is heard by its members."""

    name: str
    title: str
    members: dict[User, None] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class Post:
    """One event and its audience: a room (its author hears his own version), or some people."""

    event: Event
    room: Room | None
    to: tuple[User, ...] = ()
    author: User | None = None
    ref: Ref = None


@dataclass(eq=False, slots=True)
class Span:
    """The part of a turn in which someone was in a room: posts `start` to `end` (None: to the turn's end)."""

    room: Room
    start: int
    end: int | None = None


@dataclass(eq=False, slots=True)
class Turn:
    """What was posted since the last `take`, and who came or went meanwhile."""

    posts: list[Post] = field(default_factory=list)
    moved: dict[User, list[Span]] = field(default_factory=dict)
    gone: list[User] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.posts or self.gone)


class Hub:
    """All people and rooms, and the rules between them. Refusals are raised as `Refused`."""

    def __init__(self, title: str, clock: Clock, first_id: int = 1) -> None:
        self.title = title
        self.clock = clock
        self.closing: str | None = None
        self.lobby = Room(LOBBY, title)
        self.rooms = {LOBBY: self.lobby}
        self.host: User | None = None
        self._users: dict[str, User] = {}
        self._looks: dict[str, User] = {}
        self._id = first_id - 1
        self._turn = Turn()

    # -- who is here

    def __len__(self) -> int:
        return len(self._users)

    def __iter__(self) -> Iterator[User]:
        return iter(self._users.values())

    def find(self, name: str) -> User | None:
        """Return the one here called `name`, compared without case, or None."""
        return self._users.get(names.key(name))

    def get(self, name: str) -> User:
        """Return the one here called `name`; raises Refused `not_here`."""
        user = self.find(name)
        if user is None:
            raise Refused("not_here", f"There is nobody called {name} here.")
        return user

    def people(self, room: Room, but: User | None = None) -> tuple[Person, ...]:
        """Return a row for each member of `room`, in order of arrival."""
        now = self.clock.monotonic()
        return tuple(
            Person(user.name, int(now - user.arrived), tuple(place.name for place in user.rooms))
            for user in room.members
            if user is not but
        )

    def roster(self, room: Room) -> tuple[str, ...]:
        """Return the first `ROSTER` names in `room`, in order of arrival."""
        return tuple(user.name for user in islice(room.members, ROSTER))

    # -- coming and going

    def enter(self, raw: str, listener: Any, *, address: str = "", wire: str = "", ref: Ref = None) -> User:
        """Let someone in under the name `raw`.

        Raises Refused: `name_missing`, `name_bad`, `name_taken`, `name_looks`, `closing`.
        """
        if self.closing is not None:
            raise Refused("closing", self.closing)
        name = names.check(raw)
        looks = self._free(name, None)
        user = User(name, names.key(name), looks, listener, Standing.GUEST, self.clock.monotonic(), address, wire)
        self.note(f"{name} is on line from {address} ({wire}).")
        self._hold(user)
        self._join(user, self.lobby)
        self._post(self._entered(user), room=self.lobby, author=user)
        here = tuple(member.name for member in self.lobby.members)
        self.tell(user, Welcomed(*self.stamp(), LOBBY, self.title, name, here, ref))
        return user

    def seat_host(self, listener: Any, address: str) -> User:
        """Put the host into the lobby, before anybody else; returns him."""
        looks = names.looks(HOST)
        host = User(HOST, names.key(HOST), looks, listener, Standing.HOST, self.clock.monotonic(), address, "console")
        self._hold(host)
        self._join(host, self.lobby)
        self._turn = Turn()
        self.host = host
        return host

    def leave(self, user: User, why: str, reason: str = "") -> None:
        """Let someone go. `why` is for the host's log, `reason` his own word for the others. Twice is harmless."""
        if not self._release(user):
            return
        user.gone = True
        if self.closing is not None:
            return  # everybody is leaving, and has been told so
        self.note(f"{user.name} is off line: {why}.")
        self._depart(user, reason)

    def kick(self, user: User, by: User, reason: str = "") -> None:
        """Put someone out; he and everyone in his rooms are told.

        Raises Refused `yourself`, `not_allowed`, and `not_here` where he is gone already.
        """
        if user is by:
            raise Refused("yourself", f"You are {user.name}, and cannot kick yourself.")
        if user.standing >= by.standing:
            raise Refused("not_allowed", f"{user.name} cannot be kicked by {by.name}.")
        if not self._release(user):
            raise Refused("not_here", f"{user.name} is not here any more.")
        because = f": {reason}" if reason else ""
        self.note(f"{user.name} is off line: kicked by {by.name}{because}.")
        self._post(self._depart(user, reason, kicked=True), to=(user,))
        self.end(user, "kicked", f"You have been kicked out{because}.")

    def end(self, user: User, code: str, text: str) -> None:
        """Say the last word to someone; whoever takes the turn hangs up on him."""
        user.gone = True
        self._post(Ended(*self.stamp(), code, text), to=(user,))
        self._turn.gone.append(user)

    def rename(self, user: User, raw: str, ref: Ref = None) -> None:
        """Give someone another name; all who share a room with him are told.

        Raises Refused as `enter` does, and `not_allowed`.
        """
        if user.standing is Standing.HOST:
            raise Refused("not_allowed", f"{HOST} keeps the name {HOST}.")
        name = names.check(raw)
        if name == user.name:
            raise Refused("name_taken", f"You are {name} already.")
        looks = self._free(name, user)
        old = user.name
        self._release(user)
        user.name, user.key, user.looks = name, names.key(name), looks
        self._hold(user)
        here, count = self.roster(user.room), len(user.room.members)
        event = Renamed(*self.stamp(), old, name, here, count)
        audience = {member: None for room in user.rooms for member in room.members}
        self._post(event, to=tuple(audience), author=user, ref=ref)

    def close(self, text: str) -> None:
        """Say goodbye to everyone but the host; `closing` then says why."""
        self.closing = text
        self.note(text)
        for user in tuple(self._users.values()):
            if user is not self.host:
                self.end(user, "closing", text)

    # -- talking

    def say(self, user: User, text: str, ref: Ref = None) -> None:
        """Say `text` to the room someone is in."""
        room = user.room
        self._post(Said(*self.stamp(), room.name, user.name, text), room, (), user, ref)

    def act(self, user: User, text: str, ref: Ref = None) -> None:
        """Tell the room someone is in what he does."""
        room = user.room
        self._post(Acted(*self.stamp(), room.name, user.name, text), room, (), user, ref)

    def whisper(self, user: User, wanted: Iterable[str], text: str, ref: Ref = None) -> None:
        """Say `text` in private. Raises Refused `not_here` when none of the `wanted` is here, `yourself`."""
        found: dict[User, None] = {}
        away: dict[str, None] = {}
        for name in wanted:
            other = self.find(name)
            if other is None:
                away[name] = None
            else:
                found[other] = None
        if user in found:
            raise Refused("yourself", "You cannot send a private message to yourself.")
        if not found:
            raise Refused("not_here", f"There is nobody called {' or '.join(away)} here; the message was not sent.")
        to = tuple(other.name for other in found)
        event = Whispered(*self.stamp(), user.name, to, text, tuple(away))
        self._post(event, to=(*found, user), author=user, ref=ref)

    # -- telling

    def tell(self, user: User, event: Event) -> None:
        """Tell one person something."""
        self._post(event, to=(user,))

    def stamp(self) -> tuple[int, float]:
        """Return the id and the time for an event made elsewhere."""
        return self._next(), self.clock.time()

    def note(self, text: str) -> None:
        """Write a line on the host's console."""
        if self.host is not None:
            self.tell(self.host, Noted(*self.stamp(), text))

    def take(self) -> Turn:
        """Return what was posted since the last call, and begin a new turn."""
        turn, self._turn = self._turn, Turn()
        return turn

    # -- within

    def _free(self, name: str, owner: User | None) -> frozenset[str]:
        """Return how `name` looks; raises Refused where someone but `owner` holds it or one that looks like it."""
        holder = self._users.get(names.key(name))
        if holder is not None and holder is not owner:
            raise Refused("name_taken", f"The name {name} is taken.")
        looks = names.looks(name)
        for look in looks:
            other = self._looks.get(look)
            if other is not None and other is not owner:
                raise Refused("name_looks", f"The name {name} looks like {other.name}, who is here.")
        return looks

    def _hold(self, user: User) -> None:
        self._users[user.key] = user
        for look in user.looks:
            self._looks[look] = user

    def _release(self, user: User) -> bool:
        """Give the name back; False where it was given back before."""
        if self._users.get(user.key) is not user:
            return False
        del self._users[user.key]
        for look in user.looks:
            del self._looks[look]
        return True

    def _join(self, user: User, room: Room) -> None:
        room.members[user] = None
        user.rooms[room] = None
        user.room = room
        self._turn.moved.setdefault(user, []).append(Span(room, len(self._turn.posts)))

    def _part(self, user: User, room: Room) -> None:
        del room.members[user]
        del user.rooms[room]
        now = len(self._turn.posts)
        spans = self._turn.moved.setdefault(user, [])
        for span in spans:
            if span.room is room and span.end is None:
                span.end = now
                return
        spans.append(Span(room, 0, now))

    def _depart(self, user: User, reason: str, kicked: bool = False) -> Left:
        """Take someone out of all his rooms, tell each, and return the event of the room he was in last."""
        for room in tuple(user.rooms):
            self._part(user, room)
            here, count = self.roster(room), len(room.members)
            left = Left(*self.stamp(), room.name, user.name, reason, kicked, here, count)
            self._post(left, room=room)
        return left

    def _entered(self, user: User) -> Entered:
        room = user.room
        return Entered(*self.stamp(), room.name, user.name, self.roster(room), len(room.members))

    def _next(self) -> int:
        self._id += 1
        return self._id

    def _post(
        self,
        event: Event,
        room: Room | None = None,
        to: tuple[User, ...] = (),
        author: User | None = None,
        ref: Ref = None,
    ) -> None:
        self._turn.posts.append(Post(event, room, to, author, ref))
