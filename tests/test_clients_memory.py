"""Passwords, rooms and what is remembered, as one meets them at a terminal and off one."""

from __future__ import annotations

import json
import os
import re
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.order import Order
from clients.past import ROOMS, Past
from clients.people import People
from clients.secret import secret_in
from clients.words import entries
from tests.support import PATIENCE, JsonClient, Program, Server, Terminal, free_port

PASSWORD, OTHER = "open sesame", "another-one"
STAMP = r"\[\d\d:\d\d:\d\d\] "

Join = Callable[..., JsonClient]
SitDown = Callable[..., Terminal]
StartServer = Callable[..., Server]
Start = Callable[..., Program]


@pytest.fixture
def keeper(start_server: StartServer, tmp_path: Path) -> Server:
    """A server that keeps things, with a room for the weather."""
    return start_server("--data", tmp_path, "--room", "Weather: Talk about the weather")


@pytest.fixture
def sit_down(open_terminal: Callable[..., Terminal], keeper: Server) -> SitDown:
    """`sit_down("bob")`: someone at a terminal, on his way in; `where` is another server."""

    def run(name: str, where: Server = keeper) -> Terminal:
        return open_terminal(sys.executable, "chat_client.py", "-c", where.host, where.port, name, rows=40)

    return run


@pytest.fixture
def register(join_json: Join, keeper: Server) -> Callable[[str], None]:
    """`register("bob")`: the name bob is registered, and nobody has it now."""

    def run(name: str, where: Server = keeper) -> None:
        with JsonClient(where, name) as person:
            assert person.request("register", password=PASSWORD)["event"] == "told"
            person.tell("quit")
            person.wait_for("goodbye")

    return run


# ---- passwords at a terminal ----------------------------------------------------------------------------------


def test_a_registered_name_asks_for_its_password(sit_down: SitDown, register: Callable[[str], None]) -> None:
    register("bob")
    bob = sit_down("bob")
    bob.wait_for("The name bob is registered")
    bob.wait_for(re.compile("^Password of bob:", re.MULTILINE))
    bob.enter(OTHER)
    bob.wait_for("not the password of bob")
    bob.wait_for(re.compile(r"^Password of bob: *$", re.MULTILINE))
    bob.type(PASSWORD)
    bob.wait_for("Password of bob: " + "*" * len(PASSWORD))
    bob.press("Enter")
    bob.wait_for("You are bob")
    bob.press("Up", "C-y")
    bob.enter("hi")
    bob.wait_for("bob > hi")
    everything = bob.screen(history=True)
    assert PASSWORD not in everything
    assert OTHER not in everything


def test_after_three_wrong_ones_one_is_told_to_wait(sit_down: SitDown, register: Callable[[str], None]) -> None:
    register("bob")
    bob = sit_down("bob")
    for number in range(3):
        bob.wait_for(re.compile(rf"(not the password(.|\n)*){{{number}}}^Password of bob: *$", re.MULTILINE))
        bob.enter(f"wrong {number}")
    bob.wait_for("Too many wrong passwords")
    bob.wait_for("Another name: bob")
    bob.enter("by")
    bob.wait_for("You are bobby")


def test_a_password_can_be_given_up(sit_down: SitDown, register: Callable[[str], None]) -> None:
    register("bob")
    bob = sit_down("bob")
    bob.wait_for(re.compile("^Password of bob:", re.MULTILINE))
    bob.press("Enter")
    bob.wait_for("Another name: bob")
    bob.press("Enter")
    bob.wait_for(re.compile("^Password of bob:", re.MULTILINE))
    bob.press("C-c")
    assert bob.exit_code() == 0


def test_register_alone_asks_twice(sit_down: SitDown, keeper: Server, join_json: Join) -> None:
    ann, bob = join_json("ann", keeper), sit_down("bob")
    bob.wait_for("You are bob")
    bob.enter("/register")
    bob.wait_for("Password for this name:")
    bob.enter(PASSWORD)
    bob.wait_for("The same again:")
    ann.tell("say", text="what comes meanwhile")
    bob.wait_for("ann > what comes meanwhile")
    bob.enter(OTHER)
    bob.wait_for("not the same; nothing was changed")
    for question in ("Password for this name:", "The same again:"):
        if question.startswith("Password"):
            bob.press("Up", "Enter")
        bob.wait_for(question)
        bob.enter(PASSWORD)
    bob.wait_for("The name bob is registered, and yours")
    assert PASSWORD not in bob.screen(history=True)


