"""Faults: masks that explode, guesses mixed over the wires, odd numbers, depths, an end among the deaf."""

from __future__ import annotations

import contextlib
import signal
import socket
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial

import pytest

from chat import passwords
from chat.accounts import Account
from chat.gate import fits
from chat.limits import ledger
from chat.moves import join
from tests.fuzz import Bench
from tests.gauges import processor_time, within
from tests.room import Guest, House, hash_quickly
from tests.support import Connection, JsonClient, PlainClient, Server
from tests.web_client import WebClient
from wires.frames import Frames
from wires.irc import House as IrcHouse
from wires.irc import connect
from wires.irc.text import parts

StartServer = Callable[..., Server]
Unaffected = Callable[..., AbstractContextManager[Server]]


@pytest.fixture
def crowd() -> Iterator[list[Connection]]:
    """Connections that are closed after the test."""
    found: list[Connection] = []
    yield found
    for each in found:
        each.close()


@pytest.mark.parametrize(
    ("mask", "text"),
    [("*a" * 60 + "b", "a" * 120), ("*?" * 60 + "b", "a" * 120), ("*" * 120 + "b", "a" * 120), ("*ab" * 40, "ab" * 60)],
)
def test_no_mask_takes_long(mask: str, text: str) -> None:
    """A naive one froze a server for 39 s; 5 ms are the bound."""
    assert processor_time(lambda: fits(mask, text)) < 0.005


def test_guesses_mixed_over_the_wires_count_together(start_server: StartServer, crowd: list[Connection]) -> None:
    """40 tries at one name from one address, on four wires: three are checked, whichever way they come."""
    server = start_server()
    answers = []
    for number in range(10):
        for hello in (
            '{"do":"login","name":"ann","password":"no"}\n',
            "ADD ann no\n",
            f"PASS no\r\nNICK ann\r\nUSER a 0 * :{number}\r\nAUTHENTICATE PLAIN\r\nAUTHENTICATE AGFubgBubw==\r\n",
            '{"do":"login","name":"ANN","password":"no"}\n',
        ):
            crowd.append(Connection(server))
            crowd[-1].send(hello)
            wanted = " 904 " if hello.startswith("PASS") else "password"
            answers.append(crowd[-1].read_until(wanted) + crowd[-1].read_line())
            crowd.pop().close()
    assert sum("Too many wrong passwords" in answer for answer in answers) >= 30, answers


def _guess(bench: Bench, wire: str, name: str) -> None:
    """Try a wrong password on this wire, in the way that is usual there."""
    ways = {
        "plain": [f"{name}\n".encode(), b"wrong\n"],
        "json": [f'{{"do":"login","name":"{name}","password":"wrong"}}\n'.encode()],
        "classroom": [f"ADD {name} wrong\n".encode()],
        "udp": [b"\0\x14" + f"{name} wrong".encode()],
        "irc": [f"PASS wrong\r\nNICK {name}\r\nUSER x 0 * :x\r\n".encode(),
                b"AUTHENTICATE PLAIN\r\nAUTHENTICATE " + b64encode(f"\0{name}\0wrong".encode()) + b"\r\n"],
    }  # fmt: skip
    guest = Guest(bench.house, bench.makers[wire](), host="198.51.100.7")
    guest.session.joins = guest.wire.joins
    guest.send(*ways[wire])
    if guest.session.user is not None:  # a name that nobody has registered
        guest.session.end("the end")
    bench.house.settle()


def test_of_two_hundred_guesses_over_all_wires_and_names_fifteen_are_checked_in_a_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hash_quickly(monkeypatch)
    bench, check = Bench(), passwords.matches
    checked: list[str] = []

    def counted(kept: str | None, given: str) -> bool:
        checked.append(given)
        return check(kept, given)

    monkeypatch.setattr(passwords, "matches", counted)
    for number in range(0, 20, 2):
        name = f"owner{number}"
        bench.house.hub.accounts.add(Account(name, name, passwords.secret("a good password"), 0.0, 0.0))
    for minute in (1, 2):
        for number in range(200):
            _guess(bench, sorted(bench.makers)[number % 5], f"owner{number % 20}")
        assert 10 <= len(checked) <= 15 * minute, len(checked)
        bench.house.clock.now += 61


