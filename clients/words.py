"""How what a server sends is told to a person, whatever he looks at. It knows neither colours nor screens.

An entry reads like a line of the plain wire: `[21:11:34] alice > hello`, `[21:11:35] [*] bob entered.`, and where it
is about another room than one's own: `[21:11:36] #weather alice > rain`.
A mark in brackets stands where a name would, and further lines of a text are indented: nothing said can forge an entry.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Any

from clients.endings import advice
from clients.people import People, rows, word, words

HOST = "Host"
NAMES = 30  # how many names a welcome lists
INDENT = " " * len("[00:00:00] ")
SINCE = "— new since you came —"

Found = Mapping[str, Any]


class Kind(Enum):
    """What an entry is, for whoever chooses its looks."""

    SAID = "said"
    ACTED = "acted"
    PRIVATE = "private"
    EVENT = "event"
    REPLY = "reply"
    ERROR = "error"
    RULE = "rule"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class Entry:
    """Something to show: `[time] place head text`, where `who` is the name that `head` holds, if it holds one.

    `text` may have several lines. `own` marks what this person said. `room` is where it happened, empty where that
    is no single room; `place` is `#room ` where that is not the current one. `day` is the date, empty for today.
    `past` marks what was said before. `id` is the message's, 0 for what is none.
    """

    kind: Kind
    time: str
    head: str
    text: str
    who: str = ""
    own: bool = False
    room: str = ""
    place: str = ""
    day: str = ""
    past: bool = False
    id: int = 0

    @property
    def stamp(self) -> str:
        """When it was, to stand at the beginning of a line."""
        return f"[{self.day} {self.time}] " if self.day else f"[{self.time}] "

    def __str__(self) -> str:
        return f"{self.stamp}{self.place}{self.head}{self.text}".replace("\n", f"\n{INDENT}")


def entries(found: Found, people: People) -> list[Entry]:
    """Return how to tell `found`, an object of the server or the link's news, once `people` have heard it.

    In a `history` there are `messages`, and in `asked` the line that it answers.
    """
    if word(found, "event") == "history":
        return list(_recalled(found, people))
    tell = _TELLERS.get(word(found, "event"))
    told = tell(found, people) if tell else None
    return [_placed(told, found, people)] if told else []


def note(text: str, kind: Kind = Kind.EVENT) -> Entry:
    """Return an entry of the client's own, at this moment."""
    return Entry(kind, clock({}), "[!] " if kind is Kind.ERROR else "[*] ", text)


def clock(found: Found) -> str:
    """Return the local time of `found` as HH:MM:SS; that of this moment where it carries none."""
    return f"{_moment(found):%H:%M:%S}"


def _moment(found: Found) -> datetime:
    try:
        return datetime.fromisoformat(word(found, "time")).astimezone()
    except (ValueError, OverflowError, OSError):
        return datetime.now().astimezone()


def _day(found: Found) -> str:
    day = _moment(found).date()
    return "" if day == datetime.now().astimezone().date() else f"{day:%Y-%m-%d}"


def _placed(told: Entry, found: Found, people: People) -> Entry:
    """Return the entry with the room it belongs to."""
    inside = told.kind in _IN_A_ROOM and word(found, "event") not in ("parted", "invited")
    room = word(found, "room") if inside else ""
    place = f"#{room} " if room and people.room not in ("", room) else ""
    return replace(told, room=room, place=place, id=whole(found) if told.kind in TALK else 0)


def whole(found: Found, key: str = "id") -> int:
    """Return the whole number under a key, 0 where there is none."""
    value = found.get(key)
    return value if isinstance(value, int) else 0


def unsaid(entry: Entry, found: Found) -> Entry:
    """Return what stands in the place of a message that was removed."""
    how = f"(removed by {word(found, 'by')})"
    return replace(entry, kind=Kind.EVENT, head="[*] ", text=how, who="", id=0)


def hue(name: str, count: int) -> int:
    """Return which of `count` colours `name` has: the same today and tomorrow."""
    return zlib.crc32(name.encode("utf-8", "replace")) % count


def how_many(count: int) -> str:
    """Return `1 person`, `2 people`."""
    return "1 person" if count == 1 else f"{count} people"


def _users(count: int) -> str:
    return "1 user" if count == 1 else f"{count} users"


def _said(found: Found, people: People) -> Entry:
    who = word(found, "from")
    return Entry(Kind.SAID, clock(found), f"{who} > ", word(found, "text"), who, who == people.me)


def _acted(found: Found, people: People) -> Entry:
    who = word(found, "from")
    return Entry(Kind.ACTED, clock(found), f"* {who} ", word(found, "text"), who, who == people.me)


