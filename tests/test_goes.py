"""What one person says in one go is one row of the file, and who reads finds single messages, each by its id."""

from __future__ import annotations

import os
import random
import re
import sqlite3
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat.events import Acted, Said, Whispered
from chat.facts import Talk, last_said, weigh
from chat.text import clean
from store import AccountMade, Change, Find, History, MessageRemoved, MessagesSaved, Unusable, WhisperSaved, messages
from store.schema import APPLICATION, MIGRATIONS, migrate
from tests.store_helpers import DATA, Desk, rows, spoken, stored
from tests.support import PATIENCE, JsonClient, PlainClient, Server


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk()
    yield desk
    desk.close()


def go(first: int, *texts: str, room: str = "lobby", sender: str = "ann") -> MessagesSaved:
    return spoken(sender, *(Said(number, 5.0, room, sender, text) for number, text in enumerate(texts, first)))


def texts(events: Any) -> list[str]:
    return [event.text for event in events]


# -- as a plain list of messages would


LINE = st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=12)
TEXTS = st.one_of(
    st.lists(LINE, min_size=1, max_size=9), st.builds("{}\n{}".format, LINE, LINE).map(lambda text: [text])
)
KEYS = st.sampled_from(["ann", "bob", "cat"])
ROOMS = st.sampled_from(["lobby", "weather"])
STEPS = st.one_of(
    st.tuples(st.just("said"), KEYS, ROOMS, TEXTS, st.integers(0, 3)),
    st.tuples(st.just("acted"), KEYS, ROOMS, TEXTS, st.integers(0, 3)),
    st.tuples(st.just("whispered"), KEYS, LINE),
    st.tuples(st.just("removed"), st.integers(0, 60)),
)


@dataclass
class Model:
    """Everything that was said and not removed, in a plain list."""

    said: list[tuple[str, Talk]] = field(default_factory=list)  # each behind the key of who said it
    newest: int = 0

    def change(self, step: Any) -> Change:
        """Do a step; return what the store is told of it."""
        match step:
            case ("removed", number):
                self.said = [(key, event) for key, event in self.said if event.id != number]
                return MessageRemoved(number)
            case ("whispered", key, text):
                whisper = Whispered(self.newest + 1, 1.0, key, ("ann",), text)
                self._note(key, whisper)
                return WhisperSaved(whisper, key, ("ann",))
            case (kind, key, room, lines, gap):
                made = Said if kind == "said" else Acted
                first = self.newest + 1 + gap
                events = [made(number, 2.0, room, key, line) for number, line in enumerate(lines, first)]
                self._note(key, *events)
                return spoken(key, *events)
        raise AssertionError(step)

    def _note(self, key: str, *events: Talk) -> None:
        self.said += [(key, event) for event in events]
        self.newest = events[-1].id

    def history(self, question: History) -> tuple[Talk, ...]:
        before = self.newest + 1 if question.before is None else question.before
        found = [event for key, event in self.said if event.id < before and key not in question.without]
        heard = [event for event in found if isinstance(event, Whispered) or event.room in question.rooms]
        mine = [event for event in heard if question.person or not isinstance(event, Whispered)]
        return tuple(mine[len(mine) - min(question.n, len(mine)) :])

    def recent(self, n: int) -> dict[str, tuple[Talk, ...]]:
        names = {event.room for _, event in self.said if not isinstance(event, Whispered)}
        return {name: self.history(History((name,), n=n)) for name in names}

    def find(self, number: int) -> tuple[Talk, ...]:
        return tuple(e for _, e in self.said if e.id == number and not isinstance(e, Whispered))


QUESTIONS = st.builds(
    History,
    st.sampled_from([(), ("lobby",), ("lobby", "weather")]),
    st.sampled_from(["", "ann"]),
    st.one_of(st.none(), st.integers(-1, 60)),
    st.integers(0, 30),
    st.sampled_from([(), ("bob",), ("ann", "cat")]),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    turns=st.lists(st.lists(STEPS, max_size=5), max_size=8),
    questions=st.lists(QUESTIONS, min_size=4, max_size=8),
    longest=st.sampled_from([8, messages.LONGEST]),
)
def test_a_file_reads_as_a_list_of_messages(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    turns: list[list[Any]],
    questions: list[History],
    longest: int,
) -> None:
    """Whatever goes of whatever length are written, and whatever of them is removed; before a restart and after."""
    monkeypatch.setattr(messages, "LONGEST", longest)
    folder = tmp_path_factory.mktemp("goes")
    desk, model = Desk(), Model()
    try:
        store = desk.open(folder)
        store.write([AccountMade("ann", "Ann", "hash", 1.0)])
        for turn in turns:
            store.write([model.change(step) for step in turn])
        for _ in ("before", "after"):
            for question in questions:
                assert desk.ask(store, question) == model.history(question)
            for number in range(model.newest + 2):
                assert desk.ask(store, Find(number)) == model.find(number)
            assert {len(text.split("\n")) == 1 or len(text) <= longest for (text,) in _goes(folder)} <= {True}
            assert store.close(PATIENCE)
            store = desk.open(folder)
            assert store.load(7).recent == model.recent(7)
            assert store.last_id() >= model.newest
        assert desk.warnings == []
    finally:
        desk.close()


