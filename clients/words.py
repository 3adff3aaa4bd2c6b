"""How what a server sends is told to a person, whatever he looks at. It knows neither colours nor screens.

An entry reads like a line of the plain wire: `[21:11:34] alice > hello`, `[21:11:35] [*] bob entered.`
A mark in brackets stands where a name would, and further lines of a text are indented: nothing said can forge an entry.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from clients.people import word, words

NAMES = 30  # how many names a welcome lists
INDENT = " " * len("[00:00:00] ")

Found = Mapping[str, Any]


class Kind(Enum):
    """What an entry is, for whoever chooses its looks."""

    SAID = "said"
    ACTED = "acted"
    PRIVATE = "private"
    EVENT = "event"
    REPLY = "reply"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Entry:
    """Something to show: `[time] head text`, where `who` is the name that `head` holds, if it holds one.

    `text` may have several lines. `own` marks what this person said.
    """

    kind: Kind
    time: str
    head: str
    text: str
    who: str = ""
    own: bool = False

    def __str__(self) -> str:
        return f"[{self.time}] {self.head}{self.text}".replace("\n", f"\n{INDENT}")


def entry(found: Found, me: str) -> Entry | None:
    """Return how to tell `found`, an object of the server or the link's news, to `me`; None where it is not told."""
    tell = _TELLERS.get(word(found, "event"))
    return tell(found, me) if tell else None


def note(text: str, kind: Kind = Kind.EVENT) -> Entry:
    """Return an entry of the client's own, at this moment."""
    return Entry(kind, clock({}), "[!] " if kind is Kind.ERROR else "[*] ", text)


def clock(found: Found) -> str:
    """Return the local time of `found` as HH:MM:SS; that of this moment where it carries none."""
    try:
        return f"{datetime.fromisoformat(word(found, 'time')).astimezone():%H:%M:%S}"
    except (ValueError, OverflowError, OSError):
        return f"{datetime.now():%H:%M:%S}"


def hue(name: str, count: int) -> int:
    """Return which of `count` colours `name` has: the same today and tomorrow."""
    return zlib.crc32(name.encode("utf-8", "replace")) % count


def people(count: int) -> str:
    """Return `1 person`, `2 people`."""
    return "1 person" if count == 1 else f"{count} people"


def _said(found: Found, me: str) -> Entry:
    who = word(found, "from")
    return Entry(Kind.SAID, clock(found), f"{who} > ", word(found, "text"), who, who == me)


def _acted(found: Found, me: str) -> Entry:
    who = word(found, "from")
    return Entry(Kind.ACTED, clock(found), f"* {who} ", word(found, "text"), who, who == me)


def _whispered(found: Found, me: str) -> Entry:
    who = word(found, "from")
    head = f"{who} -> {', '.join(words(found, 'to'))}: "
    return Entry(Kind.PRIVATE, clock(found), head, word(found, "text"), who, who == me)


def _accepted(found: Found, me: str) -> Entry:
    """Tell what one said oneself, as the others see it."""
    teller = {"me": _acted, "msg": _delivered}.get(word(found, "do"), _said)
    return teller({**found, "from": me}, me)


def _delivered(found: Found, me: str) -> Entry:
    sent, away = _whispered(found, me), words(found, "away")
    if not away:
        return sent
    return Entry(Kind.PRIVATE, sent.time, sent.head, f"{sent.text}\nNot here: {', '.join(away)}.", me, own=True)


def _event(found: Found, text: str) -> Entry:
    return Entry(Kind.EVENT, clock(found), "[*] ", text)


def _welcome(found: Found, me: str) -> Entry:
    names = words(found, "users")
    count = found.get("count")
    more = (count if isinstance(count, int) else len(names)) - len(names[:NAMES])
    shown = ", ".join(names[:NAMES]) + (f" and {more} more" if more > 0 else "")
    room = word(found, "title") or word(found, "room")
    return _event(found, f"You are {word(found, 'name')}, in {room}. Here: {shown}.")


def _entered(found: Found, me: str) -> Entry:
    return _event(found, f"{word(found, 'name')} entered.")


def _left(found: Found, me: str) -> Entry:
    how = "has been kicked out." if found.get("kicked") is True else "exited."
    reason = word(found, "reason")
    return _event(found, f"{word(found, 'name')} {how}" + (f" ({reason})" if reason else ""))


def _renamed(found: Found, me: str) -> Entry:
    old, new = word(found, "old"), word(found, "new")
    return _event(found, f"You are {new} now." if new == me else f"{old} is now {new}.")


def _listed(found: Found, me: str) -> Entry:
    users = found.get("users")
    rows = [user for user in users if isinstance(user, dict)] if isinstance(users, list) else []
    width = max((len(word(row, "name")) for row in rows), default=0)
    table = [f"{word(row, 'name'):<{width}}  {_span(row)}  {', '.join(words(row, 'rooms'))}" for row in rows]
    title = f"{people(len(rows))} in {word(found, 'room')}:"
    return Entry(Kind.REPLY, clock(found), "[=] ", "\n".join([title, *table]))


def _span(row: Found) -> str:
    seconds = row.get("seconds")
    seconds = seconds if isinstance(seconds, int) and seconds >= 0 else 0
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _told(found: Found, me: str) -> Entry:
    return Entry(Kind.REPLY, clock(found), "[=] ", word(found, "text"))


def _refused(found: Found, me: str) -> Entry:
    return Entry(Kind.ERROR, clock(found), "[!] ", word(found, "text"))


def _goodbye(found: Found, me: str) -> Entry:
    return _event(found, word(found, "text") or "The server said goodbye.")


def _link(found: Found, me: str) -> Entry | None:
    state = word(found, "state")
    if state in ("connecting", "closed"):
        return None
    return note(word(found, "text"), Kind.EVENT if state == "connected" else Kind.ERROR)


_TELLERS: dict[str, Callable[[Found, str], Entry | None]] = {
    "welcome": _welcome,
    "said": _said,
    "acted": _acted,
    "whispered": _whispered,
    "entered": _entered,
    "left": _left,
    "renamed": _renamed,
    "accepted": _accepted,
    "listed": _listed,
    "told": _told,
    "refused": _refused,
    "goodbye": _goodbye,
    "link": _link,
}
