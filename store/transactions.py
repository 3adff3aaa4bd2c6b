"""Writes many changes in one transaction, and tells a faulty change from a faulty disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from chat.facts import Change
from store.backlog import Turn
from store.tables import apply, apply_all

Report = Callable[[Change, Exception], None]


def commit(db: sqlite3.Connection, changes: Sequence[Change]) -> None:
    """Write these changes, all or none; raises what the first one raises that cannot be written."""
    with _transaction(db):
        apply_all(db, changes)


def commit_all(db: sqlite3.Connection, turns: Sequence[Turn]) -> bool:
    """Write these turns, all or none; False where one of their changes is faulty. Raises what is the disk's fault."""
    try:
        commit(db, [change for turn in turns for change in turn.changes])
    except Exception as error:
        if _of_the_disk(error):
            raise
        return False
    return True


def commit_singly(db: sqlite3.Connection, turns: Sequence[Turn], report: Report) -> None:
    """Write these turns but for changes that are faulty in themselves: those are reported, and their turns not done."""
    with _transaction(db):
        for turn in turns:
            for change in turn.changes:
                error = _fault(db, change)
                if error is not None:
                    turn.done = None
                    report(change, error)


def _fault(db: sqlite3.Connection, change: Change) -> Exception | None:
    """Write one change whole or not at all; returns what is wrong with it, if anything."""
    db.execute("SAVEPOINT change")
    try:
        apply(db, change)
    except Exception as error:
        if _of_the_disk(error):
            raise
        db.execute("ROLLBACK TO change")
        return error
    finally:
        if db.in_transaction:
            db.execute("RELEASE change")
    return None


@contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _of_the_disk(error: Exception) -> bool:
    """Say whether the same changes may well be written later: the disk, the file or the memory is at fault."""
    return isinstance(error, OSError | MemoryError | sqlite3.OperationalError) or type(error) is sqlite3.DatabaseError