def test_a_password_typed_behind_its_command_is_not_shown(sit_down: SitDown, keeper: Server, join_json: Join) -> None:
    ann, bob = join_json("ann", keeper), sit_down("bob")
    bob.wait_for("You are bob")
    bob.type(f"/REGISTER {PASSWORD}")
    bob.wait_for("> /REGISTER " + "*" * len(PASSWORD))
    bob.press("Enter")
    bob.wait_for("The name bob is registered, and yours")
    bob.press("Up")
    bob.wait_for(re.compile("> /REGISTER$", re.MULTILINE))
    bob.press("C-u")
    bob.enter(f" /password {OTHER}")
    bob.wait_for("Your password has been changed.")
    bob.enter("done")
    assert ann.wait_for("said")["text"] == "done"  # a blank before it does not make it something said
    everything = bob.screen(history=True)
    assert PASSWORD not in everything
    assert OTHER not in everything


def test_it_comes_back_with_the_password_into_its_rooms(
    start_server: StartServer, sit_down: SitDown, tmp_path: Path
) -> None:
    options = ("--data", tmp_path / "own", "--port", free_port())
    first = start_server(*options)
    bob = sit_down("bob", first)
    bob.wait_for("You are bob")
    bob.enter(f"/register {PASSWORD}")
    bob.wait_for("The name bob is registered, and yours")
    bob.enter("/join attic")
    bob.wait_for("Welcome to the attic Channel (1 user)")
    bob.enter("said before")
    bob.wait_for("bob > said before")
    first.kill()
    bob.wait_for("is lost")
    start_server(*options)
    bob.wait_for(re.compile(r"again\.(.|\n)*Welcome to the attic Channel"), 30)
    bob.enter("said after")
    bob.wait_for("bob > said after")
    bob.wait_for("attic · 1 person")
    assert bob.screen(history=True).count("said before") == 1
    assert "new since you came" not in bob.screen(history=True)


def test_logged_in_from_elsewhere(sit_down: SitDown, register: Callable[[str], None], keeper: Server) -> None:
    register("bob")
    bob = sit_down("bob")
    bob.wait_for(re.compile("^Password of bob:", re.MULTILINE))
    bob.enter(PASSWORD)
    bob.wait_for("You are bob")
    with JsonClient(keeper) as again:
        assert again.request("login", name="bob", password=PASSWORD)["event"] == "welcome"
        assert bob.exit_code() == 4
        assert "logged in again from elsewhere" in bob.screen()


# ---- rooms ----------------------------------------------------------------------------------------------------


def test_rooms_at_a_terminal(sit_down: SitDown, keeper: Server, join_json: Join) -> None:
    ann, bob = join_json("ann", keeper), sit_down("bob")
    bob.wait_for("Lobby · 3 people · bob")
    bob.enter("/join WEATHER")
    bob.wait_for("Welcome to the Weather Channel (2 users)\n           Talk about the weather\n")
    bob.wait_for("Weather · 2 people · bob")
    ann.tell("say", text="hello lobby")
    bob.wait_for(re.compile(rf"^{STAMP}#lobby ann > hello lobby$", re.MULTILINE))
    bob.wait_for("#lobby 1 new")
    ann.tell("join", room="weather")
    bob.wait_for("Weather · 3 people")
    ann.tell("say", text="it rains")
    bob.wait_for(re.compile(rf"^{STAMP}ann > it rains$", re.MULTILINE))
    bob.enter("/channels")
    bob.wait_for(re.compile(r"lobby +Lobby +3 people\n +\* weather +Weather +3 people +Talk about the weather"))
    bob.enter("/join lobby")
    bob.wait_for("You are in Lobby now.")
    bob.wait_gone("1 new")
    bob.enter("/part weather")
    bob.wait_for("You have left Weather; you are in Lobby now.")
    ann.tell("say", text="bob hears this no more")
    ann.tell("part")
    ann.tell("say", text="but this")
    bob.wait_for("ann > but this")
    assert "no more" not in bob.screen()


def test_tab_completes_rooms(sit_down: SitDown, keeper: Server) -> None:
    bob = sit_down("bob")
    bob.wait_for("Lobby · 2 people")
    bob.enter("/join attic")
    bob.wait_for("Welcome to the attic Channel")
    bob.type("/join WE")
    bob.press("Tab")
    bob.wait_for("> /join weather")
    bob.press("C-u")
    bob.type("/part ")
    bob.press("Tab")
    bob.wait_for(re.compile(r"> /part *\n +attic *\n +lobby"))
    assert "weather" not in bob.screen().split("> /part")[1]


# ---- what was said before -------------------------------------------------------------------------------------


