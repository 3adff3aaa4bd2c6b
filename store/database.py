"""Opens the file: a new one, one of ours, one of an earlier version; tells a stranger's and a damaged one apart.

What is not ours, or newer than this program, is recognised by its first bytes, without touching it. It knows
what stands in the tables only where it has to be saved from a damaged file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from store import schema
from store.folder import Folder, remove, remove_logs, touch

THOROUGH = 64 * 1024 * 1024
"""Bytes up to which a file is checked with its indexes (40 ms for 17 MB); a larger one only as far as reading needs."""

_MAGIC = b"SQLite format 3\0"
_SETTINGS = (
    "busy_timeout = 0",
    "foreign_keys = ON",
    "trusted_schema = OFF",
    "cell_size_check = ON",
    "journal_mode = WAL",
    "synchronous = FULL",  # an acknowledged message outlives a power cut, not only our own end
    "journal_size_limit = 16777216",
    "secure_delete = ON",  # what is removed is overwritten
)


def open_database(folder: Folder, warn: Callable[[str], None], *, recover: bool) -> sqlite3.Connection:
    """Return an open connection to the database of a folder that is held, made or mended if need be.

    Raises Unusable; then the file is as it was, but for the log SQLite itself may have put away.
    """
    try:
        remove(folder.fresh)
        wrong = _wrong(folder, thorough=recover)
        if wrong and not recover:
            raise folder.damaged(wrong)
        if wrong:
            from store import salvage  # hardly a start needs it

            warn(salvage.recover(folder, wrong, create))
        elif not folder.database.exists():
            create(folder)
        return _ready(folder)
    except (OSError, sqlite3.Error) as error:
        raise folder.unusable(str(error)) from error


def create(folder: Folder, fill: Callable[[sqlite3.Connection], None] = lambda db: None) -> None:
    """Make a new database, fill it, and only then give it its name, so that an unfinished one never bears it."""
    touch(folder.fresh)
    db = connect(folder.fresh)
    try:
        schema.migrate(db)
        fill(db)
    finally:
        db.close()
    remove(folder.database)
    folder.fresh.rename(folder.database)
    folder.sync()


def connect(path: Path) -> sqlite3.Connection:
    """Open an existing file for reading and writing, from whatever thread. Raises sqlite3.Error."""
    db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, check_same_thread=False)
    try:
        for setting in _SETTINGS:
            db.execute(f"PRAGMA {setting}")
    except sqlite3.Error:
        db.close()
        raise
    return db


def _ready(folder: Folder) -> sqlite3.Connection:
    db = connect(folder.database)
    try:
        if schema.version(db) > schema.VERSION:
            raise _newer(folder, schema.version(db))
        schema.migrate(db)
        db.execute("PRAGMA ignore_check_constraints = ON")  # they are half of what a message costs; types say the same
    except BaseException:
        db.close()
        raise
    return db


def _wrong(folder: Folder, *, thorough: bool) -> str:
    """Return what is wrong with the file, or an empty string. Raises Unusable for one that is not for us."""
    if folder.lost():
        return "there was a database here, and the file is gone"
    if not folder.database.exists():
        return ""
    with folder.database.open("rb") as file:
        head = file.read(100)
    if not head:
        return "the file is empty"
    if not head.startswith(_MAGIC) or len(head) < 100:
        return "it does not begin as a database does (is it another file that was given this name?)"
    _check_owner(folder, head)
    if not thorough and folder.sealed():
        return ""
    from store import wal

    return wal.damage(folder.wal) or _unsound(folder)


def _check_owner(folder: Folder, head: bytes) -> None:
    number, application = int.from_bytes(head[60:64]), int.from_bytes(head[68:72])
    if application != schema.APPLICATION:
        raise folder.unusable("chat.db in it is the database of another program")
    if number > schema.VERSION:
        raise _newer(folder, number)


def _newer(folder: Folder, number: int) -> Exception:
    return folder.unusable(
        f"chat.db in it was written by a newer chat server: its version is {number}, this program's is {schema.VERSION}"
    )


def _unsound(folder: Folder) -> str:
    """Let SQLite look through the whole file, read-only; returns what it found first, or an empty string."""
    database, logged = folder.database, folder.wal.exists()
    check = "integrity_check" if database.stat().st_size < THOROUGH else "quick_check"
    db = sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)
    try:
        found: str = db.execute(f"PRAGMA {check}(1)").fetchone()[0]
    except sqlite3.OperationalError:
        raise  # the disk or the rights, not the file
    except sqlite3.DatabaseError as error:
        return str(error)
    finally:
        db.close()
        if not logged:
            remove_logs(database)
    return "" if found == "ok" else found.replace("\n", " ")
