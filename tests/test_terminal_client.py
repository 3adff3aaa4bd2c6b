"""The terminal client: in a real terminal, and off one as a filter."""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clients.completion import Words
from clients.filter import pieces
from clients.ledger import Ledger
from clients.paint import painted
from clients.past import Past
from clients.people import People
from clients.visit import harmless
from clients.words import Entry, Kind, entries
from tests.support import PATIENCE, ROOT, JsonClient, Program, Server, Terminal, free_port

NOWHERE = "no.such.host.invalid"

OpenTerminal = Callable[..., Terminal]
Join = Callable[..., JsonClient]
Start = Callable[..., Program]


@pytest.fixture
def sit_down(open_terminal: OpenTerminal, server: Server) -> Callable[..., Terminal]:
    """`sit_down("bob")`: someone at a terminal, logged in; `where` is another server."""

    def run(name: str, where: Server = server, **how: object) -> Terminal:
        terminal = open_terminal(sys.executable, "chat_client.py", "-c", where.host, where.port, name, **how)
        terminal.wait_for(f"You are {name}")
        return terminal

    return run


@pytest.fixture
def pipe(start: Start, server: Server) -> Callable[..., Program]:
    """`pipe("bob")`: the client off a terminal, with pipes to the test."""

    def run(name: str = "bob", where: Server = server, **popen: object) -> Program:
        return start("chat_client.py", "-c", where.host, where.port, name, **popen)

    return run


SitDown = Callable[..., Terminal]
Pipe = Callable[..., Program]


# ---- talking in a terminal ------------------------------------------------------------------------------------


def test_two_people_talk(sit_down: SitDown, join_json: Join) -> None:
    ann, bob = join_json("ann"), sit_down("bob")
    bob.enter("hello")
    assert ann.wait_for("said")["text"] == "hello"
    bob.wait_for(re.compile(r"^\[\d\d:\d\d:\d\d\] bob > hello$", re.MULTILINE))
    ann.tell("say", text="hi")
    ann.tell("me", text="waves")
    ann.tell("msg", to="bob", text="psst")
    bob.wait_for(re.compile(r"\] ann > hi\n.*\] \* ann waves\n.*\] ann -> bob: psst\n> *\n"))
    ann.tell("nick", name="eve")
    bob.wait_for("[*] ann is now eve.")
    bob.wait_for("connected · 127.0.0.1:")
    bob.wait_for("Lobby · 3 people · bob")
    ann.tell("quit", reason="lunch")
    bob.wait_for("[*] eve exited. (lunch)")
    bob.wait_for("2 people")


def test_answers_stand_apart_from_talk(sit_down: SitDown) -> None:
    bob = sit_down("bob")
    bob.enter("/help users")
    bob.wait_for("[=] /users")
    bob.enter("/users")
    bob.wait_for(re.compile(r"\[=\] 2 people in lobby:\n +Host +\d\d:\d\d:\d\d  lobby\n +bob  "))
    bob.enter("/foo")
    bob.wait_for("[!] There is no command /foo.")
    bob.press("Up")
    bob.wait_for("> /foo")


def test_a_half_typed_line_survives_what_arrives(sit_down: SitDown, join_json: Join) -> None:
    ann, bob = join_json("ann"), sit_down("bob")
    bob.type("half a 日本")
    bob.wait_for("> half a 日本")
    for number in range(2000):
        ann.tell("say", text=f"line {number}")
        if number % 400 == 0:
            bob.type("!")
    bob.wait_for(re.compile(r"ann > line 1999\n> half a 日本!!!!!\n"))
    everything = bob.screen(history=True)
    assert [int(found) for found in re.findall(r"ann > line (\d+)$", everything, re.MULTILINE)] == list(range(2000))
    assert everything.count("half") == 1
    bob.press("Enter")
    assert ann.wait_for("said")["text"] == "half a 日本!!!!!"


