"""A screen that nobody sees, and somebody at the keyboard of a window on it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.waiting import PATIENCE, needs


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
    """Somebody at the keyboard of a window on `screen`."""

    def __init__(self, screen: str) -> None:
        self._screen = {**os.environ, "DISPLAY": screen}
        self._window = self._do("search", "--sync", "--onlyvisible", "--class", "Chat").split()[0]
        self._do("windowfocus", "--sync", self._window)

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

    def _do(self, *command: str) -> str:
        done = subprocess.run(
            ["xdotool", *command], env=self._screen, timeout=PATIENCE, check=True, capture_output=True, text=True
        )
        return done.stdout
