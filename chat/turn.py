"""The people and rooms themselves, and one turn's posts about them: plain data, no rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from itertools import islice
from types import MappingProxyType
from typing import Any

from chat.accounts import Account
from chat.events import NOBODY, Event, Identity, Ref, Refused, Whispered
from chat.facts import Sanction
from chat.flow import Bucket
from chat.gate import Gate
from chat.scrollback import CHARACTERS, RECENT, Scrollback
from record import entity, field, record

PRIVATE = 50  # private messages kept for someone who must come back
LONG = CHARACTERS // RECENT  # characters: so many messages of that length are not too much


class Standing(IntEnum):
    """Who may do what to whom: nobody acts on someone of equal or higher standing."""

    GUEST = 1
    OPERATOR = 2
    HOST = 3


@entity
class Notes:
    """What someone keeps for himself: whom he has `blocked` and whom he has `watched`, names by key.

    And `marks`, which say how far he has read, by room or name. An account has the same.
    """

    blocked: dict[str, str] = field(default_factory=dict)
    watched: dict[str, str] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)


NOTHING: Mapping[str, str] = MappingProxyType({})


@entity
class User:
    """Someone present. `listener` is whatever brings events to him; the hub only keeps it.

    `notes` are those of his account where he has one; a guest has none until he takes one. `current` is the room he
    talks in, the last of his `rooms`. Who `roams` may be in no room at all. `arrived` and `active` are monotonic
    seconds. `away` is why he is not at his keyboard, and `modes` holds what he has set for himself (the letters of
    IRC). `muted` keeps him from speaking until it ends; `named` is when he took his name (seconds since 1970 UTC).
    """

    name: str
    key: str
    looks: tuple[str, ...]
    listener: Any
    standing: Standing
    arrived: float
    address: str = ""
    wire: str = ""
    gone: bool = False
    messages: int = 0
    tokens: tuple[bytes, ...] = ()
    private: tuple[Whispered, ...] = ()
    account: Account | None = None
    notes: Notes | Account | None = None
    rooms: tuple[Room, ...] = ()  # a dictionary takes four times as much, and nobody is in many
    current: Room | None = None
    roams: bool = False
    active: float = 0.0
    away: str = ""
    modes: frozenset[str] = frozenset()
    muted: Sanction | None = None
    named: float = 0.0
    who: Identity = NOBODY
    renames: Bucket | None = None  # the other names that he may still take

    @property
    def room(self) -> Room:
        """Return the room he talks in. Raises Refused `no_room` where he is in none."""
        if self.current is None:
            raise Refused("no_room", "You are in no room. /join lobby brings you to where everybody is.")
        return self.current

    @property
    def blocked(self) -> Mapping[str, str]:
        """Return the names of those from whom he hears nothing, by key."""
        return self.notes.blocked if self.notes else NOTHING

    @property
    def watched(self) -> Mapping[str, str]:
        """Return the names of those for whom he waits, by key."""
        return self.notes.watched if self.notes else NOTHING

    @property
    def marks(self) -> Mapping[str, str]:
        """Return how far he has read, by room or name."""
        return self.notes.marks if self.notes else NOTHING

    def noted(self) -> Notes | Account:
        """Return where to note something for him."""
        if self.notes is None:
            self.notes = Notes()
        return self.notes

    def enter(self, room: Room) -> None:
        """Be in `room`, and talk there from now on."""
        self.exit(room)
        self.rooms = (*self.rooms, room)
        self.current = room

    def exit(self, room: Room) -> None:
        """Be in `room` no more, and talk in the one before."""
        self.rooms = tuple([each for each in self.rooms if each is not room])
        self.current = self.rooms[-1] if self.rooms else None

    def shares(self, other: User) -> bool:
        """Return whether both are in some room."""
        return not set(self.rooms).isdisjoint(other.rooms)

    @property
    def mask(self) -> str:
        """Return what masks are compared with."""
        return f"{self.name}!{self.who.ident}@{self.who.host}"

    def remember(self, event: Whispered) -> None:
        """Keep a private message for the case that he must come back."""
        private = (*self.private, event)[-PRIVATE:]
        while len(event.text) > LONG and sum(len(each.text) for each in private) > CHARACTERS:
            private = private[1:]
        self.private = private

    def hears(self, other: User) -> bool:
        """Return whether he has not blocked `other`, by the name now shown or by the registered one."""
        return self.blocked.keys().isdisjoint(other.keys)

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the keys of his names: the one shown, and the registered one."""
        return (self.key, self.account.key) if self.account else (self.key,)


