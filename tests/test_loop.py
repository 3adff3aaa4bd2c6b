"""The loop by itself, with real sockets, files, threads and signals."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

import net.loop
from net.loop import READ, WRITE, Loop, Timer, make_selector

SELECTORS = ("select", "poll", "epoll")


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        theirs.settimeout(10)
        yield ours, theirs


class Ear:
    """A channel that notes what happens to it, and does in `act` what the test wants."""

    def __init__(self, sock: socket.socket, act: Callable[[], None] = lambda: None) -> None:
        self.sock = sock
        self.act = act
        self.heard = b""
        self.turns = 0
        self.flushed = 0
        self.failures: list[str] = []

    def fileno(self) -> int:
        return self.sock.fileno()

    def ready(self, events: int) -> None:
        self.turns += 1
        self.act()
        if events & READ:
            self.heard += self.sock.recv(100)

    def flush(self) -> None:
        self.flushed += 1

    def fail(self, why: str) -> None:
        self.failures.append(why)


class Leak(Ear):
    """A channel that cannot even be closed."""

    def fail(self, why: str) -> None:
        raise OSError("no")


def _raise() -> None:
    raise LookupError("made by a test")


def _turn_until(loop: Loop, condition: Callable[[], object], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        loop.turn(0.05)


@pytest.mark.parametrize("name", SELECTORS)
def test_every_selector_reads_and_changes_interest(name: str, pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    loop = Loop(name)
    ear = Ear(ours)
    loop.watch(ear, READ)
    theirs.send(b"hello")
    _turn_until(loop, lambda: ear.heard == b"hello")
    loop.change(ear, WRITE)
    turns = ear.turns
    _turn_until(loop, lambda: ear.turns > turns)
    assert ear.heard == b"hello"
    loop.unwatch(ear)
    loop.unwatch(ear)  # harmless
    loop.close()


def test_only_plain_select_has_a_limit_of_its_own() -> None:
    limits = {}
    for name in SELECTORS:
        loop = Loop(name)
        limits[name] = loop.limit
        loop.close()
    assert limits == {"select": 1024, "poll": None, "epoll": None}


def test_a_selector_that_this_system_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("selectors.EpollSelector")
    with pytest.raises(ValueError, match="no epoll"):
        make_selector("epoll")


def test_timers_run_in_their_order_and_equal_ones_as_they_were_set(loop: Loop) -> None:
    now = loop.clock.monotonic()
    ran: list[str] = []
    loop.call_at(now + 0.03, lambda: ran.append("third"))
    loop.call_at(now + 0.01, lambda: ran.append("first"))
    loop.call_at(now + 0.01, lambda: ran.append("second"))
    _turn_until(loop, lambda: len(ran) == 3)
    assert ran == ["first", "second", "third"]
    assert loop.clock.monotonic() >= now + 0.03


def test_a_cancelled_timer_does_not_run_even_when_another_cancels_it_in_the_same_turn(loop: Loop) -> None:
    ran: list[str] = []
    now = loop.clock.monotonic()
    later = Timer(0, lambda: None)
    loop.call_at(now, lambda: later.cancel())  # noqa: PLW0108 - which timer it is comes out below
    later = loop.call_at(now, lambda: ran.append("cancelled"))
    loop.call_at(now, lambda: ran.append("run")).cancel()
    loop.call_at(now, lambda: ran.append("last"))
    _turn_until(loop, lambda: ran)
    assert ran == ["last"]


def test_a_timer_that_sets_itself_again_at_once_does_not_hold_the_loop(
    loop: Loop, pair: tuple[socket.socket, socket.socket]
) -> None:
    """A turn ends whatever timers do: others are served in between."""
    ours, theirs = pair
    ear = Ear(ours)
    loop.watch(ear, READ)

    def again() -> None:
        loop.call_at(0, again)

    again()
    theirs.send(b"x")
    _turn_until(loop, lambda: ear.heard)


def test_a_fault_in_a_timer_is_logged_and_the_next_one_runs(loop: Loop, caplog: pytest.LogCaptureFixture) -> None:
    ran: list[str] = []
    loop.call_at(0, _raise)
    loop.call_at(0, lambda: ran.append("next"))
    with caplog.at_level(logging.ERROR, "chat.loop"):
        _turn_until(loop, lambda: ran)
    assert loop.faults == 1
    assert "LookupError: made by a test" in caplog.text


def test_work_from_another_thread_wakes_the_loop_and_runs_in_it(loop: Loop) -> None:
    ran: list[int] = []
    thread = threading.Timer(0.05, lambda: loop.call_soon(lambda: ran.append(threading.get_ident())))
    began = time.monotonic()
    thread.start()
    while not ran:
        loop.turn(10)
    thread.join()
    assert time.monotonic() - began < 5, "it slept on"
    assert ran == [threading.get_ident()]


def test_work_left_from_many_threads_runs_all_of_it_and_in_the_order_of_each(loop: Loop) -> None:
    ran: list[tuple[int, int]] = []

    def leave(who: int) -> None:
        for number in range(500):
            loop.call_soon(partial(ran.append, (who, number)))

    threads = [threading.Thread(target=leave, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    _turn_until(loop, lambda: len(ran) == 2000)
    assert all([number for each, number in ran if each == who] == list(range(500)) for who in range(4))


def test_a_fault_in_work_left_for_the_loop_does_not_lose_the_rest(loop: Loop) -> None:
    ran: list[str] = []
    loop.call_soon(_raise)
    loop.call_soon(lambda: ran.append("rest"))
    _turn_until(loop, lambda: ran)
    assert loop.faults == 1


def test_a_signal_runs_in_the_loop_and_wakes_it(loop: Loop) -> None:
    ran: list[str] = []
    before = signal.getsignal(signal.SIGUSR1)
    loop.on_signal(signal.SIGUSR1, lambda: ran.append("usr1"))
    timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGUSR1))
    began = time.monotonic()
    timer.start()
    while not ran:
        loop.turn(10)
    timer.join()
    assert ran == ["usr1"]
    assert time.monotonic() - began < 5
    assert before == signal.SIG_DFL


def test_a_signal_just_before_the_loop_sleeps_wakes_it_too(loop: Loop) -> None:
    """The C handler rings the bell: Python's own runs only when the sleep is over."""
    ran: list[str] = []
    loop.on_signal(signal.SIGUSR1, lambda: ran.append("usr1"))
    bell = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(bell, warn_on_full_buffer=False)
    assert bell > 2
    os.write(bell, b"\0")  # what the C handler does
    began = time.monotonic()
    loop.turn(10)
    assert time.monotonic() - began < 5


