"""What a hub has done elsewhere because it must not wait: slow work, and reading what was kept. Only the contracts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


class Aside(Protocol):
    """Does work that takes long somewhere else, and comes back with the result. Raises Refused `busy`."""

    def run(self, work: Callable[[], Any], then: Callable[[Any], None]) -> None: ...


class AtOnce:
    """Does it here and now: for a hub without a loop."""

    def run(self, work: Callable[[], Any], then: Callable[[Any], None]) -> None:
        """Call `then` with the result of `work`."""
        then(work())


class Memory(Protocol):
    """What is kept for good, asked from a hub that must not wait: the answer comes in a later turn."""

    def history(self, rooms: tuple[str, ...], key: str | None, count: int, answer: Callable[[Any], None]) -> None: ...
    def inbox(self, key: str, answer: Callable[[Any], None]) -> None: ...
