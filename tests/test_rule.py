"""The host in command: every verb from every seat, what it refuses, and what it leaves in the trail."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest

from chat.turn import Standing
from tests.irc_client import IrcClient
from tests.room import Guest, House
from tests.ruling import ROWS, Row
from tests.store_helpers import rows
from tests.support import ROOT, JsonClient, LineClient, PlainClient, Server
from tests.support.speakers import (
    IrcSpeaker,
    JsonSpeaker,
    PlainSpeaker,
    Speaker,
    TextbookSpeaker,
    UdpSpeaker,
    WebSpeaker,
)
from tests.support.waiting import wait_until

StartServer = Callable[..., Server]
OPERATOR = "root: sesame open"
WIRES = (PlainSpeaker, JsonSpeaker, WebSpeaker, TextbookSpeaker, UdpSpeaker, IrcSpeaker)


class Seat(Protocol):
    """Somebody who may, and the way he says so: the console, or a client of his own."""

    def do(self, line: str, answer: str, event: str = "told") -> None:
        """Say a line, and wait for what it is answered."""


class Console:
    """The host types."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def do(self, line: str, answer: str, event: str = "told") -> None:
        self.server.type(line)
        self.server.wait_for(re.compile(answer))


class Plain:
    """An operator with nc."""

    def __init__(self, server: Server) -> None:
        self.line = PlainClient(server, "opera")
        self.do("OPER root sesame open", "You are an operator now")

    def do(self, line: str, answer: str, event: str = "told") -> None:
        self.line.send_line(f"/{line}")
        self.line.wait_for(re.compile(answer))


class Json:
    """An operator's program."""

    def __init__(self, server: Server) -> None:
        self.line = JsonClient(server, "opera")
        self.do("OPER root sesame open", "You are an operator now")

    def do(self, line: str, answer: str, event: str = "told") -> None:
        found = self.line.request("line", line=f"/{line}")
        assert found["event"] in (event, "refused"), found
        if found["event"] in ("told", "refused"):
            assert re.search(answer, found["text"]), found


class Irc:
    """An operator with an IRC client."""

    def __init__(self, server: Server) -> None:
        self.line = IrcClient(server, "opera", lobby=True)
        self.line.tell("OPER root :sesame open")
        self.line.until(" 381 ")

    def do(self, line: str, answer: str, event: str = "told") -> None:
        self.line.tell(line)
        self.line.wait_for(re.compile(answer))


class Script:
    """A script, by `--send`."""

    def __init__(self, server: Server) -> None:
        arguments = [str(argument) for argument in server.process.args]  # type: ignore[union-attr]
        self.folder = arguments[arguments.index("--data") + 1]

    def do(self, line: str, answer: str, event: str = "told") -> None:
        command = [sys.executable, str(ROOT / "chat_server.py"), "--data", self.folder, "--send", line]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        assert re.search(answer, done.stdout + done.stderr), (line, done)
        assert done.returncode == (1 if event == "refused" else 0), (line, done)


IN_IRC = frozenset({"BAN", "BANS", "UNBAN", "MUTE", "UNMUTE", "ANNOUNCE", "RENAME", "ROOM", "UNROOM", "RESET"})
SEATS: dict[str, Callable[[Server], Seat]] = {
    "console": Console,
    "plain": Plain,
    "json": Json,
    "irc": Irc,
    "script": Script,
}


@pytest.fixture
def server(start_server: StartServer, tmp_path: Path) -> Server:
    return start_server("--data", tmp_path, "--operator", OPERATOR)


@pytest.fixture
def bob(server: Server) -> Iterator[Callable[[], PlainClient]]:
    """`bob()`: the one who is acted on; he comes anew where he has been put out."""
    here: list[PlainClient] = []

    def present() -> PlainClient:
        if here:
            try:
                here[-1].send_line("/nick bob")
                here[-1].send_line("/whois bob")
                here[-1].wait_for("bob has been here")
            except (AssertionError, OSError):
                here.pop().close()
        if not here:
            here.append(PlainClient(server, "bob"))
        return here[-1]

    yield present
    for client in here:
        client.close()