def _goes(folder: Path) -> list[tuple[Any, ...]]:
    return rows(folder, "SELECT text FROM messages WHERE lines > 1")


@given(st.text())
def test_cleaning_what_was_said_in_one_go_cleans_each_line_of_it(text: str) -> None:
    """Whatever it takes away or puts in its place: the lines can be told apart again."""
    assert clean(text).split("\n") == [clean(line) for line in text.split("\n")]


# -- one row


def test_one_go_is_one_row(desk: Desk, tmp_path: Path) -> None:
    store = desk.open(tmp_path)
    desk.write(store, go(1, "one", "two", "three"), go(4, "two\nlines"), go(5, *"abc", sender="bob"))
    assert rows(tmp_path, "SELECT id, text, lines FROM messages") == [
        *((1, "one\ntwo\nthree", 3), (4, "two\nlines", 1), (5, "a\nb\nc", 3)),
    ]
    assert texts(desk.ask(store, History(("lobby",), before=7, n=4))) == ["three", "two\nlines", "a", "b"]
    assert store.last_id() == 0
    store.close(PATIENCE)
    assert desk.open(tmp_path).last_id() >= 7


def test_a_long_go_is_several_rows_and_a_long_message_one(desk: Desk, tmp_path: Path) -> None:
    store = desk.open(tmp_path)
    lines = ["x" * 90 + f"{number:04}" for number in range(1000)]
    desk.write(store, go(1, *lines, "y" * 50_000, "z"), go(2000, "w" * 70_000))
    sizes = rows(tmp_path, "SELECT id, length(text), lines FROM messages ORDER BY id")
    assert all(length <= messages.LONGEST or lines == 1 for _, length, lines in sizes)
    assert len(sizes) == 6 + 1 + 1 + 1
    assert texts(desk.ask(store, History(("lobby",), n=1000))) == [*lines[3:], "y" * 50_000, "z", "w" * 70_000]


def test_what_waits_is_counted_in_messages() -> None:
    changes: list[Change] = [go(1, "x" * 100), go(2, *["y" * 100] * 64), AccountMade("ann", "Ann", "hash", 1.0)]
    count, weight = weigh(changes)
    assert count == 1 + 64 + 1
    assert 65 * 100 < weight < 65 * 700
    assert last_said(changes) == 65
    assert last_said(changes[2:]) == 0


def test_reading_the_last_words_reads_no_more_than_it_takes(desk: Desk, tmp_path: Path) -> None:
    store = desk.open(tmp_path)
    lines = ["x" * 200] * 80
    desk.write(store, *(go(1 + 80 * number, *lines) for number in range(200)))
    tracemalloc.start()
    try:
        assert len(desk.ask(store, History(("lobby",), n=100))) == 100
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 200_000, "of 3 MB"


# -- removal


