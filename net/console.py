"""The host's console: chooses what stands in its place, a terminal or plain lines, and hides which.

It takes lines in and shows text, and never makes the loop wait. It does not know what a line means.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from net.backlog import KEPT, Backlog
from net.loop import Loop
from net.plain import Host, Plain

if TYPE_CHECKING:
    from net.screen import Screen


def guard_standard_descriptors() -> None:
    """Open /dev/null on each of 0, 1 and 2 that is closed: else the first socket would become the console."""
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is `fd`


class Console:
    """The host's terminal, or whatever stands in its place.

    `on_line` is called with each line entered that is not blank, without its end; `on_interrupt` for Ctrl-C on a
    terminal. `prompt` returns the prompt as it is to be drawn now. `complete` gets the word that ends at the cursor
    and the whole line, and returns what the word may become. `status` returns what stands below the prompt of a
    terminal, empty for nothing. `colour` is a wish; NO_COLOR in the environment and
    a console that is no terminal overrule it.
    """

    def __init__(
        self,
        loop: Loop,
        *,
        on_line: Callable[[str], None],
        on_interrupt: Callable[[], None],
        prompt: Callable[[], str],
        complete: Callable[[str, str], list[str]],
        colour: bool,
        status: Callable[[], str] = lambda: "",
    ) -> None:
        self._loop = loop
        self._host = Host(on_line, on_interrupt, prompt, complete, status)
        self._colour = colour and not os.environ.get("NO_COLOR")
        self._backlog = Backlog()
        self._face: Screen | Plain | None = None
        self._ignored: dict[signal.Signals, object] = {}

    def open(self, state: dict[str, Any] | None = None) -> None:
        """Take lines from now on, and show what was shown before. Never raises for a console that is unusable.

        With the `state` that another has handed over, go on where that has ended.
        """
        if os.name != "nt" and threading.current_thread() is threading.main_thread():
            self._listen_to_signals()
        if state is not None:
            if shown := self._backlog.take(KEPT):
                state["backlog"].add(shown)
            self._backlog = state["backlog"]
        self._face = self._make_face()
        if state is not None and state["face"] is not None:
            self._face.take_over(state["face"])
        self._face.open()

    def hand_over(self) -> dict[str, Any]:
        """Let go of the terminal, or of what stands in its place; return what the code that takes over needs."""
        face, self._face = self._face, None
        return {"face": face.hand_over() if face is not None else None, "backlog": self._backlog}

    def show(self, text: str) -> None:
        """Show one or more lines above the prompt; they are cleaned of everything that could move a cursor.

        Never blocks. Where they cannot be written the newest are kept, and how many were left out is said.
        """
        self._backlog.add(text)
        if self._face is not None:
            self._loop.mark(self._face)

    @property
    def size(self) -> tuple[int, int]:
        """Return the columns and rows of the terminal; 0 and 0 where there is none."""
        return self._face.size if self._face is not None else (0, 0)

    def resized(self) -> None:
        """The terminal's size has changed (SIGWINCH)."""
        if self._face is not None:
            self._face.resized()

    def refresh(self) -> None:
        """The status has changed."""
        if self._face is not None:
            self._face.refresh()

    def resumed(self) -> None:
        """The process was stopped and goes on (SIGCONT)."""
        if self._face is not None:
            self._face.resumed()

    def close(self) -> None:
        """Leave the terminal as it was, after showing what can be shown within 0.5 s; twice is harmless."""
        face, self._face = self._face, None
        if face is not None:
            face.close()
        while self._ignored:
            signal.signal(*self._ignored.popitem())  # type: ignore[arg-type]

    def _make_face(self) -> Screen | Plain:
        if os.name == "nt":
            _ask_windows_for_colours()
        elif os.isatty(0):
            return self._make_terminal_face()
        return Plain(self._loop, self._host, self._backlog)

    def _make_terminal_face(self) -> Screen | Plain:
        from net.terminal import in_front

        if os.isatty(1) and os.environ.get("TERM", "dumb") != "dumb":
            try:
                from net.screen import Screen  # only a terminal pays for it: 30 ms

                return Screen(self._loop, self._host, self._backlog, colour=self._colour)
            except (ImportError, OSError) as missing:
                self._backlog.add(f"[!] No line editing: {missing}. Try: pip install -r requirements.txt")
        return Plain(self._loop, self._host, self._backlog, listen=in_front(0))

    def _listen_to_signals(self) -> None:
        """A terminal's signals are the console's business. None of them ends or stops the server."""
        self._loop.on_signal(signal.SIGWINCH, self.resized)
        self._loop.on_signal(signal.SIGCONT, self.resumed)
        self._loop.on_signal(signal.SIGHUP, lambda: None)  # what is gone says so itself when it is read
        for number in (signal.SIGTTIN, signal.SIGTTOU):
            self._ignored.setdefault(number, signal.signal(number, signal.SIG_IGN))


def _ask_windows_for_colours() -> None:
    if sys.platform == "win32":
        import colorama

        colorama.just_fix_windows_console()
