"""Faults: each limit is gone over once, by a real peer, and LIMITS has counted it."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chat.limits import rows
from tests.support import JsonClient, LineClient, PlainClient, Server, wait_until
from tests.test_returns import close_page

StartServer = Callable[..., Server]
FAR = "127.0.2.{}"  # addresses that are not exempt


class Breaker:
    """Goes over limits. A method that is called like a limit goes over that one."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._opened: list[Any] = []
        self._sources = iter(range(1, 250))

    def close(self) -> None:
        for each in self._opened:
            each.close()

    def source(self) -> str:
        """Return an address that nobody has had yet."""
        return FAR.format(next(self._sources))

    def knock(self, source: str, data: bytes = b"", receive_buffer: int = 0) -> socket.socket:
        """Connect, and say so much."""
        made = socket.socket()
        self._opened.append(made)
        made.settimeout(10)
        if receive_buffer:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        made.bind((source, 0))
        made.connect((self.server.host, self.server.port))
        made.sendall(data)
        return made

    def person(self, kind: Any, name: str, source: str = "127.0.0.1") -> Any:
        """Let somebody come in."""
        self._opened.append(kind(self.server, name, source=source))
        return self._opened[-1]

    def guess(self, source: str, name: str) -> LineClient:
        """Try a wrong password; the answer is not waited for."""
        client = LineClient(self.server, source=source)
        self._opened.append(client)
        client.send(json.dumps({"do": "login", "name": name, "password": "wrong"}) + "\n")
        return client


class Door(Breaker):
    OPTIONS = ("--connections", 20, "--per-address", 3, "--new-per-second", 2, "--half-open", 8, "--udp-peers", 3,
               "--udp-per-address", 2, "--login-timeout", 1, "--request-timeout", 0.5)  # fmt: skip

    def udp_per_address(self) -> None:
        source = self.source()
        for number in range(3):
            made = self._udp(source, b"\0\x14eve%d" % number + b" " * 40)
            assert made.recv(100) == b"\0\x1eeve%d" % number
            made.send(b"\0\x5a" + b" " * 60)
            word = made.recv(100)
            assert word.startswith(b"\0\x0asay "), word
            made.send(b"\0\x5a" + word[6:])

    def udp_peers(self) -> None:
        for number in range(3):
            self._udp("127.0.0.1", b"\0\x14dan%d" % number).recv(100)

    def per_address(self) -> None:
        source = self.source()
        for _ in range(2):
            self.knock(source)
        time.sleep(0.6)  # not for luck: two a second may come
        for _ in range(2):
            self.knock(source)

    def new_per_second(self) -> None:
        source = self.source()
        for _ in range(3):
            _all(self.knock(source, b"QUIT now\r\n"))

    def login_timeout(self) -> None:
        assert b"No name came" in _all(self.knock(self.source()))

    def request_timeout(self) -> None:
        assert b"408" in _all(self.knock(self.source(), b"GET / HTTP/1.1\r\n"))

    def half_open(self) -> None:
        for _ in range(9):
            self.knock(self.source())

    def connections(self) -> None:
        for _ in range(25):
            self.knock("127.0.0.1")

    def _udp(self, source: str, data: bytes) -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._opened.append(made)
        made.settimeout(10)
        made.bind((source, 0))
        made.connect((self.server.host, self.server.port))
        made.send(data)
        return made


class Silence(Breaker):
    OPTIONS = ("--ping-after", 0.4, "--silent-limit", 1, "--idle-limit", 1.6, "--return-limit", 0.3,
               "--reload-limit", 0.2)  # fmt: skip

    def ping_after(self) -> None:
        self.person(JsonClient, "ann").wait_for("ping")

    def silent_limit(self) -> None:
        assert self.person(JsonClient, "bob").wait_for("goodbye")["code"] == "timeout"

    def idle_limit(self) -> None:
        assert "Nothing was heard from you" in self.person(PlainClient, "carl").read_to_end()

    def return_limit(self) -> None:
        client = self.person(JsonClient, "")
        assert "token" in client.request("login", name="dan", token="")
        client.close()
        self.server.wait_for("did not come back")

    def reload_limit(self) -> None:
        close_page(self.server, 1001)
        self.server.wait_for("bob is off line: did not come back")


