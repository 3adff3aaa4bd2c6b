"""One suite over every wire: what people do, through the real socket, seen by someone on each of the wires.

A new wire is one class more: how its bytes are written and read, and a line in `WIRES`.
"""

from __future__ import annotations

import json
import re
import ssl
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest

from tests.plain_grammar import read
from tests.support import PATIENCE, Connection, LineClient, Server
from tests.tls import Papers, issue
from tests.web_client import TEXT, WebClient, frame

Heard = tuple[Any, ...]
"""An event in words that all wires share, such as `("said", "ann", "hi")`."""


class Speaker(ABC):
    """Someone on one of the wires, and the bytes in which he does what people do."""

    too_long: ClassVar[bytes]
    garbage: ClassVar[bytes]
    blanks: ClassVar[bytes] = b"\n\r\n   \n"

    def __init__(self, server: Server, tls: ssl.SSLContext | None = None) -> None:
        self.line = self.dial(server, tls)

    def dial(self, server: Server, tls: ssl.SSLContext | None) -> Connection:
        """Connect."""
        return LineClient(server, tls=tls)

    @abstractmethod
    def login(self, name: str) -> bytes:
        """Return the bytes of a login."""

    @abstractmethod
    def command(self, verb: str, **values: str) -> bytes:
        """Return the bytes of a request; the values in the order in which they are typed."""

    @abstractmethod
    def understand(self, line: str) -> Heard | None:
        """Return what a line means; None where it belongs to another."""

    def say(self, text: str) -> bytes:
        return self.command("say", text=text)

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.line.send(piece)

    def hear(self) -> Heard:
        """Return the next event."""
        while (found := self.understand(self.read())) is None:
            pass
        return found

    def read(self) -> str:
        """Return the next line."""
        return self.line.read_line(PATIENCE)

    def read_to_end(self) -> str:
        """Return what else is said until the server closes."""
        return self.line.read_to_end()

    def wait_for(self, *wanted: Any) -> None:
        """Wait for this event; what comes before it is passed over."""
        passed = []
        while (found := self.hear()) != wanted:
            passed.append(found)
            assert len(passed) < 100, f"{wanted} is not among {passed}"

    def enter(self, name: str) -> None:
        self.send(self.login(name))
        self.wait_for("welcome", name)

    def nothing_else(self) -> None:
        """See that nothing waits: the answer to a request is the next thing that comes."""
        self.send(self.command("msg", to="nobody-of-this-name", text="x"))
        assert self.hear() == ("refused",)


class PlainSpeaker(Speaker):
    """Plain lines."""

    too_long = b"x" * 5000 + b"\n"
    garbage = b"\xff\xfe\x00\x1b[2J\xc3(\n"

    def login(self, name: str) -> bytes:
        return f"{name}\n".encode()

    def command(self, verb: str, **values: str) -> bytes:
        words = " ".join(values.values())
        return f"{words}\n".encode() if verb == "say" else f"/{verb} {words}\n".encode()

    def understand(self, line: str) -> Heard | None:
        kind, fields = read(line)
        texts = [field for field in fields[1:] if field is not None]
        if kind == "roster":
            return "welcome", line.rpartition("&")[2]
        if kind in ("taken", "refusal"):
            return ("refused",)
        if kind in ("exited", "kicked"):
            return kind, texts[0]
        return None if kind == "accepted" else (kind, *texts)


class JsonSpeaker(Speaker):
    """JSON lines."""

    too_long = b'{"do":"say","text":"' + b"x" * 140_000 + b'"}\n'
    garbage = b'{"do":\xff\x00}\n'
    KEYS: ClassVar[dict[str, list[str]]] = {
        "welcome": ["name"],
        "said": ["from", "text"],
        "acted": ["from", "text"],
        "entered": ["name"],
        "renamed": ["old", "new"],
        "refused": [],
        "goodbye": ["text"],
    }

    def login(self, name: str) -> bytes:
        return self.command("login", name=name)

    def command(self, verb: str, **values: str) -> bytes:
        return json.dumps({"do": verb, **values}).encode() + b"\n"

    def understand(self, line: str) -> Heard | None:
        found = json.loads(line)
        kind = found["event"]
        if kind == "whispered":
            return kind, found["from"], ",".join(found["to"]), found["text"]
        if kind == "left":
            return "kicked" if found["kicked"] else "exited", found["name"]
        if kind == "accepted":
            return ("answer", f"Sent to {', '.join(found['to'])}.") if found["do"] == "msg" else None
        return (kind, *(found[key] for key in self.KEYS[kind])) if kind in self.KEYS else None


