"""What people cost who only sit there, on every wire that holds a connection, and what is left when they have gone."""

from __future__ import annotations

import gc
import json
import socket
import ssl
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType, ModuleType

import pytest

import options
import server as serving
from chat.session import Session
from chat.turn import User
from net.connection import Connection
from net.loop import Loop
from net.rounds import STEP, Rounds
from net.secure import Secure
from tests.web_client import TEXT, frame
from visit import Visit
from wires.wire import Wire

UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def _login(name: str) -> bytes:
    return json.dumps({"do": "login", "name": name}).encode()


ENTRANCES: dict[str, list[tuple[Callable[[str], bytes], bytes]]] = {
    "plain": [(lambda name: f"{name}\n".encode(), b"&Host")],
    "json": [(lambda name: _login(name) + b"\n", b'"welcome"')],
    "irc": [
        (lambda name: f"NICK {name}\r\nUSER {name} 0 * :{name}\r\n".encode(), b" 422 "),
        (lambda _: b"JOIN #lobby\r\n", b" 366 "),
    ],
    "web": [(lambda _: UPGRADE, b"\r\n\r\n"), (lambda name: frame(TEXT, _login(name)), b'"welcome"')],
}
"""What is sent to come in, and what is heard then."""

MOST = {"plain": 2_560, "json": 2_560, "irc": 4_096, "web": 4_096}
"""Bytes of Python objects for each."""

OURS = (Visit, Session, Connection, Secure, User, Wire)


