"""What the tests of the store share: a stand-in for the loop, a child to be killed, and files of earlier versions.

`python -m tests.store_helpers FOLDER FIRST` writes messages numbered from FIRST until it is killed, and prints each
number once it is acknowledged. `python -m tests.store_helpers --keep` writes down a file of today's version as SQL,
in tests/data: to be done once, before the version changes.
"""

from __future__ import annotations

import queue
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from chat.events import Acted, Said, Whispered
from store import (
    AccountMade,
    AccountSeen,
    Blocked,
    Change,
    Find,
    History,
    Inbox,
    MessagesSaved,
    RoomMade,
    Store,
    Watched,
    WhisperSaved,
)
from store.schema import VERSION
from tests.support import PATIENCE

DATA = Path(__file__).with_name("data")


def spoken(key: str, *events: Said | Acted) -> MessagesSaved:
    """Return what one person said in one go, as the hub tells the store."""
    return MessagesSaved(events[0], key, "\n".join(event.text for event in events), len(events))


SAMPLE: tuple[Change, ...] = (
    AccountMade("ann", "Ann", "$argon2id$ann", 1000.5),
    AccountMade("bob", "Bob", "$argon2id$bob", 1001.5),
    AccountSeen("ann", 2000.0, 60.5, 3),
    Blocked("ann", "mallory", "Mallory"),
    Watched("bob", "ann", "Ann"),
    RoomMade("weather", "Weather", "Talk about the weather", "ann", True),
    spoken("ann", Said(10, 1500.25, "lobby", "Ann", "héllo, 世界 👋")),
    spoken("guest", Acted(11, 1500.5, "lobby", "guest", "waves")),
    spoken("ann", Said(12, 1501.0, "weather", "Ann", "two\nlines")),
    WhisperSaved(Whispered(13, 1502.0, "Ann", ("Cat",), "psst", ("Bob",)), "ann", ("ann",), ("bob",)),
)

IN_ONE_GO = spoken("ann", *(Said(number, 1503.0, "den", "Ann", f"line {number}") for number in (20, 21, 22)))
"""What files have from version 4 on."""


class Desk:
    """Stands in for the loop: runs what the store leaves for it, and keeps what it says to the host."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.stores: list[Store] = []
        self._actions: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()

    def open(self, folder: Path, **how: Any) -> Store:
        self.stores.append(Store.open(folder, self._actions.put, self.warnings.append, **how))
        return self.stores[-1]

    def turn(self, seconds: float = 0.05) -> None:
        """Run what is there, or what comes first within so many seconds."""
        try:
            self._actions.get(timeout=seconds)()
            while True:
                self._actions.get_nowait()()
        except queue.Empty:
            pass

    def until(self, happened: Callable[[], object], seconds: float = PATIENCE) -> None:
        deadline = time.monotonic() + seconds
        while not happened():
            assert time.monotonic() < deadline, f"it did not happen within {seconds} s; warnings: {self.warnings}"
            self.turn()

    def write(self, store: Store, *changes: Change) -> None:
        """Write one turn, and wait until it is on the disk."""
        done: list[bool] = []
        store.write(changes, lambda: done.append(True))
        self.until(lambda: done)

    def ask(self, store: Store, question: History | Inbox | Find) -> Any:
        answers: list[Any] = []
        store.ask(question, answers.append)
        self.until(lambda: answers)
        return answers[0]

    def close(self) -> None:
        for store in self.stores:
            store.close(PATIENCE)
        self.turn(0)


def rows(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    """Return what is in the file, read past the store."""
    with closing(sqlite3.connect(folder / "chat.db")) as db:
        return db.execute(sql).fetchall()


def stored(folder: Path) -> list[tuple[int, str]]:
    """Return the ids and texts of all messages in the file, read past the store."""
    found: list[tuple[int, str]] = []
    for number, text, lines in rows(folder, "SELECT id, text, lines FROM messages ORDER BY id"):
        found += enumerate(text.split("\n") if lines > 1 else [text], number)
    return found


def _write_until_killed(folder: Path, number: int) -> None:
    desk = Desk()
    store = desk.open(folder)
    event_id = store.last_id()
    chance = random.Random(number)
    print("open", flush=True)
    while True:
        changes: list[Change] = [AccountMade(f"user{number}", f"User{number}", "hash", 0.0)]
        first = number
        for _ in range(chance.randint(1, 5)):
            count = chance.choice((1, 1, 3, 40))
            said = [
                Said(event_id + place, 0.0, "lobby", "ann", f"{number + place - 1} " + "x" * 200)
                for place in range(1, count + 1)
            ]
            changes.append(spoken("ann", *said))
            event_id, number = event_id + count, number + count
        store.write(changes, lambda numbers=range(first, number): print(*numbers, sep="\n", flush=True))  # type: ignore[misc]
        desk.turn(chance.random() * 0.002)


def _keep() -> None:
    with tempfile.TemporaryDirectory() as name:
        desk, folder = Desk(), Path(name)
        desk.write(desk.open(folder), *SAMPLE, IN_ONE_GO)
        desk.close()
        with closing(sqlite3.connect(folder / "chat.db")) as db:
            marks = [f"PRAGMA {mark} = {db.execute(f'PRAGMA {mark}').fetchone()[0]};" for mark in MARKS]
            DATA.joinpath(f"store-{VERSION}.sql").write_text("\n".join([*marks, *db.iterdump(), ""]), encoding="utf-8")


MARKS = ("application_id", "user_version")

if __name__ == "__main__":
    if sys.argv[1] == "--keep":
        _keep()
    else:
        _write_until_killed(Path(sys.argv[1]), int(sys.argv[2]))