@pytest.mark.limit(180)
@pytest.mark.parametrize("seat", SEATS)
def test_every_verb_from_every_seat(server: Server, bob: Callable[[], PlainClient], seat: str) -> None:
    """Each verb does what it says, refuses in words what it must, and stands in the trail; there, too, no secret."""
    kim = JsonClient(server, "kim")
    assert kim.request("register", password="a long word")["event"] == "told"
    watcher = JsonClient(server, "watcher")
    someone = SEATS[seat](server)
    for row in ROWS:
        if (row.host and seat not in ("console", "script")) or (seat == "irc" and row.verb not in IN_IRC):
            continue
        values = {"bob": "bob", "id": ""}
        if row.line not in ("BANS", "UNBAN {bob}"):
            client = bob()
            if "{id}" in row.line:
                client.send_line("what is to be removed")
                values["id"] = str(watcher.wait_for("said", text="what is to be removed")["id"])
        someone.do(row.line.format(**values), row.answer.format(**values), row.event)
        if row.trail:
            check_trail(server, row, values)
        for line, why in row.refusals:
            someone.do(line.format(**values), why.format(**values), "refused")
    for visitor in (kim, watcher, getattr(someone, "line", kim)):
        visitor.close()


def check_trail(server: Server, row: Row, values: dict[str, str]) -> None:
    """See the act at the end of what AUDIT shows."""
    server.type("AUDIT 1")
    server.wait_for(re.compile(rf"\d\d:\d\d:\d\d \S+ {re.escape(row.trail.format(**values))}\n"))


def test_who_may_not_is_refused(server: Server, join_json: Callable[..., JsonClient]) -> None:
    ann, opera = join_json("ann"), join_json("opera")
    for row in ROWS:
        if row.verb not in ("OPER", "REMOVE", "KICK", "TOPIC", "WHOIS", "STATS"):
            refused = ann.request("line", line=f"/{row.line.format(bob='bob', id='1')}")
            assert refused["code"] == "not_allowed", row
    assert opera.request("oper", name="root", password="sesame open")["event"] == "told"
    server.type("OPER ann")
    ann.wait_for("told", about="oper")
    for verb, fields in (("ban", {"who": "ann"}), ("mute", {"who": "ann"}), ("kick", {"name": "ann"}),
                         ("rename", {"old": "ann", "new": "anna"}), ("ban", {"who": "127.0.0.0/8"})):  # fmt: skip
        refused = opera.request(verb, **fields)
        assert refused["event"] == "refused" and refused["code"] in ("not_allowed", "yourself"), (verb, refused)


def test_the_trail_is_kept_and_holds_no_secret(
    start_server: StartServer, join_json: Callable[..., JsonClient], tmp_path: Path
) -> None:
    server = start_server("--data", tmp_path, "--operator", OPERATOR)
    ann = join_json("ann", server)
    assert ann.request("oper", name="root", password="sesame open")["event"] == "told"
    ann.request("announce", text="one\ntwo \x1b[2J\u202ethree")
    server.type("DOOR open-sesame")
    server.wait_for("asked for that password")
    server.stop()
    log = (tmp_path / "audit.log").read_text(encoding="utf-8")
    assert [line.partition("Z ")[2] for line in log.splitlines()] == [
        "ann OPER ann: with the password of root",
        "ann ANNOUNCE: one two [2Jthree",
        "Host DOOR: a password",
    ]
    assert (tmp_path / "audit.log").stat().st_mode & 0o777 == 0o600
    assert [act for (act,) in rows(tmp_path, "SELECT act FROM audit ORDER BY number")] == ["OPER", "ANNOUNCE", "DOOR"]
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    assert b"sesame" not in stored
    again = start_server("--data", tmp_path)
    again.type("AUDIT")
    again.wait_for("ann ANNOUNCE: one two [2Jthree")


# ---- bans


@pytest.mark.parametrize("kind", WIRES)
def test_the_banned_read_why_and_for_how_long_on_every_wire(server: Server, kind: type[Speaker]) -> None:
    here = kind(server)
    here.enter("bob")
    server.wait_for("bob entered")
    server.type("BAN bob 10m spam")
    server.wait_for("Banned: name bob")
    rest = here.line.read_to_end() if kind is not UdpSpeaker else _datagrams(here, "banned for 10 min: spam")
    assert "banned for 10 min: spam" in rest
    again = kind(server)
    again.send(again.arrive("BOB"))
    said = again.line.read_to_end() if kind is not UdpSpeaker else _datagrams(again, "The name bob is banned for")
    assert re.search(r"The name bob is banned for (10 min|9 min 5\d s): spam", said)
    for each in (here, again):
        each.line.close()


def _datagrams(speaker: Speaker, wanted: str) -> str:
    said = ""
    while wanted not in said:
        said += str(speaker.read())
    return said


