"""The phrases in which what happens is told to people, the same on every wire: no time, no tag, no line end.

A wire puts its own marks around them. `fold` says what becomes of line feeds in a text; without it they are blanks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from chat.changes import Announced, Called, Described, Invited, Inviting, Moded, Removed, Slowed
from chat.events import (
    Acted,
    Entered,
    Event,
    Joined,
    Left,
    Listed,
    Missed,
    Parted,
    Person,
    Place,
    Renamed,
    Said,
    Seen,
    Whispered,
)
from chat.spoken import in_lines
from chat.text import count, hms, one_line

LOBBY = "lobby"
_LOCKS = {
    "+m": "has locked this room: only those with a voice speak here now.",
    "-m": "has unlocked this room: everybody may speak here.",
}

Fold = Callable[[str], str]


def place(room: str) -> str:
    """Return what stands before an event in another room than the lobby."""
    return "" if room == LOBBY else f"#{room} "


# -- what is said


def said(event: Said, fold: Fold = one_line) -> str:
    """Return `#room alice > text`."""
    text = fold(event.text) if "\n" in event.text else event.text
    return f"{event.sender} > {text}" if event.room == LOBBY else f"{place(event.room)}{event.sender} > {text}"


def said_in_a_row(events: Sequence[Event], stamp: str) -> str:
    """Return whole lines for what one person said to one room in one go, within a second; else nothing.

    What stands before the words is the same for each, so that all of them are made at once.
    """
    lines = in_lines(events)
    if not lines:
        return ""
    first = events[0]
    assert isinstance(first, Said)
    head = f"{stamp} {place(first.room)}{first.sender} > "
    return "".join((head, lines.replace("\n", f"\n{head}"), "\n"))


def acted(event: Acted, fold: Fold = one_line) -> str:
    """Return `#room * alice text`."""
    return f"{place(event.room)}* {event.sender} {fold(event.text)}"


def whispered(event: Whispered, to: tuple[str, ...], fold: Fold = one_line) -> str:
    """Return `alice -> bob,carol: text`."""
    return f"{event.sender} -> {','.join(to)}: {fold(event.text)}"


def delivery(event: Whispered) -> str:
    """Return, for the sender, whom a private message reached, for whom it is kept, and whom it did not reach."""
    parts = [f"Sent to {', '.join(event.to)}."] if event.to else []
    parts += [f"Kept for {', '.join(event.kept)}, to be delivered at the next login."] if event.kept else []
    parts += [f"Not here: {one_line(', '.join(event.away))}."] if event.away else []
    return " ".join(parts)


# -- who comes and goes


def entered(event: Entered) -> str:
    """Return who came."""
    return f"{event.name} entered."


def left(event: Left, fold: Fold = one_line) -> str:
    """Return who went, or was put out, and why."""
    why = f" ({fold(event.reason)})" if event.reason else ""
    if event.kicked and event.by and not event.gone:
        return f"{event.by} has put {event.name} out of the room.{why}"
    return f"{event.name} {'has been kicked out.' if event.kicked else 'exited.'}{why}"


def renamed(event: Renamed) -> str:
    """Return who is called otherwise."""
    return f"{event.old} is now {event.new}."


def seen(event: Seen | Missed) -> str:
    """Return, for who watches, that someone has come or gone."""
    return f"{event.name} is {'here' if isinstance(event, Seen) else 'not here any more'}."


# -- how a room changes


def described(event: Described) -> str:
    """Return what a room is about now."""
    if not event.text:
        return f"{event.by} says no more what this room is about."
    return f"{event.by} says what this room is about: {one_line(event.text)}"


def moded(event: Moded) -> str:
    """Return who may do what in a room now, as IRC writes it; that it is locked, in words."""
    if event.changes in _LOCKS:
        return f"{event.by} {_LOCKS[event.changes]}"
    return f"{event.by} has changed who may do what: {one_line(event.changes)}"


def slowed(event: Slowed) -> str:
    """Return how often one may speak in a room."""
    if not event.seconds:
        return f"{event.by} lets everybody speak as often as he likes."
    return f"{event.by} has slowed this room down: one message each in {event.seconds} s."


def announced(event: Announced) -> str:
    """Return what everybody is told."""
    return f"{event.sender} announces: {one_line(event.text)}"


def removed(event: Removed) -> str:
    """Return that something is to be seen no more, where it cannot be taken off the screen."""
    return f"{event.by} has removed a message of {event.sender}."


def inviting(event: Inviting) -> str:
    """Return, for those in a room, who is asked in."""
    return f"{event.by} has asked {event.name} in."


def invited(event: Invited) -> str:
    """Return, for the one who is asked, how to come."""
    return f"{event.by} asks you into {event.title}: /join {event.room}"


def called(event: Called) -> str:
    """Return what an operator tells everybody who listens."""
    return f"{event.sender} calls: {one_line(event.text)}"


# -- answers


def joined(event: Joined) -> list[str]:
    """Return the lines that welcome someone in a room."""
    welcome = f"Welcome to the {event.title} Channel ({count(len(event.here), 'user')})"
    return [welcome, *([event.description] if event.description else []), f"Here: {', '.join(event.here)}"]


def parted(event: Parted) -> str:
    """Return where someone is after he has left a room."""
    return f"You have left {event.title}; you are in {event.current_title or 'no room'} now."


def listed(event: Listed, width: int = 0) -> list[str]:
    """Return a line for each person, the names `width` wide; the first one tells how many there are."""
    rows = [f"{who.name:<{width}} {hms(who.seconds)} {' '.join(who.rooms)}{away(who)}" for who in event.people]
    return [f"{len(rows)} in {event.room}:", *rows]


def away(who: Person) -> str:
    """Return what stands behind the row of someone who is away."""
    return f" (away: {one_line(who.away)})" if who.away else ""


def place_row(place: Place, current: str) -> str:
    """Return a room as a line of a list; the current one is marked."""
    mark = "*" if place.room == current else " "
    about = f" - {place.description}" if place.description else ""
    return f"{mark} {place.title} ({count(place.count, 'user')}){about}"


def day(at: float) -> str:
    """Return a date and time, local."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at))