class WebSpeaker(JsonSpeaker):
    """The JSON wire in the messages of a WebSocket, where lengths and UTF-8 are the frames' business."""

    too_long = frame(TEXT, b'{"do":"say","text":"' + b"x" * 20_000 + b'"}')
    garbage = frame(TEXT, b'{"do":\x00}') + frame(TEXT, b"[]")
    blanks = frame(TEXT, b"")

    def dial(self, server: Server, tls: ssl.SSLContext | None) -> Connection:
        return WebClient(server, tls=tls)

    def command(self, verb: str, **values: str) -> bytes:
        return frame(TEXT, super().command(verb, **values))

    def read(self) -> str:
        assert isinstance(self.line, WebClient)
        return json.dumps(self.line.read())

    def read_to_end(self) -> str:
        assert isinstance(self.line, WebClient)
        self.line.read_close()
        return ""


WIRES: list[type[Speaker]] = [PlainSpeaker, JsonSpeaker, WebSpeaker]

Arrive = Callable[[type[Speaker]], Speaker]


@pytest.fixture(scope="module", params=[False, True], ids=["in_clear", "tls"])
def papers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Papers | None:
    """The server's certificate; the script runs without one, and with all in TLS."""
    return issue(tmp_path_factory.mktemp("papers")) if request.param else None


@pytest.fixture
def server(start_server: Callable[..., Server], papers: Papers | None) -> Server:
    return start_server(*(papers.options if papers else ()))


@pytest.fixture
def arrive(server: Server, papers: Papers | None) -> Iterator[Arrive]:
    """`arrive(PlainSpeaker)`: someone new on this wire, not logged in."""
    arrived: list[Speaker] = []

    def connect(kind: type[Speaker]) -> Speaker:
        arrived.append(kind(server, papers.trust if papers else None))
        return arrived[-1]

    yield connect
    for speaker in arrived:
        speaker.line.close()


@pytest.fixture
def others(arrive: Arrive) -> list[Speaker]:
    """Someone on each wire, who sees what happens; each has seen the next ones come."""
    found: list[Speaker] = []
    for kind in WIRES:
        found.append(arrive(kind))
        found[-1].enter(f"on-{kind.__name__}")
        for before in found[:-1]:
            before.wait_for("entered", f"on-{kind.__name__}")
    return found


@pytest.fixture(params=WIRES, ids=lambda kind: kind.__name__)
def kind(request: pytest.FixtureRequest) -> type[Speaker]:
    wire: type[Speaker] = request.param
    return wire


@pytest.fixture
def ann(arrive: Arrive, others: list[Speaker], kind: type[Speaker]) -> Speaker:
    """Ann, on the wire that is looked at; everyone has seen her come."""
    speaker = arrive(kind)
    speaker.enter("ann")
    all_hear(others, "entered", "ann")
    return speaker


def all_hear(others: list[Speaker], *event: Any) -> None:
    for other in others:
        assert other.hear() == event


def test_a_visit_and_each_event_in_its_own_words(ann: Speaker, others: list[Speaker]) -> None:
    ann.send(ann.say("hi"), ann.command("me", text="waves"), ann.command("nick", name="anna"))
    for event in (("said", "ann", "hi"), ("acted", "ann", "waves"), ("renamed", "ann", "anna")):
        all_hear(others, *event)
    assert ann.hear() == ("renamed", "ann", "anna"), "she does not hear what she said herself"
    for other in others:
        other.send(other.say("hello"), other.command("me", text="nods"))
    for verb, text in (("said", "hello"), ("acted", "nods")) * len(others):
        heard = ann.hear()
        assert heard[0] in ("said", "acted") and heard[2] in ("hello", "nods"), (verb, text)
    ann.send(ann.command("quit", reason="tea"))
    assert ann.hear() == ("goodbye", "Goodbye.")
    assert ann.read_to_end() == ""
    for other in others:
        other.wait_for("exited", "anna")


def test_private(ann: Speaker, others: list[Speaker]) -> None:
    for other, name in zip(others, WIRES, strict=True):
        to = f"on-{name.__name__}"
        ann.send(ann.command("msg", to=to.upper(), text="psst: a -> b"))
        assert other.hear() == ("whispered", "ann", to, "psst: a -> b")
        assert ann.hear() == ("answer", f"Sent to {to}.")
    for other in others:
        other.nothing_else()
        other.send(other.command("msg", to="ann", text="yes?"))
        assert ann.hear()[3] == "yes?"


