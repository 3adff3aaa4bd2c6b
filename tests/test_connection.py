"""One connection under a loop in this thread, with a real TCP peer."""

from __future__ import annotations

import contextlib
import errno
import selectors
import socket
import struct
import time
from collections.abc import Callable, Iterator

import pytest

from net.connection import Connection, Limits
from net.loop import READ, WRITE, Loop

SMALL = Limits(outbox=200_000, outbox_high=50_000, stalled=0.3, linger=0.3)


class Owner:
    """Notes what the connection tells, and does in `act` what the test wants with what was heard."""

    def __init__(self) -> None:
        self.heard_bytes = b""
        self.ends: list[str] = []
        self.stalls: list[str] = []
        self.failures: list[str] = []
        self.act: Callable[[bytes], None] = lambda _data: None
        self.act_on_failure: Callable[[], None] = lambda: None

    def heard(self, data: bytes) -> None:
        self.heard_bytes += data
        self.act(data)

    def ended(self, why: str) -> None:
        self.ends.append(why)

    def stalled(self, limit: str, why: str) -> None:
        self.stalls.append(why)

    def failed(self, why: str) -> None:
        self.failures.append(why)
        self.act_on_failure()


class Bench:
    """A loop, one connection of ours on it, and its peer."""

    def __init__(self, limits: Limits = SMALL, receive_buffer: int = 0) -> None:
        self.loop = Loop()
        self.owner = Owner()
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self.peer = socket.socket()
            if receive_buffer:
                self.peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            self.peer.connect(listening.getsockname())
            sock, _ = listening.accept()
        self.peer.setblocking(False)
        self.connection = Connection(self.loop, sock, self.owner, limits)

    def turn_until(self, condition: Callable[[], object], seconds: float = 10) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "not in time"
            self.loop.turn(0.02)

    def turn_for(self, seconds: float) -> None:
        """Let the loop run through a time in which something must not happen, or a limit passes."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.loop.turn(0.02)

    def read(self) -> bytes:
        """Return what the peer can read now; b"" also at the end."""
        with contextlib.suppress(BlockingIOError):
            return self.peer.recv(1 << 20)
        return b""

    def read_to_end(self) -> bytes:
        """Let the peer read while the loop turns, until our end; a reset fails."""
        found = b""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            self.loop.turn(0.01)
            with contextlib.suppress(BlockingIOError):
                piece = self.peer.recv(1 << 20)
                if not piece:
                    return found
                found += piece
        raise AssertionError(f"no end after {len(found)} bytes")

    def reset(self) -> None:
        self.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.peer.close()

    def fill(self, size: int = 1_000_000) -> None:
        """Write more than the kernel takes."""
        self.connection.write(b"x" * size)

    def close(self) -> None:
        self.peer.close()
        self.turn_until(lambda: self.connection.closed)
        self.loop.close()


@pytest.fixture
def open_bench() -> Iterator[Callable[..., Bench]]:
    opened: list[Bench] = []

    def make(limits: Limits = SMALL, receive_buffer: int = 0) -> Bench:
        opened.append(Bench(limits, receive_buffer))
        return opened[-1]

    yield make
    for bench in opened:
        bench.close()


@pytest.fixture
def bench(open_bench: Callable[..., Bench]) -> Bench:
    return open_bench()


# ---- hearing


def test_what_the_peer_sends_is_heard_and_its_end_once(bench: Bench) -> None:
    bench.peer.send(b"hello")
    bench.turn_until(lambda: bench.owner.heard_bytes == b"hello")
    bench.peer.close()
    bench.turn_until(lambda: bench.connection.closed)
    bench.turn_for(0.4)  # beyond `linger`
    assert bench.owner.ends == ["closed the connection"]
    assert bench.connection.fileno() == -1


def test_a_reset_is_one_end_with_its_reason(bench: Bench) -> None:
    bench.reset()
    bench.turn_until(lambda: bench.connection.closed)
    assert bench.owner.ends == ["connection reset by peer"]


def test_who_half_closes_still_gets_what_is_kept_for_him(open_bench: Callable[..., Bench]) -> None:
    """`printf ... | nc`: the peer's end is no reason to throw away what he has not read yet."""
    bench = open_bench(Limits(outbox=2_000_000, outbox_high=2_000_000))
    bench.fill()
    bench.peer.shutdown(socket.SHUT_WR)
    bench.turn_until(lambda: bench.owner.ends)
    assert bench.read_to_end() == b"x" * 1_000_000
    assert bench.owner.ends == ["closed the connection"]


