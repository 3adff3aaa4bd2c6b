"""What is written is there again, for whom it is meant, in order: on real files, closed and opened again."""

from __future__ import annotations

import re
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat.events import Acted, Said, Whispered
from store import (
    INBOX,
    AccountMade,
    AccountRemoved,
    AccountSeen,
    Blocked,
    Change,
    Failure,
    History,
    Inbox,
    InboxRead,
    MessageRemoved,
    MessagesSaved,
    PasswordChanged,
    RoomMade,
    RoomRemoved,
    Unblocked,
    Unwatched,
    Watched,
    WhisperSaved,
)
from store.backlog import Backlog
from store.schema import MIGRATIONS, VERSION, migrate, version
from tests.store_helpers import DATA, IN_ONE_GO, SAMPLE, Desk, rows, spoken


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk()
    yield desk
    desk.close()


def said(number: int, text: str = "hello", room: str = "lobby", sender: str = "ann") -> MessagesSaved:
    return spoken(sender, Said(number, float(number), room, sender, text))


def whisper(
    number: int, sender: str, *to: str, kept: tuple[str, ...] = (), away: tuple[str, ...] = (), text: str = "psst"
) -> WhisperSaved:
    return WhisperSaved(Whispered(number, float(number), sender, to, text, away), sender, (sender, *to), kept)


def account(key: str) -> AccountMade:
    return AccountMade(key, key.title(), "hash", 1.0)


def texts(events: Any) -> list[str]:
    return [event.text for event in events]


# -- what comes back


def test_everything_is_there_again(desk: Desk, tmp_path: Path) -> None:
    store = desk.open(tmp_path)
    desk.write(store, *SAMPLE)
    assert store.close(5)
    again = desk.open(tmp_path)
    check_sample(desk, again)
    assert again.last_id() >= 13
    assert desk.warnings == []


def check_sample(desk: Desk, store: Any) -> None:
    loaded = store.load(50)
    ann, bob = loaded.accounts["ann"], loaded.accounts["bob"]
    assert (ann.name, ann.hash, ann.made, ann.seen, ann.seconds, ann.messages, ann.inbox) == (
        *("Ann", "$argon2id$ann", 1000.5, 2000.0, 60.5, 3, 0),
    )
    assert (ann.blocked, ann.watched) == ({"mallory": "Mallory"}, {})
    assert (bob.seen, bob.inbox, bob.blocked, bob.watched) == (1001.5, 1, {}, {"ann": "Ann"})
    room = loaded.rooms["weather"]
    assert (room.title, room.description, room.owner, room.own) == ("Weather", "Talk about the weather", "ann", True)
    assert {room: said for room, said in loaded.recent.items() if room != "den"} == {
        "lobby": (Said(10, 1500.25, "lobby", "Ann", "héllo, 世界 👋"), Acted(11, 1500.5, "lobby", "guest", "waves")),
        "weather": (Said(12, 1501.0, "weather", "Ann", "two\nlines"),),
    }
    assert desk.ask(store, Inbox("bob")) == (Whispered(13, 1502.0, "Ann", ("Cat",), "psst"),)
    assert desk.ask(store, History((), "ann")) == (Whispered(13, 1502.0, "Ann", ("Cat",), "psst", ("Bob",)),)


def test_the_last_fifty_of_each_room_are_loaded_oldest_first(desk: Desk, tmp_path: Path) -> None:
    store = desk.open(tmp_path)
    desk.write(store, *(said(number, str(number), ("a", "b", "c")[number % 3]) for number in range(1, 601)))
    loaded = store.load(50)
    assert list(loaded.recent) == ["c", "b", "a"] or set(loaded.recent) == {"a", "b", "c"}
    assert texts(loaded.recent["a"]) == [str(number) for number in range(453, 601, 3)]


