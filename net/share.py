"""How those who are ready share one turn of the loop: nobody waits long, and everybody comes.

It does not know what channels are, nor what is told at the end of a turn; only how long that takes.
"""

from __future__ import annotations

import selectors
from collections.abc import Callable
from typing import Any

FEW = 4  # channels that always get their turn, all of them
LONG = 0.001  # seconds
SERVING = 0.008  # seconds that those who are ready may take of one turn, at most; the others come first in the next one
HARDLY = 0.001  # the least of them, where settling takes long after them
AIM = 0.014  # seconds in which a turn should be settled, that is, a little more
MUCH = 0.025  # seconds that may have gone to what is to be told together: it has to be put together in one turn

Ready = list[tuple[selectors.SelectorKey, int]]


class Share:
    """One for the loop. `always` is a channel that waits for nobody; `now` tells seconds."""

    def __init__(self, now: Callable[[], float], always: object) -> None:
        self._now = now
        self._always = always
        self._serving = SERVING  # learned from how long it takes to settle
        self._slow: set[Any] = set()  # those who took long in their last turn
        self._waiting: dict[Any, None] = {}  # those who were ready, and had no turn
        self._heard: set[Any] = set()  # those who have had theirs while something was being told
        self._spent = 0.0  # seconds, on them

    @property
    def full(self) -> bool:
        """Return whether so much waits to be told that no more should be done before it is."""
        return self._spent > MUCH

    def spend(self, seconds: float) -> None:
        """Count what was done while something was being told."""
        self._spent += seconds

    def settled(self, took: float, untold: bool) -> None:
        """A turn is over. Unless something is `untold` that was done since the last telling, all may be heard again."""
        if took > AIM:
            self._serving = max(HARDLY, self._serving * AIM / took)
        else:
            self._serving = min(SERVING, self._serving * 1.25)
        if not untold:
            self._spent = 0.0
            self._heard.clear()

    def serve(self, ready: Ready, call: Callable[[Any, int], None], now: float, behind: bool) -> None:
        """`call` each that is ready, as far as there is time: for whom there is none, he comes first in the next turn.

        Those who took long the last time share the time by themselves, so that the others need not wait for them. Who
        has had a turn while we are `behind` with telling has no other one before that is told.
        """
        ready = self._in_order(ready)
        slow, self._slow, self._waiting = self._slow, set(), {}
        left = min(self._serving, MUCH - self._spent)
        until = now + left
        for key, events in ready:
            channel = key.data
            if (now > until if channel in slow else left < 0) and channel is not self._always:
                self._waiting[channel] = None
                if channel in slow:
                    self._slow.add(channel)
                continue
            call(channel, events)
            if behind and channel is not self._always:
                self._heard.add(channel)
            if len(ready) > FEW:
                before, now = now, self._now()
                if now - before > LONG:
                    self._slow.add(channel)
                if channel not in slow:
                    left -= min(now - before, LONG)

    def _in_order(self, ready: Ready) -> Ready:
        """Return those who may have a turn, first those who wait for one."""
        if self._heard:
            ready = [item for item in ready if item[0].data not in self._heard]
        if self._waiting:
            place = {channel: number for number, channel in enumerate(self._waiting)}
            ready.sort(key=lambda item: place.get(item[0].data, len(place)))
        return ready
