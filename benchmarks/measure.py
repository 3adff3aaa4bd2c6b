"""What is measured: fan-out under several workloads, the start, idling, and joining. It prints what it is at."""

from __future__ import annotations

import contextlib
import json
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.servers import (
    BANNER,
    LOAD,
    Contender,
    busy_seconds,
    cores,
    cpu_seconds,
    fresh,
    pinned,
    resident_bytes,
    stop,
)

YARDSTICK = [sys.executable, "-c", "import selectors, socket, sqlite3"]
MIXED = "web:40,plain:30,irc:20,json:10"
Run = dict[str, Any]


@dataclass(frozen=True)
class Workload:
    """Who listens, how many of them talk, how many messages each of these keeps in flight; and what is hoped for."""

    receivers: int
    senders: int
    window: int
    share: float | None = None  # of the limit, at least
    times: float | None = None  # as fast as the fastest peer, at least
    speech: str = ""  # how people speak with us, where not in plain lines
    beside: str = "peers"  # whom we are measured beside: `peers` and the limit, or the `limit` alone
    quick: bool = False  # also in a quick run

    def __str__(self) -> str:
        return f"{self.receivers:5} {self.senders:3} {self.window:5}{' mixed' if self.speech else ''}"

    def options(self) -> list[str]:
        """Return the same, in the words of load.c."""
        return [f"--receivers={self.receivers}", f"--senders={self.senders}", f"--window={self.window}"]


@dataclass(frozen=True)
class Pace:
    """How long and how often, in seconds and counts."""

    repetitions: int
    seconds: float
    warm: float  # seconds of talk before counting
    idle: float  # seconds of watching an idle server
    starts: int
    crowd: int  # people who sit still


WORKLOADS = (
    Workload(10, 10, 64, times=1.0, quick=True),
    Workload(100, 10, 64, share=0.8, times=5.0, quick=True),
    Workload(1000, 1, 1, share=0.9, quick=True),
    Workload(1000, 10, 1),
    Workload(1000, 10, 64, share=0.8, times=5.0, quick=True),
    Workload(1000, 10, 1024, share=0.8, times=5.0),
    Workload(5000, 10, 64, share=0.8, beside="limit"),
    Workload(1000, 10, 64, share=0.6, speech=MIXED, beside="limit", quick=True),
)
NORMAL = Pace(repetitions=3, seconds=2.0, warm=0.5, idle=5.0, starts=9, crowd=5000)
QUICK = Pace(repetitions=1, seconds=0.5, warm=0.2, idle=1.0, starts=3, crowd=1000)


def say(text: str) -> None:
    """Print at once: a benchmark is watched."""
    print(text, flush=True)


def fan_outs(ours: Contender, limit: Contender, peers: list[Contender], pace: Pace, quick: bool) -> list[Run]:
    """Do all runs, interleaved: what disturbs the machine for a while disturbs everyone."""
    runs = []
    for repetition in range(pace.repetitions):
        for work in WORKLOADS:
            if quick and not work.quick:
                continue
            for contender in (ours, limit, *(peers if work.beside == "peers" else ())):
                say(f"  {repetition + 1}/{pace.repetitions}  {work}  {contender.name}")
                runs.append(fan_out(contender, work, pace))
    return runs


def fan_out(contender: Contender, work: Workload, pace: Pace) -> Run:
    """Do one run against a fresh server: what load.c printed, and how much of the machine others took meanwhile."""
    speech = work.speech if work.speech and contender.name == "ours" else contender.speech
    timing = [f"--seconds={pace.seconds}", f"--warm={pace.warm}", f"--speech={speech}"]
    with fresh(contender) as (pid, port, folder):
        _settle(contender)
        start, busy, used = time.monotonic(), busy_seconds(), cpu_seconds(pid) + _children_seconds()
        with pinned(cores()[1]):
            command = [LOAD, f"--port={port}", f"--watch={pid}", *work.options(), *timing]
            load = subprocess.run(command, stdout=subprocess.PIPE, timeout=300, check=False)
        others = busy_seconds() - busy - (cpu_seconds(pid) + _children_seconds() - used)
        share = max(0.0, others) / (time.monotonic() - start)
        if load.returncode:
            raise SystemExit(f"{contender.name}, {work}: load ended with {load.returncode}: {load.stdout.decode()}")
        result: Run = json.loads(load.stdout)
        if contender.name == "ours":
            result["stored"] = _stored(folder / "data" / "chat.db", result["said"])
    return result | {"server": contender.name, "workload": str(work), "others_share": round(share, 3)}


def _settle(contender: Contender) -> None:
    """Let a server finish what it does once after it has begun to listen."""
    time.sleep(0.5 if contender.name == "ours" else 0.1)


def _stored(path: Path, said: int) -> int:
    """Return how many messages are in the file, when all are, or no more come."""
    count, before = 0, -1
    while count < said and count != before:
        time.sleep(0.3)
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            before, count = count, db.execute("SELECT count(*) FROM messages").fetchone()[0]
    return count


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


# --- the start


def start_up(ours: Contender, pace: Pace) -> Run:
    """Return milliseconds from process start to listening, beside an interpreter that imports what any server needs."""
    with pinned(cores()[0]), tempfile.TemporaryDirectory(prefix="bench-") as folder:
        command = [word.replace("{folder}", folder) for word in ours.command]
        _seconds_to_banner(command), _seconds_to_end(YARDSTICK)  # fills the caches
        pairs = [(_seconds_to_banner(command), _seconds_to_end(YARDSTICK)) for _ in range(pace.starts)]
    ratio = statistics.median(mine / its for mine, its in pairs)
    listening, imports = (1000 * statistics.median(column) for column in zip(*pairs, strict=True))
    return {"listening_ms": listening, "imports_ms": imports, "ratio": ratio}


def _seconds_to_banner(command: list[str]) -> float:
    start = time.perf_counter()
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as server:
        assert server.stdout
        try:
            if not any(BANNER.search(line) for line in server.stdout):
                raise SystemExit(f"{command} ended without a banner")
            return time.perf_counter() - start
        finally:
            stop(server)


def _seconds_to_end(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - start


# --- people who sit still


def idle(contender: Contender, pace: Pace) -> Run:
    """Return CPU shares with nobody and with a silent crowd, what one of the crowd costs, and how fast they came."""
    with fresh(contender) as (pid, port, _):
        time.sleep(1)  # what a server does once after its banner is not idling
        nobody, empty = _cpu_share(pid, pace.idle), resident_bytes(pid)
        crowd = [LOAD, f"--port={port}", f"--receivers={pace.crowd}", "--senders=1", "--hold"]
        with subprocess.Popen(
            [*crowd, f"--speech={contender.speech}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as load:
            try:
                assert load.stdout
                joins = json.loads(load.stdout.readline())["joins_per_second"]
                time.sleep(1)
                crowded, full = _cpu_share(pid, pace.idle), resident_bytes(pid)
            finally:
                stop(load)
    return {
        "server": contender.name,
        "nobody_share": nobody,
        "crowd_share": crowded,
        "crowd": pace.crowd,
        "bytes_per_connection": (full - empty) / pace.crowd,
        "empty_bytes": empty,
        "joins_per_second": joins,
    }


def _cpu_share(pid: int, seconds: float) -> float:
    before: float = cpu_seconds(pid)
    time.sleep(seconds)
    return (cpu_seconds(pid) - before) / seconds
