"""Plain lines, for nc, telnet and the simplest of clients. PROTOCOL.md has the grammar: every line has one reading.

It knows nothing of who is logged in: while that is open, the session reads what is said as the name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from chat.changes import Announced, Called, Coloured, Described, Invited, Inviting, Moded, Removed, Slowed
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
    Speech,
    Told,
    Welcomed,
    Whispered,
)
from chat.text import one_line
from wires import words
from wires.colours import paint
from wires.telnet import HIDE, IAC, SHOW, Keyboard, Telnet, rub_out
from wires.wire import CHANGES, Lines, Wire, dialects, stamp


class Plain(Wire):
    """Lines of text; the first is the name."""

    name = "plain"
    echoes = False
    plain_names = True

    def __init__(self) -> None:
        self._lines = Lines()
        self._telnet: Telnet | None = None
        self._keyboard: Keyboard | None = None  # of a person; programs send lines as they are
        self._coloured = False

    def by_hand(self) -> None:
        """Take note that a person types here, in whatever terminal: any line end counts, and rubbing out does."""
        self._keyboard = self._keyboard or Keyboard()

    def receive(self, data: bytes) -> Iterator[Request | Refused | Speech]:
        """Yield something said, or a typed command, for each line; what a program says, all in one."""
        if self._telnet or IAC in data:
            data = self._without_telnet(data)
        if self._keyboard:
            data = self._keyboard.line_ends(data)
        block = None if self._keyboard else self._lines.block(data)
        if block is not None and not (b"/" in block and (block[:1] == b"/" or b"\n/" in block)):
            yield Speech(block.decode("utf-8", "replace"))
            return
        for line in self._lines.cut(data) if block is None else block.split(b"\n"):
            if self._telnet is not None:
                self._end_hiding()
            if line is None:
                yield Refused("too_long", f"A line has at most {self._lines.limit} bytes; yours was left out whole.")
            else:
                yield _request(rub_out(line) if self._keyboard else line)

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
        if isinstance(event, Asked):
            return self._ask(event)
        if isinstance(event, Coloured):
            self._colour(event.on)
        write = _WRITERS.get(type(event))
        return self._look(write(event)) if write else b""

    def encode_all(self, events: Sequence[Event]) -> bytes:
        """Return a line for each event."""
        write = _WRITERS.get(type(events[0]))
        if not write or len(events) == 1:
            return self.encode(events[0])
        return self._look(words.said_in_a_row(events, stamp(events[0].at)) or "".join(map(write, events)))

    def own(self, event: Event, ref: Ref) -> bytes:
        """Tell the author of a private message whom it reached; of what he changed, what everybody is told."""
        if isinstance(event, Whispered):
            return self._look(_answer(event.at, [words.delivery(event)]))
        return self.encode(event) if isinstance(event, CHANGES) else b""

    def _colour(self, on: bool) -> None:
        self._coloured = on
        self.dialect = (type(self), "coloured") if on else type(self)
        dialects.changes += 1

    def _look(self, lines: str) -> bytes:
        return (paint(lines) if self._coloured else lines).encode()

    def _ask(self, event: Asked) -> bytes:
        """Ask; whoever had to be asked for his name is a person, and a telnet client shows no password."""
        if event.about == "name":
            self.by_hand()
        elif self._keyboard and (self._telnet is not None or self._keyboard.returns):
            if self._telnet is None:
                self._telnet = Telnet()
            self._telnet.hiding = True
            return self.replies() + _asked(event).encode() + HIDE
        return self.replies() + _asked(event).encode()

    def _end_hiding(self) -> None:
        """The password has been typed, and so has an Enter that could not be seen."""
        if self._telnet is not None and self._telnet.hiding:
            self._telnet.hiding = False
            self._replies += (SHOW + b"\r\n",)

    def _without_telnet(self, data: bytes) -> bytes:
        if self._telnet is None:
            self._telnet = Telnet()
            self.by_hand()
        text, answers = self._telnet.strip(data)
        self._replies += (answers,)
        return text


def _request(line: bytes) -> Request:
    return Request("line" if line[:1] == b"/" else "say", line.decode("utf-8", "replace"))


def _event(at: float, room: str, what: str) -> str:
    return f"{stamp(at)} {words.place(room)}[*] {what}\n"


def _said(event: Said) -> str:
    return f"{stamp(event.at)} {words.said(event)}\n"


def _acted(event: Acted) -> str:
    return f"{stamp(event.at)} {words.acted(event)}\n"


def _whispered(event: Whispered) -> str:
    return f"{stamp(event.at)} {words.whispered(event, event.to)}\n"


def _welcomed(event: Welcomed) -> str:
    return f"OK\n&{'&'.join(event.here)}\n"


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


def _mapped(event: Mapped) -> str:
    return _answer(event.at, [words.place_row(place, event.current) for place in event.places])


def _recalled(event: Recalled) -> str:
    """Show each message as it was when it was said, between two lines that tell it from what is said now."""
    head = _answer(event.at, [f"Said before, since {words.day(event.events[0].at)}: {len(event.events)}"])
    body = "".join(_WRITERS[type(told)](told) for told in event.events)
    return head + body + _answer(event.at, ["End of what was said before."])


def _switched(event: Coloured) -> str:
    return _answer(event.at, [f"Colours are {'on' if event.on else 'off'}."])


def _answer(at: float, lines: Iterable[str]) -> str:
    return "".join(f"{stamp(at)} [=] {one_line(line)}\n" for line in lines)


_WRITERS: dict[type[Event], Callable[[Any], str]] = {
    Said: _said,
    Acted: _acted,
    Whispered: _whispered,
    Entered: lambda event: _event(event.at, event.room, words.entered(event)),
    Left: lambda event: _event(event.at, event.room, words.left(event)),
    Renamed: lambda event: _event(event.at, words.LOBBY, words.renamed(event)),
    Described: lambda event: _event(event.at, event.room, words.described(event)),
    Moded: lambda event: _event(event.at, event.room, words.moded(event)),
    Inviting: lambda event: _event(event.at, event.room, words.inviting(event)),
    Called: lambda event: _event(event.at, words.LOBBY, words.called(event)),
    Announced: lambda event: _event(event.at, words.LOBBY, words.announced(event)),
    Slowed: lambda event: _event(event.at, event.room, words.slowed(event)),
    Removed: lambda event: _event(event.at, event.room or words.LOBBY, words.removed(event)),
    Welcomed: _welcomed,
    Told: lambda event: _answer(event.at, event.text.split("\n")),
    Listed: lambda event: _answer(event.at, words.listed(event)),
    Joined: lambda event: _answer(event.at, words.joined(event)),
    Parted: lambda event: _answer(event.at, [words.parted(event)]),
    Mapped: _mapped,
    Recalled: _recalled,
    Seen: lambda event: _answer(event.at, [words.seen(event)]),
    Missed: lambda event: _answer(event.at, [words.seen(event)]),
    Invited: lambda event: _answer(event.at, [words.invited(event)]),
    Coloured: _switched,
    Declined: _declined,
    Asked: _asked,
    Ended: _ended,
}
