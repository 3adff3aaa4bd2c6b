"""The textbook protocol (X3): its own client, which ends no text, and what newlines and second ADDs must not do."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chat.events import Refused, Request
from tests.foreign import TextbookClient
from tests.support import PATIENCE, JsonClient, LineClient, PlainClient, Server
from wires.classroom import VERBS, Classroom

Join = Callable[..., TextbookClient]

PYTHON_2 = """
import socket, sys, time
server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
server.connect((sys.argv[1], int(sys.argv[2])))
for text in ['ADD joe\\n', 'MESSAGE hello from long ago', 'PRIVATE ann\\npsst\\n', 'QUIT\\n']:
    server.send(text.encode('ascii'))
    time.sleep(1.2)
data = ''
while 'GOODBYE' not in data:
    data += server.recv(1024).decode('ascii')
sys.stdout.write(data)
server.close()
"""


@pytest.fixture
def add(server: Server) -> Iterator[Join]:
    opened: list[TextbookClient] = []

    def visit(name: str = "", where: Server = server) -> TextbookClient:
        opened.append(TextbookClient(where, name))
        return opened[-1]

    yield visit
    for client in opened:
        client.close()


def test_a_newcomer_is_told_who_is_here_and_the_others_that_he_came(server: Server, add: Join) -> None:
    ann, visitor = add("ann"), LineClient(server)
    with visitor:
        visitor.send("ADD bob\n")
        assert visitor.lines(3) == ["NEW Host", "NEW ann", "NEW bob"]
        assert ann.message() == ("NEW", "bob")
    assert ann.message() == ("LEFT", "bob")


def test_a_message_without_line_end_counts_after_a_moment(add: Join) -> None:
    ann, bob = add("ann"), add("bob")
    ann.message()
    began = time.monotonic()
    ann.send("MESSAGE hi")
    assert bob.message() == ("MESSAGE", "ann", "hi")
    assert time.monotonic() - began > 0.19
    assert ann.message() == ("MESSAGE", "ann", "hi"), "the sender hears it too"
    ann.send("MESSAGE again")
    assert bob.message() == ("MESSAGE", "ann", "again")


@pytest.mark.parametrize("last", ["MESSAGE last words", "PRIVATE bob\nlast words"])
def test_what_came_last_counts_when_the_connection_ends(add: Join, last: str) -> None:
    ann, bob = add("ann"), add("bob")
    ann.message()
    ann.send(last)
    ann.close()
    assert bob.message() == (last.split(maxsplit=1)[0], "ann", "last words")
    assert bob.message() == ("LEFT", "ann")


def test_the_next_message_ends_one_that_has_no_end() -> None:
    said = [Request("say", "one"), Request("say", "two"), Request("quit")]
    assert heard(b"MESSAGE one", b"MESSAGE two", b"QUIT\n") == said
    private = Request("msg", "", {"to": "ann", "text": "psst"})
    assert heard(b"PRIVATE ann\npsst", b"QUIT") == [private, Request("quit")]
    assert heard(b"MESSAGE ", b"QUIT\n") == [Request("say", "QUIT")], "of a text that has not begun it is no end"


def test_a_message_with_a_line_end_counts_at_once(add: Join) -> None:
    ann = add("ann")
    began = time.monotonic()
    for number in range(60):
        ann.send(f"MESSAGE {number}\r\n")
        assert ann.message() == ("MESSAGE", "ann", f"{number}")
    assert time.monotonic() - began < 60 * 0.2, "none has waited for the moment"


def test_a_message_that_comes_in_parts_is_one(add: Join) -> None:
    ann = add("ann")
    for piece in "MESSAGE a long story":
        ann.send(piece)
    assert ann.message() == ("MESSAGE", "ann", "a long story")


def test_a_private_message_reaches_one(add: Join) -> None:
    ann, bob, eve = add("ann"), add("bob"), add("eve")
    ann.messages(2)
    bob.message()
    ann.send("PRIVATE bob\npsst\n")
    assert bob.message() == ("PRIVATE", "ann", "psst")
    assert ann.message() == ("MESSAGE", "Host", "[=] Sent to bob.")
    ann.send("PRIVATE bob\nno end")
    assert bob.message() == ("PRIVATE", "ann", "no end")
    ann.send("PRIVATE zed\nnobody\n")
    ann.message()
    verb, sender, text = ann.message()
    assert (verb, sender) == ("MESSAGE", "Host") and "nobody called zed" in text
    ann.send("MESSAGE end\n")
    assert eve.message() == ("MESSAGE", "ann", "end"), "and nothing before"


def test_goodbye_answers_quit_and_closes(add: Join) -> None:
    ann, bob = add("ann"), add("bob")
    ann.message()
    bob.send("QUIT\nMESSAGE after\n")
    assert bob.read_to_end() == "GOODBYE\n"
    assert ann.message() == ("LEFT", "bob")


def test_a_quit_without_line_end_counts_too(add: Join) -> None:
    ann = add("ann")
    ann.send("QUIT")
    assert ann.read_to_end() == "GOODBYE\n"


def test_a_taken_name_is_refused_in_a_line_that_the_client_shows(server: Server, add: Join) -> None:
    ann, second = add("ann"), add()
    second.send("ADD ANN\n")
    assert second.message() == ("MESSAGE", "Host", "[!] The name ANN is taken. Send ADD with another.")
    second.send("ADD bob\n")
    assert second.messages(3) == [("NEW", "Host"), ("NEW", "ann"), ("NEW", "bob")]
    assert ann.message() == ("NEW", "bob")


def test_a_second_add_neither_steals_nor_changes_a_name(add: Join) -> None:
    ann, bob = add("ann"), add("bob")
    ann.message()
    for name in ("ann", "zed"):
        bob.send(f"ADD {name}\n")
        assert bob.message() == ("MESSAGE", "Host", "[!] You are logged in already, as bob.")
    bob.send("MESSAGE still me\n")
    assert ann.message() == ("MESSAGE", "bob", "still me")


@pytest.mark.parametrize(
    "name", ["", "a b", "Host", "h\u043est", "x" * 33, "\x1b[31mred", "#room/bob", "&bob", "\udcff"]
)
def test_a_name_that_cannot_be_is_refused(add: Join, name: str) -> None:
    visitor = add()
    visitor.send(f"ADD {name}\n".encode("utf-8", "surrogateescape"))
    verb, sender, text = visitor.message()
    assert (verb, sender) == ("MESSAGE", "Host") and text.startswith("[!] ")
    visitor.send("ADD bob\n")
    visitor.read_until("NEW bob\n")


def test_who_is_not_added_hears_nothing_and_says_nothing(add: Join) -> None:
    ann, visitor = add("ann"), add()
    visitor.send("ADD \nMESSAGE hello\n")
    assert visitor.messages(2)[1] == ("MESSAGE", "Host", "[!] Please log in with a name first.")
    ann.send("MESSAGE alone\n")
    assert ann.message() == ("MESSAGE", "ann", "alone")
    visitor.send("QUIT\n")
    assert visitor.read_to_end() == "GOODBYE\n"


def test_a_newline_in_a_text_forges_nothing(server: Server, add: Join, join_json: Callable[..., JsonClient]) -> None:
    ann, eve = add("ann"), join_json("eve")
    ann.message()
    hostile = "hi\nLEFT Host\nMESSAGE Host\nfree beer\r\nGOODBYE\u2028NEW x\x00\x85PRIVATE Host\nx"
    eve.tell("say", text=hostile)
    eve.tell("msg", to="ann", text=hostile)
    eve.tell("me", text=hostile)
    flat = "hi LEFT Host MESSAGE Host free beer GOODBYE NEW xPRIVATE Host x"
    assert ann.messages(3) == [
        ("MESSAGE", "eve", flat), ("PRIVATE", "eve", flat), ("MESSAGE", "eve", f"* eve {flat}"),
    ]  # fmt: skip
    eve.tell("quit", reason="\nNEW Host2\n")
    assert ann.message() == ("LEFT", "eve")


def test_a_line_too_long_is_refused_whole_and_the_next_counts(add: Join) -> None:
    ann = add("ann")
    refused = ("MESSAGE", "Host", "[!] A line has at most 4096 bytes; yours was left out whole.")
    ann.send("MESSAGE " + "x" * 4088 + "\n")
    assert ann.message() == ("MESSAGE", "ann", "x" * 4088)
    ann.send("MESSAGE " + "x" * 4089 + "\n")
    assert ann.message() == refused
    ann.send("MESSAGE " + "x" * 20_000)
    assert ann.message() == refused, "without a line end, too"
    ann.send("MESSAGE short")
    assert ann.message() == ("MESSAGE", "ann", "short")


def test_what_has_no_word_here_is_told_by_the_host(
    server: Server, add: Join, join_plain: Callable[..., PlainClient]
) -> None:
    ann, bob = add("ann"), join_plain("bob")
    ann.message()
    bob.send_line("/me waves")
    assert ann.message() == ("MESSAGE", "bob", "* bob waves")
    bob.send_line("/nick rob")
    assert ann.messages(2) == [("LEFT", "bob"), ("NEW", "rob")]
    ann.send("MESSAGE /nick anna\n")
    assert ann.messages(2) == [("LEFT", "ann"), ("NEW", "anna")]
    ann.send("BLA\n")
    assert ann.message()[2].startswith("[!] Send ADD name")
    ann.send("MESSAGE /nope\n")
    assert ann.message()[2] == "[!] There is no command /nope. /help lists them."
    ann.send("MESSAGE /help me\n")
    assert "/me" in ann.message()[2]
    server.type("KICK rob")
    assert ann.message() == ("LEFT", "rob")
    server.type("KICK anna noise")
    assert ann.read_to_end() == "LEFT anna\nMESSAGE Host\n[.] You have been kicked out: noise.\nGOODBYE\n"


def test_other_rooms_are_told_apart(add: Join, join_plain: Callable[..., PlainClient]) -> None:
    ann, bob = add("ann"), join_plain("bob")
    ann.message()
    ann.send("MESSAGE /join pets\n")
    assert ann.messages(2)[0] == ("MESSAGE", "Host", "[=] Welcome to the pets Channel (1 user)")
    bob.send_line("/join pets")
    assert ann.message() == ("MESSAGE", "Host", "[*] bob entered #pets.")
    bob.send_line("meow")
    assert ann.message() == ("MESSAGE", "#pets/bob", "meow")
    bob.send_line("/part")
    assert ann.message() == ("MESSAGE", "Host", "[*] bob left #pets.")
    bob.send_line("#pets/x")
    assert ann.message() == ("MESSAGE", "bob", "#pets/x")


def test_what_was_said_before_is_not_taken_for_what_is_said_now(add: Join) -> None:
    ann = add("ann")
    ann.send("MESSAGE the past\n")
    ann.message()
    bob = add("bob")
    verb, sender, text = bob.message()
    assert (verb, sender) == ("MESSAGE", "Host")
    assert re.fullmatch(r"\[=\] \d{4}-\d\d-\d\d \d\d:\d\d ann > the past", text)


def test_a_registered_name_takes_its_password(start_server: Callable[..., Server], tmp_path: Path, add: Join) -> None:
    server = start_server("--data", tmp_path)
    ann = add("ann", server)
    ann.send("MESSAGE /register correct horse battery\n")
    assert "ann" in ann.message()[2]
    ann.send("QUIT\n")
    ann.read_to_end()
    visitor = add("", server)
    visitor.send("ADD ann\n")
    assert visitor.message()[2].endswith("log in with its password. Send ADD name password.")
    visitor.send("ADD ann wrong password\nMESSAGE x\n")
    assert visitor.message()[2] == "[!] That is not the password of ann."
    assert visitor.message()[2] == "[!] Please log in with a name first."
    visitor.send("ADD ann correct horse battery\nMESSAGE me again")
    visitor.read_until("NEW ann\n")
    visitor.read_until("MESSAGE ann\nme again\n")


def python_2() -> str:
    """Return a Python 2 where there is one; this one speaks the same bytes."""
    for python in ("python2.7", *map(str, Path.home().glob(".pyenv/versions/2.*/bin/python"))):
        if shutil.which(python) and subprocess.run([python, "-V"], capture_output=True, check=False).returncode == 0:
            return python
    return sys.executable


def test_the_textbook_s_own_client_works(server: Server, add: Join, tmp_path: Path) -> None:
    """A client of its time, which sends its texts without any end."""
    ann = add("ann")
    (tmp_path / "client.py").write_text(PYTHON_2)
    command = [python_2(), str(tmp_path / "client.py"), server.host, f"{server.port}"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=2 * PATIENCE, check=False)
    assert ann.messages(4) == [
        ("NEW", "joe"), ("MESSAGE", "joe", "hello from long ago"), ("PRIVATE", "joe", "psst"), ("LEFT", "joe"),
    ]  # fmt: skip
    assert done.stdout.startswith("NEW Host\nNEW ann\nNEW joe\nMESSAGE joe\nhello from long ago\n")
    assert done.stdout.endswith("GOODBYE\n"), done


def test_who_begins_and_never_ends_is_put_out(start_server: Callable[..., Server], add: Join) -> None:
    server = start_server("--login-timeout", "1", "--silent-limit", "1")
    ann = add("ann", server)
    slow = add("", server)
    slow.send("ADD ")
    assert slow.read_to_end() == "MESSAGE Host\n[.] No name came within 1 seconds.\nGOODBYE\n"
    ann.send("MESS")
    assert ann.read_to_end() == "MESSAGE Host\n[.] No whole line came from you for 1 seconds.\nGOODBYE\n"


def test_it_can_be_switched_off(start_server: Callable[..., Server], add: Join) -> None:
    visitor = add("", start_server("--no-classroom"))
    visitor.send("ADD ann\n")
    assert visitor.read_to_end().endswith("GOODBYE\n")


# ---- the wire by itself


def heard(*pieces: bytes) -> list[Request | Refused]:
    wire = Classroom()
    return [request for piece in pieces for request in wire.receive(piece)] + list(wire.pause(False))


def test_a_stream_means_the_same_in_any_pieces() -> None:
    stream = b"ADD joe\nMESSAGE h\xc3\xb6\r\nPRIVATE ann\npsst\nBLA\n\nPRIVATE x\n\nMESSAGE the last"
    whole = [str(request) for request in heard(stream)]
    assert whole == [str(request) for request in heard(*(bytes([byte]) for byte in stream))]
    assert len(whole) == 6


@pytest.mark.parametrize("start", [b"M", b"MESSAGE", b"ADD", b"QUI", b"PRIVATE", b"", b"PRIVATE ann\n"])
def test_what_cannot_be_a_request_yet_is_waited_for(start: bytes) -> None:
    wire = Classroom()
    assert [*wire.receive(start), *wire.pause(False)] == []
    assert [*wire.receive(b"\nx\n")]


def test_what_can_be_no_request_does_not_spoil_the_next() -> None:
    refused, said = heard(b"MESSAGE one\ntwo")[1], heard(b"MESSAGE three")[0]
    assert isinstance(refused, Refused) and said == Request("say", "three")


def test_every_verb_with_a_text_may_end_in_silence() -> None:
    for verb in VERBS[:2]:
        assert len(heard(verb + b"x")) == 1
