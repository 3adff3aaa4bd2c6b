"""What lasts, through the real server: history, restarts, kill -9, SIGTERM, sick disks, data folders that will not do.

Rows T6 to T8, W4, W5 and N5 over a restart, and the class "store" of the faults.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import resource
import select
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from store import schema
from tests.gauges import within
from tests.support import PATIENCE, ROOT, JsonClient, LineClient, PlainClient, Program, Server, free_port, needs

StartServer = Callable[..., Server]
Start = Callable[..., Program]
Join = Callable[..., PlainClient]
JoinJson = Callable[..., JsonClient]
Connect = Callable[..., LineClient]

SECRET = "open sesame"


def recalled(client: JsonClient) -> list[dict[str, Any]]:
    """Return what the server shows of the past next, up to the object that ends it; nothing may stand between."""
    found = [client.read()]
    while found[-1]["event"] != "history":
        assert found[-1]["history"] is True, found[-1]
        found.append(client.read())
    assert found[-1]["count"] == len(found) - 1
    return found[:-1]


def log_in(server: Server, join_json: JoinJson, name: str, password: str = SECRET) -> JsonClient:
    """Return someone on the JSON wire who has logged in with his password."""
    client = join_json("", server)
    answer = client.request("login", name=name, password=password)
    assert answer["event"] == "welcome", answer
    return client


def register(server: Server, join_json: JoinJson, name: str) -> JsonClient:
    """Return someone on the JSON wire whose name is registered."""
    client = join_json(name, server)
    assert client.request("register", password=SECRET)["event"] == "told"
    return client


def rows(folder: Path, query: str) -> list[Any]:
    """Ask the database of a server that has ended."""
    with contextlib.closing(sqlite3.connect(folder / "chat.db")) as database:
        return database.execute(query).fetchall()


def say(client: JsonClient, *texts: str) -> list[dict[str, Any]]:
    """Say these, and return the acknowledgements."""
    for text in texts:
        client.tell("say", text=text)
    return [client.wait_for("accepted", text=text) for text in texts]


# ---- history, and what a restart keeps


def test_after_kill_9_a_newcomer_sees_the_last_50_once_in_order_as_they_were(
    start_server: StartServer, join_json: JoinJson, join_plain: Join, tmp_path: Path
) -> None:
    server = start_server("--data", tmp_path)
    kept = say(join_json("alice", server), *(f"message {number}" for number in range(200)))
    server.kill()
    server = start_server("--data", tmp_path)
    bob = join_json("bob", server)
    shown = recalled(bob)
    assert [(it["event"], it["from"], it["room"]) for it in shown] == [("said", "alice", "lobby")] * 50
    assert [(it["id"], it["time"], it["text"]) for it in shown] == [
        (it["id"], it["time"], it["text"]) for it in kept[150:]
    ]
    carol = join_plain("carol", server)
    lines = carol.lines(52)
    assert re.fullmatch(r"\[..:..:..\] \[=\] Said before, since \d{4}-\d\d-\d\d \d\d:\d\d: 50", lines[0])
    assert [line.partition("] ")[2] for line in lines[1:51]] == [f"alice > message {n}" for n in range(150, 200)]
    assert lines[51].endswith("[=] End of what was said before.")
    fresh = say(bob, "live")[0]
    assert fresh["id"] > bob.welcome["id"] > kept[-1]["id"]
    assert carol.read_line().endswith("bob > live")


def test_history_n_gives_so_many_and_a_wrong_number_is_refused(
    start_server: StartServer, join_json: JoinJson, join_plain: Join, tmp_path: Path
) -> None:
    server = start_server("--data", tmp_path)
    alice = join_json("alice", server)
    say(alice, *(f"message {number}" for number in range(120)))
    for n, wanted in ((1, 1), (7, 7), (120, 120), (500, 120)):
        alice.tell("history", n=n)
        assert [it["text"] for it in recalled(alice)] == [f"message {number}" for number in range(120 - wanted, 120)]
    bob = join_plain("bob", server)
    bob.wait_for("End of what was said before.")
    for word in ("0", "-1", "501", "²", "1e1", "x", "9" * 2000):
        assert alice.request("history", n=word)["code"] == "bad_number"
        bob.send_line(f"/history {word}")
        assert "give a whole number from 1 to 500" in bob.read_line()
    bob.send_line("/history 2")
    assert [line.partition("] ")[2] for line in bob.lines(4)[1:3]] == ["alice > message 118", "alice > message 119"]


def test_a_program_reads_back_to_the_beginning_page_by_page(
    start_server: StartServer, join_json: JoinJson, tmp_path: Path
) -> None:
    server = start_server("--data", tmp_path)
    alice = join_json("alice", server)
    said = [f"message {number}" for number in range(700)]
    say(alice, *said)
    alice.request("join", room="den")
    say(alice, "in the den")
    found: list[str] = []
    before = 10**15
    for _ in range(5):
        alice.tell("history", n=150, before=before, room="lobby")
        page = recalled(alice)
        found = [it["text"] for it in page] + found
        before = page[0]["id"]
    assert found == said
    assert alice.request("history", n=150, before=before, room="lobby")["text"] == "Nothing was said before that."
    assert alice.request("history", private=1)["text"] == "Nothing has been said yet."
    assert alice.request("history", room="zoo")["code"] == "not_in"
    for word in (-1, "x", "²", "9" * 20):
        assert alice.request("history", before=word)["code"] == "bad_number"


def test_a_program_reads_back_in_private_alone(start_server: StartServer, join_json: JoinJson, tmp_path: Path) -> None:
    server = start_server("--data", tmp_path)
    alice, bob = join_json("alice", server), join_json("bob", server)
    alice.request("register", password="sesame")
    say(bob, "to everyone")
    for number in range(4):
        bob.request("msg", to="alice", text=f"psst {number}")
    alice.wait_for("whispered", text="psst 3")
    alice.tell("history", private=1, n=2)
    page = recalled(alice)
    assert [it["text"] for it in page] == ["psst 2", "psst 3"]
    alice.tell("history", private=1, before=page[0]["id"])
    assert [it["text"] for it in recalled(alice)] == ["psst 0", "psst 1"]


def test_what_a_room_remembers_by_itself_is_read_page_by_page_too(
    start_server: StartServer, join_json: JoinJson
) -> None:
    alice = join_json("alice", start_server("--no-store"))
    say(alice, "one", "two", "three")
    alice.tell("history", n=1)
    (last,) = recalled(alice)
    alice.tell("history", n=5, before=last["id"], room="lobby")
    assert [it["text"] for it in recalled(alice)] == ["one", "two"]
    assert alice.request("history", private=1)["text"] == "Nothing has been said yet."


def test_history_is_whole_and_in_order_while_others_talk(
    start_server: StartServer, join_json: JoinJson, tmp_path: Path
) -> None:
    """Who asks again and again, and hears the rest live, misses nothing and sees nothing too early."""
    server = start_server("--data", tmp_path)
    talker, reader = join_json("talker", server), join_json("reader", server)
    say(talker, "0")
    for number in range(1, 300):
        talker.tell("say", text=f"{number}")
        if number % 30 == 1:
            reader.tell("history", n=500, ref=number)
    live = 0
    for asked in range(10):
        past: list[str] = []
        while (it := reader.read())["event"] != "history":
            if "history" in it:
                past.append(it["text"])
            elif it["event"] == "said":
                assert it["text"] == f"{live}"
                live += 1
        assert past == [f"{number}" for number in range(len(past))] and it["ref"] == asked * 30 + 1
        assert 0 < len(past) <= live, "shown as the past before it was heard"


def test_a_restart_keeps_accounts_inbox_blocks_watches_and_stats(
    start_server: StartServer, join_json: JoinJson, tmp_path: Path
) -> None:
    server = start_server("--data", tmp_path)
    alice, bob, carol = (register(server, join_json, name) for name in ("alice", "bob", "carol"))
    say(bob, "one", "two", "three")
    bob.request("block", name="alice")
    bob.request("watch", name="dave")
    bob.tell("quit")
    alice.wait_for("left", name="bob")
    assert carol.request("msg", to="bob", text="while you were away")["kept"] == ["bob"]
    say(alice, "and this is kept after all that")
    server.kill()

    server = start_server("--data", tmp_path)
    assert join_json("", server).request("login", name="bob")["code"] == "registered"
    bob = log_in(server, join_json, "BOB")
    assert bob.welcome == {} and "waiting for you: 1" in bob.wait_for("told", about="inbox")["text"]
    assert bob.request("block")["text"] == "Blocked: alice."
    assert bob.request("watch")["text"] == "dave: away"
    assert "bob: 3 messages" in bob.request("stats")["text"]
    bob.tell("inbox")
    assert [(it["from"], it["text"]) for it in recalled(bob)] == [("carol", "while you were away")]
    assert log_in(server, join_json, "alice").request("stats", name="bob")["text"].startswith("bob: 3 messages")
    join_json("dave", server)
    assert bob.wait_for("seen")["name"] == "dave"


def test_stats_and_last_visit_outlive_the_hosts_exit(
    start_server: StartServer, join_json: JoinJson, tmp_path: Path
) -> None:
    server = start_server("--data", tmp_path)
    alice = register(server, join_json, "alice")
    say(alice, "one", "two")
    server.type("EXIT")
    assert alice.wait_for("goodbye")["code"] == "closing"
    assert server.wait() == 0
    server = start_server("--data", tmp_path)
    assert "alice: 2 messages" in join_json("bob", server).request("stats", name="alice")["text"]


def test_ids_never_repeat_over_restarts(start_server: StartServer, join_json: JoinJson, tmp_path: Path) -> None:
    newest = 0
    for end in (Server.kill, Server.stop, Server.kill):
        server = start_server("--data", tmp_path)
        alice = join_json("alice", server)
        ids = [alice.welcome["id"], say(alice, "hello")[0]["id"], alice.request("users")["id"]]
        assert ids == sorted(ids) and ids[0] > newest
        newest = ids[-1]
        end(server)


# ---- rooms


def test_rooms_of_the_host_are_there_and_those_of_users_leave_their_history(
    start_server: StartServer, join_json: JoinJson, join_plain: Join, tmp_path: Path
) -> None:
    rooms = ("--room", "Weather: Talk about the weather", "--room", "Night Shift")
    server = start_server("--data", tmp_path, *rooms)
    alice = join_json("alice", server)
    found = {it["room"]: (it["title"], it["description"]) for it in alice.request("channels")["channels"]}
    assert found["weather"] == ("Weather", "Talk about the weather") and found["night-shift"] == ("Night Shift", "")
    alice.request("join", room="Tea")
    say(alice, "milk first")
    alice.request("part")
    assert "tea" not in {it["room"] for it in alice.request("channels")["channels"]}
    server.kill()
    server = start_server("--data", tmp_path, *rooms)
    bob = join_json("bob", server)
    assert "tea" not in {it["room"] for it in bob.request("channels")["channels"]}
    assert bob.request("join", room="TEA")["event"] == "joined"
    assert [(it["room"], it["text"]) for it in recalled(bob)] == [("tea", "milk first")]
    carol = join_plain("carol", server)
    carol.send_line("/join wEATHER")
    assert carol.wait_for("Welcome").endswith("[=] Welcome to the Weather Channel (2 users)")
    assert carol.read_line().endswith("Talk about the weather")


def test_with_fixed_rooms_nobody_makes_one(start_server: StartServer, join_plain: Join) -> None:
    alice = join_plain("alice", start_server("--room", "Weather", "--fixed-rooms"))
    alice.send_line("/join tea")
    assert "[!] There is no room called tea." in alice.read_line()
    alice.send_line("/join weather")
    assert "Welcome to the Weather Channel" in alice.read_line()


# ---- the inbox


def test_an_inbox_is_bounded_told_delivered_and_nobody_elses(
    start_server: StartServer, join_json: JoinJson, connect: Connect, tmp_path: Path
) -> None:
    server = start_server("--data", tmp_path)
    bobs = register(server, join_json, "bob")
    bobs.tell("quit")
    bobs.read_to_end()
    alice = join_json("alice", server)
    for number in range(10_000):
        alice.tell("msg", to="bob", text=f"entry {number}", ref=number)
        if number % 100 == 99:
            alice.wait_for(ref=number)
    full = alice.request("msg", to="bob", text="one more")
    assert (full["code"], full["text"]) == ("inbox_full", "The inbox of bob is full; the message was not kept.")
    assert alice.request("msg", to="bob,nobody,alice", text="to several")["event"] == "refused"
    server.kill()

    server = start_server("--data", tmp_path)
    eve = register(server, join_json, "eve")  # who comes before bob does
    assert eve.request("inbox")["text"] == "Nothing is waiting for you."
    assert join_json("guest", server).request("inbox")["code"] == "not_registered"
    bob = connect(server)
    bob.send(f"bob\n{SECRET}\n")
    bob.wait_for("Private messages waiting for you: 500. /inbox shows them.")
    bob.send_line("/inbox")
    assert re.search(r"Said before, since \d{4}-\d\d-\d\d \d\d:\d\d: 500", bob.wait_for("Said before"))
    shown = [line.partition("] ")[2] for line in bob.lines(500)]
    assert shown == [f"alice -> bob: entry {number}" for number in range(500)]
    bob.wait_for("End of what was said before.")
    bob.send_line("/inbox")
    bob.wait_for("Nothing is waiting for you.")
    assert eve.request("msg", to="bob,carol", text="hi")["to"] == ["bob"]


@pytest.mark.parametrize("verb", ["history", "inbox"])
def test_a_long_past_puts_nobody_out(start_server: StartServer, join_json: JoinJson, tmp_path: Path, verb: str) -> None:
    """1.6 MB wait for someone whose line does not swallow them at once; the outbox holds 1 MiB."""
    server = start_server("--data", tmp_path)
    bob = register(server, join_json, "bob")
    bob.tell("quit")
    bob.read_to_end()
    alice = join_json("alice", server)
    for number in range(100):
        alice.request("msg", to="bob", text=f"{number} " + "x" * 16_000)
    bob = join_json("", server, receive_buffer=8192)
    assert bob.request("login", name="bob", password=SECRET)["event"] == "welcome"
    bob.wait_for("told", about="inbox")
    shown: list[str] = []
    while len(shown) < (100 if verb == "inbox" else 1):
        bob.tell(verb, n=500)
        shown += [it["text"].partition(" ")[0] for it in recalled(bob)]
        if verb == "inbox" and len(shown) < 100:
            assert f"{100 - len(shown)}" in bob.wait_for("told", about="inbox")["text"]
    assert shown == [f"{number}" for number in range(100)][-len(shown) :]
    assert bob.request("ping")["event"] == "pong"


# ---- kill -9


KILLS = [30, pytest.param(100, marks=pytest.mark.long)]


class Burst:
    """One sender of a round: what he asks for in one go, and what of it was acknowledged."""

    def __init__(self, client: JsonClient, name: str) -> None:
        self.client = client
        self.name = name
        self.done: list[dict[str, Any]] = []

    def begin(self, mark: str) -> None:
        """Ask for it all."""
        for number in range(30):
            self.client.tell("say", text=f"{mark} {self.name} {number}")
            if number % 10 == 0:
                self.client.tell("msg", to="absent", text=f"{mark} {self.name} {number}")

    def gather(self) -> None:
        """Take the acknowledgements out of what has come."""
        *lines, self.client.pending = self.client.pending.split(b"\n")
        self.done += [it for it in map(json.loads, lines) if it["event"] in ("accepted", "told")]


def _listen(bursts: list[Burst], seconds: float, registering: Burst | None = None) -> None:
    """Read what comes to everyone, for so long, until the server is gone, or until a name is registered."""
    open_ = {burst.client.socket: burst for burst in bursts}
    deadline = time.monotonic() + seconds
    while open_ and (left := deadline - time.monotonic()) > 0:
        if registering is not None and b'"register"' in registering.client.pending:
            return
        for sock in select.select([*open_], [], [], left)[0]:
            try:
                piece = sock.recv(65536)
            except ConnectionResetError:
                piece = b""
            open_[sock].client.pending += piece
            if not piece:
                del open_[sock]


@pytest.mark.limit(400)
@pytest.mark.parametrize("kills", KILLS)
def test_what_was_acknowledged_outlives_kill_9_at_any_moment(
    start_server: StartServer, join_json: JoinJson, tmp_path: Path, kills: int
) -> None:
    chance = random.Random()
    said: dict[int, str] = {}
    kept: list[str] = []
    registered: list[str] = []
    before = start_server("--data", tmp_path)
    register(before, join_json, "absent")
    before.kill()
    newest = 0
    for round_ in range(kills):
        server = start_server("--data", tmp_path)
        bursts = [Burst(join_json(name, server), name) for name in ("ann", "ben", "cat")]
        assert bursts[0].client.welcome["id"] > newest
        registrar = Burst(join_json(f"user{round_}", server), f"user{round_}")
        if round_ % 5 == 1:
            log_in(server, join_json, registered[-1])
        registrar.client.tell("register", password=SECRET)
        for burst in bursts:
            burst.begin(f"{round_}")
        if round_ % 5 == 0:  # hashing takes its time: the next moment is worth a look, too
            _listen([*bursts, registrar], PATIENCE, registrar)
        _listen([*bursts, registrar], chance.uniform(0, 0.3))
        server.kill()
        _listen([*bursts, registrar], PATIENCE)
        for burst in (*bursts, registrar):
            burst.gather()
            said |= {it["id"]: it["text"] for it in burst.done if it.get("do") == "say"}
            kept += [it["text"] for it in burst.done if it.get("do") == "msg"]
            newest = max(newest, *(it["id"] for it in burst.done), 0)
            burst.client.close()
        registered += [registrar.name] if any(it.get("about") == "register" for it in registrar.done) else []
    assert rows(tmp_path, "PRAGMA integrity_check") == [("ok",)]
    stored = rows(tmp_path, "SELECT id, text FROM messages WHERE kind = 'said'")
    assert len(stored) == len({text for _, text in stored}), "something is there twice"
    assert said.items() <= dict(stored).items()
    names = {name for (name,) in rows(tmp_path, "SELECT name FROM accounts")}
    assert {"absent", *registered} <= names
    absent = log_in(start_server("--data", tmp_path), join_json, "absent")
    absent.wait_for("told", about="inbox")
    absent.tell("inbox")
    waiting = [it["text"] for it in recalled(absent)]
    assert len(waiting) == len(set(waiting)) and set(kept) <= set(waiting)
    assert said and kept and registered, "the kills came too early to show anything"


# ---- SIGTERM


def test_sigterm_in_a_burst_keeps_what_was_acknowledged_and_tells_everyone(
    start_server: StartServer, join_json: JoinJson, join_plain: Join, tmp_path: Path
) -> None:
    server = start_server("--data", tmp_path)
    witness = join_plain("witness", server)
    senders = [join_json(name, server) for name in ("ann", "ben", "cat")]
    for sender in senders:
        for number in range(300):
            sender.tell("say", text=f"{sender.name} {number}")
    senders[0].wait_for("accepted", text="ann 50")
    server.process.terminate()
    accepted: dict[int, str] = {}
    for sender in senders:
        heard = [json.loads(line) for line in sender.read_to_end().split("\n") if line]
        assert heard[-1]["event"] == "goodbye" and heard[-1]["code"] == "closing", heard[-1]
        accepted |= {it["id"]: it["text"] for it in heard if it["event"] == "accepted"}
    assert witness.read_to_end().endswith("[.] The host has closed the room.\n")
    assert server.wait() == 0
    stored = dict(rows(tmp_path, "SELECT id, text FROM messages"))
    assert accepted.items() <= stored.items() and len(stored) == len(set(stored.values()))
    assert not (tmp_path / "chat.db-wal").exists(), "the file was not closed in good order"


# ---- sick disks


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB that can be full, or read-only."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", place], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a small file system cannot be mounted: {mounted.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


@contextlib.contextmanager
def _ballast(_server: Server, folder: Path) -> Iterator[None]:
    """Fill the disk."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        file.writelines(bytes(4096) for _ in range(4096))
    yield
    ballast.unlink()


