"""Measures our server beside the limit (limit.c): fan-out, start-up, idle cost; prints tables, and JSON if asked.

It knows how to build, start, pin, watch and stop processes. It knows nothing of chat: load.c joins, talks and counts.
What the figures mean, and what is wrong with them, stands in README.md beside this file.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
BUILD = HERE / "build"
LOAD = str(BUILD / "load")
COMPILE = ["cc", "-std=c11", "-O2", "-Wall", "-Wextra", "-Werror"]
YARDSTICK = [sys.executable, "-c", "import selectors, socket, sqlite3"]
BANNER = re.compile(rb"Chat running .*:(\d+)")
PATIENCE = 30.0  # seconds for a server to say that it listens
CROWD = 1000  # idle connections
DISTURBED = 0.05  # of one core, taken by others during a run: more than this, and the run is worth little


@dataclass(frozen=True)
class Contender:
    """A server to measure: it prints `Chat running HOST:PORT`, speaks plain lines, and ends on SIGTERM."""

    name: str
    command: list[str]


@dataclass(frozen=True)
class Workload:
    """Who listens, how many of them talk, and how many messages each of these keeps in flight."""

    receivers: int
    senders: int
    window: int
    goal: float | None = None  # least share of the limit

    def __str__(self) -> str:
        return f"{self.receivers:5} {self.senders:3} {self.window:3}"

    def options(self) -> list[str]:
        """The same, in the words of load.c."""
        return [f"--receivers={self.receivers}", f"--senders={self.senders}", f"--window={self.window}"]


@dataclass(frozen=True)
class Pace:
    """How long and how often, in seconds and counts."""

    repetitions: int
    seconds: float
    warm: float  # seconds of talk before counting
    idle: float  # seconds of watching an idle server
    starts: int


WORKLOADS = [Workload(10, 10, 64), Workload(100, 10, 64), Workload(1000, 1, 1), Workload(1000, 10, 64, goal=0.6)]
NORMAL = Pace(repetitions=3, seconds=2.0, warm=0.5, idle=5.0, starts=9)
QUICK = Pace(repetitions=1, seconds=0.7, warm=0.3, idle=1.0, starts=3)


# --- processes ---------------------------------------------------------------------------------------------------


def cores() -> tuple[int, int]:
    """The core of the server and the core of the load; the same one if there is only one."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[min(1, len(usable) - 1)]


@contextlib.contextmanager
def pinned(core: int) -> Iterator[None]:
    """What is started within runs on this core, from its first instruction."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ends a child, politely for three seconds, and waits for it."""
    process.terminate()
    try:
        process.wait(3)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextlib.contextmanager
def serving(contender: Contender, core: int) -> Iterator[tuple[int, int]]:
    """A running server: (pid, port). Its output goes to a file: to write there never blocks, and nobody else's CPU
    time is spent on reading it."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        out = Path(folder) / "output"
        with out.open("wb") as sink, pinned(core):
            server = subprocess.Popen(
                contender.command, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT, cwd=folder
            )
        try:
            yield server.pid, wait_for_port(server, out)
        finally:
            stop(server)


def wait_for_port(server: subprocess.Popen[bytes], out: Path) -> int:
    """The port in the banner; ends the program with what the server said if no banner comes."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and server.poll() is None:
        if banner := BANNER.search(out.read_bytes()):
            return int(banner[1])
        time.sleep(0.01)
    raise SystemExit(f"no banner from {server.args!r}:\n{out.read_text(errors='replace')[-2000:]}")


def build() -> None:
    """Compiles both C programs into build/."""
    BUILD.mkdir(exist_ok=True)
    for name in ("limit", "load"):
        subprocess.run([*COMPILE, str(HERE / f"{name}.c"), "-o", str(BUILD / name)], check=True)


