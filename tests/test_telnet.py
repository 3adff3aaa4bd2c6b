"""By hand (X5): telnet and nc, in a real terminal and byte by byte; passwords that nobody sees, and typing errors."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.events import Asked, Refused, Request
from tests.support import JsonClient, LineClient, Server, Terminal, needs
from wires.plain import Plain
from wires.telnet import HIDE, SHOW, YES, Keyboard, Telnet, rub_out

IP, AYT, EC, EL, TIMING = b"\xff\xf4", b"\xff\xf6", b"\xff\xf7", b"\xff\xf8", b"\xff\xfd\x06"
SECRET = "correct horse battery"


@pytest.fixture
def server(start_server: Callable[..., Server], tmp_path: Path) -> Server:
    return start_server("--data", tmp_path)


@pytest.fixture
def registered(server: Server, join_json: Callable[..., JsonClient]) -> None:
    """The name ann is registered, and she has left."""
    ann = join_json("ann")
    assert ann.request("register", password=SECRET)["event"] == "told"
    ann.tell("quit")
    ann.read_to_end()


# ---- in a real terminal


@pytest.mark.parametrize("command", ["telnet", "nc"])
def test_a_person_is_asked_and_talks(
    server: Server, open_terminal: Callable[..., Terminal], join_json: Callable[..., JsonClient], command: str
) -> None:
    needs(command)
    bob = join_json("bob")
    person = open_terminal(command, server.host, server.port)
    person.wait_for("What is your name?")
    person.enter("bob")
    person.wait_for("The name bob is taken. What is your name?")
    person.enter("zoë")
    person.wait_for("Welcome, zoë.")
    bob.wait_for("entered", name="zoë")
    person.type("hi thera")
    person.press("BSpace")
    person.enter("e")
    assert bob.wait_for("said")["text"] == "hi there"
    bob.tell("say", text="hello\x1b[31m")
    person.wait_for(re.compile(r"^\[.{8}\] bob > hello\[31m$", re.MULTILINE))
    person.enter("/quit")
    person.wait_for("Goodbye.")
    bob.wait_for("left", name="zoë")
    assert "\x1b[" not in person.screen(colours=True), "no colours unless asked for"


def test_telnet_shows_no_password(server: Server, registered: None, open_terminal: Callable[..., Terminal]) -> None:
    needs("telnet")
    person = open_terminal("telnet", server.host, server.port)
    person.wait_for("What is your name?")
    person.enter("ann")
    person.wait_for("Password for ann?")
    person.enter("not the one")
    person.wait_for(re.compile(r"That is not the password of ann\.\s+Password for ann\?"))
    person.enter(SECRET)
    person.wait_for("Welcome, ann.")
    person.enter("this can be seen")
    person.wait_for("this can be seen")
    screen = person.screen(history=True)
    assert SECRET not in screen and "not the one" not in screen
    assert screen.count("Password for ann?") == 2


def test_ctrl_c_in_telnet_takes_back_the_line(
    server: Server, open_terminal: Callable[..., Terminal], join_json: Callable[..., JsonClient]
) -> None:
    needs("telnet")
    bob = join_json("bob")
    person = open_terminal("telnet", server.host, server.port)
    person.wait_for("What is your name?")
    person.enter("ann")
    person.wait_for("Welcome, ann.")
    person.type("never mind")
    person.press("C-c")
    person.enter("hello")
    assert bob.wait_for("said")["text"] == "hello"


# ---- byte by byte


def test_a_password_is_hidden_from_telnet_s_screen(registered: None, connect: Callable[..., LineClient]) -> None:
    person = connect()
    person.send(b"\xff\xfd\x01")
    person.read_until(b"\xff\xfc\x01")
    person.read_until("What is your name?\n")
    person.send("ann\r\0")
    assert person.read_until(HIDE).startswith("Password for ann?\n")
    person.send(b"\xff\xfd\x01wrong\r\0")
    assert person.read_until(SHOW + b"\r\n") == (SHOW + b"\r\n").decode("utf-8", "backslashreplace"), "no answer to DO"
    assert "That is not the password" in person.read_line()
    person.read_until(HIDE)
    person.send(SECRET.encode() + b"\r\n\xff\xfe\x01")
    person.read_until(SHOW + b"\r\nOK\n")


def test_who_was_not_asked_or_sends_plain_lines_gets_no_telnet(
    registered: None, connect: Callable[..., LineClient]
) -> None:
    program = connect()
    program.send(f"ann\r\n{SECRET}\r\n")
    assert program.lines(2) == ["Password for ann?", "OK"]
    netcat = connect()
    netcat.read_until("What is your name?\n")
    netcat.send(f"ann\n{SECRET}\n")
    assert netcat.lines(2) == ["Password for ann?", "OK"]


def test_what_a_raw_terminal_sends_is_edited(
    server: Server, connect: Callable[..., LineClient], join_json: Callable[..., JsonClient]
) -> None:
    bob, person = join_json("bob"), connect()
    person.read_until("What is your name?\n")
    for key in (b"n", b"o", b"\x15", b"a", b"m", b"\x7f", b"n", b"n", b"\r"):
        person.send(key)
    assert person.read_line() == "OK"
    person.send("h\u00e4\x08ello\r\x15\x7f\x7fagain\r\0\r\n".encode())
    assert [bob.wait_for("said")["text"] for _ in range(2)] == ["hello", "again"]


def test_telnet_commands_in_the_middle_of_a_line(
    connect: Callable[..., LineClient], join_json: Callable[..., JsonClient]
) -> None:
    bob, person = join_json("bob"), connect()
    person.send(b"\xff\xfb\x1fann\r\n")
    person.wait_for("OK")
    person.send(b"never mind" + IP + TIMING + b"hello" + EC + b"o\r\nforget" + EL + b"it\r\n" + AYT)
    assert [bob.wait_for("said")["text"] for _ in range(2)] == ["hello", "it"]
    assert person.read_until(YES).encode("latin-1").endswith(YES)


def test_programs_send_lines_as_they_are(
    connect: Callable[..., LineClient], join_json: Callable[..., JsonClient]
) -> None:
    bob, program = join_json("bob"), connect()
    program.send("ann\na\rb\x7fc\x08\n")
    assert bob.wait_for("said")["text"] == "abc"


# ---- parts


def person() -> Plain:
    wire = Plain()
    wire.encode(Asked(1, 0.0, "name", "What is your name?"))
    return wire


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from([b"a", b"\r", b"\n", b"\0", b"\x7f", b"\x15", b"\xc3\xa9", IP, EC, b"\xff\xff"])))
def test_the_same_keys_mean_the_same_however_they_are_cut(keys: list[bytes]) -> None:
    stream = b"".join(keys)
    whole = [str(request) for request in person().receive(stream + b"\r")]
    wire = person()
    assert [str(request) for byte in stream + b"\r" for request in wire.receive(bytes([byte]))] == whole


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r\0", b"\r"])
def test_every_line_end_of_a_person_is_one(end: bytes) -> None:
    keyboard = Keyboard()
    assert keyboard.line_ends(b"a" + end + b"b" + end + end) == b"a\nb\n\n"
    assert keyboard.returns is (end != b"\n")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (b"abc", b"abc"),
        (b"ab\x7fc", b"ac"),
        (b"\x08\x08a", b"a"),
        ("e\u4f60\x7f!".encode(), b"e!"),
        (b"no\x15yes", b"yes"),
        (b"\xff\xc3(\x08", b"\xff\xc3"),
    ],
)
def test_what_is_rubbed_out_is_gone(typed: bytes, meant: bytes) -> None:
    assert rub_out(typed) == meant


def test_are_you_there_is_not_answered_for_ever() -> None:
    assert Telnet().strip(AYT * 10_000)[1] == YES * 64


def test_a_line_too_long_is_refused_from_a_terminal_too() -> None:
    refused, said = person().receive(b"x" * 5000 + b"\r" + b"hi\r")
    assert isinstance(refused, Refused)
    assert said == Request("say", "hi")
