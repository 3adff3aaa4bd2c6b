"""What waits to be written, in order, and within bounds. It knows neither the file nor the threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from chat.facts import Change, is_talk, weigh
from record import entity, field

Done = Callable[[], None]

CHANGES = 50_000
BYTES = 32 * 1024 * 1024
"""What may wait, while a disk is full or slow."""

SPARE = 0.98
"""Down to which part of that it is cut when it is too much: not for every change anew, and never for long (2 ms)."""


@entity
class Turn:
    """The changes of one turn; `done` is None where nobody waits, or where something of it was given up."""

    changes: Sequence[Change]
    done: Done | None
    count: int = field(init=False)
    weight: int = field(init=False)

    def __post_init__(self) -> None:
        self.count, self.weight = weigh(self.changes)


class Backlog:
    """Turns in a queue. Beyond its bounds the oldest talk goes first; only when there is none left, what is oldest."""

    def __init__(self, most: int = CHANGES, heaviest: int = BYTES) -> None:
        self.count = 0  # each message counted as one
        self.changes = 0
        self.lost = 0
        self._most = most
        self._heaviest = heaviest
        self._weight = 0
        self._turns: deque[Turn] = deque()

    def __len__(self) -> int:
        return len(self._turns)

    def put(self, changes: Sequence[Change], done: Done | None) -> None:
        """Append one turn."""
        turn = Turn(changes, done)
        self._turns.append(turn)
        self._count(turn, 1)
        if self._beyond(1):
            self._shed()

    def take(self, most: int, heaviest: int) -> list[Turn]:
        """Remove and return the first turns: at least one, and others as long as they are no more changes than this."""
        taken: list[Turn] = []
        while self._turns and most > 0 and heaviest > 0:
            taken.append(self._pop())
            most -= len(taken[-1].changes)
            heaviest -= taken[-1].weight
        return taken

    def _pop(self) -> Turn:
        turn = self._turns.popleft()
        self._count(turn, -1)
        return turn

    def _count(self, turn: Turn, sign: int) -> None:
        self.count += sign * turn.count
        self.changes += sign * len(turn.changes)
        self._weight += sign * turn.weight

    def _beyond(self, part: float) -> bool:
        return self.count > part * self._most or self._weight > part * self._heaviest

    def _shed(self) -> None:
        """Give up talk, from the oldest on; if all of it is not enough, whole turns."""
        kept: list[Turn] = []
        while self._turns and self._beyond(SPARE):
            turn = _without_talk(before := self._pop())
            self.lost += before.count - turn.count
            if turn.changes or turn.done:
                kept.append(turn)
                self._count(turn, 1)
        self._turns.extendleft(reversed(kept))
        while self._beyond(SPARE):
            self.lost += self._pop().count


def _without_talk(turn: Turn) -> Turn:
    rest = [change for change in turn.changes if not is_talk(change)]
    return turn if len(rest) == len(turn.changes) else Turn(rest, None)
