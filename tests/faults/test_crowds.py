"""Faults: many peers at once that do not read, do not finish, flood, or vanish; the witnesses notice nothing."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from tests.gauges import descriptors, many_descriptors, within
from tests.support import PATIENCE, JsonClient, PlainClient, Server, wait_until

StartServer = Callable[..., Server]
Unaffected = Callable[..., AbstractContextManager[Server]]

HALVES = {
    "plain": b"no name",
    "json": b'{"do":"login",',
    "irc": b"NICK a",
    "http": b"GET / HTTP/1.1\r\nHost: x\r\nA: ",
    "tls": b"\x16\x03\x01\x02\x00\x01",
    "classroom": b"ADD -",
    "nothing": b"",
}


@pytest.fixture
def crowd() -> Iterator[list[socket.socket]]:
    """Sockets that are closed after the test."""
    found: list[socket.socket] = []
    with many_descriptors():
        yield found
    for each in found:
        each.close()


def _connect(server: Server, data: bytes = b"", receive_buffer: int = 0) -> socket.socket:
    made = socket.socket()
    if receive_buffer:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    made.settimeout(PATIENCE)
    made.connect((server.host, server.port))
    if data:
        made.sendall(data)
    return made


def _reset(crowd: list[socket.socket]) -> None:
    for each in crowd:
        each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        each.close()
    crowd.clear()


@pytest.mark.limit(120)
@pytest.mark.long
def test_fifty_who_never_read(start_server: StartServer, unaffected: Unaffected, crowd: list[socket.socket]) -> None:
    """8 MB through the room: out with a reason within 12 s, memory bounded."""
    server = start_server(dev=False)
    with unaffected(server):
        crowd.extend(_connect(server, f"deaf{number}\n".encode(), 4096) for number in range(50))
        with JsonClient(server, "loud") as loud:
            for number in range(100):
                assert loud.request("say", text=f"{number} " + "x" * 16_000)["event"] == "accepted"
                loud.pending = b""
            began = time.monotonic()
            for number in range(50):
                server.wait_for(
                    f"deaf{number} is off line: Your connection is too slow" if number == 0 else "too slow", 25
                )
            assert time.monotonic() - began < 20
        for each in crowd:
            each.close()
        crowd.clear()


@pytest.mark.parametrize("rounds", [1, pytest.param(3, marks=[pytest.mark.long, pytest.mark.limit(120)])])
def test_half_a_line_for_ever_on_every_wire(
    start_server: StartServer, unaffected: Unaffected, crowd: list[socket.socket], rounds: int
) -> None:
    """500 drippers, closed at the deadline for the login, without a leak."""
    server = start_server("--login-timeout", 1.5, "--request-timeout", 1.5, dev=False)
    with unaffected(server):
        before = descriptors(server.pid)
        for _ in range(rounds):
            crowd.extend(_connect(server, half) for _ in range(500 // len(HALVES)) for half in HALVES.values())
            until = time.monotonic() + 1
            while time.monotonic() < until:
                for each in crowd[::10]:
                    with contextlib.suppress(OSError):
                        each.send(b"x")
                time.sleep(0.1)  # this is the dripping
            wait_until(lambda: descriptors(server.pid) <= before + 2, what="all are closed")
            for each in crowd:
                each.close()
            crowd.clear()


@pytest.mark.parametrize(
    ("line", "times"),
    [
        ("hello", 10_000),
        pytest.param("/history 500", 100, marks=pytest.mark.long),
        pytest.param("/nosuch", 10_000, marks=pytest.mark.long),
        pytest.param("/join den\n/part", 2_500, marks=pytest.mark.long),
        pytest.param("/users", 300, marks=pytest.mark.long),
    ],
)
def test_a_burst_of_commands(start_server: StartServer, unaffected: Unaffected, line: str, times: int) -> None:
    """As many lines in one burst, from somebody whom no limit holds."""
    server = start_server(dev=False)
    with unaffected(server), PlainClient(server, "flood") as flood:
        flood.send((line + "\n") * times)
        flood.send_line("/msg nobody x")
        flood.wait_for("nobody", 2 * PATIENCE)


@pytest.mark.limit(60)
def test_fifty_flooders_from_elsewhere(
    start_server: StartServer, unaffected: Unaffected, crowd: list[socket.socket]
) -> None:
    """They talk as fast as they can for two seconds; each is held back to his pace."""
    server = start_server("--new-per-second", 1000, dev=False)
    with unaffected(server):
        for number in range(50):
            made = socket.socket()
            made.bind((f"127.0.1.{number + 1}", 0))
            made.connect((server.host, server.port))
            made.sendall(f"flood{number}\n".encode())
            made.setblocking(False)
            crowd.append(made)
        until = time.monotonic() + 2
        while time.monotonic() < until:
            for each in crowd:
                with contextlib.suppress(BlockingIOError, OSError):
                    each.send(b"and another thing\n" * 100)
            time.sleep(0.02)  # as fast as anybody reads
        _reset(crowd)


@pytest.mark.parametrize("people", [300, pytest.param(2000, marks=[pytest.mark.long, pytest.mark.limit(240)])])
def test_all_gone_in_one_turn_and_back(
    start_server: StartServer, unaffected: Unaffected, crowd: list[socket.socket], people: int
) -> None:
    """A switch fails: so many resets in one turn; who is left is told of each once; then all come back."""
    server = start_server(dev=False)
    with unaffected(server, worst=1000, kept=24 if people > 1000 else 16), PlainClient(server, "left") as left:
        for _ in range(2):
            for number in range(people):
                crowd.append(_connect(server, f"guest{number}\n".encode()))
                if number % 100 == 99:
                    left.wait_for(f"guest{number} entered")
            with within(1.0, server.pid):
                _reset(crowd)
                gone = sorted(left.wait_for("exited").split()[-2] for _ in range(people))
            assert gone == sorted(f"guest{number}" for number in range(people))
            left.send_line("/whoelse")
            assert "guest" not in left.wait_for("[=]")


@pytest.mark.parametrize("size", [4095, 4096, 4097, 8192, 20_000, pytest.param(5_000_000, marks=pytest.mark.long)])
@pytest.mark.parametrize("ended", [True, False])
def test_long_lines(server: Server, size: int, ended: bool) -> None:
    """Delivered whole or refused by name, and the next line works."""
    with PlainClient(server, "ann") as ann, PlainClient(server, "bob") as bob:
        ann.send("x" * size + ("\n" if ended else ""))
        ann.send("\nnext\n")
        found = bob.wait_for(" ann > ", 20)
        if size <= 4096:
            assert found.endswith("> " + "x" * size)
            bob.wait_for("> next")
        else:
            assert found.endswith("> next")
            ann.wait_for("A line has at most 4096 bytes")