def test_after_the_peers_end_nothing_spins_while_he_does_not_read(open_bench: Callable[..., Bench]) -> None:
    bench = open_bench(Limits(outbox=2_000_000, outbox_high=2_000_000, linger=0.3))
    bench.fill()
    bench.peer.shutdown(socket.SHUT_WR)
    bench.turn_until(lambda: bench.owner.ends)
    turns = 0
    deadline = time.monotonic() + 0.2
    while time.monotonic() < deadline:
        bench.loop.turn(0.05)
        turns += 1
    assert turns < 20


# ---- writing


def test_writes_arrive_in_their_order_also_when_the_kernel_takes_parts(open_bench: Callable[..., Bench]) -> None:
    bench = open_bench(Limits(outbox=3_000_000, outbox_high=3_000_000))
    sent = b""
    for number in range(400):
        piece = b"%d;" % number * 1000
        sent += piece
        if number % 3:
            bench.connection.write(piece)
        else:
            bench.connection.queue(piece)
    received = b""

    def read() -> bool:
        nonlocal received
        received += bench.read()
        return len(received) == len(sent)

    bench.turn_until(read)
    assert received == sent


def test_what_is_queued_waits_for_the_end_of_the_turn(bench: Bench) -> None:
    bench.connection.queue(b"later")
    bench.connection.queue(b"")
    assert bench.read() == b""
    bench.loop.turn(0)
    assert bench.read() == b"later"


