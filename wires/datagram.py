"""UDP channels: one datagram is one message, a 16-bit big-endian code and a text. PROTOCOL.md has the table.

What is to be sent stands in one row, each datagram behind its length in two bytes, so that none are ever merged.
`Door` answers those who are not logged in; `Datagram` is the wire of one who is. They own no socket and no clock.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from enum import IntEnum
from typing import Any

from chat import names
from chat.changes import Announced, Called, Described, Invited, Inviting, Moded, Removed, Slowed
from chat.events import (
    Acted,
    Declined,
    Ended,
    Entered,
    Event,
    Joined,
    Left,
    Listed,
    Mapped,
    Missed,
    Parted,
    Place,
    Recalled,
    Ref,
    Refused,
    Renamed,
    Request,
    Said,
    Seen,
    Told,
    Welcomed,
    Whispered,
)
from chat.limits import ledger
from chat.rooms import LOBBY, key
from chat.text import clean, one_line
from record import replace
from wires import words
from wires.wire import CHANGES, Wire

TEXT = 1_022  # bytes of text in a datagram of ours: the originals read 1,024 with the code
LEAST = 64  # bytes of what is said in a datagram, also where the names before it leave less room
LOGOFF_WAIT = 40.0  # seconds after which a LOGOFF that may be forged counts: clients send STILL_HERE every 30 s
AGAIN = 1.0  # seconds within which the same words, in a datagram of their own, are the same datagram come twice
MANY = 256  # datagrams of which that is remembered

IN_USE = "nickname already in use"
LOG_IN = "please log in"
UNKNOWN = "unimplemented event code"
NO_CHANNEL = "no current channel"
NO_RECIPIENT = "no nickname given for recipient of private message"

Places = Callable[[str], Place]
"""Tells how the room of this name is called now, and how many are in it; also of one that has just ended."""


class Code(IntEnum):
    """What a datagram is."""

    ERROR = 10
    LOGIN_REQ = 20
    LOGIN_ACK = 30
    LOGOFF = 40
    JOIN_REQ = 50
    JOIN_ACK = 60
    PART_REQ = 70
    PART_ACK = 80
    SEND_PUBLIC = 90
    PUBLIC_MSG = 100
    SEND_PRIVATE = 120
    PRIVATE_MSG = 130
    USER_JOINS = 140
    USER_PARTS = 150
    LIST_CHANNELS = 160
    CHANNEL_ITEM = 170
    LIST_USERS = 180
    USER_ITEM = 190
    STILL_HERE = 200


KNOWN = frozenset(Code)
OURS = frozenset({10, 30, 60, 80, 100, 130, 140, 150, 170, 190})
"""Codes that only servers send. They are never answered: two servers would go on for ever."""


def datagram(code: int, text: str = "") -> bytes:
    """Return one datagram."""
    return code.to_bytes(2, "big") + text.encode()


def frame(code: int, text: str = "") -> bytes:
    """Return one datagram behind its length."""
    data = datagram(code, text)
    return len(data).to_bytes(2, "big") + data


def read(data: bytes) -> tuple[int, str]:
    """Return code and text of a datagram; the code is -1 where there is none. Ends of C strings and lines go."""
    code = int.from_bytes(data[:2], "big") if len(data) >= 2 else -1
    return code, data[2:].decode("utf-8", "replace").rstrip("\0\r\n")


class Datagram(Wire):
    """One logged-in sender, or one who is about to be. `now` gives monotonic seconds.

    A LOGOFF counts at once where addresses are `trusted`; elsewhere when nothing has followed it for a while, so that
    a forged one puts out nobody whose client is there.
    """

    name = "udp"
    reports = True
    single = True

    def __init__(self, places: Places, now: Callable[[], float], trusted: bool = True) -> None:
        self.patience = None if trusted else LOGOFF_WAIT
        self._leaving = False
        self._places = places
        self._now = now
        self._nick = ""
        self._heard: dict[int, float] = {}  # the words of the last second, as hashes, and when they came

    def receive(self, data: bytes) -> Iterator[Request | Refused]:
        """Yield the request in a datagram."""
        code, text = read(data)
        if code in OURS or self._is_repeated(code, data):
            return
        self._leaving = code == Code.LOGOFF and self.patience is not None
        if self._leaving:
            return
        if len(data) > ledger.limits.line + 2:
            ledger.hit("line")
            yield Refused("too_long", f"A text has at most {ledger.limits.line} bytes; yours was left out whole.")
        elif code == Code.LOGIN_REQ:
            yield from self._login(text.strip())
        elif code in _READERS:
            yield _READERS[code](text)
        else:
            yield Refused("unknown_command", UNKNOWN)

    @property
    def unfinished(self) -> bool:
        """Return whether a LOGOFF waits to be believed."""
        return self._leaving

    def pause(self, asked: bool) -> Iterator[Request | Refused]:
        """Believe a LOGOFF that nothing has followed."""
        if self._leaving:
            yield Request("quit")

    def encode(self, event: Event) -> bytes:
        """Return the datagrams for the event, each behind its length."""
        write = _WRITERS.get(type(event))
        return write(event, self._places) if write else b""

    def own(self, event: Event, ref: Ref) -> bytes:
        """Return one's own words, which this protocol sends back, and whom a private message did not reach."""
        if isinstance(event, Renamed):
            self._nick = event.new
            return frame(Code.LOGIN_ACK, event.new)
        if isinstance(event, Whispered):
            away = b"".join(frame(Code.ERROR, f"{name}: not logged in") for name in event.away)
            return away + (_host("=", words.delivery(event)) if event.kept else b"")
        return self.encode(event) if isinstance(event, (Said, Acted, *CHANGES)) else b""

    def _is_repeated(self, code: int, data: bytes) -> bool:
        """Return whether these words have just come: networks, and those who listen in them, repeat datagrams."""
        if code not in (Code.SEND_PUBLIC, Code.SEND_PRIVATE):
            return False
        heard, now, mark = self._heard, self._now(), hash(data)
        while heard and (len(heard) > MANY or now - next(iter(heard.values())) >= AGAIN):
            del heard[next(iter(heard))]
        repeated = mark in heard
        heard.setdefault(mark, now)
        return repeated

    def _login(self, text: str) -> Iterator[Request]:
        """Log in; a repeat means that the answer was lost, and gets it again."""
        nick, _, password = text.partition(" ")
        if self._nick and names.key(nick) == names.key(self._nick):
            self._replies += (frame(Code.LOGIN_ACK, self._nick),)
            return
        self._nick = self._nick or nick
        yield Request("login", "", {"name": nick, "password": password.strip()})


