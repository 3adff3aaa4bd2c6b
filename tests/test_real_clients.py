"""Clients that people have, unchanged, in a real terminal: irssi, WeeChat, busybox telnet, the oldest of sockets."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import PATIENCE, JsonClient, Server, Terminal, needs

Open = Callable[..., Terminal]
JoinJson = Callable[..., JsonClient]


@pytest.fixture
def bob(join_json: JoinJson) -> JsonClient:
    """Someone who has been talking before anybody else comes."""
    client = join_json("bob")
    client.request("say", text="said before rosa came")
    return client


def talks(person: Terminal, bob: JsonClient, server: Server) -> None:
    """Whoever is called rosa in a terminal, and in #lobby, does what people do."""
    person.wait_for(re.compile(r"(<.?bob>|bob \|).*said before rosa came"))
    bob.wait_for("entered", name="rosa")
    person.enter("good evening, Grüezi")
    assert bob.wait_for("said")["text"] == "good evening, Grüezi"
    person.enter("/me waves")
    assert bob.wait_for("acted")["text"] == "waves"
    bob.tell("say", text="hi rosa")
    person.wait_for(re.compile(r"(<.?bob>|bob \|) hi rosa"))
    bob.tell("me", text="nods")
    person.wait_for("bob nods")
    person.enter("/msg bob psst")
    assert bob.wait_for("whispered")["text"] == "psst"
    person.enter("/nick rosalind")
    assert bob.wait_for("renamed")["new"] == "rosalind"
    person.wait_for("rosalind")
    server.type("KICK rosalind for the test")
    assert bob.wait_for("left", name="rosalind")["kicked"]
    person.wait_for("for the test")


def test_irssi(server: Server, bob: JsonClient, open_terminal: Open, tmp_path: Path) -> None:
    needs("irssi")
    person = open_terminal("irssi", "--home", tmp_path, "-c", server.host, "-p", server.port, "-n", "rosa", rows=70)
    person.wait_for("Welcome to the Lobby Network")
    person.enter("/join #lobby")
    talks(person, bob, server)
    person.enter("/window 1")
    person.wait_for("You have been kicked out: for the test.")
    person.enter(f"/connect {server.host} {server.port}")
    person.wait_for(re.compile(r"kicked out.*Welcome to the Lobby Network", re.DOTALL))
    person.enter("/join #lobby")
    bob.wait_for("entered")
    person.enter("/quit tea")
    assert bob.wait_for("left")["reason"] == "tea"
    assert person.exit_code() == 0


def test_weechat(server: Server, bob: JsonClient, open_terminal: Open, tmp_path: Path) -> None:
    needs("weechat")
    person = open_terminal("weechat", "-d", tmp_path, columns=110, rows=40)
    person.wait_for("WeeChat")
    person.enter(f"/server add chat {server.host}/{server.port} -notls -nicks=rosa -autojoin=#lobby")
    person.wait_for("server added: chat")
    person.enter("/set irc.server.chat.autoreconnect_delay 1")
    person.enter("/connect chat")
    talks(person, bob, server)
    bob.wait_for("entered", seconds=60)  # by itself
    person.enter("/quit tea")
    assert bob.wait_for("left")["reason"] == "tea"
    assert person.exit_code() == 0


def test_busybox_telnet(server: Server, bob: JsonClient, open_terminal: Open) -> None:
    """It sets the terminal raw as the server wishes, and speaks its options unasked."""
    needs("busybox")
    person = open_terminal("busybox", "telnet", server.host, server.port)
    person.wait_for("What is your name?")
    person.enter("rosa")
    person.wait_for("Welcome, rosa.")
    person.wait_for("bob > said before rosa came")
    person.type("hallp")
    person.press("BSpace")
    person.enter("o")
    assert bob.wait_for("said")["text"] == "hallo"
    bob.tell("say", text="hi rosa")
    person.wait_for("bob > hi rosa")
    person.enter("/quit tea")
    person.wait_for("Goodbye.")
    assert bob.wait_for("left", name="rosa")["reason"] == "tea"


OLD = """
import select, socket, sys
s = socket.socket()
s.connect((sys.argv[1], int(sys.argv[2])))
s.send(sys.argv[3].encode())  # no newline
while True:
    ready, _, _ = select.select([s, sys.stdin], [], [])
    if s in ready:
        data = s.recv(1024).decode()
        if not data:
            break
        print(data, end="", flush=True)
    else:
        line = sys.stdin.readline()
        if not line:
            break
        s.send(line.encode())
s.close()
"""


def test_a_socket_client_that_ends_nothing(server: Server, bob: JsonClient) -> None:
    """A client as people wrote them for Python 2: one send, one recv, no framing."""
    command = [sys.executable, "-c", OLD, server.host, f"{server.port}", "rosa"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as old:
        assert old.stdin and old.stdout
        assert [old.stdout.readline() for _ in range(2)] == ["OK\n", "&Host&bob&rosa\n"]
        bob.wait_for("entered", name="rosa")
        old.stdin.write("hello\n")
        old.stdin.flush()
        assert bob.wait_for("said")["text"] == "hello"
        bob.tell("say", text="hello yourself")
        while "bob > hello yourself" not in old.stdout.readline():
            pass
        old.stdin.close()
        assert old.wait(PATIENCE) == 0
    bob.wait_for("left", name="rosa")
