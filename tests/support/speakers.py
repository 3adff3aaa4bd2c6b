"""Someone on each of the wires: the bytes in which he does what people do, and how events sound to him.

The words that all wires share are tuples such as `("said", "ann", "hi")`, with the room behind it where that is not the
lobby. Where a wire has no word of its own, its class says so, in `sounds` or in one of the flags of `Speaker`; nothing
is left out in silence. Knows the wires from PROTOCOL.md, and nothing of our code.
"""

from __future__ import annotations

import json
import re
import ssl
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable
from typing import Any, ClassVar

from tests.foreign import UdpClient
from tests.plain_grammar import read
from tests.support.clients import QUESTION, Connection, LineClient
from tests.support.programs import Server
from tests.support.waiting import PATIENCE, wait_until
from tests.web_client import TEXT, WebClient, frame

Heard = tuple[str, ...]
LOBBY = "lobby"


def at(room: str) -> tuple[str, ...]:
    """Return what stands behind an event of this room."""
    return () if room.lower() == LOBBY else (room,)


class Speaker(ABC):
    """Someone on one of the wires."""

    too_long: ClassVar[bytes]
    garbage: ClassVar[bytes]
    blanks: ClassVar[bytes] = b"\n\r\n   \n"
    garbled: ClassVar[str] = ""
    """What others hear of `garbage`, where it is a text."""
    streams: ClassVar[bool] = True
    """A stream of bytes, cut anywhere; else each datagram is whole."""
    echoes: ClassVar[bool] = False
    """One's own words come back, to him as to everyone."""
    delivers: ClassVar[bool] = True
    """The sender of a private message is told whom it reached; else silence says so."""
    farewell: ClassVar[tuple[Heard, ...]] = (("goodbye", "Goodbye."),)
    """The answer to one's own going."""
    newcomer_hears: ClassVar[bool] = True
    """Who comes into a room is shown what was said there; else he asks with /history."""
    plain_before: ClassVar[bool] = False
    """What is sent before the login is taken for a name; else it is refused."""

    def __init__(self, server: Server, tls: ssl.SSLContext | None = None, source: str = "") -> None:
        self.name = ""
        self.room = LOBBY
        self.source = source
        self.line: Any = self.dial(server, tls)
        self._heard: deque[Heard] = deque()

    def dial(self, server: Server, tls: ssl.SSLContext | None) -> Any:
        """Connect, from the address `source` if there is one; in TLS, where that is wanted."""
        return LineClient(server, tls=tls, source=self.source)

    # -- what he does, as bytes

    @abstractmethod
    def login(self, name: str) -> bytes:
        """Return the bytes that give a name."""

    def arrive(self, name: str) -> bytes:
        """Return the bytes that bring somebody of this name into the lobby."""
        return self.login(name)

    @abstractmethod
    def ask(self, verb: str, **values: str) -> bytes:
        """Return the bytes of a request; the values in the order in which they are typed."""

    def say(self, text: str) -> bytes:
        """Return the bytes that say something in the current room."""
        return self.ask("say", text=text)

    def join(self, room: str) -> bytes:
        """Return the bytes that bring him into a room, which is the current one then."""
        self.room = room
        return self.ask("join", room=room)

    def part(self, room: str) -> bytes:
        """Return the bytes that bring him back into the lobby."""
        self.room = LOBBY
        return self.ask("part", room=room)

    # -- what he hears

    @abstractmethod
    def understand(self, raw: Any) -> Iterable[Heard]:
        """Yield what a line, or a datagram, means; nothing where it belongs to another."""

    def sounds(self, *event: str) -> tuple[Heard, ...]:
        """Return how an event sounds on this wire."""
        return (event,)

    def send(self, *pieces: bytes) -> None:
        """Send each piece by itself."""
        for piece in pieces:
            self.line.send(piece)

    def read(self) -> Any:
        """Return the next line."""
        return self.line.read_line(PATIENCE)

    def read_to_end(self) -> str:
        """Return what else is said until the server closes."""
        found: str = self.line.read_to_end()
        return found

    def hear(self) -> Heard:
        """Return the next event."""
        while not self._heard:
            raw = self.read()
            self._heard.extend(() if raw == QUESTION else self.understand(raw))
        return self._heard.popleft()

    def hears(self, *event: str) -> None:
        """See that this is the next event, in this wire's words."""
        for wanted in self.sounds(*event):
            found = self.hear()
            assert found == wanted, f"{type(self).__name__} hears {found} for {event}"

    def wait_for(self, *wanted: str) -> None:
        """Wait for this event; what comes before it is passed over."""
        for word in self.sounds(*wanted):
            passed = []
            while (found := self.hear()) != word:
                passed.append(found)
                assert len(passed) < 400, f"{word} is not among {passed}"

    def enter(self, name: str) -> None:
        """Come into the lobby."""
        self.send(self.arrive(name))
        self.wait_for("welcome", name)

    def nothing_else(self) -> None:
        """See that nothing waits: the answer to a request is the next thing that comes."""
        self.send(self.ask("msg", to="nobody-of-this-name", text="x"))
        assert (found := self.hear()) == ("refused",), f"{type(self).__name__} hears {found}"

    def close(self) -> None:
        """Vanish; twice is harmless."""
        self.line.close()


