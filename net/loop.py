"""One select loop: descriptors, timers, work that finished elsewhere, and signals.

It does not know what its channels carry. It never waits for anything but its own descriptors, and a fault
in one channel closes that channel only.
"""

from __future__ import annotations

import heapq
import itertools
import math
import selectors
import signal
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from net.bell import Bell
from net.share import Share
from net.traffic import Traffic

READ = selectors.EVENT_READ
WRITE = selectors.EVENT_WRITE

SELECTORS: dict[str, str] = {"select": "SelectSelector", "poll": "PollSelector", "epoll": "EpollSelector"}

SETTLING = 0.012  # seconds from the beginning of a turn, after which what is still to be told waits for the next one
LEAST = 0.004  # seconds that telling has in each turn
DUE = 0.006  # seconds after which timers that are due wait for the next turn

FAULT = "a fault in the server; it has been logged"


class Clock:
    """The clocks: `monotonic` for how long, `time` for when (seconds since 1970 UTC), `work` for what we have done."""

    monotonic = staticmethod(time.monotonic)
    work = staticmethod(time.thread_time)  # goes on only while the processor is ours
    time = staticmethod(time.time)


class Channel(Protocol):
    """What the loop can watch."""

    def fileno(self) -> int: ...
    def ready(self, events: int) -> None: ...
    def flush(self) -> None: ...
    def fail(self, why: str) -> None: ...


class Timer:
    """One action at one time; `cancel()` before it is due makes it void."""

    __slots__ = ("action", "when")

    def __init__(self, when: float, action: Callable[[], None]) -> None:
        self.when = when
        self.action: Callable[[], None] | None = action

    def cancel(self) -> None:
        """Make the timer void; harmless when it has run."""
        self.action = None


def make_selector(name: str | None = None) -> selectors.BaseSelector:
    """Return the selector called `name` (select, poll, epoll), or this system's best.

    Raises ValueError where the system does not have it.
    """
    if name is None:
        return selectors.DefaultSelector()
    kind = getattr(selectors, SELECTORS[name], None)
    if kind is None:
        raise ValueError(f"This system has no {name}.")
    selector: selectors.BaseSelector = kind()
    return selector


