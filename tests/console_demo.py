"""A program with nothing but a console under a loop, for the console's tests: run as `console_demo.py PORT`.

What happens is reported to 127.0.0.1:PORT as JSON lines; what arrives from there is done: show a text, tell how busy
the loop was, close.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from net.console import Console, guard_standard_descriptors
from net.loop import READ, Loop

WORDS = ["HELP", "KICK", "KICKBOX", "LIST_USERS", "EXIT", "alice", "Zoë"]


class Wire:
    """The line to the test, under the same loop as the console: an answer proves that the loop turns."""

    def __init__(self, loop: Loop, port: int) -> None:
        self.loop = loop
        self.turns = 0
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.half = b""
        self.console = Console(
            loop,
            on_line=self.line,
            on_interrupt=lambda: self.tell(interrupt=True),
            prompt=lambda: time.strftime("[%H:%M:%S] Host > "),
            complete=lambda word, _line: [it for it in WORDS if it.lower().startswith(word.lower())],
            colour="COLOUR" in os.environ,
        )

    def line(self, line: str) -> None:
        """Report what was entered; some lines have a meaning of their own."""
        self.tell(line=line)
        if line == "FAULT":
            raise RuntimeError("a fault on purpose")
        if line == "EXIT":
            self.leave()

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        return self.socket.fileno()

    def ready(self, _events: int) -> None:
        """Do what the test asks for."""
        data = self.socket.recv(1 << 20)
        *whole, self.half = (self.half + data).split(b"\n")
        for line in whole:
            self.do(**json.loads(line))
        if not data:
            self.leave()

    def do(self, show: str | None = None, ask: str = "") -> None:
        """Show a text, answer a question, crash, or leave."""
        if show is not None:
            self.console.show(show)
        elif ask == "busy":
            self.tell(turns=self.turns, cpu=time.process_time())
        elif ask == "crash":
            raise SystemExit
        else:
            self.leave()

    def leave(self) -> None:
        """End the program."""
        self.console.close()
        self.loop.stop()

    def tell(self, **what: Any) -> None:
        """Report to the test."""
        self.socket.sendall(json.dumps(what).encode() + b"\n")

    def flush(self) -> None:
        """Nothing waits."""

    def fail(self, _why: str) -> None:
        """End, rather than go on half."""
        self.leave()


def main() -> None:
    """Run until the test, or EXIT, ends it."""
    guard_standard_descriptors()
    loop = Loop(os.environ.get("SELECTOR"))
    wire = Wire(loop, int(sys.argv[1]))
    loop.watch(wire, READ)
    wire.console.open()
    wire.console.show("Chat running")
    loop.running = True
    while loop.running:
        loop.turn()
        wire.turns += 1
    wire.console.close()
    loop.unwatch(wire)
    loop.close()
    wire.socket.close()


if __name__ == "__main__":
    main()
