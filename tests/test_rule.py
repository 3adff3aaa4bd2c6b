"""The host in command: every verb from every seat, what it refuses, and what it leaves in the trail."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from chat.turn import Standing
from commands import load
from tests.foreign import TextbookClient, UdpClient
from tests.irc_client import IrcClient
from tests.room import House, ask
from tests.ruling import ROWS, Row
from tests.store_helpers import rows
from tests.support import ROOT, JsonClient, LineClient, PlainClient, Server
from tests.support.waiting import wait_until
from tests.web_client import WebClient

StartServer = Callable[..., Server]
OPERATOR = "root: sesame open"


class Seat:
    """Somebody who may, and the way he says so: the console, a script, or a client of his own."""

    name = ""
    host = False
    line: Any = None

    def __init__(self, server: Server) -> None:
        self.server = server
        self.enter()

    def enter(self) -> None:
        """Come in, and become an operator."""

    def do(self, row: Row, values: dict[str, str]) -> None:
        """Say the row's line, and wait for its answer."""
        own = row.irc if self.name == "irc" and row.irc[0] else (row.line, row.on.get(self.name, row.answer))
        self.ask(own[0].format(**values), own[1].format(**values), row.event)

    def refuse(self, refusals: Sequence[tuple[str, str]]) -> None:
        """Say each line, and see that it is refused, and why."""
        for line, why in refusals:
            self.ask(line, why, "refused")

    def ask(self, line: str, answer: str, event: str = "told") -> None:
        """Say a line, and wait for what it is answered."""
        self.say(line)
        self.line.wait_for(re.compile(answer))

    def say(self, line: str) -> None:
        """Say a line."""

    def close(self) -> None:
        """Go."""
        if self.line is not None:
            self.line.close()


class Console(Seat):
    """The host types."""

    name, host = "console", True

    def ask(self, line: str, answer: str, event: str = "told") -> None:
        self.server.type(line)
        self.server.wait_for(re.compile(f"^\\[!\\] .*({answer})" if event == "refused" else answer, re.MULTILINE))


