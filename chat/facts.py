"""What can be written: one record for each thing that lasts. They know nothing of how it is kept.

Keys are what `chat.names.key` makes of a name. Times are seconds since 1970-01-01 UTC. A change that speaks
of an account that is not there changes nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from chat.events import Acted, Said, Whispered
from record import record

Talk = Said | Acted | Whispered
"""What was said, to a room or in private."""


@record
class MessagesSaved:
    """One person has said something to a room, or several things in one go.

    `first` is the first of them: the others differ from it in their texts alone, and their ids follow on its. `text`
    is that of all of them, `lines` texts with a line feed between two; where there are several, none holds one itself.
    `sender_key` is the key of the name they were said under, a guest's too.
    """

    first: Said | Acted
    sender_key: str
    text: str
    lines: int = 1

    @property
    def last_id(self) -> int:
        """Return the id of the last of them."""
        return self.first.id + self.lines - 1


@record
class WhisperSaved:
    """Something was said in private.

    `readers` are the accounts that have seen it (the sender's too, if he has one), and find it in their history.
    `kept_for` are the accounts that were away, and find it in their inbox (if that holds fewer than `INBOX`), then
    in their history. What nobody of either may ever read again is not stored at all.
    """

    event: Whispered
    sender_key: str
    readers: tuple[str, ...] = ()
    kept_for: tuple[str, ...] = ()


@record
class AccountMade:
    """A name was registered. A key that has an account already is a fault of the caller: the first one stays."""

    key: str
    name: str
    hash: str
    at: float


@record
class AccountRemoved:
    """A name was given up: its inbox, blocks and watches go, and the private talk that nobody else may read."""

    key: str


@record
class PasswordChanged:
    """An account has another password."""

    key: str
    hash: str


@record
class AccountSeen:
    """An account was on line `at` this time: `seconds` and `messages` are added to what it had."""

    key: str
    at: float
    seconds: float = 0.0
    messages: int = 0


@record
class InboxRead:
    """An account has read what was kept for it, up to and including the message with the id `up_to`."""

    key: str
    up_to: int


@record
class Blocked:
    """`key` wants to hear no more of `other`, whom he knows as `name`. Again is harmless; the new name stays."""

    key: str
    other: str
    name: str


@record
class Unblocked:
    """`key` hears `other` again."""

    key: str
    other: str


@record
class Watched:
    """`key` wants to be told when `other` comes, whom he knows as `name`. Again is harmless; the new name stays."""

    key: str
    other: str
    name: str


@record
class Unwatched:
    """`key` need not be told about `other` any more."""

    key: str
    other: str


@record
class RoomMade:
    """There is a room; again, it has another title, description or owner. `own`: users made it, not the host."""

    name: str
    title: str
    description: str = ""
    owner: str = ""
    own: bool = True


@record
class RoomRemoved:
    """A room has ended. What was said there stays."""

    name: str


@record
class MessageRemoved:
    """What was said in the message `id` is to be found nowhere any more."""

    id: int


@record
class StandingChanged:
    """An account has this standing from now on, a number of `chat.turn.Standing`."""

    key: str
    standing: int


@record
class Sanction:
    """Somebody is kept out (`kind` ban) or may not speak (mute), until then; 0 is for ever. The same again replaces it.

    `sort` is name, account, address or network, `key` what is compared, `shown` what the host reads.
    """

    kind: str
    sort: str
    key: str
    shown: str
    until: float
    at: float
    by: str
    reason: str = ""


@record
class Lifted:
    """A sanction has ended."""

    kind: str
    sort: str
    key: str


@record
class Decided:
    """The host has decided something that is to hold after the next start, too; without a `value`: not any more."""

    name: str
    value: str


@record
class Audited:
    """Somebody who may has acted on somebody or something; `text` tells how and why, and no secret."""

    at: float
    by: str
    act: str
    on: str = ""
    text: str = ""


@record
class IdsReserved:
    """The store's own: event ids up to this one may be in use; the next start begins above it."""

    up_to: int


Change = (
    MessagesSaved
    | WhisperSaved
    | AccountMade
    | AccountRemoved
    | PasswordChanged
    | AccountSeen
    | InboxRead
    | Blocked
    | Unblocked
    | Watched
    | Unwatched
    | RoomMade
    | RoomRemoved
    | MessageRemoved
    | StandingChanged
    | Sanction
    | Lifted
    | Decided
    | Audited
    | IdsReserved
)


_TALK = (MessagesSaved, WhisperSaved)  # the tuple, not the union: four times as fast


def is_talk(change: Change) -> bool:
    """Say whether this is what people said: the first to be given up when memory for waiting changes runs out."""
    return isinstance(change, _TALK)


def last_said(changes: Sequence[Change]) -> int:
    """Return the id of what was said last in these changes; 0 where nothing was said."""
    for change in reversed(changes):
        if isinstance(change, MessagesSaved):
            return change.last_id
        if isinstance(change, WhisperSaved):
            return change.event.id
    return 0


def weigh(changes: Sequence[Change]) -> tuple[int, int]:
    """Return how many changes these are, each message counted as one, and about how many bytes of memory they take."""
    count = len(changes)
    weight = 500 * count
    for change in changes:
        if isinstance(change, MessagesSaved):
            count += change.lines - 1
            weight += sys.getsizeof(change.text)
        elif isinstance(change, WhisperSaved):
            weight += sys.getsizeof(change.event.text)
    return count, weight