def test_editing_with_wide_characters(sit_down: SitDown, join_json: Join) -> None:
    ann, bob = join_json("ann"), sit_down("bob")
    bob.type("日本👍語x")
    bob.wait_for("> 日本👍語x")
    assert bob.cursor()[0] == len("> ") + 9
    bob.press("Left", "Left", "BSpace", "Home", "é", "End", "C-w")
    bob.type("a b")
    bob.press("M-b", "M-b", "C-k", "C-y", "Enter")
    assert ann.wait_for("said")["text"] == "a b"
    bob.type("日本👍語x")
    bob.press("Left", "Left", "BSpace", "Home", "é", "Enter")
    assert ann.wait_for("said")["text"] == "é日本語x"


def test_history(sit_down: SitDown, join_json: Join) -> None:
    ann, bob = join_json("ann"), sit_down("bob")
    for text in ("one", "two", "three"):
        bob.enter(text)
        ann.wait_for("said", text=text)
    bob.type("draft")
    bob.press("Up", "Up")
    bob.wait_for("> two")
    bob.press("Down", "Down")
    bob.wait_for("> draft")
    bob.press("C-u", "C-r")
    bob.type("on")
    bob.wait_for("> one")
    bob.press("Enter")
    bob.wait_gone("I-search")
    bob.press("Enter")
    assert ann.wait_for("said")["text"] == "one"


def test_ones_own_name_stands_out_and_rings(
    sit_down: SitDown, join_json: Join, open_terminal: OpenTerminal, server: Server
) -> None:
    ann, bob = join_json("ann"), sit_down("bob")
    ann.request("say", text="Bobby is not called, but BOB.")
    bob.wait_for("not called")
    coloured = bob.screen(colours=True).partition("Bobby is not called, but ")[2]
    assert re.match(r"\x1b\[[\d;]*7m(\x1b\[\d+m)*BOB\x1b", coloured), coloured[:40]
    assert bob.bell()
    where = ("chat_client.py", "-q", "-c", server.host, server.port, "carol")
    carol = open_terminal(sys.executable, *where)
    carol.wait_for("You are carol")
    ann.request("msg", to="carol", text="psst")
    carol.wait_for("ann -> carol: psst")
    assert not carol.bell()


def test_reading_back_to_the_beginning(open_terminal: OpenTerminal, join_json: Join, server: Server) -> None:
    ann = join_json("ann")
    for number in range(130):
        ann.tell("say", text=f"m{number}.")
    ann.request("join", room="den")
    ann.request("say", text="elsewhere")
    bob = open_terminal(sys.executable, "chat_client.py", "-c", server.host, server.port, "bob")
    bob.wait_for("new since you came")
    for first in (30, 0):
        bob.enter("/history older")
        bob.wait_for(re.compile(rf"ann > m{first}\.$", re.MULTILINE), history=True)
        bob.wait_for("End of what was said before. /history older goes on.")
    bob.enter("/history older")
    bob.wait_for("[=] Nothing was said before that.")
    everything = bob.screen(history=True)
    assert sorted(int(found) for found in re.findall(r"> m(\d+)\.$", everything, re.MULTILINE)) == list(range(130))
    bob.type("/history ol")
    bob.press("Tab")
    bob.wait_for("> /history older")


def test_a_table_keeps_its_columns(sit_down: SitDown) -> None:
    bob = sit_down("bob", columns=60)
    bob.enter("/help")
    bob.wait_for(re.compile(r"^ {11}/watch \[name\] +(?P<text>\S.*\n) +", re.MULTILINE))
    rows = bob.screen().split("\n")
    at = next(number for number, row in enumerate(rows) if row.strip().startswith("/watch [name]"))
    column = rows[at].index("be told")
    assert rows[at + 1].startswith(" " * column) and rows[at + 1][column] != " "


