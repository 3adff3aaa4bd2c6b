"""The two ends of the host's console, as things that can be read and written without ever waiting.

Descriptors 0, 1 and 2 are shared with the shell and with whoever else inherited them, so O_NONBLOCK is never set on
them: what is behind them is opened anew. What cannot be opened anew is asked first. Knows no lines and no keys.
"""

from __future__ import annotations

import errno
import os
import select
import selectors
import socket
import stat
from collections.abc import Callable

from net.loop import WRITE, Loop

READ_SIZE = 4096
DISK_TROUBLE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class End:
    """A descriptor that does not wait. `read` and `write` raise BlockingIOError where another would wait."""

    def __init__(self, fd: int, *, own: bool) -> None:
        self._fd = fd
        self._own = own

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._fd

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes; none of them at the end of input."""
        return os.read(self._fd, size)

    def write(self, data: bytes | memoryview) -> int:
        """Return how many bytes were taken."""
        return os.write(self._fd, data)

    def close(self) -> None:
        """Give the descriptor back if it is ours; never 0, 1 or 2: the next socket would become the console."""
        if self._own:
            self._own = False
            os.close(self._fd)


class CarefulEnd(End):
    """A descriptor of others, which may wait: asked before each small piece. Someone else may still be faster."""

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes, if there are any or there will never be."""
        if not select.select([self._fd], [], [], 0)[0]:
            raise BlockingIOError
        return super().read(size)

    def write(self, data: bytes | memoryview) -> int:
        """Write as much as a pipe that has room at all is sure to take."""
        if not select.select([], [self._fd], [], 0)[1]:
            raise BlockingIOError
        return super().write(data[: select.PIPE_BUF])


class SocketEnd(End):
    """A socket in the place of a terminal, as inetd or a test would give."""

    def __init__(self, fd: int) -> None:
        self._socket = socket.socket(fileno=os.dup(fd))
        super().__init__(self._socket.fileno(), own=False)

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes; none of them at the end of input."""
        return self._socket.recv(size, socket.MSG_DONTWAIT)

    def write(self, data: bytes | memoryview) -> int:
        """Return how many bytes were taken."""
        return self._socket.send(data, socket.MSG_DONTWAIT)

    def close(self) -> None:
        """Give back our copy of the socket."""
        self._socket.close()


def open_end(fd: int, flags: int) -> End:
    """Return the end behind `fd` that never waits; `flags` is os.O_RDONLY or os.O_WRONLY. Raises OSError if closed."""
    kind = os.fstat(fd).st_mode
    if os.name == "nt" or stat.S_ISREG(kind) or stat.S_ISDIR(kind):
        return End(fd, own=False)
    if stat.S_ISSOCK(kind):
        return SocketEnd(fd)
    try:
        return End(_open_anew(fd, flags), own=True)
    except OSError:
        return CarefulEnd(fd, own=False)


def _open_anew(fd: int, flags: int) -> int:
    """Open what is behind `fd` a second time. Raises OSError without /proc, or where it belongs to another user."""
    flags |= os.O_NONBLOCK | os.O_NOCTTY
    try:
        return os.open(os.ttyname(fd), flags)
    except OSError:
        return os.open(f"/proc/self/fd/{fd}", flags)


class Outlet:
    """A channel for output: takes what it is given, writes what can be written, watches for room for the rest.

    Whoever gives it more while it is not `idle` makes it grow; `drained` is called when it has become idle again.
    """

    def __init__(self, loop: Loop, end: End, drained: Callable[[], None]) -> None:
        self.gone = False
        self._loop = loop
        self._end = end
        self._drained = drained
        self._unsent = b""
        self._watched = False

    @property
    def unsent(self) -> bytes:
        """What waits to be written."""
        return self._unsent

    @property
    def idle(self) -> bool:
        """Whether nothing waits to be written."""
        return not self._unsent

    def send(self, data: bytes) -> None:
        """Write `data`, now or when there is room. Nobody there to read it any more: `gone`, and it is dropped."""
        if not self.gone:
            self._unsent += data
            self._push()
            self._watch(not self.idle)

    def fileno(self) -> int:
        """Return the descriptor that is written to."""
        return self._end.fileno()

    def ready(self, _events: int) -> None:
        """There is room: write on."""
        self._push()
        self._watch(not self.idle)
        if self.idle and not self.gone:
            self._drained()

    def flush(self) -> None:
        """Do nothing: what was sent has been written, or waits for room."""

    def fail(self, why: str) -> None:
        """Write no more."""
        self.close()

    def finish(self, deadline: float) -> None:
        """Write what can be written until `deadline` (monotonic): the one place that waits, at the very end."""
        if self.idle:
            return
        with selectors.DefaultSelector() as room:
            room.register(self._end, WRITE)
            while not self.idle and room.select(max(0.0, deadline - self._loop.clock.monotonic())):
                self._push()

    def close(self) -> None:
        """Write no more; twice is harmless."""
        self.gone = True
        self._unsent = b""
        self._watch(False)
        self._end.close()

    def _push(self) -> None:
        rest = memoryview(self._unsent)
        try:
            while rest:
                rest = rest[self._end.write(rest) :]
        except BlockingIOError:
            pass
        except OSError as error:
            rest = rest[:0]  # a full disk may have room again later; a closed pipe has no reader for good
            self.gone = error.errno not in DISK_TROUBLE
        self._unsent = bytes(rest)

    def _watch(self, wanted: bool) -> None:
        if wanted and not self._watched:
            self._loop.watch(self, WRITE)
        elif self._watched and not wanted:
            self._loop.unwatch(self)
        self._watched = wanted
