"""The textbook protocol: ADD, MESSAGE, PRIVATE, QUIT in; NEW, MESSAGE, PRIVATE, LEFT, GOODBYE out. See PROTOCOL.md.

The textbook's own client ends a MESSAGE with nothing at all: what is followed by nothing for a moment is whole. It
has no words for rooms, answers and history: the server speaks those as Host, behind a tag. Knows nothing of sessions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from chat.changes import Announced, Called, Described, Invited, Inviting, Moded, Removed, Slowed
from chat.events import (
    Acted,
    Asked,
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
from chat.text import one_line
from wires import words
from wires.wire import CHANGES, Lines, Wire

VERBS = (b"ADD ", b"MESSAGE ", b"PRIVATE ", b"QUIT")
PAUSE = 0.2  # seconds
_NEXT = re.compile(rb"(?:MESSAGE|PRIVATE) |QUIT\r?\n?\Z")
UNKNOWN = "Send ADD name, MESSAGE text, PRIVATE name and the text on the next line, or QUIT."


class Classroom(Wire):
    """One connection of a textbook client."""

    name = "classroom"
    patience = PAUSE

    def __init__(self) -> None:
        self._lines = Lines()
        self._recipient: str | None = None  # of the private message whose text comes next

    def receive(self, data: bytes) -> Iterator[Request | Refused]:
        """Yield the request in each line, and in the two lines of a private message."""
        if self._lines.rest and _NEXT.match(data) and self._is_whole(self._lines.rest):
            yield from self._read(self._lines.take_rest())  # clients that end nothing send one message at a time
        for line in self._lines.cut(data):
            yield from self._refuse_long() if line is None else self._read(line)

    def pause(self, asked: bool) -> Iterator[Request | Refused]:
        """Take for whole what has no line end, as soon as it can be a request."""
        if self._lines.forgive():
            yield from self._refuse_long()
        elif self._is_whole(self._lines.rest):
            yield from self._read(self._lines.take_rest())

    @property
    def unfinished(self) -> bool:
        """Return whether something waits for its end."""
        return self._lines.unfinished

    def encode(self, event: Event) -> bytes:
        """Return the messages for the event."""
        write = _WRITERS.get(type(event))
        return write(event).encode() if write else b""

    def own(self, event: Event, ref: Ref) -> bytes:
        """Return one's own words, which this protocol sends back, and whom a private message reached."""
        if isinstance(event, Whispered):
            return _answer([words.delivery(event)]).encode()
        return self.encode(event) if isinstance(event, (Said, Acted, *CHANGES)) else b""

    def _is_whole(self, rest: bytes) -> bool:
        """Return whether this can be all of it: it is not just the beginning of a verb."""
        if self._recipient is not None:
            return bool(rest)
        return rest == b"QUIT" or not any(verb.startswith(rest) for verb in VERBS)

    def _read(self, line: bytes) -> Iterator[Request | Refused]:
        text = line.decode("utf-8", "replace")
        if self._recipient is not None:
            recipient, self._recipient = self._recipient, None
            yield Request("msg", "", {"to": recipient, "text": text})
            return
        verb, _, rest = text.partition(" ")
        if verb == "PRIVATE":
            self._recipient = rest.strip()
        elif text:
            yield _request(verb, rest)

    def _refuse_long(self) -> Iterator[Refused]:
        self._recipient = None
        yield Refused("too_long", f"A line has at most {self._lines.limit} bytes; yours was left out whole.")


def _request(verb: str, rest: str) -> Request | Refused:
    if verb == "ADD":
        name, _, password = rest.strip().partition(" ")
        return Request("login", "", {"name": name, "password": password.strip()})
    if verb == "MESSAGE":
        return Request("line" if rest.startswith("/") else "say", rest)
    if verb == "QUIT":
        return Request("quit")
    return Refused("unknown_command", UNKNOWN)


def _place(room: str) -> str:
    """Return what stands before a name that speaks elsewhere than in the lobby; no name holds a slash."""
    return "" if room == words.LOBBY else f"#{room}/"


