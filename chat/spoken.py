"""What one person has said to a room in one go: one text, of which each line is an event of its own.

It is checked, told and stored as a whole; the events are made when somebody looks at them one by one. Knows no wire.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

from chat.events import NOBODY, Event, Identity, Said
from record import entity


@entity
class Spoken(Sequence[Said]):
    """The events with the ids from `first` to `last`, one for each line of `text`, and the same but for that.

    It has two lines or more: what is said alone is an event, whose text may hold line feeds. `at` is seconds since
    1970 UTC.
    """

    first: int
    at: float
    room: str
    sender: str
    text: str
    lines: int
    who: Identity = NOBODY
    _head: Said | None = None
    _events: tuple[Said, ...] = ()

    @property
    def last(self) -> int:
        """Return the id of the last event."""
        return self.first + self.lines - 1

    def __len__(self) -> int:
        return self.lines

    @overload
    def __getitem__(self, index: int) -> Said: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Said]: ...
    def __getitem__(self, index: int | slice) -> Said | Sequence[Said]:
        if index != 0:
            return self._all()[index]
        if self._head is None:  # it says what all of them are, and is looked at for that
            self._head = self._event(self.first, self.text[: self.text.index("\n")])
        return self._head

    def __iter__(self) -> Iterator[Said]:
        return iter(self._all())

    def _all(self) -> tuple[Said, ...]:
        if not self._events:
            self._events = tuple(map(self._event, range(self.first, self.first + self.lines), self.text.split("\n")))
        return self._events

    def _event(self, number: int, text: str) -> Said:
        return Said(number, self.at, self.room, self.sender, text, self.who)


def in_lines(events: Sequence[Event]) -> str:
    """Return what one person said in one go with a line feed between each two; nothing where it is not as simple.

    That is where an event's own text holds line feeds, or where they are not of the same second.
    """
    if type(events) is Spoken:  # not isinstance: an abstract base class looks that up for a long time
        return events.text
    first, last = events[0], events[-1]
    if not (isinstance(first, Said) and isinstance(last, Said)) or int(first.at) != int(last.at):
        return ""
    text = "\n".join([event.text for event in events])  # type: ignore[attr-defined]
    return text if text.count("\n") == len(events) - 1 else ""
