"""What a hub has done elsewhere because it must not wait: slow work, and reading what was kept.

The contracts, and the one rule for all of it: who asks is answered in order, whatever takes how long.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from chat.turn import User


class Aside(Protocol):
    """Does work that takes long somewhere else, and comes back with the result. Raises Refused `busy`."""

    def run(self, work: Callable[[], Any], then: Callable[[Any], None]) -> None: ...


class AtOnce:
    """Does it here and now: for a hub without a loop."""

    def run(self, work: Callable[[], Any], then: Callable[[Any], None]) -> None:
        """Call `then` with the result of `work`."""
        then(work())


class Memory(Protocol):
    """What is kept for good, asked by a hub that must not wait: the answer, or a Refused, comes in a later turn."""

    def history(
        self,
        rooms: tuple[str, ...],
        person: str,
        count: int,
        without: tuple[str, ...],
        answer: Callable[[Any], None],
        *,
        before: int | None = None,
    ) -> None:
        """Ask for what was said last in `rooms`, and in private with the account `person`; not by those `without`.

        With `before`, only what has a lower id counts.
        """

    def inbox(self, person: str, answer: Callable[[Any], None]) -> None:
        """Ask for what waits for the account `person`."""

    def find(self, number: int, answer: Callable[[Any], None]) -> None:
        """Ask for what was said in a room under this id: one message, or none."""


def in_order(
    user: User,
    ask: Callable[[Callable[[Any], None]], None],
    answer: Callable[[Any], None],
    after: Callable[[Callable[[], None]], None] = lambda then: then(),
) -> None:
    """Ask for something whose `answer` comes later; until it does, nothing more is heard from `user`.

    Else a `/quit`, or the end of a script, would overtake the `/register` before it. What `ask` raises goes on.
    `after` does what it is given when the answer has really gone out.
    """
    go_on = user.listener.wait()

    def answered(found: Any) -> None:
        try:
            answer(found)
        finally:
            after(go_on)

    try:
        ask(answered)
    except Exception:
        go_on()
        raise
