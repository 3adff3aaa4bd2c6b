"""The thread that writes and reads the file. Who hands it something goes on at once, and hears of it through `wake`.

It commits what has gathered while it was busy, in order, in one transaction; only when that is on the disk is it
called done. What the disk refuses is kept, within bounds, and tried again, and the host is told.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from chat.facts import Audited, Change, MessageRemoved, Talk
from store import tables
from store.backlog import CHANGES, Backlog, Done, Turn
from store.folder import Folder
from store.journal import Journal
from store.records import Failure, Figures, Find, History, Inbox
from store.transactions import commit_all, commit_singly

Wake = Callable[[Callable[[], None]], None]
Warn = Callable[[str], None]
Question = History | Inbox | Find

BATCH = 2_000  # changes in one transaction, about; what was said in one go is one
BATCH_BYTES = 4 * 1024 * 1024
QUESTIONS = 1_000  # that may wait
PASSED_OVER = 8  # batches that questions wait for, at most, where more is written than fits into one
GATHER = 0.02  # seconds in which more may come, where nobody waits to hear that it is safe
RETRY = 1.0  # seconds until the next try, while the disk fails
REMIND = 60.0  # seconds until the host is told again
MUCH = CHANGES // 2  # changes that wait
STUCK = 10.0  # seconds after which a disk that does not answer counts as failing


class Writer:
    """Owns the open file from `start` on, and closes it at its end."""

    def __init__(self, folder: Folder, db: sqlite3.Connection, wake: Wake, warn: Warn) -> None:
        self._folder = folder
        self._presence = folder.presence()
        self._db = db
        self._wake = wake
        self._warn = warn
        self._bell = threading.Condition()
        self._backlog = Backlog()
        self._questions: list[tuple[Question, int, Callable[[Any], None]]] = []
        self._ready: list[tuple[Question, int, Callable[[Any], None]]] = []
        self._passed_over = 0
        self._batch: list[Turn] = []
        self._committed = False  # the batch is, but the file was gone from its place
        self._gathers = False
        self._urgent = False  # somebody waits for something of it
        self._began = 0.0
        self._longest = 0.0
        self._scrub = False
        self._journal = Journal(folder.path / "audit.log")
        self._trouble = ""
        self._told = -REMIND
        self._told_slow = -REMIND
        self._told_lost = 0
        self._closing = False
        self._deadline = 0.0
        self._thread = threading.Thread(target=self._run, name="store", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    # -- from the loop's thread

    def write(self, changes: Sequence[Change], done: Done | None) -> None:
        """Queue one turn's changes."""
        with self._bell:
            if not self._closing:
                self._backlog.put(changes, done)
                self._urgent = self._urgent or done is not None
                if not self._gathers or self._has_enough():
                    self._bell.notify()
        self._complain_of_slowness()

    def ask(self, question: Question, up_to: int, answer: Callable[[Any], None]) -> None:
        """Queue a question about what has ids up to `up_to`."""
        with self._bell:
            if self._closing:
                refusal = "The room is closing."
            elif len(self._questions) >= QUESTIONS:
                refusal = "Too many people ask at once. Try again in a moment."
            else:
                self._questions.append((question, up_to, answer))
                self._urgent = True
                self._bell.notify()
                return
        self._wake(partial(answer, Failure(refusal)))

    @property
    def figures(self) -> Figures:
        """How it does."""
        waiting = self._backlog.count + sum(turn.count for turn in tuple(self._batch))
        healthy = not self._trouble and not self._stuck()
        return Figures(healthy, waiting, self._backlog.lost, self._longest)

    @property
    def lags(self) -> bool:
        """Whether so much waits that soon something would be given up. A disk in trouble is waited for in vain."""
        return self._backlog.count > MUCH and not self._trouble and not self._stuck()

    def close(self, seconds: float) -> bool:
        """End, when all is written or so many seconds are over; True if all is written."""
        with self._bell:
            if not self._closing:
                self._closing = True
                self._deadline = time.monotonic() + seconds
                self._bell.notify()
        self._thread.join(max(0.0, self._deadline - time.monotonic()) + RETRY / 10)
        return not (self._thread.is_alive() or self._batch or self._backlog)

    def _stuck(self) -> bool:
        began = self._began
        return began > 0 and time.monotonic() - began > STUCK

    # -- the thread

    def _run(self) -> None:
        while self._wait():
            self._save()
            self._reply()
        self._ready += self._questions
        self._reply()
        self._end()

    def _wait(self) -> bool:
        """Wait for work, or for the next try; False when there is none any more, or no time."""
        with self._bell:
            if not self._trouble:
                self._bell.wait_for(self._has_work)
                self._gather()
            elif self._closing:
                self._bell.wait(RETRY / 10)
            else:
                self._bell.wait_for(lambda: self._closing, RETRY)
            if not self._closing:
                return True
            return bool(self._batch or self._backlog or self._questions) and time.monotonic() < self._deadline

    def _gather(self) -> None:
        """Let more come where nobody waits for what there is: each commit costs a thread's waking, and a disk's."""
        self._gathers = True
        self._bell.wait_for(self._has_enough, GATHER)
        self._gathers = self._urgent = False

    def _has_enough(self) -> bool:
        return self._urgent or self._closing or self._backlog.changes >= BATCH

    def _has_work(self) -> bool:
        return bool(self._backlog or self._questions or self._closing)

    def _save(self) -> None:
        """Commit the next batch; one that fails is kept for the next try."""
        with self._bell:
            self._batch = self._batch or self._backlog.take(BATCH, BATCH_BYTES)
            self._take_questions()
        if not self._batch:
            return
        self._began = time.monotonic()
        try:
            self._commit_batch()
        except Exception as error:  # noqa: BLE001 - whatever it is, the room goes on, and it is tried again
            self._fail(error)
        else:
            self._succeed()
        self._longest = max(self._longest, time.monotonic() - self._began)
        self._began = 0.0

    def _commit_batch(self) -> None:
        """Commit, and see that the file still stands under its name: what is written to a removed one is lost."""
        self._look_whether_it_is_there()
        if not self._committed:
            if not commit_all(self._db, self._batch):
                commit_singly(self._db, self._batch, self._log_fault)
            self._committed = True
            self._follow_up()
        if self._scrub:  # what was removed still stands in the log, until that is emptied into the file
            self._scrub = bool(self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0])
        self._look_whether_it_is_there()

    def _follow_up(self) -> None:
        """Write down for people what was done, and remember whether something was removed."""
        done = [change for turn in self._batch for change in turn.changes]
        self._scrub = self._scrub or any(isinstance(change, MessageRemoved) for change in done)
        acts = [change for change in done if isinstance(change, Audited)]
        if acts and (trouble := self._journal.write(acts)):
            self._tell(trouble)

    def _look_whether_it_is_there(self) -> None:
        try:
            if self._folder.presence() == self._presence:
                return
        except FileNotFoundError:
            pass
        raise OSError(f"{self._folder.database} has been removed or replaced while the server runs")

    def _succeed(self) -> None:
        batch, self._batch, self._committed = self._batch, [], False
        if self._trouble:
            self._trouble = ""
            self._tell(f"What is said is stored again, in {self._folder.path}.{self._losses()}")
        for turn in batch:
            if turn.done is not None:
                self._wake(turn.done)

    def _fail(self, error: Exception) -> None:
        first = not self._trouble
        self._trouble = str(error) or type(error).__name__
        if first or time.monotonic() - self._told >= REMIND:
            self._told = time.monotonic()
            self._tell(
                f"What is said cannot be stored in {self._folder.path}: {self._trouble}. The room goes on, and "
                f"it is tried again every second; {self.figures.pending} changes wait.{self._losses()}"
            )

    def _losses(self) -> str:
        """Return how many changes were given up since that was told last, as a sentence with a blank before it."""
        new, self._told_lost = self._backlog.lost - self._told_lost, self._backlog.lost
        return f" {new} changes waited too long and are lost." if new else ""

    def _take_questions(self) -> None:
        """Take those to be answered after this batch: all that was written before them is in it, or in the file.

        Where more than one batch waits they wait, too, but not for ever.
        """
        self._passed_over = self._passed_over + 1 if self._backlog and not self._trouble else 0
        if self._passed_over % PASSED_OVER == 0:
            self._ready, self._questions = self._questions, []

    def _reply(self) -> None:
        questions, self._ready = self._ready, []
        for question, up_to, answer in questions:
            self._wake(partial(answer, self._answer(question, up_to)))

    def _answer(self, question: Question, up_to: int) -> tuple[Talk, ...] | Failure:
        if self._trouble:
            return Failure("What was said cannot be read at the moment: the server's disk does not work as it should.")
        try:
            if isinstance(question, History):
                return tables.history(self._db, question, up_to)
            if isinstance(question, Find):
                return tables.find(self._db, question, up_to)
            return tables.inbox(self._db, question, up_to)
        except Exception as error:  # noqa: BLE001 - whoever asked gets an answer, whatever happened
            self._tell(f"What was said cannot be read from {self._folder.database}: {error}.")
            return Failure("What was said cannot be read: the server's file is damaged. The host has been told.")

    def _end(self) -> None:
        """Close the file, and seal it where it was closed in good order."""
        try:
            self._db.close()
            if not self._trouble and not self._folder.wal.exists():
                self._folder.seal()
        except (OSError, sqlite3.Error) as error:
            self._tell(f"{self._folder.database} could not be closed in good order: {error}.")
        finally:
            self._folder.release()

    # -- words for the host

    def _tell(self, text: str) -> None:
        self._wake(partial(self._warn, text))

    def _complain_of_slowness(self) -> None:
        """Tell the host, from the loop's side, of a disk that holds the thread up."""
        slow = self._stuck() or (self._backlog.lost > self._told_lost and not self._trouble)
        if slow and time.monotonic() - self._told_slow >= REMIND:
            self._told_slow = time.monotonic()
            waiting = self.figures.pending
            self._tell(f"The disk of {self._folder.path} is too slow: {waiting} changes wait.{self._losses()}")

    def _log_fault(self, change: Change, error: Exception) -> None:
        """Have a change that no disk would take logged in the loop, without what was said in it."""
        from logging import getLogger  # it takes 4 ms of the start, and comes when the room is open

        log = getLogger("chat.store")
        self._wake(partial(log.error, "%s could not be stored", type(change).__name__, exc_info=error))