class Room:
    """A server in this thread, turned by the test; nothing is stored, and everybody sits on the same machine."""

    def __init__(self, *more: str) -> None:
        arguments = [*more, "--host", "127.0.0.1", "--port", "0", "--no-store", "--limit-exempt", "127.0.0.1"]
        self.server = serving.Server(options.parse(arguments))
        self.visitors: list[socket.socket] = []

    def enter(self, wire: str, number: int) -> None:
        sock = socket.create_connection(("127.0.0.1", self.server.port), 10)
        self.visitors.append(sock)
        sock.setblocking(False)
        for sends, hears in ENTRANCES[wire]:
            sock.send(sends(f"guest{number}"))
            heard = b""
            deadline = time.monotonic() + 10
            while hears not in heard:
                assert time.monotonic() < deadline, f"{hears!r} did not come, but {heard!r}"
                self.server.loop.turn(0.02)
                try:
                    heard += sock.recv(1 << 16)
                except BlockingIOError:
                    pass

    def turn(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.server.loop.turn(left)

    def everybody_goes(self) -> None:
        for sock in self.visitors:
            sock.close()
        self.visitors.clear()
        deadline = time.monotonic() + 10
        while self.server.visits or len(self.server.hub) > 1:
            assert time.monotonic() < deadline, "not everybody has gone"
            self.server.loop.turn(0.02)

    def close(self) -> None:
        self.everybody_goes()
        self.server.hub.close("The test is over.")
        self.turn(0.1)
        self.server.console.close()
        self.server.loop.close()


@pytest.fixture
def room() -> Iterator[Room]:
    made = Room()
    yield made
    made.close()


@pytest.fixture
def no_collections() -> Iterator[None]:
    """What is freed is freed because nobody knows it any more."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def _size(root: object, without: object) -> int:
    """Return the bytes of everything that can be reached, as the allocator rounds them; no code and no classes."""
    found: list[object] = [root]
    seen = {id(root), id(without)}
    total = 0
    for thing in found:
        total += -(-sys.getsizeof(thing) // 16) * 16
        for other in gc.get_referents(thing):
            if id(other) not in seen and not isinstance(other, (type, FunctionType, ModuleType)):
                seen.add(id(other))
                found.append(other)
    return total


@pytest.mark.parametrize("wire", ENTRANCES)
def test_who_sits_still_takes_little_memory(room: Room, wire: str) -> None:
    sizes = []
    for number in range(101):
        if number in (20, 100):
            sizes.append(_size(room.server, without=room.server.console))  # which has lines to show
        room.enter(wire, number)
    each = (sizes[1] - sizes[0]) / (100 - 20)
    assert 1_000 < each <= MOST[wire]


@pytest.mark.parametrize("wire", ENTRANCES)
def test_nothing_of_a_visitor_waits_for_the_garbage_collector(room: Room, wire: str, no_collections: None) -> None:
    room.enter(wire, 0)  # the first one brings in what all of them share
    _all_go(room)
    before = _ours()
    for number in range(10):
        room.enter(wire, number)
    assert _ours()["Visit"] == before["Visit"] + 10
    _all_go(room)
    assert _ours() == before


def test_nothing_of_a_visitor_by_tls_waits_for_the_garbage_collector(no_collections: None, tmp_path: Path) -> None:
    pytest.importorskip("trustme")
    from tests.tls import issue

    papers = issue(tmp_path / "papers")
    room = Room(*papers.options)
    before = _ours()
    visitor = threading.Thread(target=_visit_by_tls, args=(room.server.port, papers.trust))
    visitor.start()
    while visitor.is_alive():
        room.server.loop.turn(0.02)
    visitor.join()
    _all_go(room)
    assert _ours() == before
    room.close()


def _visit_by_tls(port: int, trust: ssl.SSLContext) -> None:
    address = ("127.0.0.1", port)
    with (
        socket.create_connection(address, 10) as raw,
        trust.wrap_socket(raw, server_hostname=address[0]) as sock,
    ):
        sock.sendall(b"guest\n")
        heard = b""
        while b"&guest" not in heard and b"&Host" not in heard:
            heard += sock.recv(4096)


def _all_go(room: Room) -> None:
    room.everybody_goes()
    room.turn(1.1)  # the time that a connection is given to be closed from the other end


def _ours() -> Counter[str]:
    return Counter(type(thing).__name__ for thing in gc.get_objects() if isinstance(thing, OURS))


@pytest.mark.parametrize("wire", ENTRANCES)
def test_who_sits_still_wakes_nobody_for_half_a_minute(room: Room, wire: str) -> None:
    for number in range(20):
        room.enter(wire, number)
    room.turn(1.2)  # until everybody has been looked at once, and the status has been shown
    now = room.server.loop.clock.monotonic()
    due = [when - now for when, _ in room.server.loop.timers()]
    assert not [seconds for seconds in due if seconds < 30]
    assert len(due) < 20, "people share their timers"


# -- the rounds themselves


class Sleeper:
    """Somebody who is looked at."""

    def __init__(self, does: Callable[[], None] = lambda: None) -> None:
        self.does = does
        self.looks: list[float] = []
        self.failures: list[str] = []

    def look(self) -> None:
        self.looks.append(time.monotonic())
        self.does()

    def failed(self, why: str) -> None:
        self.failures.append(why)


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


def _turn(loop: Loop, seconds: float) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        loop.turn(left)


def test_who_is_due_at_about_the_same_time_shares_a_timer_and_nobody_is_early(loop: Loop) -> None:
    rounds, sleepers = Rounds(loop), [Sleeper() for _ in range(100)]
    now = loop.clock.monotonic()
    times = [now + number / 1_000 for number in range(100)]
    for sleeper, when in zip(sleepers, times, strict=True):
        rounds.join(sleeper, when)
    assert len(loop.timers()) <= 2
    _turn(loop, 3 * STEP)
    assert all(len(sleeper.looks) == 1 and sleeper.looks[0] >= when
               for sleeper, when in zip(sleepers, times, strict=True))  # fmt: skip
    assert not loop.timers()


def test_who_leaves_is_not_looked_at_even_where_another_makes_him_leave(loop: Loop) -> None:
    rounds = Rounds(loop)
    when = loop.clock.monotonic()
    gone, second = Sleeper(), Sleeper()
    rounds.join(gone, when).leave(gone)
    rounds.join(Sleeper(lambda: found.leave(second)), when)
    found = rounds.join(second, when)
    _turn(loop, 2 * STEP)
    assert gone.looks == second.looks == []
    found.leave(second)  # twice is harmless


def test_who_joins_again_while_he_is_looked_at_has_another_look(loop: Loop) -> None:
    rounds, left = Rounds(loop), [2]
    sleeper = Sleeper()

    def again() -> None:
        left[0] -= 1
        if left[0]:
            rounds.join(sleeper, loop.clock.monotonic())

    sleeper.does = again
    again()
    _turn(loop, 3 * STEP)
    assert len(sleeper.looks) == 1 and not loop.timers()


def test_a_fault_in_one_look_is_his_alone(loop: Loop, caplog: pytest.LogCaptureFixture) -> None:
    rounds, when = Rounds(loop), loop.clock.monotonic()
    bad, good = Sleeper(lambda: {"": None}["made by a test"]), Sleeper()
    rounds.join(bad, when)
    rounds.join(good, when)
    _turn(loop, 2 * STEP)
    assert len(good.looks) == 1 and len(bad.failures) == 1
    assert loop.faults == 1 and "made by a test" in caplog.text
