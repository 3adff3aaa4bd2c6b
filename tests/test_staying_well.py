"""Staying well: broken lines, silence, crowds and signals, against the real process with lowered limits."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import resource
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import options
import server as serving
import visit
from teller import Teller
from tests.gauges import calms_down, descriptors, many_descriptors, memory, within
from tests.support import PATIENCE, ROOT, Connection, JsonClient, PlainClient, Program, Server, wait_until
from wires.wire import dialects

MIB = 1 << 20

Join = Callable[..., PlainClient]
JoinJson = Callable[..., JsonClient]
StartServer = Callable[..., Server]


# ---- S1


def _fin(client: PlainClient) -> None:
    client.close()


def _rst(client: PlainClient) -> None:
    client.reset()


def _half_close(client: PlainClient) -> None:
    client.half_close()


def _quit(client: PlainClient) -> None:
    client.send_line("/quit")


def _unread(client: PlainClient) -> None:
    """Close with input unread: the system sends RST."""
    client.send_line("/help")
    assert select.select([client.socket], [], [], 10)[0]
    client.close()


@pytest.mark.parametrize("leave", [_fin, _rst, _half_close, _quit, _unread])
def test_s1_however_someone_leaves_there_is_exactly_one_exit_event(
    server: Server, join_plain: Join, join_json: JoinJson, leave: Callable[[PlainClient], None]
) -> None:
    bob, robot = join_plain("bob"), join_json("robot")
    leave(join_plain("alice"))
    assert robot.wait_for("left")["name"] == "alice"
    server.wait_for("[*] alice exited.\nUSERS: [Host,bob,robot]\n")
    robot.request("say", text="the end")
    heard = [line for line in bob.lines(4) if "alice" in line]
    assert [line[11:] for line in heard] == ["[*] alice entered.", "[*] alice exited."]
    assert robot.pending == b""
    assert server.output is not None
    assert server.output.text.count("alice exited") == 1


def test_s1_a_client_killed_by_the_system_leaves_once(server: Server, join_plain: Join) -> None:
    bob = join_plain("bob")
    code = "import socket, sys, time; s = socket.create_connection(('127.0.0.1', int(sys.argv[1])), 10); "
    code += "s.sendall(b'alice\\n'); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code, str(server.port)]) as process:
        bob.wait_for("alice entered.")
        process.send_signal(signal.SIGKILL)
    bob.wait_for("alice exited.")
    bob.send_line("/whoelse")
    assert bob.read_line().endswith("1 in lobby:")


def test_s1_five_hundred_resets_at_once_are_told_once_each_and_the_list_is_exact(
    start_server: StartServer, join_json: JoinJson
) -> None:
    """Everyone left is told of each; then they all come back."""
    server = start_server(dev=False)
    robot = join_json("robot", server)
    for round_number in range(2):
        with many_descriptors():
            crowd = [_bare(server, f"guest{number}") for number in range(500)]
            for guest in crowd:
                assert guest.recv(3) == b"OK\n"
            wait_until(lambda: robot.request("users")["users"][-1]["name"] == "guest499")
            began = time.monotonic()
            for guest in crowd:
                guest.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                guest.close()
            left = [robot.wait_for("left") for _ in range(500)]
            assert time.monotonic() - began < PATIENCE
        assert {each["name"] for each in left} == {f"guest{number}" for number in range(500)}, round_number
        assert [each["count"] for each in left] == list(range(501, 1, -1))
        answer = robot.request("users")
        assert [user["name"] for user in answer["users"]] == ["Host", "robot"]


def _bare(server: Server, name: str) -> socket.socket:
    """Return a socket of someone who logs in, quicker to make than a client."""
    made = socket.create_connection((server.host, server.port), 10)
    made.sendall(name.encode() + b"\n")
    return made


# ---- S2


def _flood(server: Server, talker: PlainClient, listener: PlainClient, size: int) -> None:
    """Say `size` bytes, and see that `listener` never waits long for the next piece."""
    for number in range(size // 4000):
        with within(1.0, server.pid):
            talker.send_line(f"{number:05} {'x' * 3994}")
            listener.wait_for(f"{number:05} ")


@pytest.mark.parametrize("count", [1, 20])
def test_s2_who_never_reads_is_put_out_with_the_reason_and_nobody_waits_for_him(
    start_server: StartServer, join_plain: Join, count: int
) -> None:
    """Over the outbox: at once. The kernel alone swallows some of it."""
    server = start_server("--stall-limit", "30", dev=False)
    talker, listener = join_plain("talker", server), join_plain("listener", server)
    deaf = [join_plain(f"deaf{number}", server, receive_buffer=4096) for number in range(count)]
    before = memory(server.pid)
    _flood(server, talker, listener, 2 * MIB)
    for _ in deaf:
        server.wait_for(re.compile(r"deaf\d+ is off line: .*bytes were waiting to be read"))
    talker.send_line("/users")
    talker.wait_for("3 in lobby:")
    assert memory(server.pid) - before < 16 * MIB


@pytest.mark.parametrize("limit", ["1", ""])
def test_s2_who_takes_nothing_is_put_out_after_the_limit(
    start_server: StartServer, join_plain: Join, join_json: JoinJson, limit: str
) -> None:
    """With a lowered limit, and with the shipped 10 s."""
    server = start_server(*(["--stall-limit", limit] if limit else []), dev=False)
    talker, listener = join_plain("talker", server), join_plain("listener", server)
    robot = join_json("deaf", server, receive_buffer=4096)
    seconds = float(limit or 10)
    began = time.monotonic()
    _flood(server, talker, listener, 400_000)
    server.wait_for(f"deaf is off line: Your connection is too slow: nothing could be sent for {seconds:g} s.")
    assert time.monotonic() - began >= seconds - 1
    listener.wait_for("[*] deaf exited.")
    robot.close()


def test_s2_who_was_put_out_and_reads_again_finds_the_reason(start_server: StartServer, join_plain: Join) -> None:
    server = start_server("--stall-limit", "0.5", dev=False)
    talker, listener = join_plain("talker", server), join_plain("listener", server)
    deaf = join_plain("deaf", server, receive_buffer=4096)
    _flood(server, talker, listener, 300_000)
    server.wait_for("deaf is off line")
    assert "[.] Your connection is too slow: nothing could be sent for 0.5 s." in deaf.read_to_end()


def test_s2_who_reads_slowly_loses_nothing(start_server: StartServer, join_plain: Join) -> None:
    """50 kB a second, while 200 kB go through the room; the limit of no progress is not his."""
    server = start_server("--stall-limit", "3", dev=False)
    talker, listener = join_plain("talker", server), join_plain("listener", server)
    slow = join_plain("slow", server, receive_buffer=4096)
    _flood(server, talker, listener, 200_000)
    heard = b""
    while b"00049 " not in heard or not heard.endswith(b"\n"):
        piece = slow.socket.recv(5000)
        assert piece, "put out"
        heard += piece
        time.sleep(len(piece) / 50_000)  # his pace
    assert [int(number) for number in re.findall(rb"> (\d{5}) x{3994}\n", heard)] == list(range(50))


def test_s2_who_shouts_and_does_not_read_holds_back_nobody_but_himself(
    start_server: StartServer, join_plain: Join
) -> None:
    """Reading pauses above 64 KiB of his unsent answers, so he stalls; the server's memory stays."""
    server = start_server("--stall-limit", "1", dev=False)
    alice, bob = join_plain("alice", server), join_plain("bob", server)
    shouter = join_plain("shouter", server, receive_buffer=4096)
    before = memory(server.pid)
    shouter.socket.setblocking(False)
    with contextlib.suppress(BlockingIOError, ConnectionError):
        for _ in range(200):
            shouter.socket.send(b"/help\n" * 100)
    alice.wait_for("shouter exited.")
    alice.send_line("hello")
    bob.wait_for("alice > hello")
    assert memory(server.pid) - before < 16 * MIB


