"""IRC, as modern.ircdocs.horse and IRCv3 have it: one connection. Lines in, scripts of requests and replies out.

What a verb does stands in the files beside this one, each a generator over the hub; this one reads and writes, and
keeps what a client has said of itself before it was let in.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from functools import partial
from typing import Any

from chat.events import Event, Ref, Refused, Request, Script
from chat.hub import Hub
from chat.turn import User
from record import entity, record
from wires.irc import labels, told
from wires.irc.caps import SHARED
from wires.irc.lines import LINE, Line, Unreadable, parse, write
from wires.irc.multiline import Batch
from wires.irc.numerics import Numeric
from wires.wire import Lines, Wire

Steps = Generator[Any, None, None]
"""What a verb does: it yields lines to send, and Requests to have done, whose Refused it may catch."""


@record
class House:
    """What an IRC client is told of the server. `started` is seconds since 1970 UTC; `motd` has any number of lines.

    `strangers` tells how many connections are not logged in yet.
    """

    hub: Hub
    server: str = "chat.server"
    network: str = "Chat"
    started: float = 0.0
    motd: tuple[str, ...] = ()
    strangers: Callable[[], int] = lambda: 0


@entity
class Newcomer:
    """What a client has said of itself before it was let in."""

    nick: str = ""
    user: str = ""
    realname: str = ""
    password: str = ""
    negotiating: bool = False
    version: int = 301


Verb = Callable[["Irc", User, Line], Steps]


@record
class Rule:
    """How a verb is run: with how many parameters at least, and whether also before somebody is let in."""

    run: Callable[[Irc, Any, Line], Steps]
    needs: int = 0
    early: bool = False


class Irc(Wire):
    """One connection of an IRC client."""

    name = "irc"
    pings = True
    joins = False
    personal = True

    def __init__(self, house: House, verbs: dict[str, Rule]) -> None:
        super().__init__()
        self.house: House = house
        self.hub = house.hub
        self.verbs = verbs
        self.nick = "*"
        self.greeted = False
        self.asked = ""  # the verb whose answer comes when a password has been hashed: REGISTER or AUTHENTICATE
        self.labeled = False  # what is told now answers a labeled command
        self.later: list[str] = []  # what is told when that is over
        self.caps: frozenset[str] = frozenset()
        self.newcomer = Newcomer()
        self.sasl: str | None = None  # what came of a SASL exchange that has begun
        self.batch: Batch | None = None  # a message of several lines that has begun
        self._lines = Lines(LINE)
        self._labels = labels.Collector()
        self._dialect: object = ("irc", frozenset())

    # -- a wire's duties

    @property
    def dialect(self) -> object:
        """Return what decides the bytes of a line that many get."""
        return self._dialect

    @property
    def shared(self) -> frozenset[str]:
        """Return the capabilities on which such bytes depend."""
        return self.caps & SHARED

    def receive(self, data: bytes) -> Iterator[Request | Refused | Script]:
        """Yield a script for each line."""
        for raw in self._lines.cut(data):
            if self.over:
                return
            yield Script(partial(self._obey, raw))

    @property
    def unfinished(self) -> bool:
        """Return whether half a line waits for the rest."""
        return self._lines.unfinished

    def encode(self, event: Event) -> bytes:
        """Return the lines for the event."""
        return told.encode(self, event)

    def own(self, event: Event, ref: Ref) -> bytes:
        """Return what its author gets: an echo of his words where he asked for it, his own coming and renaming."""
        return told.own(self, event)

    def join(self, pieces: list[bytes]) -> bytes:
        """Return this person's lines, the answers to labeled commands bundled."""
        return self._labels.join(pieces, "batch" in self.caps)

    def set_caps(self, caps: frozenset[str]) -> None:
        """Have these capabilities from now on."""
        self.caps = caps
        self._dialect = ("irc", caps & SHARED)

    # -- for the verbs

    def numeric(self, number: Numeric, *params: str) -> str:
        """Return a reply, addressed to this client."""
        return write(self.house.server, f"{number:03}", self.nick, *params)

    def say(self, command: str, *params: str) -> str:
        """Return a line from the server itself."""
        return write(self.house.server, command, *params)

    def notice(self, text: str) -> str:
        """Return a sentence of the server's for this client."""
        return self.say("NOTICE", self.nick, text)

    def service(self, text: str) -> str:
        """Return a sentence about accounts, from whom IRC's people expect it."""
        return f":NickServ!NickServ@{self.house.server} NOTICE {self.nick} :{text}"

    def fail(self, command: str, code: str, *context: str) -> str:
        """Return a standard reply (IRCv3 standard-replies)."""
        return self.say("FAIL", command, code, *context)

    def close(self, text: str) -> Iterator[str]:
        """Say why this connection ends, and end it."""
        yield self.error(text)
        self.over = True
        self.why = text

    def error(self, text: str) -> str:
        """Return the last line to a client."""
        return write("", "ERROR", f"Closing link: ({text})")

    # -- within

    def _obey(self, raw: bytes | None, user: User | None) -> Steps:
        """Do what a line asks; what answers it stands between the marks of its label."""
        if user is not None:
            self.nick = user.name
        try:
            line = self._read(raw)
        except Unreadable as error:
            yield self._unreadable(error)
            return
        if line is None:
            return
        whole = line.command != "BATCH"  # which is answered at its end
        label = line.tags.get("label", "")[:64] if whole and "labeled-response" in self.caps else ""
        if label:
            yield labels.opening(label)
        try:
            yield from self._run(line, user)
        except Refused as refusal:
            yield self.refused(line.command, refusal)
        if label:
            yield labels.CLOSING

    def _read(self, raw: bytes | None) -> Line | None:
        """Return the line; one that is too long as a whole is None. Raises Unreadable."""
        if raw is None:
            raise Unreadable("long")
        return parse(raw)

    def _unreadable(self, error: Unreadable) -> str:
        if error.why == "encoding":
            return self.fail(error.command, "INVALID_UTF8", "This server speaks UTF-8, and that line is none.")
        return self.numeric(Numeric.ERR_INPUTTOOLONG, "Input line was too long")

    def _run(self, line: Line, user: User | None) -> Steps:
        rule = self.verbs.get(line.command)
        if rule is None:
            yield self.numeric(Numeric.ERR_UNKNOWNCOMMAND, line.command[:32], "Unknown command")
        elif user is None and not rule.early:
            yield self.numeric(Numeric.ERR_NOTREGISTERED, "You have not registered")
        elif len([value for value in line.params[: rule.needs] if value]) < rule.needs:
            yield self.numeric(Numeric.ERR_NEEDMOREPARAMS, line.command, "Not enough parameters")
        else:
            yield from rule.run(self, user, line)

    def refused(self, command: str, refusal: Refused) -> str:
        """Return a refusal for which IRC has no number of its own."""
        if "standard-replies" in self.caps:
            return self.fail(command, refusal.code.upper(), refusal.text)
        return self.notice(refusal.text)