class Script(Seat):
    """A script, by `--send`; its refusals by `--send -`."""

    name, host = "script", True

    def ask(self, line: str, answer: str, event: str = "told") -> None:
        done = self.run(line)
        assert re.search(answer, done.stdout + done.stderr), (line, done)
        assert done.returncode == (event == "refused"), (line, done)

    def refuse(self, refusals: Sequence[tuple[str, str]]) -> None:
        if refusals:
            done = self.run("-", "".join(f"{line}\n" for line, _ in refusals))
            assert re.search(r".*\n\[!\] .*".join(f"({why})" for _, why in refusals), done.stdout), done
            assert (done.returncode, done.stdout.count("[!] ")) == (1, len(refusals)), done

    def run(self, line: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        """Send a line, or what stands on standard input."""
        arguments = [str(argument) for argument in self.server.process.args]  # type: ignore[union-attr]
        folder = arguments[arguments.index("--data") + 1]
        command = [sys.executable, str(ROOT / "chat_server.py"), "--data", folder, "--send", line]
        return subprocess.run(command, input=typed, capture_output=True, text=True, timeout=60, check=False)


class Plain(Seat):
    """An operator with nc."""

    name = "plain"

    def enter(self) -> None:
        self.line = PlainClient(self.server, "opera")
        self.ask("OPER root sesame open", "You are an operator now")

    def say(self, line: str) -> None:
        self.line.send_line(f"/{line}")


class Json(Seat):
    """An operator's program."""

    name = "json"
    client = JsonClient

    def enter(self) -> None:
        self.line = self.client(self.server, "opera")
        self.ask("OPER root sesame open", "You are an operator now")

    def ask(self, line: str, answer: str, event: str = "told") -> None:
        found = self.line.request("line", line=f"/{line}")
        assert found["event"] == event, found
        assert re.search(answer, found.get("text", "")) or event not in ("told", "refused"), found


class Web(Json):
    """An operator with a browser."""

    name = "web"
    client = WebClient


class Textbook(Seat):
    """An operator with a client of the textbook."""

    name = "textbook"

    def enter(self) -> None:
        self.line = TextbookClient(self.server, "opera")
        self.ask("OPER root sesame open", "You are an operator now")

    def say(self, line: str) -> None:
        self.line.send(f"MESSAGE /{line}\n")


class Udp(Seat):
    """An operator over UDP."""

    name = "udp"
    asked = 0

    def enter(self) -> None:
        self.line = UdpClient(self.server, "opera")
        self.ask("OPER root sesame open", "You are an operator now")

    def ask(self, line: str, answer: str, event: str = "told") -> None:
        self.asked += 1  # the same words again within a second would be taken for a repeated datagram
        self.line.send(90, f"/{line}{' ' * (self.asked % 2)}")
        passed = [self.line.read()]
        while not re.search(answer, passed[-1][1]):
            assert len(passed) < 100, passed
            passed.append(self.line.read(3.0))
        assert (passed[-1][0] == 10) is (event == "refused"), passed


class Irc(Seat):
    """An operator with an IRC client."""

    name = "irc"

    def enter(self) -> None:
        self.line = IrcClient(self.server, "opera", lobby=True)
        self.line.tell("OPER root :sesame open")
        self.line.until(" 381 ")

    def say(self, line: str) -> None:
        verb, _, rest = line.partition(" ")
        self.line.tell(f"KILL {rest}" if verb == "KICK" else line)


SEATS: dict[str, type[Seat]] = {seat.name: seat for seat in (Console, Script, Plain, Json, Web, Textbook, Udp, Irc)}
NATIVE = {"KILL", "TOPIC", "WHOIS", "OPER", "DEOPER", "HELP", "KICK"}
"""What IRC answers in numbers of its own where it is refused; test_irc.py has those."""


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


@pytest.mark.limit(240)
@pytest.mark.parametrize("seat", SEATS)
def test_every_verb_from_every_seat(
    server: Server, bob: Callable[[], PlainClient], join_json: Callable[..., JsonClient], seat: str
) -> None:
    """Each verb does what it says, refuses in words what it must, and stands in the trail; there, too, no secret."""
    kim, watcher = join_json("kim"), join_json("watcher")
    assert kim.request("register", password="a long word")["event"] == "told"
    with closing(SEATS[seat](server)) as someone:
        govern(server, someone, bob, watcher)


def govern(server: Server, someone: Seat, bob: Callable[[], PlainClient], watcher: JsonClient) -> None:
    """Do all that stands in the table."""
    seat, trail = someone.name, r"OPER opera: with the password of root|Nothing has been done yet"
    for row in ROWS:
        values = {"bob": "bob", "id": ""}
        if row.host and not someone.host:
            if not (seat == "irc" and row.verb in NATIVE):
                someone.refuse([(row.line.format(**values), "Only the host ")])
            check_trail(server, trail)
            continue
        if row.line not in ("BANS", "UNBAN {bob}"):
            client = bob()
            if "{id}" in row.line:
                client.send_line("what is to be removed")
                values["id"] = str(watcher.wait_for("said", text="what is to be removed")["id"])
        someone.do(row, values)
        trail = row.trail.format(**values) or trail
        if row.line != "REMOVE {id} rude" and not (seat == "irc" and row.verb in NATIVE):
            someone.refuse([(line.format(**values), why.format(**values)) for line, why in row.refusals])
        check_trail(server, trail)


def check_trail(server: Server, trail: str) -> None:
    """See what stands at the end of what AUDIT shows."""
    server.type("WHOIS the-end-of-all-before")
    server.wait_for("nobody called the-end-of-all-before")
    server.type("AUDIT 1")
    found = server.wait_for(re.compile(r"^(?:\d{4}-\S+ \S+ \S+ (.*)|Nothing has been done yet\.)$", re.MULTILINE))
    assert re.fullmatch(trail, found[1] or found[0].rstrip(".")), (trail, found[0])


def test_no_verb_is_missing_in_the_table() -> None:
    """Whatever only operators may do, or what the host types in capitals; UPGRADE has tests of its own."""
    found = {command.name for command in load().commands if command.bare or command.standing > Standing.GUEST}
    assert found - {row.verb.lower() for row in ROWS} - {"upgrade"} == {"wallops"}, "which has its tests in test_irc.py"


def test_words_in_capitals_that_mean_something_else_behind_a_slash(server: Server) -> None:
    """WATCH and PASSWORD are the host's; they are not said to the room, least of all the password."""
    with PlainClient(server, "bob") as bob:
        for line, answer in (
            ("WATCH none", "Only answers and warnings"),
            ("WATCH all", "Everything is shown"),
            ("WATCH nowhere", "no room called nowhere"),
            ("PASSWORD sesame", "asked for that password"),
            ("PASSWORD -", "asked for no password"),
            ("/watch ann", "You will be told when ann comes"),
        ):
            server.type(line)
            server.wait_for(answer)
        server.type("hello")
        assert bob.read_line().endswith("Host > hello")


def test_who_may_not_is_refused(server: Server, join_json: Callable[..., JsonClient]) -> None:
    ann, opera = join_json("ann"), join_json("opera")
    for row in ROWS:
        if row.verb not in ("OPER", "REMOVE", "KICK", "TOPIC", "WHOIS", "STATS", "HELP"):
            refused = ann.request("line", line=f"/{row.line.format(bob='bob', id='1')}")
            assert refused["code"] == "not_allowed", row
    assert opera.request("oper", name="root", password="sesame open")["event"] == "told"
    server.type("OPER ann")
    ann.wait_for("told", about="oper")
    for verb, fields in (("ban", {"who": "ann"}), ("mute", {"who": "ann"}), ("kick", {"name": "ann"}),
                         ("rename", {"old": "ann", "new": "anna"}), ("ban", {"who": "127.0.0.0/8"}),
                         ("kick", {"name": "ann", "room": "lobby"}), ("mute", {"who": "Host"}),
                         ("kick", {"name": "Host"}), ("kick", {"name": "Host", "room": "lobby"})):  # fmt: skip
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
        "Host EXIT by Ctrl-C or a signal",
    ]
    assert (tmp_path / "audit.log").stat().st_mode & 0o777 == 0o600
    assert [act for (act,) in rows(tmp_path, "SELECT act FROM audit ORDER BY number")] == [
        *("OPER", "ANNOUNCE", "DOOR", "EXIT"),
    ]
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    assert b"sesame" not in stored
    again = start_server("--data", tmp_path)
    again.type("AUDIT")
    again.wait_for("ann ANNOUNCE: one two [2Jthree")