# -- requests. What an error is to name travels as the reference of the request.


def _room(verb: str, text: str) -> Request:
    title = clean(one_line(text)).strip()
    return Request(verb, title.replace(" ", "-"), ref=title)


def _public(text: str) -> Request:
    return Request("line" if text.startswith("/") else "say", text)


def _private(text: str) -> Request | Refused:
    nick, _, rest = text.strip().partition(" ")
    if not nick:
        return Refused("missing", NO_RECIPIENT)
    return Request("msg", "", {"to": nick, "text": rest}, clean(one_line(nick)))


_READERS: dict[int, Callable[[str], Request | Refused]] = {
    Code.LOGOFF: lambda text: Request("quit"),
    Code.JOIN_REQ: lambda text: _room("join", text),
    Code.PART_REQ: lambda text: _room("part", text),
    Code.SEND_PUBLIC: _public,
    Code.SEND_PRIVATE: _private,
    Code.LIST_CHANNELS: lambda text: Request("channels"),
    Code.LIST_USERS: lambda text: Request("users"),
    Code.STILL_HERE: lambda text: Request("pong"),
}


# -- events


def title(place: Place) -> str:
    """Return a room's title without blanks, as JOIN_REQ takes it; its name, where the title is another word."""
    word = place.title.replace(" ", "-")
    return word if key(word) == place.room else place.room


def _item(place: Place) -> str:
    return f"{title(place)} {place.count} {one_line(place.description)}".rstrip()


def _split(text: str, most: int) -> Iterator[str]:
    """Yield `text` in parts of at most `most` bytes, cut between characters and not before an accent."""
    while len(text[: most + 1].encode()) > most:
        end = len(text[:most].encode()[:most].decode("utf-8", "ignore"))
        while end > 1 and (unicodedata.combining(text[end]) or "\u200d" in text[end - 1 : end + 1]):
            end -= 1
        yield text[:end]
        text = text[end:]
    yield text


def _message(code: int, head: str, text: str) -> bytes:
    """Return the datagrams for a text of any length, the same `head` before each part."""
    parts = _split(one_line(text), max(LEAST, TEXT - len(head.encode())))
    return b"".join(frame(code, head + part) for part in parts)


def _host(tag: str, text: str) -> bytes:
    """Return an answer for which there is no code: a private message from the host."""
    return b"".join(_message(Code.PRIVATE_MSG, f"Host [{tag}] ", line) for line in text.split("\n"))


def _error(text: str) -> bytes:
    return _message(Code.ERROR, "", text)


def _said(event: Said, places: Places) -> bytes:
    return _message(Code.PUBLIC_MSG, f"{title(places(event.room))} {event.sender} ", event.text)