class PlainSpeaker(Speaker):
    """Plain lines, as a program sends them."""

    too_long = b"x" * 5000 + b"\n"
    garbage = b"\xff\xfe\x00\x1b[2J\xc3(\n"
    garbled = "[2J\ufffd("
    plain_before = True
    end: ClassVar[str] = "\n"
    ANSWERS: ClassVar[dict[str, str]] = {
        r"Sent to ([^.]*)\.": "sent",
        r"Welcome to the (\S+) Channel .*": "joined",
        r"You have left (\S+); .*": "parted",
    }

    def __init__(self, server: Server, tls: ssl.SSLContext | None = None, source: str = "") -> None:
        super().__init__(server, tls, source)
        self._past = 0  # so many lines tell what was said before

    def login(self, name: str) -> bytes:
        self.name = name
        return f"{name}{self.end}".encode()

    def ask(self, verb: str, **values: str) -> bytes:
        words = " ".join(values.values())
        return f"{words if verb == 'say' else f'/{verb} {words}'}{self.end}".encode()

    def understand(self, line: str) -> Iterable[Heard]:
        kind, fields = read(line)
        place = re.match(r"\[.{8}\] #(\S+) ", line)
        room = place.groups() if place else ()
        texts = [text for text in fields[1:] if text is not None][len(room) :]
        if self._past and kind in ("said", "acted", "whispered"):
            self._past -= 1
            yield "recalled", texts[0], texts[-1]
        elif kind == "roster":
            yield "welcome", line.rpartition("&")[2]
        elif kind in ("taken", "refusal") or (kind == "question" and "taken" in line):
            yield ("refused",)
        elif kind == "answer":
            yield from self._answer(texts[0] if texts else "")
        elif kind == "whispered":
            yield kind, texts[0], texts[2]
        elif kind in ("exited", "kicked"):
            yield kind, texts[0], *room
        elif kind not in ("accepted", "question"):
            yield kind, *texts, *room

    def _answer(self, text: str) -> Iterable[Heard]:
        if before := re.fullmatch(r"Said before, since .*: (\d+)", text):
            self._past = int(before[1])
        for pattern, kind in self.ANSWERS.items():
            if found := re.fullmatch(pattern, text):
                yield kind, found[1]


class TelnetSpeaker(PlainSpeaker):
    """A person with telnet: asked for a name, and his Enter sends CR NUL."""

    too_long = b"x" * 5000 + b"\r\0"
    garbage = b"\xff\xff\xfe\x1b[2J\xc3(\r\0"
    garbled = "\ufffd\ufffd[2J\ufffd("
    end = "\r\0"

    def dial(self, server: Server, tls: ssl.SSLContext | None) -> Connection:
        line = LineClient(server, tls=tls, source=self.source)
        line.wait_for(QUESTION)
        return line


