"""What was said to rooms, as rows: what one person says in one go is one row, and is read as the messages it is.

A row has the id of its first message, how many `lines` it holds, and their texts with a line feed between two; the
other ids follow on the first. What is too long for a row is several, so that little is read in vain. It knows nothing
of what is said in private, but that it stands in the same table: one row for each message.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from functools import cache
from itertools import islice
from typing import Any

from chat.events import Acted, Said
from chat.facts import MessagesSaved

LONGEST = 16_384
"""Characters in a row of several messages."""

AT_ONCE = 124
"""Rows in one statement at most: the oldest SQLite takes 999 values."""

LARGEST = 2**63 - 1
"""The largest number that a column can hold."""

WIDTH = 8
"""The values of a row."""

_COLUMNS = "id, at, kind, room, sender, sender_key, text, lines"

Row = tuple[int, float, str, str, str, str, str, int]
Portion = tuple[int, str, int]

# -- writing


def write(db: sqlite3.Connection, changes: Iterable[MessagesSaved]) -> None:
    """Write what was said to rooms."""
    values: list[Any] = []
    for change in changes:
        first, key = change.first, change.sender_key
        kind = "acted" if type(first) is Acted else "said"
        for number, text, lines in _portions(first.id, change.text, change.lines):
            values += number, first.at, kind, first.room, first.sender, key, text, lines
    _insert(db, values)


def _portions(number: int, text: str, lines: int) -> Iterable[Portion]:
    """Return what goes into a row each: the first id, the text and the lines. What is too long is cut at line feeds."""
    return ((number, text, lines),) if lines == 1 or len(text) <= LONGEST else _cut(number, text, lines)


def _cut(number: int, text: str, lines: int) -> Iterator[Portion]:
    start = 0
    while lines > 1 and len(text) - start > LONGEST:
        end = text.rfind("\n", start, start + LONGEST + 1)
        end = end if end >= 0 else text.index("\n", start)
        part, start = text[start:end], end + 1
        held = part.count("\n") + 1
        yield number, part, held
        number, lines = number + held, lines - held
    yield number, text[start:], lines


def _insert(db: sqlite3.Connection, values: list[Any]) -> None:
    """Insert rows with few statements: for each the interpreter is given up, and taken again.

    There are few sizes of them, too, so that they stay prepared.
    """
    start = 0
    while left := (len(values) - start) // WIDTH:
        size = AT_ONCE if left >= AT_ONCE else 1 << (left.bit_length() - 1)
        end = start + size * WIDTH
        db.execute(_insertion(size), values[start:end])
        start = end


@cache
def _insertion(rows: int) -> str:
    return f"INSERT INTO messages ({_COLUMNS}) VALUES " + ", ".join(["(?, ?, ?, ?, ?, ?, ?, ?)"] * rows)


def remove(db: sqlite3.Connection, number: int) -> None:
    """Remove the message with this id. What was said before and after it in the same go stays, as rows of their own."""
    row = _holding(db, number)
    if row is None:
        return
    first, *common, text, lines = row
    db.execute("DELETE FROM messages WHERE id = ?", (first,))
    texts, place = _texts(text, lines), number - first
    for start, part in ((first, texts[:place]), (number + 1, texts[place + 1 :])):
        if part:
            _insert(db, [start, *common, "\n".join(part), len(part)])


# -- reading


def last_id(db: sqlite3.Connection) -> int:
    """Return the id of the last message; 0 where there is none."""
    row = db.execute(f"SELECT {_COLUMNS} FROM messages ORDER BY id DESC LIMIT 1").fetchone()
    return _last_id(row) if row else 0


def count(db: sqlite3.Connection) -> int:
    """Return how many messages there are."""
    return int(db.execute("SELECT total(lines) FROM messages").fetchone()[0])


def find(db: sqlite3.Connection, number: int) -> tuple[Said | Acted, ...]:
    """Return what was said in a room under this id: one thing, or nothing."""
    row = _holding(db, number)
    if row is None or row[3] is None:
        return ()
    return (_events(row)[number - row[0]],)


def last(
    db: sqlite3.Connection, room: str, n: int, *, before: int = LARGEST, without: str = "[]"
) -> list[Said | Acted]:
    """Return the last `n` things said in a room under ids below `before`, newest first.

    What those said whose keys are in `without`, a list as JSON, is left out. No more rows are read than that takes.
    """
    query = (
        f"SELECT {_COLUMNS} FROM messages WHERE room = ? AND id < ?"
        " AND sender_key NOT IN (SELECT value FROM json_each(?)) ORDER BY id DESC"
    )
    with closing(db.execute(query, (room, before, without))) as rows:
        events = (event for row in rows for event in reversed(_events(row)) if event.id < before)
        return list(islice(events, n))


def _holding(db: sqlite3.Connection, number: int) -> Row | None:
    """Return the row that holds the message with this id, whoever may read it."""
    query = f"SELECT {_COLUMNS} FROM messages WHERE id <= ? ORDER BY id DESC LIMIT 1"
    row: Row | None = db.execute(query, (number,)).fetchone()
    return row if row is not None and number <= _last_id(row) else None


def _events(row: Row) -> list[Said | Acted]:
    first, at, kind, room, sender, _, text, lines = row
    made = Said if kind == "said" else Acted
    return [made(number, at, room, sender, line) for number, line in enumerate(_texts(text, lines), first)]


def _last_id(row: Row) -> int:
    return row[0] + len(_texts(*row[-2:])) - 1


def _texts(text: str, lines: int) -> list[str]:
    """Return the texts of a row, as many as there are: in what was saved from a damaged file, `lines` may be wrong."""
    return text.split("\n", lines - 1)
