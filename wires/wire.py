"""The base of every wire, and what line wires share: cutting a stream into lines, and the time stamp.

A wire belongs to one connection. Wires with the same `dialect` write an event with the same bytes, so an event
is encoded once for all of them. A wire in use that takes another one counts that in `dialects`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import ClassVar

from chat.changes import Announced, Described, Inviting, Moded, Slowed
from chat.events import Event, Left, Ref, Renamed, Wish
from chat.limits import Limits, ledger

LINE = Limits().line  # bytes in a line where nobody has set another limit
CHANGES = (Renamed, Described, Moded, Inviting, Left, Announced, Slowed)
"""What whoever did it is told as everybody is: it is no news of his words, but of the room or of his name."""


class Dialects:
    """Counts how often one of the wires in use has changed its dialect: who has sorted people by it does it again."""

    changes = 0


dialects = Dialects()


class Wire:
    """One connection's format. `receive` never raises for what a peer sent: it yields a `Refused` instead."""

    name: ClassVar[str]
    pings: ClassVar[bool] = False
    """The client answers `Pinged` by itself."""
    plain_names: ClassVar[bool] = False
    """A line typed before the login is the name, and someone silent may be a person who waits to be asked."""
    acknowledges: ClassVar[bool] = False
    """The author of a message is told when it is kept for good."""
    echoes: ClassVar[bool] = True
    """`own` has a word for what one has said to a room."""
    brief: ClassVar[bool] = False
    """Its part comes before the login, and has to be done in a shorter time."""
    patience: float | None = None
    """Seconds after which `pause` is asked also of someone who is logged in; None for never."""
    reports: ClassVar[bool] = False
    """The client says by itself, now and then, that it is there: who is silent for long is gone."""
    single: ClassVar[bool] = False
    """One try: who is not let in is forgotten, and comes anew."""
    joins: ClassVar[bool] = True
    """Who comes this way comes into the lobby; else he joins what he likes."""
    personal: ClassVar[bool] = False
    """What is told to one person names him: it is encoded for each."""
    over = False
    """The wire is done with this connection: flush and hang up."""
    why = ""
    """Why it is over, where the host should know."""
    reloads = False
    """It is over, but whoever was there may be back in a moment: a browser loads a page anew as it closes one."""
    successor: Wire | None = None
    """The wire that goes on from here, first with `rest`: this one has done its part."""
    rest = b""

    dialect: object
    """What all wires that write the same bytes have in common."""

    _replies: tuple[bytes, ...] = ()

    def __init_subclass__(cls) -> None:
        if "dialect" not in vars(cls):
            cls.dialect = cls

    def receive(self, data: bytes) -> Iterator[Wish]:
        """Yield what `data`, and what was kept from before, ask for."""
        raise NotImplementedError

    def pause(self, asked: bool) -> Iterator[Wish]:
        """Yield what is complete because nothing followed it for half a second. `asked`: a person was asked for it."""
        yield from ()

    @property
    def unfinished(self) -> bool:
        """Return whether the beginning of something waits for its end."""
        return False

    def encode(self, event: Event) -> bytes:
        """Return the bytes of `event`, empty where this wire has no word for it."""
        raise NotImplementedError

    def encode_all(self, events: Sequence[Event]) -> bytes:
        """Return the bytes of several events of one kind, of one person, to one room, with nothing between them."""
        return b"".join([self.encode(event) for event in events])

    def own(self, event: Event, ref: Ref) -> bytes:
        """Return what the author of `event` gets instead of it. `ref` is that of his request."""
        return b""

    def acknowledge(self, event: Event, ref: Ref) -> bytes:
        """Return what the author of `event` gets once it is kept for good."""
        return b""

    def join(self, pieces: list[bytes]) -> bytes:
        """Return, in one piece, what this person alone gets in this turn."""
        return b"".join(pieces)

    def replies(self) -> bytes:
        """Return, once, what the wire itself has to say to its peer."""
        if not self._replies:
            return b""
        said, self._replies = b"".join(self._replies), ()
        return said


class Lines:
    """Cuts a stream at LF. A line of more than `limit` bytes, its end not counted, is dropped whole: it is None."""

    __slots__ = ("_dropping", "_name", "limit", "pieces", "rest")

    def __init__(self, limit: int = 0, name: str = "line") -> None:
        self.limit = limit or ledger.limits.line
        self._name = name  # as LIMITS counts it
        self.rest = b""
        self.pieces = 0  # in how many parts the rest came
        self._dropping = False

    @property
    def unfinished(self) -> bool:
        """Return whether a line has begun and not ended."""
        return bool(self.rest) or self._dropping

    def cut(self, data: bytes) -> list[bytes | None]:
        """Return the lines that `data` completes, without their ends (LF or CRLF)."""
        if b"\n" not in data:
            self._keep(self.rest + data)
            return []
        whole = self.rest + data
        *lines, rest = whole.split(b"\n")
        if self._dropping:
            lines[0] = b""  # the tail of what is dropped
        found: list[bytes | None] = [*lines]
        if b"\r" in whole or max(map(len, lines)) > self.limit:
            found = [self._whole(line) for line in lines]
        if self._dropping:
            ledger.hit(self._name)
            found[0] = None
            self._dropping = False
        self.pieces = 0
        self._keep(rest)
        return found

    def block(self, data: bytes) -> bytes | None:
        """Return the lines that `data` completes in one, LF between them; None where `cut` has to look at each."""
        end = data.rfind(b"\n")
        if end < 0 or self._dropping:
            return None
        lines = self.rest + data[:end]
        if b"\r" in lines:
            lines = lines.replace(b"\r\n", b"\n").removesuffix(b"\r")
        if not _fits(lines, self.limit):
            return None
        self.pieces = 0
        self._keep(data[end + 1 :])
        return lines

    def take_rest(self) -> bytes:
        """Return what came without an end, and forget it."""
        rest, self.rest = self.rest, b""
        self.pieces = 0
        return rest

    def forgive(self) -> bool:
        """End the over-long line that is being dropped, and return whether there was one."""
        dropping, self._dropping = self._dropping, False
        return dropping

    def _whole(self, line: bytes) -> bytes | None:
        if line.endswith(b"\r"):
            line = line[:-1]
        if len(line) > self.limit:
            ledger.hit(self._name)
            return None
        return line

    def _keep(self, rest: bytes) -> None:
        """Keep what has no end yet; one byte more than the limit, since it may be the CR of an end."""
        if self._dropping or len(rest) > self.limit + 1:
            self._dropping = True
            rest = b""
        self.pieces += 1
        self.rest = rest


def _fits(lines: bytes, limit: int) -> bool:
    """Return whether no line is longer than that, with a look at each stretch of that length, not at each line."""
    begin = 0
    while len(lines) - begin > limit:
        begin = lines.rfind(b"\n", begin, begin + limit + 1) + 1
        if not begin:
            return False
    return True


def stamp(at: float) -> str:
    """Return `[HH:MM:SS]`, local time."""
    return _stamp(int(at))


@lru_cache(maxsize=4)  # made once a second, not once a message
def _stamp(second: int) -> str:
    return time.strftime("[%H:%M:%S]", time.localtime(second))