# ---- mute, lock, slow, announce


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


def test_what_is_locked_or_slow_is_so_after_a_restart(tmp_path: Path) -> None:
    house = House(tmp_path)
    ask(house, "ROOM Den"), ask(house, "LOCK den"), ask(house, "SLOW 30 den"), ask(house, "SLOW 5")
    ask(house, "LOCK door The lesson has begun.")
    ann = house.program("ann")
    assert (ann.objects()[0]["code"], house.hub.desk.locked) == ("door_locked", "The lesson has begun.")
    house.close()
    house = House(tmp_path)
    assert house.program("ann").objects()[0]["text"] == "The lesson has begun."
    assert [(room.name, room.gate.slow, "m" in room.gate.flags) for room in house.hub.rooms] == [
        ("lobby", 5, False),
        ("den", 30, True),
    ]
    ask(house, "UNLOCK door"), ask(house, "UNLOCK den"), ask(house, "SLOW 0"), ask(house, "UNROOM den")
    ask(house, "ROOM Den")
    house.close()
    assert rows(tmp_path, "SELECT * FROM decisions") == []
    house = House(tmp_path)
    assert house.program("ann").objects()[0]["event"] == "welcome"
    assert all(not room.gate.bars for room in house.hub.rooms)
    house.close()


def test_the_host_is_told_that_the_password_of_the_door_has_ended(start_server: StartServer, tmp_path: Path) -> None:
    """It is kept nowhere; but nobody thinks that a door is closed which is open."""
    server = start_server("--data", tmp_path)
    server.type("DOOR open-sesame")
    server.wait_for("asked for that password, until the next start; `password` in chat.toml is asked for after that")
    server.stop()
    assert not any(b"sesame" in path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    server = start_server("--data", tmp_path)
    server.wait_for("Newcomers were asked for a password until the last end, and are asked for none now: see DOOR.")
    server.type("DOOR -")
    server.wait_for("asked for no password")
    server.stop()
    server = start_server("--data", tmp_path)
    server.type("LIST_USERS")
    server.wait_for("USERS: [Host]")
    assert server.output and "until the last end" not in server.output.text


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