def test_in_the_steady_state_nothing_is_changed_at_the_selector(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """design.md: no epoll_ctl in the steady state."""
    calls: list[str] = []
    for name in ("register", "modify", "unregister"):
        monkeypatch.setattr(selectors.EpollSelector, name, lambda *_: calls.append("call"))
    for _ in range(20):
        bench.peer.send(b"ping")
        heard = len(bench.owner.heard_bytes)
        bench.turn_until(lambda: len(bench.owner.heard_bytes) > heard)  # noqa: B023 - used in this round only
        bench.connection.write(b"pong")
        bench.loop.turn(0)
    assert bench.read() == b"pong" * 20
    assert calls == []
    monkeypatch.undo()


def test_writing_to_a_reset_peer_tells_the_owner_later_and_once(bench: Bench) -> None:
    """A dead peer during a broadcast: nobody is told, and nothing is closed, while others are being written to."""
    bench.reset()
    for _ in range(3):
        bench.connection.write(b"x")
        bench.connection.write(b"y")
    assert bench.owner.ends == []
    bench.turn_until(lambda: bench.connection.closed)
    assert len(bench.owner.ends) == 1
    assert bench.owner.ends[0] in ("connection reset by peer", "broken pipe")


def test_an_error_within_write_is_not_told_within_write(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def send(self, _data: bytes) -> int:
            raise OSError(errno.EPIPE, "Broken pipe")

        def __getattr__(self, name: str) -> object:
            return getattr(sock, name)

    sock = bench.connection._sock
    bench.connection._sock = bench.connection._clear = Broken()  # type: ignore[assignment]
    bench.connection.write(b"x")
    assert (bench.owner.ends, bench.connection.closed) == ([], False)
    bench.loop.turn(0)
    assert (bench.owner.ends, bench.connection.closed) == (["broken pipe"], True)


# ---- limits


def test_reading_pauses_while_much_is_unsent_and_goes_on_after(open_bench: Callable[..., Bench]) -> None:
    """Part 2: reading pauses above 64 KiB of unsent output, so that nobody is put out for his own echo."""
    bench = open_bench(Limits(outbox=4_000_000))
    bench.fill(3_000_000)
    assert bench.connection._events == WRITE
    bench.peer.send(b"more")
    bench.turn_for(0.1)
    assert bench.owner.heard_bytes == b""
    received = 0

    def read() -> bytes:
        nonlocal received
        received += len(bench.read())
        return bench.owner.heard_bytes

    bench.turn_until(read)
    assert bench.owner.heard_bytes == b"more"
    bench.turn_until(lambda: bool(read()) and received == 3_000_000)
    assert bench.connection._events == READ


def test_more_than_the_outbox_holds_stalls_but_not_within_write(bench: Bench) -> None:
    bench.fill(8_000_000)
    assert bench.owner.stalls == []
    bench.loop.turn(0)
    assert bench.owner.stalls == ["200,000 bytes were waiting to be read"]


def test_answers_that_the_kernel_takes_at_once_are_not_too_many(open_bench: Callable[..., Bench]) -> None:
    """What is only queued has not been tried to be sent: it is not held against the peer."""
    bench = open_bench(Limits(outbox=20_000))
    for _ in range(30):
        bench.connection.queue(b"x" * 1000)
    bench.loop.turn(0)
    assert bench.owner.stalls == []
    assert len(bench.read()) == 30_000


def test_who_reads_nothing_stalls_after_the_limit_once_per_limit(open_bench: Callable[..., Bench]) -> None:
    bench = open_bench(Limits(outbox=4_000_000, stalled=0.3), receive_buffer=4096)
    began = time.monotonic()
    bench.fill(3_000_000)
    bench.turn_until(lambda: bench.owner.stalls)
    assert time.monotonic() - began >= 0.3
    assert bench.owner.stalls == ["nothing could be sent for 0.3 s"]


def test_answers_that_are_not_read_stall_too(open_bench: Callable[..., Bench]) -> None:
    bench = open_bench(Limits(outbox=4_000_000, stalled=0.3), receive_buffer=4096)
    bench.connection.queue(b"x" * 3_000_000)
    bench.turn_until(lambda: bench.owner.stalls)


def test_who_reads_slowly_does_not_stall(open_bench: Callable[..., Bench]) -> None:
    bench = open_bench(Limits(outbox=4_000_000, stalled=1.0), receive_buffer=4096)
    bench.fill(3_000_000)
    received = 0
    deadline = time.monotonic() + 2.2
    while time.monotonic() < deadline:
        bench.loop.turn(0.03)
        with contextlib.suppress(BlockingIOError):
            received += len(bench.peer.recv(8192))
    assert 0 < received < 3_000_000
    assert bench.owner.stalls == []


# ---- ending


def test_hang_up_sends_what_is_kept_and_the_end_comes_once(open_bench: Callable[..., Bench]) -> None:
    bench = open_bench(Limits(outbox=4_000_000))
    bench.fill()
    bench.connection.queue(b"goodbye")
    bench.connection.hang_up()
    bench.connection.hang_up()
    bench.connection.write(b"not any more")
    bench.connection.queue(b"not any more")
    assert bench.read_to_end() == b"x" * 1_000_000 + b"goodbye"
    bench.connection.write(b"not any more")
    bench.turn_for(0.1)
    assert not bench.connection.closed, "it waits for the peer's end, so that its last words are not destroyed"
    bench.peer.close()
    bench.turn_until(lambda: bench.connection.closed)
    bench.turn_for(0.1)
    assert bench.owner.ends == ["hung up"]


def test_the_last_words_survive_what_the_peer_goes_on_sending(bench: Bench) -> None:
    """Closing with unread input sends RST, which destroys what the peer has not read yet."""
    bench.peer.send(b"talk " * 100)
    bench.connection.queue(b"goodbye")
    bench.connection.hang_up()
    bench.peer.send(b"talk " * 100)
    assert bench.read_to_end() == b"goodbye"
    assert bench.owner.heard_bytes == b"", "after goodbye nothing counts"


@pytest.mark.parametrize("size", [0, 3_000_000])
def test_hang_up_is_bounded_also_when_the_peer_never_reads_or_closes(
    open_bench: Callable[..., Bench], size: int
) -> None:
    bench = open_bench(Limits(outbox=4_000_000, linger=0.3), receive_buffer=4096)
    bench.fill(size)
    began = time.monotonic()
    bench.connection.hang_up()
    bench.turn_until(lambda: bench.connection.closed)
    assert time.monotonic() - began >= 0.25
    assert bench.owner.ends == ["hung up"]


def test_closing_twice_and_writing_afterwards_is_harmless(bench: Bench) -> None:
    bench.peer.close()
    bench.turn_until(lambda: bench.connection.closed)
    bench.connection.hang_up()
    bench.connection.write(b"x")
    bench.connection.queue(b"x")
    bench.connection.flush()
    bench.connection.fail("twice")
    bench.turn_for(0.05)
    assert bench.owner.ends == ["closed the connection"]


def test_a_fault_is_told_to_the_owner_who_may_still_say_goodbye(bench: Bench) -> None:
    def act(_data: bytes) -> None:
        raise LookupError("made by a test")

    def say_sorry() -> None:
        bench.connection.queue(b"sorry")
        bench.connection.hang_up()

    bench.owner.act = act
    bench.owner.act_on_failure = say_sorry
    bench.peer.send(b"x")
    assert bench.read_to_end() == b"sorry"
    assert len(bench.owner.failures) == 1
    assert bench.loop.faults == 1


def test_a_fault_in_the_goodbye_closes_at_once(bench: Bench) -> None:
    def act(_data: bytes = b"") -> None:
        raise LookupError("made by a test")

    bench.owner.act = act
    bench.owner.act_on_failure = act
    bench.peer.send(b"x")
    bench.turn_until(lambda: bench.connection.closed)
    assert bench.owner.ends == ["a fault in the server; it has been logged"]