def test_a_network_is_banned_before_anything_is_answered(server: Server) -> None:
    server.type("BAN 127.0.0.2/31 3d they know why")
    server.wait_for("Banned: network 127.0.0.2/31, for 3 days: they know why.")
    for source in ("127.0.0.2", "127.0.0.3"):
        with LineClient(server, source=source) as visitor:
            visitor.send_line("anybody")
            assert visitor.wait_for("[!]").endswith("You are banned for 3 days: they know why.")
            assert visitor.wait_for("[.]").endswith("You are not let in.")
            assert visitor.read_to_end() == ""
    with PlainClient(server, "carol") as carol:
        assert carol.users == ["Host", "carol"]
    with LineClient(server, source="127.0.0.3") as visitor:
        visitor.send('{"do":"login","name":"dave","ref":1}\n')
        refused, goodbye = (json.loads(line) for line in visitor.lines(2))
        assert (refused["event"], refused["code"], refused["ref"]) == ("refused", "banned", 1)
        assert (goodbye["event"], goodbye["code"]) == ("goodbye", "banned")


def test_a_ban_survives_a_restart_and_ends_by_itself(tmp_path: Path) -> None:
    house = House(tmp_path)
    ask(house, "BAN bob 2h spam"), ask(house, "BAN 192.0.2.0/24"), ask(house, "MUTE eve 3d")
    house.close()
    house = House(tmp_path)
    house.clock.now += 3600
    assert house.program("bob", host="198.51.100.1").objects()[0]["text"] == "The name bob is banned for 1 h: spam."
    assert house.program("dan", host="192.0.2.9").objects()[0]["text"] == "You are banned for ever."
    eve = house.program("eve", host="198.51.100.1")
    eve.send(b'{"do":"say","text":"hi"}\n')
    assert eve.objects()[-1]["code"] == "muted"
    house.clock.now += 3601
    assert house.program("bob", host="198.51.100.1").objects()[0]["event"] == "welcome"
    house.clock.now += 3 * 86_400
    eve.send(b'{"do":"say","text":"hi"}\n')
    assert eve.objects()[-1]["event"] == "accepted"
    ask(house, "BANS")
    house.close()
    assert rows(tmp_path, "SELECT kind, shown FROM sanctions") == [("ban", "192.0.2.0/24")]


def ask(house: House, line: str) -> str:
    """Let the host type a line; return what stands on his screen."""
    house.table.run(house.hub, house.host, house.table.read(house.host, line))
    house.settle()
    return house.console.take().decode()


def test_a_banned_account_stays_out_under_every_name(tmp_path: Path) -> None:
    house = House(tmp_path)
    kim = house.program("kim")
    kim.send(b'{"do":"register","password":"a long word"}\n', b'{"do":"nick","name":"kit"}\n')
    ask(house, "BAN kit 10m")
    assert kim.objects()[-1]["code"] == "banned"
    assert house.program("kim", "a long word").objects()[0]["code"] == "banned"
    other = house.guest(
        b'{"do":"authenticate","name":"kim","password":"a long word"}\n', b'{"do":"login","name":"x"}\n'
    )
    assert other.objects()[-2]["code"] == "banned"
    assert "account kim" in ask(house, "UNBAN kim")
    assert house.program("kim", "a long word").objects()[0]["event"] == "welcome"
    house.close()


def test_nobody_takes_a_banned_name_or_one_that_looks_so() -> None:
    house = House()
    ask(house, "BAN bob")
    ann = house.program("ann")
    for name in ("bob", "BOB", "b0b"):
        ann.send(json.dumps({"do": "nick", "name": name}).encode() + b"\n")
        assert ann.objects()[-1]["code"] == "banned"


# ---- mute, lock, slow, announce


def test_the_muted_hear_and_write_to_the_host_only() -> None:
    house = House()
    ann, bob = house.program("ann"), house.program("bob")
    ask(house, "MUTE bob 10m noise")
    assert "You are muted for 10 min: noise." in bob.objects()[-1]["text"]
    for request in (
        *({"do": verb, "text": "x"} for verb in ("say", "me", "topic")),
        {"do": "msg", "to": "ann", "text": "x"},
        {"do": "nick", "name": "rob"},
        {"do": "tag", "tags": "+a"},
    ):
        bob.send(json.dumps(request).encode() + b"\n")
        assert bob.objects()[-1]["code"] == "muted", request
    bob.send(b'{"do":"msg","to":"Host","text":"why?"}\n')
    assert "why?" in house.console.take().decode()
    ann.send(b'{"do":"say","text":"hello"}\n')
    assert bob.objects()[-1]["text"] == "hello"
    ask(house, "UNMUTE bob")
    bob.send(b'{"do":"say","text":"thank you"}\n')
    assert ann.objects()[-1]["text"] == "thank you"


