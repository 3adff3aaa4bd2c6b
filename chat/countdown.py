"""Closing the room later, and saying so to everyone at sensible moments before. Knows no clock but its hub's."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

from chat.events import Refused, Told
from chat.hub import Hub
from chat.text import count

HOUR = 3_600.0
LONGEST = 7 * 24 * HOUR
MOMENTS = (24 * HOUR, 12 * HOUR, 6 * HOUR, 3 * HOUR, HOUR, 1_800.0, 900.0, 600.0, 300.0, 120.0, 60.0, 30.0, 10.0)
"""Seconds before the end at which it is told again."""


class Timer(Protocol):
    """Something that is to happen, and need not."""

    def cancel(self) -> None: ...


Later = Callable[[float, Callable[[], None]], Timer]


class Countdown:
    """The end that has been set, if any. `later` calls something in so many seconds."""

    def __init__(self, hub: Hub, later: Later) -> None:
        self._hub = hub
        self._later = later
        self._timer: Timer | None = None
        self._end = 0.0
        self._reason = ""

    @property
    def left(self) -> float | None:
        """Return the seconds that are left; None where no end has been set."""
        return None if self._timer is None else max(0.0, self._end - self._hub.clock.monotonic())

    def begin(self, seconds: float, reason: str) -> None:
        """Close the room in so many seconds; an end that was set before does not count any more. Raises Refused."""
        if not 0 < seconds <= LONGEST:
            raise Refused("bad_number", f"The room closes within {LONGEST / 24 / HOUR:g} days, or goes on.")
        again = "now " if self._stop() else ""
        self._end, self._reason = self._hub.clock.monotonic() + seconds, reason
        self._tell(f"The room {again}closes in {words(seconds)}{self._because()}")
        self._wait(seconds)

    def cancel(self) -> None:
        """Go on as if no end had been set; everyone is told. Raises Refused where none was."""
        if not self._stop():
            raise Refused("not_closing", "No end has been set; EXIT MINUTES sets one.")
        self._tell("The room stays open.")

    def _stop(self) -> bool:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        return timer is not None

    def _wait(self, left: float) -> None:
        """Sleep until the next moment at which something is to be said, or until the end."""
        moment = next((moment for moment in MOMENTS if moment < left), 0.0)
        self._timer = self._later(left - moment, partial(self._due, moment))

    def _due(self, left: float) -> None:
        if self._hub.closing is not None:
            self._timer = None
        elif left:
            self._tell(f"The room closes in {words(left)}{self._because()}")
            self._wait(left)
        else:
            self._timer = None
            self._hub.close(closing(self._reason))

    def _because(self) -> str:
        return f": {self._reason}" if self._reason else "."

    def _tell(self, text: str) -> None:
        self._hub.post(Told(*self._hub.stamp(), "closing", text), to=tuple(self._hub))


def closing(reason: str) -> str:
    """Return what is said at the end."""
    return f"The host has closed the room{': ' + reason if reason else ''}."


def words(seconds: float) -> str:
    """Return a time to wait as one says it: 90 seconds, 5 minutes, 2 hours."""
    for size, name in ((HOUR, "hour"), (60.0, "minute")):
        if seconds >= size and seconds % size == 0 and (seconds > 60 or size == 60):
            return count(int(seconds / size), name)
    return count(int(seconds), "second") if seconds % 1 == 0 else f"{seconds:g} seconds"
