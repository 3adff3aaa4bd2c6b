"""Measures our server beside the limit (limit.c) and every peer that is installed; prints tables, keeps all figures.

`python -m benchmarks.bench --help` lists the options.

What the figures mean, and what is wrong with them, stands in README.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import machine, tables
from benchmarks.curves import curve
from benchmarks.figures import Figures
from benchmarks.publish import RESULTS
from benchmarks.run import Run, measure
from benchmarks.servers import BUILD, HERE, LIMIT, PEERS, Contender, build, is_installed, ours, version
from benchmarks.stall import stalls
from benchmarks.start import newcomers, start_up
from benchmarks.workloads import CURVES, FULL, NORMAL, OTHERS, POINTS, QUICK, ROWS, Pace, Workload

LONG = 45.0  # seconds: what takes a peer longer is measured once
MANY_ROOMS = ("--rooms", str(2 * max(POINTS)))


def say(text: str) -> None:
    """Print at once: a benchmark is watched."""
    print(text, flush=True)


def read_options() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(description="Measures our server beside a bare C broadcaster and other servers.")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--full", action="store_true", help="longer runs; the figures go to benchmarks/results.json")
    how.add_argument("--quick", action="store_true", help="one short repetition: tells a mishap, not a percentage")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there instead")
    parser.add_argument("--no-peers", action="store_true", help="measure beside the limit alone")
    parser.add_argument("--only", metavar="PATTERN", default="", help="only these workloads, such as '1000/.*|mixed'")
    parser.add_argument(
        "--server", type=Path, default=HERE.parent / "chat_server.py", help="another chat_server.py, to compare with"
    )
    return parser.parse_args()


class Bench:
    """All that is measured, one after the other. What fails is told, kept, and does not end the rest."""

    def __init__(self, server: Path, peers: list[Contender], pace: Pace, only: str) -> None:
        self.pace, self.only = pace, only
        self.server, self.mine, self.peers = server, ours(server), peers
        self.runs: list[Run] = []
        self._not_again: set[tuple[str, str]] = set()
        self._began = time.monotonic()

    def plan(self) -> list[tuple[Workload, Contender]]:
        """Return the runs of one repetition, interleaved: what disturbs the machine for a while disturbs everyone."""
        works = [work for work in (*ROWS, *OTHERS) if self._is_wanted(work)]
        return [(work, contender) for work in works for contender in self._contenders(work)]

    def _is_wanted(self, work: Workload) -> bool:
        return not self.only or re.fullmatch(self.only, work.key) is not None

    def _contenders(self, work: Workload) -> Iterator[Contender]:
        yield self.mine
        if work.beside in ("all", "limit"):
            yield LIMIT
        if work.beside in ("all", "peers"):
            yield from self.peers

    def run(self) -> None:
        """Do all runs, repetition by repetition. What a peer cannot do, or not soon, it is not asked for again."""
        plan = self.plan()
        total = len(plan) * self.pace.repetitions
        for repetition in range(self.pace.repetitions):
            for number, (work, contender) in enumerate(plan, start=1 + repetition * len(plan)):
                if contender in self.peers and (work.key, contender.name) in self._not_again:
                    continue
                self._progress(f"{number}/{total}  {work.title}: {contender.name}")
                began = time.monotonic()
                result, error = self.attempt(partial(measure, contender, work, self.pace))
                if result is None or time.monotonic() > began + LONG:
                    self._not_again.add((work.key, contender.name))
                failed = {"server": contender.name, "workload": work.key, "error": error}
                self.runs.append(result or failed)
            self._curves()

    def _curves(self) -> None:
        """Measure the points of each curve in turn."""
        roomy = ours(self.server, *MANY_ROOMS)
        for name, works in CURVES.items():
            wanted = [work for work in works if self._is_wanted(work)]
            if wanted:
                self._progress(f"{name}, a curve")
                runs, error = self.attempt(partial(curve, roomy, wanted, self.pace))
                self.runs += runs or [{"server": roomy.name, "workload": work.key, "error": error} for work in wanted]

    def rest(self) -> dict[str, Any]:
        """Do what is done once."""
        if self.only:
            return {}
        tasks: dict[str, Callable[[], Any]] = {
            "start_up": partial(start_up, self.mine, self.pace),
            "newcomers": partial(newcomers, self.mine, self.pace),
            "stalls": partial(stalls, self.mine, max(2.0, self.pace.idle)),
        }
        found = {}
        for name, task in tasks.items():
            self._progress(name.replace("_", "-"))
            found[name], _ = self.attempt(task)
        return {name: result for name, result in found.items() if result is not None}

    def attempt(self, task: Callable[[], Any]) -> tuple[Any, str]:
        """Return what it comes to, and nothing; or None and why it failed."""
        try:
            return task(), ""
        except Exception as error:  # noqa: BLE001 - whatever it was, the others are measured
            say(f"        FAILED: {error!r}")
            return None, str(error)

    def _progress(self, what: str) -> None:
        seconds = int(time.monotonic() - self._began)
        say(f"{seconds // 60:3}:{seconds % 60:02}  {what}")


def tell(results: dict[str, Any]) -> None:
    """Print everything."""
    figures = Figures(results["runs"])
    say(f"\n{tables.where(results)}\n")
    many = (tables.fan_out, tables.summary, tables.people, tables.curve)
    for table in (*(make(figures) for make in many), tables.stalls(results, figures), tables.reached(results)):
        if len(table) > 1:
            say(tables.text(table))
    say("\n".join(tables.single(results, figures)))
    for run in figures.errors():
        say(f"Failed: {run['workload']}, {run['server']}: {run['error']}")


def written(results: dict[str, Any]) -> str:
    """Return the results as JSON, a run a line: so that changes can be read."""
    runs = ",\n".join(json.dumps(run) for run in results["runs"])
    rest = json.dumps({name: value for name, value in results.items() if name != "runs"}, indent=1)
    return f'{rest[:-2]},\n "runs": [\n{runs}\n]}}\n'


def main() -> int:
    """Build, measure, tell, keep."""
    options = read_options()
    for number in (signal.SIGINT, signal.SIGTERM):  # also in the background, where shells have SIGINT ignored
        signal.signal(number, lambda number, _: sys.exit(128 + number))  # so that what was started is stopped
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # a start compiles nothing where people install it
    pace = FULL if options.full else QUICK if options.quick else NORMAL
    about = machine.about()
    if about["cores"] < 2:
        say("Only one core: server and load share it; the ratios are worth little.")
    build()
    machine.allow_many_files()
    peers = [] if options.no_peers else [peer for peer in PEERS if is_installed(peer)]
    bench = Bench(options.server.resolve(), peers, pace, options.only)
    bench.run()
    results = {
        "machine": about,
        "versions": [version(peer) for peer in peers],
        "missing": [peer.name for peer in PEERS if not is_installed(peer)],
        "pace": asdict(pace),
        **bench.rest(),
        "runs": bench.runs,
    }
    file = options.json or (RESULTS if options.full else BUILD / "results.json")
    file.write_text(written(results))
    tell(results)
    say(f"All figures: {file}")
    return 1 if any(run["server"] == bench.mine.name for run in Figures(bench.runs).errors()) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
