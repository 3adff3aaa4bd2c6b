"""What one turn of the loop takes, at most: who has sent much, or takes long, goes on in the next one."""

from __future__ import annotations

import selectors
import socket
import time
from collections import deque
from collections.abc import Iterator
from itertools import count

import pytest

from net.loop import READ, Loop
from net.pace import LEAST, Pace
from net.share import Share


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


class Flooder:
    """Somebody with requests that take so long each, as a visitor has them. `done` has a number for each turn."""

    def __init__(self, loop: Loop, pace: Pace, requests: int, seconds: float) -> None:
        self.left, self.seconds, self.pace, self.loop = requests, seconds, pace, loop
        self.failures = 0
        self.turns: deque[int] = deque()

    def resume(self) -> None:
        self.turns.append(0)
        while self.left:
            if self.turns[-1] and not self.pace.allows():
                self.pace.wait(self)
                return
            self.left -= 1
            self.turns[-1] += 1
            time.sleep(self.seconds)  # not for luck: this is the work

    def failed(self, why: str) -> None:
        self.failures += 1


def test_heavy_requests_are_spread_over_turns(loop: Loop) -> None:
    pace = Pace(loop)
    loop.settle = pace.settled
    flooder = Flooder(loop, pace, 40, 0.003)
    loop.call_soon(flooder.resume)
    while flooder.left:
        loop.turn(1)
    assert max(flooder.turns) <= 5 and sum(flooder.turns) == 40


def test_light_requests_that_are_heavy_to_tell_become_fewer_in_a_turn_and_more_again(loop: Loop) -> None:
    pace = Pace(loop)
    told = count()
    flooder = Flooder(loop, pace, 3_000, 0.0)

    def settle() -> None:
        if flooder.turns and flooder.turns[-1] and next(told) < 5:
            time.sleep(0.0005 * min(flooder.turns[-1], 300))  # not for luck: this is the telling
        pace.settled()

    loop.settle = settle
    loop.call_soon(flooder.resume)
    while flooder.left:
        loop.turn(1)
    assert min(list(flooder.turns)[:8]) < 100 and max(list(flooder.turns)[-8:]) >= LEAST
    assert sum(flooder.turns) == 3_000


def test_those_who_wait_come_by_turns_and_a_fault_is_that_ones_alone(loop: Loop) -> None:
    pace = Pace(loop)
    loop.settle = pace.settled
    order: list[str] = []

    class Waiting:
        def __init__(self, name: str, times: int) -> None:
            self.name, self.times = name, times

        def resume(self) -> None:
            order.append(self.name)
            self.times -= 1
            if self.name == "bad":
                raise ValueError(self.name)
            if self.times:
                pace.wait(self)
            time.sleep(0.011)  # not for luck: more than a turn has for it

        def failed(self, why: str) -> None:
            order.append("failed")

    for each in (Waiting("ann", 2), Waiting("bad", 1), Waiting("bob", 2)):
        pace.wait(each)
    for _ in range(12):
        loop.turn(0)
    assert order == ["ann", "bad", "failed", "bob", "ann", "bob"]
    assert loop.faults == 1


class Slow:
    """A channel that is always ready, and takes so long each time."""

    def __init__(self, loop: Loop, descriptor: int, seconds: float) -> None:
        self.descriptor, self.seconds, self.served = descriptor, seconds, 0
        loop.watch(self, READ)

    def fileno(self) -> int:
        return self.descriptor

    def ready(self, events: int) -> None:
        self.served += 1
        if self.seconds:
            time.sleep(self.seconds)  # not for luck: this is the work

    def flush(self) -> None: ...
    def fail(self, why: str) -> None: ...


def test_nobody_has_two_turns_while_what_he_did_in_the_first_is_untold() -> None:
    share, calls, always = Share(time.monotonic, "bell"), list[object](), selectors.SelectorKey(0, 0, READ, "bell")
    ready = [always, *(selectors.SelectorKey(0, 0, READ, name) for name in ("ann", "bob"))]

    def turn(behind: bool, untold: bool) -> list[object]:
        calls.clear()
        share.serve([(key, READ) for key in ready], lambda channel, _: calls.append(channel), time.monotonic(), behind)
        share.settled(0.0, untold)
        return [*calls]

    assert turn(behind=False, untold=False) == turn(behind=True, untold=False) == ["bell", "ann", "bob"]
    assert turn(behind=True, untold=True) == ["bell", "ann", "bob"]
    assert turn(behind=True, untold=True) == turn(behind=True, untold=False) == ["bell"]
    assert turn(behind=False, untold=False) == ["bell", "ann", "bob"]


def test_nobody_has_a_turn_while_enough_is_untold() -> None:
    share, calls = Share(time.monotonic, "bell"), list[object]()
    ready = [(selectors.SelectorKey(0, 0, READ, name), READ) for name in ("ann", "bell")]
    share.spend(1.0)
    assert share.full
    share.serve([*ready], lambda channel, _: calls.append(channel), time.monotonic(), behind=True)
    assert calls == ["bell"]
    share.settled(0.0, untold=False)
    share.serve([*ready], lambda channel, _: calls.append(channel), time.monotonic(), behind=False)
    assert calls == ["bell", "ann", "bell"]


def test_where_settling_takes_long_fewer_are_served_in_a_turn_and_more_again_later() -> None:
    share = Share(time.monotonic, "bell")
    ready = [(selectors.SelectorKey(0, 0, READ, number), READ) for number in range(100)]

    def served() -> int:
        calls: list[object] = []

        def work(channel: object, _: int) -> None:
            calls.append(channel)
            until = time.perf_counter() + 0.0002
            while time.perf_counter() < until:  # this is the work
                pass

        share.serve([*ready], work, time.monotonic(), behind=False)
        return len(calls)

    usual = served()
    for _ in range(5):
        share.settled(0.1, untold=False)
    fewer = served()
    for _ in range(20):
        share.settled(0.001, untold=False)
    assert fewer < usual and fewer < served()


def test_channels_that_take_long_share_the_turns_and_quick_ones_have_each(loop: Loop) -> None:
    pairs = [socket.socketpair() for _ in range(12)]
    try:
        for _, far in pairs:
            far.send(b"x")
        slow = [Slow(loop, near.fileno(), 0.006) for near, _ in pairs[:10]]
        quick = [Slow(loop, near.fileno(), 0.0) for near, _ in pairs[10:]]
        turns = 40
        for _ in range(turns):
            loop.turn(0)
        assert sum(each.served for each in slow) < 10 * turns / 2, "all of them together are too much for one turn"
        assert min(each.served for each in quick) > turns / 2  # on a busy machine one may seem slow now and then
        assert min(each.served for each in slow) >= 3, [each.served for each in slow]
    finally:
        for pair in pairs:
            for each in pair:
                each.close()


def test_who_says_much_waits_until_it_can_be_stored(loop: Loop) -> None:
    """All others go on, and so does he, in his order, as soon as there is room again."""
    lags = [True]
    pace = Pace(loop, lambda: lags[0])
    loop.settle = pace.settled
    assert pace.allows(first=True), "what is little"
    assert not pace.allows(first=True, much=True)
    flooder = Flooder(loop, pace, 1, 0.0)
    pace.wait(flooder)
    loop.turn(0)
    assert flooder.left == 1 and len(loop.timers()) == 1, "he is asked again in a moment; until then the loop sleeps"
    lags[0] = False
    while flooder.left:
        loop.turn(1)
    assert pace.allows(first=True, much=True)