@contextlib.contextmanager
def _no_larger_files(server: Server, folder: Path) -> Iterator[None]:
    """Let no file of the server grow any more."""
    soft, hard = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, ((folder / "chat.db-wal").stat().st_size, hard))
    yield
    with contextlib.suppress(ProcessLookupError):
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("fault", [_ballast, _no_larger_files])
def test_a_full_disk_stops_acknowledgements_and_nothing_else(
    request: pytest.FixtureRequest, start_server: StartServer, join_json: JoinJson, tmp_path: Path, fault: Any
) -> None:
    folder = request.getfixturevalue("small_disk") if fault is _ballast else tmp_path / "data"
    server = start_server("--data", folder)
    alice, bob = join_json("alice", server), join_json("bob", server)
    say(alice, "before")
    with fault(server, folder):
        for number in range(100):
            alice.tell("say", text=f"{number:03}" * 2000)
            bob.wait_for("said", text=f"{number:03}" * 2000)
        server.wait_for("What is said cannot be stored")
        alice.tell("say", text="unsafe")
        alice.tell("register", password=SECRET)
        assert bob.wait_for("said", text="unsafe")
        alice.tell("ping", ref="still here")
        came = []
        while "still here" not in (it := alice.read()).values():
            came.append(it)
        assert not [it for it in came if it.get("text") == "unsafe" or it.get("about") == "register"], came
        assert bob.request("history")["text"].startswith("What was said cannot be read at the moment")
    alice.wait_for("accepted", text="unsafe")
    alice.wait_for("told", about="register")
    server.wait_for("What is said is stored again")
    assert server.output is not None and server.output.text.count("cannot be stored") == 1
    say(alice, "after")
    server.kill()
    stored = [text for (text,) in rows(folder, "SELECT text FROM messages ORDER BY id")]
    assert (stored[0], stored[-2], stored[-1], len(stored)) == ("before", "unsafe", "after", 103)


