"""Where a turn's events are posted, and what is to be kept for good, until somebody takes them all.

It gives each event its id and its time, and knows no rules: who may do what is for the hub to say.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from chat.elsewhere import Memory
from chat.events import Declined, Event, Noted, Ref, Refused, Told
from chat.turn import Post, Room, Turn, User


class Clock(Protocol):
    """`monotonic` for how long, `time` for when; both in seconds."""

    def monotonic(self) -> float: ...
    def time(self) -> float: ...


class Board:
    """The posts of this turn. `first_id` is that of the first event."""

    def __init__(self, clock: Clock, first_id: int) -> None:
        self.clock = clock
        self.host: User | None = None
        self.memory: Memory | None = None
        self._id = first_id - 1
        self._turn = Turn()

    def tell(self, user: User, event: Event) -> None:
        """Tell one person something."""
        self.post(event, to=(user,))

    def post(
        self,
        event: Event,
        room: Room | None = None,
        to: tuple[User, ...] = (),
        *,
        author: User | None = None,
        ref: Ref = None,
    ) -> None:
        """Have `event` told to `room`, and to the people in `to`; its `author` gets his own version."""
        self._turn.posts.append(Post([event], room, to, author, ref))

    def inform(self, user: User, about: str, text: str, ref: Ref = None) -> None:
        """Tell one person something in words."""
        self.tell(user, Told(*self.stamp(), about, text, ref))

    def decline(self, user: User, about: str, refusal: Refused, ref: Ref = None) -> None:
        """Refuse one person something, after his request has ended."""
        self.tell(user, Declined(*self.stamp(), about, refusal.code, refusal.text, ref))

    @property
    def newest(self) -> int:
        """Return the id of the newest event."""
        return self._id

    def stamp(self) -> tuple[int, float]:
        """Return the id and the time for an event."""
        self._id += 1
        return self._id, self.clock.time()

    def stamps(self, count: int) -> tuple[int, float]:
        """Return the id of the first of so many events, which have ids one after the other, and their time."""
        first = self._id + 1
        self._id += count
        return first, self.clock.time()

    def note(self, text: str) -> None:
        """Write a line on the host's console."""
        if self.host is not None:
            self.tell(self.host, Noted(*self.stamp(), text))

    def keep(self, fact: Any) -> None:
        """Have something kept for good, where anything is."""
        if self.memory is not None:
            self._turn.facts.append(fact)

    def when_kept(self, action: Callable[[], None]) -> None:
        """Call `action` once everything that this turn keeps is safe."""
        self._turn.when_kept.append(action)

    def restart(self, user: User) -> None:
        """Let someone hear nothing of this turn that was posted before now."""
        self._turn.since[user] = len(self._turn.posts)

    @property
    def posted(self) -> Turn:
        """Return what was posted since the last `take`."""
        return self._turn

    def take(self) -> Turn:
        """Return what was posted since the last call, and begin a new turn."""
        turn, self._turn = self._turn, Turn()
        turn.lasts = self.memory is not None
        return turn