def test_up_brings_back_no_password(sit_down: SitDown, join_json: Join) -> None:
    ann, bob = join_json("ann"), sit_down("bob")
    typed = ("/oper root sesame", "/identify sesame", "/register abc", "/login sesame", "/msg NickServ identify sesame")
    for number, line in enumerate(typed):
        bob.type(line)
        bob.wait_for(re.compile(r"^> .*\*{3,6}$", re.MULTILINE))
        bob.press("Enter")
        bob.enter(f"go on {number}")
        ann.wait_for("said", text=f"go on {number}")
    for line in reversed(typed):
        bob.press("Up", "Up")
        bob.wait_for(re.compile(rf"^> {re.escape(line.rpartition(' ')[0])}$", re.MULTILINE))
    bob.press("C-u")
    bob.enter("/oper root")
    bob.wait_for("Password of the operator root:")
    bob.enter("sesame")
    bob.wait_for("[!] That is not the name and password of an operator.")
    everything = bob.screen(history=True)
    assert "sesame" not in everything and "abc" not in everything


def test_the_password_of_the_room_and_then_that_of_the_name(
    open_terminal: OpenTerminal, start_server: Callable[..., Server], tmp_path: Path
) -> None:
    options = ("--data", tmp_path)
    server = start_server(*options)
    with JsonClient(server, "bob") as bob:
        bob.request("register", password="open sesame")
    server.kill()
    server = start_server(*options, "--password", "let me in")
    terminal = open_terminal(sys.executable, "chat_client.py", "-c", server.host, server.port, "bob")
    terminal.wait_for("[!] This room has a password.")
    terminal.wait_for("Password of this room:")
    terminal.enter("let you in")
    terminal.wait_for("[!] This room has a password, and that is not it.")
    terminal.enter("let me in")
    terminal.wait_for("[!] The name bob is registered")
    terminal.wait_for("Password of bob:")
    terminal.enter("open sesame")
    terminal.wait_for("You are bob")
    everything = terminal.screen(history=True)
    assert "let me in" not in everything and "sesame" not in everything


def test_completion(sit_down: SitDown, join_json: Join) -> None:
    join_json("alice"), join_json("alan")
    bob = sit_down("bob")
    bob.wait_for("[*] You are bob")
    bob.type("/")
    bob.press("Tab")
    bob.wait_for("/help ")
    bob.type("whoe")
    bob.press("Tab")
    bob.wait_for(re.compile("> /whoelse$", re.MULTILINE))
    bob.wait_gone("/help ")
    bob.press("C-u")
    bob.type("/msg AL")
    bob.press("Tab")
    bob.wait_for(re.compile(r"/msg AL\n +alan *\n +alice"))
    bob.press("Tab")
    bob.wait_for("> /msg alan")
    bob.press("Tab")
    bob.wait_for("> /msg alice")
    bob.press("Enter")  # takes what is chosen, and sends nothing yet
    bob.wait_gone("alan  ")
    bob.enter("psst")
    bob.wait_for("bob -> alice: psst")


def test_a_pasted_text_is_one_message(sit_down: SitDown, join_json: Join) -> None:
    ann, bob = join_json("ann"), sit_down("bob")
    bob.type("\x1b[200~one\r\n  two\n\nthree\n\x1b[201~")
    bob.wait_for("> one")
    bob.wait_for("three")
    bob.press("Enter")
    assert ann.wait_for("said")["text"] == "one\n  two\n\nthree"
    bob.wait_for(re.compile(r"\] bob > one\n {13}two\n\n {11}three\n> *\nconnected"))
    bob.type("\x1b[200~/msg ann one\ntwo\x1b[201~")
    bob.press("Enter")
    assert ann.wait_for("whispered")["text"] == "one\ntwo"


def test_another_size_of_the_terminal(sit_down: SitDown, join_json: Join) -> None:
    ann, bob = join_json("ann"), sit_down("bob")
    bob.type("half typed")
    for columns, rows in ((50, 12), (30, 8), (140, 40), (20, 3), (80, 24)):
        bob.resize(columns, rows)
        ann.tell("say", text=f"now {columns}")
        bob.wait_for(re.compile(rf"{columns}\n> half typed"))
    assert bob.screen().count("half typed") == 1
    assert len(re.findall("connected ·", bob.screen())) == 1
    bob.press("Enter")
    assert ann.wait_for("said")["text"] == "half typed"


