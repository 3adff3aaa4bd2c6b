"""The host's console where there is no terminal: lines in, lines out.

Standard input may be a pipe, a file, a socket, /dev/null or closed; at its end the room goes on without it.
It knows nothing of what the lines mean.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

from net.backlog import Backlog, clean_line
from net.ends import READ_SIZE, Outlet, open_end
from net.loop import READ, Loop
from record import record

LINE = 4096
FAULTS = 3
SHORT = 0.2  # seconds in which what is to be shown may still be, before other code takes over
TOO_LONG = f"[!] A line of more than {LINE} bytes was left out."


@record
class Host:
    """What the console asks of the one it serves, and tells him; see `Console`."""

    on_line: Callable[[str], None]
    on_interrupt: Callable[[], None]
    prompt: Callable[[], str]
    complete: Callable[[str, str], list[str]]
    status: Callable[[], str] = lambda: ""


class Lines:
    """Cuts bytes into clean lines, sans-IO. One of more than `LINE` bytes is left out whole, and is None."""

    def __init__(self) -> None:
        self._half = b""
        self._skipping = False

    def feed(self, data: bytes) -> Iterator[str | None]:
        """Yield the lines that `data` ends."""
        *whole, rest = data.split(b"\n")
        for piece in whole:
            yield self._line(piece)
        self._hold(rest)

    def end(self) -> Iterator[str | None]:
        """Yield the last line, which no line feed ended."""
        if self._half or self._skipping:
            yield self._line(b"")

    def _line(self, piece: bytes) -> str | None:
        self._hold(piece)
        line, skipped = self._half, self._skipping
        self._half, self._skipping = b"", False
        return None if skipped else clean_line(line.decode("utf-8", "replace"))

    def _hold(self, piece: bytes) -> None:
        self._half += piece
        self._skipping = self._skipping or len(self._half) > LINE
        if self._skipping:
            self._half = b""


class Plain:
    """Standard input and output under the loop, as lines."""

    def __init__(self, loop: Loop, host: Host, backlog: Backlog, *, listen: bool = True) -> None:
        self._loop = loop
        self._host = host
        self._backlog = backlog
        self._lines = Lines()
        self._input = open_end(0, os.O_RDONLY)
        self._outlet = Outlet(loop, open_end(1, os.O_WRONLY), lambda: loop.mark(self))
        self._listening = listen
        self._prompted = False
        self._closed = False
        self._faults = 0

    def open(self) -> None:
        """Listen to standard input."""
        if self._listening:
            self._watch()
        self._loop.mark(self)

    def fileno(self) -> int:
        """Return the descriptor that is read."""
        return self._input.fileno()

    def ready(self, _events: int) -> None:
        """Read a piece of input. An error is the end of it."""
        try:
            data = self._input.read(READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._take_in(data)

    def flush(self) -> None:
        """Write everything new, and the prompt below it as long as somebody may answer."""
        if not self._outlet.idle:
            return
        lines = self._backlog.take()
        if self._backlog:
            self._loop.call_soon(lambda: self._loop.mark(self))
        elif self._listening and (lines or not self._prompted):
            self._prompted = True
            lines += clean_line(self._host.prompt()) + "\n"
        self._outlet.send(lines.encode())
        self._faults = 0

    def fail(self, why: str) -> None:
        """Tell that a line met a fault, and go on, unless not even that can be told."""
        self._faults += 1
        if self._faults > FAULTS:
            self.close()
            return
        self._backlog.add(f"[!] That met {why}.")
        self._loop.mark(self)

    @property
    def size(self) -> tuple[int, int]:
        """Return 0 and 0: lines have no width."""
        return 0, 0

    def resized(self) -> None:
        """Do nothing: lines have no width."""

    def refresh(self) -> None:
        """Do nothing: lines that were written stay as they are."""

    def resumed(self) -> None:
        """Do nothing: no terminal was taken."""

    def close(self) -> None:
        """Write what is left for at most 0.5 s; twice is harmless."""
        if self._closed:
            return
        self._closed = True
        self._deafen()
        self._finish(0.5)
        self._outlet.close()
        self._input.close()

    def hand_over(self) -> dict[str, Any]:
        """End here, and return what the code that takes over has to know."""
        self._finish(SHORT)
        state = {"lines": self._lines, "prompted": self._prompted, "unsent": self._outlet.unsent}
        self._closed = True
        self._loop.unwatch(self)
        self._outlet.close()
        self._input.close()
        return state

    def take_over(self, state: dict[str, Any]) -> None:
        """Go on where earlier code has ended, before it is opened."""
        self._lines, self._prompted = state.get("lines", self._lines), state.get("prompted", False)
        self._outlet.send(state["unsent"])

    def _watch(self) -> None:
        if os.name == "nt":
            threading.Thread(target=self._read_in_a_thread, daemon=True).start()
            return
        try:
            self._loop.watch(self, READ)
        except PermissionError:
            self._loop.watch_always(self)

    def _read_in_a_thread(self) -> None:
        """Windows cannot select on a console. This could not be tried: there was no Windows to try it on."""
        data = os.read(0, READ_SIZE)
        while data:
            self._loop.call_soon(lambda data=data: self._take_in(data))  # type: ignore[misc]
            data = os.read(0, READ_SIZE)
        self._loop.call_soon(lambda: self._take_in(b""))

    def _take_in(self, data: bytes) -> None:
        for line in self._lines.feed(data) if data else self._lines.end():
            if self._closed:  # what stood after EXIT does not count
                return
            if line is None:
                self._backlog.add(TOO_LONG)
                self._loop.mark(self)
            elif line.strip():
                self._host.on_line(line)
        if not data:
            self._deafen()

    def _deafen(self) -> None:
        self._listening = False
        self._loop.unwatch(self)
        self._loop.mark(self)  # unwatching forgot it, but there may be something to show

    def _finish(self, seconds: float) -> None:
        deadline = self._loop.clock.monotonic() + seconds
        self._outlet.finish(deadline)
        while self._outlet.idle and self._backlog:
            self._outlet.send(self._backlog.take().encode())
            self._outlet.finish(deadline)
