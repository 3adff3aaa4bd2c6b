"""How much of one turn the requests that came may take: whoever has sent many goes on in the next turn, in his order.

A turn is as long as what is done in it and what is told at its end. How many requests make it too long depends on what
they are and on how many hear of them, so that it is learned from the turns there were. Knows neither wires nor people.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from net.loop import FAULT, Loop

AIM = 0.03  # seconds that requests, with all that is told of them, may take
DOING = 0.005  # that the requests of one turn may take themselves
LEAST, MOST = 8, 4_096  # requests in one turn
REST = 0.005  # seconds for which who says much waits where it cannot be stored as fast


class Visitor(Protocol):
    """Who has sent more than one turn has time for. `failed` says that a fault of ours was met."""

    def resume(self) -> None: ...
    def failed(self, why: str) -> None: ...


class Pace:
    """One for all visitors, asked before each request. `lags` says whether more is said than can be stored."""

    def __init__(self, loop: Loop, lags: Callable[[], bool] = lambda: False) -> None:
        self._loop = loop
        self._lags = lags
        self._now = loop.clock.monotonic
        self._most = self._left = MOST // 16
        self._began = 0.0  # when the first request of this turn was asked for; 0 where none was
        self._waiting: deque[Visitor] = deque()
        self._called = False  # the next turn goes on with those who wait

    def allows(self, *, first: bool = False, much: bool = False) -> bool:
        """Return whether one more may be done in this turn: the first of a visitor may, unless it says too much."""
        if much and self._lags():
            return False
        return first or self._has_time()

    def _has_time(self) -> bool:
        now = self._now()
        if not self._began:
            self._began = now
        self._left -= 1
        return self._left > 0 and now - self._began < DOING and not self._loop.untold

    def wait(self, visitor: Visitor) -> None:
        """Have `visitor` resume in a turn that has time for it; those who wait come one after the other."""
        self._waiting.append(visitor)
        self._call()

    @property
    def waiting(self) -> list[Visitor]:
        """Return those who are to go on, in their order."""
        return [*self._waiting]

    def settled(self) -> None:
        """The turn has been told; learn from it how many requests the next one may have."""
        if not self._began:
            return
        took = self._now() - self._began
        done = self._most - self._left
        if took > AIM:
            self._most = max(LEAST, min(self._most, int(done * AIM / took)))
        elif self._left <= 0 and took < AIM / 2:
            self._most = min(MOST, self._most * 2)
        self._left, self._began = self._most, 0.0

    def _call(self) -> None:
        if self._waiting and not self._called:
            self._called = True
            if self._lags():
                self._loop.call_later(REST, self._go_on)
            else:
                self._loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        """Let those who wait go on, as far as this turn has time; the others in the next one."""
        self._called = False
        for _ in range(0 if self._loop.untold else len(self._waiting)):
            visitor = self._waiting.popleft()
            try:
                visitor.resume()
            except Exception as error:  # noqa: BLE001 - this is the fence: his fault, and nobody else's turn
                self._loop.report(type(visitor).__name__, error)
                visitor.failed(FAULT)
            if not self._has_time():
                break
        self._call()
