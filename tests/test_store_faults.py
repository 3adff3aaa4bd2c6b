"""What the disk, the host and the system can do to the store: nothing acknowledged is lost, and it is told."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from chat.events import Said
from store import AccountMade, Blocked, Change, Failure, History, MessagesSaved, Store, Unusable, tables
from store import writer as writer_module
from tests.store_helpers import Desk, rows, spoken, stored
from tests.support import PATIENCE, ROOT

KILLS = [20, pytest.param(100, marks=pytest.mark.long)]  # of the writer alone; test_memory.py kills a whole server
MIB = 1024 * 1024


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk()
    yield desk
    desk.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB that can be full, read-only, or gone."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", place], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a small file system cannot be mounted: {mounted.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def said(number: int, text: str = "hello") -> MessagesSaved:
    return spoken("ann", Said(number, float(number), "lobby", "ann", text))


def filled(desk: Desk, folder: Path, messages: int = 3000) -> None:
    """Make a database with accounts and messages, and close it."""
    store = desk.open(folder)
    accounts = [AccountMade(f"user{number}", f"User{number}", "hash" * 10, 1.0) for number in range(200)]
    changes: list[Change] = [*accounts, Blocked("user1", "user2", "User2")]
    desk.write(store, *changes, *(said(number, f"message {number} " * 3) for number in range(1, messages + 1)))
    assert store.close(PATIENCE)


def look(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return what every file of ours in the folder holds, and when it was changed; but for the lock."""
    return {
        path.name: (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.iterdir()
        if path.is_file() and path.name != "chat.lock"
    }


# -- kill -9


@pytest.mark.limit(240)
@pytest.mark.parametrize("kills", KILLS)
def test_what_was_acknowledged_outlives_kill_9_at_any_moment(tmp_path: Path, kills: int) -> None:
    chance = random.Random()
    acknowledged: set[int] = set()
    number = 1
    for _ in range(kills):
        acknowledged |= _acknowledged_before_a_kill(tmp_path, number, chance.random() * 0.12)
        number = _stored_once(tmp_path, acknowledged) + 1
    assert len(acknowledged) > kills
    print(f"\n{kills} kills, {len(acknowledged)} messages acknowledged, {number - 1} stored")


def _acknowledged_before_a_kill(folder: Path, first: int, seconds: float) -> set[int]:
    command = [sys.executable, "-m", "tests.store_helpers", str(folder), str(first)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "open\n"
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(seconds)
        child.kill()
        lines = child.stdout.read().splitlines(keepends=True)
    assert child.returncode == -signal.SIGKILL
    return {int(line) for line in lines if line.endswith("\n")}


def _stored_once(folder: Path, acknowledged: set[int]) -> int:
    """Look at what a kill left; returns the highest number that is stored."""
    desk = Desk()
    store = desk.open(folder)
    numbers = [int(text.split()[0]) for _, text in stored(folder)]
    accounts = {int(key.removeprefix("user")) for (key,) in rows(folder, "SELECT key FROM accounts")}
    assert numbers == list(range(1, len(numbers) + 1)), "in order, none doubled, no half turn"
    assert acknowledged <= set(numbers)
    assert accounts <= set(numbers) and len(accounts) == len(store.load(0).accounts)
    assert desk.warnings == []
    assert store.close(PATIENCE)
    return len(numbers)


# -- the disk while running


def test_a_full_disk_stops_acknowledgements_and_nothing_else(desk: Desk, small_disk: Path) -> None:
    store = desk.open(small_disk)
    desk.write(store, said(1))
    ballast = small_disk / "ballast"
    _fill(ballast)
    done: list[int] = []
    for number in range(2, 300):  # while nothing is written: it would wait for ever
        store.write([said(number, "x" * 5000)], lambda number=number: done.append(number))  # type: ignore[misc]
    desk.until(lambda: desk.warnings)
    assert "cannot be stored" in desk.warnings[0] and str(small_disk) in desk.warnings[0]
    assert not store.healthy and store.figures.pending
    assert isinstance(desk.ask(store, History(("lobby",))), Failure)
    ballast.unlink()
    desk.until(lambda: len(done) == 298)
    assert done == list(range(2, 300)) and store.figures.pending == 0
    desk.until(lambda: store.healthy)
    desk.until(lambda: len(desk.warnings) == 2)
    assert "stored again" in desk.warnings[1]
    assert len(desk.ask(store, History(("lobby",), n=1000))) == 299
    assert store.close(PATIENCE)
    assert len(desk.open(small_disk).load(1000).recent["lobby"]) == 299


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        file.writelines(bytes(4096) for _ in range(4096))


def test_the_host_is_told_once_a_minute(desk: Desk, small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "RETRY", 0.02)
    monkeypatch.setattr(writer_module, "REMIND", 0.5)
    store = desk.open(small_disk)
    _fill(small_disk / "ballast")
    began = time.monotonic()
    store.write([said(number, "x" * 5000) for number in range(1, 100)])
    desk.until(lambda: len(desk.warnings) == 3)
    assert time.monotonic() - began > 0.9
    assert not store.close(0.2)


def test_memory_is_bounded_while_the_disk_fails(desk: Desk, small_disk: Path) -> None:
    store = desk.open(small_disk)
    _fill(small_disk / "ballast")
    done: list[str] = []
    store.write([said(1, "x" * 100_000)], lambda: done.append("first"))
    desk.until(lambda: desk.warnings)
    store.write([said(2)], lambda: done.append("oldest"))
    store.write([AccountMade("ann", "Ann", "hash", 1.0)], lambda: done.append("account"))
    longest = 0.0
    for number in range(3, 120_003):
        before = time.monotonic()
        store.write([said(number)], None)
        longest = max(longest, time.monotonic() - before)
    print(f"\nlongest write while the disk is full: {longest * 1e3:.1f} ms")
    assert store.figures.pending <= 52_000 and store.figures.lost >= 68_000
    subprocess.run(["mount", "-o", "remount,size=100m", small_disk], check=True)
    desk.until(lambda: store.figures.pending == 0, 30)
    desk.until(lambda: len(desk.warnings) >= 2)
    assert done == ["first", "account"]
    assert f"{store.figures.lost} changes waited too long and are lost" in desk.warnings[-1]
    kept = [number for number, _ in stored(small_disk)]
    assert kept == [1, *range(120_003 - len(kept) + 1, 120_003)]


def test_a_folder_that_vanishes_and_comes_back(desk: Desk, tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    store = desk.open(folder)
    desk.write(store, said(1))
    folder.rename(elsewhere)
    done: list[bool] = []
    store.write([said(2)], lambda: done.append(True))
    desk.until(lambda: desk.warnings)
    assert "removed or replaced" in desk.warnings[0] and not done
    elsewhere.rename(folder)
    desk.until(lambda: done)
    assert store.close(PATIENCE)
    assert [event.id for event in desk.open(folder).load(9).recent["lobby"]] == [1, 2]


@pytest.mark.parametrize("name", ["chat.db", "chat.db-wal"])
def test_what_goes_to_a_removed_file_is_not_acknowledged(desk: Desk, tmp_path: Path, name: str) -> None:
    store = desk.open(tmp_path)
    desk.write(store, said(1))
    (tmp_path / name).unlink()
    done: list[bool] = []
    store.write([said(2)], lambda: done.append(True))
    desk.until(lambda: desk.warnings)
    assert not done and not store.healthy
    assert not store.close(0.3)
    if name == "chat.db":
        with pytest.raises(Unusable, match="gone"):
            desk.open(tmp_path)


@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
def test_a_disk_that_fails_for_a_while(tmp_path: Path, error: str) -> None:
    """From its thread's thirtieth on, five calls that reach the disk fail; then all is there, once, and in order."""
    Desk().open(tmp_path).close(PATIENCE)
    output = _under_strace(tmp_path, f"fdatasync,fsync,pwrite64:error={error}:when=30..34")
    assert "cannot be stored" in output and "stored again" in output
    assert rows(tmp_path, "SELECT count(*), count(DISTINCT text) FROM messages") == [(100, 100)]


def test_a_slow_disk_delays_acknowledgements_and_nothing_else(tmp_path: Path) -> None:
    output = _under_strace(tmp_path, "fdatasync,fsync:delay_exit=300000:when=4+")
    waits = [float(wait) for wait in output.split("longest writes: ")[1].split()]
    assert waits[0] < 0.15, "nine in ten do not wait; the others may be the machine's doing"
    assert "cannot be stored" not in output


SCRIPT = """
import sys, time
from pathlib import Path
from tests.store_helpers import Desk
from tests.test_store_faults import said
desk = Desk()
store = desk.open(Path(sys.argv[1]))
done, waits = [], []
for number in range(1, 101):
    began = time.monotonic()
    store.write([said(number, str(number))], lambda number=number: done.append(number))
    waits.append(time.monotonic() - began)
    desk.turn(0.005)
desk.until(lambda: len(done) == 100, 40)
assert done == list(range(1, 101))
assert store.close(20)
print(*desk.warnings, sep="\\n")
print("longest writes:", *sorted(waits)[-10:])
"""


def _under_strace(folder: Path, inject: str) -> str:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    calls = inject.partition(":")[0]
    command = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={calls}", "-e", f"inject={inject}"]
    done = subprocess.run(
        [*command, sys.executable, "-c", SCRIPT, folder], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if "PTRACE" in done.stderr:
        pytest.skip("strace is not allowed here")
    assert done.returncode == 0, done.stderr
    return done.stdout


def _held_up(desk: Desk, folder: Path, let_go: threading.Event) -> Store:
    """Return a store whose thread sits in SQLite with the first message until `let_go`, as with a disk that hangs."""
    store = desk.open(folder)
    store._db.create_function("sleep", 0, lambda: let_go.wait(PATIENCE))
    store._db.execute("CREATE TEMP TRIGGER slow BEFORE INSERT ON main.messages BEGIN SELECT sleep(); END")
    store.write([said(1)])
    return store


@pytest.fixture
def let_go() -> Iterator[threading.Event]:
    """Ends what `_held_up` waits for; at the end of the test in any case."""
    event = threading.Event()
    yield event
    event.set()


def test_a_disk_that_does_not_answer_is_told(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, let_go: threading.Event
) -> None:
    monkeypatch.setattr(writer_module, "STUCK", 0.2)
    store = _held_up(desk, tmp_path, let_go)
    desk.until(lambda: not store.healthy)
    store.write([])
    desk.until(lambda: desk.warnings)
    assert "too slow" in desk.warnings[0]
    let_go.set()
    desk.until(lambda: store.healthy)


def test_questions_are_bounded_while_the_disk_does_not_answer(
    desk: Desk, tmp_path: Path, let_go: threading.Event
) -> None:
    store = _held_up(desk, tmp_path, let_go)
    desk.until(lambda: store._db.in_transaction)
    answers: list[Any] = []
    for _ in range(writer_module.QUESTIONS + 5):
        store.ask(History(("lobby",)), answers.append)
    desk.turn(0)
    assert len(answers) == 5 and all(isinstance(answer, Failure) for answer in answers)
    let_go.set()
    desk.until(lambda: len(answers) == writer_module.QUESTIONS + 5)
    assert all(len(answer) == 1 for answer in answers[5:])


def test_the_end_waits_no_longer_than_it_was_told(desk: Desk, tmp_path: Path, let_go: threading.Event) -> None:
    store = _held_up(desk, tmp_path, let_go)
    began = time.monotonic()
    assert not store.close(0.2)
    assert time.monotonic() - began < PATIENCE / 2, "the disk does not answer for twice as long"
    assert not store.close(0.2)
    let_go.set()
    desk.until(lambda: not any(thread.name == "store" for thread in threading.enumerate()))


def test_another_program_that_holds_the_file_is_waited_for_by_nobody(desk: Desk, tmp_path: Path) -> None:
    store = desk.open(tmp_path)
    done: list[bool] = []
    with closing(sqlite3.connect(tmp_path / "chat.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        store.write([said(1)], lambda: done.append(True))
        desk.until(lambda: desk.warnings)
        assert "locked" in desk.warnings[0] and not done
    desk.until(lambda: done)


# -- opening


def test_a_second_server_is_refused(desk: Desk, tmp_path: Path) -> None:
    store = desk.open(tmp_path)
    with pytest.raises(Unusable, match=rf"another chat server \(process {os.getpid()}\) is using it"):
        desk.open(tmp_path)
    desk.write(store, said(1))
    store.close(PATIENCE)
    desk.open(tmp_path)


def _a_file(folder: Path) -> None:
    folder.write_text("in the way")


def _below_a_file(folder: Path) -> None:
    folder.parent.joinpath("file").write_text("in the way")
    folder.symlink_to(folder.parent / "file" / "data")


def _a_link_for_a_database(folder: Path) -> None:
    folder.mkdir()
    (folder / "chat.db").symlink_to(folder.parent / "elsewhere.db")


def _a_link_for_a_lock(folder: Path) -> None:
    folder.mkdir()
    (folder / "chat.lock").symlink_to(folder.parent / "elsewhere")


def _a_pipe_for_a_database(folder: Path) -> None:
    folder.mkdir()
    os.mkfifo(folder / "chat.db")


def _a_folder_for_a_database(folder: Path) -> None:
    (folder / "chat.db").mkdir(parents=True)


@pytest.mark.parametrize(
    ("prepare", "why"),
    [
        (_a_file, "is a file"),
        (_below_a_file, "file"),
        (_a_link_for_a_database, "chat.db in it is a symbolic link"),
        (_a_link_for_a_lock, "symbolic link"),
        (_a_pipe_for_a_database, "chat.db in it is not a file"),
        (_a_folder_for_a_database, "chat.db in it is not a file"),
    ],
)
def test_a_folder_that_cannot_be_used(desk: Desk, tmp_path: Path, prepare: Callable[[Path], None], why: str) -> None:
    folder = tmp_path / "data"
    prepare(folder)
    with pytest.raises(Unusable, match=why) as refusal:
        desk.open(folder)
    assert str(folder) in str(refusal.value) and "--data" in str(refusal.value)
    assert not (tmp_path / "elsewhere.db").exists() and not (tmp_path / "elsewhere").exists()


def test_a_folder_that_cannot_be_written(desk: Desk, small_disk: Path) -> None:
    filled(desk, small_disk, 10)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(Unusable, match="Read-only file system"):
        desk.open(small_disk)


def test_a_folder_of_somebody_else(desk: Desk, tmp_path: Path) -> None:
    if os.geteuid():
        pytest.skip("only root can become somebody else")
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    os.seteuid(65534)
    try:
        with pytest.raises(Unusable, match="may not be read or written by this user"):
            desk.open(folder)
    finally:
        os.seteuid(0)


def test_a_full_disk_at_the_start(desk: Desk, small_disk: Path) -> None:
    _fill(small_disk / "ballast")
    with pytest.raises(Unusable, match=str(small_disk)):
        desk.open(small_disk)
    (small_disk / "ballast").unlink()
    desk.open(small_disk)


def _not_a_database(path: Path) -> None:
    path.write_bytes(b"Dear diary, " * 1000)


def _of_another_program(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.executescript("PRAGMA application_id = 42; CREATE TABLE theirs (x)")


def _of_nobody(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.executescript("CREATE TABLE theirs (x)")


def _newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.executescript(f"PRAGMA application_id = {0x43484154}; PRAGMA user_version = 999; CREATE TABLE later (x)")


@pytest.mark.parametrize(
    ("prepare", "why", "recover"),
    [
        (_not_a_database, "does not begin as a database does", False),
        (_of_another_program, "another program", False),
        (_of_another_program, "another program", True),
        (_of_nobody, "another program", False),
        (_newer, "newer chat server: its version is 999", False),
        (_newer, "newer chat server", True),
    ],
)
def test_what_is_not_for_us_is_refused_and_left_as_it_is(
    desk: Desk, tmp_path: Path, prepare: Callable[[Path], None], why: str, recover: bool
) -> None:
    prepare(tmp_path / "chat.db")
    before = look(tmp_path)
    with pytest.raises(Unusable, match=why):
        desk.open(tmp_path, recover=recover)
    assert look(tmp_path) == before


# -- damage


def _overwrite(path: Path, offset: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


def _page_of(path: Path, name: str) -> int:
    """Return where the root page of a table or index begins."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as db:
        root: int = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (name,)).fetchone()[0]
    return (root - 1) * 4096


def _truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2 + 100)


def _zeroed_page(path: Path) -> None:
    _overwrite(path, path.stat().st_size // 4096 // 2 * 4096, bytes(4096))


def _emptied(path: Path) -> None:
    os.truncate(path, 0)


def _garbage_head(path: Path) -> None:
    _overwrite(path, 0, random.Random(1).randbytes(100))


def _garbage_first_page(path: Path) -> None:
    _overwrite(path, 0, random.Random(2).randbytes(4096))


def _garbage_in_an_index(path: Path) -> None:
    _overwrite(path, _page_of(path, "messages_by_room") + 1000, random.Random(3).randbytes(3000))


def _removed(path: Path) -> None:
    path.unlink()


DAMAGES = [
    (_truncated, 200, 1000),
    (_zeroed_page, 200, 2900),
    (_emptied, 0, 0),
    (_garbage_head, 200, 3000),
    (_garbage_first_page, 200, 3000),
    (_garbage_in_an_index, 200, 3000),
    (_removed, 0, 0),
]


@pytest.mark.parametrize(("damage", "accounts", "messages"), DAMAGES, ids=[damage[0].__name__ for damage in DAMAGES])
def test_damage_is_told_and_what_can_be_read_is_saved(
    desk: Desk, tmp_path: Path, damage: Callable[[Path], None], accounts: int, messages: int
) -> None:
    filled(desk, tmp_path)
    damage(tmp_path / "chat.db")
    before = look(tmp_path)
    with pytest.raises(Unusable, match=r"damaged.*--recover"):
        desk.open(tmp_path)
    after = look(tmp_path)
    assert after.get("chat.db") == before.get("chat.db")
    store = desk.open(tmp_path, recover=True)
    desk.until(lambda: desk.warnings)
    kept = [path for path in tmp_path.glob("chat.db.damaged-*") if not path.name.endswith("-wal")]
    assert [path.read_bytes() for path in kept] == [before[name][0] for name in before if name == "chat.db"]
    loaded = store.load(10_000)
    assert len(loaded.accounts) >= accounts
    assert len(loaded.recent.get("lobby", ())) >= messages
    if accounts:
        assert loaded.accounts["user1"].blocked == {"user2": "User2"}
        assert store.last_id() > 3000
    desk.write(store, said(store.last_id() + 1))
    assert store.close(PATIENCE)
    assert {path.name for path in tmp_path.iterdir()} - {path.name for path in kept} == {
        *("chat.db", "chat.lock", "chat.seal"),
    }
    desk.open(tmp_path)
    assert len(desk.warnings) == 1


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """A folder whose server was killed, with a log of several transactions."""
    numbers = _acknowledged_before_a_kill(tmp_path, 1, 0.3)
    assert len(numbers) > 50 and (tmp_path / "chat.db-wal").stat().st_size > 100_000
    return tmp_path


def test_a_log_torn_at_its_end_is_what_a_crash_leaves(desk: Desk, killed: Path) -> None:
    wal = killed / "chat.db-wal"
    os.truncate(wal, wal.stat().st_size - 5000)
    store = desk.open(killed)
    assert len(store.load(9).recent["lobby"]) == 9 and desk.warnings == []


@pytest.mark.parametrize("offset", [0, 12, 32, 32 + 16, 60, 5 * 4120 + 32 + 2000])
def test_damage_to_the_log_is_not_passed_over(desk: Desk, killed: Path, offset: int) -> None:
    _overwrite(killed / "chat.db-wal", offset, b"\xde\xad\xbe\xef")
    before = look(killed)
    with pytest.raises(Unusable, match=r"chat\.db-wal"):
        desk.open(killed)
    assert look(killed) == before
    store = desk.open(killed, recover=True)
    desk.until(lambda: desk.warnings)
    assert "damaged" in desk.warnings[0] and store.healthy
    assert [path.read_bytes() for path in killed.glob("chat.db.damaged-*-wal")] == [before["chat.db-wal"][0]]


def test_damage_that_is_met_while_reading_is_told(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bits that rot without a trace in the file's times are found when they are read, not before."""
    filled(desk, tmp_path)
    database = tmp_path / "chat.db"
    times = database.stat()
    _overwrite(database, _page_of(database, "messages"), bytes(4096))
    os.utime(database, ns=(times.st_atime_ns, times.st_mtime_ns))
    monkeypatch.setattr(tables, "last_id", lambda db: 3000)
    store = desk.open(tmp_path)
    with pytest.raises(Unusable, match="damaged"):
        store.load(50)
    answer: Any = desk.ask(store, History(("lobby",)))
    assert isinstance(answer, Failure) and "cannot be read" in desk.warnings[0]


def test_a_new_file_left_half_made_is_made_again(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "chat.db.new").write_bytes(b"half")
    store = desk.open(tmp_path)
    desk.write(store, said(1))
    assert isinstance(store, Store) and desk.warnings == []
