"""The password of the room: every way in asks for it, guessing is limited, and it is shown nowhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chat.session import DOOR_QUESTION
from tests.foreign import TextbookClient, UdpClient
from tests.plain_grammar import read
from tests.room import House
from tests.support import JsonClient, LineClient, Server
from tests.web_client import WebClient

DOOR = "open sesame"
SECRET = "correct horse battery"

Connect = Callable[..., LineClient]
JoinJson = Callable[..., JsonClient]


@pytest.fixture
def server(start_server: Callable[..., Server], tmp_path: Path) -> Server:
    """A server whose room has a password, and that has one registered name: kim."""
    server = start_server("--data", tmp_path, "--password", DOOR)
    with JsonClient(server) as kim:
        assert kim.request("login", name="kim", door=DOOR)["event"] == "welcome"
        assert kim.request("register", password=SECRET)["event"] == "told"
        kim.tell("quit")
        kim.read_to_end()
    return server


@pytest.fixture
def inside(server: Server) -> Iterator[JsonClient]:
    """Someone who has come in already."""
    with JsonClient(server) as ann:
        assert ann.request("login", name="ann", door=DOOR)["event"] == "welcome"
        yield ann


def test_on_plain_lines_it_is_asked_for_after_the_name(inside: JsonClient, connect: Connect) -> None:
    bob = connect()
    bob.send_line("bob")
    assert bob.read_line() == DOOR_QUESTION
    bob.send_line("let me in")
    assert "[!] This room has a password, and that is not it." in bob.read_line()
    assert bob.read_line() == DOOR_QUESTION
    bob.send_line(DOOR)
    assert bob.lines(2) == ["OK", "&Host&ann&bob"]
    bob.send_line("hello")
    assert inside.wait_for("said")["text"] == "hello"


def test_a_registered_name_is_asked_for_both(inside: JsonClient, connect: Connect) -> None:
    kim = connect()
    kim.send(f"kim\n{DOOR}\n")
    assert kim.lines(2) == [DOOR_QUESTION, "Password for kim?"]
    kim.send_line(SECRET)
    assert kim.lines(2) == ["OK", "&Host&ann&kim"]


def test_a_blank_line_asks_for_another_name_and_a_taken_one_is_still_refused(
    inside: JsonClient, connect: Connect
) -> None:
    bob = connect()
    bob.send("bob\n\n")
    assert bob.read_line() == DOOR_QUESTION
    bob.wait_for("What is your name?")
    bob.send(f"ann\n{DOOR}\n")
    assert bob.lines(3) == [DOOR_QUESTION, "NOT_UNIQUE", "The name ann is taken. What is your name?"]
    bob.send_line("bob")
    assert bob.read_line() == "OK", "he is asked once"


def test_telnet_does_not_show_it(server: Server, connect: Connect) -> None:
    bob = connect()
    bob.send(b"\xff\xfd\x03bob\r\n")
    assert "This room has a password. What is it?\n" in bob.read_until("?\n")
    assert bob.read_until(b"\xff\xfb\x01"), "IAC WILL ECHO: the terminal leaves off showing what is typed"


def test_programs_send_it_with_the_login(server: Server, join_json: JoinJson) -> None:
    client = join_json("")
    for fields in ({}, {"door": "x"}, {"password": "x"}):
        assert client.request("login", name="bob", **fields)["code"] == "room_password"
    other = join_json("", source="127.0.0.2")
    assert other.request("login", name="kim", door=DOOR)["code"] == "registered"
    assert other.request("login", name="kim", door=DOOR, password=SECRET)["event"] == "welcome"


def test_in_a_browser(server: Server) -> None:
    with WebClient(server) as bob:
        assert bob.request("login", name="bob")["code"] == "room_password"
        assert bob.request("login", name="bob", door=DOOR)["event"] == "welcome"


def test_in_the_textbook_protocol(inside: JsonClient, server: Server) -> None:
    with TextbookClient(server) as bob:
        bob.send("ADD bob\n")
        assert bob.message() == ("MESSAGE", "Host", "[!] This room has a password.")
        bob.send(f"ADD bob {DOOR}\n")
        assert bob.messages(3) == [("NEW", "Host"), ("NEW", "ann"), ("NEW", "bob")]
    with TextbookClient(server) as kim:
        kim.send(f"ADD kim {DOOR} {SECRET}\n")
        assert inside.wait_for("entered", name="kim")


def test_over_udp(inside: JsonClient, server: Server) -> None:
    with UdpClient(server) as bob:
        assert bob.request(20, "bob") == (10, "This room has a password.")
        assert bob.request(90, "x") == (10, "please log in")
        assert bob.request(20, f"bob {DOOR}") == (30, "bob")
        assert inside.wait_for("entered", name="bob")
    with UdpClient(server) as kim:
        assert kim.request(20, f"kim {DOOR} {SECRET}") == (30, "kim")


def test_by_irc(inside: JsonClient, connect: Connect) -> None:
    stranger, bob = connect(), connect()
    stranger.send("NICK bob\r\nUSER bob 0 * :Bob\r\n")
    assert " 464 " in stranger.wait_for(" 464 ")
    bob.send(f"PASS :{DOOR}\r\nNICK bob\r\nUSER bob 0 * :Bob\r\nJOIN #lobby\r\n")
    bob.wait_for(" 001 bob ")
    assert inside.wait_for("entered", name="bob")


def test_guessing_is_closed_to_an_address_for_a_minute_by_whatever_way(server: Server, join_json: JoinJson) -> None:
    with LineClient(server, source="127.0.0.3") as guesser:
        guesser.send_line("bob")
        for guess in ("one", "two", "three"):
            assert guesser.read_line() == DOOR_QUESTION
            guesser.send_line(guess)
            refusal = guesser.read_line()
        assert "Too many wrong passwords for this room from your address; wait 60 s." in refusal
        guesser.wait_for("What is your name?")
        guesser.send_line("bob")
        assert "Too many wrong passwords" in guesser.read_line()
    with JsonClient(server, source="127.0.0.3") as guesser:
        assert guesser.request("login", name="bob", door=DOOR)["code"] == "blocked"
    with JsonClient(server, source="127.0.0.4") as elsewhere:
        assert elsewhere.request("login", name="bob", door=DOOR)["event"] == "welcome"


def test_a_minute_later_one_may_try_again() -> None:
    house = House()
    house.hub.door = DOOR
    bob = house.guest(b"bob\none\ntwo\nthree\n")
    assert [read(line)[0] for line in bob.take().decode().split("\n")[:-1]] == [
        "password", "refusal", "password", "refusal", "password", "refusal", "question",
    ]  # fmt: skip
    house.clock.now += 61
    bob.send(f"bob\n{DOOR}\n".encode())
    assert [read(line)[0] for line in bob.take().decode().split("\n")[:3]] == ["password", "accepted", "roster"]


def test_it_is_shown_nowhere(start_server: Callable[..., Server], tmp_path: Path) -> None:
    (tmp_path / "chat.toml").write_text(f'password = "{DOOR}"\n', encoding="utf-8")
    server = start_server("--data", tmp_path)
    with LineClient(server) as bob:
        bob.send(f"bob\nwrong sesame\n{DOOR}\n/history\n")
        bob.wait_for("[=]")
    server.wait_for("bob is off line")
    server.type("EXIT")
    assert server.wait() == 0
    assert server.output is not None and "sesame" not in server.output.text
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.name != "chat.toml")
    assert b"sesame" not in kept
