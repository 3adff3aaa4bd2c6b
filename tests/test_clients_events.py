"""What changes in a room, and the password of the room, as the terminal client and the link tell them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clients.people import People
from clients.words import entries
from tests.support import JsonClient, Program, Server, Terminal

DOOR = "open sesame"


def told(people: People, **found: Any) -> list[str]:
    """Return what a person reads of an object of the server, without its time."""
    people.hear(found)
    return [str(entry)[11:] for entry in entries(found, people)]


@pytest.fixture
def people() -> People:
    found = People()
    found.hear({"event": "welcome", "name": "bob", "room": "lobby", "title": "Lobby", "users": ["bob"], "count": 1})
    found.hear({"event": "joined", "room": "den", "title": "Den", "users": ["ann", "bob"], "count": 2})
    return found


@pytest.mark.parametrize(("found", "line"), [
    ({"event": "topic", "room": "den", "by": "ann", "text": "rain"}, "[*] ann says what this room is about: rain"),
    ({"event": "topic", "room": "lobby", "by": "Host", "text": ""},
     "#lobby [*] Host says no more what this room is about."),
    ({"event": "mode", "room": "den", "by": "ann", "changes": "+i"}, "[*] ann has changed who may do what: +i"),
    ({"event": "mode", "room": "den", "by": "ann", "changes": "-m"},
     "[*] ann has unlocked this room: everybody may speak here."),
    ({"event": "announced", "from": "Host", "text": "break"}, "[*] Host announces: break"),
    ({"event": "slowed", "room": "den", "by": "ann", "seconds": 30},
     "[*] ann has slowed this room down: one message each in 30 s."),
    ({"event": "removed", "room": "den", "message": 7, "from": "bob", "by": "ann", "reason": ""},
     "[*] ann has removed a message of bob."),
    ({"event": "inviting", "room": "den", "by": "ann", "name": "cat"}, "[*] ann has asked cat in."),
    ({"event": "invited", "room": "attic", "title": "Attic", "by": "ann", "name": "bob"},
     "[*] ann asks you into Attic: /join attic"),
    ({"event": "away", "name": "ann", "text": "lunch"}, "[*] ann is away: lunch"),
    ({"event": "away", "name": "ann", "text": ""}, "[*] ann is back."),
    ({"event": "called", "from": "root", "text": "x\n[*] y"}, "[*] root calls: x\n           [*] y"),
    ({"event": "missed", "name": "ann"}, "[*] ann is not here any more."),
    ({"event": "left", "room": "den", "name": "cat", "kicked": True, "by": "ann", "reason": "spam", "count": 2},
     "[*] cat has been kicked out by ann. (spam)"),
    ({"event": "left", "room": "den", "name": "bob", "kicked": True, "by": "ann", "reason": "", "count": 1},
     "[*] You have been kicked out by ann."),
])  # fmt: skip
def test_each_event_in_words(people: People, found: dict[str, Any], line: str) -> None:
    assert told(people, **found) == [line]


def test_who_is_put_out_of_a_room_is_in_another(people: People) -> None:
    told(people, event="left", room="den", name="bob", kicked=True, by="ann", reason="", count=1)
    (line,) = told(people, event="parted", room="den", title="Den", current="lobby", current_title="Lobby")
    assert line == "[*] You have left Den; you are in Lobby now."
    assert (people.room, [*people.places]) == ("lobby", ["lobby"])


def test_a_pipe_gives_the_password_of_the_room(
    start: Callable[..., Program], start_server: Callable[..., Server]
) -> None:
    server = start_server("--password", DOOR)
    with JsonClient(server) as alice:
        alice.request("login", name="alice", door=DOOR)
        environment = {**os.environ, "CHAT_PASSWORD": DOOR}
        backup = start("chat_client.py", "-c", server.host, server.port, "backup", env=environment)
        backup.type("The backup is done.")
        backup.end_input()
        assert alice.wait_for("said", from_="backup")["text"] == "The backup is done."
        assert backup.wait() == 0


def test_in_the_terminal_it_is_asked_for_and_not_shown(
    open_terminal: Callable[..., Terminal], start_server: Callable[..., Server], tmp_path: Path
) -> None:
    server = start_server("--data", tmp_path, "--password", DOOR)
    with JsonClient(server) as bob:
        bob.request("login", name="bob", door=DOOR)
        assert bob.request("register", password="correct horse")["event"] == "told"
        bob.tell("quit")
        bob.read_to_end()
    client = open_terminal(sys.executable, "chat_client.py", "-c", server.host, server.port, "bob")
    client.wait_for("This room has a password.")
    client.enter("wrong")
    client.wait_for("that is not it")
    client.enter(DOOR)
    client.wait_for("log in with its password")
    client.enter("correct horse")
    client.wait_for("You are bob")
    shown = client.screen(history=True)
    assert "sesame" not in shown and "horse" not in shown
