"""A terminal to type into and to look at."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from tests.support.waiting import PATIENCE, ROOT, Text, alive, find, needs, wait_until

TMUX_SETTINGS = """
set -g default-terminal tmux-256color
set -g remain-on-exit on
set -g remain-on-exit-format ""
set -g status off
set -sg escape-time 0
set -g history-limit 50000
"""


class Terminal:
    """A real terminal (tmux, with a socket and settings of its own) in which one command runs.

    `screen()` is what a person sees. Raises pytest's skip where tmux is not installed.
    """

    def __init__(
        self,
        *command: object,
        columns: int = 100,
        rows: int = 30,
        env: Mapping[str, str] | None = None,
        cwd: Path = ROOT,
    ) -> None:
        needs("tmux")
        self._folder = Path(tempfile.mkdtemp(prefix="tmux-"))
        (self._folder / "settings").write_text(TMUX_SETTINGS, encoding="utf-8")
        base = {key: value for key, value in os.environ.items() if key not in ("TMUX", "TMUX_PANE", "NO_COLOR")}
        self._env = {**base, "LC_ALL": "C.UTF-8", **(env or {})}
        size = ("-x", str(columns), "-y", str(rows))
        self._tmux("-f", str(self._folder / "settings"), "new-session", "-d", *size, "-c", str(cwd), *map(str, command))
        self.pid = int(self._ask("pane_pid"))
        self._server = int(self._ask("pid"))

    def type(self, text: str) -> None:
        """Type this text as it stands; no Enter is added."""
        self._tmux("send-keys", "-l", "--", text)

    def press(self, *keys: str) -> None:
        """Press keys by tmux's names: Enter, Tab, Up, BSpace, Escape, C-c, C-d, M-b, PageUp …"""
        self._tmux("send-keys", *keys)

    def enter(self, text: str) -> None:
        """Type this text and press Enter."""
        self.type(text)
        self.press("Enter")

    def screen(self, *, history: bool = False, colours: bool = False) -> str:
        """Return what the screen shows; with what has scrolled off it, and with escape sequences, if wanted."""
        extra = ["-S", "-"] * history + ["-e"] * colours
        return self._tmux("capture-pane", "-p", *extra).rstrip("\n")

    def wait_for(self, wanted: Text, seconds: float = PATIENCE, *, history: bool = False) -> re.Match[str]:
        """Wait until `wanted` stands on the screen; return the match."""
        deadline = time.monotonic() + seconds
        while (found := find(wanted, screen := self.screen(history=history))) is None:
            assert time.monotonic() < deadline, f"not on the screen within {seconds:g} s: {wanted!r}\n{framed(screen)}"
            time.sleep(0.02)
        return found

    def bell(self) -> bool:
        """Return whether the terminal has rung since the start."""
        return self._ask("window_bell_flag") == "1"

    def wait_gone(self, unwanted: Text, seconds: float = PATIENCE) -> None:
        """Wait until `unwanted` no longer stands on the screen."""
        deadline = time.monotonic() + seconds
        while find(unwanted, screen := self.screen()):
            assert time.monotonic() < deadline, f"still there after {seconds:g} s: {unwanted!r}\n{framed(screen)}"
            time.sleep(0.02)

    def cursor(self) -> tuple[int, int]:
        """Return the cursor's column and row, both from 0."""
        column, row = self._ask("cursor_x},#{cursor_y").split(",")
        return int(column), int(row)

    def resize(self, columns: int, rows: int) -> None:
        """Give the terminal another size."""
        self._tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def exit_code(self, seconds: float = PATIENCE) -> int:
        """Wait for the command's end; return its exit code (-N where signal N ended it)."""
        wait_until(self._ended, seconds, f"the command's end\n{framed(self.screen())}")
        status, killer = self._ended()
        return int(status) if status else -int(killer)

    def close(self) -> None:
        """End the command and the terminal; twice is harmless."""
        if not self._folder.exists():
            return
        self._tmux("kill-server")
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        wait_until(lambda: not alive(self._server) and not alive(self.pid), what="the terminal's end")
        shutil.rmtree(self._folder)

    def _ended(self) -> list[str]:
        """Return the exit status and the signal, one of them empty; nothing until all that was written is shown."""
        os.kill(self._server, signal.SIGCHLD)  # tmux now and then misses a child's end until the next one's
        dead, *answer = self._ask("pane_dead},#{pane_dead_status},#{pane_dead_signal").split(",")
        return answer if dead == "1" and any(answer) else []

    def _ask(self, variable: str) -> str:
        return self._tmux("display-message", "-p", f"#{{{variable}}}").strip()

    def _tmux(self, *arguments: str) -> str:
        command = ["tmux", "-u", "-S", str(self._folder / "socket"), *arguments]
        done = subprocess.run(command, env=self._env, capture_output=True, encoding="utf-8", check=False)
        assert done.returncode == 0, f"{command!r}: {done.stderr}"
        return done.stdout

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def framed(screen: str) -> str:
    """Return a screen with a line above and below it, for messages."""
    return f"{'-' * 80}\n{screen}\n{'-' * 80}"
