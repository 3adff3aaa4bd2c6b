"""Commands: one file per verb, one table for everyone, and every refusal in words."""

from __future__ import annotations

import ast
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import commands
from chat.accounts import LISTED, Account
from chat.changes import Called, Coloured, Described, Invited, Inviting, Moded, Rested, Tagged
from chat.events import (
    Declined,
    Event,
    Joined,
    Left,
    Listed,
    Mapped,
    Noted,
    Parted,
    Place,
    Recalled,
    Refused,
    Renamed,
    Request,
    Said,
    Seen,
    Told,
    Whispered,
)
from chat.limits import ABOUT, ledger
from chat.links import picture
from chat.turn import Standing, User
from commands import LONGEST, Command, Table, load
from tests.room import NOON, House, weather
from tests.ruling import ROWS
from tests.support import ROOT, PlainClient, Program, Server

HOSTS = {"door", "exit", "qr", "show", "upgrade"}
OPERATORS = {
    "announce", "audit", "ban", "bans", "deoper", "limits", "list_users", "lock", "mute", "reload", "rename", "reset",
    "room", "slow", "unban", "unlock", "unmute", "unroom", "wallops",
}  # fmt: skip
GUESTS = {
    "away", "block", "color", "identify", "inbox", "nick", "password", "quit", "register", "setname", "umode",
    "unblock",
}  # fmt: skip
EVERYBODY = {
    "channels", "help", "history", "invite", "join", "join-link", "kick", "me", "mode", "msg", "oper", "part", "remove",
    "say", "stats", "tag", "topic", "unwatch", "users", "watch", "whoelse", "whois", "wholast",
}  # fmt: skip
BARE = HOSTS | (OPERATORS - {"wallops"}) | {"help", "kick", "oper", "remove", "stats", "topic", "whois"}
ALL = [command.name for command in load().commands]


def kim() -> Account:
    """Return one who has registered, and went an hour ago."""
    return Account("Kim", "kim", "", NOON - 86_400, NOON - 3_600, seconds=7_200, messages=1_234)


class Stage:
    """A room with the host and two guests, of whom each can type a line and is answered with events."""

    def __init__(self) -> None:
        self.house = House(accounts=[kim()], rooms=[weather()])
        self.table = self.house.table
        self.host = self.house.host
        self.ann, self.bob = (self.house.enter(name)[0] for name in ("ann", "bob"))
        self.house.posted()

    def type(self, user: User, line: str) -> list[Event]:
        """Return what comes of a typed line."""
        return self.ask(user, self.table.read(user, line))

    def ask(self, user: User, request: Request) -> list[Event]:
        self.table.run(self.house.hub, user, request)
        return [post.event for post in self.house.hub.take().posts if not isinstance(post.event, Noted)]

    def told(self, user: User, line: str) -> str:
        """Return the one answer in words."""
        (told,) = self.type(user, line)
        assert isinstance(told, Told) and told.about == self.table.read(user, line).verb
        return told.text

    def refused_noting(self, user: User, line: str) -> Refused:
        """Return the refusal of what the host is told of."""
        with pytest.raises(Refused) as caught:
            self.type(user, line)
        self.house.posted()
        return caught.value

    def refused(self, user: User, line: str) -> Refused:
        with pytest.raises(Refused) as caught:
            self.type(user, line)
        assert self.house.posted() == [], "a refusal changes nothing"
        assert caught.value.text.endswith(".")
        return caught.value


@pytest.fixture
def stage() -> Stage:
    return Stage()


# ---- the table


def test_one_file_per_verb() -> None:
    files = {path.stem for path in (ROOT / "commands").glob("*.py")} - {"__init__"}
    assert files == {verb.replace("-", "_") for verb in ALL}
    assert set(ALL) == HOSTS | OPERATORS | GUESTS | EVERYBODY


@pytest.mark.parametrize("verb", ALL)
def test_every_verb_has_usage_and_help(verb: str) -> None:
    command = load()._verbs[verb]
    assert len(command.help) >= 5 and "\n" not in command.help
    assert command.usage(console=False).startswith(f"/{verb}")
    assert command.usage(console=True).startswith(verb.upper() if verb in BARE else f"/{verb}")
    assert command.run.__doc__, "whoever reads the file learns what it does"


def test_every_verb_is_tested_here() -> None:
    """The tests of a verb hold its name: a new file without a test fails here. Those of the host are in test_rule."""
    tests = {node.name for node in ast.parse(Path(__file__).read_bytes()).body if isinstance(node, ast.FunctionDef)}
    for verb in set(ALL) - {row.verb.lower() for row in ROWS}:
        assert f"test_{verb.replace('-', '_')}" in tests, f"there is no test for {verb}"