class JsonSpeaker(Speaker):
    """JSON lines."""

    too_long = b'{"do":"say","text":"' + b"x" * 140_000 + b'"}\n'
    garbage = b'{"do":\xff\x00}\n'
    KEYS: ClassVar[dict[str, list[str]]] = {
        "welcome": ["name"],
        "said": ["from", "text"],
        "acted": ["from", "text"],
        "whispered": ["from", "text"],
        "entered": ["name"],
        "joined": ["room"],
        "parted": ["room"],
        "renamed": ["old", "new"],
        "refused": [],
        "goodbye": ["text"],
    }

    def login(self, name: str) -> bytes:
        self.name = name
        return self.ask("login", name=name)

    def ask(self, verb: str, **values: str) -> bytes:
        return json.dumps({"do": verb, **values}).encode() + b"\n"

    def understand(self, line: str) -> Iterable[Heard]:
        found = json.loads(line)
        kind, room = found["event"], at(found.get("room", LOBBY))
        if found.get("history"):
            yield "recalled", found["from"], found["text"]
        elif kind == "left":
            yield "kicked" if found["kicked"] else "exited", found["name"], *room
        elif kind == "accepted" and found["do"] == "msg":
            yield "sent", ", ".join(found["to"])
        elif kind in self.KEYS:
            yield (
                kind,
                *(found[key] for key in self.KEYS[kind]),
                *(room if kind in ("said", "acted", "entered") else ()),
            )


class WebSpeaker(JsonSpeaker):
    """The JSON wire in the messages of a WebSocket, where lengths and UTF-8 are the frames' business."""

    too_long = frame(TEXT, b'{"do":"say","text":"' + b"x" * 20_000 + b'"}')
    garbage = frame(TEXT, b'{"do":\x00}') + frame(TEXT, b"[]")
    blanks = frame(TEXT, b"")

    def dial(self, server: Server, tls: ssl.SSLContext | None) -> Connection:
        return WebClient(server, tls=tls, source=self.source)

    def ask(self, verb: str, **values: str) -> bytes:
        return frame(TEXT, super().ask(verb, **values))

    def read(self) -> str:
        return json.dumps(self.line.read())

    def read_to_end(self) -> str:
        self.line.read_close()
        return ""


class Foreign(Speaker):
    """What the textbook protocol and UDP channels have in common: one hears oneself, and the same words are missing."""

    echoes = True
    plain_answers: ClassVar[str] = r"\[=\] "

    def sounds(self, *event: str) -> tuple[Heard, ...]:
        """There is no word for an action, for a new name, and for being kicked."""
        kind, who, *rest = event if len(event) > 1 else (*event, "")
        if kind == "acted":
            return (("said", who, f"* {who} {rest[0]}", *rest[1:]),)
        if kind == "renamed":
            return ("exited", who), ("entered", rest[0])
        return (("exited", who, *rest),) if kind == "kicked" else (event,)

    def host(self, text: str) -> Iterable[Heard]:
        """Yield what the server says as Host, behind a tag."""
        if sent := re.fullmatch(r"\[=\] Sent to ([^.]*)\.", text):
            yield "sent", sent[1]
        elif before := re.fullmatch(r"\[=\] \d{4}-\d\d-\d\d \d\d:\d\d (?:#\S+ )?(?:\* )?([^ :]+)(?: >|:)? (.*)", text):
            yield "recalled", before[1], before[2]
        elif joined := re.fullmatch(r"\[=\] Welcome to the (\S+) Channel .*", text):
            yield "joined", joined[1]
        elif left := re.fullmatch(r"\[=\] You have left (\S+); .*", text):
            yield "parted", left[1]
        elif moved := re.fullmatch(r"\[\*\] (\S+) (entered|left) #(\S+)\.", text):
            yield "entered" if moved[2] == "entered" else "exited", moved[1], moved[3]
        elif text.startswith("[!] "):
            yield ("refused",)