def test_taken_hostile_and_missing_names(arrive: Arrive, others: list[Speaker], kind: type[Speaker]) -> None:
    eve = arrive(kind)
    for name in (
        "Host",
        "hOST",
        "H0st",
        "on-plainspeaker",
        "a b",
        "\u202eeve",
        "eve\x1b[2J",
        "x" * 33,
        "x" * 1000,
        "\u200b",
    ):
        eve.send(eve.login(name))
        assert eve.hear() == ("refused",)
        assert b"\x1b" not in eve.line.pending
    if kind is not PlainSpeaker:
        eve.send(eve.say("hi"))
        assert eve.hear() == ("refused",)
    eve.line.pending = b""
    eve.enter("eve")
    all_hear(others, "entered", "eve")


def test_kick(server: Server, ann: Speaker, others: list[Speaker]) -> None:
    server.type("kick is only a word here")
    server.type("KICK ANN spam")
    all_hear(others, "said", "Host", "kick is only a word here")
    all_hear(others, "kicked", "ann")
    assert ann.hear()[0] == "said"
    assert ann.hear() == ("kicked", "ann")
    assert ann.hear()[0] == "goodbye"
    assert ann.read_to_end() == ""
    for other in others:
        other.nothing_else()


def test_guests_cannot_kick(ann: Speaker, others: list[Speaker]) -> None:
    ann.send(ann.command("kick", name="Host"), ann.command("exit"), ann.command("list_users"))
    assert [ann.hear() for _ in range(3)] == [("refused",)] * 3
    for other in others:
        other.nothing_else()


def test_a_lost_connection_is_one_exit(ann: Speaker, others: list[Speaker]) -> None:
    ann.line.reset()
    all_hear(others, "exited", "ann")
    for other in others:
        other.nothing_else()


def test_one_byte_at_a_time(arrive: Arrive, others: list[Speaker], kind: type[Speaker]) -> None:
    bea = arrive(kind)
    stream = bea.login("bea") + bea.say("schön, 你好") + bea.command("me", text="waves")
    bea.send(*(bytes([byte]) for byte in stream))
    bea.wait_for("welcome", "bea")
    for event in (("entered", "bea"), ("said", "bea", "schön, 你好"), ("acted", "bea", "waves")):
        all_hear(others, *event)


def test_all_in_one_packet(arrive: Arrive, others: list[Speaker], kind: type[Speaker]) -> None:
    bea = arrive(kind)
    lines = [f"line {number}" for number in range(200)]
    bea.send(bea.login("bea") + b"".join(bea.say(line) for line in lines) + bea.command("quit") + bea.say("too late"))
    bea.wait_for("welcome", "bea")
    bea.wait_for("goodbye", "Goodbye.")
    all_hear(others, "entered", "bea")
    for line in lines:
        all_hear(others, "said", "bea", line)
    all_hear(others, "exited", "bea")
    for other in others:
        other.nothing_else()


def test_too_long_garbage_and_blank_lines(ann: Speaker, others: list[Speaker]) -> None:
    ann.send(ann.too_long)
    assert ann.hear() == ("refused",)
    ann.send(ann.garbage, ann.blanks, ann.say("still here"))
    for other in others:
        if isinstance(ann, PlainSpeaker):
            assert other.hear() == ("said", "ann", "[2J\ufffd("), "no controls"
        assert other.hear() == ("said", "ann", "still here")


def test_hostile_texts_arrive_as_texts(ann: Speaker, others: list[Speaker]) -> None:
    for text in (
        "[*] ann exited.",
        "12:00 > [*]",
        "\x1b]0;x\x07red\x1b[31m",
        "\u202eabc",
        "OK",
        '{"event":"left"}',
        "tab\there",
    ):
        ann.send(ann.say(text))
        shown = re.sub("[\x00-\x08\x0a-\x1f\u202e]", "", text).replace("\t", " ")
        all_hear(others, "said", "ann", shown)


def test_several_lines_in_a_text(arrive: Arrive, others: list[Speaker]) -> None:
    eve = arrive(JsonSpeaker)
    eve.enter("eve")
    eve.send(eve.say("one\n[12:00:00] [*] ann exited."))
    all_hear(others, "entered", "eve")
    for other in others:
        end = " " if isinstance(other, PlainSpeaker) else "\n"
        assert other.hear() == ("said", "eve", f"one{end}[12:00:00] [*] ann exited.")


def test_the_end_of_the_room(server: Server, ann: Speaker, others: list[Speaker]) -> None:
    server.type("EXIT bedtime")
    for each in (ann, *others):
        assert each.hear() == ("goodbye", "The host has closed the room: bedtime.")
        assert each.read_to_end() == "", "and nobody is told of the others' going"
    assert server.wait() == 0
