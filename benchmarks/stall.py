"""Prints how long the server's loop kept everybody waiting: while messages are stored, and while passwords are hashed.

A stall is the time between two sleeps of the loop, in which nobody else is served; the real server runs, in a
process of its own, with a stopwatch around its sleep. What people notice of it, the way of a message from one to
another, is measured from outside. `python benchmarks/stall.py [SECONDS]`
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RATE = 2_000  # messages a second
TALK = 100  # messages a second while passwords are hashed
SENDERS = 4
QUEUE = 64  # passwords that wait at any time
TICK = 0.01  # seconds


# -- the server


def serve(folder: str) -> None:
    """Be the server, and at its end print a line of figures to standard error."""
    sys.path.insert(0, str(ROOT))
    import chat_server
    from options import parse

    server = chat_server.Server(parse(["--host", "127.0.0.1", "--port", "0", "--data", folder]))
    stalls: list[float] = []
    selector = server.loop._selector
    selector.select = _timed(selector.select, stalls)  # type: ignore[method-assign]
    server.run(chat_server.banner("127.0.0.1", server.port))
    commit = server.store.figures.longest_commit if server.store else 0.0
    print(json.dumps({"stalls": sorted(stalls)[-200:], "turns": len(stalls), "commit": commit}), file=sys.stderr)


def _timed(select: Callable[..., Any], stalls: list[float]) -> Callable[..., Any]:
    woken = time.perf_counter()

    def timed(timeout: float | None = None) -> Any:
        nonlocal woken
        stalls.append(time.perf_counter() - woken)
        found = select(timeout)
        woken = time.perf_counter()
        return found

    return timed


@contextlib.contextmanager
def _server(folder: str, figures: dict[str, Any]) -> Iterator[int]:
    """Start it; yield its port; stop it and fill in its figures."""
    command = [sys.executable, __file__, "--serve", folder]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as process:
        assert process.stdout and process.stderr
        while "Chat running" not in (line := process.stdout.readline()):
            if not line:
                sys.exit(process.stderr.read())
        os.set_blocking(process.stdout.fileno(), False)
        yield int(line.rpartition(":")[2])
        process.terminate()
        figures |= json.loads(process.communicate()[1].splitlines()[-1])


# -- the people


class Person:
    """A JSON client that never waits."""

    def __init__(self, port: int, name: str = "") -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.heard: list[dict[str, Any]] = []
        self._rest = b""
        if name:
            self.tell({"do": "login", "name": name})

    def tell(self, *requests: dict[str, Any]) -> None:
        """Send these at once."""
        self.socket.sendall(b"".join(json.dumps(request).encode() + b"\n" for request in requests))

    def listen(self) -> list[dict[str, Any]]:
        """Return what has come since."""
        *lines, self._rest = (self._rest + self.socket.recv(1 << 20)).split(b"\n")
        return [json.loads(line) for line in lines]


def _hash(person: Person, number: int) -> None:
    person.tell({"do": "login", "name": f"nobody{number}", "password": "a wrong password"})


def talk(port: int, rate: int, seconds: float, hashing: int) -> tuple[list[float], int, int]:
    """Have `rate` messages a second said, with `hashing` logins waiting; return their ways, and counts.

    The ways are in seconds from sender to witness; the counts, messages acknowledged and passwords checked.
    """
    witness = Person(port, "witness")
    senders = [Person(port, f"sender{number}") for number in range(SENDERS)]
    crowd = [Person(port) for _ in range(hashing)]
    for number, person in enumerate(crowd):
        _hash(person, number)
    ways: list[float] = []
    sent = accepted = checked = 0
    began = time.perf_counter()
    with selectors.DefaultSelector() as selector:
        for person in (witness, *senders, *crowd):
            selector.register(person.socket, selectors.EVENT_READ, person)
        while (now := time.perf_counter()) < began + seconds or (accepted < sent and now < began + seconds + 10):
            due = min(now - began, seconds) * rate
            while sent < due:
                senders[sent % SENDERS].tell({"do": "say", "text": f"{time.perf_counter()} " + "x" * 80})
                sent += 1
            for key, _ in selector.select(TICK):
                for it in key.data.listen():
                    if it["event"] == "said" and key.data is witness and "history" not in it:
                        ways.append(time.perf_counter() - float(it["text"].split()[0]))
                    accepted += it["event"] == "accepted"
                    if it["event"] == "refused":
                        checked += it["code"] == "wrong_password"
                        _hash(key.data, hashing + checked)
    for person in (witness, *senders, *crowd):
        person.socket.close()
    return ways, accepted, checked


# -- the report


def measure(rate: int, seconds: float, hashing: int = 0) -> None:
    """Run one load against a fresh server, and print what came of it."""
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="stall-") as folder:
        with _server(folder, figures) as port:
            ways, accepted, checked = talk(port, rate, seconds, hashing)
        with contextlib.closing(sqlite3.connect(Path(folder) / "chat.db")) as database:
            stored = database.execute("SELECT count(*) FROM messages").fetchone()[0]
    stalls = figures["stalls"]
    print(f"{rate:,} messages a second" + (f", {hashing} passwords waiting" if hashing else ""))
    print(f"  said {len(ways):,}, acknowledged {accepted:,}, in the file {stored:,}; passwords checked {checked:,}")
    print(f"  longest stall of the loop   {1e3 * stalls[-1]:8.2f} ms  (of {figures['turns']:,} turns;", end=" ")
    print("then " + ", ".join(f"{1e3 * stall:.2f}" for stall in stalls[-2:-6:-1]) + ")")
    print(f"  longest commit of the store {1e3 * figures['commit']:8.2f} ms")
    cuts = statistics.quantiles(ways, n=1000)
    print(f"  a message's way: median {1e3 * cuts[499]:.2f}, p99 {1e3 * cuts[989]:.2f}, worst {1e3 * max(ways):.2f} ms")


def main(arguments: Sequence[str]) -> None:
    """Measure both."""
    seconds = float(arguments[0]) if arguments else 5.0
    measure(RATE, seconds)
    measure(TALK, seconds, QUEUE)


if __name__ == "__main__":
    serve(sys.argv[2]) if sys.argv[1:2] == ["--serve"] else main(sys.argv[1:])
