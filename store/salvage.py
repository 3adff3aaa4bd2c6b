"""Saves what can be read from a damaged database. The damaged file is copied first, and the copy is never written to.

It reads each table from both ends up to the broken place. Where the first page is broken, which says where all
tables are, it borrows that of a new file: files of one version are all laid out alike.
"""

from __future__ import annotations

import sqlite3
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from store import messages
from store.folder import Folder, remove, touch
from store.schema import TABLES
from store.tables import last_id

Create = Callable[[Folder, Callable[[sqlite3.Connection], None]], None]

JUMP = 1_000_000
"""By how much the ids go on above the highest that could be read: higher ones may be in what is lost."""

_BROKEN = (sqlite3.Error, ValueError, OverflowError)


def recover(folder: Folder, wrong: str, create: Create) -> str:
    """Keep a copy of the damaged database, put a new one with what could be read in its place, and say what that is.

    `create` makes and fills a new database. Raises OSError, sqlite3.Error.
    """
    kept = _keep(folder)
    saved: dict[str, int] = {}
    work = folder.path / "chat.db.work"
    remove(work)
    try:
        if kept is not None:
            _copy(kept, work)
        create(folder, lambda db: saved.update(_fill(db, work)))
    finally:
        remove(work)
    return _report(folder, wrong, kept, saved)


def _keep(folder: Folder) -> Path | None:
    if not folder.database.exists():
        return None
    kept = folder.path / f"chat.db.damaged-{time.strftime('%Y%m%d-%H%M%S')}"
    while kept.exists():
        kept = kept.with_name(kept.name + "+")
    _copy(folder.database, kept)
    folder.sync()
    return kept


def _copy(source: Path, target: Path) -> None:
    from shutil import copyfile  # it takes 2 ms, and nearly no start needs it

    for end in ("", "-wal"):
        if Path(f"{source}{end}").exists():
            touch(Path(f"{target}{end}"))
            copyfile(f"{source}{end}", f"{target}{end}")


def _report(folder: Folder, wrong: str, kept: Path | None, saved: dict[str, int]) -> str:
    if kept is None:
        return f"In {folder.path}, {wrong}. A new, empty one has been made."
    return (
        f"The database {folder.database} was damaged: {wrong}. It is kept as {kept.name}. Saved from it: "
        f"{saved.get('accounts', 0)} accounts, {saved.get('messages', 0)} messages, {saved.get('blocks', 0)} blocks."
    )


def _fill(db: sqlite3.Connection, work: Path) -> dict[str, int]:
    """Move what can be read into the new database; returns how many rows of each table there were, and messages."""
    if not work.exists():
        return {}
    if not _opens(work):
        _graft(db, work)
    with closing(sqlite3.connect(work, isolation_level=None)) as old:
        old.text_factory = lambda data: data.decode("utf-8", "replace")
        db.execute("BEGIN")
        db.execute("DELETE FROM counters")
        saved = {table: sum(_insert(db, table, row) for row in _rows(old, table, TABLES[table])) for table in TABLES}
        db.execute("INSERT OR IGNORE INTO counters VALUES ('last_id', 0)")
        db.execute("UPDATE counters SET value = ? WHERE name = 'last_id'", (last_id(db) + JUMP,))
        db.execute("COMMIT")
    return saved | {"messages": messages.count(db)}


def _opens(work: Path) -> bool:
    """Say whether the tables of a file can be found."""
    try:
        with closing(sqlite3.connect(work)) as old:
            found = {row[0] for row in old.execute("SELECT name FROM sqlite_schema")}
    except sqlite3.Error:
        return False
    return {"accounts", "messages", "counters"} <= found  # later versions have more


def _graft(db: sqlite3.Connection, work: Path) -> None:
    """Replace the first page of `work` by that of the new database `db`."""
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    page: int = db.execute("PRAGMA page_size").fetchone()[0]
    fresh = Path(db.execute("PRAGMA database_list").fetchone()[2])
    pages = max(1, work.stat().st_size // page)
    with fresh.open("rb") as source, work.open("r+b") as target:
        first = bytearray(source.read(page))
        first[28:40] = struct.pack(">III", pages, 0, 0)  # as many pages as there are, none of them free
        target.write(first)


def _rows(old: sqlite3.Connection, table: str, key: str) -> Iterator[tuple[Any, ...]]:
    """Yield the rows from the first on; from a broken place, those from the last one backwards (some again)."""
    backwards = ", ".join(f"{column} DESC" for column in key.split(", "))
    for order in (key, backwards):
        try:
            yield from old.execute(f"SELECT * FROM {table} ORDER BY {order}")
        except _BROKEN:
            continue
        return


def _insert(db: sqlite3.Connection, table: str, row: tuple[Any, ...]) -> int:
    """Insert a row, and return 1; 0 for one that is there already or makes no sense."""
    marks = ", ".join("?" * len(row))
    columns = ", ".join(name for _, name, *_ in db.execute(f"PRAGMA table_info({table})").fetchmany(len(row)))
    try:
        return db.execute(f"INSERT OR IGNORE INTO {table} ({columns}) VALUES ({marks})", row).rowcount
    except _BROKEN:
        return 0