def _acted(event: Acted, places: Places) -> bytes:
    head = f"{title(places(event.room))} {event.sender} * {event.sender} "
    return _message(Code.PUBLIC_MSG, head, event.text)


def _whispered(event: Whispered, places: Places) -> bytes:
    return _message(Code.PRIVATE_MSG, f"{event.sender} ", event.text)


def _entered(event: Entered, places: Places) -> bytes:
    return frame(Code.USER_JOINS, f"{title(places(event.room))} {event.name}")


def _left(event: Left, places: Places) -> bytes:
    why = _changed(event.room, words.left(event)) if event.by and not event.gone else b""
    return why + frame(Code.USER_PARTS, f"{title(places(event.room))} {event.name}")


def _changed(room: str, what: str) -> bytes:
    return _host("*", words.place(room) + what)


def _renamed(event: Renamed, places: Places) -> bytes:
    lobby = title(places(LOBBY))
    return frame(Code.USER_PARTS, f"{lobby} {event.old}") + frame(Code.USER_JOINS, f"{lobby} {event.new}")


def _joined(event: Joined, places: Places) -> bytes:
    place = Place(event.room, event.title, event.description, len(event.here))
    return _message(Code.JOIN_ACK, "", _item(place))


def _parted(event: Parted, places: Places) -> bytes:
    left, current = replace(places(event.room), title=event.title), places(event.current)
    return _message(Code.PART_ACK, "", _item(left)) + _message(Code.JOIN_ACK, "", _item(current))


def _mapped(event: Mapped, places: Places) -> bytes:
    return b"".join(_message(Code.CHANNEL_ITEM, "", _item(place)) for place in event.places)


def _listed(event: Listed, places: Places) -> bytes:
    """Return a datagram for each person, his current room first."""
    titles = {room: title(places(room)) for who in event.people for room in who.rooms}
    return b"".join(
        _message(Code.USER_ITEM, "", " ".join([who.name, f"{who.seconds}", *(titles[room] for room in who.rooms)]))
        for who in event.people
    )


def _recalled(event: Recalled, places: Places) -> bytes:
    """Return what someone asked for. What newcomers to a room are shown unasked is too much for UDP."""
    if event.room:
        return b""
    return b"".join(_host("=", f"{words.day(told.at)} {told.sender}: {one_line(told.text)}") for told in event.events)


def _declined(event: Declined, places: Places) -> bytes:
    words = {
        ("login", "name_taken"): IN_USE,
        ("login", "name_looks"): IN_USE,
        ("login", "registered"): IN_USE,
        ("login", "not_logged_in"): LOG_IN,
        ("join", "no_room"): f"no channel named {event.ref}",
        ("join", "room_bad"): f"no channel named {event.ref}",
        ("part", "no_room"): f"no channel named {event.ref}",
        ("part", "not_in"): f"no channel named {event.ref}",
        ("part", "last_room"): NO_CHANNEL,
        ("msg", "not_here"): f"{event.ref}: not logged in",
    }
    if (event.about, event.code) == ("say", "empty"):
        return b""
    in_originals = event.about == "login" or event.ref is not None
    return _error(words.get((event.about, event.code), event.text) if in_originals else event.text)


def _ended(event: Ended, places: Places) -> bytes:
    return b"" if event.code == "quit" else _error(event.text)


_WRITERS: dict[type[Event], Callable[[Any, Places], bytes]] = {
    Said: _said,
    Acted: _acted,
    Whispered: _whispered,
    Entered: _entered,
    Left: _left,
    Renamed: _renamed,
    Welcomed: lambda event, places: frame(Code.LOGIN_ACK, event.name),
    Joined: _joined,
    Parted: _parted,
    Mapped: _mapped,
    Listed: _listed,
    Recalled: _recalled,
    Told: lambda event, places: _host("=", event.text),
    Described: lambda event, places: _changed(event.room, words.described(event)),
    Moded: lambda event, places: _changed(event.room, words.moded(event)),
    Inviting: lambda event, places: _changed(event.room, words.inviting(event)),
    Called: lambda event, places: _changed(LOBBY, words.called(event)),
    Announced: lambda event, places: _changed(LOBBY, words.announced(event)),
    Slowed: lambda event, places: _changed(event.room, words.slowed(event)),
    Removed: lambda event, places: _changed(event.room or LOBBY, words.removed(event)),
    Seen: lambda event, places: _host("=", words.seen(event)),
    Missed: lambda event, places: _host("=", words.seen(event)),
    Invited: lambda event, places: _host("=", words.invited(event)),
    Declined: _declined,
    Ended: _ended,
}