def test_history_is_told_once_and_apart(sit_down: SitDown, keeper: Server, join_json: Join) -> None:
    ann = join_json("ann", keeper)
    for number in range(60):
        ann.request("say", text=f"line {number}")
    bob = sit_down("bob")
    ann.wait_for("entered", name="bob")
    ann.tell("say", text="live")
    bob.wait_for("ann > live")
    shown = bob.screen(history=True)
    told = [int(found) for found in re.findall(r"ann > line (\d+)$", shown, re.MULTILINE)]
    assert told == list(range(10, 60))
    assert re.search(r"line 59\n.*— new since you came —\n.*ann > live", shown)
    bob.enter("/history 2")
    bob.wait_for(re.compile(r"\[=\] Said before: 2 messages\n.*line 59\n.*live\n.*\[=\] End of what was said before\."))


def test_what_was_kept_and_who_has_come(sit_down: SitDown, register: Callable[[str], None], keeper: Server) -> None:
    register("dave")
    bob = sit_down("bob")
    bob.wait_for("You are bob")
    bob.enter("/msg dave,erin psst")
    bob.wait_for(
        re.compile(r"bob -> dave: psst\n +Kept for dave, to be delivered at the next login\.\n +Not here: erin\.")
    )
    bob.enter("/watch dave")
    bob.wait_for("You will be told when dave comes")
    dave = sit_down("dave")
    dave.wait_for(re.compile("^Password of dave:", re.MULTILINE))
    dave.enter(PASSWORD)
    bob.wait_for("[*] dave is here.")
    dave.wait_for("Private messages waiting for you: 1.")
    dave.enter("/inbox")
    dave.wait_for(re.compile(r"\[=\] 1 message waited for you:\n.*bob -> .*: psst\n.*\[=\] That was all\."))


def test_how_far_back_one_has_read_is_known_of_so_many_rooms() -> None:
    past = Past()
    for number in range(ROOMS + 1):
        past.gather({"event": "said", "id": 7, "room": f"room{number}", "text": "hi"})
    assert past.typed("/history older", "room1") == {"do": "history", "n": 50, "room": "room1", "before": 7}
    assert past.typed("/history older", "room0") == {"do": "history", "n": 50, "room": "room0"}


def test_what_is_not_of_today_has_its_date() -> None:
    past, people = Past(), People()
    people.hear({"event": "welcome", "name": "bob", "room": "lobby"})
    old = {"event": "said", "id": 1, "time": "2020-02-03T12:00:00.000Z", "room": "lobby", "from": "ann", "text": "old"}
    assert past.gather({**old, "history": True}) is None
    found = past.gather({"event": "history", "id": 9, "room": "lobby", "count": 1})
    assert found
    told = entries(found, people)
    assert re.match(r"\[2020-02-03 \d\d:00:00\] ann > old", str(told[0]))
    assert told[0].past
    past.gather({**old, "history": True})
    again = past.gather({"event": "history", "id": 10, "room": "lobby", "count": 1})
    assert again
    assert entries(again, people) == []  # one has been told already


# ---- the order of things --------------------------------------------------------------------------------------


@pytest.fixture
def player() -> Iterator[socket.socket]:
    """A port on which the test plays the server."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        yield listener


def said(number: int, **values: object) -> bytes:
    """Return one object of a server."""
    return json.dumps({"id": number, "time": "2026-11-21T00:00:00.000Z", "room": "lobby", **values}).encode() + b"\n"


def read_request(peer: socket.socket, verb: str) -> dict[str, Any]:
    """Return the next request of this kind."""
    with peer.makefile("rb") as lines:
        for line in lines:
            found: dict[str, Any] = json.loads(line)
            if found["do"] == verb:
                return found
    raise AssertionError(f"no {verb} came")


def test_ones_own_line_stands_where_the_room_has_it(
    open_terminal: Callable[..., Terminal], player: socket.socket
) -> None:
    bob = open_terminal(sys.executable, "chat_client.py", "-c", *player.getsockname(), "bob")
    peer = player.accept()[0]
    with peer:
        peer.sendall(said(1, event="welcome", name="bob", title="Lobby", users=["bob"], count=1))
        bob.wait_for("You are bob")
        bob.enter("mine")
        ref = read_request(peer, "line")["ref"]
        bob.wait_for("1 on the way")
        peer.sendall(said(11, event="said", **{"from": "ann", "text": "hers"}))
        peer.sendall(said(10, event="accepted", do="say", text="mine", ref=ref))
        bob.wait_for(re.compile(r"bob > mine\n.*ann > hers"))
        bob.wait_gone("on the way")
        bob.enter("late")
        ref = read_request(peer, "line")["ref"]
        peer.sendall(said(13, event="said", **{"from": "ann", "text": "she goes on"}))
        bob.wait_for("ann > she goes on")  # also while the disk hangs
        bob.wait_for("1 on the way")
        assert "bob > late" not in bob.screen()
        peer.sendall(said(12, event="accepted", do="say", text="late", ref=ref))
        bob.wait_for("bob > late")


@given(st.lists(st.sampled_from(["own", "other"]), max_size=30), st.data())
def test_any_interleaving_is_put_right(kinds: list[str], data: st.DataObject) -> None:
    """What others say comes in order, what one says oneself in order but late: the room's order comes out."""
    room = list(enumerate(kinds, 1))
    others = [number for number, kind in room if kind == "other"]
    own = [number for number, kind in room if kind == "own"]
    order, told, waiting = Order(), [], len(own)
    while others or own:
        late = own and (not others or (own[0] < others[0] and data.draw(st.booleans())))
        number = (own if late else others).pop(0)
        waiting -= bool(late)
        event = "accepted" if late else "said"
        told += [found["id"] for found in order.sort({"event": event, "id": number}, waiting=waiting > 0)]
    assert told == [number for number, _ in room]


