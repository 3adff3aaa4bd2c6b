"""Faults: too much of something. Each limit is met with a sentence, is shown by LIMITS, and spares who is exempt."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from chat.limits import rows
from tests.faults.witness import Witness
from tests.gauges import within
from tests.support import PATIENCE, JsonClient, LineClient, PlainClient, Server

StartServer = Callable[..., Server]
Unaffected = Callable[[Server], AbstractContextManager[Server]]
FAR = "127.0.0.2"  # an address that is not exempt


@pytest.fixture
def crowd() -> Iterator[list[socket.socket]]:
    """Sockets that are closed after the test."""
    found: list[socket.socket] = []
    yield found
    for each in found:
        each.close()


def knock(server: Server, source: str = FAR) -> socket.socket:
    """Connect from an address, and say nothing."""
    made = socket.socket()
    made.bind((source, 0))
    made.settimeout(PATIENCE)
    made.connect((server.host, server.port))
    return made


def hits(server: Server, name: str) -> int:
    """Return how often LIMITS says that a limit was hit."""
    server.type("LIMITS")
    found = int(server.wait_for(re.compile(rf"\b{name} = [\d,.]+, hit ([\d,]+) times?:"))[1].replace(",", ""))
    server.wait_for("for talk")
    return found


def test_limits_shows_every_limit(server: Server) -> None:
    server.type("LIMITS")
    shown = server.wait_for(re.compile(r"connections = 20,000, hit 0 times.*127\.0\.0\.1, ::1", re.DOTALL)).group()
    assert [limit.name for limit in rows() if f"{limit.name} = " not in shown] == []


def test_too_many_from_one_address_are_told_so_and_others_come_in(
    start_server: StartServer, crowd: list[socket.socket]
) -> None:
    server = start_server("--per-address", 4)
    crowd.extend(knock(server) for _ in range(5))
    assert crowd[4].recv(200) == b"Too many connections come from your address; close one first.\n"
    assert crowd[4].recv(1) == b""
    with PlainClient(server, "bob", source="127.0.0.3"), PlainClient(server, "ann"):
        pass
    crowd[0].close()
    server.wait_for("left without a name")
    with PlainClient(server, "carl", source=FAR):
        assert hits(server, "per_address") == 1


def test_who_is_exempt_may_connect_as_often_as_he_likes(start_server: StartServer, crowd: list[socket.socket]) -> None:
    server = start_server("--per-address", 2, "--new-per-second", 2, "--half-open", 2)
    crowd.extend(knock(server, "127.0.0.1") for _ in range(10))
    with PlainClient(server, "ann"):
        pass


def test_no_flood_limit_lifts_what_holds_per_address(start_server: StartServer, crowd: list[socket.socket]) -> None:
    server = start_server("--per-address", 2, "--talk-burst", 1, "--no-flood-limit")
    crowd.extend(knock(server) for _ in range(10))
    with PlainClient(server, "ann", source=FAR) as ann, PlainClient(server, "bob") as bob:
        ann.send("".join(f"line {number}\n" for number in range(200)))
        bob.wait_for("line 199")  # at four lines a second it would take 50 s


def test_too_many_half_open_logins(start_server: StartServer, crowd: list[socket.socket]) -> None:
    server = start_server("--half-open", 5, "--new-per-second", 1000)
    crowd.extend(knock(server, f"127.0.0.{number}") for number in range(2, 8))
    assert crowd[5].recv(200) == b"Too many are about to come in; please try again in a moment.\n"
    crowd[0].close()
    server.wait_for("left without a name")
    time.sleep(0.3)  # not for luck: a count is good for a quarter of a second
    with PlainClient(server, "ann", source="127.0.0.9"):
        assert hits(server, "half_open") >= 1


def test_the_room_is_full(start_server: StartServer, crowd: list[socket.socket]) -> None:
    server = start_server("--connections", 3)
    crowd.extend(knock(server, "127.0.0.1") for _ in range(4))
    assert crowd[3].recv(200) == b"The room is full; please try again later.\n"
    assert hits(server, "connections") == 1


def test_two_thousand_connects_from_one_address_and_a_login_from_another(
    server: Server, unaffected: Unaffected, crowd: list[socket.socket]
) -> None:
    with unaffected(server):
        began = time.monotonic()
        for number in range(2000):
            each = socket.socket()
            each.bind((FAR, 0))
            each.setblocking(False)
            each.connect_ex((server.host, server.port))
            crowd.append(each)
            if number == 1000:
                with within(0.5, server.pid), PlainClient(server, "ann", source="127.0.0.3"):
                    pass
        assert time.monotonic() - began < PATIENCE
        for each in crowd:
            each.close()
    assert hits(server, "new_per_second") + hits(server, "per_address") > 1000


# ---- talk


def test_who_talks_too_fast_is_delayed_and_told_and_nothing_is_lost(start_server: StartServer) -> None:
    server = start_server("--talk-rate", 20)
    with PlainClient(server, "ann", source=FAR) as ann, PlainClient(server, "bob") as bob:
        began = time.monotonic()
        ann.send("".join(f"line {number};\n" for number in range(60)))
        lines = [bob.wait_for("line") for _ in range(60)]
        took = time.monotonic() - began
        assert [int(re.search(r"line (\d+);", line)[1]) for line in lines] == list(range(60))  # type: ignore[index]
        assert took > 1.5
        ann.wait_for("You send fast: what you say is delayed, and nothing is lost.")
        assert hits(server, "talk_rate") >= 30


@pytest.mark.parametrize("wire", ["json", "irc", "udp", "web"])
def test_delayed_on_every_wire(start_server: StartServer, wire: str) -> None:
    server = start_server("--talk-rate", 40, "--talk-burst", 5, "--udp-trust", "127.0.0.0/8")
    with PlainClient(server, "bob") as bob:
        speaker = Witness(wire, 7, server, source=FAR)
        for number in range(30):
            speaker.say(f"line {number};")
        lines = [bob.wait_for("line") for _ in range(30)]
        speaker.socket.close()
        assert [int(re.search(r"line (\d+);", line)[1]) for line in lines] == list(range(30))  # type: ignore[index]


def test_who_goes_on_is_refused_and_at_last_put_out(start_server: StartServer) -> None:
    server = start_server("--talk-rate", 20, "--talk-burst", 5, "--talk-delay", 1, "--talk-refused", 20)
    with JsonClient(server, "ann", source=FAR) as ann, PlainClient(server, "bob") as bob:
        ann.send("".join(f'{{"do":"say","text":"line {number}","ref":{number}}}\n' for number in range(200)))
        refused = ann.wait_for("refused", code="flood")
        assert refused["ref"] > 20
        assert ann.wait_for("goodbye")["code"] == "flood"
        bob.wait_for("ann exited")
        assert hits(server, "talk_delay") == 20


def test_a_pause_makes_good(start_server: StartServer) -> None:
    server = start_server("--talk-rate", 50, "--talk-burst", 5, "--talk-delay", 0.2, "--talk-refused", 1000)
    with PlainClient(server, "ann", source=FAR) as ann, PlainClient(server, "bob") as bob:
        ann.send("".join(f"line {number}\n" for number in range(100)))
        ann.wait_for("this was left out")
        time.sleep(0.5)  # not for luck: this is the pause
        ann.send_line("again")
        ann.send_line("and again")
        bob.wait_for("> and again")


def test_who_goes_while_he_is_delayed_has_said_what_he_said(start_server: StartServer) -> None:
    server = start_server("--talk-rate", 50, "--talk-burst", 5)
    with PlainClient(server, "bob") as bob:
        with PlainClient(server, "ann", source=FAR) as ann:
            ann.send("".join(f"line {number};\n" for number in range(50)))
            ann.half_close()
            bob.wait_for("line 49;")
        bob.wait_for("ann exited")


def test_names_change_so_often_and_no_more(start_server: StartServer) -> None:
    server = start_server("--nick-changes", 3)
    with PlainClient(server, "ann0", source=FAR) as ann:
        for number in range(1, 5):
            ann.send_line(f"/nick ann{number}")
        ann.wait_for("is now ann3")
        ann.wait_for("You change your name too often; wait")
        assert hits(server, "nick_changes") == 1


def test_one_address_cannot_guess_at_many_names(start_server: StartServer) -> None:
    server = start_server("--logins-per-minute", 5)
    with LineClient(server, source=FAR) as thief:
        for number in range(7):
            thief.send_line(f'{{"do":"login","name":"x{number}","password":"wrong"}}')
        answers = [thief.read_line() for _ in range(7)]
    assert sum("blocked" in answer for answer in answers) == 3, answers