@pytest.mark.long
@pytest.mark.limit(180)
def test_two_hundred_logins_in_a_second(start_server: StartServer, unaffected: Unaffected) -> None:
    """From four addresses: so many are checked, the others told that this is too much, and the room talks on."""
    server = start_server("--new-per-second", 1_000, "--login-timeout", 200, dev=False)
    with unaffected(server), contextlib.ExitStack() as opened:
        crowd = [opened.enter_context(JsonClient(server, source=f"127.0.0.{2 + number % 4}")) for number in range(200)]
        for number, client in enumerate(crowd):
            client.tell("login", name=f"guest{number}", password="a wrong one", ref=1)
        assert {client.wait_for(ref=1)["code"] for client in crowd[64:]} == {"blocked"}
        assert {client.wait_for(ref=1, seconds=100)["code"] for client in crowd[:64]} == {"blocked"}, "or found wrong"


NUMBERS = ["1" + "0" * 100_000, "-1", "NaN", "²", "1e400", "Infinity"]


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number[:8])
def test_odd_numbers_are_an_error_and_the_connection_lives(server: Server, number: str) -> None:
    with JsonClient(server, "ann") as ann:
        ann.send_line(
            f'{{"do":"history","n":{number},"ref":1}}' if number != "²" else '{"do":"history","n":"²","ref":1}'
        )
        assert ann.wait_for("refused")["code"] in ("bad_number", "bad_request", "not_json")
        assert ann.request("ping")["event"] == "pong"


@pytest.mark.parametrize("text", ["[" * 60_000, '{"a":' * 20_000, '{"do":"say","do":"ping","text":"x"}'], ids=len)
def test_deep_and_doubled_json_is_an_error_or_one_thing_and_the_connection_lives(server: Server, text: str) -> None:
    with JsonClient(server, "ann") as ann:
        ann.send_line(text)
        assert ann.request("ping")["event"] == "pong"


def test_the_end_among_people_who_do_not_read(start_server: StartServer, crowd: list[Connection]) -> None:
    """SIGTERM with a crowd, five of whom read nothing: all who read are told, within 5 s, and the port is free."""
    server = start_server(dev=False)
    crowd.extend(PlainClient(server, f"deaf{number}", receive_buffer=4096) for number in range(5))
    with JsonClient(server, "loud") as loud:
        for number in range(40):
            loud.tell("say", text=f"{number} " + "x" * 10_000)
        loud.request("ping")
        readers = [PlainClient(server, f"guest{number}") for number in range(60)]
        crowd.extend(readers)
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        for reader in readers:
            assert "The host has closed the room." in reader.read_to_end()
        assert server.wait() == 0
        assert time.monotonic() - began < 9, "10 s are the limit for who does not read"
    with socket.create_server((server.host, server.port)):
        pass


# ---- what a hostile reader of the source tries ------------------------------------------------------------------


@pytest.fixture
def house() -> IrcHouse:
    """A house with many rooms and people, without sockets; a fault of ours is raised in the test."""
    made = House()
    for number in range(300):
        made.enter(f"guest{number}")
    for number in range(400):
        host = made.hub.find(f"guest{number // 10}")
        assert host is not None
        join(made.hub, host, f"room{number}")
        made.hub.take()
    return IrcHouse(made.hub)


def _eve(house: IrcHouse, *lines: str) -> bytes:
    """Let somebody come by IRC and send these lines; return what the last is answered."""
    inner = House()
    inner.hub = house.hub
    guest = Guest(inner, connect(house))
    guest.session.joins = False
    caps = "message-tags batch server-time draft/chathistory draft/read-marker draft/multiline echo-message"
    guest.send(f"CAP REQ :{caps}\r\nNICK eve\r\nUSER e 0 * :x\r\nCAP END\r\n".encode())
    for line in lines:
        guest.take()
        guest.send(f"{line}\r\n".encode())
    answer = guest.take()
    assert b" 451 " not in answer
    guest.session.end("the end")
    inner.settle()
    return answer


def test_what_is_no_number_and_no_base64_is_refused(house: IrcHouse) -> None:
    when = "timestamp=2026-01-01T00:00:00.000Z"
    assert b" FAIL CHATHISTORY INVALID_PARAMS" in _eve(house, f"CHATHISTORY TARGETS {when} {when} ²")
    assert b" 904 " in _eve(house, "AUTHENTICATE PLAIN", "AUTHENTICATE AGE\u202e")
    assert b" FAIL MARKREAD INVALID_PARAMS" in _eve(house, f"MARKREAD #{'x' * 300} {when}")