def test_colours_or_none(sit_down: SitDown, join_json: Join) -> None:
    ann, bob, carl = join_json("ann"), sit_down("bob"), sit_down("carl", env={"NO_COLOR": "1"})
    ann.tell("say", text="hi")
    bob.wait_for("ann > hi")
    carl.wait_for("ann > hi")
    colour = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-8]|9[0-7])")
    assert colour.search(bob.screen(colours=True))
    assert not colour.search(carl.screen(colours=True))


# ---- coming and going -----------------------------------------------------------------------------------------


def test_what_is_missing_is_asked_for(open_terminal: OpenTerminal, server: Server) -> None:
    bob = open_terminal(sys.executable, "chat_client.py", "-c")
    bob.wait_for("Server [127.0.0.1]:")
    bob.press("Enter")
    bob.wait_for("Port [3001]:")
    bob.enter("99999")
    bob.wait_for("from 1 to 65535")
    bob.press("C-u")
    bob.enter(str(server.port))
    bob.wait_for("Name:")
    bob.enter("bob")
    bob.wait_for("You are bob")


def test_leaving_at_a_question_is_leaving(open_terminal: OpenTerminal) -> None:
    bob = open_terminal(sys.executable, "chat_client.py", "-c")
    bob.wait_for("Server [127.0.0.1]:")
    bob.press("C-d")
    assert bob.exit_code() == 0


def test_a_taken_name_asks_for_another(open_terminal: OpenTerminal, server: Server, join_json: Join) -> None:
    ann = join_json("ann")
    bob = open_terminal(sys.executable, "chat_client.py", "-c", server.host, server.port, "ANN")
    bob.wait_for("Another name: ANN")
    bob.enter("a")
    bob.wait_for("You are ANNa")
    ann.wait_for("entered", name="ANNa")
    bob.press("Up")
    bob.enter("hi")
    assert ann.wait_for("said")["text"] == "hi"  # a name is not kept in the history


@pytest.mark.parametrize(
    ("way", "reason"), [("C-c", ""), ("C-d", ""), ("tata", ""), ("/quit", ""), ("/QUIT for lunch", "for lunch")]
)
def test_ways_to_leave(sit_down: SitDown, join_json: Join, way: str, reason: str) -> None:
    ann, bob = join_json("ann"), sit_down("bob")
    if way.startswith("C-"):
        bob.press(way)
    else:
        bob.enter(way)
    assert bob.exit_code() == 0
    left = ann.wait_for("left")
    assert (left["name"], left["reason"], left["kicked"]) == ("bob", reason, False)
    assert "connected" not in bob.screen().split("\n")[-1]


def test_a_signal_ends_it_as_a_key_does(sit_down: SitDown, join_json: Join) -> None:
    ann, bob = join_json("ann"), sit_down("bob")
    os.kill(bob.pid, signal.SIGTERM)
    assert bob.exit_code() == 0
    assert ann.wait_for("left")["name"] == "bob"


def test_control_c_in_a_search_ends_the_search(sit_down: SitDown) -> None:
    bob = sit_down("bob")
    bob.enter("hello")
    bob.wait_for("bob > hello")
    bob.press("C-r")
    bob.type("hel")
    bob.wait_for("I-search")
    bob.press("C-c")
    bob.wait_gone("I-search")
    bob.enter("still here")
    bob.wait_for("bob > still here")


def test_control_d_deletes_where_there_is_something(sit_down: SitDown, join_json: Join) -> None:
    ann, bob = join_json("ann"), sit_down("bob")
    bob.type("xhi")
    bob.press("Home", "C-d", "Enter")
    assert ann.wait_for("said")["text"] == "hi"


