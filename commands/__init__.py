"""One file per verb, and the table that is made of them at start.

The table serves the console, typed `/verb` lines and programs alike. The checks that verbs share stand here:
who may use it, what must be given, and the cleaning of what came from the network. It knows no wire.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from chat.events import Acted, Event, Listed, Ref, Refused, Request, Said, Speech, Told, Whispered
from chat.house import House
from chat.hub import Hub
from chat.limits import Limits, ledger
from chat.links import Front
from chat.moderation import is_shown
from chat.text import clean, has_blank_line
from chat.turn import Room, Standing, User
from record import field, record

Talk = TypeVar("Talk", Said, Whispered, Said | Acted | Whispered)
LONGEST = Limits().message  # characters in a message where nobody has set another limit
ANSWER = 200_000  # characters in one answer, so at most 800 KB
_IN_WORDS = {"to": "name", "minutes": "number of minutes", "who": "name, address or network"}
"""Parameters whose names read badly in a sentence."""
_HOST = Standing.HOST  # looked up once, not three times a message


@record
class Call:
    """One use of a command: by whom, with what, and where to answer."""

    hub: Hub
    user: User
    table: Table
    ref: Ref = None

    def tell(self, about: str, text: str) -> None:
        """Answer with one or more lines of text."""
        self.answer(Told(*self.hub.stamp(), about, text, self.ref))

    def place(self, room: str) -> Room:
        """Return the room that a program names, or the one the caller talks in. Raises Refused `no_room`."""
        if not room:
            return self.user.room
        found = self.hub.rooms.get(room)
        if not is_shown(found, self.user):
            raise Refused("no_room", f"There is no room {room}.")
        return found

    def list_people(self, about: str, people: Iterable[User]) -> None:
        """Answer with a row for each of `people`."""
        rows = self.hub.people(people, self.user)
        room = self.user.current or self.hub.rooms.lobby
        self.answer(Listed(*self.hub.stamp(), about, room.name, rows, self.ref))

    def answer(self, event: Event) -> None:
        """Answer with an event, to this person alone."""
        self.hub.tell(self.user, event)


@record
class Command:
    """One verb.

    `params` names the arguments: `"to text"`; `?` after one makes it and those behind it optional. The last takes the
    rest of the line. `run` gets the call and one string per argument, empty where an optional one is missing. `bare`
    verbs may be typed by the host in capitals, without a slash, and so may the words in `capitals`, which have another
    meaning behind a slash; `guests` alone have a use for others. With `raw` the
    arguments are not cleaned, because the command must see, and refuse, what is wrong with them. `more` names values
    that only programs send; `run` gets those that are there by name.
    """

    name: str
    help: str
    run: Callable[..., None]
    params: str = ""
    aliases: tuple[str, ...] = ()
    standing: Standing = Standing.GUEST
    bare: bool = False
    capitals: tuple[str, ...] = ()
    guests: bool = False
    raw: bool = False
    more: str = ""
    names: tuple[str, ...] = field(init=False)
    needed: int = field(init=False)

    def __post_init__(self) -> None:
        words = self.params.split()
        if not (self.name and self.help):
            raise ValueError(f"The command {self.name!r} has no name or no help.")
        object.__setattr__(self, "names", tuple(word.rstrip("?") for word in words))
        object.__setattr__(self, "needed", sum(not word.endswith("?") for word in words))

    def usage(self, console: bool) -> str:
        """Return how it is typed: with a slash, or on the console, where it may be, in capitals."""
        shown = [f"[{word[:-1]}]" if word.endswith("?") else word for word in self.params.split()]
        return " ".join([self.name.upper() if console and self.bare else f"/{self.name}", *shown])

    def arguments(self, request: Request, console: bool) -> list[str]:
        """Return one string per parameter. Raises Refused `missing`, `empty` or `too_long`."""
        if request.fields is not None:
            given = self._pick(request)
        else:
            given = [request.rest] if len(self.names) == 1 else self._split(request.rest)
        if not self.raw:
            given = [clean(value) for value in given]
        most = ledger.limits.message
        for index, value in enumerate(given):
            if index < self.needed and (not value or value.isspace()):
                name = self.names[index]
                what = _IN_WORDS.get(name, name)
                raise Refused(
                    "empty" if name == "text" else "missing", f"{self.usage(console)}: the {what} is missing."
                )
            if len(value) > most:
                ledger.hit("message")
                raise Refused("too_long", f"A message has at most {most:,} characters; nothing was sent.")
        return given

    def _split(self, rest: str) -> list[str]:
        if not self.names:
            return []
        words = rest.split(None, len(self.names) - 1)
        return words + [""] * (len(self.names) - len(words))

    def _pick(self, request: Request) -> list[str]:
        return [request.field(name) for name in self.names]

    def extras(self, request: Request) -> dict[str, str]:
        """Return what programs have sent besides the arguments."""
        given = request.fields or {}
        return {name: clean(request.field(name)) for name in self.more.split() if name in given}


class Table:
    """All verbs, by name and alias."""

    def __init__(self, commands: Iterator[Command]) -> None:
        self.front = Front()
        self.house = House()
        self.commands: list[Command] = sorted(commands, key=lambda command: command.name)
        self._verbs: dict[str, Command] = {}
        self._bare: dict[str, str] = {}  # what the host types in capitals, and the verb that it is
        for command in self.commands:
            for verb in (command.name, *command.aliases):
                if self._verbs.setdefault(verb, command) is not command:
                    raise ValueError(f"Two commands are called {verb}: {command.name} and {self._verbs[verb].name}.")
            if command.bare:
                words = (*command.aliases, command.name, *command.capitals)
                self._bare |= {word.upper(): command.name for word in words}

    def read(self, user: User | None, line: str) -> Request:
        """Return the request behind a typed line: `/verb rest`, a bare verb of the host's, or something said.

        `//text` says `/text`.
        """
        if line.startswith("//"):
            return Request("say", line[1:])
        verb, _, rest = line.partition(" ")
        if line.startswith("/"):
            return Request(verb[1:].lower(), rest.strip())
        if user is not None and user.standing is Standing.HOST and verb in self._bare:
            return Request(self._bare[verb], rest.strip())
        return Request("say", line)

    def run(self, hub: Hub, user: User, request: Request) -> None:
        """Do what `user` asks. Raises Refused where he may not, or where something is missing."""
        command = self.get(request.verb, user)
        arguments = command.arguments(request, user.standing is _HOST)
        extras = command.extras(request) if request.fields else {}
        command.run(Call(hub, user, self, request.ref), *arguments, **extras)

    def speak(self, hub: Hub, user: User, speech: Speech) -> bool:
        """Say each line; False, and nothing is said, where one may have to be refused."""
        text = clean(speech.text)
        if has_blank_line(text) or len(text) > ledger.limits.message or not hub.may_go_on(user):
            return False
        hub.say_all(user, text)
        return True

    def get(self, verb: str, user: User) -> Command:
        """Return the command `user` means. Raises Refused `unknown_command` or `not_allowed`."""
        command = self._verbs.get(verb)
        console = user.standing is _HOST
        if command is None:
            shown = f"/{clean(verb)[:32]}"
            raise Refused(
                "unknown_command", f"There is no command {shown}. {'HELP' if console else '/help'} lists them."
            )
        if command.standing > user.standing:
            who = "the host" if command.standing is Standing.HOST else "the host, and who is an operator,"
            raise Refused("not_allowed", f"Only {who} may use /{command.name}.")
        if command.guests and console:
            raise Refused(
                "not_allowed", f"/{command.name} is for guests. HELP lists your commands; EXIT closes the room."
            )
        return command

    def allowed(self, user: User) -> list[Command]:
        """Return the commands someone may use, by name."""
        host = user.standing is Standing.HOST
        return [
            command for command in self.commands if command.standing <= user.standing and not (host and command.guests)
        ]

    def verb(self, user: User | None, word: str) -> str:
        """Return the verb that a word stands for: `/kick`, or in capitals what the host types so."""
        host = user is not None and user.standing is Standing.HOST
        verb = word.lstrip("/").lower()
        return self._bare.get(word, verb) if host else verb

    def expected(self, user: User | None, line: str) -> str:
        """Return what the last word of a typed line is, by the name of the parameter; empty where there is none."""
        first, *words = line.split(" ")
        command = self._verbs.get(self.verb(user, first)) if first.startswith("/") or first in self._bare else None
        return command.names[min(len(words), len(command.names)) - 1] if command and command.names and words else ""

    def verbs(self) -> list[str]:
        """Return the verbs as the host types them: bare in capitals, and all with a slash."""
        return list(self._bare) + [f"/{command.name}" for command in self.commands]


def fit(found: Iterable[Talk]) -> list[Talk]:
    """Return as many of the messages, from the first on, as go into one answer: outboxes are bounded."""
    left = ANSWER
    fitting: list[Talk] = []
    for message in found:
        left -= len(message.text) + 100
        if left < 0:
            break
        fitting.append(message)
    return fitting


def number(word: str, usual: int, most: int, least: int = 1) -> int:
    """Return the number in `word`, `usual` where it is empty. Raises Refused `bad_number`."""
    if not word:
        return usual
    if not (word.isascii() and word.isdigit() and len(word) < 10 and least <= int(word) <= most):
        raise Refused("bad_number", f"{word[:20]} will not do; give a whole number from {least} to {most}.")
    return int(word)


def load() -> Table:
    """Make the table from the files in this folder. A file that does not import, or has no COMMAND, stops the start."""
    found = sorted(file.stem for folder in __path__ for file in Path(folder).glob("[!_]*.py"))
    return Table(iter([importlib.import_module(f"{__name__}.{name}").COMMAND for name in found]))
