"""What a room remembers of what was said last, without asking the disk. Bounded in messages and in characters."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain, islice

from chat import names
from chat.events import Acted, Said
from chat.spoken import Spoken

RECENT = 200  # messages
CHARACTERS = 200_000  # in all of those together

Talk = Said | Acted


class Scrollback:
    """The last `RECENT` messages, oldest first.

    What was said in one go stays together, so that a little more is kept than is shown, until all of that go is older.
    """

    __slots__ = ("_characters", "_count", "_forgotten", "_goes")

    def __init__(self, past: Iterable[Talk] = ()) -> None:
        self._goes: deque[Sequence[Talk]] = deque()
        self._count = 0
        self._characters = 0
        self._forgotten = 0  # the id of what was forgotten last
        if found := [*past]:
            self.add(found)

    def __len__(self) -> int:
        return min(self._count, RECENT)

    def __iter__(self) -> Iterator[Talk]:
        return islice(chain.from_iterable(self._goes), max(0, self._count - RECENT), None)

    def __reversed__(self) -> Iterator[Talk]:
        return islice((event for go in reversed(self._goes) for event in reversed(go)), RECENT)

    def add(self, go: Sequence[Talk]) -> None:
        """Remember what somebody has said in one go."""
        self._goes.append(go)
        self._count += len(go)
        self._characters += _size(go)
        while self._count - len(self._goes[0]) >= RECENT:
            self._drop()
        while self._characters > CHARACTERS:
            if len(self._goes[0]) > 1:
                self._goes.extendleft([[event] for event in reversed(self._goes.popleft())])
            self._drop()

    def remove(self, number: int) -> None:
        """Forget the message with this id, if there is one."""
        index = next((index for index, go in enumerate(self._goes) if _last(go) >= number), None)
        if index is None:
            return
        go = self._goes[index]
        rest = [event for event in go if event.id != number]
        if len(rest) == len(go):
            return
        self._count -= len(go) - len(rest)
        self._characters -= _size(go) - _size(rest)
        if rest:
            self._goes[index] = rest
        else:
            del self._goes[index]

    def may_lack(self, since: int) -> bool:
        """Return whether something that was said after the event `since` may not be remembered."""
        return self._forgotten > since or (self._count >= RECENT and next(iter(self)).id > since)

    def last(self, most: int, characters: int = CHARACTERS, without: Collection[str] = ()) -> tuple[Talk, ...]:
        """Return what was said last, oldest first: at most `most` messages and so many `characters` in all.

        What those said whose keys are in `without` is left out.
        """
        found: list[Talk] = []
        for event in islice(reversed(self), most):
            if not without or names.key(event.sender) not in without:
                characters -= len(event.text)
                if characters < 0:
                    break
                found.append(event)
        return tuple(reversed(found))

    def _drop(self) -> None:
        """Forget the oldest go."""
        go = self._goes.popleft()
        self._count -= len(go)
        self._characters -= _size(go)
        self._forgotten = _last(go)


def _size(go: Sequence[Talk]) -> int:
    """Return how many characters the messages have."""
    return len(go.text) + 1 - go.lines if type(go) is Spoken else sum([len(event.text) for event in go])


def _last(go: Sequence[Talk]) -> int:
    """Return the id of the last message."""
    return go.last if type(go) is Spoken else go[-1].id
