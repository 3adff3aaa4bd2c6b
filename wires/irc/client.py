"""What is known of one IRC client: what it has said of itself, what it understands; and how it is answered.

It knows the hub, but no verb and no event.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Any

from chat.events import Refused
from chat.hub import Hub
from chat.turn import User
from record import entity, record
from wires.irc.caps import SHARED
from wires.irc.lines import Line, write
from wires.irc.multiline import Batch
from wires.irc.numerics import Numeric
from wires.wire import dialects

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


@record
class Rule:
    """How a verb is run: with how many parameters at least, and whether also before somebody is let in."""

    run: Callable[[Client, Any, Line], Steps]
    needs: int = 0
    early: bool = False


class Verbs(dict[str, Rule]):
    """What clients may send, by verb."""


class Client:
    """One client. Once it is `over`, everything has been said; `why` is for the host."""

    def __init__(self, house: House, verbs: Verbs) -> None:
        self.house = house
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
        self.dialect: object = ("irc", frozenset())
        self.over = False
        self.why = ""

    def is_this(self, user: User) -> bool:
        """Return whether it is this client that brings events to `user`."""
        return getattr(user.listener.wire, "client", None) is self

    def set_caps(self, caps: frozenset[str]) -> None:
        """Have these capabilities from now on; those that change what many get make a dialect."""
        self.caps = caps
        self.dialect = ("irc", caps & SHARED)
        dialects.changes += 1

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

    def refused(self, command: str, refusal: Refused) -> str:
        """Return a refusal for which IRC has no number of its own."""
        if "standard-replies" in self.caps:
            return self.fail(command, refusal.code.upper(), refusal.text)
        return self.notice(refusal.text)