@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 99, 100, 101, 350])
def test_what_is_said_in_one_go_is_read_one_by_one(desk: Desk, tmp_path: Path, count: int) -> None:
    store = desk.open(tmp_path)
    events = [Said(number, 5.0, "lobby", "Ann", f"{number} é") for number in range(2, 2 + count)]
    acts = [Acted(number, 6.0, "weather", "bob", f"{number} x") for number in range(1000, 1000 + count)]
    changes = (said(1), spoken("ann", *events), said(900), spoken("bob", *acts), said(2000, room="weather"))
    desk.write(store, *changes)
    loaded = store.load(1000)
    assert [*loaded.recent["lobby"]] == [changes[0].first, *events, changes[2].first]
    assert [*loaded.recent["weather"]] == [*acts, changes[4].first]
    assert {key for (key,) in rows(tmp_path, "SELECT sender_key FROM messages WHERE sender = 'Ann'")} == {"ann"}


def test_what_nobody_waits_for_is_kept_in_a_moment(desk: Desk, tmp_path: Path) -> None:
    store = desk.open(tmp_path)
    store.write([said(1)])
    desk.until(lambda: rows(tmp_path, "SELECT id FROM messages") == [(1,)])
    store.write([said(2)])
    desk.write(store, said(3))
    assert rows(tmp_path, "SELECT id FROM messages") == [(1,), (2,), (3,)]


def test_ids_never_repeat(desk: Desk, tmp_path: Path) -> None:
    """Not even those of events that are not stored, and however the server ends."""
    store = desk.open(tmp_path)
    assert store.last_id() == 0
    store.used(3_000_000)
    desk.write(store)
    kept = rows(tmp_path, "SELECT value FROM counters")[0][0]
    assert kept >= 3_000_000
    store.close(5)
    assert desk.open(tmp_path).last_id() >= kept


