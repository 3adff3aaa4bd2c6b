"""A screen that nobody sees, and somebody at the keyboard of a window on it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.waiting import PATIENCE, needs, wait_until

PROBE, MASKED = "x", "•"
SELECTION = "import tkinter; root = tkinter.Tk(); root.withdraw(); print(root.selection_get())"


@contextmanager
def virtual_screen() -> Iterator[str]:
    """Open a screen; yield what DISPLAY has to be. Raises pytest's skip where a part is not installed."""
    needs("Xvfb", "xdotool")
    for module in ("tkinter", "sv_ttk"):
        pytest.importorskip(module, reason=f"needs {module}, which is not installed here")
    reads, writes = os.pipe()
    command = ["Xvfb", "-displayfd", f"{writes}", "-screen", "0", "1280x900x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=[writes], stderr=subprocess.DEVNULL) as xvfb:
        os.close(writes)
        with os.fdopen(reads) as number:
            display = f":{number.readline().strip()}"
        try:
            yield display
        finally:
            xvfb.terminate()


class Hands:
    """Somebody at the keyboard of the window on `screen` that has this title: it tells that one is in the room.

    He begins when a letter that he typed stands where he writes: a window that has the keyboard may not hear it yet.
    Where a password is asked for, that letter is `masked`.
    """

    def __init__(self, screen: str, title: str = "Lobby - Chat", *, masked: bool = False) -> None:
        self._screen = {**os.environ, "DISPLAY": screen}
        self._title = title
        self._shown = MASKED if masked else PROBE
        wait_until(self._is_heard, what="a window on the screen takes what is typed")
        self.press("BackSpace")

    def type(self, text: str) -> None:
        """Type these characters."""
        self._do("type", "--delay", "2", text)

    def press(self, *keys: str) -> None:
        """Press these keys, one after the other."""
        self._do("key", *keys)

    def say(self, text: str) -> None:
        """Type and send."""
        self.type(text)
        self.press("Return")

    def _is_heard(self) -> bool:
        """Type a letter, mark all there is, and look at what is marked then."""
        if not self._take_focus():
            return False
        self.type(PROBE)
        self.press("ctrl+a")
        return set(self._marked().strip()) == {self._shown}

    def _marked(self) -> str:
        """Return what is marked on the screen, in whatever window."""
        command = [sys.executable, "-c", SELECTION]
        done = subprocess.run(command, env=self._screen, timeout=PATIENCE, check=False, capture_output=True, text=True)
        return done.stdout

    def _take_focus(self) -> bool:
        """Give the keyboard to our window; False where there is none yet, or one that is just closing."""
        command = ["xdotool", "search", "--onlyvisible", "--name", f"^{self._title}$", "windowfocus", "--sync"]
        done = subprocess.run(command, env=self._screen, timeout=PATIENCE, check=False, capture_output=True)
        return done.returncode == 0

    def _do(self, *command: str) -> None:
        subprocess.run(["xdotool", *command], env=self._screen, timeout=PATIENCE, check=True)