def test_each_line_of_a_packet_is_judged_by_itself() -> None:
    house = House()
    ann, bob = house.guest(b"ann\n"), house.guest(b"bob\n")
    lines = b"one\n\ntwo \x07\n   \n" + "dréi\n".encode() + b"/me waves\nfour\n"
    ann.take(), bob.take()
    ann.send(lines)
    ann.send(b"five\nsix\n")
    heard = ["ann > one", "ann > two ", "ann > dréi", "* ann waves", "ann > four", "ann > five", "ann > six"]
    assert bob.lines() == heard and ann.lines() == []
    ask(house, "LOCK")
    ann.take(), bob.take()
    ann.send(b"a\nb\n")
    assert len(ann.lines()) == 2 and bob.lines() == [], "one refusal for each"
    ask(house, "UNLOCK")
    ask(house, "SLOW 30")
    ann.take(), bob.take()
    ann.send(b"c\nd\ne\n")
    assert len(ann.lines()) == 2 and bob.lines() == ["ann > c"]


def test_in_a_locked_room_operators_speak() -> None:
    house = House()
    ann, bob = house.program("ann"), house.program("bob")
    house.hub.get("ann").standing = Standing.OPERATOR
    ask(house, "LOCK")
    bob.send(b'{"do":"say","text":"x"}\n')
    assert bob.objects()[-1]["code"] == "may_not_speak"
    ann.send(b'{"do":"say","text":"order"}\n')
    assert bob.objects()[-1]["text"] == "order"
    bob.send(b'{"do":"msg","to":"Host","text":"please"}\n')
    assert "please" in house.console.take().decode()


def test_a_locked_door_lets_nobody_new_in(server: Server) -> None:
    server.type("LOCK door The lesson has begun.")
    server.wait_for("The door is locked")
    with LineClient(server) as late:
        late.send_line("late")
        assert "The lesson has begun." in late.wait_for("[!]")
        late.read_to_end()
    server.type("UNLOCK door")
    server.wait_for("The door is open")
    PlainClient(server, "late").close()


def test_a_slow_room_takes_one_message_each() -> None:
    house = House()
    ann = house.program("ann")
    ask(house, "SLOW 30")
    slowed = ann.objects()[-1]
    assert (slowed["event"], slowed["room"], slowed["by"], slowed["seconds"]) == ("slowed", "lobby", "Host", 30)
    say = b'{"do":"say","text":"hi"}\n'
    ann.send(say)
    assert ann.objects()[-1]["event"] == "accepted"
    house.clock.now += 12
    ann.send(say)
    refused = ann.objects()[-1]
    assert (refused["code"], refused["text"].endswith("in 30 s; wait 18 s more.")) == ("slow_mode", True)
    house.clock.now += 18
    ann.send(say)
    assert ann.objects()[-1]["event"] == "accepted"
    ask(house, "one"), ask(house, "two")  # the host is never slowed
    assert [event["text"] for event in ann.objects()] == ["one", "two"]


def test_an_operator_by_account_stays_one(tmp_path: Path) -> None:
    house = House(tmp_path)
    kim = house.program("kim")
    kim.send(b'{"do":"register","password":"a long word"}\n')
    assert "for good" in ask(house, "OPER kim")
    house.close()
    house = House(tmp_path)
    kim = house.program("kim", "a long word")
    assert house.hub.get("kim").standing is Standing.OPERATOR
    ask(house, "DEOPER kim")
    kim.send(b'{"do":"bans"}\n')
    assert kim.objects()[-1]["code"] == "not_allowed"
    house.close()
    house = House(tmp_path)
    house.program("kim", "a long word")
    assert house.hub.get("kim").standing is Standing.GUEST
    house.close()


def test_rooms_of_the_host_survive_a_restart(tmp_path: Path) -> None:
    house = House(tmp_path)
    ann = house.program("ann")
    ask(house, "ROOM Den: for bears"), ask(house, "ROOM Attic")
    ann.send(b'{"do":"join","room":"attic"}\n')
    ask(house, "UNROOM attic")
    parted = ann.objects()[-1]
    assert (parted["event"], parted["room"], parted["current"]) == ("parted", "attic", "lobby")
    house.close()
    house = House(tmp_path)
    assert [(room.name, room.description) for room in house.hub.rooms] == [("lobby", ""), ("den", "for bears")]
    house.close()


