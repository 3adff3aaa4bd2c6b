"""What can be read: all that is needed at the start, the questions asked later, and their answers."""

from __future__ import annotations

from chat.events import Acted, Said
from chat.facts import Audited, Sanction
from record import field, record

INBOX = 500
"""Messages that are kept for one account."""

PAGE = 1000
"""Messages that one question can ask for."""


@record
class Account:
    """A registered name. `inbox` counts what waits for it; `blocked` and `watched` map the others' keys to names."""

    key: str
    name: str
    hash: str
    made: float
    seen: float
    seconds: float = 0.0
    messages: int = 0
    inbox: int = 0
    blocked: dict[str, str] = field(default_factory=dict)
    watched: dict[str, str] = field(default_factory=dict)
    standing: int = 1


@record
class StoredRoom:
    """A room that was there when the server ended. `owner` is an account's key, or empty."""

    name: str
    title: str
    description: str
    owner: str
    own: bool


@record
class Loaded:
    """All that the server starts with.

    Accounts by key, rooms by name, the last words of each room, who is kept out or silent, what the host and the
    operators did last (oldest first, all three), and what else the host has decided, by name.
    """

    accounts: dict[str, Account]
    rooms: dict[str, StoredRoom]
    recent: dict[str, tuple[Said | Acted, ...]]
    sanctions: tuple[Sanction, ...] = ()
    trail: tuple[Audited, ...] = ()
    decisions: dict[str, str] = field(default_factory=dict)


@record
class History:
    """Ask for the last `n` (at most `PAGE`) things said in these rooms, and in private to or by the account `person`.

    `before` is an event id: only what is older counts; None for the newest. What the keys in `without` said is
    left out. The answer is oldest first.
    """

    rooms: tuple[str, ...]
    person: str = ""
    before: int | None = None
    n: int = 50
    without: tuple[str, ...] = ()


@record
class Inbox:
    """Ask for the oldest `n` (at most `PAGE`) messages that are kept for the account `person`, oldest first."""

    person: str
    n: int = INBOX


@record
class Find:
    """Ask for what was said in a room under an id: one thing, or nothing."""

    id: int


@record
class Failure:
    """The answer to a question that could not be answered; `text` is a sentence for the person who asked."""

    text: str


@record
class Figures:
    """How the store does: changes that wait, changes that were lost, and the longest commit so far in seconds."""

    healthy: bool
    pending: int
    lost: int
    longest_commit: float