class Loop:
    """Turns readiness, time and wake-ups into calls, one after the other, then settles and sleeps.

    `settle` is called before each sleep, after all channels had their turn: the place to write, and to hang up.
    """

    def __init__(self, selector: str | None = None, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.settle: Callable[[], None] = lambda: None
        self.behind = False  # who settles has more to tell, and is to be called again soon
        self.untold = False  # what was said meanwhile has to wait for that: nobody is heard a second time before
        self.running = False
        self.faults = 0
        self.traffic = Traffic()
        self.longest = 0.0  # seconds between two sleeps, at most, since somebody has set it back
        self._woke: float | None = None
        self._until = math.inf  # when what is to be told in this turn has had its time
        self._selector = make_selector(selector)
        self._always: list[Channel] = []
        self._marked: dict[Channel, None] = {}
        self._put_off: dict[Channel, None] = {}
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._elsewhere: deque[Callable[[], None]] = deque()
        self._bell = Bell(self._elsewhere, self.late)
        self._share = Share(self.clock.monotonic, self._bell)
        self._signals: dict[int, object] = {}
        self._wakeup: int | None = None
        self.watch(self._bell, READ)

    @property
    def limit(self) -> int | None:
        """The number of descriptors the selector can watch; None where it has no limit of its own."""
        return 1024 if isinstance(self._selector, selectors.SelectSelector) else None

    def watch(self, channel: Channel, events: int) -> None:
        """Call `channel.ready` for these events. Raises PermissionError for a regular file under epoll."""
        self._selector.register(channel, events, channel)

    def channels(self) -> list[Channel]:
        """Return what is watched."""
        return [key.data for key in self._selector.get_map().values()]

    def watch_always(self, channel: Channel) -> None:
        """Call `channel.ready` every turn: for files, which are always ready and which epoll refuses."""
        self._always.append(channel)

    def change(self, channel: Channel, events: int) -> None:
        """Watch for other events from now on; for none, with 0. (A selector would refuse that, or report the end.)"""
        if not events:
            self._selector.unregister(channel)
            return
        try:
            self._selector.modify(channel, events, channel)
        except KeyError:
            self._selector.register(channel, events, channel)

    def unwatch(self, channel: Channel) -> None:
        """Watch no more; harmless when it was not watched."""
        self._marked.pop(channel, None)
        self._put_off.pop(channel, None)
        if channel in self._always:
            self._always.remove(channel)
            return
        try:
            self._selector.unregister(channel)
        except (KeyError, ValueError):
            pass

    def mark(self, channel: Channel) -> None:
        """Call `channel.flush` before the loop sleeps, once however often it is marked."""
        self._marked[channel] = None

    def put_off(self, channel: Channel) -> None:
        """Call `channel.flush` when there is time: in this turn or in one of the next, in this order."""
        self._put_off[channel] = None

    def late(self) -> bool:
        """Return whether what is to be told has to wait for the next turn: others have waited long enough."""
        return self.clock.monotonic() > self._until

    def call_at(self, when: float, action: Callable[[], None]) -> Timer:
        """Call `action` at `when` (monotonic seconds)."""
        timer = Timer(when, action)
        heapq.heappush(self._timers, (when, next(self._order), timer))
        return timer

    def call_later(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Call `action` in `seconds`."""
        return self.call_at(self.clock.monotonic() + seconds, action)

    def call_soon(self, action: Callable[[], None]) -> None:
        """Call `action` in the next turn. From any thread or signal handler; wakes the loop."""
        self._elsewhere.append(action)
        self._bell.ring()

    def on_signal(self, number: int, action: Callable[[], None]) -> None:
        """Call `action` in the loop, not in the handler, when the signal comes. From the main thread only."""
        if self._wakeup is None:  # a signal that comes just before the loop sleeps would not wake it otherwise
            self._wakeup = signal.set_wakeup_fd(self._bell.rope(), warn_on_full_buffer=False)
        self._signals.setdefault(number, signal.signal(number, lambda *_: self.call_soon(action)))

    def timers(self) -> list[tuple[float, Timer]]:
        """Return what is still to be called, and when, in order."""
        return [(when, timer) for when, _, timer in sorted(self._timers) if timer.action is not None]

    def go_on_with(self, timers: list[tuple[float, Timer]]) -> None:
        """Call these, too, each when its time has come."""
        for when, timer in timers:
            heapq.heappush(self._timers, (when, next(self._order), timer))

    def catch_up(self) -> None:
        """Settle, and do what was put off and left for the next turn, until there is nothing of either."""
        self._until = math.inf
        self._settle()
        while self._elsewhere or self._put_off or self.behind:
            self._share.settled(0.0, untold=False)
            if self._elsewhere:
                self._attempt(self._elsewhere.popleft(), "what was left for the loop")
            self._settle()

    def run(self) -> None:
        """Turn until `stop`."""
        self.running = True
        while self.running:
            self.turn()

    def stop(self) -> None:
        """End `run` after this turn."""
        self.running = False

    def turn(self, longest: float | None = None) -> None:
        """Settle, sleep until something is ready (at most `longest` seconds), and give everything ready its turn."""
        self._until = max(self._until, self.clock.monotonic() + LEAST)
        self._settle()
        if self._woke is not None:
            took = self.clock.monotonic() - self._woke
            self.longest = max(self.longest, took)
            self._share.settled(took, self.untold)
        ready = self._selector.select(self._patience(longest))
        self._woke = self.clock.monotonic()
        self._until = self._woke + SETTLING
        began = self.clock.work() if self.behind else 0.0
        self._share.serve(ready, self._fence, self._woke, self.behind)
        for channel in tuple(self._always):
            self._fence(channel, READ)
        self._run_timers()
        if self.behind:
            self._share.spend(self.clock.work() - began)

    def close(self) -> None:
        """Give back the descriptors and the signal handlers."""
        for number, handler in self._signals.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        if self._wakeup is not None:
            signal.set_wakeup_fd(self._wakeup)
        self.unwatch(self._bell)
        self._bell.close()
        self._selector.close()

    def _settle(self) -> None:
        """Settle until nothing is left: a write that fails makes someone leave, of which the others are told."""
        if self._put_off and not self._share.full:
            self._flush_some()
        self._attempt(self.settle, "settling")
        while self._marked:
            marked, self._marked = self._marked, {}
            for channel in marked:
                self._flush(channel)
            if not self.behind:
                self._attempt(self.settle, "settling")

    def _flush_some(self) -> None:
        """Flush what was put off, as far as there is time."""
        began = self.clock.work()
        for channel in tuple(self._put_off):
            if channel in self._put_off:
                del self._put_off[channel]
                self._flush(channel)
                if self.late():
                    break
        if self.behind:
            self._share.spend(self.clock.work() - began)

    def _flush(self, channel: Channel) -> None:
        try:
            channel.flush()
        except Exception as error:  # noqa: BLE001 - this is the fence
            self._fault(channel, error)

    def _patience(self, longest: float | None) -> float | None:
        """Return how long the loop may sleep, in seconds; None for as long as it takes."""
        if self._always or self._elsewhere or self._put_off or self.behind or (not self.running and longest is None):
            return 0
        while self._timers and self._timers[0][2].action is None:
            heapq.heappop(self._timers)
        if not self._timers:
            return longest
        wait = max(0.0, self._timers[0][0] - self.clock.monotonic())
        return wait if longest is None else min(wait, longest)

    def _fence(self, channel: Channel, events: int) -> None:
        try:
            channel.ready(events)
        except Exception as error:  # noqa: BLE001 - this is the fence
            self._fault(channel, error)

    def report(self, what: str, error: Exception) -> None:
        """Count and log a fault of ours."""
        self.faults += 1
        _log(f"in {what}", error)

    def _fault(self, channel: Channel, error: Exception) -> None:
        self.report(type(channel).__name__, error)
        try:
            channel.fail(FAULT)
        except Exception as again:  # noqa: BLE001 - the same
            _log(f"while closing {type(channel).__name__}", again)
            self.unwatch(channel)

    def _run_timers(self) -> None:
        """Run what is due, as far as there is time; what is set meanwhile waits for the next turn, even if due."""
        if not self._timers:
            return
        now = self.clock.monotonic()
        until, new = now + DUE, next(self._order)
        while self._timers and self._timers[0][0] <= now and self._timers[0][1] < new:
            timer = heapq.heappop(self._timers)[2]
            if timer.action is not None:
                self._attempt(timer.action, "a timer")
                if self.clock.monotonic() > until:
                    break

    def _attempt(self, action: Callable[[], None], what: str) -> None:
        try:
            action()
        except Exception as error:  # noqa: BLE001 - this is the fence
            self.report(what, error)


def _log(where: str, error: Exception) -> None:
    from logging import getLogger  # it takes 4 ms of the start, and comes when the room is open

    getLogger("chat.loop").error("fault %s", where, exc_info=error)