@entity
class Room:
    """A named place; what is said in it is heard by its members. A `lasting` one stays when the last has left."""

    name: str
    title: str
    description: str = ""
    lasting: bool = True
    members: dict[User, None] = field(default_factory=dict)
    scrollback: Scrollback = field(default_factory=Scrollback)
    gate: Gate = field(default_factory=Gate)

    def present(self, most: int) -> tuple[str, ...]:
        """Return the names of those in it, at most `most`, in order of arrival."""
        return tuple(user.name for user in islice(self.members, most))


@record
class Departed:
    """Someone who was on line under this name until then (seconds since 1970 UTC)."""

    name: str
    at: float
    who: Identity


class Watchers:
    """Who waits for whom: the hot lists of those on line, by the key of the name waited for."""

    def __init__(self) -> None:
        self._by_key: dict[str, dict[User, None]] = {}

    def of(self, key: str) -> tuple[User, ...]:
        """Return those who wait for the name with this key."""
        return tuple(self._by_key.get(key, ()))

    def add(self, user: User, key: str) -> None:
        """Let `user` wait for it."""
        self._by_key.setdefault(key, {})[user] = None

    def remove(self, user: User, key: str) -> None:
        """Let him wait no more."""
        waiting = self._by_key.get(key, {})
        waiting.pop(user, None)
        if not waiting:
            self._by_key.pop(key, None)


NOBODY_DEAF: frozenset[User] = frozenset()


@entity
class Post:
    """Events and their audience: a room (their author hears his own version) or some people, but not the `deaf`.

    There is one, or what one person has said to a room in one go; `ref` is that of one.
    """

    events: Sequence[Event]
    room: Room | None
    to: tuple[User, ...] = ()
    author: User | None = None
    ref: Ref = None
    deaf: frozenset[User] = NOBODY_DEAF

    @property
    def event(self) -> Event:
        """Return the first one."""
        return self.events[0]


@entity
class Span:
    """The part of a turn in which someone was in a room: posts `start` to `end` (None: to the turn's end)."""

    room: Room
    start: int
    end: int | None = None


@entity
class Turn:
    """What was posted since the last `take`, who came or went meanwhile, and what is to be kept for good.

    `lasts` where somebody keeps it: then authors are told only when that is done.
    """

    posts: list[Post] = field(default_factory=list)
    moved: dict[User, list[Span]] = field(default_factory=dict)
    since: dict[User, int] = field(default_factory=dict)
    gone: list[User] = field(default_factory=list)
    lasts: bool = False
    facts: list[Any] = field(default_factory=list)
    when_kept: list[Callable[[], None]] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Return whether there is anything to tell or to keep."""
        return bool(self.posts or self.facts or self.when_kept)

    def audience(self, most: int) -> set[User] | None:
        """Return who is told something, or hears where that is done; None where these are more than `most`."""
        found = {*self.moved, *self.since}
        for post in self.posts:
            found.update(post.to)
            if post.author is not None:
                found.add(post.author)
            if post.room is not None:
                if len(post.room.members) > most:
                    return None
                found.update(post.room.members)
            if len(found) > most:
                return None
        return found

    def came(self, user: User, room: Room) -> None:
        """Take note that someone hears `room` from now on."""
        self.moved.setdefault(user, []).append(Span(room, len(self.posts)))

    def went(self, user: User, room: Room) -> None:
        """Take note that someone hears `room` no more."""
        spans = self.moved.setdefault(user, [])
        for span in spans:
            if span.room is room and span.end is None:
                span.end = len(self.posts)
                return
        spans.append(Span(room, 0, len(self.posts)))