def test_usage() -> None:
    table = load()
    assert table._verbs["kick"].usage(console=True) == "KICK name [reason]"
    assert table._verbs["msg"].usage(console=True) == "/msg to text"
    assert table._verbs["help"].usage(console=False) == "/help [command]"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose files count as commands for the length of a test."""
    monkeypatch.setattr(commands, "__path__", [*commands.__path__, str(tmp_path)])
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]
    vars(commands).pop("wave", None)


WAVE = '''"""Wave."""

from commands import Call, Command


def run(call: Call, at: str) -> None:
    """Wave at someone."""
    call.tell("wave", f"You wave at {at}.")


COMMAND = Command("wave", "wave at someone", run, "at", aliases=("wink",))
'''


def test_a_new_verb_is_one_file(folder: Path, stage: Stage) -> None:
    (folder / "wave.py").write_text(WAVE, encoding="utf-8")
    stage.table = load()
    for line in ("/wave bob", "/WINK bob"):
        (told,) = stage.type(stage.ann, line)
        assert isinstance(told, Told) and told.text == "You wave at bob."
    (told,) = stage.type(stage.ann, "/help wave")
    assert isinstance(told, Told) and "/wave at" in told.text
    assert stage.refused(stage.ann, "/wave").code == "missing"


BROKEN = {
    "no help": (WAVE.replace('"wave at someone"', '""'), ValueError, "wave"),
    "no name": (WAVE.replace('Command("wave"', 'Command(""'), ValueError, "no name"),
    "no command": ('"""Nothing."""\n', AttributeError, "COMMAND"),
    "an alias that is taken": (WAVE.replace('"wink"', '"tell"'), ValueError, "tell"),
    "a name that is taken": (WAVE.replace('"wave"', '"kick"'), ValueError, "kick"),
    "does not import": ("import no_such_module_anywhere\n", ModuleNotFoundError, "no_such_module_anywhere"),
    "is no Python": ("def run(:\n", SyntaxError, "wave.py"),
}


@pytest.mark.parametrize(("text", "error", "word"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_stops_the_start(folder: Path, text: str, error: type[Exception], word: str) -> None:
    (folder / "wave.py").write_text(text, encoding="utf-8")
    with pytest.raises(error, match=word):
        load()


@pytest.mark.parametrize("what", ["no help", "an alias that is taken", "is no Python", "sound"])
def test_the_server_itself_stops_or_serves(start: Callable[..., Program], tmp_path: Path, what: str) -> None:
    text = BROKEN[what][0] if what in BROKEN else WAVE
    copy = tmp_path / "chat"
    copy.mkdir()
    for part in (
        "chat",
        "commands",
        "net",
        "store",
        "wires",
        *(path.name for path in ROOT.glob("*.py")),
    ):
        source = ROOT / part
        (shutil.copytree if source.is_dir() else shutil.copy)(source, copy / part)
    (copy / "commands" / "wave.py").write_text(text, encoding="utf-8")
    program = start(str(copy / "chat_server.py"), "--host", "127.0.0.1", "--port", 0)
    program.expect_trouble()
    if text is WAVE:
        program.wait_for("Chat running")
        program.type("/wave ann")
        program.wait_for("You wave at ann.")
        program.type("EXIT")
        assert program.wait() == 0
    else:
        assert program.wait() not in (0, None)
        assert "wave" in program.errors()
        assert program.output and "Chat running" not in program.output.text


def test_two_commands_with_one_alias() -> None:
    def run() -> None:
        """Do nothing."""

    one, two = Command("one", "the first", run, aliases=("x",)), Command("two", "the second", run, aliases=("x",))
    with pytest.raises(ValueError, match="two"):
        Table(iter([one, two]))


# ---- reading a typed line


@pytest.mark.parametrize(("line", "verb", "rest"), [
    ("hello", "say", "hello"), ("", "say", ""), ("//help", "say", "/help"), ("///", "say", "//"), ("/", "", ""),
    ("/help", "help", ""), ("/HELP", "help", ""), ("/HeLp me", "help", "me"), ("/me  two  words ", "me", "two  words"),
    ("HELP", "say", "HELP"), ("KICK bob", "say", "KICK bob"), (" /help", "say", " /help"), ("/msg a b", "msg", "a b"),
])  # fmt: skip
def test_what_a_guest_types(stage: Stage, line: str, verb: str, rest: str) -> None:
    assert stage.table.read(stage.ann, line) == Request(verb, rest)


@pytest.mark.parametrize(("line", "verb", "rest"), [
    ("HELP", "help", ""), ("HELP kick", "help", "kick"), ("KICK bob spam", "kick", "bob spam"),
    ("LIST_USERS", "list_users", ""), ("EXIT", "exit", ""), ("/kick bob", "kick", "bob"),
    ("/Exit", "exit", ""), ("/msg bob x", "msg", "bob x"),
    ("help", "say", "help"), ("Kick bob", "say", "Kick bob"), ("SAY x", "say", "SAY x"), ("ME x", "say", "ME x"),
    ("KICKS", "say", "KICKS"), ("//KICK", "say", "/KICK"), ("QUIT", "say", "QUIT"), ("ＨＥＬＰ", "say", "ＨＥＬＰ"),
])  # fmt: skip
def test_what_the_host_types(stage: Stage, line: str, verb: str, rest: str) -> None:
    assert stage.table.read(stage.host, line) == Request(verb, rest)


def test_an_unknown_verb_is_refused_not_said(stage: Stage) -> None:
    for line in (
        "/nope",
        "/",
        "/ me",
        "/me\twaves",
        "/\x1b[2J",
        "/" + "x" * 4000,
        "/__init__",
        "/../exit",
        "/import os",
    ):
        for user in (stage.ann, stage.host):
            refused = stage.refused(user, line)
            assert refused.code == "unknown_command"
            assert refused.text.isprintable() and len(refused.text) < 100
    assert "/help" in stage.refused(stage.ann, "/nope").text
    assert "HELP" in stage.refused(stage.host, "/nope").text


# ---- what all verbs refuse alike


NEEDED = [command.name for command in load().commands if command.needed]


@pytest.mark.parametrize("verb", NEEDED)
@pytest.mark.parametrize("blank", ["", " ", "   ", "\t", "\u3000"])
def test_missing(stage: Stage, verb: str, blank: str) -> None:
    command = stage.table._verbs[verb]
    user = stage.host if command.standing > Standing.GUEST else stage.ann
    for request in (
        Request(verb, blank),
        Request(verb, "", {}),
        Request(verb, "", dict.fromkeys(command.names, blank)),
    ):
        with pytest.raises(Refused) as caught:
            stage.ask(user, request)
        assert caught.value.code == ("empty" if command.names[0] == "text" else "missing")
        assert command.usage(user is stage.host) in caught.value.text


@pytest.mark.parametrize("verb", [command.name for command in load().commands if command.names])
def test_too_long(stage: Stage, verb: str) -> None:
    command = stage.table._verbs[verb]
    user = stage.host if command.standing > Standing.GUEST else stage.ann
    values = dict.fromkeys(command.names, "bob")
    for name in command.names:
        with pytest.raises(Refused) as caught:
            stage.ask(user, Request(verb, "", {**values, name: "x" * (LONGEST + 1)}))
        assert caught.value.code == "too_long"
    assert stage.house.posted() == []


@pytest.mark.parametrize("verb", ALL)
def test_who_may(stage: Stage, verb: str) -> None:
    stage.bob.standing = Standing.OPERATOR
    allowed, refused = (stage.host, stage.ann) if verb in HOSTS | OPERATORS else (stage.ann, stage.host)
    assert stage.table.get(verb, allowed).name == verb
    if verb not in HOSTS:
        assert stage.table.get(verb, stage.bob).name == verb
    if verb not in EVERYBODY:
        for line in (f"/{verb} bob", f"/{verb}", f"/help {verb}"):
            assert stage.refused(refused, line).code == "not_allowed"


@pytest.mark.parametrize("verb", ALL)
def test_a_value_that_is_no_text_is_refused(stage: Stage, verb: str) -> None:
    command = stage.table._verbs[verb]
    user = stage.host if command.standing > Standing.GUEST else stage.ann
    for name in command.names:
        with pytest.raises(Refused) as caught:
            stage.ask(user, Request(verb, "", {**dict.fromkeys(command.names, "bob"), name: None}))
        assert caught.value.code == "bad_request"


def test_arguments_are_made_harmless(stage: Stage) -> None:
    (said,) = stage.type(stage.ann, "a\x1b[2Jb\x00\u202ec\ud800")
    assert isinstance(said, Said) and said.text == "a[2Jbc\ufffd"


# ---- verb by verb


def test_say(stage: Stage) -> None:
    for line, text in (("hi", "hi"), ("/say hi", "hi"), ("/say /x", "/x"), ("//x", "/x"), ("  two  ", "  two  ")):
        (said,) = stage.type(stage.ann, line)
        assert isinstance(said, Said) and (said.sender, said.text) == ("ann", text)
    (said,) = stage.type(stage.host, "hi")
    assert isinstance(said, Said) and said.sender == "Host"


def test_me(stage: Stage) -> None:
    (acted,) = stage.type(stage.ann, "/ME waves at /all")
    assert (type(acted).__name__, acted.text) == ("Acted", "waves at /all")  # type: ignore[attr-defined]


def test_msg(stage: Stage) -> None:
    for line in ("/msg bob psst", "/MSG BOB psst", "/tell bob psst", "/w bob psst", "/msg bob,,bob psst"):
        (whispered,) = stage.type(stage.ann, line)
        assert isinstance(whispered, Whispered)
        assert (whispered.sender, whispered.to, whispered.text, whispered.away) == ("ann", ("bob",), "psst", ())
    (whispered,) = stage.type(stage.ann, "/msg bob,zoe,Host   two  words")
    assert isinstance(whispered, Whispered)
    assert (whispered.to, whispered.text, whispered.away) == (("bob", "Host"), "two  words", ("zoe",))
    for line, code in (("/msg", "missing"), ("/msg bob", "empty"), ("/msg , x", "missing"), ("/msg zoe x", "not_here"),
                       ("/msg ann x", "yourself"), ("/msg bob, zoe x", "missing"),
                       (f"/msg {','.join('abcdefghijklmnopqrstu')} x", "too_many")):  # fmt: skip
        assert stage.refused(stage.ann, line).code == code


def test_nick(stage: Stage) -> None:
    (renamed,) = stage.type(stage.ann, "/nick anna")
    assert isinstance(renamed, Renamed) and (renamed.old, renamed.new) == ("ann", "anna")
    for line, code in (("/nick", "missing"), ("/nick bob", "name_taken"), ("/nick a b", "name_bad"),
                       ("/nick H0st", "name_looks"), ("/nick anna", "name_taken"), ("/nick a\x1b", "name_bad"),
                       ("/nick \u202eb", "name_bad")):  # fmt: skip
        assert stage.refused(stage.ann, line).code == code


def test_users(stage: Stage) -> None:
    stage.house.clock.now += 61
    for line in ("/users", "/who", "/names", "/USERS and more"):
        (listed,) = stage.type(stage.ann, line)
        assert isinstance(listed, Listed) and (listed.about, listed.room) == ("users", "lobby")
        assert [(who.name, who.seconds) for who in listed.people] == [("Host", 61), ("ann", 61), ("bob", 61)]


def test_whoelse(stage: Stage) -> None:
    (listed,) = stage.type(stage.ann, "/whoelse")
    assert isinstance(listed, Listed)
    assert [who.name for who in listed.people] == ["Host", "bob"]


def test_list_users(stage: Stage) -> None:
    stage.type(stage.bob, "/join weather")
    for line in ("LIST_USERS", "/list_users"):
        (listed,) = stage.type(stage.host, line)
        assert isinstance(listed, Listed)
        assert [who.name for who in listed.people] == ["Host", "ann", "bob"]
        names, *rows = stage.house.console.wire.encode(listed).decode().split("\n")[:-1]
        assert names == "USERS: [Host,ann,bob]"
        assert [row.split() for row in rows] == [
            ["Host", "00:00:00", "console", "here", "lobby", "weather"],
            ["ann", "00:00:00", "plain", "192.0.2.1:4711", "lobby"],
            ["bob", "00:00:00", "plain", "192.0.2.1:4711", "weather", "lobby"],
        ]


def test_quit(stage: Stage) -> None:
    left, ended = stage.type(stage.ann, "/quit  two  words ")
    assert isinstance(left, Left) and (left.name, left.reason) == ("ann", "two  words")
    assert type(ended).__name__ == "Ended"
    for alias in ("bye", "leave"):
        assert stage.type(stage.house.enter(alias + "r")[0], f"/{alias}")
    assert stage.refused(stage.host, "/quit").code == "not_allowed"
    assert "EXIT" in stage.refused(stage.host, "/bye").text


def test_kick(stage: Stage) -> None:
    for line, code in (("KICK", "missing"), ("KICK zoe", "not_here"),
                       ("KICK Host", "yourself"),
                       ("/kick HOST x", "yourself"), ("KICK ann,bob", "not_here"),
                       ("/kick \x00", "missing")):  # fmt: skip
        assert stage.refused(stage.host, line).code == code
    assert stage.refused(stage.ann, "/kick ann").code == "not_op"
    lefts = [event for event in stage.type(stage.host, "KICK ANN two words") if isinstance(event, Left)]
    assert {(left.name, left.reason, left.kicked) for left in lefts} == {("ann", "two words", True)}


def test_limits(stage: Stage) -> None:
    before = ledger.hits["line"]
    ledger.hit("line")
    try:
        lines = stage.told(stage.host, "LIMITS").split("\n")
    finally:
        ledger.hits["line"] = before
    assert lines[0] == "connections = 20,000, hit 0 times: " + ABOUT["connections"]
    assert f"line = 4,096, hit {before + 1} time" in next(line for line in lines if line.startswith("line = "))
    assert lines[-1] == "What holds per address and for talk spares 127.0.0.1, ::1."


def test_exit(stage: Stage) -> None:
    stage.type(stage.host, "EXIT bedtime")
    assert stage.house.hub.closing == "The host has closed the room: bedtime."
    other = Stage()
    other.type(other.host, "/exit")
    assert other.house.hub.closing == "The host has closed the room."


def test_join(stage: Stage) -> None:
    for line, title in (("/join Weather", "Weather"), ("/JOIN #wEATHER", "Weather"), ("/j Den", "Den"),
                        ("/join lobby", "Lobby")):  # fmt: skip
        joined = stage.type(stage.ann, line)[-1]
        assert isinstance(joined, Joined) and joined.title == title
    for line, code in (("/join", "missing"), ("/join a b", "no_room"), ("/join #", "room_bad"),
                       ("/join ##x", "room_bad"), ("/join -x", "room_bad"), ("/join " + "x" * 33, "room_bad"),
                       ("/join a/../b", "room_bad"), ("/join " + "\u0149" * 32, "room_bad")):  # fmt: skip
        assert stage.refused(stage.ann, line).code == code
    stage.house.hub.rooms.fixed = True
    assert stage.refused(stage.ann, "/join nowhere").code == "no_room"


def test_part(stage: Stage) -> None:
    stage.type(stage.ann, "/join weather"), stage.type(stage.ann, "/join den")
    for line, left, current in (("/part", "den", "Weather"), ("/PART Lobby", "Lobby", "Weather")):
        parted = stage.type(stage.ann, line)[-1]
        assert isinstance(parted, Parted) and (parted.title, parted.current_title) == (left, current)
    for line, code in (("/part lobby", "not_in"), ("/part nowhere", "no_room"), ("/part", "last_room"),
                       ("/part weather", "last_room")):  # fmt: skip
        assert stage.refused(stage.ann, line).code == code


def test_channels(stage: Stage) -> None:
    stage.type(stage.ann, "/join weather"), stage.type(stage.ann, "/join Den")
    for line in ("/channels", "/rooms", "/LIST"):
        (mapped,) = stage.type(stage.ann, line)
        assert isinstance(mapped, Mapped) and mapped.current == "den"
        assert mapped.places == (
            Place("lobby", "Lobby", "", 3),
            Place("weather", "Weather", "Talk about the weather", 2),
            Place("den", "Den", "", 1),
        )


BAD_NUMBERS = ["0", "-1", "+1", "1.5", "1e3", "²", "٣", "x", "1 2", "0x10", "", "9" * 100_000, "NaN", "1_0"]


def test_history(stage: Stage) -> None:
    assert stage.told(stage.ann, "/history") == "Nothing has been said yet."
    for number in range(30):
        stage.type(stage.bob, f"line {number}")
    for line, count in (("/history", 20), ("/history 5", 5), ("/HISTORY 500", 30)):
        (recalled,) = stage.type(stage.ann, line)
        assert isinstance(recalled, Recalled)
        assert [said.text for said in recalled.events] == [f"line {number}" for number in range(30)][-count:]
    for word in [*BAD_NUMBERS, "501"]:
        if word and len(word) <= LONGEST:
            assert stage.refused(stage.ann, f"/history {word}").code == "bad_number"
    assert stage.refused(stage.ann, f"/history {BAD_NUMBERS[11]}").code == "too_long"


def test_wholast(stage: Stage) -> None:
    stage.house.hub.leave(stage.house.enter("cat")[0], "x")
    stage.house.clock.now += 120
    stage.house.hub.leave(stage.house.enter("dan")[0], "x")
    stage.house.posted()
    for minutes, went in (("1", "dan"), ("2", "dan, cat"), ("61", "dan, cat"), ("62", "dan, cat, Kim")):
        assert stage.told(stage.ann, f"/wholast {minutes}") == (
            f"Here: Host, ann, bob.\nWent within {minutes} min: {went}.")  # fmt: skip
    stage.house.clock.now += 120
    assert stage.told(stage.ann, "/WHOLAST 1").endswith("Went within 1 min: nobody.")
    stage.house.enter("cat")
    stage.house.posted()
    assert stage.told(stage.ann, "/wholast 5") == "Here: Host, ann, bob, cat.\nWent within 5 min: dan."
    for word in [*BAD_NUMBERS, "100001"]:
        code = "bad_number" if word and len(word) <= LONGEST else "too_long" if word else "missing"
        assert stage.refused(stage.ann, f"/wholast {word}").code == code


def test_wholast_is_short_in_a_crowd(stage: Stage) -> None:
    for number in range(300):
        user, _ = stage.house.enter(f"guest{number:03}")
        if number % 2:
            stage.house.hub.leave(user, "x")
    for number in range(300):
        stage.house.hub.leave(stage.house.enter(f"brief{number:03}")[0], "x")
    stage.house.posted()
    for line in stage.told(stage.ann, "/wholast 1").split("\n"):
        assert len(line) < 3_000
    assert stage.told(stage.ann, "/wholast 1").endswith(" and 250 more.")


def test_whois(stage: Stage) -> None:
    stage.house.clock.now += 61
    stage.type(stage.bob, "/join weather")
    assert stage.told(stage.ann, "/whois BOB") == "bob has been here for 00:01:01, not registered, in Lobby, Weather."
    assert stage.told(stage.host, "WHOIS bob").split("\n")[1] == "bob comes from 192.0.2.1:4711, by plain."
    assert stage.told(stage.ann, "/whois kim") == "Kim is registered, and was last here 1 h ago."
    for line, code in (("/whois", "missing"), ("/whois zoe", "not_here"), ("/whois \x00", "missing")):
        assert stage.refused(stage.ann, line).code == code


def test_stats(stage: Stage) -> None:
    stage.house.clock.now += 3_661
    stage.type(stage.ann, "hi"), stage.type(stage.ann, "/me waves")
    assert stage.told(stage.ann, "/stats") == "ann: 2 messages, 01:01:01 on line, here now."
    assert stage.told(stage.bob, "/stats ANN") == "ann: 2 messages, 01:01:01 on line, here now."
    assert stage.told(stage.ann, "/stats kim") == "Kim: 1,234 messages, 02:00:00 on line, last seen 2 h ago."
    assert stage.refused(stage.ann, "/stats zoe").code == "not_here"


def test_join_link(stage: Stage) -> None:
    stage.table.front.address = "https://192.0.2.1:3001/"
    assert stage.told(stage.ann, "/join-link") == "https://192.0.2.1:3001/?room=lobby"
    assert stage.told(stage.host, "/JOIN-LINK #Weather") == "https://192.0.2.1:3001/?room=weather"
    assert stage.refused(stage.ann, "/join-link nowhere").code == "no_room"


def test_qr(stage: Stage) -> None:
    front = stage.table.front
    front.address, front.screen = "https://192.0.2.1:3001/", lambda: (80, 24)
    *code, address = stage.told(stage.host, "QR weather").split("\n")
    assert address == "https://192.0.2.1:3001/?room=weather"
    assert code == picture(address)
    for columns, rows in ((80, len(code) + 1), (len(code[0]) - 1, 24), (0, 0)):
        front.screen = lambda size=(columns, rows): size  # type: ignore[misc]
        assert stage.refused(stage.host, "QR weather").code == "no_screen"
    assert stage.refused(stage.host, "QR nowhere").code == "no_room"
    assert stage.refused(stage.ann, "/qr").code == "not_allowed"


def test_show(stage: Stage) -> None:
    """What then scrolls by: test_screen.py."""
    chosen: list[str | None] = []
    stage.table.house.show = chosen.append
    for word in ("weather", "#WEATHER", "all", "None"):
        assert stage.told(stage.host, f"SHOW {word}").endswith(".")
    assert chosen == ["weather", "weather", None, ""]
    assert stage.refused(stage.host, "SHOW").code == "missing"
    assert stage.refused(stage.host, "SHOW nowhere").code == "no_room"
    assert stage.refused(stage.ann, "/show all").code == "not_allowed"


def test_reload(stage: Stage) -> None:
    """What it does to a server: test_settings.py."""
    assert stage.refused(stage.host, "RELOAD").code == "not_here"
    assert stage.refused(stage.ann, "/reload").code == "not_allowed"
    stage.table.house.reload = lambda answer: answer("Read again.")
    assert stage.told(stage.host, "RELOAD") == "Read again."
    stage.table.house.reload = lambda answer: answer(Refused("bad_settings", "No."))
    (declined,) = stage.type(stage.host, "RELOAD")
    assert isinstance(declined, Declined) and (declined.about, declined.code) == ("reload", "bad_settings")


def test_upgrade(stage: Stage) -> None:
    """What it does to a server: test_upgrade.py."""
    assert stage.refused(stage.host, "UPGRADE").code == "not_here"
    stage.bob.standing = Standing.OPERATOR
    assert stage.refused(stage.bob, "/upgrade").code == "not_allowed"


def test_watch(stage: Stage) -> None:
    assert stage.told(stage.ann, "/watch") == "You watch for nobody. /watch NAME tells you when NAME comes."
    assert stage.told(stage.ann, "/watch bob") == "You will be told when bob comes; bob is here now."
    assert stage.told(stage.ann, "/WATCH Zoe") == "You will be told when Zoe comes; Zoe is not here."
    assert stage.told(stage.ann, "/watch") == "Zoe: away\nbob: here"
    stage.house.enter("ZOE")
    assert [event.name for event in stage.house.posted() if isinstance(event, Seen)] == ["ZOE"]
    stage.type(stage.bob, "/nick zoey"), stage.type(stage.bob, "/nick bobby")
    assert [event.name for event in stage.type(stage.bob, "/nick BOB") if isinstance(event, Seen)] == ["BOB"]
    for line, code in (("/watch a b", "name_bad"), ("/watch " + "x" * 33, "name_bad")):
        assert stage.refused(stage.ann, line).code == code


def test_unwatch(stage: Stage) -> None:
    stage.type(stage.ann, "/watch Zoe")
    assert stage.told(stage.ann, "/unwatch ZOE") == "You will not be told when Zoe comes."
    stage.house.enter("zoe")
    assert not [event for event in stage.house.posted() if isinstance(event, Seen)]
    for line, code in (("/unwatch", "missing"), ("/unwatch Zoe", "not_here"), ("/unwatch a b", "not_here")):
        assert stage.refused(stage.ann, line).code == code


def test_block(stage: Stage) -> None:
    assert stage.told(stage.ann, "/block") == "You have blocked nobody."
    assert stage.told(stage.ann, "/BLOCK BOB") == "You hear nothing from bob any more. /unblock bob ends that."
    assert stage.told(stage.ann, "/block kim").startswith("You hear nothing from Kim ")
    assert stage.told(stage.ann, "/block") == "Blocked: Kim, bob."
    for line, code in (("/block zoe", "not_here"), ("/block ANN", "yourself"), ("/block host", "not_allowed"),
                       ("/block a b", "not_here")):  # fmt: skip
        assert stage.refused(stage.ann, line).code == code


def test_unblock(stage: Stage) -> None:
    stage.type(stage.ann, "/block bob")
    assert stage.told(stage.ann, "/unblock BOB") == "You hear bob again."
    for line, code in (("/unblock", "missing"), ("/unblock bob", "not_here"), ("/unblock zoe", "not_here")):
        assert stage.refused(stage.ann, line).code == code


@pytest.mark.parametrize(("verb", "kept"), [("block", "blocked"), ("watch", "watched")])
def test_lists_of_names_are_bounded(stage: Stage, verb: str, kept: str) -> None:
    names: dict[str, str] = getattr(stage.ann.noted(), kept)
    names.update({f"n{number}": f"n{number}" for number in range(LISTED - 1)})
    stage.told(stage.ann, f"/{verb} bob")
    stage.told(stage.ann, f"/{verb} bob")
    assert stage.refused(stage.ann, f"/{verb} kim").code == "too_many"
    assert len(names) == LISTED


def test_inbox(stage: Stage) -> None:
    assert stage.refused(stage.ann, "/inbox").code == "not_registered"


def test_register(stage: Stage) -> None:
    assert stage.refused(stage.ann, "/register").code == "missing"
    assert stage.refused(stage.ann, "/register sesame").code == "no_store"


def test_password(stage: Stage) -> None:
    for line, code in (("/password", "missing"), ("/password sesame", "not_registered")):
        assert stage.refused(stage.ann, line).code == code


def test_reset(stage: Stage) -> None:
    for line, code in (("RESET", "missing"), ("RESET ann", "not_registered"), ("/reset zoe", "not_registered")):
        assert stage.refused(stage.host, line).code == code


def help_lines(stage: Stage, user: User, line: str) -> list[str]:
    (told,) = stage.type(user, line)
    assert isinstance(told, Told) and told.about == "help"
    return told.text.split("\n")


def test_color(stage: Stage) -> None:
    """What it does to the lines: test_colours.py."""
    for word, on in (("on", True), ("OFF ", False)):
        (coloured,) = stage.type(stage.ann, f"/color {word}")
        assert isinstance(coloured, Coloured) and coloured.on is on
    assert stage.refused(stage.ann, "/color blue").code == "bad_request"
    assert stage.refused(stage.ann, "/color").code == "missing"
    assert stage.refused(stage.host, "/color on").code == "not_allowed"
    stage.ann.wire = "irc"
    assert stage.told(stage.ann, "/color on").startswith("Your client chooses its colours itself")


def test_help(stage: Stage) -> None:
    guests = [line.split()[0] for line in help_lines(stage, stage.ann, "/help")[:-1]]
    assert guests == [f"/{verb}" for verb in ALL if verb in GUESTS | EVERYBODY]
    stage.bob.standing = Standing.OPERATOR
    assert [line.split()[0] for line in help_lines(stage, stage.bob, "/help")[:-1]] == [
        f"/{verb}" for verb in ALL if verb not in HOSTS
    ]
    hosts = [line.split()[0] for line in help_lines(stage, stage.host, "HELP")[:-1]]
    assert hosts == [
        verb.upper() if verb in BARE else f"/{verb}" for verb in ALL if verb in HOSTS | OPERATORS | EVERYBODY
    ]
    assert help_lines(stage, stage.host, "HELP")[-1] == "HELP KICK says more of one."
    for word in ("msg", "/msg", "MSG", "w", "/Tell"):
        assert help_lines(stage, stage.ann, f"/help {word}")[0].startswith("/msg to text ")
    assert help_lines(stage, stage.host, "HELP kick")[0].startswith("KICK name [reason] ")
    assert stage.refused(stage.ann, "/help nope").code == "unknown_command"
    assert stage.refused(stage.ann, "/help exit").code == "not_allowed"


# ---- running a room, and being away


def test_topic(stage: Stage) -> None:
    assert stage.told(stage.ann, "/topic") == "Lobby: nothing is said of what it is about."
    assert stage.refused(stage.ann, "/topic mine now").code == "not_op"
    stage.type(stage.ann, "/join den")
    (described,) = stage.type(stage.ann, "/topic  rain\x1b and\nsun ")
    assert isinstance(described, Described) and (described.by, described.text) == ("ann", "rain and sun")
    assert stage.told(stage.ann, "/topic") == stage.told(stage.ann, "/topic rain and sun") == "den: rain and sun"
    (described,) = stage.type(stage.ann, "/topic -")
    assert isinstance(described, Described) and described.text == ""
    assert stage.refused(stage.ann, "/topic " + "x" * 391).code == "too_long"
    (described,) = stage.type(stage.host, "TOPIC Talk")
    assert isinstance(described, Described) and described.room == "lobby"


def test_mode(stage: Stage) -> None:
    assert stage.told(stage.ann, "/mode").startswith("Lobby: +nt\n")
    stage.type(stage.ann, "/join den"), stage.type(stage.bob, "/join den")
    (moded,) = stage.type(stage.ann, "/mode +mv-t+k BOB key")
    assert isinstance(moded, Moded) and moded.changes == "+mv-t+k bob key"
    assert stage.told(stage.ann, "/mode").startswith("den: +mnk key\n")
    assert stage.told(stage.bob, "/mode").startswith("den: +mnk *\n")
    assert "nothing has changed" in stage.told(stage.ann, "/mode +m")
    assert stage.refused(stage.bob, "/mode -m").code == "not_op"
    for bad in ("+o", "+x", "m" * 21):
        assert stage.refused(stage.ann, f"/mode {bad}").code == "mode_bad"


def test_invite(stage: Stage) -> None:
    stage.type(stage.ann, "/join den")
    invited, inviting = stage.type(stage.ann, "/invite BOB")
    assert isinstance(invited, Invited) and (invited.room, invited.by, invited.name) == ("den", "ann", "bob")
    assert isinstance(inviting, Inviting) and inviting.name == "bob"
    for user, line, code in ((stage.ann, "/invite zoe", "not_here"), (stage.ann, "/invite ann", "in_already"),
                             (stage.bob, "/invite Host den", "not_in"), (stage.ann, "/invite bob nowhere", "no_room"),
                             (stage.ann, "/invite", "missing")):  # fmt: skip
        assert stage.refused(user, line).code == code


def test_kick_out_of_a_room(stage: Stage) -> None:
    stage.type(stage.ann, "/join den"), stage.type(stage.bob, "/join den")
    left, again, parted = stage.type(stage.ann, "/kick bob two words")
    assert isinstance(left, Left) and (left.by, left.reason, left.gone) == ("ann", "two words", False)
    assert again == left and isinstance(parted, Parted) and parted.current == "lobby"
    assert stage.house.hub.find("bob") is stage.bob, "he is on line"
    assert stage.refused(stage.ann, "/kick bob").code == "not_there"
    stage.type(stage.host, "/join den")
    assert stage.refused(stage.ann, "/kick host").code == "not_allowed"
    assert stage.refused(stage.bob, "/kick ann").code == "not_op"


def test_who_is_put_out_of_his_only_room_is_in_the_lobby(stage: Stage) -> None:
    stage.type(stage.ann, "/join den"), stage.type(stage.bob, "/join den"), stage.type(stage.bob, "/part lobby")
    kinds = [type(event).__name__ for event in stage.type(stage.ann, "/kick bob")]
    assert kinds == ["Left", "Left", "Entered", "Joined", "Parted"]
    assert [room.name for room in stage.bob.rooms] == ["lobby"] and stage.bob.current is stage.house.hub.rooms.lobby
    with pytest.raises(Refused) as caught:
        stage.ask(stage.host, Request("kick", "", {"name": "bob", "room": "lobby"}))
    assert caught.value.code == "last_room"


def test_away(stage: Stage) -> None:
    rested, told = stage.type(stage.ann, "/away  out to  lunch")
    assert isinstance(rested, Rested) and (rested.name, rested.text) == ("ann", "out to lunch")
    assert isinstance(told, Told) and told.text == "You are away: out to lunch"
    assert stage.told(stage.bob, "/whois ann").endswith("\nann is away: out to lunch")
    whispered, told = stage.type(stage.bob, "/msg ann psst")
    assert isinstance(whispered, Whispered)
    assert isinstance(told, Told) and told.text == "ann is away: out to lunch"
    (listed,) = stage.type(stage.bob, "/users")
    assert isinstance(listed, Listed) and [who.away for who in listed.people] == ["", "out to lunch", ""]
    rested, told = stage.type(stage.ann, "/away")
    assert isinstance(rested, Rested) and rested.text == ""
    assert stage.told(stage.ann, "/away") == "You are not away."


def test_setname(stage: Stage) -> None:
    *_, told = stage.type(stage.ann, "/setname Ann Other")
    assert isinstance(told, Told) and told.text == "You are Ann Other in full."
    assert stage.ann.who.realname == "Ann Other"
    assert stage.refused(stage.ann, "/setname " + "x" * 101).code == "too_long"


def test_umode(stage: Stage) -> None:
    stage.type(stage.ann, "/umode +B")
    assert stage.ann.who.bot
    for change in ("B", "+o", "+Bi", "+"):
        assert stage.refused(stage.ann, f"/umode {change}").code == "mode_bad"


def test_tag(stage: Stage) -> None:
    (tagged,) = stage.type(stage.ann, "/tag +typing=active")
    assert isinstance(tagged, Tagged) and tagged.tags == "+typing=active"
    assert stage.refused(stage.ann, "/tag").code == "missing"
    assert stage.refused(stage.ann, "/tag typing").code == "tags_bad"


def test_identify(stage: Stage) -> None:
    for line, code in (("/identify", "missing"),):
        assert stage.refused(stage.ann, line).code == code
    (declined,) = stage.type(stage.ann, "/identify sesame")
    assert isinstance(declined, Declined) and declined.code == "wrong_password"


# ---- operators


def test_oper(stage: Stage) -> None:
    stage.house.hub.operators = {"root": "a long word"}
    for line in ("/oper root wrong", "/oper ROOT a long word"):
        assert stage.refused_noting(stage.ann, line).code == "oper_wrong"
    assert stage.refused(stage.ann, "/oper root").code == "missing"
    told = stage.told(stage.ann, "/oper root a long word")
    assert told == "You are an operator now. /help lists what you can do."
    assert stage.ann.standing is Standing.OPERATOR
    assert stage.refused(stage.ann, "/kick host").code == "not_allowed"
    lefts = [event for event in stage.type(stage.ann, "/kick bob spam") if isinstance(event, Left)]
    assert [(left.name, left.by, left.gone) for left in lefts] == [("bob", "ann", True)] * 2


def test_oper_is_closed_after_three(stage: Stage) -> None:
    stage.house.hub.operators = {"root": "a long word"}
    for code in ("oper_wrong", "oper_wrong", "oper_wrong", "blocked"):
        assert stage.refused_noting(stage.ann, "/oper root wrong").code == code
    assert stage.refused_noting(stage.ann, "/oper root a long word").code == "blocked"
    stage.house.clock.now += 61
    assert stage.told(stage.ann, "/oper root a long word").startswith("You are an operator now.")


def test_deoper(stage: Stage) -> None:
    stage.ann.standing = Standing.OPERATOR
    assert stage.told(stage.ann, "/deoper") == "You are no operator any more."
    assert stage.refused(stage.ann, "/list_users").code == "not_allowed"


def test_nobody_acts_on_someone_of_the_same_or_a_higher_standing(stage: Stage) -> None:
    stage.ann.standing = stage.bob.standing = Standing.OPERATOR
    assert stage.refused(stage.ann, "/kick bob").code == "not_allowed"
    assert stage.refused(stage.ann, "/kick HOST").code == "not_allowed"
    assert stage.type(stage.host, "KICK ann")


def test_an_operator_reads_who_is_here_and_from_where(stage: Stage) -> None:
    stage.ann.standing = Standing.OPERATOR
    (listed,) = stage.type(stage.ann, "/list_users")
    assert isinstance(listed, Listed)
    assert stage.told(stage.ann, "/whois bob").split("\n")[1] == "bob comes from 192.0.2.1:4711, by plain."
    assert stage.refused(stage.ann, "/exit").code == "not_allowed"


def test_a_secret_room_is_not_told_of(stage: Stage) -> None:
    stage.type(stage.ann, "/join den"), stage.type(stage.ann, "/mode +s")
    assert stage.told(stage.bob, "/whois ann").endswith("in Lobby.")
    (listed,) = stage.type(stage.bob, "/whoelse")
    assert isinstance(listed, Listed) and {who.rooms for who in listed.people if who.name == "ann"} == {("lobby",)}
    for verb in ("topic", "mode"):
        with pytest.raises(Refused) as caught:
            stage.ask(stage.bob, Request(verb, "", {"room": "den"}))
        assert caught.value.code == "no_room"


def test_wallops(stage: Stage) -> None:
    stage.type(stage.bob, "/umode +w")
    (called,) = stage.type(stage.host, "/wallops restart at noon")
    assert isinstance(called, Called) and (called.sender, called.text) == ("Host", "restart at noon")


# ---- the same through the console of a running server


def test_the_host_reads_every_refusal(server: Server, join_plain: Callable[..., PlainClient]) -> None:
    bob = join_plain("bob")
    for line, words in (
        ("KICK", "[!] KICK name [reason]: the name is missing."),
        ("KICK zoe", "[!] There is nobody called zoe here."),
        ("KICK Host", "[!] You are Host, and cannot kick yourself."),
        ("/nope", "[!] There is no command /nope. HELP lists them."),
        ("/nick God", "[!] /nick is for guests."),
        ("/quit", "[!] /quit is for guests"),
        ("/msg bob", "[!] /msg to text: the text is missing."),
        ("/msg", "[!] /msg to text: the name is missing."),
        ("/wholast", "[!] /wholast minutes: the number of minutes is missing."),
        ("/me", "[!] /me text: the text is missing."),
        ("/msg bob psst", "Sent to bob."),
        ("LIST_USERS", "USERS: [Host,bob]"),
        ("/KICK bob", "[*] bob has been kicked out."),
    ):
        server.type(line)
        server.wait_for(words)
    assert "psst" in bob.read_until("kicked out.")
    server.type("EXIT")
    assert server.wait() == 0


def test_a_refusal_never_reaches_others(stage: Stage) -> None:
    guest = stage.house.guest(b"zoe\n")
    ear = stage.house.guest(b"ear\n")
    ear.take(), guest.take()
    guest.send(b"/nope\n/kick ear\n/msg nobody x\n/nick Host\n")
    assert ear.take() == b""
    assert guest.take().count(b"[!] ") == 4
    assert not [event for event in stage.house.posted() if isinstance(event, Declined)]
