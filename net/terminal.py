"""The host's terminal as a device: who may use it, what it does with keys, how wide it is. Knows no keys and no lines.

Its attributes are changed only while we are in the foreground, and are put back at the end, also after a crash.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import termios
from typing import Any

from net.ends import End

_AT_ONCE = termios.ICANON | termios.IEXTEN
_UNSEEN = termios.ECHO
_AS_KEYS = termios.ISIG  # Ctrl-C, Ctrl-Z and Ctrl-\ come as keys; IXON below: Ctrl-S and Ctrl-Q too
_UNCHANGED = termios.BRKINT | termios.ICRNL | termios.INLCR | termios.IGNCR | termios.ISTRIP | termios.IXON


def in_front(fd: int) -> bool:
    """Whether the terminal `fd` is ours to use, and not another job's. Without job control it always is."""
    try:
        return os.tcgetpgrp(fd) in {0, os.getpgrp()}  # 0: the job is of another process namespace
    except OSError:
        return True


class Terminal:
    """The terminal from which `end` reads."""

    def __init__(self, end: End) -> None:
        self._end = end
        self._before: list[Any] | None = None

    @property
    def taken(self) -> bool:
        """Whether we have it: each key comes at once, unseen."""
        return self._before is not None

    @property
    def ours(self) -> bool:
        """Whether we may have it."""
        return in_front(self._end.fileno())

    @property
    def columns(self) -> int:
        """How many cells a row has; 80 where it does not say."""
        return self._size().columns or 80

    @property
    def rows(self) -> int:
        """How many rows it has; 24 where it does not say."""
        return self._size().lines or 24

    def _size(self) -> os.terminal_size:
        try:
            return os.get_terminal_size(self._end.fileno())
        except OSError:
            return os.terminal_size((0, 0))

    def take(self) -> None:
        """Have each key at once and unseen, if it is ours to do so; output stays as it is."""
        if not self.ours:
            return
        with contextlib.suppress(termios.error):
            before = termios.tcgetattr(self._end.fileno())
            # never TCSADRAIN: that waits for a terminal which may not be read
            termios.tcsetattr(self._end.fileno(), termios.TCSANOW, _with_keys(before))
            self._before = before
            atexit.register(self.give_back)

    def give_back(self) -> None:
        """Leave it as it was; harmless when it is not taken, or is not there any more."""
        if self._before is not None and self.ours:
            with contextlib.suppress(termios.error):
                termios.tcsetattr(self._end.fileno(), termios.TCSANOW, self._before)
        self.forget()

    def forget(self) -> None:
        """Another job has had it since and has set it as it likes: there is nothing to give back."""
        self._before = None
        atexit.unregister(self.give_back)


def _with_keys(attributes: list[Any]) -> list[Any]:
    iflag, oflag, cflag, lflag, ispeed, ospeed, special = attributes
    special = [*special]
    special[termios.VMIN], special[termios.VTIME] = 1, 0
    lflag &= ~(_AT_ONCE | _UNSEEN | _AS_KEYS)
    return [iflag & ~_UNCHANGED, oflag, cflag, lflag, ispeed, ospeed, special]