def test_secrets_are_recognised() -> None:
    found = secret_in("  /Register  two words")
    assert found
    assert (found.verb, found.password, found.shown) == ("register", "two words", "/Register ****")
    assert secret_in("/password")
    for line in (
        "/register sesame",
        "/password sesame",
        "/identify sesame",
        "/oper root sesame",
        "/OPER root sesame",
        "/door sesame",
        "/login sesame",
        "/pass sesame",
        "/msg NickServ IDENTIFY sesame",
        "/msg nickserv register sesame",
    ):
        kept = secret_in(line)
        assert kept and (kept.password, kept.kept) == ("sesame", line.removesuffix(" sesame"))
        assert "sesame" not in kept.shown
        assert "sesame" in f"{kept.request('sesame')}"
    for line in ("/registered x", "//register x", "register x", "/msg ann /register x"):
        assert secret_in(line) is None


# ---- off a terminal -------------------------------------------------------------------------------------------


@pytest.fixture
def pipe(start: Start, keeper: Server) -> Callable[..., Program]:
    """`pipe("bob", "--password-file", f)`: the client off a terminal."""

    def run(name: str, *options: object, **environment: str) -> Program:
        where = ("-c", keeper.host, keeper.port, name)
        return start("chat_client.py", *options, *where, env={**os.environ, **environment})

    return run


Pipe = Callable[..., Program]


def test_the_filter_takes_its_password_from_a_file_or_the_environment(
    pipe: Pipe, register: Callable[[str], None], keeper: Server, join_json: Join, tmp_path: Path
) -> None:
    register("bob")
    ann = join_json("ann", keeper)
    (tmp_path / "secret").write_text(f"{PASSWORD}\nmore\n", encoding="utf-8")
    for text, options, environment in (
        ("from a file", ("--password-file", tmp_path / "secret"), {}),
        ("from outside", (), {"CHAT_PASSWORD": PASSWORD}),
    ):
        bob = pipe("bob", *options, **environment)
        bob.type(text)
        bob.end_input()
        assert bob.wait() == 0
        assert ann.wait_for("said")["text"] == text
    guest = pipe("carl", CHAT_PASSWORD=PASSWORD)
    guest.end_input()
    assert guest.wait() == 0  # a name that takes none


def test_the_filter_with_a_wrong_password_or_none(pipe: Pipe, register: Callable[[str], None], tmp_path: Path) -> None:
    register("bob")
    for environment, complaint in (({}, "registered"), ({"CHAT_PASSWORD": OTHER}, "not the password")):
        bob = pipe("bob", **environment)
        assert bob.wait() == 3
        assert complaint in bob.errors()
        assert OTHER not in bob.errors()
    bob = pipe("bob", "--password-file", tmp_path / "nowhere")
    assert bob.wait() == 2
    assert "No such file" in bob.errors()


def test_a_password_file_at_a_terminal_is_an_error(open_terminal: Callable[..., Terminal]) -> None:
    bob = open_terminal(sys.executable, "chat_client.py", "-c", "--password-file", "x", "127.0.0.1", "3001", "bob")
    assert bob.exit_code() == 2
    assert "off a terminal" in bob.screen()


def test_what_the_filter_said_is_stored(pipe: Pipe, keeper: Server, start_server: StartServer, tmp_path: Path) -> None:
    bob = pipe("bob")
    for number in range(100):
        bob.type(f"line {number}")
    bob.end_input()
    assert bob.wait() == 0
    keeper.kill()
    again = start_server("--data", tmp_path)
    with JsonClient(again, "ann") as ann:
        assert ann.wait_for("history")["count"] == 50