# ---- S3


def test_s3_a_silent_program_is_pinged_then_told_and_gone(start_server: StartServer, join_json: JoinJson) -> None:
    server = start_server("--ping-after", "0.6", "--silent-limit", "3")
    silent, lively = join_json("silent", server), join_json("lively", server)
    began = time.monotonic()
    silent.wait_for("ping")
    assert 0.5 <= time.monotonic() - began < PATIENCE, "60 s are the default"
    while (event := lively.read())["event"] != "left":
        if event["event"] == "ping":
            lively.tell("pong")
    assert event["name"] == "silent"
    goodbye = silent.wait_for("goodbye")
    assert goodbye["code"] == "timeout"
    assert "3 seconds" in goodbye["text"]
    assert silent.read_to_end() == ""
    server.wait_for("silent is off line: No whole line came from you for 3 seconds.")
    assert lively.request("say", text="still here")["event"] == "accepted"


def test_s3_a_person_may_be_silent_but_half_a_line_may_not_last(start_server: StartServer, join_plain: Join) -> None:
    """Dripping half a line defeats the ping timeout of others; only whole lines count."""
    server = start_server("--ping-after", "0.3", "--silent-limit", "0.8")
    silent, dripper = join_plain("silent", server), join_plain("dripper", server)
    began = time.monotonic()
    with contextlib.suppress(OSError):
        while time.monotonic() - began < PATIENCE:
            dripper.send("x")
            time.sleep(0.05)  # the pace of the dripper
    assert 0.7 <= time.monotonic() - began < PATIENCE
    server.wait_for("dripper is off line: No whole line came from you for 0.8 seconds.")
    silent.wait_for("dripper exited.")
    silent.send_line("/users")
    silent.wait_for("2 in lobby:")