@pytest.mark.parametrize(
    "line",
    [
        "LIST " + ",".join(["!zz"] * 120), "LIST " + ",".join(["é"] * 160), "LIST " + ",".join([">0"] * 160),
        "NAMES " + ",".join(["#lobby"] * 60), "WHO " + "*a" * 200, "MONITOR + " + ",".join(["é"] * 160),
        "JOIN " + ",".join(f"#x{number}" for number in range(90)), "PRIVMSG " + ",".join("abcdefghij" * 10) + " :x",
        "ISON " + " ".join(["é"] * 160), "WHOIS " + ",".join(["guest1"] * 60), "MODE #lobby " + "+b" * 200,
    ],
    ids=lambda line: line[:8],
)  # fmt: skip
def test_no_line_takes_long(house: IrcHouse, line: str) -> None:
    """In a house of 400 rooms and 300 people; 50 ms is the longest that a turn may take."""
    assert processor_time(lambda: _eve(house, line), 3) - processor_time(lambda: _eve(house), 3) < 0.05


def test_to_look_for_somebody_among_a_thousand_who_have_gone_takes_no_time() -> None:
    """Whose names are beyond ASCII, where to say which are the same takes longest."""
    inner = House()
    for number in range(1_000):
        gone, _ = inner.enter(f"{'é' * 24}{number}")
        inner.hub.leave(gone, "gone")
        inner.hub.take()
    house = IrcHouse(inner.hub)
    assert b" 314 " in _eve(house, f"WHOWAS {'é' * 24}7")
    assert processor_time(lambda: _eve(house, "WHOWAS é"), 3) < 0.02


def test_fragments_and_frames_of_one_byte_take_no_longer_than_their_number(start_server: StartServer) -> None:
    """A hundred thousand fragments that never end a message, and pings, from somebody who is not exempt."""
    server = start_server("--talk-bytes", 100_000, dev=False)
    with (
        WebClient(server, source="127.0.0.2") as eve,
        PlainClient(server, "ann") as ann,
        PlainClient(server, "bob") as bob,
    ):
        eve.socket.setblocking(False)
        data = b"\x01\x81abcd\x1b" + b"\x00\x81abcd\x1b" * 4_000
        for number in range(20):
            with contextlib.suppress(BlockingIOError, OSError):
                eve.socket.send(data)
            with within(0.5, server.pid):
                ann.send_line(f"line {number};")
                bob.wait_for(f"line {number};")


def _gather(count: int) -> None:
    """Take in so many fragments of one byte, which end no message."""
    frames, first, more = Frames(ledger.limits.frame), b"\x01\x81abcd\x1b", b"\x00\x81abcd\x1b" * 1_000
    frames.cut(first)
    for _ in range(count // 1_000):
        frames.cut(more)
    assert len(frames.begun) == len(first) + count * len(more) // 1_000


def test_twice_as_many_fragments_cost_twice_as_much() -> None:
    """What is kept of a message grows in its place. Where it was copied for each fragment, it cost a hundredfold."""
    half, whole = (processor_time(partial(_gather, count)) for count in (60_000, 120_000))
    assert whole < 3 * half, (half, whole)


def test_fragments_that_bring_nothing_are_not_kept() -> None:
    frames, first = Frames(ledger.limits.frame), b"\x01\x81abcd\x1b"
    frames.cut(first)
    for _ in range(100):
        frames.cut(b"\x00\x80abcd" * 5_000)
    assert (frames.begun, frames.lost) == (first, False)


@pytest.mark.parametrize(
    "text",
    ["\n" * 16_384, "a\n" * 8_192, "\U00010330" * 16_384, "\U0001f1e9\U0001f1ea" * 8_192],
    ids=lambda text: ascii(text[:2]),
)
def test_no_text_takes_long_to_be_cut_for_irc(text: str) -> None:
    """Of the longest message, however many lines it has, and in however many places its client wants it cut."""
    assert processor_time(lambda: sum(1 for _ in parts(text, 400, range(0, 16_000, 80)))) < 0.05