def _host(tag: str, lines: Iterable[str]) -> str:
    return "".join(f"MESSAGE Host\n[{tag}] {one_line(line)}\n" for line in lines)


def _answer(lines: Iterable[str]) -> str:
    return _host("=", lines)


def _new(names: Iterable[str]) -> str:
    return "".join(f"NEW {name}\n" for name in names)


def _said(event: Said) -> str:
    return f"MESSAGE {_place(event.room)}{event.sender}\n{one_line(event.text)}\n"


def _acted(event: Acted) -> str:
    return f"MESSAGE {_place(event.room)}{event.sender}\n* {event.sender} {one_line(event.text)}\n"


def _whispered(event: Whispered) -> str:
    return f"PRIVATE {event.sender}\n{one_line(event.text)}\n"


def _entered(event: Entered) -> str:
    if event.room == words.LOBBY:
        return _new([event.name])
    return _host("*", [f"{event.name} entered #{event.room}."])


def _left(event: Left) -> str:
    put_out = event.by and not event.gone
    if event.room == words.LOBBY:
        return (_host("*", [words.left(event)]) if put_out else "") + f"LEFT {event.name}\n"
    return _host("*", [words.place(event.room) + words.left(event) if put_out else f"{event.name} left #{event.room}."])


def _changed(room: str, what: str) -> str:
    return _host("*", [words.place(room) + what])


def _renamed(event: Renamed) -> str:
    return f"LEFT {event.old}\nNEW {event.new}\n"


def _joined(event: Joined) -> str:
    return _new(event.here) if event.room == words.LOBBY else _answer(words.joined(event))


def _mapped(event: Mapped) -> str:
    return _answer([words.place_row(place, event.current) for place in event.places])


def _recalled(event: Recalled) -> str:
    return _answer([f"{words.day(told.at)} {_line(told)}" for told in event.events])


def _line(event: Said | Acted | Whispered) -> str:
    """Return what was said before in one line, which nobody takes for something that is said now."""
    if isinstance(event, Whispered):
        return words.whispered(event, (*event.to, *event.kept))
    return words.said(event) if isinstance(event, Said) else words.acted(event)


def _declined(event: Declined) -> str:
    if (event.about, event.code) == ("say", "empty"):
        return ""
    hint = {"name_taken": " Send ADD with another.", "registered": " Send ADD name password."}.get(event.code, "")
    return _host("!", [event.text + (hint if event.about == "login" else "")])


def _ended(event: Ended) -> str:
    return ("" if event.code == "quit" else _host(".", [event.text])) + "GOODBYE\n"


_WRITERS: dict[type[Event], Callable[[Any], str]] = {
    Said: _said,
    Acted: _acted,
    Whispered: _whispered,
    Entered: _entered,
    Left: _left,
    Renamed: _renamed,
    Welcomed: lambda event: _new(event.here),
    Joined: _joined,
    Parted: lambda event: _answer([words.parted(event)]),
    Told: lambda event: _answer(event.text.split("\n")),
    Listed: lambda event: _answer(words.listed(event)),
    Mapped: _mapped,
    Recalled: _recalled,
    Described: lambda event: _changed(event.room, words.described(event)),
    Moded: lambda event: _changed(event.room, words.moded(event)),
    Inviting: lambda event: _changed(event.room, words.inviting(event)),
    Called: lambda event: _changed(words.LOBBY, words.called(event)),
    Announced: lambda event: _changed(words.LOBBY, words.announced(event)),
    Slowed: lambda event: _changed(event.room, words.slowed(event)),
    Removed: lambda event: _changed(event.room or words.LOBBY, words.removed(event)),
    Seen: lambda event: _answer([words.seen(event)]),
    Missed: lambda event: _answer([words.seen(event)]),
    Invited: lambda event: _answer([words.invited(event)]),
    Asked: lambda event: _answer([event.text]),
    Declined: _declined,
    Ended: _ended,
}