def test_s3_who_begins_to_type_after_a_long_silence_is_not_put_out(start_server: StartServer, join_plain: Join) -> None:
    """The silence before the first character is not that of a half line."""
    server = start_server("--silent-limit", "2")
    typist, bob = join_plain("typist", server), join_plain("bob", server)
    began = time.monotonic()
    while time.monotonic() - began < 4.5:  # the server looks every two seconds, and finds half a line each time
        typist.send("ha")
        time.sleep(0.6)  # the pace of the typist
        typist.send("lf\n")
        bob.wait_for("typist > half")
        typist.send("x")
        time.sleep(0.1)
        typist.send("\n")


def test_s3_the_idle_limit_puts_out_and_tells_why_also_on_a_totally_idle_server(
    start_server: StartServer, join_json: JoinJson, join_plain: Join
) -> None:
    """What broke the originals: pruning waited for traffic. A pong is no sign of being there in person."""
    server = start_server("--idle-limit", "1", "--ping-after", "0.3", "--silent-limit", "5")
    robot, person = join_json("robot", server), join_plain("person", server)
    began = time.monotonic()
    while (event := robot.read())["event"] != "goodbye":
        if event["event"] == "ping":
            robot.tell("pong")
    assert event["code"] == "idle"
    assert 0.9 <= time.monotonic() - began < PATIENCE
    assert "[.] Nothing was heard from you for 1 seconds." in person.read_to_end()
    server.wait_for("USERS: [Host]\n")
    server.type("LIST_USERS")
    server.wait_for("USERS: [Host]\n")


def test_s3_nobody_is_put_out_because_the_server_itself_was_stopped(
    start_server: StartServer, join_json: JoinJson, join_plain: Join
) -> None:
    """SIGSTOP and back. Here the silence is longer than every limit."""
    server = start_server("--ping-after", "1", "--silent-limit", "3", "--stall-limit", "3")
    robot, person = join_json("robot", server), join_plain("person", server)
    robot.wait_for("entered")
    os.kill(server.pid, signal.SIGSTOP)
    time.sleep(3.5)  # longer than the limits
    os.kill(server.pid, signal.SIGCONT)
    robot.wait_for("ping")
    assert robot.request("say", text="here")["event"] == "accepted"
    person.wait_for("robot > here")


# ---- S4


