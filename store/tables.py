"""What each change does to the tables, and how the tables answer. It knows neither threads nor the disk's moods.

Everything that comes from outside is a parameter, never part of a statement.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, cast

from chat import facts as changes
from chat.events import Whispered
from chat.facts import Change, Talk
from store import messages
from store.messages import LARGEST
from store.records import INBOX, PAGE, Account, Find, History, Inbox, Loaded, StoredRoom

ROOMS = 1000
"""Rooms whose last words are loaded at the start: those that were talked in last."""

TRAIL = 1000
"""Acts of the host and the operators that are loaded at the start: the last ones."""

# -- writing


def apply(db: sqlite3.Connection, change: Change) -> None:
    """Write one change, inside the transaction that is open. Raises sqlite3.Error, and what a faulty value raises."""
    _WRITERS[type(change)](db, change)


def apply_all(db: sqlite3.Connection, found: Sequence[Change]) -> None:
    """Write changes in their order, and what was said to rooms with few statements."""
    for said, run in groupby(found, _is_said):
        if said:
            messages.write(db, cast("Iterator[changes.MessagesSaved]", run))
        else:
            for change in run:
                apply(db, change)


def _is_said(change: Change) -> bool:
    return type(change) is changes.MessagesSaved


def _messages(db: sqlite3.Connection, change: changes.MessagesSaved) -> None:
    messages.write(db, (change,))


def _whisper(db: sqlite3.Connection, change: changes.WhisperSaved) -> None:
    kept = {key: 1 for key in change.kept_for if _waiting(db, key) < INBOX}
    readers = dict.fromkeys(change.readers, 0) | kept
    if not readers:
        return
    event = change.event
    meant_for, away = _list((*event.to, *event.kept)), _list(event.away)
    db.execute(
        "INSERT INTO messages (id, at, kind, sender, sender_key, text, recipients, away)"
        " VALUES (?, ?, 'whispered', ?, ?, ?, ?, ?)",
        (event.id, event.at, event.sender, change.sender_key, event.text, meant_for, away),
    )
    db.executemany(
        "INSERT INTO readers (key, message, kept) SELECT key, ?, ? FROM accounts WHERE key = ?",
        [(event.id, unread, key) for key, unread in readers.items()],
    )


def _waiting(db: sqlite3.Connection, key: str) -> int:
    count: int = db.execute("SELECT count(*) FROM readers WHERE key = ? AND kept = 1", (key,)).fetchone()[0]
    return count


def _list(names: tuple[str, ...]) -> str:
    import json  # the start has no time for it

    return json.dumps(names, ensure_ascii=False)


def _account_made(db: sqlite3.Connection, change: changes.AccountMade) -> None:
    db.execute(
        "INSERT INTO accounts (key, name, hash, made, seen) VALUES (?, ?, ?, ?, ?)",
        (change.key, change.name, change.hash, change.at, change.at),
    )


def _account_removed(db: sqlite3.Connection, change: changes.AccountRemoved) -> None:
    db.execute(
        "DELETE FROM messages WHERE id IN (SELECT message FROM readers WHERE key = ?1)"
        " AND NOT EXISTS (SELECT 1 FROM readers WHERE message = messages.id AND key <> ?1)",
        (change.key,),
    )
    db.execute("DELETE FROM accounts WHERE key = ?", (change.key,))


def _password_changed(db: sqlite3.Connection, change: changes.PasswordChanged) -> None:
    db.execute("UPDATE accounts SET hash = ? WHERE key = ?", (change.hash, change.key))


def _account_seen(db: sqlite3.Connection, change: changes.AccountSeen) -> None:
    db.execute(
        "UPDATE accounts SET seen = ?, seconds = seconds + ?, messages = messages + ? WHERE key = ?",
        (change.at, change.seconds, change.messages, change.key),
    )


def _inbox_read(db: sqlite3.Connection, change: changes.InboxRead) -> None:
    up_to = min(change.up_to, LARGEST)
    db.execute("UPDATE readers SET kept = 0 WHERE key = ? AND message <= ? AND kept = 1", (change.key, up_to))


def _blocked(db: sqlite3.Connection, change: changes.Blocked) -> None:
    db.execute(
        "INSERT OR REPLACE INTO blocks (key, other, name) SELECT key, ?, ? FROM accounts WHERE key = ?",
        (change.other, change.name, change.key),
    )


def _unblocked(db: sqlite3.Connection, change: changes.Unblocked) -> None:
    db.execute("DELETE FROM blocks WHERE key = ? AND other = ?", (change.key, change.other))


def _watched(db: sqlite3.Connection, change: changes.Watched) -> None:
    db.execute(
        "INSERT OR REPLACE INTO watches (key, other, name) SELECT key, ?, ? FROM accounts WHERE key = ?",
        (change.other, change.name, change.key),
    )


def _unwatched(db: sqlite3.Connection, change: changes.Unwatched) -> None:
    db.execute("DELETE FROM watches WHERE key = ? AND other = ?", (change.key, change.other))


def _room_made(db: sqlite3.Connection, change: changes.RoomMade) -> None:
    db.execute(
        "INSERT OR REPLACE INTO rooms (name, title, description, owner, own) VALUES (?, ?, ?, ?, ?)",
        (change.name, change.title, change.description, change.owner, change.own),
    )


def _room_removed(db: sqlite3.Connection, change: changes.RoomRemoved) -> None:
    db.execute("DELETE FROM rooms WHERE name = ?", (change.name,))


def _message_removed(db: sqlite3.Connection, change: changes.MessageRemoved) -> None:
    messages.remove(db, change.id)


def _standing_changed(db: sqlite3.Connection, change: changes.StandingChanged) -> None:
    db.execute("UPDATE accounts SET standing = ? WHERE key = ?", (change.standing, change.key))


def _sanction(db: sqlite3.Connection, change: changes.Sanction) -> None:
    db.execute(
        "INSERT OR REPLACE INTO sanctions (kind, sort, key, shown, until, at, who, reason)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (change.kind, change.sort, change.key, change.shown, change.until, change.at, change.by, change.reason),
    )


def _lifted(db: sqlite3.Connection, change: changes.Lifted) -> None:
    db.execute("DELETE FROM sanctions WHERE kind = ? AND sort = ? AND key = ?", (change.kind, change.sort, change.key))


def _decided(db: sqlite3.Connection, change: changes.Decided) -> None:
    if change.value:
        db.execute("INSERT OR REPLACE INTO decisions (name, value) VALUES (?, ?)", (change.name, change.value))
    else:
        db.execute("DELETE FROM decisions WHERE name = ?", (change.name,))


def _audited(db: sqlite3.Connection, change: changes.Audited) -> None:
    db.execute(
        "INSERT INTO audit (at, who, act, object, text) VALUES (?, ?, ?, ?, ?)",
        (change.at, change.by, change.act, change.on, change.text),
    )


def _ids_reserved(db: sqlite3.Connection, change: changes.IdsReserved) -> None:
    db.execute("UPDATE counters SET value = max(value, ?) WHERE name = 'last_id'", (change.up_to,))


_WRITERS: dict[type, Callable[[sqlite3.Connection, Any], None]] = {
    changes.MessagesSaved: _messages,
    changes.WhisperSaved: _whisper,
    changes.AccountMade: _account_made,
    changes.AccountRemoved: _account_removed,
    changes.PasswordChanged: _password_changed,
    changes.AccountSeen: _account_seen,
    changes.InboxRead: _inbox_read,
    changes.Blocked: _blocked,
    changes.Unblocked: _unblocked,
    changes.Watched: _watched,
    changes.Unwatched: _unwatched,
    changes.RoomMade: _room_made,
    changes.RoomRemoved: _room_removed,
    changes.MessageRemoved: _message_removed,
    changes.StandingChanged: _standing_changed,
    changes.Sanction: _sanction,
    changes.Lifted: _lifted,
    changes.Decided: _decided,
    changes.Audited: _audited,
    changes.IdsReserved: _ids_reserved,
}

# -- reading


def last_id(db: sqlite3.Connection) -> int:
    """Return the highest event id that may have been used."""
    number: int = db.execute("SELECT value FROM counters WHERE name = 'last_id'").fetchone()[0]
    return max(number, messages.last_id(db))


def load(db: sqlite3.Connection, recent: int) -> Loaded:
    """Return what the server starts with, and the last `recent` messages of each room."""
    return Loaded(
        {account.key: account for account in _accounts(db)},
        {room.name: room for room in _stored_rooms(db)},
        {room: tuple(reversed(messages.last(db, room, recent))) for room in _rooms(db)},
        _sanctions(db),
        _trail(db),
        dict(db.execute("SELECT name, value FROM decisions ORDER BY name")),
    )


def _sanctions(db: sqlite3.Connection) -> tuple[changes.Sanction, ...]:
    rows = db.execute("SELECT kind, sort, key, shown, until, at, who, reason FROM sanctions ORDER BY at")
    return tuple(changes.Sanction(*row) for row in rows)


def _trail(db: sqlite3.Connection) -> tuple[changes.Audited, ...]:
    rows = db.execute("SELECT at, who, act, object, text FROM audit ORDER BY number DESC LIMIT ?", (TRAIL,))
    return tuple(changes.Audited(*row) for row in rows)[::-1]


def _accounts(db: sqlite3.Connection) -> Iterator[Account]:
    inboxes = dict(db.execute("SELECT key, count(*) FROM readers WHERE kept = 1 GROUP BY key"))
    blocked = _pairs(db.execute("SELECT key, other, name FROM blocks"))
    watched = _pairs(db.execute("SELECT key, other, name FROM watches"))
    for key, *row in db.execute(
        "SELECT key, name, hash, made, seen, seconds, messages, standing FROM accounts ORDER BY key"
    ):
        name, password, made, seen, seconds, messages, standing = row
        yield Account(
            key,
            name,
            password,
            made,
            seen,
            seconds,
            messages,
            inboxes.get(key, 0),
            blocked.get(key, {}),
            watched.get(key, {}),
            standing,
        )


def _stored_rooms(db: sqlite3.Connection) -> Iterator[StoredRoom]:
    for name, title, description, owner, own in db.execute(
        "SELECT name, title, description, owner, own FROM rooms ORDER BY name"
    ):
        yield StoredRoom(name, title, description, owner, bool(own))


def _pairs(rows: Iterable[tuple[str, str, str]]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for key, other, name in rows:
        found.setdefault(key, {})[other] = name
    return found


def _rooms(db: sqlite3.Connection) -> list[str]:
    """Return the rooms that were talked in last. It leaps from room to room in the index, however much was said."""
    rows = db.execute(
        "WITH RECURSIVE spoken (room) AS ("
        "  SELECT min(room) FROM messages WHERE room IS NOT NULL"
        "  UNION ALL"
        "  SELECT (SELECT min(room) FROM messages WHERE room > spoken.room) FROM spoken WHERE spoken.room IS NOT NULL"
        ") SELECT room FROM spoken WHERE room IS NOT NULL"
        " ORDER BY (SELECT max(id) FROM messages WHERE messages.room = spoken.room) DESC LIMIT ?",
        (ROOMS,),
    )
    return [row[0] for row in rows]


def history(db: sqlite3.Connection, question: History, up_to: int) -> tuple[Talk, ...]:
    """Answer the question from what has ids up to `up_to`."""
    end = min(up_to, LARGEST - 1) + 1
    before = end if question.before is None else max(-1, min(question.before, end))
    n = max(0, min(question.n, PAGE))
    without = _list(question.without)
    found: list[Talk] = []
    for room in dict.fromkeys(question.rooms):
        found += messages.last(db, room, n, before=before, without=without)
    if question.person:
        found += _in_private(db, question.person, before, without, n)
    found.sort(key=attrgetter("id"))
    return tuple(found[len(found) - min(n, len(found)) :])


def _in_private(db: sqlite3.Connection, person: str, before: int, without: str, n: int) -> Iterator[Whispered]:
    """Yield private talk. Who was away is for the sender alone."""
    rows = db.execute(
        "SELECT id, at, sender, recipients, text, iif(sender_key = ?1, away, '[]')"
        " FROM readers JOIN messages ON id = message WHERE key = ?1 AND message < ?2"
        " AND sender_key NOT IN (SELECT value FROM json_each(?3)) ORDER BY message DESC LIMIT ?4",
        (person, before, without, n),
    )
    return map(_whispered, rows)


def find(db: sqlite3.Connection, question: Find, up_to: int) -> tuple[Talk, ...]:
    """Return what was said in a room under the id that is asked for, if anything was."""
    return messages.find(db, question.id) if 0 < question.id <= min(up_to, LARGEST) else ()


def inbox(db: sqlite3.Connection, question: Inbox, up_to: int) -> tuple[Whispered, ...]:
    """Answer the question from what has ids up to `up_to`."""
    rows = db.execute(
        "SELECT id, at, sender, recipients, text, '[]'"
        " FROM readers JOIN messages ON id = message WHERE key = ? AND kept = 1 AND message <= ?"
        " ORDER BY message LIMIT ?",
        (question.person, min(up_to, LARGEST), max(0, min(question.n, PAGE))),
    )
    return tuple(map(_whispered, rows))


def _whispered(row: tuple[Any, ...]) -> Whispered:
    import json

    number, at, sender, to, text, away = row
    return Whispered(number, at, sender, tuple(json.loads(to)), text, tuple(json.loads(away)))