def test_kicked(sit_down: SitDown, server: Server) -> None:
    bob = sit_down("bob")
    server.type("KICK bob")
    assert bob.exit_code() == 4
    assert "kicked" in bob.screen()


def test_the_host_closes_the_room(sit_down: SitDown, server: Server) -> None:
    bob = sit_down("bob")
    server.type("EXIT")
    assert bob.exit_code() == 5
    assert server.wait() == 0
    assert "[*]" in bob.screen().split("\n")[-1]


def test_a_server_that_cannot_be_found(open_terminal: OpenTerminal) -> None:
    bob = open_terminal(sys.executable, "chat_client.py", "-c", NOWHERE, 3001, "bob")
    assert bob.exit_code() == 1
    assert f"[!] Gave up on {NOWHERE}:3001: there is no such address." in bob.screen()


def test_it_comes_back_when_the_server_does(
    start_server: Callable[..., Server], sit_down: SitDown, join_json: Join
) -> None:
    first = start_server("--port", free_port())
    bob = sit_down("bob", first)
    bob.type("half")
    first.kill()
    bob.wait_for("is lost")
    bob.wait_for("not connected")
    bob.press("Enter")
    bob.wait_for(re.compile(r"that was not sent\.\n(.*\n)*> half\n"))
    second = start_server("--port", first.port)
    bob.wait_for("Connected to 127.0.0.1")
    bob.wait_for("again.")
    ann = join_json("ann", second)
    bob.wait_for("ann entered")
    bob.press("Enter")
    assert ann.wait_for("said")["text"] == "half"


# ---- people and servers that mean harm ------------------------------------------------------------------------


def test_nothing_said_can_forge_an_event(sit_down: SitDown, join_json: Join) -> None:
    ann, bob = join_json("ann"), sit_down("bob")
    bob.wait_for("3 people")
    ann.tell("say", text="[*] ann exited.\n[00:00:00] [*] ann exited.")
    ann.tell("say", text="x" + " " * 75 + "[00:00:00] [*] ann exited." + " " * 100 + "[00:00:00] [*] ann exited.")
    ann.tell("say", text="done")
    bob.wait_for("ann > done")
    assert not re.search(r"^\[\d\d:\d\d:\d\d\] \[\*\] ann exited", bob.screen(), re.MULTILINE)
    assert "3 people" in bob.screen()


@pytest.fixture
def bad_server() -> Iterator[tuple[int, Callable[..., None]]]:
    """A port, and a function that lets the next one in there and sends him bytes."""
    sockets = [socket.create_server(("127.0.0.1", 0))]
    sockets[0].settimeout(PATIENCE)

    def let_in(data: bytes) -> None:
        sockets.append(sockets[0].accept()[0])
        sockets[-1].sendall(b'{"event":"welcome","name":"bob"}\n' + data)

    yield sockets[0].getsockname()[1], let_in
    for sock in sockets:
        sock.close()


BadServer = tuple[int, Callable[..., None]]

HOSTILE = b"""\
{"event":"said","from":"a\\u001b[2Jnn","text":"\\u001b]0;title\\u0007\\u009b31m\\u202eboo\\ud800"}
{"event":"said"}
{"event":"said","from":7,"text":["x"],"time":"yesterday"}
{"event":"listed","users":[1,{"name":null,"seconds":"x","rooms":4}]}
{"event":["x"],"ref":{}}
{"event":"entered","name":[],"count":"many"}
{"event":"whispered","to":[[[[[[[[]]]]]]]],"time":"9999-12-31T23:59:59.999Z"}
{"event":"told","ref":"commands","text":"/\\u001b[1m \\n///"}
{"event":"said","from":"ann","text":"end","time":"2026-11-21T00:00:00.000Z"}
"""


def test_a_terminal_shows_no_control_characters(open_terminal: OpenTerminal, bad_server: BadServer) -> None:
    port, let_in = bad_server
    bob = open_terminal(sys.executable, "chat_client.py", "-c", "127.0.0.1", port, "bob")
    let_in(HOSTILE)
    bob.wait_for("ann > end")
    assert "a[2Jnn > ]0;title31mboo\ufffd" in bob.screen()
    bob.press("C-c")
    assert bob.exit_code() == 0