@pytest.mark.parametrize("selector", ["select", "poll", "epoll"])
def test_s4_every_selector_serves_a_talk(start_server: StartServer, join_plain: Join, selector: str) -> None:
    server = start_server("--selector", selector)
    alice, bob = join_plain("alice", server), join_plain("bob", server)
    alice.send_line("hello")
    bob.wait_for("alice > hello")
    server.type("KICK alice")
    bob.wait_for("alice has been kicked out.")
    assert "kicked" in alice.read_to_end()
    assert calms_down(server.pid, 0.05, 0.5)


@pytest.fixture
def crowd() -> Iterator[list[socket.socket]]:
    with many_descriptors() as most:
        if most < 4096:
            pytest.skip(f"needs 4,096 descriptors, and only {most} are allowed here (ulimit -Hn)")
        sockets: list[socket.socket] = []
        yield sockets
        for each in sockets:
            each.close()


def test_s4_more_than_1024_people_hear_one_message(
    start_server: StartServer, join_plain: Join, crowd: list[socket.socket]
) -> None:
    """What broke the originals: the 1,025th descriptor ended the server."""
    server = start_server(dev=False)
    for number in range(1300):
        crowd.append(_bare(server, f"guest{number}"))
        crowd[-1].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 17)
    readers = [_Reader(sock) for sock in crowd]
    _read_all(readers, b"guest1299")
    talker = join_plain("talker", server)
    assert len(talker.users) == 1302
    talker.send_line("the one message")
    _read_all(readers, b"talker > the one message\n")


class _Reader:
    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.heard = b""
        sock.setblocking(False)

    def read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while piece := self.sock.recv(1 << 16):
                self.heard += piece


def _read_all(readers: list[_Reader], wanted: bytes) -> None:
    """Read from all until each has heard `wanted`."""
    deadline = time.monotonic() + 30
    missing = readers
    while missing:
        assert time.monotonic() < deadline, f"{len(missing)} did not hear it, such as {missing[0].heard[-300:]!r}"
        for reader in readers:
            reader.read()
        missing = [reader for reader in missing if wanted not in reader.heard]


def test_s4_plain_select_refuses_beyond_its_1024_descriptors_in_words_and_the_room_goes_on(
    start_server: StartServer, join_plain: Join, crowd: list[socket.socket]
) -> None:
    server = start_server("--selector", "select", dev=False)
    alice, bob = join_plain("alice", server), join_plain("bob", server)
    crowd.extend(socket.create_connection((server.host, server.port), 10) for _ in range(1100))
    assert crowd[-1].recv(100) == b"The room is full; please try again later.\n"
    server.wait_for("select() serves only descriptors below 1024: newcomers are refused. Try --selector epoll.")
    alice.send_line("hello")
    bob.wait_for("alice > hello")
    for _ in range(5):
        crowd.append(socket.create_connection((server.host, server.port), 10))
        assert crowd[-1].recv(100).startswith(b"The room is full")
    for each in crowd:
        each.close()
    crowd.clear()
    wait_until(lambda: descriptors(server.pid) < 100)
    assert join_plain("carol", server).users == ["Host", "alice", "bob", "carol"]
    assert server.output is not None
    assert server.output.text.count("select() serves only") == 1, "the host is told once"


@pytest.mark.parametrize("selector", ["epoll", "poll", "select"])
def test_s4_out_of_descriptors_newcomers_are_told_the_room_goes_on_and_the_host_is_told_once(
    start_server: StartServer, join_plain: Join, crowd: list[socket.socket], selector: str
) -> None:
    """RLIMIT_NOFILE is 64, and 200 connect: CPU ≤ 5 %, recovery ≤ 2 s."""
    server = start_server("--selector", selector, dev=False, preexec_fn=_allow_64)
    alice, bob = join_plain("alice", server), join_plain("bob", server)
    crowd.extend(_bare(server, f"guest{number}") for number in range(200))
    server.wait_for("Newcomers from 127.0.0.1 are turned away: The room is full")
    alice.send_line("hello")
    bob.wait_for("alice > hello")
    assert crowd[150].recv(200) == b"The room is full; please try again later.\n"
    assert calms_down(server.pid, 0.05)
    for number in range(20):  # each who leaves makes room for one who comes anew
        crowd[number].close()
    bob.wait_for("guest19 exited")
    crowd.append(_bare(server, "patience"))
    bob.wait_for("patience entered.")
    for each in crowd:
        each.close()
    join_plain("carol", server)
    alice.send_line("/whoelse")
    alice.wait_for("[=] Host")
    assert server.output is not None
    assert server.output.text.count("turned away") == 1


