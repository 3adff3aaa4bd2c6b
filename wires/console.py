"""What the host reads on his screen, and types. Text, not bytes: the terminal is the console's business."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from chat.events import (
    Acted,
    Declined,
    Entered,
    Event,
    Joined,
    Left,
    Listed,
    Mapped,
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
from chat.text import count, hms
from wires.plain import LOBBY, day, delivery, place_row
from wires.wire import Wire, stamp


class HostConsole(Wire):
    """The wire of the one who sits at the server."""

    name = "console"

    def receive(self, data: bytes) -> Iterator[Request | Refused]:
        """Yield the typed line."""
        yield Request("line", data.decode("utf-8", "replace"))

    def encode(self, event: Event) -> bytes:
        """Return the lines for the screen."""
        write = _WRITERS.get(type(event))
        lines = write(event) if write else ""
        return f"{lines}\n".encode() if lines else b""

    def own(self, event: Event, ref: Ref) -> bytes:
        """Tell whom a private message reached; the rest the host has just typed himself."""
        if not isinstance(event, Whispered):
            return b""
        return f"{delivery(event)}\n".encode()


def _block(text: str) -> str:
    """Indent what follows the first line, so that no line of a text can pass for an event."""
    return text.replace("\n", "\n    ") if "\n" in text else text


def _place(room: str) -> str:
    return "" if room == LOBBY else f"#{room} "


def _users(event: Entered | Left | Renamed) -> str:
    more = event.count - len(event.here)
    return f"USERS: [{','.join(event.here)}]" + (f" and {more:,} more" if more > 0 else "")


def _said(event: Said) -> str:
    return f"{stamp(event.at)} {_place(event.room)}{event.sender} > {_block(event.text)}"


def _acted(event: Acted) -> str:
    return f"{stamp(event.at)} {_place(event.room)}* {event.sender} {_block(event.text)}"


def _whispered(event: Whispered) -> str:
    return f"{stamp(event.at)} {event.sender} -> {','.join(event.to)}: {_block(event.text)}"


def _entered(event: Entered) -> str:
    return f"{_place(event.room)}[*] {event.name} entered.\n{_users(event)}"


def _left(event: Left) -> str:
    how = "has been kicked out." if event.kicked else "exited."
    why = f" ({_block(event.reason)})" if event.reason else ""
    return f"{_place(event.room)}[*] {event.name} {how}{why}\n{_users(event)}"


def _renamed(event: Renamed) -> str:
    return f"[*] {event.old} is now {event.new}.\n{_users(event)}"


def _listed(event: Listed) -> str:
    if event.about != "list_users":
        rows = [f"{who.name:<32} {hms(who.seconds)} {' '.join(who.rooms)}" for who in event.people]
        return "\n".join([f"{len(rows)} in {event.room}:", *rows])
    rows = [
        f"  {who.name:<32} {hms(who.seconds)} {who.wire:<8} {who.address:<22} {' '.join(who.rooms)}"
        for who in event.people
    ]
    return "\n".join([f"USERS: [{','.join(who.name for who in event.people)}]", *rows])


def _declined(event: Declined) -> str:
    return "" if (event.about, event.code) == ("say", "empty") else f"[!] {_block(event.text)}"


def _joined(event: Joined) -> str:
    return f"Welcome to the {event.title} Channel ({count(len(event.here), 'user')})"


def _mapped(event: Mapped) -> str:
    return "\n".join(place_row(place, event.current) for place in event.places)


def _recalled(event: Recalled) -> str:
    head = f"Said before, since {day(event.events[0].at)}:"
    return "\n".join([head, *(_WRITERS[type(told)](told) for told in event.events)])


_WRITERS: dict[type[Event], Callable[[Any], str]] = {
    Said: _said,
    Acted: _acted,
    Whispered: _whispered,
    Entered: _entered,
    Left: _left,
    Renamed: _renamed,
    Told: lambda event: event.text,
    Listed: _listed,
    Joined: _joined,
    Parted: lambda event: f"You have left {event.title}; you are in {event.current_title} now.",
    Mapped: _mapped,
    Recalled: _recalled,
    Seen: lambda event: f"{event.name} is here.",
    Declined: _declined,
    Noted: lambda event: f"[-] {event.text}",
}