def test_files_are_for_their_owner_only(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "data"
    store = desk.open(folder)
    desk.write(store, said(1))
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert set(modes.values()) == {0o600} and {"chat.db", "chat.db-wal", "chat.lock"} <= set(modes)
    store.close(5)
    assert {path.name for path in folder.iterdir()} == {"chat.db", "chat.lock", "chat.seal"}


# -- history, and who may read what


def test_history_is_the_last_n_of_my_rooms_and_my_private_talk(desk: Desk, tmp_path: Path) -> None:
    store = desk.open(tmp_path)
    desk.write(
        store,
        *(account(key) for key in ("ann", "bob", "cat")),
        said(1, "one"),
        said(2, "elsewhere", "weather"),
        whisper(3, "ann", "bob", text="to bob"),
        whisper(4, "bob", "cat", text="not for ann"),
        said(5, "five", sender="bob"),
    )
    assert texts(desk.ask(store, History(("lobby",), "ann"))) == ["one", "to bob", "five"]
    assert texts(desk.ask(store, History(("lobby", "weather", "lobby"), n=2))) == ["elsewhere", "five"]
    assert texts(desk.ask(store, History(("lobby",), "cat", before=5))) == ["one", "not for ann"]
    assert texts(desk.ask(store, History(("lobby",), "ann", without=("bob",)))) == ["one", "to bob"]
    assert texts(desk.ask(store, History(("lobby", "weather")))) == ["one", "elsewhere", "five"]
    assert desk.ask(store, History((), "nobody")) == ()


@pytest.mark.parametrize("number", [0, -1, 10**9, 10**30, -(10**30)])
def test_any_number_is_answered(desk: Desk, tmp_path: Path, number: int) -> None:
    store = desk.open(tmp_path)
    desk.write(store, said(1))
    assert len(desk.ask(store, History(("lobby",), n=number))) == (number > 0)
    assert len(desk.ask(store, History(("lobby",), before=number))) == (number > 1)
    assert desk.ask(store, Inbox("ann", number)) == ()


def test_who_was_away_is_for_the_sender_alone(desk: Desk, tmp_path: Path) -> None:
    store = desk.open(tmp_path)
    desk.write(store, *map(account, ("ann", "bob", "cat")), whisper(1, "ann", "bob", kept=("cat",), away=("Cat",)))
    assert [desk.ask(store, History((), key))[0].away for key in ("ann", "bob", "cat")] == [("Cat",), (), ()]
    assert desk.ask(store, Inbox("cat"))[0].away == ()


def test_an_answer_knows_all_that_was_written_before_and_nothing_after(desk: Desk, tmp_path: Path) -> None:
    store = desk.open(tmp_path)
    answers: list[Any] = []
    for number in range(1, 200):
        store.write([said(number, str(number))])
        store.ask(History(("lobby",), n=1), answers.append)
    desk.until(lambda: len(answers) == 199)
    assert [texts(answer) for answer in answers] == [[str(number)] for number in range(1, 200)]


def test_names_and_texts_are_values_never_sql_or_paths(desk: Desk, tmp_path: Path) -> None:
    nasty = ["../../etc/passwd", "'; DROP TABLE messages; --", "%", "nul\0within", '["a"]', "\u202e", "x" * 70_000]
    store = desk.open(tmp_path)
    for number, name in enumerate(nasty, 1):
        changes = account(name), Blocked(name, name, name), RoomMade(name, name), said(number, name, name, name)
        desk.write(store, *changes)
    loaded = store.load(9)
    assert set(loaded.accounts) == set(loaded.rooms) == set(loaded.recent) == set(nasty)
    assert [texts(desk.ask(store, History((name,)))) for name in nasty] == [[name] for name in nasty]
    assert {path.name for path in tmp_path.iterdir()} <= {"chat.db", "chat.db-wal", "chat.db-shm", "chat.lock"}


# -- inbox


def test_a_kept_message_is_stored_once(desk: Desk, tmp_path: Path) -> None:
    store = desk.open(tmp_path)
    desk.write(store, account("ann"), account("bob"), whisper(1, "ann", kept=("bob",), away=("Bob",)))
    assert len(desk.ask(store, Inbox("bob"))) == 1
    desk.write(store, InboxRead("bob", 1))
    assert desk.ask(store, Inbox("bob")) == ()
    assert texts(desk.ask(store, History((), "bob"))) == texts(desk.ask(store, History((), "ann"))) == ["psst"]
    assert rows(tmp_path, "SELECT count(*) FROM messages") == [(1,)]


def test_an_inbox_has_a_bound(desk: Desk, tmp_path: Path) -> None:
    store = desk.open(tmp_path)
    desk.write(store, account("bob"))
    desk.write(store, *(whisper(number, "guest", kept=("bob",)) for number in range(1, 10_001)))
    assert len(desk.ask(store, Inbox("bob", 1000))) == store.load(0).accounts["bob"].inbox == INBOX
    desk.write(store, InboxRead("bob", 10**30), whisper(10_001, "guest", kept=("bob",)))
    assert [event.id for event in desk.ask(store, Inbox("bob"))] == [10_001]


def test_what_nobody_may_read_again_is_not_stored(desk: Desk, tmp_path: Path) -> None:
    store = desk.open(tmp_path)
    desk.write(store, WhisperSaved(Whispered(1, 1.0, "guest", ("other",), "secret"), "guest"))
    assert rows(tmp_path, "SELECT count(*) FROM messages") == [(0,)]


def test_who_takes_a_name_that_was_given_up_reads_nothing_of_the_one_before(desk: Desk, tmp_path: Path) -> None:
    store = desk.open(tmp_path)
    talk = whisper(1, "ann", "bob", text="shared"), whisper(2, "guest", "bob", kept=("bob",), text="alone")
    desk.write(store, account("ann"), account("bob"), *talk, Blocked("bob", "x", "X"))
    desk.write(store, AccountRemoved("bob"), account("bob"), AccountRemoved("nobody"))
    assert desk.ask(store, History((), "bob")) == desk.ask(store, Inbox("bob")) == ()
    assert store.load(0).accounts["bob"].blocked == {}
    assert rows(tmp_path, "SELECT text FROM messages") == [("shared",)]


# -- writing


def test_turns_are_done_in_order(desk: Desk, tmp_path: Path) -> None:
    store = desk.open(tmp_path)
    done: list[int] = []
    for number in range(1, 1001):
        store.write([said(number)], lambda number=number: done.append(number))  # type: ignore[misc]
    desk.until(lambda: len(done) == 1000)
    assert done == list(range(1, 1001))
    assert store.figures.pending == 0 and store.figures.longest_commit > 0 and store.healthy


def test_a_change_that_cannot_be_stored_keeps_back_no_other(
    desk: Desk, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = desk.open(tmp_path)
    done: list[str] = []
    for name, change in (
        ("surrogate", said(1, "lone \ud800")),
        ("good", said(2, "good")),
        ("id twice", said(2, "again")),
        ("huge", said(2**70)),
        ("account", account("ann")),
        ("account twice", account("ann")),
        ("end", said(3, "end")),
    ):
        store.write([change], lambda name=name: done.append(name))  # type: ignore[misc]
    desk.until(lambda: "end" in done)
    assert done == ["good", "account", "end"]
    assert texts(desk.ask(store, History(("lobby",)))) == ["good", "end"]
    assert len(caplog.records) == 4 and "lone" not in caplog.messages[0]
    assert store.healthy


def test_after_the_end_nothing_is_stored_and_questions_are_answered(desk: Desk, tmp_path: Path) -> None:
    store = desk.open(tmp_path)
    answers: list[Any] = []
    store.write([said(1)])
    assert store.close(5) and store.close(5)
    store.write([said(2)], lambda: answers.append("done"))
    store.ask(History(("lobby",)), answers.append)
    desk.until(lambda: answers)
    assert isinstance(answers[0], Failure)
    assert rows(tmp_path, "SELECT id FROM messages") == [(1,)]


def test_the_end_waits_for_what_was_written_and_asked(desk: Desk, tmp_path: Path) -> None:
    store = desk.open(tmp_path)
    heard: list[Any] = []
    store.write([said(number) for number in range(1, 5000)], lambda: heard.append("done"))
    store.ask(History(("lobby",), n=7), heard.append)
    assert store.close(10)
    desk.turn(0)
    assert heard[0] == "done" and len(heard[1]) == 7


def test_what_waits_is_bounded_and_the_oldest_talk_goes_first() -> None:
    backlog = Backlog(most=100, heaviest=10**9)
    backlog.put([account("ann"), said(1)], lambda: None)
    backlog.put([account("bob")], lambda: None)
    for number in range(2, 302):
        backlog.put([said(number)], None)
        assert backlog.count <= 100
    turns = backlog.take(1000, 10**9)
    changes = [change for turn in turns for change in turn.changes]
    assert changes[:2] == [account("ann"), account("bob")]
    assert changes[2:] == [said(number) for number in range(302 - len(changes[2:]), 302)]
    assert turns[0].done is None and turns[1].done is not None
    assert backlog.lost == 303 - len(changes) and backlog.count == 0 and not backlog


def test_what_waits_is_bounded_in_bytes_and_without_talk_too() -> None:
    backlog = Backlog(most=10**9, heaviest=10_000_000)
    for number in range(1, 1000):
        backlog.put([said(number, "x" * 64_000)], None)
    assert len(backlog) < 160 and backlog.count + backlog.lost == 999
    backlog = Backlog(most=100)
    for number in range(1000):
        backlog.put([account(str(number))], None)
        backlog.put([], lambda: None)
    assert backlog.count <= 100 and backlog.lost >= 900


def test_an_answer_has_all_that_was_written_before_the_question(desk: Desk, tmp_path: Path) -> None:
    """Also where the disk was busy with something else when both came."""
    store = desk.open(tmp_path)
    for number in range(1, 31):
        written: list[bool] = []
        store.write([said(number * 2, "removed"), MessageRemoved(number * 2)], partial(written.append, True))
        deadline = time.monotonic() + 5
        while not store._writer._batch and time.monotonic() < deadline and not written:
            desk.turn(0)
        store.write([said(number * 2 + 1, f"new {number}")], None)
        answer = desk.ask(store, History(("lobby",), "", n=1))
        assert texts(answer) == [f"new {number}"]


# -- versions


@pytest.mark.parametrize("path", sorted(DATA.glob("store-*.sql")), ids=lambda path: path.stem)
def test_a_file_of_each_version_opens(desk: Desk, tmp_path: Path, path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "chat.db")) as db:
        db.executescript(path.read_text(encoding="utf-8"))
    store = desk.open(tmp_path)
    check_sample(desk, store)
    in_one_go = texts(desk.ask(store, History(("den",))))
    assert in_one_go == (IN_ONE_GO.text.split("\n") if int(path.stem.removeprefix("store-")) >= 4 else [])
    assert rows(tmp_path, "PRAGMA user_version") == [(VERSION,)]


def test_there_is_a_file_of_each_version() -> None:
    kept = {int(path.stem.partition("-")[2]) for path in DATA.glob("store-*.sql")}
    assert kept == set(range(1, VERSION + 1)), "before the version changes: python -m tests.store_helpers --keep"


def test_a_migration_is_whole_or_not_at_all() -> None:
    steps = (*MIGRATIONS, "CREATE TABLE more (x); INSERT INTO nowhere VALUES (1)")
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        with pytest.raises(sqlite3.OperationalError):
            migrate(db, steps)
        assert version(db) == len(MIGRATIONS)
        assert not db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'more'").fetchall()
        migrate(db, (*MIGRATIONS, "CREATE TABLE more (x)"))
        assert version(db) == len(MIGRATIONS) + 1


# -- a model

KEYS = st.sampled_from(["ann", "bob", "cat"])
ROOM_NAMES = st.sampled_from(["lobby", "weather"])
TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
CHANGES = st.one_of(
    st.builds(lambda room, sender, text: ("said", room, sender, text), ROOM_NAMES, KEYS, TEXT),
    st.builds(
        lambda sender, other, away, text: ("whispered", sender, other, away, text), KEYS, KEYS, st.booleans(), TEXT
    ),
    st.builds(AccountMade, KEYS, TEXT, TEXT, st.floats(0, 1e9)),
    st.builds(AccountRemoved, KEYS),
    st.builds(PasswordChanged, KEYS, TEXT),
    st.builds(AccountSeen, KEYS, st.floats(0, 1e9), st.integers(0, 9).map(float), st.integers(0, 9)),
    st.builds(InboxRead, KEYS, st.integers(0, 30)),
    st.builds(Blocked, KEYS, KEYS, TEXT),
    st.builds(Unblocked, KEYS, KEYS),
    st.builds(Watched, KEYS, KEYS, TEXT),
    st.builds(Unwatched, KEYS, KEYS),
    st.builds(RoomMade, ROOM_NAMES, TEXT, TEXT, KEYS, st.booleans()),
    st.builds(RoomRemoved, ROOM_NAMES),
)


@dataclass
class Model:
    """What the store should hold, in plain dictionaries."""

    accounts: dict[str, list[Any]] = field(default_factory=dict)
    rooms: dict[str, RoomMade] = field(default_factory=dict)
    said: dict[str, list[Any]] = field(default_factory=dict)
    private: dict[str, dict[int, str]] = field(default_factory=dict)
    inbox: dict[str, dict[int, str]] = field(default_factory=dict)
    ties: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def apply(self, change: Change) -> None:  # noqa: PLR0912 - one case for each kind of change
        match change:
            case MessagesSaved(first):
                self.said.setdefault(first.room, []).append(first)
            case WhisperSaved(event, _, readers, kept_for):
                for key in {*readers, *kept_for} & self.accounts.keys():
                    self.private.setdefault(key, {})[event.id] = event.text
                for key in set(kept_for) & self.accounts.keys():
                    self.inbox.setdefault(key, {})[event.id] = event.text
            case AccountMade(key, name, password, at):
                self.accounts.setdefault(key, [name, password, at, at, 0.0, 0])
            case AccountRemoved(key):
                self.accounts.pop(key, None)
                self.private.pop(key, None)
                self.inbox.pop(key, None)
                self.ties = {tie: name for tie, name in self.ties.items() if tie[1] != key}
            case PasswordChanged(key, password) if key in self.accounts:
                self.accounts[key][1] = password
            case AccountSeen(key, at, seconds, messages) if key in self.accounts:
                row = self.accounts[key]
                self.accounts[key] = [*row[:3], at, row[4] + seconds, row[5] + messages]
            case InboxRead(key, up_to):
                self.inbox[key] = {n: text for n, text in self.inbox.get(key, {}).items() if n > up_to}
            case Blocked(key, other, name) | Watched(key, other, name) if key in self.accounts:
                self.ties[type(change).__name__, key, other] = name
            case Unblocked(key, other):
                self.ties.pop(("Blocked", key, other), None)
            case Unwatched(key, other):
                self.ties.pop(("Watched", key, other), None)
            case RoomMade(name):
                self.rooms[name] = change
            case RoomRemoved(name):
                self.rooms.pop(name, None)

    def tied(self, kind: str, key: str) -> dict[str, str]:
        return {other: name for (which, owner, other), name in self.ties.items() if (which, owner) == (kind, key)}


def _real(number: int, change: Any) -> Change:
    """Make an event with an id of what is only a plan."""
    match change:
        case ("said", room, sender, text):
            return said(number, text, room, sender)
        case ("whispered", sender, other, away, text):
            return whisper(number, sender, *(() if away else (other,)), kept=(other,) if away else (), text=text)
    real: Change = change
    return real


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(turns=st.lists(st.lists(CHANGES, max_size=6), max_size=12))
def test_a_file_equals_a_model(tmp_path_factory: pytest.TempPathFactory, turns: list[list[Any]]) -> None:
    folder = tmp_path_factory.mktemp("model")
    desk, model, number = Desk(), Model(), 0
    try:
        store = desk.open(folder)
        for turn in turns:
            number += len(turn)
            changes = [_real(number - len(turn) + place, change) for place, change in enumerate(turn, 1)]
            changes = [change for change in changes if not _made_twice(model, change)]
            store.write(changes)
        assert store.close(5)
        _compare(desk, desk.open(folder), model)
    finally:
        desk.close()


def _made_twice(model: Model, change: Change) -> bool:
    """A second account of one key is a fault of the caller, and logged as such: see elsewhere."""
    twice = isinstance(change, AccountMade) and change.key in model.accounts
    if not twice:
        model.apply(change)
    return twice


def _compare(desk: Desk, store: Any, model: Model) -> None:
    loaded = store.load(1000)
    assert {
        key: [a.name, a.hash, a.made, a.seen, a.seconds, a.messages] for key, a in loaded.accounts.items()
    } == model.accounts
    assert {key: list(events) for key, events in loaded.recent.items()} == model.said
    assert {name: (r.title, r.description, r.owner, r.own) for name, r in loaded.rooms.items()} == {
        name: (r.title, r.description, r.owner, r.own) for name, r in model.rooms.items()
    }
    for key, found in loaded.accounts.items():
        assert (found.blocked, found.watched) == (model.tied("Blocked", key), model.tied("Watched", key))
        assert found.inbox == len(model.inbox.get(key, {}))
        assert texts(desk.ask(store, Inbox(key))) == list(model.inbox.get(key, {}).values())
        assert texts(desk.ask(store, History((), key, n=1000))) == list(model.private.get(key, {}).values())


# -- how fast


def test_figures(desk: Desk, tmp_path: Path) -> None:
    """Prints, and asserts nothing about time: 2,000 messages a second for 3 s, then the start with 100,000."""
    store = desk.open(tmp_path)
    waits: list[float] = []
    longest_write = 0.0
    began = time.monotonic()
    for number in range(1, 6001, 20):
        asked = time.monotonic()
        store.write(
            [said(number + more, "a message of ordinary length, as people write them") for more in range(20)],
            lambda asked=asked: waits.append(time.monotonic() - asked),  # type: ignore[misc]
        )
        longest_write = max(longest_write, time.monotonic() - asked)
        while (left := began + number / 2000 - time.monotonic()) > 0:
            desk.turn(left)
    desk.until(lambda: len(waits) == 300)
    waits.sort()
    print(
        f"\nacknowledged after {waits[150] * 1e3:.1f} ms (p99 {waits[296] * 1e3:.1f}), "
        f"longest write {longest_write * 1e3:.2f} ms"
    )
    for first in range(6001, 100_001, 1000):
        store.write([said(number, "a message of ordinary length " * 2) for number in range(first, first + 1000)])
        desk.until(lambda: store.figures.pending < 10_000)
    store.close(10)
    assert store.figures.lost == 0
    for how in ("in good order", "with the file to be checked"):
        began = time.monotonic()
        store = desk.open(tmp_path)
        opened = time.monotonic()
        assert len(store.load(50).recent["lobby"]) == 50
        print(f"100,000 messages, {how}: {(opened - began) * 1e3:.0f} + {(time.monotonic() - opened) * 1e3:.0f} ms")
        store.close(10)
        (tmp_path / "chat.seal").unlink()


def test_the_tables_are_all_named_in_the_schema() -> None:
    from store.schema import TABLES

    assert set(re.findall(r"CREATE TABLE (\w+)", "".join(MIGRATIONS))) == set(TABLES)