def _allow_64() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))


def test_the_space_for_all_descriptors_is_there_from_the_start(start_server: StartServer) -> None:
    """Linux makes a process with threads wait for more, 5 to 20 ms with each doubling: nobody would be served."""
    server = start_server(dev=False)
    status = Path(f"/proc/{server.pid}/status").read_text("ascii")
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert int(status.partition("FDSize:")[2].split()[0]) >= min(most, 20_000)


def test_nothing_is_left_of_a_thousand_visits(start_server: StartServer, join_plain: Join) -> None:
    """Descriptors and memory are back at the baseline."""
    server = start_server(dev=False)
    bob = join_plain("bob", server)
    for warm_up in (True, False):
        before, descriptors_before = memory(server.pid), descriptors(server.pid)
        for number in range(200 if warm_up else 800):
            with Connection(server) as visitor:
                visitor.send(
                    (b"", b"half", f"guest{number}\nhello\n".encode(), b'{"do":"login"', b"GET / HTTP/1.1\r\n")[
                        number % 5
                    ]
                )
                visitor.reset() if number % 3 else None
    bob.send_line("/users")
    bob.wait_for(" in lobby:")
    wait_until(lambda: descriptors(server.pid) <= descriptors_before)
    assert memory(server.pid) - before < 4 * MIB


# ---- our own faults


class Room:
    """A server in this thread, turned by the test, so that faults can be put into it."""

    def __init__(self) -> None:
        self.server = serving.Server(options.parse(["--host", "127.0.0.1", "--port", "0"]))
        self.visitors: list[socket.socket] = []

    def join(self, name: str) -> _Reader:
        sock = socket.create_connection(("127.0.0.1", self.server.port), 10)
        self.visitors.append(sock)
        sock.sendall(name.encode() + b"\n")
        reader = _Reader(sock)
        self.turn_until(reader, b"&Host")
        return reader

    def turn_until(self, reader: _Reader, wanted: bytes) -> None:
        deadline = time.monotonic() + 10
        while wanted not in reader.heard:
            assert time.monotonic() < deadline, f"{wanted!r} did not come, but {reader.heard!r}"
            self.server.loop.turn(0.02)
            reader.read()

    def close(self) -> None:
        self.server.hub.close("The test is over.")
        for sock in self.visitors:
            sock.close()
        for _ in range(20):
            self.server.loop.turn(0.01)
        self.server.console.close()
        self.server.loop.close()


@pytest.fixture
def room() -> Iterator[Room]:
    made = Room()
    yield made
    made.close()


def _break(owner: Any, name: str, monkeypatch: pytest.MonkeyPatch, only: Callable[..., bool]) -> None:
    """Let the method raise where `only(self, ...)` says so."""
    real = getattr(owner, name)

    def broken(*args: Any, **kwargs: Any) -> Any:
        if only(*args):
            raise LookupError("made by a test")
        return real(*args, **kwargs)

    monkeypatch.setattr(owner, name, broken)