def allow_many_files() -> None:
    """Raises the limit on open files as far as it goes: for the servers, who inherit it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


# --- what /proc says ---------------------------------------------------------------------------------------------


def cpu_seconds(pid: int) -> float:
    """CPU time of all living threads, to the nanosecond."""
    return sum(int(task.read_text().split()[0]) for task in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


def resident_bytes(pid: int) -> int:
    """Memory of the process itself; what the kernel keeps for its sockets is not in it."""
    status = Path(f"/proc/{pid}/status").read_text()
    return 1024 * int(status.split("VmRSS:")[1].split()[0])


def busy_seconds() -> float:
    """CPU time of everything on this machine, and what its host took away; in steps of 10 ms."""
    user, nice, system, _, _, irq, softirq, steal = map(int, Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


# --- measuring ---------------------------------------------------------------------------------------------------


def fan_out(contender: Contender, work: Workload, pace: Pace) -> dict[str, Any]:
    """One run against a fresh server: what load.c printed, and how much of the machine others took meanwhile."""
    server_core, load_core = cores()
    timing = [f"--seconds={pace.seconds}", f"--warm={pace.warm}"]
    with serving(contender, server_core) as (pid, port):
        start, busy, ours = time.monotonic(), busy_seconds(), cpu_seconds(pid) + children_seconds()
        with pinned(load_core):
            command = [LOAD, f"--port={port}", f"--watch={pid}", *work.options(), *timing]
            load = subprocess.run(command, stdout=subprocess.PIPE, timeout=300, check=False)
        others = busy_seconds() - busy - (cpu_seconds(pid) + children_seconds() - ours)
        share = max(0.0, others) / (time.monotonic() - start)
    if load.returncode:
        raise SystemExit(f"{contender.name}, {work}: load ended with {load.returncode}: {load.stdout.decode()}")
    result: dict[str, Any] = json.loads(load.stdout)
    return result | {"server": contender.name, "workload": str(work), "others_share": round(share, 3)}


def children_seconds() -> float:
    """CPU time of all our children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def fan_outs(contenders: list[Contender], pace: Pace) -> list[dict[str, Any]]:
    """All runs, interleaved: what disturbs the machine for a while disturbs everyone."""
    runs = []
    for repetition in range(pace.repetitions):
        for work in WORKLOADS:
            for contender in contenders:
                say(f"  {repetition + 1}/{pace.repetitions}  {work}  {contender.name}")
                runs.append(fan_out(contender, work, pace))
    return runs


def seconds_to_banner(command: list[str]) -> float:
    """From the start of the process to its banner on a pipe."""
    start = time.perf_counter()
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as server:
        assert server.stdout
        try:
            if not any(BANNER.search(line) for line in server.stdout):
                raise SystemExit(f"{command} ended without a banner")
            return time.perf_counter() - start
        finally:
            stop(server)


def seconds_to_end(command: list[str]) -> float:
    """From the start of the process to its end."""
    start = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - start


def start_up(ours: Contender, pace: Pace) -> dict[str, float]:
    """Milliseconds from process start to listening, beside an interpreter that imports what any such server needs."""
    with pinned(cores()[0]):
        seconds_to_banner(ours.command), seconds_to_end(YARDSTICK)  # fills the caches
        pairs = [(seconds_to_banner(ours.command), seconds_to_end(YARDSTICK)) for _ in range(pace.starts)]
    listening, imports = (1000 * statistics.median(column) for column in zip(*pairs, strict=True))
    return {"listening_ms": listening, "imports_ms": imports, "ratio": listening / imports}


def cpu_share(pid: int, seconds: float) -> float:
    """The share of one core that the process uses during that time."""
    before = cpu_seconds(pid)
    time.sleep(seconds)
    return (cpu_seconds(pid) - before) / seconds