def test_a_filter_writes_no_control_characters(start: Start, bad_server: BadServer) -> None:
    port, let_in = bad_server
    bob = start("chat_client.py", "-c", "127.0.0.1", port, "bob")
    let_in(HOSTILE)
    bob.wait_for("a[2Jnn > ]0;title31mboo\ufffd")
    bob.wait_for("ann > end\n")
    assert bob.output
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", bob.output.text)


VALUES = [
    "",
    "bob",
    "a\nb",
    0,
    -1,
    10**4000,
    True,
    None,
    [],
    ["bob", 3],
    {},
    [{"name": 1}],
    {"a": 1},
    1.5,
    "9999-12-31",
]
KEYS = (
    "event id time name room title users count from to away text old new do reason kicked about ref code state "
    "channels current current_title description kept history token".split()
)


def test_no_object_of_a_server_is_too_odd() -> None:
    dice = random.Random(1)
    events = ["welcome", "said", "acted", "whispered", "entered", "left", "renamed", "accepted", "listed", "told"]
    events += ["refused", "goodbye", "link", "ping", "nonsense", "joined", "parted", "channels", "seen", "history"]
    people, past, ledger = People(), Past(), Ledger()
    for turn in range(5000):
        if turn % 50 == 0:
            ledger.begin()
        ledger.sent({"do": "say", "text": "", "ref": dice.choice([0, -1, "", "bob"])})
        values = {key: dice.choice(VALUES) for key in dice.sample(KEYS, dice.randrange(len(KEYS)))}
        found = harmless({**values, "event": dice.choice(events)})
        for each in ledger.sort(found):
            people.hear(each)
            for told in entries(past.gather(each) or {}, people):
                assert painted(told, 80)


def test_a_terminal_that_takes_nothing_gets_the_newest_in_the_end(bad_server: BadServer) -> None:
    port, let_in = bad_server
    person, terminal = os.openpty()
    command = [sys.executable, "chat_client.py", "-c", "127.0.0.1", str(port), "bob"]
    with subprocess.Popen(command, cwd=ROOT, stdin=terminal, stdout=terminal, stderr=terminal) as bob:
        os.close(terminal)
        lines = [f'{{"event":"said","from":"ann","text":"line {number}"}}\n' for number in range(30_000)]
        let_in("".join([*lines, '{"event":"goodbye","code":"closing"}\n']).encode())
        shown = b""
        with contextlib.suppress(OSError):  # the end of a terminal
            while data := os.read(person, 65536):
                shown += data
        assert bob.wait(PATIENCE) == 5
    os.close(person)
    found = [int(number) for number in re.findall(rb"> (?:\x1b\[[0-9;]*m)*line (\d+)", shown)]
    assert found == sorted(found)
    assert found[-1] == 29_999
    assert len(found) + sum(map(int, re.findall(rb"(\d+) messages left out", shown))) == 30_000
    assert len(found) < 30_000


def test_long_words_are_cut_but_addresses_are_not() -> None:
    def rows(text: str) -> list[str]:
        told = painted(Entry(Kind.SAID, "00:00:00", "ann > ", text, "ann"), 60)
        return "".join(piece[1] for piece in told).split("\n")[:-1]

    assert max(map(len, rows("x" * 500))) <= 60
    assert all(row.startswith(" " * 11) for row in rows("see\u00a0\u3000" * 100)[1:])
    address = f"https://example.org/{'y' * 100}"
    assert any(address in row for row in rows(f"look at this: {address} there"))


# ---- off a terminal -------------------------------------------------------------------------------------------


def test_a_line_is_said_and_that_is_all(pipe: Pipe, join_json: Join) -> None:
    ann, bob = join_json("ann"), pipe()
    bob.type("hi")
    bob.end_input()
    assert bob.wait() == 0
    assert ann.wait_for("said")["text"] == "hi"
    assert ann.wait_for("left")["name"] == "bob"
    assert bob.errors() == ""