def test_what_could_not_be_stored_at_the_end_is_told(
    start_server: StartServer, join_json: JoinJson, tmp_path: Path
) -> None:
    server = start_server("--data", tmp_path)
    alice = join_json("alice", server)
    say(alice, "before")
    with _no_larger_files(server, tmp_path):
        alice.tell("say", text="x" * 10_000)
        server.wait_for("What is said cannot be stored")
        server.type("EXIT")
        server.wait_for(f"Not everything could be stored in {tmp_path}")
        assert server.wait() == 0


@contextlib.contextmanager
def _slow_disk(server: Server, seconds: float) -> Iterator[None]:
    """Make each call of the server that waits for the disk take so long."""
    needs("strace")
    calls = f"fdatasync,fsync:delay_exit={seconds * 1e6:.0f}"
    command = ["strace", "-f", "-p", f"{server.pid}", "-o", "/dev/null", "-e", f"inject={calls}"]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as strace:
        assert strace.stderr is not None
        first = strace.stderr.readline()
        if b"attached" not in first:
            strace.kill()
            pytest.skip(f"strace cannot attach: {first.decode().strip()}")
        yield
        strace.terminate()
        strace.stderr.read()


def test_a_slow_disk_delays_acknowledgements_and_nothing_else(
    start_server: StartServer, join_json: JoinJson, tmp_path: Path
) -> None:
    server = start_server("--data", tmp_path)
    alice, bob = join_json("alice", server), join_json("bob", server)
    say(alice, "before")
    with _slow_disk(server, 4.0):
        began = time.monotonic()
        for number in range(20):
            with within(3.9, server.pid):  # longer, and somebody has waited for the disk
                alice.tell("say", text=f"{number}")
                bob.wait_for("said", text=f"{number}")
        alice.tell("ping", ref="still here")
        while "still here" not in (it := alice.read()).values():
            assert it["event"] != "accepted" or time.monotonic() - began > 3.9
        alice.wait_for("accepted", text="19")
        assert time.monotonic() - began > 3.9
    assert server.output is not None and "cannot be stored" not in server.output.text