def test_nothing_of_what_was_removed_is_in_the_file(desk: Desk, tmp_path: Path) -> None:
    """Also not in free pages and between rows, when lines of short and long goes are removed one by one."""
    store, chance = desk.open(tmp_path), random.Random(5)
    said: dict[int, str] = {}
    for count in (1, 2, 3, 40, 100) * 12:
        first = len(said) + 1
        lines = {n: f"<{n:05}>" * chance.choice((1, 4, 20, 120)) for n in range(first, first + count)}
        desk.write(store, go(first, *lines.values()))
        said |= lines
    removed = chance.sample([*said], len(said) // 3)
    for number in removed:
        desk.write(store, MessageRemoved(number))
    found = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    marks = {int(mark) for mark in re.findall(rb"<(\d{5})>", found)}
    assert marks == said.keys() - {*removed}
    assert dict(stored(tmp_path)) == {number: text for number, text in said.items() if number not in removed}


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_line_in_the_midst_of_a_go(
    start_server: Callable[..., Server], join_json: Callable[..., JsonClient], tmp_path: Path, end: str
) -> None:
    """It is read, removed and gone by its own id; what was said around it stays, in order, also after a restart."""
    server = start_server("--data", tmp_path)
    bob = join_json("bob", server)
    lines = [f"<{number:03}> and so on" for number in range(100)]
    with PlainClient(server, "ann") as ann:
        ann.send("".join(f"{line}\n" for line in lines))
        ids = [bob.wait_for("said", text=line)["id"] for line in lines]
    assert ids == [*range(ids[0], ids[0] + 100)]
    _check_what_is_read(bob, ids, lines)
    held = [count for (count,) in rows(tmp_path, "SELECT lines FROM messages")]
    assert sum(held) == 100 and len(held) < 5
    assert [it["text"] for it in _history(bob, 10, ids[30])] == lines[20:30]
    server.type(f"REMOVE {ids[50]} rude")
    assert bob.wait_for("removed")["message"] == ids[50]
    server.wait_for(f"Message {ids[50]} of ann's is removed.")
    kept_ids, kept = ids[:50] + ids[51:], lines[:50] + lines[51:]
    _check_what_is_read(bob, kept_ids, kept)
    getattr(server, end)()
    again = start_server("--data", tmp_path)
    late = join_json("late", again)
    late.wait_for("history")
    _check_what_is_read(late, kept_ids, kept)
    assert late.request("say", text="after it")["id"] > ids[-1]
    assert stored(tmp_path)[:-1] == [*zip(kept_ids, kept, strict=True)]
    assert not any(b"<050>" in path.read_bytes() for path in tmp_path.iterdir() if path.is_file())


def _check_what_is_read(client: JsonClient, ids: list[int], lines: list[str]) -> None:
    for count, place in ((500, None), (7, None), (7, 53), (100, 51), (3, 50), (5, 1)):
        before = [] if place is None else [ids[place]]
        end = len(ids) if place is None else place
        found = [(it["id"], it["text"]) for it in _history(client, count, *before)]
        assert found == [*zip(ids, lines, strict=True)][max(0, end - count) : end]


def _history(client: JsonClient, count: int, *before: int) -> list[dict[str, Any]]:
    """Return what is answered, up to the object that ends it."""
    client.tell("history", n=count, room="lobby", **({"before": before[0]} if before else {}))
    found = [client.wait_for(history=True)]
    while found[-1]["event"] != "history":
        found.append(client.read())
    assert found[-1]["count"] == len(found) - 1
    return found[:-1]


# -- files of an earlier version, and damaged ones


def test_a_file_of_the_version_before_goes_on(desk: Desk, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "chat.db")) as db:
        db.executescript((DATA / "store-3.sql").read_text(encoding="utf-8"))
    store = desk.open(tmp_path)
    desk.write(store, go(20, "one", "two", "three", room="weather"), MessageRemoved(21), MessageRemoved(10))
    assert [(event.id, event.text) for event in desk.ask(store, History(("lobby", "weather")))] == [
        *((11, "waves"), (12, "two\nlines"), (20, "one"), (22, "three")),
    ]
    assert desk.ask(store, Find(12))[0].text == "two\nlines"
    assert desk.ask(store, Find(21)) == desk.ask(store, Find(13)) == ()


def _lost_pages(path: Path) -> None:
    """Overwrite a quarter in the middle."""
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 4096 // 2 * 4096)
        file.write(bytes(path.stat().st_size // 4))


def _lost_head(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(os.urandom(4096))


@pytest.mark.parametrize("damage", [_lost_pages, _lost_head])
def test_messages_are_counted_where_a_damaged_file_is_saved(
    desk: Desk, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    store = desk.open(tmp_path)
    desk.write(store, *(go(number, *["hello"] * 50) for number in range(1, 30_000, 50)))
    store.close(PATIENCE)
    damage(tmp_path / "chat.db")
    with pytest.raises(Unusable, match="damaged"):
        desk.open(tmp_path)
    store = desk.open(tmp_path, recover=True)
    desk.until(lambda: desk.warnings)
    saved = len(store.load(100_000).recent["lobby"])
    assert f" {saved} messages," in desk.warnings[0] and saved > 10_000
    assert saved == 30_000 or damage is _lost_pages


def test_a_damaged_file_of_the_version_before_is_saved(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        migrate(db, MIGRATIONS[:3])
        assert db.execute("PRAGMA application_id").fetchone()[0] == APPLICATION
        row = "(?, 1.0, 'said', 'lobby', 'a', 'a', ?)"
        insertion = f"INSERT INTO messages (id, at, kind, room, sender, sender_key, text) VALUES {row}"
        db.executemany(insertion, [(number, f"two\n{number}") for number in range(1, 101)])
    _lost_head(path)
    store = desk.open(tmp_path, recover=True)
    assert texts(store.load(1000).recent["lobby"]) == [f"two\n{number}" for number in range(1, 101)]
