"""One TCP connection under the loop: bytes in, a bounded outbox, and an end that comes exactly once.

It knows nothing of what the bytes mean; whoever owns it is told what was heard, and why it ended.
"""

from __future__ import annotations

import errno
import os
import socket
from collections import deque
from typing import Any, Protocol

from net import traffic
from net.loop import READ, WRITE, Loop, Timer
from record import record


@record
class Limits:
    """Bounds of one connection: bytes and seconds."""

    chunk: int = 8_192  # read in one turn: 4,096 lines of one letter become 200 kB for each listener, in 20 ms
    outbox: int = 1_048_576
    outbox_high: int = 65_536
    send_buffer: int = 65_536
    stalled: float = 10.0
    linger: float = 1.0
    keepalive: float = 60.0
    dead: float = 30.0


SILENT = os.strerror(errno.ETIMEDOUT).lower()
"""Why a connection has ended whose peer did not confirm anything any more."""


class Owner(Protocol):
    """Who hears what comes, and is told of the end: `ended` exactly once, from the loop, never from `write`.

    `stalled` says that the peer does not read, and which limit that has met, `failed` that a fault of ours was met; the
    owner is expected to say goodbye and hang up.
    """

    def heard(self, data: bytes) -> None: ...
    def ended(self, why: str) -> None: ...
    def stalled(self, limit: str, why: str) -> None: ...
    def failed(self, why: str) -> None: ...