# ---- removing


def test_a_removed_message_is_gone_everywhere(server: Server, tmp_path: Path) -> None:
    """From the memory of the room, the history and the file; JSON and IRC clients take it off the screen."""
    bob, ann = JsonClient(server, "bob"), JsonClient(server, "ann")
    eve = IrcClient(server, "eve", "message-tags draft/message-redaction", lobby=True)
    nc = PlainClient(server, "nc")
    secret = "XYZZY-" * 300
    number = bob.request("say", text=secret)["id"]
    assert ann.wait_for("said", text=secret)["id"] == number
    eve.wait_for(f"msgid={number}")
    before = time.monotonic()
    server.type(f"REMOVE {number} rude")
    removed = ann.wait_for("removed")
    assert (removed["message"], removed["room"], removed["from"], removed["by"], removed["reason"]) == (
        *(number, "lobby", "bob", "Host", "rude"),
    )
    assert eve.wait_for("REDACT").endswith(f"REDACT #lobby {number} rude")
    assert nc.wait_for("[*]").endswith("[*] Host has removed a message of bob.")
    server.wait_for(f"Message {number} of bob's is removed.")
    assert time.monotonic() - before < 5
    late = JsonClient(server, "late")
    answer = late.request("history", n=50)
    assert answer["event"] == "told" or answer["count"] == 0
    for path in filter(Path.is_file, tmp_path.iterdir()):
        assert b"XYZZY" not in path.read_bytes(), path
    assert f"message {number} of bob's, in lobby: rude" in (tmp_path / "audit.log").read_text(encoding="utf-8")
    for client in (bob, ann, eve, nc, late):
        client.close()


def test_its_author_takes_a_message_back_for_five_minutes() -> None:
    house = House()
    ann, bob = house.program("ann"), house.program("bob")
    ann.send(b'{"do":"say","text":"oops"}\n')
    number = ann.objects()[-1]["id"]
    remove = json.dumps({"do": "remove", "id": number}).encode() + b"\n"
    bob.send(remove)
    assert bob.objects()[-1]["code"] == "not_allowed"
    ann.send(b'{"do":"remove"}\n')
    assert ann.objects()[-1]["text"] == f"{number:>6}  ann: oops"
    house.clock.now += 301
    ann.send(remove)
    assert ann.objects()[-1]["code"] == "too_late"
    house.clock.now -= 2
    ann.send(remove)
    assert [event["event"] for event in ann.objects()] == ["removed", "told"]
    assert bob.objects()[-1]["message"] == number
    ann.send(remove)
    assert ann.objects()[-1]["code"] == "no_message"


def test_who_has_the_name_now_is_not_its_author() -> None:
    house = House()
    ann = house.program("ann")
    ann.send(b'{"do":"say","text":"mine"}\n')
    number = ann.objects()[-1]["id"]
    house.clock.now += 1
    ann.send(b'{"do":"nick","name":"anna"}\n')
    other = house.program("bob")
    other.send(b'{"do":"nick","name":"ann"}\n', json.dumps({"do": "remove", "id": number}).encode() + b"\n")
    assert other.objects()[-1]["code"] == "not_allowed"


def test_a_private_message_is_taken_back(tmp_path: Path) -> None:
    house = House(tmp_path)
    ann, bob = house.program("ann"), house.program("bob")
    bob.send(b'{"do":"register","password":"a long word"}\n')
    ann.send(b'{"do":"msg","to":"bob","text":"PLUGH"}\n')
    number = ann.objects()[-1]["id"]
    ann.send(json.dumps({"do": "remove", "id": number}).encode() + b"\n")
    removed = bob.objects()[-1]
    assert (removed["event"], removed["message"], removed["room"]) == ("removed", number, "")
    house.close()
    assert rows(tmp_path, "SELECT count(*) FROM messages") == [(0,)]


def test_what_is_long_ago_is_removed_by_operators(tmp_path: Path) -> None:
    house = House(tmp_path)
    ann = house.program("ann")
    for index in range(250):
        ann.send(json.dumps({"do": "say", "text": f"m{index}"}).encode() + b"\n")
    first = next(event["id"] for event in ann.objects() if event.get("text") == "m0")
    assert "is removed" in ask(house, f"REMOVE {first}")
    assert ann.objects()[-1]["message"] == first
    assert rows(tmp_path, "SELECT count(*) FROM messages WHERE text = 'm0'") == [(0,)]
    house.close()


