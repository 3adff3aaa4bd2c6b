"""More of the words that travel: how rooms and people change while they are there. Follows `chat.events`."""

from __future__ import annotations

from chat.events import NOBODY, Event, Identity
from record import record


@record
class Described(Event):
    """A person said what a room is about: its description, or topic. Empty: it has none now."""

    room: str
    by: str
    text: str
    who: Identity = NOBODY


@record
class Moded(Event):
    """A person changed who may do what in a room: `changes` as IRC writes them, such as `+o-v ann bob`."""

    room: str
    by: str
    changes: str
    who: Identity = NOBODY


@record
class Invited(Event):
    """To the one who is asked into a room by a person. `title` is the room's."""

    room: str
    title: str
    by: str
    name: str
    who: Identity = NOBODY


@record
class Inviting(Event):
    """To those in a room: a person asked another in."""

    room: str
    by: str
    name: str
    who: Identity = NOBODY


@record
class Tagged(Event):
    """A sign for clients that know it, to a room or to one person, such as "is typing" (IRCv3 TAGMSG).

    Or, as `query`, what clients ask one another behind the backs of people (CTCP); `reply` where it answers one.
    """

    room: str
    sender: str
    to: str
    tags: str
    who: Identity = NOBODY
    query: str = ""
    reply: bool = False


@record
class Rested(Event):
    """A person is away, for the reason `text`, though on line; empty: he is back."""

    name: str
    text: str
    who: Identity = NOBODY


@record
class Presented(Event):
    """A person gave another real name, or logged in to an account meanwhile: `who` as it is now."""

    name: str
    who: Identity
    account: bool = False


@record
class Called(Event):
    """An operator tells something to all who want to hear it."""

    sender: str
    text: str
    who: Identity = NOBODY


@record
class Announced(Event):
    """The host, or an operator, tells everybody something, in whatever rooms they are."""

    sender: str
    text: str
    who: Identity = NOBODY


@record
class Removed(Event):
    """A message is to be shown no more: its author has taken it back, or an operator has removed it.

    `message` is its id, `room` where it was said: empty where it was said in private, `to` these.
    """

    room: str
    message: int
    sender: str
    by: str
    reason: str = ""
    to: tuple[str, ...] = ()
    who: Identity = NOBODY


@record
class Slowed(Event):
    """A person may say something in a room only once in so many seconds; 0: as often as he likes."""

    room: str
    by: str
    seconds: int
    who: Identity = NOBODY


@record
class Coloured(Event):
    """To one person, who asked for it: what he sees has colours from now on, or none any more."""

    on: bool