class TextbookSpeaker(Foreign):
    """The textbook protocol. What it has no word for is typed as a command."""

    too_long = b"MESSAGE " + b"x" * 5000 + b"\n"
    garbage = b"MESSAGE \xff\xfe\x00\x1b[2J\xc3(\n"
    garbled = "\ufffd\ufffd[2J\ufffd("
    farewell = (("goodbye", ""),)

    def __init__(self, server: Server, tls: ssl.SSLContext | None = None, source: str = "") -> None:
        super().__init__(server, tls, source)
        self._why = ""

    def login(self, name: str) -> bytes:
        self.name = name
        return f"ADD {name}\n".encode()

    def ask(self, verb: str, **values: str) -> bytes:
        words = " ".join(values.values())
        if verb == "msg":
            return f"PRIVATE {values['to']}\n{values['text']}\n".encode()
        if verb == "quit":
            return b"QUIT\n"
        return f"MESSAGE {words if verb == 'say' else f'/{verb} {words}'}\n".encode()

    def understand(self, line: str) -> Iterable[Heard]:
        verb, _, name = line.partition(" ")
        if verb in ("MESSAGE", "PRIVATE"):
            yield from self._talk(verb, name, self.read())
        elif verb == "NEW":
            yield "welcome" if name == self.name and self.name else "entered", name
        elif verb == "LEFT":
            yield "exited", name
        else:
            yield "goodbye", self._why

    def _talk(self, verb: str, name: str, text: str) -> Iterable[Heard]:
        if name == "Host" and re.match(r"\[[=!*.]\] ", text):
            self._why = text.removeprefix("[.] ") if text.startswith("[.] ") else ""
            yield from self.host(text)
        elif verb == "PRIVATE":
            yield "whispered", name, text
        else:
            room, _, who = name.rpartition("/")
            yield "said", who, text, *at(room.lstrip("#") or LOBBY)


class UdpSpeaker(Foreign):
    """UDP channels. What it has no code for is typed as a command; there is no stream to cut, and nothing to close."""

    too_long = b"\0\x5a" + b"x" * 4097
    garbage = b"\0\x5a\xff\xfe\x1b[2J\xc3("
    garbled = "\ufffd\ufffd[2J\ufffd("
    blanks = b"\0\x5a"
    streams = False
    delivers = False
    newcomer_hears = False
    farewell = ()
    CODES: ClassVar[dict[str, int]] = {"login": 20, "quit": 40, "join": 50, "part": 70, "say": 90, "msg": 120}
    ENDS = ("You have been kicked out", "The host has closed the room")

    def dial(self, server: Server, tls: ssl.SSLContext | None) -> UdpClient:
        return UdpClient(server, source=self.source or "127.0.0.1")

    def login(self, name: str) -> bytes:
        self.name = name
        return self.ask("login", name=name)

    def ask(self, verb: str, **values: str) -> bytes:
        words = " ".join(values.values())
        code = self.CODES.get(verb)
        return (b"\0\x5a" + f"/{verb} {words}".encode()) if code is None else bytes([0, code]) + words.encode()

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.line.send_raw(piece)

    def read(self) -> tuple[int, str]:
        found: tuple[int, str] = self.line.read()
        return found

    def read_to_end(self) -> str:
        """See that the server has forgotten this address: the connection of those who have none."""
        wait_until(self._is_forgotten, what="the server has forgotten this address")
        return ""

    def _is_forgotten(self) -> bool:
        self.line.send(200)
        try:
            return bool(self.line.read(0.1) == (10, "please log in"))
        except AssertionError:
            return False

    def understand(self, datagram: tuple[int, str]) -> Iterable[Heard]:
        code, text = datagram
        title, _, rest = text.partition(" ")
        room = at(title)
        if code == 10:
            yield ("goodbye", text) if text.startswith(self.ENDS) else ("refused",)
        elif code == 30:
            yield "welcome", text
        elif code in (60, 80):
            yield {60: "joined", 80: "parted"}[code], title
        elif code == 100:
            who, _, said = rest.partition(" ")
            yield "said", who, said, *room
        elif code == 130 and re.match(r"Host \[[=!]\] ", text):
            yield from self.host(rest)
        elif code == 130:
            yield "whispered", title, rest
        elif code in (140, 150):
            yield {140: "entered", 150: "exited"}[code], rest, *room