def test_a_big_file_arrives_whole_and_in_order(pipe: Pipe, join_json: Join, tmp_path: Path) -> None:
    big = tmp_path / "big"
    big.write_text("".join(f"line {number}\n\n" for number in range(5000)), encoding="utf-8")
    ann = join_json("ann")
    with big.open("rb") as file:
        bob = pipe(stdin=file)
        for number in range(5000):
            assert ann.wait_for("said")["text"] == f"line {number}"
        assert bob.wait() == 0


def test_what_arrives_is_written_as_it_comes(pipe: Pipe, join_json: Join) -> None:
    ann, bob = join_json("ann"), pipe()
    ann.wait_for("entered", name="bob")
    ann.tell("say", text="hi\nthere")
    bob.wait_for(re.compile(r"^\[\d\d:\d\d:\d\d\] ann > hi\n {11}there\n", re.MULTILINE))
    bob.type("/me waves")
    assert ann.wait_for("acted")["text"] == "waves"
    bob.type("half")
    assert ann.wait_for("said")["text"] == "half"
    ann.tell("quit")
    bob.wait_for("[*] ann exited.\n")
    assert bob.output
    assert "waves" not in bob.output.text  # what one says oneself does not come back


def test_commands_answer(pipe: Pipe) -> None:
    bob = pipe()
    bob.type("/nick rob")
    bob.type("/users")
    bob.end_input()
    assert bob.wait() == 0
    bob.wait_for("You are rob now.")
    bob.wait_for("[=] 2 people in lobby:")


def test_a_refused_line_is_an_error_but_not_the_end(pipe: Pipe, join_json: Join) -> None:
    ann, bob = join_json("ann"), pipe()
    bob.type("/foo\nhi")
    bob.end_input()
    assert bob.wait() == 1
    assert ann.wait_for("said")["text"] == "hi"
    assert "There is no command /foo." in bob.errors()


def test_bad_bytes_and_long_lines(pipe: Pipe, join_json: Join) -> None:
    ann, bob = join_json("ann"), pipe()
    assert bob.process.stdin
    bob.process.stdin.write(b"a\xffb\n" + "日".encode() * 3000 + b"\nno line feed")
    bob.end_input()
    assert bob.wait() == 0
    assert ann.wait_for("said")["text"] == "a\ufffdb"
    assert "".join(ann.wait_for("said")["text"] for _ in range(3)) == "日" * 3000
    assert ann.wait_for("said")["text"] == "no line feed"


@pytest.mark.parametrize("size", [1, 2, 3, 4001, 100_000])
def test_pieces_do_not_depend_on_the_blocks(size: int) -> None:
    data = "a\r\n\n  \n日本👍\n".encode() + b"/" + b"x" * 9000 + b"\n\xe6\x97"
    blocks = [data[at : at + size] for at in range(0, len(data), size)]
    found = list(pieces(iter(blocks)))
    assert found[:2] == [("a", True), ("日本👍", True)]
    assert "".join(text for text, _ in found[2:-1]) == "/" + "x" * 9000
    assert [fresh for _, fresh in found[2:-1]] == [True, False, False]
    assert found[-1] == ("\ufffd", True)
    assert all(len(text.encode()) <= 4000 for text, _ in found)


def test_nobody_reads_what_it_writes(pipe: Pipe, join_json: Join) -> None:
    reader, writer = os.pipe()
    ann, bob = join_json("ann"), pipe(stdout=writer)
    os.close(writer)
    ann.wait_for("entered", name="bob")
    os.close(reader)
    ann.tell("say", text="hi")
    assert bob.wait() == 0
    assert ann.wait_for("left")["name"] == "bob"
    assert bob.errors() == ""