def test_close_gives_back_signal_handlers_and_the_wake_up_descriptor() -> None:
    before = signal.getsignal(signal.SIGUSR1)
    loop = Loop()
    loop.on_signal(signal.SIGUSR1, lambda: None)
    loop.on_signal(signal.SIGUSR1, lambda: None)
    loop.close()
    assert signal.getsignal(signal.SIGUSR1) == before
    assert signal.set_wakeup_fd(-1) == -1


def test_a_channel_that_raises_is_failed_alone_logged_and_counted(
    loop: Loop, pair: tuple[socket.socket, socket.socket], caplog: pytest.LogCaptureFixture
) -> None:
    """The fence: a fault of ours closes one channel."""
    ours, theirs = pair
    bad = Ear(ours, _raise)
    more_ours, more_theirs = socket.socketpair()
    with more_ours, more_theirs:
        good = Ear(more_ours)
        loop.watch(bad, READ)
        loop.watch(good, READ)
        theirs.send(b"x")
        more_theirs.send(b"good")
        with caplog.at_level(logging.ERROR, "chat.loop"):
            _turn_until(loop, lambda: good.heard and bad.failures)
    assert good.heard == b"good"
    assert not good.failures
    assert loop.faults >= 1
    assert "LookupError: made by a test" in caplog.text


def test_a_channel_whose_failing_fails_is_watched_no_more(
    loop: Loop, pair: tuple[socket.socket, socket.socket]
) -> None:
    ours, theirs = pair
    leak = Leak(ours, _raise)
    loop.watch(leak, READ)
    theirs.send(b"x")
    _turn_until(loop, lambda: loop.faults)
    for _ in range(5):
        loop.turn(0.01)
    assert leak.turns == 1