def _whispered(found: Found, people: People) -> Entry:
    who = word(found, "from")
    head = f"{who} -> {', '.join(words(found, 'to')) or '…'}: "
    return Entry(Kind.PRIVATE, clock(found), head, word(found, "text"), who, who == people.me)


def _accepted(found: Found, people: People) -> Entry:
    """Tell what one said oneself, as the others see it."""
    teller = {"me": _acted, "msg": _delivered}.get(word(found, "do"), _said)
    return teller({**found, "from": people.me}, people)


def _delivered(found: Found, people: People) -> Entry:
    """Tell a private message of one's own, and what became of it."""
    kept, away = words(found, "kept"), words(found, "away")
    lines = [word(found, "text")]
    if kept:
        lines.append(f"Kept for {', '.join(kept)}, to be delivered at the next login.")
    if away:
        lines.append(f"Not here: {', '.join(away)}.")
    return _whispered({**found, "to": words(found, "to") + kept, "text": "\n".join(lines)}, people)


def _event(found: Found, text: str) -> Entry:
    return Entry(Kind.EVENT, clock(found), "[*] ", text)


def _welcome(found: Found, people: People) -> Entry | None:
    if found.get("resumed") is True:
        return None  # he never went
    room = word(found, "title") or word(found, "room")
    return _event(found, f"You are {word(found, 'name')}, in {room}. Here: {_who(found)}.")


def _who(found: Found) -> str:
    """Return the names of who is here, and how many more there are."""
    names = words(found, "users")
    count = found.get("count")
    more = (count if isinstance(count, int) else len(names)) - len(names[:NAMES])
    return ", ".join(names[:NAMES]) + (f" and {more} more" if more > 0 else "")


def _joined(found: Found, people: People) -> Entry | None:
    if found.get("resumed") is True:
        return None
    if not people.fresh:
        return _event(found, f"You are in {people.title} now.")
    lines = [f"Welcome to the {people.title} Channel ({_users(people.count)})", word(found, "description")]
    return _event(found, "\n".join([*filter(None, lines), f"Here: {_who(found)}."]))


def _parted(found: Found, people: People) -> Entry:
    title = word(found, "title") or word(found, "room")
    return _event(found, f"You have left {title}; you are in {people.title} now.")


def _seen(found: Found, people: People) -> Entry:
    return _event(found, f"{word(found, 'name')} is here.")


def _missed(found: Found, people: People) -> Entry:
    return _event(found, f"{word(found, 'name')} is not here any more.")


def _away(found: Found, people: People) -> Entry:
    text = word(found, "text")
    return _event(found, f"{word(found, 'name')} is {f'away: {text}' if text else 'back.'}")


def _topic(found: Found, people: People) -> Entry:
    by, text = word(found, "by"), word(found, "text")
    if not text:
        return _event(found, f"{by} says no more what this room is about.")
    return _event(found, f"{by} says what this room is about: {text}")


_LOCKS = {
    "+m": "has locked this room: only those with a voice speak here now.",
    "-m": "has unlocked this room: everybody may speak here.",
}


def _mode(found: Found, people: People) -> Entry:
    changes = word(found, "changes")
    return _event(found, f"{word(found, 'by')} {_LOCKS.get(changes, f'has changed who may do what: {changes}')}")


def _invited(found: Found, people: People) -> Entry:
    return _event(found, f"{word(found, 'by')} asks you into {word(found, 'title')}: /join {word(found, 'room')}")


def _inviting(found: Found, people: People) -> Entry:
    return _event(found, f"{word(found, 'by')} has asked {word(found, 'name')} in.")


def _called(found: Found, people: People) -> Entry:
    return _event(found, f"{word(found, 'from')} calls: {word(found, 'text')}")


def _entered(found: Found, people: People) -> Entry:
    return _event(found, f"{word(found, 'name')} entered.")


def _left(found: Found, people: People) -> Entry:
    name, by = word(found, "name"), word(found, "by")
    whose = f" by {by}" if by and by != HOST else ""
    went = "has left the room." if found.get("gone") is False else "exited."
    how = f"has been kicked out{whose}." if found.get("kicked") is True else went
    reason = word(found, "reason")
    who = "You have" + how.removeprefix("has") if name == people.me and by else f"{name} {how}"
    return _event(found, who + (f" ({reason})" if reason else ""))


def _renamed(found: Found, people: People) -> Entry:
    old, new = word(found, "old"), word(found, "new")
    return _event(found, f"You are {new} now." if new == people.me else f"{old} is now {new}.")


