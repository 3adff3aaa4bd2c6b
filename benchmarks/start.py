"""The start, and what a newcomer waits for: until the server listens, and until he has read what was said before."""

from __future__ import annotations

import contextlib
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.machine import cores, pinned
from benchmarks.run import Run, fill, settle
from benchmarks.servers import BANNER, Contender, Failed, Running, serving, stop
from benchmarks.workloads import Pace

YARDSTICK = [sys.executable, "-c", "import selectors, socket, sqlite3"]
STORED, RECALLED = 100_000, 50
END = b"End of what was said before.\n"
NUMBER = re.compile(rb" > (u\d{4}) (\d{8}) ")
PATIENCE = 10.0


def start_up(ours: Contender, pace: Pace) -> Run:
    """Return milliseconds from process start to listening, beside an interpreter that imports what any server needs."""
    with pinned(cores()[0]), tempfile.TemporaryDirectory(prefix="bench-") as folder:
        command = [word.replace("{folder}", folder) for word in ours.command]
        _seconds_to_banner(command), _seconds_to_end(YARDSTICK)  # fills the caches
        pairs = [(_seconds_to_banner(command), _seconds_to_end(YARDSTICK)) for _ in range(pace.starts)]
    listening, imports = ([1000 * seconds for seconds in column] for column in zip(*pairs, strict=True))
    return {"listening_ms": listening, "imports_ms": imports, "ratios": [mine / its for mine, its in pairs]}


def _seconds_to_banner(command: list[str]) -> float:
    start = time.perf_counter()
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as server:
        assert server.stdout
        try:
            if not any(BANNER.search(line) for line in server.stdout):
                raise Failed("our server ended without a banner")
            return time.perf_counter() - start
        finally:
            stop(server)


def _seconds_to_end(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - start


def newcomers(ours: Contender, pace: Pace, messages: int = STORED) -> Run:
    """Return how long a newcomer waits for the last 50 messages, with so many in the store, after a start with them."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        with serving(ours, folder) as server:
            settle(ours)
            fill(server, messages)
        began = time.perf_counter()
        with serving(ours, folder) as server:
            restart = time.perf_counter() - began
            settle(ours)
            waits = [_wait(server, f"new{number}") for number in range(pace.newcomers)]
    cuts = statistics.quantiles(waits, n=100, method="inclusive")
    return {
        "messages": messages,
        "recalled": RECALLED,
        "restart_ms": 1000 * restart,
        "p50_ms": 1000 * cuts[49],
        "p99_ms": 1000 * cuts[98],
    }


def _wait(server: Running, name: str) -> float:
    """Return the seconds from connecting to the end of the history, which is checked."""
    began, heard = time.perf_counter(), b""
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as person:
        person.sendall(name.encode() + b"\n")
        while not heard.endswith(END):
            piece = person.recv(65536)
            if not piece:
                raise Failed(f"a newcomer was put out: {heard[-100:]!r}")
            heard += piece
        waited = time.perf_counter() - began
        with contextlib.suppress(OSError):
            person.sendall(b"/quit\n")
    numbers: dict[bytes, list[int]] = {}
    for sender, number in NUMBER.findall(heard):
        numbers.setdefault(sender, []).append(int(number))
    gaps = [them for them in numbers.values() if them != list(range(them[0], them[0] + len(them)))]
    if gaps or sum(map(len, numbers.values())) != RECALLED:
        raise Failed(f"a newcomer's history is not the last {RECALLED} messages in order")
    return waited
