"""Looks at many, each in his time: who is due at about the same time shares one timer. Knows nothing of what they do.

A timer of his own would take 260 bytes for each, and most sit still.
"""

from __future__ import annotations

from functools import partial
from math import ceil
from typing import Protocol

from net.loop import FAULT, Loop

STEP = 0.1  # seconds: nobody is looked at before his time, nor later than so much after it


class Looked(Protocol):
    """Who is looked at. `failed` says that a fault of ours was met."""

    def look(self) -> None: ...
    def failed(self, why: str) -> None: ...


class Round:
    """Those who are looked at in the same moment."""

    __slots__ = ("due", "when")

    def __init__(self, when: float) -> None:
        self.when = when
        self.due: dict[Looked, None] = {}

    def leave(self, looked: Looked) -> None:
        """Look at him no more; harmless when that has been done, or is being done."""
        self.due.pop(looked, None)


class Rounds:
    """One for all who are looked at now and then."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._to_come: dict[float, Round] = {}

    def join(self, looked: Looked, when: float) -> Round:
        """Have someone looked at then (monotonic seconds), or a moment later; returns what he may leave until then."""
        when = ceil(when / STEP) * STEP
        found = self._to_come.get(when)
        if found is None:
            found = self._to_come[when] = Round(when)
            self._loop.call_at(when, partial(self._go, found))
        found.due[looked] = None
        return found

    def _go(self, found: Round) -> None:
        """Look at those whose time has come."""
        del self._to_come[found.when]
        for looked in tuple(found.due):
            if looked not in found.due:
                continue  # another one's look has made him leave
            try:
                looked.look()
            except Exception as error:  # noqa: BLE001 - this is the fence: his fault, and nobody else's
                self._loop.report(type(looked).__name__, error)
                looked.failed(FAULT)