def test_a_fault_in_flush_fails_that_channel_and_the_others_are_flushed(
    loop: Loop, pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = Ear(pair[0]), Ear(pair[0])
    monkeypatch.setattr(bad, "flush", _raise)
    loop.mark(bad)
    loop.mark(good)
    loop.turn(0)
    assert bad.failures
    assert good.flushed == 1


def test_a_fault_while_settling_is_logged_and_the_loop_goes_on(loop: Loop) -> None:
    loop.settle = _raise
    loop.turn(0)
    assert loop.faults == 1


def test_settling_and_flushing_come_before_sleep_until_nothing_is_left(
    loop: Loop, pair: tuple[socket.socket, socket.socket]
) -> None:
    """A channel marked often is flushed once; what a flush causes is settled before the loop sleeps."""
    order: list[str] = []
    first, second = Ear(pair[0]), Ear(pair[0])

    def settle() -> None:
        order.append("settle")
        if first.flushed and not second.flushed:
            loop.mark(second)

    loop.settle = settle
    for _ in range(3):
        loop.mark(first)
    loop.turn(0)
    assert (first.flushed, second.flushed) == (1, 1)
    assert order == ["settle", "settle", "settle"]


def test_a_regular_file_is_refused_by_epoll_and_watched_always(loop: Loop, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"text")
    with path.open("rb") as file:
        ear = Ear(socket.socket())
        ear.sock.close()
        ear.fileno = file.fileno  # type: ignore[method-assign]
        ear.ready = lambda events: setattr(ear, "heard", file.read())  # type: ignore[method-assign]
        with pytest.raises(PermissionError):
            loop.watch(ear, READ)
        loop.watch_always(ear)
        began = time.monotonic()
        loop.turn(10)
        assert ear.heard == b"text"
        loop.unwatch(ear)
        assert time.monotonic() - began < 5


def test_stop_ends_the_run_after_this_turn(loop: Loop) -> None:
    loop.call_later(0.01, loop.stop)
    loop.run()
    assert not loop.running


def test_a_loop_with_nothing_to_do_sleeps(loop: Loop) -> None:
    """H2: nothing polls."""
    turns = 0

    def count() -> None:
        nonlocal turns
        turns += 1

    loop.settle = count
    loop.call_later(0.2, loop.stop)
    used = time.thread_time()
    loop.run()
    assert turns <= 3
    assert time.thread_time() - used < 0.05


def test_what_is_put_off_is_flushed_as_far_as_there_is_time(
    loop: Loop, pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    ears = [Ear(pair[0]) for _ in range(3)]
    for name in ("SETTLING", "LEAST"):
        monkeypatch.setattr(net.loop, name, -1.0)
    loop.turn(0)
    for ear in (*ears, ears[0]):
        loop.put_off(ear)
    for turns in (1, 2, 3):
        loop.turn(10)
        assert [ear.flushed for ear in ears] == [1] * turns + [0] * (3 - turns)


def test_timers_that_are_all_due_share_the_turns(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(net.loop, "DUE", -1.0)
    called: list[int] = []
    for number in range(3):
        loop.call_later(0, partial(called.append, number))
    while len(called) < 3:
        before = len(called)
        loop.turn(1)
        assert len(called) <= before + 1
    assert called == [0, 1, 2]


def test_what_threads_leave_for_the_loop_shares_the_turns(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SETTLING", "LEAST"):
        monkeypatch.setattr(net.loop, name, -1.0)
    called: list[int] = []
    for number in range(3):
        loop.call_soon(partial(called.append, number))
    for turns in (1, 2, 3):
        loop.turn(1)
        assert len(called) == turns
    assert called == [0, 1, 2]


def test_catching_up_leaves_nothing_put_off(loop: Loop, pair: tuple[socket.socket, socket.socket]) -> None:
    ear = Ear(pair[0])
    loop.put_off(ear)
    loop._share.spend(1.0)  # as much as may wait to be told
    loop.catch_up()
    assert ear.flushed == 1
