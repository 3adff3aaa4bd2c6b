"""One run: a fresh server, a crowd that comes in, sits still, and talks; and what is measured meanwhile."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.machine import busy_seconds, cores, cpu_seconds, pinned, resident_bytes
from benchmarks.servers import LOAD, Contender, Failed, Running, fresh, orphaned, stop
from benchmarks.workloads import Pace, Workload

Run = dict[str, Any]
PATIENCE = 90.0  # seconds for a crowd to come in, or for what it said to arrive
SILENCE = 3.0  # seconds after which nothing more is stored
STALL = re.compile(r"^chat_loop_stall_seconds (\S+)", re.MULTILINE)


class Crowd:
    """The load, on the second core: `joined` when everybody is in, `talk` for the rest. It never takes for ever."""

    def __init__(self, options: Sequence[str]) -> None:
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with pinned(cores()[1]):
            self._process = subprocess.Popen(orphaned([LOAD, *options]), **pipes)
        self._late = self._in = False

    def joined(self) -> Run:
        """Return how the joining went."""
        found = self._next()
        self._in = True
        return found

    def talk(self, seconds: float) -> Run:
        """Have them talk, and return what came of it."""
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(b"go\n")
            self._process.stdin.flush()
        return self._next(seconds)

    def _next(self, seconds: float = 0.0) -> Run:
        assert self._process.stdout
        watchdog = threading.Timer(PATIENCE + seconds, self._give_up)
        watchdog.start()
        try:
            line = self._process.stdout.readline()
        finally:
            watchdog.cancel()
        if not line:
            raise Failed(self._why())
        found: Run = json.loads(line)
        return found

    def _give_up(self) -> None:
        self._late = True
        self._process.kill()

    def _why(self) -> str:
        if self._late:
            return f"took longer than {PATIENCE:.0f} s {'to bring all messages' if self._in else 'to let everybody in'}"
        told = self._process.communicate(timeout=PATIENCE)[1]
        return told.decode(errors="replace").strip() or f"the load ended with {self._process.returncode}"

    def cpu_seconds(self) -> float:
        """Return what it has used."""
        return cpu_seconds(self._process.pid)

    def close(self) -> None:
        """End it, whatever it is at."""
        stop(self._process)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            with contextlib.suppress(BrokenPipeError):
                pipe.close() if pipe else None


@contextlib.contextmanager
def crowd(server: Running, speech: str, options: Sequence[str]) -> Iterator[Crowd]:
    """Bring people to a server."""
    people = Crowd([f"--port={server.port}", f"--watch={server.pid}", f"--speech={speech}", *options])
    try:
        yield people
    finally:
        people.close()


def measure(contender: Contender, work: Workload, pace: Pace) -> Run:
    """Do one run. Raises Failed where it came to nothing, or where something was lost, out of order or garbled."""
    mine = contender.name == "ours"
    speech = work.speech if work.speech and mine else contender.speech
    pace_options = [f"--door={contender.door}", f"--seconds={pace.seconds}", f"--warm={pace.warm}"]
    with fresh(contender) as server:
        settle(contender)
        if work.stored:
            fill(server, work.stored)
        if mine:
            longest_turn(server)  # what it did to begin with does not count
        empty = resident_bytes(server.pid)
        with crowd(server, speech, [*work.options(), *pace_options]) as people:
            found = people.joined() | ({"stall_joining": longest_turn(server)} if mine else {})
            found |= _still(server, work, pace, empty)
            found |= talk(server, people, pace) | ({"stall": longest_turn(server)} if mine else {})
        if mine:
            found |= {"stored": stored(server, work.stored + found["said"]), "stall_leaving": longest_turn(server)}
    if contender.name == "limit":
        found["stall"] = float(server.printed.split("longest turn ")[1])
    check(found)
    return found | {"server": contender.name, "workload": work.key}


def settle(contender: Contender) -> None:
    """Let a server finish what it does once after it has begun to listen."""
    time.sleep(0.5 if contender.name == "ours" else 0.1)


def _still(server: Running, work: Workload, pace: Pace, empty: int) -> Run:
    """Return what people cost who do nothing."""
    found: Run = {}
    if work.sit:
        time.sleep(1)
        before = cpu_seconds(server.pid)
        time.sleep(pace.idle)
        found["idle_share"] = (cpu_seconds(server.pid) - before) / pace.idle
    each = (resident_bytes(server.pid) - empty) / work.people
    return found | {"people": work.people, "empty_bytes": empty, "bytes_per_connection": each}


def talk(server: Running, people: Crowd, pace: Pace) -> Run:
    """Return what came of the talk, and how much of the machine others took meanwhile."""
    began, busy, used = time.monotonic(), busy_seconds(), cpu_seconds(server.pid) + people.cpu_seconds()
    found = people.talk(pace.seconds + pace.warm)
    others = busy_seconds() - busy - (cpu_seconds(server.pid) + people.cpu_seconds() - used)
    return found | {"others_share": round(max(0.0, others) / (time.monotonic() - began), 3)}


def check(found: Run) -> None:
    """Raise Failed where a delivery is missing, or was not as it had to be."""
    wrong = {what: found[what] for what in ("lost", "out_of_order", "garbled") if found[what]}
    if wrong:
        raise Failed(", ".join(f"{count:,} {what.replace('_', ' ')}" for what, count in wrong.items()))


# --- what only our server tells


def longest_turn(server: Running) -> float:
    """Return the longest turn of our server's loop since this was asked last, in seconds."""
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=PATIENCE) as page:
        found = STALL.search(page.read().decode())
    if not found:
        raise Failed("/metrics tells no stall")
    return float(found[1])


def fill(server: Running, messages: int) -> None:
    """Have so many messages said in the lobby, and wait until they are stored."""
    talk = ["--receivers=10", "--senders=10", "--window=1024", f"--messages={messages // 10}", f"--seconds={PATIENCE}"]
    with crowd(server, "plain", talk) as people:
        people.joined()
        check(people.talk(PATIENCE))
    if stored(server, messages) < messages:
        raise Failed(f"less than {messages:,} messages are stored")


def stored(server: Running, said: int) -> int:
    """Return how many messages are in the file, when all are, or none has come for a while."""
    count, last = 0, time.monotonic()
    with contextlib.closing(sqlite3.connect(f"file:{database(server.folder)}?mode=ro", uri=True)) as db:
        while count < said and time.monotonic() < last + SILENCE:
            found = db.execute(f"SELECT {_how_many(db)} FROM messages").fetchone()[0]
            if found > count:
                count, last = found, time.monotonic()
            time.sleep(0.05)
    return count


def _how_many(db: sqlite3.Connection) -> str:
    """Return what counts the messages: a row of an earlier version, which may be measured too, is always one."""
    columns = [name for _, name, *_ in db.execute("PRAGMA table_info(messages)")]
    return "coalesce(sum(lines), 0)" if "lines" in columns else "count(*)"


def database(folder: Path) -> Path:
    """Return the file of the store."""
    return folder / "data" / "chat.db"
