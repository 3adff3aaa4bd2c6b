"""Takes the README's pictures: the host's console, the terminal client and the window, in one talk.

Needs Debian's xvfb, xterm, xdotool and imagemagick. Run it as: python tools/screenshots.py [FOLDER]
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FONT = ["-fa", "DejaVu Sans Mono", "-fs", "11", "-bg", "#14161b", "-fg", "#d8dce4", "+sb", "-b", "8"]
PATIENCE = 15.0  # seconds


@contextmanager
def running(*command: str, **how: object) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command for as long as it is needed."""
    with subprocess.Popen(command, cwd=ROOT, **how) as process:  # type: ignore[call-overload]
        try:
            yield process
        finally:
            process.terminate()


@contextmanager
def screen() -> Iterator[str]:
    """Open a screen that nobody sees; yield its name."""
    reads, writes = os.pipe()
    command = ("Xvfb", "-displayfd", str(writes), "-screen", "0", "1000x700x24", "-nolisten", "tcp")
    with running(*command, pass_fds=[writes], stderr=subprocess.DEVNULL):
        os.close(writes)
        with os.fdopen(reads) as number:
            yield f":{number.readline().strip()}"


class Window:
    """One program's window on a screen of its own: typed into, and photographed."""

    def __init__(self, stack: ExitStack, *command: str) -> None:
        self._screen = {**os.environ, "DISPLAY": stack.enter_context(screen()), "LC_ALL": "C.UTF-8"}
        self._screen.pop("NO_COLOR", None)
        stack.enter_context(running(*command, env=self._screen, stderr=subprocess.DEVNULL))
        self._id = self._do("xdotool", "search", "--sync", "--onlyvisible", "--name", ".").split()[0]
        self._do("xdotool", "windowfocus", "--sync", self._id)

    def enter(self, line: str, pause: float = 0.4) -> None:
        """Type a line, as fast as a person who is fast."""
        self._do("xdotool", "type", "--delay", "8", line)
        self._do("xdotool", "key", "Return")
        time.sleep(pause)  # a picture shows a moment; which one does not matter to any test

    def type(self, text: str) -> None:
        """Type without sending."""
        self._do("xdotool", "type", "--delay", "8", text)

    def press(self, key: str) -> None:
        """Press one key."""
        self._do("xdotool", "key", key)

    def photograph(self, path: Path) -> None:
        """Save what the window shows."""
        time.sleep(0.5)
        self._do("import", "-window", self._id, str(path))
        print(path)

    def _do(self, *command: str) -> str:
        return subprocess.run(command, env=self._screen, check=True, capture_output=True, text=True).stdout


def terminal(stack: ExitStack, *command: str) -> Window:
    """Open a terminal in which a command runs."""
    return Window(stack, "xterm", *FONT, "-geometry", "96x24", "-e", sys.executable, *command)


def free_port() -> int:
    """Return a port that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until it holds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the server does not listen")
        time.sleep(0.05)


def listens(port: int) -> bool:
    """Return whether somebody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def main(folder: Path) -> None:
    """Play the talk, and take the pictures."""
    port = free_port()
    here = ("127.0.0.1", str(port))
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        host = terminal(stack, "chat_server.py", "--host", "127.0.0.1", "--port", str(port), "--no-store")
        wait_for(lambda: listens(port))
        time.sleep(1)
        spider = terminal(stack, "chat_client.py", "-c", *here, "Spider-Man")
        time.sleep(1.5)
        iron = Window(stack, sys.executable, "chat_client.py", *here, "Ironman")
        time.sleep(1.5)
        host.enter("Welcome, everyone!")
        spider.enter("Good evening. Is anybody on the roof?")
        iron.enter("Always. Bring the 日本 noodles 🍜")
        spider.enter("/me swings by")
        iron.enter("/msg Spider-Man the spare suit is in the lab")
        iron.enter("The plans are at https://example.org/plans")
        spider.enter("On my way.")
        iron.type("/me lands")
        iron.photograph(folder / "window.png")
        spider.type("/msg Iron")
        spider.photograph(folder / "terminal.png")
        host.enter("KICK Ironman landing on the flower bed")
        host.enter("LIST_USERS")
        host.type("Mind the fl")
        host.photograph(folder / "console.png")
        host.press("ctrl+u")
        host.enter("EXIT")  # a server whose terminal is gone serves on


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "docs" / "pictures"))