def test_who_comes_back_learns_what_was_removed() -> None:
    house = House()
    ann = house.program("ann")
    bob = house.guest(b'{"do":"login","name":"bob","token":""}\n')
    welcome = bob.objects()[0]
    ann.send(b'{"do":"say","text":"oops"}\n')
    number = ann.objects()[-1]["id"]
    ann.send(json.dumps({"do": "remove", "id": number}).encode() + b"\n")
    login = {"do": "login", "name": "bob", "token": welcome["token"], "since": number}
    back = _comes_back(house, bob, login)
    assert [(event["event"], event.get("message")) for event in back.objects()][1:] == [
        ("removed", number),
        ("resumed", None),
    ]


def _comes_back(house: House, gone: Guest, login: dict[str, object]) -> Guest:
    gone.retire = lambda: None  # type: ignore[attr-defined]
    return house.guest(json.dumps(login).encode() + b"\n")


def test_irc_takes_messages_back(server: Server) -> None:
    """IRCv3 draft/message-redaction: `REDACT <target> <msgid> [<reason>]`, and the failures it names."""
    ann = IrcClient(server, "ann", "message-tags echo-message draft/message-redaction", lobby=True)
    bob = IrcClient(server, "bob", "message-tags draft/message-redaction", lobby=True)
    ann.tell("PRIVMSG #lobby :oops")
    number = re.search(r"msgid=(\d+)", ann.wait_for("PRIVMSG"))
    assert number
    assert "FAIL REDACT REDACT_FORBIDDEN #lobby" in "".join(bob.answer(f"REDACT #lobby {number[1]}"))
    assert "FAIL REDACT UNKNOWN_MSGID #lobby nothing" in "".join(ann.answer("REDACT #lobby nothing"))
    assert "FAIL REDACT INVALID_TARGET #nowhere" in "".join(ann.answer(f"REDACT #nowhere {number[1]}"))
    ann.tell(f"REDACT #lobby {number[1]} :my mistake")
    assert re.search(rf":ann!\S+ REDACT #lobby {number[1]} :my mistake$", bob.wait_for("REDACT #lobby"))
    ann.wait_for(f"REDACT #lobby {number[1]}")
    for client in (ann, bob):
        client.close()


def test_nothing_of_what_was_removed_is_in_the_file(tmp_path: Path) -> None:
    """Also not in free pages and in the space between rows, when much has been said and removed around it."""
    house = House(tmp_path)
    ann = house.program("ann")
    sizes = (5, 40, 300, 2_000, 9_000)
    for index in range(200):
        text = f"<{index:03}>" * (sizes[index % 5] // 5)
        ann.send(json.dumps({"do": "say", "text": text}).encode() + b"\n")
    said = {event["text"][:5]: event["id"] for event in ann.objects() if event["event"] == "accepted"}
    gone = [f"<{index:03}>" for index in range(200) if index % 3 == 0 or 60 < index < 90]
    for mark in gone:
        ask(house, f"REMOVE {said[mark]}")
    found = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    assert [mark for mark in gone if mark.encode() in found] == []
    assert all(mark.encode() in found for mark in said if mark not in gone)
    house.close()


def test_the_door_takes_a_password_from_now_on(server: Server) -> None:
    here = PlainClient(server, "here")
    server.type("DOOR sesame")
    server.wait_for("asked for that password")
    with JsonClient(server) as program:
        assert program.request("login", name="ann")["code"] == "room_password"
        assert program.request("login", name="ann", door="sesame")["event"] == "welcome"
    server.type("DOOR -")
    server.wait_for("asked for no password")
    PlainClient(server, "bob").close()
    here.close()


def test_the_log_of_acts_begins_anew_at_a_size(tmp_path: Path) -> None:
    from chat.facts import Audited
    from store.journal import KEPT, Journal

    journal = Journal(tmp_path / "audit.log", largest=300)
    for number in range(60):
        assert journal.write([Audited(0.0, "Host", "KICK", f"bob{number}")]) == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "audit.log",
        *(f"audit.log.{n}" for n in range(1, KEPT + 1)),
    ]
    assert all(path.stat().st_size < 400 for path in tmp_path.iterdir())
    wait_until(lambda: "bob59" in (tmp_path / "audit.log").read_text(encoding="utf-8"))
    (tmp_path / "nowhere").symlink_to(tmp_path / "audit.log")
    assert "cannot be written" in Journal(tmp_path / "nowhere").write([Audited(0.0, "Host", "KICK")])
