"""One select loop: descriptors, timers, work that finished elsewhere, and signals.

It does not know what its channels carry. It never waits for anything but its own descriptors, and a fault
in one channel closes that channel only.
"""

from __future__ import annotations

import heapq
import itertools
import os
import selectors
import signal
import socket
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from net.traffic import Traffic

READ = selectors.EVENT_READ
WRITE = selectors.EVENT_WRITE

SELECTORS: dict[str, str] = {"select": "SelectSelector", "poll": "PollSelector", "epoll": "EpollSelector"}

FEW = 4  # channels that always get their turn, all of them
SERVING = 0.015  # seconds after which channels that take long wait for the next turn: what came is to be told first
LONG = 0.001  # seconds

FAULT = "a fault in the server; it has been logged"


class Clock:
    """The two clocks: `monotonic` for how long, `time` for when (seconds since 1970 UTC)."""

    monotonic = staticmethod(time.monotonic)
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
        self.running = False
        self.faults = 0
        self.traffic = Traffic()
        self.longest = 0.0  # seconds between two sleeps, at most, since somebody has set it back
        self._woke: float | None = None
        self._slow: dict[Channel, bool] = {}  # those who took long in their last turn, and whether they wait for one
        self._selector = make_selector(selector)
        self._always: list[Channel] = []
        self._marked: dict[Channel, None] = {}
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._elsewhere: deque[Callable[[], None]] = deque()
        self._bell = _Bell(self._elsewhere)
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
        """Settle, and do what was left for the next turn, until there is nothing of either."""
        self._settle()
        while self._elsewhere:
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
        self._settle()
        patience = self._patience(longest)
        now = self.clock.monotonic()
        if self._woke is not None and now - self._woke > self.longest:
            self.longest = now - self._woke
        ready = self._selector.select(patience)
        self._woke = self.clock.monotonic()
        self._serve(ready, self._woke + SERVING)
        for channel in tuple(self._always):
            self._fence(channel, READ)
        self._run_timers()

    def close(self) -> None:
        """Give back the descriptors and the signal handlers."""
        for number, handler in self._signals.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        if self._wakeup is not None:
            signal.set_wakeup_fd(self._wakeup)
        self.unwatch(self._bell)
        self._bell.close()
        self._selector.close()

    def _serve(self, ready: list[tuple[selectors.SelectorKey, int]], until: float) -> None:
        """Give everything ready its turn; after `until`, not who took long the last time: he comes first in the next.

        That is so from a few channels on.
        """
        slow, self._slow = self._slow, {}
        if slow:
            place = {channel: number for number, (channel, waits) in enumerate(slow.items()) if waits}
            ready.sort(key=lambda item: place.get(item[0].data, len(slow)))
        before = until - SERVING
        for key, events in ready:
            channel = key.data
            if before > until and channel in slow:
                self._slow[channel] = True
                continue
            self._fence(channel, events)
            if len(ready) > FEW:
                now = self.clock.monotonic()
                if now - before > LONG:
                    self._slow[channel] = False
                before = now

    def _settle(self) -> None:
        """Settle until nothing is left: a write that fails makes someone leave, of which the others are told."""
        self._attempt(self.settle, "settling")
        while self._marked:
            marked, self._marked = self._marked, {}
            for channel in marked:
                try:
                    channel.flush()
                except Exception as error:  # noqa: BLE001 - this is the fence
                    self._fault(channel, error)
            self._attempt(self.settle, "settling")

    def _patience(self, longest: float | None) -> float | None:
        """Return how long the loop may sleep, in seconds; None for as long as it takes."""
        if self._always or self._elsewhere or (not self.running and longest is None):
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
        if not self._timers:
            return
        now = self.clock.monotonic()
        due = []
        while self._timers and self._timers[0][0] <= now:
            due.append(heapq.heappop(self._timers)[2])
        for timer in due:  # those that are set meanwhile wait for the next turn, even if they are due
            if timer.action is not None:
                self._attempt(timer.action, "a timer")

    def _attempt(self, action: Callable[[], None], what: str) -> None:
        try:
            action()
        except Exception as error:  # noqa: BLE001 - this is the fence
            self.report(what, error)


def _log(where: str, error: Exception) -> None:
    from logging import getLogger  # it takes 4 ms of the start, and comes when the room is open

    getLogger("chat.loop").error("fault %s", where, exc_info=error)


class _Bell:
    """A socket pair that wakes the loop, and then runs what was left for it."""

    def __init__(self, waiting: deque[Callable[[], None]]) -> None:
        self._waiting = waiting
        self._in, self._out = socket.socketpair()
        self._in.setblocking(False)
        self._out.setblocking(False)

    def fileno(self) -> int:
        return self._in.fileno()

    def rope(self) -> int:
        """Return the descriptor that rings when a byte is written to it."""
        return self._out.fileno()

    def ring(self) -> None:
        try:
            self._out.send(b"\0")
        except (BlockingIOError, OSError):
            pass  # full: it rings already. Closed: nobody is there to hear it.

    def ready(self, _events: int) -> None:
        os.read(self._in.fileno(), 4096)
        for _ in range(len(self._waiting)):
            if self._waiting:  # one of them may have done all the others
                self._waiting.popleft()()

    def flush(self) -> None:
        pass

    def fail(self, why: str) -> None:
        """A fault in work that was left for the loop is logged; the bell itself goes on."""
        if self._waiting:
            self.ring()

    def close(self) -> None:
        self._in.close()
        self._out.close()
