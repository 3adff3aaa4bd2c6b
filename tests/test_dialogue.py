"""The first evening, whole: the host in a terminal, Spider-Man in the terminal client, Ironman in the window."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable

from tests.support import Program, Server, Terminal, needs
from tests.support.screen import Hands

Start = Callable[..., Program]
RULE = "#" * 66


def test_the_first_evening(open_terminal: Callable[..., Terminal], start: Start, screen: str) -> None:
    host = open_terminal(sys.executable, "chat_server.py", "--host", "127.0.0.1", "--port", "0")
    port = host.wait_for(re.compile(r"Chat running 127\.0\.0\.1:(\d+)")).group(1)
    host.wait_for(re.compile(r"\[\d\d:\d\d:\d\d\] Host >"))
    assert host.screen().count(RULE) == 2

    spider = open_terminal(sys.executable, "chat_client.py", "-c", "127.0.0.1", port, "Spider-Man")
    host.wait_for("[*] Spider-Man entered.\nUSERS: [Host,Spider-Man]")
    start("chat_client.py", "127.0.0.1", port, "Ironman", env={**os.environ, "DISPLAY": screen})
    host.wait_for("[*] Ironman entered.\nUSERS: [Host,Spider-Man,Ironman]")
    spider.wait_for("Ironman entered.")

    hands = Hands(screen)
    hands.say("Good evening")
    spider.wait_for(re.compile(r"\[\d\d:\d\d:\d\d\] Ironman > Good evening"))
    spider.enter("Nice suit")
    host.wait_for("Spider-Man > Nice suit")
    host.enter("Welcome, both")
    spider.wait_for("Host > Welcome, both")
    spider.type("half a li")

    host.enter("KICK Ironman")
    host.wait_for("[*] Ironman has been kicked out.\nUSERS: [Host,Spider-Man]")
    spider.wait_for("Ironman has been kicked out.")
    spider.wait_for("> half a li")
    hands.press("ctrl+q")

    host.enter("EXIT")
    assert host.exit_code() == 0
    assert spider.exit_code() == 5
    assert "The host has closed the room" in spider.screen()


def test_a_person_with_nc_is_asked_and_welcomed(open_terminal: Callable[..., Terminal], server: Server) -> None:
    """Row X5: somebody with nc says nothing, is asked, and is in the room."""
    needs("nc")
    person = open_terminal("nc", server.host, server.port)
    person.wait_for("What is your name?")
    person.enter("Grandma")
    server.wait_for("[*] Grandma entered.")
    person.wait_for("Welcome, Grandma. 2 people are here.")
    person.enter("hello dears")
    server.wait_for("Grandma > hello dears")
    person.enter("/quit")
    person.wait_for("Goodbye.")
    server.wait_for("[*] Grandma exited.")
