"""Plain lines, for nc, telnet and the simplest of clients. PROTOCOL.md has the grammar: every line has one reading.

It knows nothing of who is logged in: while that is open, the session reads what is said as the name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from chat.events import (
    Acted,
    Asked,
    Declined,
    Ended,
    Entered,
    Event,
    Left,
    Listed,
    Ref,
    Refused,
    Renamed,
    Request,
    Said,
    Told,
    Welcomed,
    Whispered,
)
from chat.text import one_line
from wires.telnet import IAC, Telnet
from wires.wire import Lines, Wire, stamp

LOBBY = "lobby"


class Plain(Wire):
    """Lines of text; the first is the name."""

    name = "plain"
    plain_names = True

    def __init__(self) -> None:
        super().__init__()
        self._lines = Lines()
        self._telnet: Telnet | None = None

    def receive(self, data: bytes) -> Iterator[Request | Refused]:
        """Yield something said, or a typed command, for each line."""
        if self._telnet or IAC in data:
            data = self._without_telnet(data)
        for line in self._lines.cut(data):
            if line is None:
                yield Refused("too_long", f"A line has at most {self._lines.limit} bytes; yours was left out whole.")
            else:
                yield _request(line)

    def pause(self, asked: bool) -> Iterator[Request | Refused]:
        """Take what came without a line end for a line: the oldest clients send their name so.

        Not what came in several parts from someone who was asked: that is a person, typing, in a raw terminal.
        """
        if self._lines.rest and not (asked and self._lines.pieces > 1):
            yield _request(self._lines.take_rest())

    @property
    def unfinished(self) -> bool:
        """Return whether half a line waits for the rest."""
        return self._lines.unfinished

    def encode(self, event: Event) -> bytes:
        """Return one line for the event; several for an answer with several lines, and for a welcome."""
        write = _WRITERS.get(type(event))
        return write(event).encode() if write else b""

    def own(self, event: Event, ref: Ref) -> bytes:
        """Tell the author of a private message whom it reached, and a renamed person his name."""
        if isinstance(event, Whispered):
            return _delivery(event).encode()
        return self.encode(event) if isinstance(event, Renamed) else b""

    def _without_telnet(self, data: bytes) -> bytes:
        if self._telnet is None:
            self._telnet = Telnet()
        text, answers = self._telnet.strip(data)
        self._replies.append(answers)
        return text


def _request(line: bytes) -> Request:
    text = line.decode("utf-8", "replace")
    return Request("line" if text.startswith("/") else "say", text)


def _place(room: str) -> str:
    return "" if room == LOBBY else f"#{room} "


def _said(event: Said) -> str:
    return f"{stamp(event.at)} {_place(event.room)}{event.sender} > {one_line(event.text)}\n"


def _acted(event: Acted) -> str:
    return f"{stamp(event.at)} {_place(event.room)}* {event.sender} {one_line(event.text)}\n"


def _whispered(event: Whispered) -> str:
    return f"{stamp(event.at)} {event.sender} -> {','.join(event.to)}: {one_line(event.text)}\n"


def _delivery(event: Whispered) -> str:
    away = f" Not here: {one_line(', '.join(event.away))}." if event.away else ""
    return f"{stamp(event.at)} [=] Sent to {', '.join(event.to)}.{away}\n"


def _entered(event: Entered) -> str:
    return f"{stamp(event.at)} {_place(event.room)}[*] {event.name} entered.\n"


def _left(event: Left) -> str:
    how = "has been kicked out." if event.kicked else "exited."
    why = f" ({one_line(event.reason)})" if event.reason else ""
    return f"{stamp(event.at)} {_place(event.room)}[*] {event.name} {how}{why}\n"


def _renamed(event: Renamed) -> str:
    return f"{stamp(event.at)} [*] {event.old} is now {event.new}.\n"


def _welcomed(event: Welcomed) -> str:
    return f"OK\n&{'&'.join(event.here)}\n"


def _told(event: Told) -> str:
    return "".join(f"{stamp(event.at)} [=] {line}\n" for line in event.text.split("\n"))


def _listed(event: Listed) -> str:
    head = f"{stamp(event.at)} [=] "
    rows = [f"{who.name} {clock(who.seconds)} {' '.join(who.rooms)}" for who in event.people]
    return "".join(f"{head}{row}\n" for row in [f"{len(rows)} in {event.room}:", *rows])


def _declined(event: Declined) -> str:
    if (event.about, event.code) == ("say", "empty"):
        return ""  # a blank line says nothing, and asks for no answer
    sentence = f"{stamp(event.at)} [!] {one_line(event.text)}\n"
    if event.about == "login" and event.code == "name_taken":
        return "NOT_UNIQUE\n"
    if event.about == "login" and event.code == "name_looks":
        return f"NOT_UNIQUE\n{sentence}"
    return sentence


def _asked(event: Asked) -> str:
    return f"{one_line(event.text)}\n"


def _ended(event: Ended) -> str:
    return f"{stamp(event.at)} [.] {one_line(event.text)}\n"


def clock(seconds: int) -> str:
    """Return a length of time as HH:MM:SS."""
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


_WRITERS: dict[type[Event], Callable[[Any], str]] = {
    Said: _said,
    Acted: _acted,
    Whispered: _whispered,
    Entered: _entered,
    Left: _left,
    Renamed: _renamed,
    Welcomed: _welcomed,
    Told: _told,
    Listed: _listed,
    Declined: _declined,
    Asked: _asked,
    Ended: _ended,
}
