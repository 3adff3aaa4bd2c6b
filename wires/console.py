"""What the host reads on his screen, and types. Text, not bytes: the terminal is the console's business."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from chat.changes import Announced, Called, Described, Invited, Inviting, Moded, Removed, Slowed
from chat.events import (
    Acted,
    Declined,
    Entered,
    Event,
    Joined,
    Left,
    Listed,
    Mapped,
    Missed,
    Noted,
    Parted,
    Recalled,
    Ref,
    Refused,
    Renamed,
    Request,
    Said,
    Seen,
    Told,
    Whispered,
)
from chat.text import hms
from wires import words
from wires.wire import CHANGES, Wire, stamp


class HostConsole(Wire):
    """The wire of the one who sits at the server."""

    name = "console"
    echoes = False

    def receive(self, data: bytes) -> Iterator[Request | Refused]:
        """Yield the typed line."""
        yield Request("line", data.decode("utf-8", "replace"))

    def encode(self, event: Event) -> bytes:
        """Return the lines for the screen."""
        write = _WRITERS.get(type(event))
        lines = write(event) if write else ""
        return f"{lines}\n".encode() if lines else b""

    def encode_all(self, events: Sequence[Event]) -> bytes:
        """Return the lines for the screen, of several events of one kind."""
        write = _WRITERS.get(type(events[0]))
        if not write:
            return b""
        row = words.said_in_a_row(events, stamp(events[0].at))
        return (row or "".join([f"{lines}\n" for lines in map(write, events) if lines])).encode()

    def own(self, event: Event, ref: Ref) -> bytes:
        """Tell whom a private message reached, and what changed; the rest the host has just typed himself."""
        if isinstance(event, Whispered):
            return f"{words.delivery(event)}\n".encode()
        return self.encode(event) if isinstance(event, CHANGES) and not isinstance(event, Renamed) else b""


def _block(text: str) -> str:
    """Indent what follows the first line, so that no line of a text can pass for an event."""
    return text.replace("\n", "\n    ") if "\n" in text else text


def _users(event: Entered | Left | Renamed) -> str:
    more = event.count - len(event.here)
    return f"USERS: [{','.join(event.here)}]" + (f" and {more:,} more" if more > 0 else "")


def _event(room: str, what: str) -> str:
    return f"{words.place(room)}[*] {what}"


def _said(event: Said) -> str:
    return f"{stamp(event.at)} {words.said(event, _block)}"


def _acted(event: Acted) -> str:
    return f"{stamp(event.at)} {words.acted(event, _block)}"


def _whispered(event: Whispered) -> str:
    return f"{stamp(event.at)} {words.whispered(event, event.to, _block)}"


def _entered(event: Entered) -> str:
    return f"{_event(event.room, words.entered(event))}\n{_users(event)}"


def _left(event: Left) -> str:
    return f"{_event(event.room, words.left(event, _block))}\n{_users(event)}"


def _renamed(event: Renamed) -> str:
    return f"{_event(words.LOBBY, words.renamed(event))}\n{_users(event)}"


def _listed(event: Listed) -> str:
    if event.about != "list_users":
        return "\n".join(words.listed(event, 32))
    size = max((len(who.name) for who in event.people), default=0)
    rows = [
        f"  {who.name:<{size}} {hms(who.seconds)} {who.wire:<8} {who.address:<22} "
        + " ".join(who.rooms)
        + words.away(who)
        for who in event.people
    ]
    return "\n".join([f"USERS: [{','.join(who.name for who in event.people)}]", *rows])


def _declined(event: Declined) -> str:
    return "" if (event.about, event.code) == ("say", "empty") else f"[!] {_block(event.text)}"


def _mapped(event: Mapped) -> str:
    return "\n".join(words.place_row(place, event.current) for place in event.places)


def _recalled(event: Recalled) -> str:
    head = f"Said before, since {words.day(event.events[0].at)}:"
    return "\n".join([head, *(_WRITERS[type(told)](told) for told in event.events)])


_WRITERS: dict[type[Event], Callable[[Any], str]] = {
    Said: _said,
    Acted: _acted,
    Whispered: _whispered,
    Entered: _entered,
    Left: _left,
    Renamed: _renamed,
    Described: lambda event: _event(event.room, words.described(event)),
    Moded: lambda event: _event(event.room, words.moded(event)),
    Inviting: lambda event: _event(event.room, words.inviting(event)),
    Called: lambda event: _event(words.LOBBY, words.called(event)),
    Announced: lambda event: _event(words.LOBBY, words.announced(event)),
    Slowed: lambda event: _event(event.room, words.slowed(event)),
    Removed: lambda event: _event(event.room or words.LOBBY, words.removed(event)),
    Told: lambda event: event.text,
    Listed: _listed,
    Joined: lambda event: words.joined(event)[0],
    Parted: words.parted,
    Mapped: _mapped,
    Recalled: _recalled,
    Seen: words.seen,
    Missed: words.seen,
    Invited: words.invited,
    Declined: _declined,
    Noted: lambda event: f"[-] {event.text}",
}
