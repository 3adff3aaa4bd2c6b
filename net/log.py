"""The log of the server's own faults, on standard error. It never waits, and a fault that repeats does not flood it."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable

from net.ends import End, open_end

MOST = 20  # tracebacks in a minute; the others are counted


class FaultLog(logging.Handler):
    """Writes each record where somebody may read it, and tells `warn` in a sentence that there is something to read."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        self._warn = warn
        self._end: End = open_end(2, os.O_WRONLY)
        self._minute = 0.0
        self._written = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record, or leave it out: the room goes on either way."""
        now = time.monotonic()
        if now - self._minute >= 60:
            self._minute, self._written = now, 0
        self._written += 1
        if self._written > MOST:
            return
        try:
            self._end.write(f"{self.format(record)}\n".encode("utf-8", "replace"))
        except OSError:
            pass  # nobody reads standard error
        self._warn(f"A fault in the server ({record.getMessage()}); the traceback is in the log.")

    def close(self) -> None:
        """Give the descriptor back."""
        self._end.close()
        super().close()


def log_faults(warn: Callable[[str], None]) -> FaultLog:
    """Send the log of this program to standard error; returns the handler, to be closed at the end."""
    handler = FaultLog(warn)
    root = logging.getLogger("chat")
    root.propagate = False
    root.addHandler(handler)
    return handler