class Connection:
    """A stream to one peer. What the kernel does not take at once is kept, within bounds."""

    __slots__ = (
        "_bytes_kept",
        "_clear",
        "_closed",
        "_events",
        "_hanging_up",
        "_held",
        "_limits",
        "_loop",
        "_outbox",
        "_over",
        "_owner",
        "_patience",
        "_peer_done",
        "_progress",
        "_sock",
        "_trouble",
    )

    def __init__(self, loop: Loop, sock: socket.socket, owner: Owner, limits: Limits) -> None:
        self._loop = loop
        self._sock = sock
        self._clear: socket.socket | None = sock  # while bytes may go straight to it: one look tells
        self._owner = owner
        self._limits = limits
        self._outbox: deque[bytes | memoryview] | None = None  # while there is nothing: an empty one takes 760 bytes
        self._bytes_kept = 0
        self._progress = 0.0
        self._patience: Timer | None = None
        self._trouble: str | None = None
        self._hanging_up = False
        self._held = False
        self._peer_done = False
        self._over = False
        self._closed = False
        self._events = READ
        _prepare(sock, limits)
        loop.watch(self, READ)

    def fileno(self) -> int:
        """Return the descriptor, -1 after the end."""
        return self._sock.fileno()

    @property
    def traffic(self) -> tuple[int, int]:
        """Return how many bytes have come, and how many that went have arrived."""
        return traffic.of(self._sock)

    @property
    def closed(self) -> bool:
        """The descriptor has been given back."""
        return self._closed

    def __getstate__(self) -> tuple[None, dict[str, Any]]:
        """Say what there is; of what was sent in part, the rest."""
        state = {name: getattr(self, name) for name in self.__slots__}
        if self._outbox is not None:
            state["_outbox"] = deque(bytes(piece) for piece in self._outbox)
        return None, state

    def go_on(self) -> None:
        """Be watched by the loop of the code that has taken over."""
        if not self._closed and self._events:
            self._loop.watch(self, self._events)

    # -- the loop's side

    def ready(self, events: int) -> None:
        """Read once, write what is kept."""
        if events & WRITE:
            self._drain()
        if events & READ and not self._closed:
            self._read()

    def flush(self) -> None:
        """Write what is kept, and bring what went wrong while writing to the owner."""
        if self._closed:
            return
        if self._trouble is not None:
            self._finish(self._trouble)
            return
        if self._outbox:
            self._drain()
        if self._bytes_kept > self._limits.outbox and not self._hanging_up:
            self._owner.stalled("outbox", f"{self._limits.outbox:,} bytes were waiting to be read")

    def fail(self, why: str) -> None:
        """A fault of ours: the owner takes leave of the peer; where not even that works, close."""
        if self._hanging_up:
            self._finish(why)
            return
        try:
            self._owner.failed(why)
        except Exception:
            self._finish(why)
            raise

    # -- the owner's side

    def write(self, data: bytes) -> None:
        """Send `data`, or keep what the kernel does not take. Never blocks, raises, or calls the owner."""
        sent = 0
        sock = self._clear
        if sock is not None:
            try:
                sent = sock.send(data)
            except BlockingIOError:
                pass
            except OSError as error:
                self._clear, self._trouble = None, _reason(error)
                self._loop.put_off(self)  # the owner learns it when nobody is being written to any more
                return
            if sent == len(data):
                return
        elif self._closed or self._trouble is not None or self._hanging_up:
            return
        self._keep(memoryview(data)[sent:] if sent else data)
        self._settle_interest()
        if self._bytes_kept > self._limits.outbox:
            self._loop.mark(self)

    def queue(self, data: bytes) -> None:
        """Keep `data` until the loop is about to sleep: for answers given while decisions are being made."""
        if data and not (self._closed or self._hanging_up):
            self._keep(data)
            self._loop.mark(self)

    def hold(self, on: bool) -> None:
        """Read nothing for a while: what comes waits with the peer."""
        self._held = on
        self._settle_interest()

    def hang_up(self) -> None:
        """Send what is kept, then close; the peer has a moment to read it. Twice is harmless."""
        if self._hanging_up or self._closed:
            return
        self._hanging_up, self._clear = True, None
        if not self._outbox:
            self._half_close()
        if not self._closed:
            self._settle_interest()
            self._loop.call_later(self._limits.linger, self._close)
            self._loop.mark(self)

    def give_to(self, owner: Owner) -> None:
        """Tell another owner from now on: a layer that has come between."""
        self._owner = owner

    def end(self, why: str) -> None:
        """Take it as the peer's end, tell the owner so, and hang up."""
        self._end(why)
        self.hang_up()

    # -- within

    def _read(self) -> None:
        try:
            data = self._sock.recv(self._limits.chunk)
        except BlockingIOError:
            return
        except OSError as error:
            self._finish(_reason(error))
            return
        if data:
            if not self._hanging_up:
                self._owner.heard(data)
            return
        self._peer_done = True
        if not self._hanging_up:
            self.end("closed the connection")
        elif self._outbox:
            self._settle_interest()  # it may still read: until then there is nothing more to hear
        else:
            self._close()

    def _drain(self) -> None:
        """Send what is kept, as far as the kernel takes it."""
        try:
            while self._outbox:
                head = self._outbox[0]
                sent = self._sock.send(head)
                self._bytes_kept -= sent
                self._progress = self._loop.clock.monotonic()
                if sent < len(head):
                    self._outbox[0] = memoryview(head)[sent:]
                    break
                self._outbox.popleft()
            if not self._outbox:
                self._outbox = None
                self._clear = None if self._hanging_up or self._trouble else self._sock
        except BlockingIOError:
            pass
        except OSError as error:
            self._finish(_reason(error))
            return
        if self._hanging_up and not self._outbox:
            self._half_close()
        self._settle_interest()

    def _keep(self, data: bytes | memoryview) -> None:
        if self._outbox is None:
            self._progress = self._loop.clock.monotonic()
            self._outbox, self._clear = deque(), None
        self._outbox.append(data)
        self._bytes_kept += len(data)

    def _wait_for_progress(self) -> None:
        self._patience = self._loop.call_at(self._progress + self._limits.stalled, self._check_progress)

    def _check_progress(self) -> None:
        self._patience = None
        if self._closed or not self._outbox:
            return
        if self._loop.clock.monotonic() - self._progress < self._limits.stalled:
            self._wait_for_progress()
        elif not self._hanging_up:
            self._owner.stalled("stall_limit", f"nothing could be sent for {self._limits.stalled:g} s")

    def _settle_interest(self) -> None:
        """Read unless much is unsent; ask for writability only while something is. No change, no system call."""
        if self._closed:
            return
        wanted = 0
        if self._outbox:  # not before: what is only kept until the loop sleeps needs no timer
            wanted = WRITE
            if self._patience is None:
                self._wait_for_progress()
        may_read = self._bytes_kept < self._limits.outbox_high and not self._held
        if not self._peer_done and (self._hanging_up or may_read):
            wanted |= READ
        if wanted != self._events:
            self._events = wanted
            self._loop.change(self, wanted)

    def _half_close(self) -> None:
        """End our direction, and wait for the peer's end: closing with unread input would destroy our last words."""
        if self._peer_done:
            self._close()
            return
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._close()

    def _finish(self, why: str) -> None:
        self._close()
        self._end(why)

    def _end(self, why: str) -> None:
        if not self._over:
            self._over = True
            self._owner.ended(why)

    def _close(self) -> None:
        if self._closed:
            return
        self._closed, self._clear = True, None
        self._loop.unwatch(self)
        self._loop.traffic.add(self._sock)
        self._sock.close()
        self._outbox = None
        self._bytes_kept = 0
        if self._patience is not None:
            self._patience.cancel()
        if self._hanging_up:
            self._end("hung up")


def _prepare(sock: socket.socket, limits: Limits) -> None:
    """Set what every connection needs: no waiting, small kernel buffers, and news of dead peers.

    Who is asked whether he is there is asked again twice before he counts as dead: Linux ends a connection by the user
    timeout also where a single probe was lost (tcp(7)).
    """
    sock.setblocking(False)
    if sock.family == socket.AF_UNIX:  # there is no network in between
        return
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, limits.send_buffer)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (
        ("TCP_KEEPIDLE", max(1, min(32_767, int(min(limits.keepalive, limits.dead / 2))))),
        ("TCP_KEEPINTVL", max(1, min(32_767, int(limits.dead / 6)))),
        ("TCP_USER_TIMEOUT", min(1_000_000_000, int(limits.dead * 1000))),
    ):
        if hasattr(socket, option):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
