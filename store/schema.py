"""The tables, and how a file of an earlier version becomes one of today's.

A version is never edited once it has been used: what changes is a further entry in `MIGRATIONS`, and the text
of a file of the version before, in tests/data.
"""

from __future__ import annotations

import sqlite3

APPLICATION = 0x43484154
"""What stands in every file of ours as its application_id: the letters CHAT."""

_FIRST = """
CREATE TABLE accounts (
    key TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    hash TEXT NOT NULL,
    made REAL NOT NULL,
    seen REAL NOT NULL,
    seconds REAL NOT NULL DEFAULT 0,
    messages INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- One row for each thing said, whoever may read it. In private, `room` is NULL and `recipients` and `away` are lists.
CREATE TABLE messages (
    id INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('said', 'acted', 'whispered')),
    room TEXT,
    sender TEXT NOT NULL,
    sender_key TEXT NOT NULL,
    text TEXT NOT NULL,
    recipients TEXT NOT NULL DEFAULT '[]',
    away TEXT NOT NULL DEFAULT '[]'
) STRICT;
CREATE INDEX messages_by_room ON messages (room, id) WHERE room IS NOT NULL;

-- Who may read a private message, and for whom it is still kept unread.
CREATE TABLE readers (
    key TEXT NOT NULL REFERENCES accounts ON DELETE CASCADE,
    message INTEGER NOT NULL REFERENCES messages ON DELETE CASCADE,
    kept INTEGER NOT NULL CHECK (kept IN (0, 1)),
    PRIMARY KEY (key, message)
) STRICT, WITHOUT ROWID;
CREATE INDEX readers_by_message ON readers (message);
CREATE INDEX inboxes ON readers (key, message) WHERE kept = 1;

CREATE TABLE blocks (
    key TEXT NOT NULL REFERENCES accounts ON DELETE CASCADE,
    other TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (key, other)
) STRICT, WITHOUT ROWID;

CREATE TABLE watches (
    key TEXT NOT NULL REFERENCES accounts ON DELETE CASCADE,
    other TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (key, other)
) STRICT, WITHOUT ROWID;

CREATE TABLE rooms (
    name TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    description TEXT NOT NULL,
    owner TEXT NOT NULL,
    own INTEGER NOT NULL CHECK (own IN (0, 1))
) STRICT, WITHOUT ROWID;

CREATE TABLE counters (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO counters VALUES ('last_id', 0);
"""

_SECOND = """
ALTER TABLE accounts ADD COLUMN standing INTEGER NOT NULL DEFAULT 1;

-- Who is kept out or may not speak, until when; 0 is for ever.
CREATE TABLE sanctions (
    kind TEXT NOT NULL CHECK (kind IN ('ban', 'mute')),
    sort TEXT NOT NULL,
    key TEXT NOT NULL,
    shown TEXT NOT NULL,
    until REAL NOT NULL,
    at REAL NOT NULL,
    who TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (kind, sort, key)
) STRICT, WITHOUT ROWID;

-- What the host and the operators did.
CREATE TABLE audit (
    number INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    who TEXT NOT NULL,
    act TEXT NOT NULL,
    object TEXT NOT NULL,
    text TEXT NOT NULL
) STRICT;
"""

_THIRD = """
-- What the host has decided and did not take back, such as `lock lobby`.
CREATE TABLE decisions (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
"""

_FOURTH = """
-- What one person said in one go is one row: so many texts, with a line feed between two. `id` is that of the first.
ALTER TABLE messages ADD COLUMN lines INTEGER NOT NULL DEFAULT 1;
"""

MIGRATIONS = (_FIRST, _SECOND, _THIRD, _FOURTH)
"""What makes version 1 of nothing, version 2 of version 1, and so on."""

VERSION = len(MIGRATIONS)

TABLES = {
    "accounts": "key",
    "messages": "id",
    "readers": "key, message",
    "blocks": "key, other",
    "watches": "key, other",
    "rooms": "name",
    "sanctions": "kind, sort, key",
    "audit": "number",
    "decisions": "name",
    "counters": "name",
}
"""Each table with its primary key; what others refer to stands first."""


def version(db: sqlite3.Connection) -> int:
    """Return the version of an open file; 0 for a new one."""
    number: int = db.execute("PRAGMA user_version").fetchone()[0]
    return number


def migrate(db: sqlite3.Connection, migrations: tuple[str, ...] = MIGRATIONS) -> None:
    """Bring an open file to the last version, each step whole or not at all; raises sqlite3.Error."""
    for number, script in enumerate(migrations, 1):
        if number > version(db):
            _step(db, number, script)


def _step(db: sqlite3.Connection, number: int, script: str) -> None:
    try:
        db.executescript(
            f"BEGIN IMMEDIATE; {script}; PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {number}; COMMIT;"
        )
    except sqlite3.Error:
        if db.in_transaction:
            db.rollback()
        raise