# ---- data folders that will not do


def look(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return what every file in the folder holds, and when it was changed; but for the lock."""
    return {
        path.name: (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.iterdir()
        if path.is_file() and path.name != "chat.lock"
    }


def refused(start: Start, folder: Path, *options: object) -> str:
    """See a server refuse to start on this folder, before its banner; return what it says."""
    program = start("chat_server.py", "--host", "127.0.0.1", "--port", 0, "--data", folder, *options)
    assert program.wait() == 2
    assert program.output is not None and program.output.text == ""
    assert str(folder) in program.errors()
    return program.errors()


def _a_file(folder: Path) -> None:
    folder.rmdir()
    folder.write_text("in the way")


def _no_database(folder: Path) -> None:
    (folder / "chat.db").write_text("This is a letter to my aunt. " * 100)


def _a_strangers(folder: Path) -> None:
    with contextlib.closing(sqlite3.connect(folder / "chat.db")) as database:
        database.execute("CREATE TABLE recipes (name)")
        database.commit()


def _newer(folder: Path) -> None:
    _used(folder)
    with contextlib.closing(sqlite3.connect(folder / "chat.db")) as database:
        database.execute(f"PRAGMA user_version = {schema.VERSION + 1}")


def _empty(folder: Path) -> None:
    (folder / "chat.db").touch()


def _torn(folder: Path) -> None:
    _used(folder)
    database = folder / "chat.db"
    data = bytearray(database.read_bytes())
    for page in range(1, len(data) // 4096):
        data[page * 4096 : page * 4096 + 8] = b"\xff" * 8
    database.write_bytes(data)


def _used(folder: Path) -> None:
    server = Server("--data", folder)
    with JsonClient(server, "alice") as alice:
        say(alice, *(f"message {number}" for number in range(50)))
    server.stop()
    server.finish()


@pytest.mark.parametrize(
    ("prepare", "why"),
    [
        (_a_file, "is a file"),
        (_no_database, "does not begin as a database does"),
        (_a_strangers, "of another program"),
        (_newer, "newer chat server"),
        (_empty, "the file is empty"),
        (_torn, "is damaged"),
    ],
)
def test_a_folder_that_will_not_do_is_refused_and_left_as_it_is(
    start: Start, tmp_path: Path, prepare: Callable[[Path], None], why: str
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    prepare(folder)
    before = look(folder) if folder.is_dir() else {}
    said = refused(start, folder)
    assert why in said and ("--recover" if prepare in (_no_database, _empty, _torn) else "--data DIR") in said
    assert (look(folder) if folder.is_dir() else {}) == before


def test_recover_keeps_a_copy_says_so_and_starts(
    start_server: StartServer, join_json: JoinJson, tmp_path: Path
) -> None:
    _torn(tmp_path)
    damaged = (tmp_path / "chat.db").read_bytes()
    server = start_server("--data", tmp_path, "--recover")
    server.wait_for(re.compile(r"chat\.db\.damaged-\d{8}-\d{6}"))
    copies = [path for path in tmp_path.glob("chat.db.damaged-*") if path.read_bytes() == damaged]
    assert len(copies) == 1
    say(join_json("alice", server), "here we are again")
    server.stop()
    assert join_json("bob", start_server("--data", tmp_path)).welcome["count"] == 2


def test_a_folder_that_cannot_be_written_is_refused(start: Start, small_disk: Path) -> None:
    _used(small_disk)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    assert "Read-only file system" in refused(start, small_disk)


def test_a_second_server_on_the_folder_is_refused(
    start_server: StartServer, join_json: JoinJson, start: Start, tmp_path: Path
) -> None:
    first = start_server("--data", tmp_path)
    assert f"another chat server (process {first.pid}) is using it" in refused(start, tmp_path)
    say(join_json("alice", first), "unharmed")


def test_a_refusal_comes_before_listening(tmp_path: Path) -> None:
    needs("strace")
    (tmp_path / "file").touch()
    trace = tmp_path / "trace"
    server = [sys.executable, "chat_server.py", "--port", "0", "--data", str(tmp_path / "file")]
    done = subprocess.run(["strace", "-f", "-e", "trace=bind,listen", "-o", trace, *server], check=False, cwd=ROOT)
    if not trace.exists() or "bind(" not in trace.read_text():
        pytest.skip("strace is not allowed here")
    assert done.returncode == 2 and "listen(" not in trace.read_text()


# ---- where things are kept


def test_where_things_are_kept_depends_on_the_port_and_not_on_the_working_directory(
    start_server: StartServer, join_json: JoinJson, tmp_path: Path
) -> None:
    port, env = free_port(), {**os.environ, "XDG_DATA_HOME": str(tmp_path / "home")}
    for number, name in enumerate(("here", "there")):
        (tmp_path / name).mkdir()
        server = start_server("--port", port, cwd=tmp_path / name, env=env)
        client = join_json("alice", server)
        assert number == 0 or [it["text"] for it in recalled(client)] == ["said here"]
        say(client, f"said {name}")
        server.stop()
    folders = [path.relative_to(tmp_path) for path in tmp_path.rglob("chat.db")]
    assert folders == [Path(f"home/chat-room/{port}/chat.db")]
    assert not any(any((tmp_path / name).iterdir()) for name in ("here", "there"))
    start_server("--port", free_port(), env=env)
    assert len([*tmp_path.rglob("chat.db")]) == 2


@pytest.mark.parametrize("options", [[], ["--no-store"], ["--no-store", "--port", "free"]])
def test_without_a_store_nothing_is_written(
    start_server: StartServer, join_json: JoinJson, tmp_path: Path, options: list[str]
) -> None:
    env = {**os.environ, "XDG_DATA_HOME": str(tmp_path), "HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    chosen = [free_port() if word == "free" else word for word in options]
    server = start_server(*chosen, cwd=tmp_path, env=env)
    alice = join_json("alice", server)
    say(alice, "gone with the wind")
    assert alice.request("register", password=SECRET)["code"] == "no_store"
    assert [it["text"] for it in recalled(join_json("bob", server))] == ["gone with the wind"]
    server.stop()
    assert [*tmp_path.rglob("*")] == []


def test_the_files_are_for_their_owner_alone(start_server: StartServer, join_json: JoinJson, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    register(start_server("--data", folder), join_json, "alice")
    assert folder.stat().st_mode & 0o077 == 0
    assert [path.name for path in folder.iterdir() if path.stat().st_mode & 0o077] == []