class Slowness(Breaker):
    OPTIONS = ("--stall-limit", 0.7, "--outbox", 262_144)

    def stall_limit(self) -> None:
        self._flood("deaf", 240_000, b"nothing could be sent")

    def outbox(self) -> None:
        self._flood("mute", 1_600_000, b"262,144 bytes")

    def _flood(self, name: str, size: int, why: bytes) -> None:
        deaf = self.knock("127.0.0.1", name.encode() + b"\n", 4096)
        loud = self.person(JsonClient, f"loud{size}")
        for _ in range(size // 16_000):
            assert loud.request("say", text="x" * 16_000)["event"] == "accepted"
        self.server.wait_for(f"{name} is off line: Your connection is too slow: {why.decode()}")
        deaf.close()


class Death(Breaker):
    OPTIONS = ("--dead-limit", 1)

    def dead_limit(self) -> None:
        self.knock("127.0.0.1", b"deaf\n", 4096)
        loud = self.person(JsonClient, "loud")
        for _ in range(15):
            assert loud.request("say", text="x" * 16_000)["event"] == "accepted"
        self.server.wait_for("deaf is off line: connection timed out")


class Passwords(Breaker):
    OPTIONS = ("--tries", 2, "--logins-per-minute", 3, "--checks-per-address", 1, "--checks", 1, "--registrations", 1,
               "--inbox", 2)  # fmt: skip

    def tries(self) -> None:
        source = self.source()
        for _ in range(3):
            self.guess(source, "joe").read_line()

    def logins_per_minute(self) -> None:
        source = self.source()
        for number in range(4):
            self.guess(source, f"name{number}").read_line()

    def checks_per_address(self) -> None:
        source = self.source()
        tried = [self.guess(source, f"one{number}") for number in range(3)]
        assert any("busy" in each.read_line() for each in tried)

    def checks(self) -> None:
        tried = [self.guess(self.source(), f"two{number}") for number in range(3)]
        assert any("busy" in each.read_line() for each in tried)

    def registrations(self) -> None:
        source = self.source()
        for number in range(2):
            client = self.person(PlainClient, f"reg{number}", source)
            client.send_line("/register a good password")
            client.wait_for("lately; wait" if number else "is registered, and yours")

    def inbox(self) -> None:
        with PlainClient(self.server, "kim") as kim:
            kim.send_line("/register a good password")
            kim.wait_for("is registered, and yours")
        self.server.wait_for("kim is off line")
        sender = self.person(PlainClient, "lea")
        for _ in range(3):
            sender.send_line("/msg kim hello")
        sender.wait_for("The inbox of kim is full")


class Talk(Breaker):
    OPTIONS = ("--talk-burst", 5, "--talk-rate", 20, "--talk-bytes", 2_000, "--address-factor", 2, "--talk-delay", 0.5,
               "--talk-refused", 5, "--nick-changes", 1, "--rooms", 4, "--rooms-per-person", 2, "--watches", 1,
               "--blocks", 1, "--name", 10, "--line", 512, "--message", 200, "--frame", 2_048,
               "--header", 600)  # fmt: skip

    def talk_burst(self) -> None:
        self._say("a", 7)

    def talk_rate(self) -> None:
        self._say("b", 8)

    def talk_bytes(self) -> None:
        self.person(JsonClient, "c", self.source()).send(b"x" * 60_000)

    def address_factor(self) -> None:
        source = self.source()
        people = [self.person(PlainClient, f"d{number}", source) for number in range(4)]
        for each in people:
            each.send("hi\n" * 4)
        for each in people:
            each.send_line("/msg nobody x")

    def talk_delay(self) -> None:
        assert self._flood("e", 60).wait_for("refused", code="flood")

    def talk_refused(self) -> None:
        assert self._flood("f", 200).wait_for("goodbye")["code"] == "flood"

    def nick_changes(self) -> None:
        client = self.person(PlainClient, "g", self.source())
        client.send("/nick g1\n/nick g2\n")
        client.wait_for("You change your name too often")

    def rooms_per_person(self) -> None:
        self._type("h", "/join r1", "/join r2").wait_for("You are in 2 rooms already")

    def rooms(self) -> None:
        self._type("i", "/join r2").wait_for("Welcome")
        self._type("j", "/join r3").wait_for("Welcome")
        self._type("k", "/join r4").wait_for("There are 4 rooms already")

    def watches(self) -> None:
        self._type("q", "/watch a1", "/watch a2").wait_for("one first")

    def blocks(self) -> None:
        self._type("r", "/block a", "/block b").wait_for("one first")

    def name(self) -> None:
        assert b"at most 10 characters" in self._answer(b"abcdefghijklmn\n")

    def line(self) -> None:
        self._type("n", "x" * 600).wait_for("A line has at most 512 bytes")

    def message(self) -> None:
        self._type("o", "x" * 300).wait_for("A message has at most 200 characters")

    def frame(self) -> None:
        client = self.person(JsonClient, "p")
        client.send(b'{"do":"say","text":"' + b"x" * 3_000 + b'"}\n')
        assert client.wait_for("refused")["code"] == "too_long"

    def header(self) -> None:
        assert b"431" in self._answer(b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 700)

    def _say(self, name: str, count: int) -> None:
        client = self.person(PlainClient, name, self.source())
        client.send("hi\n" * count)
        client.wait_for("You send fast")

    def _flood(self, name: str, count: int) -> Any:
        client = self.person(JsonClient, name, self.source())
        client.send(b'{"do":"say","text":"x"}\n' * count)
        return client

    def _type(self, name: str, *lines: str) -> Any:
        client = self.person(PlainClient, name)
        for line in lines:
            client.send_line(line)
        return client

    def _answer(self, data: bytes) -> bytes:
        return self.knock("127.0.0.1", data).recv(1000)


BREAKERS = (Door, Silence, Slowness, Death, Passwords, Talk)


def _limits(kind: type[Breaker]) -> list[str]:
    """Return the limits that this one goes over, in the order in which it can."""
    return [name for name in vars(kind) if name.islower() and not name.startswith("_")]


def _all(sock: socket.socket) -> bytes:
    found = b""
    while piece := sock.recv(4096):
        found += piece
    return found


def _hits(server: Server) -> dict[str, int]:
    """Return how often each limit was hit, as LIMITS shows it."""
    server.type("LIMITS")
    shown = server.wait_for(re.compile(r"connections = .*?for talk (?:spares|is lifted)", re.DOTALL)).group()
    found = re.findall(r"(\w+) = [\d,.]+, hit ([\d,]+) times?:", shown)
    return {name: int(hits.replace(",", "")) for name, hits in found}


def _wait_for_more(server: Server, name: str, before: int) -> None:
    wait_until(lambda: _hits(server)[name] > before, what=name)


def test_every_limit_is_gone_over() -> None:
    assert {name for kind in BREAKERS for name in _limits(kind)} == {row.name for row in rows()}


@pytest.mark.parametrize("kind", BREAKERS)
def test_what_goes_over_a_limit_is_counted(start_server: StartServer, tmp_path: Path, kind: type[Any]) -> None:
    server = start_server("--data", tmp_path, *kind.OPTIONS, dev=False)
    breaker = kind(server)
    try:
        for name in _limits(kind):
            before = _hits(server)[name]
            getattr(breaker, name)()
            _wait_for_more(server, name, before)
    finally:
        breaker.close()
