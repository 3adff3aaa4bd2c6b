"""Puts what arrives into the order in which the room has it.

What one says oneself comes back only once it is stored, and meanwhile others are heard. So while something of one's own
is on the way, what others say waits for it: a moment, not longer, for a disk may hang.
"""

from __future__ import annotations

from typing import Any

MOMENT = 0.25  # seconds that anything waits at most

Found = dict[str, Any]


class Order:
    """Hand every object to `sort`; when it has returned less than it was given, call `release` after a MOMENT."""

    def __init__(self) -> None:
        self._held: list[tuple[int, Found]] = []

    @property
    def holds(self) -> bool:
        """Is something held back?"""
        return bool(self._held)

    def sort(self, found: Found, *, waiting: bool) -> list[Found]:
        """Return what is to be heard now; `waiting` says that a request of one's own is not answered yet."""
        number = found.get("id")
        if not isinstance(number, int):
            return [*self.release(), found]
        self._held.append((number, found))
        if not waiting:
            return self.release()
        return self._release_until(number) if found.get("event") == "accepted" else []

    def release(self) -> list[Found]:
        """Return all that was held back, in order."""
        held, self._held = self._held, []
        return [found for _, found in sorted(held, key=_number)]

    def _release_until(self, number: int) -> list[Found]:
        """Messages are stored in their order: nothing of one's own can come before this one any more."""
        ready = [found for found in sorted(self._held, key=_number) if found[0] <= number]
        self._held = [found for found in self._held if found[0] > number]
        return [found for _, found in ready]


def _number(found: tuple[int, Found]) -> int:
    return found[0]
