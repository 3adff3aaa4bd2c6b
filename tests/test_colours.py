"""/color (X5): nobody gets colours who has not asked; who has sees the same lines, and others nothing of it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from chat.changes import Coloured
from chat.events import Acted, Ended, Entered, Left, Recalled, Renamed, Said, Told, Whispered
from tests.foreign import TextbookClient, UdpClient
from tests.plain_grammar import read
from tests.support import JsonClient, LineClient, PlainClient, Server, Terminal, needs
from wires.plain import Plain

SGR = re.compile("\x1b\\[[0-9;]*m")
Join = Callable[..., PlainClient]


def test_who_asks_gets_colours_and_nobody_else(join_plain: Join) -> None:
    alice, bob, carol = join_plain("alice"), join_plain("bob"), join_plain("carol")
    alice.wait_for("carol entered.")
    bob.wait_for("carol entered.")
    alice.send_line("/color on")
    assert "\x1b[36m[=] Colours are on." in alice.read_line()
    bob.send("hi\n/me waves\n/nick rob\n/msg alice psst\n/join den\n/quit tea\n")
    for client, coloured in ((alice, True), (carol, False)):
        seen = client.read_until("(tea)")
        assert ("\x1b[" in seen) is coloured
        plain = SGR.sub("", seen)
        for words in ("bob > hi", "* bob waves", "[*] bob is now rob.", "[*] rob exited."):
            assert words in plain
        assert re.search(r"\x1b\[33mbob >\x1b\[0m hi\n", seen) or not coloured
    bob.close()
    alice.read_line()
    alice.send_line("/COLOR off")
    assert re.fullmatch(r"\[.{8}\] \[=\] Colours are off\.", alice.read_line())
    carol.send_line("plain again")
    assert re.fullmatch(r"\[.{8}\] carol > plain again", alice.read_line())


def test_off_by_default_and_a_wrong_word_is_refused(join_plain: Join) -> None:
    alice = join_plain("alice")
    for line in ("/color", "/color blue", "/color on off"):
        alice.send_line(line)
        assert alice.read_line().partition("] ")[2].startswith("[!] ")
    assert "\x1b" not in alice.pending.decode()


def test_other_clients_are_told_that_it_does_nothing_there(
    server: Server, join_json: Callable[..., JsonClient]
) -> None:
    words = "Your client chooses its colours itself"
    robot = join_json("robot")
    assert words in robot.request("color", choice="on")["text"]
    with TextbookClient(server, "book") as book, UdpClient(server, "udp") as udp:
        book.send("MESSAGE /color on\n")
        assert words in book.read_until("telnet.\n")
        udp.send(90, "/color on")
        assert words in udp.wait_for(130)


def test_in_a_real_terminal(server: Server, open_terminal: Callable[..., Terminal], join_plain: Join) -> None:
    needs("telnet")
    person = open_terminal("telnet", server.host, server.port)
    person.wait_for("What is your name?")
    person.enter("zoe")
    person.wait_for("Welcome, zoe.")
    bob = join_plain("bob")
    bob.send_line("grey")
    person.wait_for("bob > grey")
    assert "\x1b[" not in person.screen(colours=True)
    person.enter("/color on")
    person.wait_for("Colours are on.")
    bob.send_line("bright \x1b[31mred")
    person.wait_for("bob > bright [31mred")
    assert "\x1b[33mbob >" in person.screen(colours=True)
    assert "\x1b[31mred" not in person.screen(colours=True), "what people say is never a code"


@pytest.mark.parametrize(
    "event",
    [
        Said(1, 0.0, "lobby", "ann", "[*] x > y * z -> a: b"),
        Said(1, 0.0, "den", "a.b", "#x"),
        Acted(1, 0.0, "den", "ann", "waves > x"),
        Acted(1, 0.0, "lobby", "ann", "waves"),
        Whispered(1, 0.0, "ann", ("bob", "carol"), "psst: x"),
        Entered(1, 0.0, "den", "ann"),
        Left(1, 0.0, "lobby", "ann", "tea (green)", True),
        Renamed(1, 0.0, "ann", "bea"),
        Told(1, 0.0, "help", "one\n\n[!] two"),
        Ended(1, 0.0, "quit", "Goodbye."),
        Recalled(1, 0.0, "lobby", (Said(1, 0.0, "lobby", "ann", "hi"), Acted(2, 1.0, "den", "bob", "nods"))),
    ],
    ids=lambda event: type(event).__name__,
)
def test_without_its_codes_it_is_the_same_line(event: Said) -> None:
    grey, bright = Plain(), Plain()
    bright.encode(Coloured(1, 0.0, True))
    assert bright.dialect != grey.dialect == Plain().dialect
    seen = bright.encode(event).decode()
    assert "\x1b[" in seen
    assert SGR.sub("", seen) == grey.encode(event).decode()
    for line in SGR.sub("", seen).split("\n")[:-1]:
        read(line)


def test_the_login_has_no_colours(connect: Callable[..., LineClient]) -> None:
    visitor = connect()
    visitor.read_until("What is your name?\n")
    visitor.send("ann\n")
    visitor.wait_for("Welcome, ann.")
    assert b"\x1b" not in visitor.pending