def _listed(found: Found, people: People) -> Entry:
    users = rows(found, "users")
    table = _table([[word(row, "name"), _span(row), ", ".join(words(row, "rooms")) + _rest(row)] for row in users])
    return _answer(found, [f"{how_many(len(users))} in {word(found, 'room')}:", *table])


def _rest(row: Found) -> str:
    return f" (away: {word(row, 'away')})" if word(row, "away") else ""


def _channels(found: Found, people: People) -> Entry:
    current = word(found, "current")
    lines = [
        [_marked(row, current), word(row, "title"), _count(row), word(row, "description")]
        for row in rows(found, "channels")
    ]
    return _answer(found, [f"{len(lines)} room{'s' * (len(lines) != 1)}; the current one is marked:", *_table(lines)])


def _marked(row: Found, current: str) -> str:
    room = word(row, "room")
    return f"* {room}" if room == current else f"  {room}"


def _table(lines: list[list[str]]) -> list[str]:
    """Return rows whose columns stand under each other."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return ["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines]


def _count(row: Found) -> str:
    count = row.get("count")
    return how_many(count if isinstance(count, int) else 0)


def _answer(found: Found, lines: list[str]) -> Entry:
    return Entry(Kind.REPLY, clock(found), "[=] ", "\n".join(lines))


def _recalled(found: Found, people: People) -> Iterator[Entry]:
    """Tell what was said before: what one sees on coming into a room, or the answer to /history or /inbox."""
    messages = rows(found, "messages")
    inbox = word(found, "asked").lower().startswith("/inbox")
    answers = found.get("ref") is not None
    if answers:
        count = f"{len(messages)} message{'s' * (len(messages) != 1)}"
        yield _answer(found, [f"{count} waited for you:" if inbox else f"Said before: {count}"])
    for each in messages:
        for told in entries({**each, "history": None}, people):
            yield replace(told, day=_day(each), past=not inbox, room="" if answers else told.room)
    if messages and answers:
        yield _answer(found, ["That was all." if inbox else "End of what was said before. /history older goes on."])
    elif messages:
        yield _placed(Entry(Kind.RULE, clock(found), "", SINCE), found, people)


def _span(row: Found) -> str:
    seconds = row.get("seconds")
    seconds = seconds if isinstance(seconds, int) and seconds >= 0 else 0
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _told(found: Found, people: People) -> Entry:
    return _answer(found, [word(found, "text")])


def _refused(found: Found, people: People) -> Entry:
    return Entry(Kind.ERROR, clock(found), "[!] ", word(found, "text"))


def _goodbye(found: Found, people: People) -> Entry:
    text = word(found, "text") or "The server said goodbye."
    return _event(found, f"{text} {advice(word(found, 'code'))}".rstrip())


def _link(found: Found, people: People) -> Entry | None:
    state = word(found, "state")
    if state in ("connecting", "closed") or found.get("again") is True:
        return None
    if state == "stranger":
        return note(f"{word(found, 'text')}\n{word(found, 'fingerprint')}", Kind.ERROR)
    return note(word(found, "text"), Kind.EVENT if state == "connected" else Kind.ERROR)


def _removed(found: Found, people: People) -> Entry:
    return _event(found, f"{word(found, 'by')} has removed a message of {word(found, 'from')}.")


def _announced(found: Found, people: People) -> Entry:
    who = word(found, "from")
    return Entry(Kind.NOTICE, clock(found), f"[*] {who} announces: ", word(found, "text"), who)


def _slowed(found: Found, people: People) -> Entry:
    seconds = whole(found, "seconds")
    how = f"has slowed this room down: one message each in {seconds} s." if seconds else "lets everybody speak freely."
    return _event(found, f"{word(found, 'by')} {how}")


TALK = frozenset({Kind.SAID, Kind.ACTED, Kind.PRIVATE})
_IN_A_ROOM = frozenset({Kind.SAID, Kind.ACTED, Kind.EVENT, Kind.RULE})

_TELLERS: dict[str, Callable[[Found, People], Entry | None]] = {
    "welcome": _welcome,
    "said": _said,
    "acted": _acted,
    "whispered": _whispered,
    "joined": _joined,
    "parted": _parted,
    "channels": _channels,
    "seen": _seen,
    "missed": _missed,
    "away": _away,
    "topic": _topic,
    "mode": _mode,
    "invited": _invited,
    "inviting": _inviting,
    "called": _called,
    "entered": _entered,
    "left": _left,
    "renamed": _renamed,
    "accepted": _accepted,
    "listed": _listed,
    "told": _told,
    "refused": _refused,
    "removed": _removed,
    "announced": _announced,
    "slowed": _slowed,
    "goodbye": _goodbye,
    "link": _link,
}
