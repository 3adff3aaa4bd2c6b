"""The store: what lasts, in one file. The loop hands over what happened, and never waits for the disk.

This is the side that the server sees; the work is done by `writer`, in a thread.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Self, overload

from chat.events import Whispered
from chat.facts import Change, IdsReserved, Talk, last_said
from store import tables
from store.backlog import Done
from store.database import open_database
from store.folder import Folder
from store.records import Failure, Figures, Find, History, Inbox, Loaded
from store.transactions import commit
from store.writer import Wake, Warn, Writer

RESERVE = 1_000_000
"""Event ids that may be used before the file says so again."""


class Store:
    """One data folder, open. Only `open`, `load` and `close` wait for the disk, or raise for its sake."""

    def __init__(self, folder: Folder, db: sqlite3.Connection, wake: Wake, warn: Warn) -> None:
        """Use `open`, which makes the arguments."""
        self._folder = folder
        self._db = db
        self._last_id = self._newest = tables.last_id(db)
        self._reserved = self._last_id + RESERVE
        commit(db, [IdsReserved(self._reserved)])
        self._writer = Writer(folder, db, wake, warn)
        self._writer.start()

    @classmethod
    def open(cls, folder: Path, wake: Wake, warn: Warn, *, recover: bool = False) -> Self:
        """Open the database in `folder`; what is not there is made.

        `wake` is called from the store's thread with what is to be run in the loop (`Loop.call_soon`); `done`,
        `answer` and `warn` are only ever called through it. `warn` takes sentences for the host. With `recover`, a
        damaged file is kept as chat.db.damaged-YYYYmmdd-HHMMSS, and what can be read goes into a new one.

        Raises Unusable for a folder that cannot be used or is in use, and for a file that is damaged, not ours, or
        newer than this program; such a file stays as it is.
        """
        place = Folder(folder)
        try:
            place.hold()
            db = open_database(place, lambda text: wake(partial(warn, text)), recover=recover)
            try:
                return cls(place, db, wake, warn)
            except (OSError, sqlite3.Error) as error:
                db.close()
                raise place.unusable(str(error)) from error
        except BaseException:
            place.release()
            raise

    def last_id(self) -> int:
        """Return the highest event id that may have been used before this start; begin above it."""
        return self._last_id

    def load(self, recent: int) -> Loaded:
        """Return accounts, rooms, and the last `recent` messages of each room (of the `tables.ROOMS` talked in last).

        To be called before the first `write`. Blocks. Raises Unusable where the file turns out to be damaged.
        """
        try:
            return tables.load(self._db, recent)
        except sqlite3.Error as error:
            raise self._folder.damaged(str(error)) from error

    # -- while running

    def go_on(self, newest: int) -> None:
        """Say that this is the id used last, where the room goes on that used the store before."""
        self._newest = newest

    def used(self, newest: int) -> None:
        """Say once a turn which event id was used last, so that no start ever uses it again."""
        self._newest = max(self._newest, newest)
        if self._newest > self._reserved - RESERVE // 2:
            self._reserved = self._newest + RESERVE
            self.write([IdsReserved(self._reserved)])

    def write(self, changes: Sequence[Change], done: Done | None = None) -> None:
        """Store one turn's changes, after those of the turns before.

        `done` is called once they are on the disk; never, if something of the turn had to be given up: when more
        than 50,000 changes or 32 MiB wait, the oldest talk goes first, and what cannot be stored for a fault of
        its own is left out and logged. After `close` nothing is stored.
        """
        self._newest = max(self._newest, last_said(changes))
        self._writer.write(changes, done)

    @overload
    def ask(self, question: History, answer: Callable[[tuple[Talk, ...] | Failure], None]) -> None: ...

    @overload
    def ask(self, question: Inbox, answer: Callable[[tuple[Whispered, ...] | Failure], None]) -> None: ...

    @overload
    def ask(self, question: Find, answer: Callable[[tuple[Talk, ...] | Failure], None]) -> None: ...

    def ask(self, question: History | Inbox | Find, answer: Callable[..., None]) -> None:
        """Have a question answered: from all that was written before it, and nothing that was written after it.

        `answer` is called once, with the answer, or with a Failure: when the disk fails, when 1,000 questions wait
        already, and after `close`.
        """
        self._writer.ask(question, self._newest, answer)

    @property
    def healthy(self) -> bool:
        """Whether what is written reaches the disk, as far as one knows."""
        return self._writer.figures.healthy

    @property
    def lags(self) -> bool:
        """Whether much more is written than the thread has time for, though the disk is well."""
        return self._writer.lags

    @property
    def figures(self) -> Figures:
        """How the store does, for the host's STATS."""
        return self._writer.figures

    def close(self, seconds: float) -> bool:
        """Store what waits, for at most so long, and close the file; True if all is on the disk. Twice is harmless.

        The last `done` and `answer` are handed to `wake` before it returns: they want one more turn of the loop.
        """
        return self._writer.close(seconds)