def idle(ours: Contender, pace: Pace) -> dict[str, float]:
    """CPU shares of a server with nobody and with a silent crowd, and what one of the crowd costs in its memory."""
    with serving(ours, cores()[0]) as (pid, port):
        time.sleep(1)  # what a server does once after its banner is not idling
        nobody, empty = cpu_share(pid, pace.idle), resident_bytes(pid)
        crowd = [LOAD, f"--port={port}", f"--receivers={CROWD}", "--senders=1", "--hold"]
        with subprocess.Popen(crowd, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as load:
            try:
                assert load.stdout
                joins = json.loads(load.stdout.readline())["joins_per_second"]
                time.sleep(1)
                crowded, full = cpu_share(pid, pace.idle), resident_bytes(pid)
            finally:
                stop(load)
    return {
        "nobody_share": nobody,
        "crowd_share": crowded,
        "bytes_per_connection": (full - empty) / CROWD,
        "empty_bytes": empty,
        "joins_per_second": joins,
    }


# --- telling -----------------------------------------------------------------------------------------------------


def say(text: str) -> None:
    """Prints at once: a benchmark is watched."""
    print(text, flush=True)


def spread(values: list[float], digits: int = 2) -> str:
    """`median (least–most)`."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"


def summary(runs: list[dict[str, Any]], work: Workload, name: str) -> dict[str, list[float]]:
    """Per figure, its value in each repetition; rates in millions a second, costs in CPU seconds per million, ms."""
    mine = [run for run in runs if run["server"] == name and run["workload"] == str(work)]
    return {
        "rate": [run["deliveries_per_second"] / 1e6 for run in mine],
        "cost": [run["server_cpu_seconds"] / run["deliveries"] * 1e6 for run in mine],
        "server_busy": [run["server_cpu_seconds"] / run["seconds"] for run in mine],
        "load_busy": [run["load_cpu_seconds"] / run["seconds"] for run in mine],
        "p50": [run["p50_us"] / 1000 for run in mine],
        "p99": [run["p99_us"] / 1000 for run in mine],
        "others": [run["others_share"] for run in mine],
    }


def row(work: Workload, name: str, part: dict[str, list[float]]) -> str:
    """One line of the table."""
    middle = {figure: statistics.median(values) for figure, values in part.items()}
    return (
        f"{work!s:15}{name:8}{spread(part['rate']):>22}{spread(part['cost'], 4):>26}{middle['p50']:9.2f}"
        f"{middle['p99']:9.2f}{middle['server_busy']:13.0%}{middle['load_busy']:6.0%}{max(part['others']):8.0%}"
    )


def tell_fan_outs(runs: list[dict[str, Any]], contenders: list[Contender]) -> None:
    """The table of the fan-out, with a verdict for each workload."""
    say("\nlisteners, senders, messages in flight each; medians (least–most)")
    figures = f"{'M deliveries/s':>22}{'server CPU s/M':>26}{'p50 ms':>9}{'p99 ms':>9}"
    say(f"{'':15}{'server':8}{figures}{'CPU: server':>13}{'load':>6}{'others':>8}")
    for work in WORKLOADS:
        parts = {contender.name: summary(runs, work, contender.name) for contender in contenders}
        for name, part in parts.items():
            say(row(work, name, part))
        say(f"{'':15}{verdict(work, parts['ours'], parts['limit'])}\n")
    if max(run["others_share"] for run in runs) > DISTURBED:
        say("Something else was running on this machine; look at the least disturbed figures, or measure again.\n")


def verdict(work: Workload, ours: dict[str, list[float]], limit: dict[str, list[float]]) -> str:
    """Our share of the limit: neighbours in time are compared, then the median is taken."""
    ratios = [mine / its for mine, its in zip(ours["rate"], limit["rate"], strict=True)]
    costs = [its / mine for mine, its in zip(ours["cost"], limit["cost"], strict=True)]
    text = f"of the limit: {spread(ratios)}; by CPU time: {spread(costs)}"
    if work.goal:
        text += f"; goal {work.goal}: {'reached' if statistics.median(ratios) >= work.goal else 'MISSED'}"
    return text


def tell_rest(start: dict[str, float], still: dict[str, float]) -> None:
    """What our server costs before and while nothing happens."""
    yardstick = f'python -c "{YARDSTICK[-1]}" ({start["imports_ms"]:.0f} ms)'
    say(f"start-up   {start['listening_ms']:.0f} ms to listening, {start['ratio']:.2f} times {yardstick}")
    say(f"idle CPU   {still['nobody_share']:.3%} with nobody, {still['crowd_share']:.3%} with {CROWD}")
    each = f"{still['bytes_per_connection']:.0f} bytes per idle connection"
    say(f"memory     {still['empty_bytes'] / 2**20:.1f} MiB with nobody, and {each}")
    say(f"joining    {still['joins_per_second']:.0f} a second, each told to everyone inside")


def machine() -> dict[str, Any]:
    """What the figures depend on besides the code."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return {
        "cpu": model[1] if model else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_average": os.getloadavg()[0],
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def read_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Measures our server beside a bare C broadcaster.")
    parser.add_argument("--quick", action="store_true", help="one short repetition: tells a mishap, not a percentage")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all runs there")
    parser.add_argument(
        "--server", type=Path, default=HERE.parent / "chat_server.py", help="another chat_server.py, to compare with"
    )
    return parser.parse_args()


def main() -> None:
    """Builds, measures, tells."""
    options = read_options()
    pace = QUICK if options.quick else NORMAL
    command = [sys.executable, str(options.server.resolve()), "--host", "127.0.0.1", "--port", "0"]
    ours, limit = Contender("ours", command), Contender("limit", [str(BUILD / "limit")])
    about = machine()
    say(f"{about['cpu']}, {about['cores']} cores, Linux {about['kernel']}, Python {about['python']}")
    if about["cores"] < 2:
        say("Only one core: server and load share it; the ratios are worth little.")
    build()
    allow_many_files()
    runs = fan_outs([ours, limit], pace)
    tell_fan_outs(runs, [ours, limit])
    start, still = start_up(ours, pace), idle(ours, pace)
    tell_rest(start, still)
    if options.json:
        report = {"machine": about, "pace": asdict(pace), "runs": runs, "start_up": start, "idle": still}
        options.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