class IrcSpeaker(Speaker):
    """IRC as RFC 1459 has it, from a client that asks for no capability."""

    too_long = b"PRIVMSG #lobby :" + b"x" * 6000 + b"\r\n"
    garbage = b"PRIVMSG #lobby :\xff\xfe\x00\x1b[2J\xc3(\r\n"
    delivers = False
    farewell = (("goodbye", "Quit"),)
    caps: ClassVar[str] = ""

    def __init__(self, server: Server, tls: ssl.SSLContext | None = None, source: str = "") -> None:
        super().__init__(server, tls, source)
        self._presented = False

    def login(self, name: str) -> bytes:
        self.name = name
        first = "" if self._presented else f"{self.caps}USER me 0 * :Someone\r\n"
        self._presented = True
        return f"{first}NICK :{name}\r\n".encode()

    def arrive(self, name: str) -> bytes:
        return self.login(name) + b"JOIN #lobby\r\n"

    def enter(self, name: str) -> None:
        super().enter(name)
        self.wait_for("joined", LOBBY)

    def ask(self, verb: str, **values: str) -> bytes:
        room, words = f"#{self.room}", " ".join(values.values())
        lines = {
            "say": f"PRIVMSG {room} :{words}",
            "me": f"PRIVMSG {room} :\1ACTION {words}\1",
            "msg": f"PRIVMSG {values.get('to')} :{values.get('text')}",
            "nick": f"NICK {words}",
            "join": f"JOIN #{words}",
            "part": f"PART #{words}",
            "quit": f"QUIT :{words}",
            "kick": f"KILL {words} :no reason",
        }
        return f"{lines.get(verb, f'{verb.upper()} {words}')}\r\n".encode()

    def understand(self, line: str) -> Iterable[Heard]:
        tags = ""
        if line.startswith("@"):
            tags, _, line = line[1:].partition(" ")
        match = re.fullmatch(r"(?::([^ !]+)\S* )?(\S+)((?: [^: ]\S*)*)(?: :(.*))?", line)
        assert match, f"no line of IRC: {line!r}"
        source, command, middle, last = match.groups()
        params = middle.split() + ([last] if last is not None else [])
        yield from self._event(source or "", command, params, tags)

    def _event(self, source: str, command: str, params: list[str], tags: str) -> Iterable[Heard]:
        room = at(params[0].lstrip("#")) if params and params[0].startswith("#") else ()
        if command == "001":
            yield "welcome", params[0]
        elif command == "PRIVMSG":
            yield from self._talk(source, params, tags)
        elif command == "JOIN":
            mine = source == self.name
            yield ("joined", params[0].lstrip("#")) if mine else ("entered", source, *room)
        elif command == "PART":
            yield ("parted", params[0].lstrip("#")) if source == self.name else ("exited", source, *room)
        elif command == "QUIT":
            yield "exited", source
        elif command == "KICK":
            yield "kicked", params[1], *room
        elif command == "NICK":
            self.name = params[0] if source == self.name else self.name
            yield "renamed", source, params[0]
        elif command == "ERROR":
            yield "goodbye", params[0].removeprefix("Closing link: (").removesuffix(")")
        elif command.startswith("4") and command != "422":
            yield ("refused",)

    def _talk(self, source: str, params: list[str], tags: str) -> Iterable[Heard]:
        text, acts = params[1], False
        if text.startswith("\1ACTION "):
            text, acts = text[8:].rstrip("\1"), True
        before = re.match(r"\[\d\d \w{3} \d\d:\d\d\] ", text)
        if before or "batch=h" in tags:
            yield "recalled", source, text[before.end() if before else 0 :]
        elif params[0].startswith("#"):
            yield "acted" if acts else "said", source, text, *at(params[0][1:])
        else:
            yield "whispered", source, text


class ModernIrcSpeaker(IrcSpeaker):
    """IRC with the capabilities of IRCv3 that change lines: tags, times, batches, echoes, accounts in JOIN."""

    echoes = True
    caps = (
        "CAP LS 302\r\nCAP REQ :message-tags server-time batch echo-message labeled-response extended-join "
        "account-tag away-notify setname multi-prefix userhost-in-names\r\n"
    )

    def login(self, name: str) -> bytes:
        return super().login(name) + b"CAP END\r\n"


WIRES: tuple[type[Speaker], ...] = (
    PlainSpeaker,
    TelnetSpeaker,
    JsonSpeaker,
    WebSpeaker,
    TextbookSpeaker,
    UdpSpeaker,
    IrcSpeaker,
    ModernIrcSpeaker,
)