def test_a_fault_in_a_handler_closes_that_channel_only_with_a_goodbye_and_a_traceback(
    room: Room, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    alice, bob = room.join("alice"), room.join("bob")
    room.turn_until(alice, b"bob entered.")
    _break(visit.Visit, "heard", monkeypatch, lambda _visit, data: b"boom" in data)
    with caplog.at_level(logging.ERROR, "chat.loop"):
        alice.sock.send(b"boom\n")
        room.turn_until(bob, b"[*] alice exited.")
        room.turn_until(alice, b"[.] A fault in the server; it has been logged.\n")
    assert caplog.text.count("LookupError: made by a test") == 1
    assert room.server.loop.faults == 1
    carol = room.join("carol")
    bob.sock.send(b"boo\n")
    room.turn_until(carol, b"bob > boo\n")


@pytest.mark.parametrize(("owner", "method"), [(visit.Visit, "ended"), (visit.Visit, "look"), (visit.Visit, "stalled")])
def test_a_fault_in_any_handler_leaves_the_others_alone(
    room: Room, monkeypatch: pytest.MonkeyPatch, owner: Any, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    alice, bob = room.join("alice"), room.join("bob")
    _break(owner, method, monkeypatch, lambda visit, *_: visit.session.user and visit.session.user.name == "alice")
    alice.sock.close()
    carol = room.join("carol")
    bob.sock.send(b"hello\n")
    room.turn_until(carol, b"bob > hello\n")
    for _ in range(20):
        room.server.loop.turn(0.01)
    assert caplog.text.count("Traceback") <= 3, "the log is flooded"


def test_a_fault_while_everyone_is_told_ends_neither_the_server_nor_the_next_talk(
    room: Room, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    alice, bob = room.join("alice"), room.join("bob")
    room.turn_until(alice, b"bob entered.")
    _break(
        Teller,
        "_open",
        monkeypatch,
        lambda _, turn: any(getattr(post.event, "text", "") == "boom" for post in turn.posts),
    )
    alice.sock.send(b"boom\n")
    deadline = time.monotonic() + 10
    while not room.server.loop.faults:
        assert time.monotonic() < deadline
        room.server.loop.turn(0.02)
    alice.sock.send(b"and on\n")
    room.turn_until(bob, b"alice > and on\n")
    assert "made by a test" in caplog.text


@pytest.mark.parametrize("method", ["encode_all", "own", "join"])
def test_a_fault_in_one_wire_puts_out_that_person_alone(
    room: Room, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, method: str
) -> None:
    """He says something while his wire cannot tell him anything any more; all others hear it, and that he has gone."""
    alice, bob, carol = (room.join(name) for name in ("alice", "bob", "carol"))
    room.turn_until(bob, b"carol entered.")
    user = room.server.hub.get("alice")
    faulty = user.listener.wire
    faulty.dialect = "faulty"
    dialects.changes += 1
    _break(type(faulty), method, monkeypatch, lambda wire, *_: wire is faulty)
    with caplog.at_level(logging.ERROR, "chat.loop"):
        bob.sock.send(b"one\n")
        alice.sock.send(b"two\n/msg bob three\n")
        for reader in (carol, bob):
            room.turn_until(reader, b"[*] alice exited.")
    assert b"bob > one\n" in carol.heard
    assert "LookupError: made by a test" in caplog.text and "fault in Plain" in caplog.text
    assert room.server.hub.find("alice") is None and user.gone
    bob.sock.send(b"and on\n")
    room.turn_until(carol, b"bob > and on\n")


@dataclass
class Place:
    """Where a server listens."""

    host: str
    port: int


BROKEN = """
import sys
import server, commands.me
def broken(call, text): raise LookupError("made by a test")
object.__setattr__(commands.me.COMMAND, "run", broken)
sys.exit(server.main())
"""


def test_faults_do_not_flood_the_log_of_the_real_process(start: Callable[..., Program], tmp_path: Path) -> None:
    """The same fault 40 times: 20 tracebacks in a minute, each told to the host in words; the room goes on."""
    (tmp_path / "broken.py").write_text(BROKEN, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    program = start(tmp_path / "broken.py", "--host", "127.0.0.1", "--port", 0, env=environment)
    program.expect_trouble()
    place = Place("127.0.0.1", int(program.wait_for(re.compile(r"Chat running 127\.0\.0\.1:(\d+)"))[1]))
    with PlainClient(place, "bob") as bob:
        for number in range(40):
            with PlainClient(place, f"guest{number}") as guest:
                guest.send_line("/me waves")
                assert "A fault in the server; it has been logged." in guest.read_to_end()
        bob.wait_for("guest39 exited.")
    program.wait_for("A fault in the server (fault in Connection); the traceback is in the log.")
    assert program.errors().count("LookupError: made by a test") == 20
    program.type("EXIT")
    assert program.wait() == 0
