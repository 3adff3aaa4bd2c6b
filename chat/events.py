"""The words that travel between the layers: what is asked, what happened, and what is refused.

Requests are imperative, events are in the past tense. This file knows neither who hears an event nor
how it looks on a wire.

Times (`at`) are seconds since 1970-01-01 UTC. An `id` grows by at least one with every event the hub
accepts; its order is the order in which everybody sees them.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from typing import Any

from record import record

Ref = object
"""What was put on a request to recognise the answer; None where nothing was."""


@record
class Request:
    """One thing a visitor asks for.

    `rest` is what followed the verb on a typed line. Programs that name their values send `fields`
    instead; then `rest` is empty, and None stands for a value that is no text. `ref` comes back with every answer to
    this request.
    """

    verb: str
    rest: str = ""
    fields: Mapping[str, str | None] | None = None
    ref: Ref = None

    def field(self, name: str) -> str:
        """Return the value called `name`, empty where there is none. Raises Refused `bad_request` for no text."""
        value = (self.fields or {}).get(name, "")
        if value is None:
            raise Refused("bad_request", f"{name} must be a string, a whole number or a list of strings.", self.ref)
        return value


@record
class Speech:
    """What was typed line after line, none of it a command: each line of `text` is said by itself."""

    text: str


@record
class Script:
    """What a wire whose language is about the room itself has to say and to ask, step by step.

    `steps` is called with the User (None before the login) in his turn. It yields Requests to be done, whose Refused
    it may catch, and content that is told to him as `Answered`, in the order of everything else.
    """

    steps: Callable[[Any], Generator[Any, None, None]]


@record
class Identity:
    """What some wires show of a person besides the name. `account` is empty for a guest; `host` tells no address."""

    ident: str = ""
    host: str = ""
    account: str = ""
    realname: str = ""
    bot: bool = False


NOBODY = Identity()
"""Where nothing is known, as of those who spoke before the last start."""


@record
class Form:
    """How something was said, for wires that tell the difference.

    A `notice` asks programs not to answer. `tags` are for clients that know them (IRCv3 message-tags, client-only).
    `cuts` are the places where the author's client has cut long lines, for wires whose lines are as short. With a
    `sign` it was said only to those in the room who have it before their name.
    """

    notice: bool = False
    tags: str = ""
    cuts: tuple[int, ...] = ()
    sign: str = ""


AS_USUAL = Form()


class Refused(Exception):
    """A request that is not granted: `code` for programs (stable), `text` for the person (a sentence).

    `ref` is that of the request where a wire could not even make a `Request` of it.
    """

    def __init__(self, code: str, text: str, ref: Ref = None) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.ref = ref

    def __reduce__(self) -> tuple[Any, ...]:
        """Say how it is made again."""
        return type(self), (self.code, self.text, self.ref)


Wish = Request | Speech | Script | Refused
"""What a wire makes of bytes; of what it cannot read, a refusal."""


def singly(requests: Iterable[Wish]) -> Iterator[Wish]:
    """Yield what is asked, with a request of its own for each line that was said."""
    for request in requests:
        if isinstance(request, Speech):
            yield from (Request("say", line) for line in request.text.split("\n"))
        else:
            yield request


@record
class Event:
    """Something that happened, at a time."""

    id: int
    at: float


@record
class Said(Event):
    """A person said something to a room. `text` may hold line feeds where a wire can carry them."""

    room: str
    sender: str
    text: str
    who: Identity = NOBODY
    form: Form = AS_USUAL


@record
class Acted(Event):
    """A person did something, told in the third person: `* alice waves`."""

    room: str
    sender: str
    text: str
    who: Identity = NOBODY
    form: Form = AS_USUAL


@record
class Whispered(Event):
    """A private message. `to` names those it reached, `kept` those who will find it in their inbox.

    `away` are those it did not reach. `kept` and `away` are told to the sender alone.
    """

    sender: str
    to: tuple[str, ...]
    text: str
    away: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    who: Identity = NOBODY
    form: Form = AS_USUAL


@record
class Entered(Event):
    """A person came into a room. `here` are the first names present now, `count` how many are present in all."""

    room: str
    name: str
    here: tuple[str, ...] = ()
    count: int = 0
    who: Identity = NOBODY


@record
class Left(Event):
    """A person went out of a room, or was put out of it `by` somebody. `reason` is what a person gave as one, or empty.

    `gone` where he is off line now; who has heard so in another room (`again`) hears it here once more.
    """

    room: str
    name: str
    reason: str = ""
    kicked: bool = False
    here: tuple[str, ...] = ()
    count: int = 0
    who: Identity = NOBODY
    by: str = ""
    by_who: Identity = NOBODY
    gone: bool = False
    again: bool = False


@record
class Gone(Event):
    """A person is off line: for wires that tell so once, to those who share only a later room of his with him."""

    name: str
    reason: str = ""
    who: Identity = NOBODY


@record
class Renamed(Event):
    """A person took another name."""

    old: str
    new: str
    here: tuple[str, ...] = ()
    count: int = 0
    who: Identity = NOBODY


@record
class Welcomed(Event):
    """To a newcomer alone: the name is accepted, and these are here (the newcomer last), in order of arrival."""

    room: str
    title: str
    name: str
    here: tuple[str, ...]
    ref: Ref = None
    token: str = ""


@record
class Joined(Event):
    """To the one who came into a room: it is his current one now, and these are in it, in order of arrival."""

    room: str
    title: str
    description: str
    here: tuple[str, ...]
    ref: Ref = None


@record
class Parted(Event):
    """To the one who left a room: `current` is the room he is in now."""

    room: str
    title: str
    current: str
    current_title: str
    ref: Ref = None


@record
class Recalled(Event):
    """To one person: what was said before, oldest first. `room` is empty where it comes from several places."""

    room: str
    events: tuple[Said | Acted | Whispered, ...]
    ref: Ref = None


@record
class Resumed(Event):
    """To one who has come back: what was said to him meanwhile, and what of it was removed, oldest first.

    `cut` where only the end of it is there, since outboxes are bounded.
    """

    events: tuple[Event, ...]
    cut: bool = False


@record
class Seen(Event):
    """To one who watches for it: someone has come on line under this name."""

    name: str


@record
class Missed(Event):
    """To one who watches for it: the name is nobody's any more."""

    name: str


