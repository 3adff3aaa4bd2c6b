"""A socket pair that wakes the loop from anywhere, and then runs what was left for it."""

from __future__ import annotations

import os
import socket
from collections import deque
from collections.abc import Callable


class Bell:
    """A channel. What is `waiting` is done in its order, until it is `late`; the rest in the next turn."""

    def __init__(self, waiting: deque[Callable[[], None]], late: Callable[[], bool]) -> None:
        self._waiting = waiting
        self._late = late
        self._in, self._out = socket.socketpair()
        self._in.setblocking(False)
        self._out.setblocking(False)

    def fileno(self) -> int:
        """Return the descriptor that is read."""
        return self._in.fileno()

    def rope(self) -> int:
        """Return the descriptor that rings when a byte is written to it."""
        return self._out.fileno()

    def ring(self) -> None:
        """Wake the loop. From any thread or signal handler."""
        try:
            self._out.send(b"\0")
        except (BlockingIOError, OSError):
            pass  # full: it rings already. Closed: nobody is there to hear it.

    def ready(self, _events: int) -> None:
        """Do what was left for the loop before now."""
        os.read(self._in.fileno(), 4096)
        for _ in range(len(self._waiting)):
            if self._waiting:  # one of them may have done all the others
                self._waiting.popleft()()
            if self._waiting and self._late():
                self.ring()
                return

    def flush(self) -> None:
        """Nothing is ever kept."""

    def fail(self, why: str) -> None:
        """A fault in work that was left for the loop is logged; the bell itself goes on."""
        if self._waiting:
            self.ring()

    def close(self) -> None:
        """Give back both ends."""
        self._in.close()
        self._out.close()