def test_closed_standard_files(server: Server, join_json: Join) -> None:
    ann = join_json("ann")
    command = f"exec {sys.executable} chat_client.py -c {server.host} {server.port} bob <&- >&- 2>&-"
    assert subprocess.run(["/bin/sh", "-c", command], cwd=ROOT, check=False, timeout=2 * PATIENCE).returncode == 0
    assert ann.wait_for("left")["name"] == "bob"


def test_filter_refused(pipe: Pipe, join_json: Join) -> None:
    join_json("ann")
    bob = pipe("ann")
    assert bob.wait() == 3
    assert "taken" in bob.errors()


@pytest.mark.parametrize(("how", "code"), [("KICK bob", 4), ("EXIT", 5), ("kill", 1)])
def test_how_the_filter_ends(pipe: Pipe, server: Server, join_json: Join, how: str, code: int) -> None:
    ann, bob = join_json("ann"), pipe()
    ann.wait_for("entered", name="bob")
    if how == "kill":
        server.kill()
    else:
        server.type(how)
    assert bob.wait() == code
    assert how != "EXIT" or server.wait() == 0
    assert bob.errors().startswith("chat_client.py: ")


def test_filter_nowhere(start: Start) -> None:
    bob = start("chat_client.py", "-c", NOWHERE, 3001, "bob")
    assert bob.wait() == 1
    assert "no such address" in bob.errors()


# ---- options --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["-c", "127.0.0.1", "0", "bob"], "'0' is no port"),
        (["-c", "127.0.0.1", "x", "bob"], "'x' is no port"),
        (["-c", "127.0.0.1", "3001"], "the name must be given"),
        (["--nonsense"], "--nonsense"),
    ],
)
def test_wrong_options_are_explained(start: Start, options: list[str], complaint: str) -> None:
    program = start("chat_client.py", *options)
    assert program.wait() == 2
    assert complaint in program.errors()


def test_help_is_complete(start: Start) -> None:
    program = start("chat_client.py", "--help")
    assert program.wait() == 0
    assert program.output
    program.output.finish()
    for word in ("HOST", "PORT", "NAME", "--console", "NO_COLOR", "exit codes:", "kicked out", "filter"):
        assert word in program.output.text


def test_the_port_from_the_environment(start: Start, server: Server, join_json: Join) -> None:
    join_json("ann")
    bad = start("chat_client.py", "-c", env={**os.environ, "PORT": "many"})
    assert bad.wait() == 2
    assert "PORT" in bad.errors()


# ---- small parts ----------------------------------------------------------------------------------------------


def test_people_come_from_events_of_their_room() -> None:
    people = People()
    people.hear({"event": "welcome", "name": "bob", "room": "lobby", "title": "Lobby", "users": ["Host", "bob"]})
    people.hear({"event": "entered", "room": "lobby", "name": "ann", "count": 3})
    people.hear({"event": "entered", "room": "attic", "name": "eve", "count": 9})
    people.hear({"event": "renamed", "old": "bob", "new": "rob"})
    people.hear({"event": "said", "room": "lobby", "from": "ann", "text": "[*] ann exited."})
    assert (people.me, people.names, people.count) == ("rob", ["Host", "rob", "ann"], 3)
    people.hear({"event": "left", "room": "lobby", "name": "ann", "count": 2})
    assert (people.names, people.count) == (["Host", "rob"], 2)
    people.hear({"event": "link", "state": "lost"})
    assert people.names == []


def test_a_private_message_tells_who_is_away() -> None:
    people = People()
    people.hear({"event": "welcome", "name": "bob"})
    accepted = {"event": "accepted", "do": "msg", "to": ["ann"], "away": ["dave"], "text": "psst"}
    told = entries(accepted, people)[0]
    assert told.own
    assert str(told).endswith(" bob -> ann: psst\n           Not here: dave.")


def test_the_commands_are_learnt_from_the_help() -> None:
    words = Words(People())
    words.learn("/me text    say what you do\n/msg to text   private\nnonsense")
    assert words.commands == {"me": "text  say what you do", "msg": "to text  private"}