@record
class Told(Event):
    """The answer to a command, to the one who asked. `text` has one or more lines."""

    about: str
    text: str
    ref: Ref = None


@record
class Person:
    """One row of a list of people. `seconds` is the time on line; `address` and `wire` are for the host alone.

    `away` is why he is not at his keyboard.
    """

    name: str
    seconds: int
    rooms: tuple[str, ...]
    address: str = ""
    wire: str = ""
    away: str = ""


@record
class Listed(Event):
    """The answer to a question who is here, to the one who asked."""

    about: str
    room: str
    people: tuple[Person, ...]
    ref: Ref = None


@record
class Place:
    """One row of a list of rooms."""

    room: str
    title: str
    description: str
    count: int


@record
class Mapped(Event):
    """The answer to a question which rooms there are, to the one who asked. `current` is his own."""

    places: tuple[Place, ...]
    current: str
    ref: Ref = None


@record
class Declined(Event):
    """The answer to a request that was refused, to the one who asked. `about` is its verb, `login` before the login."""

    about: str
    code: str
    text: str
    ref: Ref = None


@record
class Answered(Event):
    """To one person: what his own wire has put together in his turn. Nothing for anybody else."""

    content: Any


@record
class Proven(Event):
    """To someone who is not in the room yet: he has proven the password of `account`."""

    account: str


@record
class Asked(Event):
    """A question to someone who is not logged in yet, such as the name."""

    about: str
    text: str


@record
class Pinged(Event):
    """Are you there? Only wires whose clients can answer by themselves carry it."""


@record
class Ponged(Event):
    """Yes, I am here."""

    ref: Ref = None


@record
class Ended(Event):
    """The last word to someone: why the connection is about to close."""

    code: str
    text: str


@record
class Noted(Event):
    """A line for the host's console: who connected from where, who is off line and why."""

    text: str
