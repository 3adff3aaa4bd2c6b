"""What the server is to reach, and whether it did: each goal with what was measured, met or missed by so much."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.figures import LIMIT, OURS, Figures, Values, fastest, middle, quickest, ratios
from benchmarks.workloads import CURVES, OTHERS, ROWS, Workload

FULL_ROOMS = ("100/10/64", "1000/10/64", "1000/10/1024", "5000/10/64")
ONE_IN_FLIGHT = ("1000/1/1", "1000/10/1")
CHAT_SERVERS = ("ngircd", "inspircd")
GROWTH = 1.1  # what is within the noise of a run


@dataclass(frozen=True)
class Goal:
    """A figure and its bound: at least so much, or at most."""

    text: str
    wanted: float
    got: float
    at_least: bool = True
    unit: str = ""
    digits: int = 2
    note: str = ""

    @property
    def met(self) -> bool:
        """Return whether it was reached."""
        return self.got >= self.wanted if self.at_least else self.got <= self.wanted

    @property
    def verdict(self) -> str:
        """Return `met`, or by how much it was missed."""
        if self.met:
            return "met"
        if not self.wanted:
            return f"missed by {self.got:,.{self.digits}f}{self.unit}"
        ratio = self.got / self.wanted
        return f"missed by {abs(ratio - 1):.0%}" if ratio < 2 else f"missed: {ratio:.1f} times as much"

    @property
    def bound(self) -> str:
        """Return the bound as text."""
        return f"{'≥' if self.at_least else '≤'} {self.wanted:,.{self.digits}f}{self.unit}"

    @property
    def measured(self) -> str:
        """Return the figure as text."""
        return f"{self.got:,.{self.digits}f}{self.unit}{self.note}"


def goals(results: dict[str, Any]) -> list[Goal]:
    """Return all goals for which there are figures."""
    figures = Figures(results["runs"])
    rows = {work.key: (work, figures.parts(work)) for work in (*ROWS, *OTHERS)}
    rows = {key: (work, parts) for key, (work, parts) in rows.items() if OURS in parts}
    return [*_rates(rows), *_curves(figures), *_still(rows), *_start(results), *_stalls(results, rows)]


def _rates(rows: dict[str, tuple[Workload, dict[str, Values]]]) -> Iterator[Goal]:
    for key, (work, parts) in rows.items():
        share = {**dict.fromkeys(FULL_ROOMS, 0.8), **dict.fromkeys(ONE_IN_FLIGHT, 0.9), "mixed": 0.6}.get(key)
        if share and LIMIT in parts:
            by_cpu = middle(ratios(parts, "cost", OURS, LIMIT))
            got, note = middle(ratios(parts, "rate", LIMIT)), f" ({by_cpu:.2f} by CPU time)"
            yield Goal(f"{work.title}: of the limit", share, got, note=note)
        if key in FULL_ROOMS and (peer := fastest(parts)):
            yield Goal(f"{work.title}: times {peer}", 5.0, middle(ratios(parts, "rate", peer)), digits=1)
        if key in ONE_IN_FLIGHT and (peer := quickest(parts)):
            best = middle(parts[peer]["p99"])
            yield Goal(
                f"{work.title}: p99, as the best peer's ({peer})", best, middle(parts[OURS]["p99"]), False, " ms"
            )
        for peer in CHAT_SERVERS if key == "10/10/64" else ():
            if peer in parts:
                yield Goal(f"{work.title}: times {peer}", 1.0, middle(ratios(parts, "rate", peer)))


def _curves(figures: Figures) -> Iterator[Goal]:
    for name, points in curves(figures).items():
        many, most = points[-1]
        least = min(cost for _, cost in points[:-1])
        yield Goal(f"cost per delivery, {many:,} {name} over the least of fewer", GROWTH, most / least, at_least=False)


def curves(figures: Figures) -> dict[str, list[tuple[int, float]]]:
    """Return for each curve its points: how many, and CPU seconds per million deliveries."""
    listeners = [(work.receivers, work) for work in ROWS if (work.senders, work.window) == (10, 64)]
    wanted = {"listeners": listeners}
    for name, works in CURVES.items():
        wanted[name] = [(work.idle or work.stored, work) for work in works]
    found = {}
    for name, points in wanted.items():
        measured = [(number, figures.parts(work)) for number, work in points]
        found[name] = [(number, middle(parts[OURS]["cost"])) for number, parts in measured if OURS in parts]
    return {name: points for name, points in found.items() if len(points) > 1}


def _still(rows: dict[str, tuple[Workload, dict[str, Values]]]) -> Iterator[Goal]:
    for key, who, wanted in (("5000/10/64", "connection", 2_560), ("browsers", "browser", 8_192)):
        if key not in rows:
            continue
        work, parts = rows[key]
        each = middle(parts[OURS]["bytes"])
        yield Goal(f"bytes per idle {who}, of {work.people:,}", wanted, each, at_least=False, digits=0)
        if "idle_share" in parts[OURS]:
            share = round(100 * middle(parts[OURS]["idle_share"]), 1)
            yield Goal(f"idle CPU with {work.people:,} {who}s", 0.0, share, at_least=False, unit=" %", digits=1)


def _start(results: dict[str, Any]) -> Iterator[Goal]:
    if "start_up" in results:
        got = middle(results["start_up"]["ratios"])
        yield Goal("start-up, times an interpreter with selectors, socket, sqlite3", 2.5, got, at_least=False)


def _stalls(results: dict[str, Any], rows: dict[str, tuple[Workload, dict[str, Values]]]) -> Iterator[Goal]:
    for stall in results.get("stalls", ()):
        yield Goal(
            f"longest stall, {stall['about']}", 20.0, 1000 * stall["stall"], at_least=False, unit=" ms", digits=1
        )
    for work, parts in rows.values():
        yield _stall(f"longest stall, {work.title}", max(parts[OURS]["stall"]))
        if work.sit:
            yield _stall(f"longest stall, {work.people:,} joining ({work.key})", max(parts[OURS]["stall_joining"]))


def _stall(text: str, milliseconds: float) -> Goal:
    return Goal(text, 20.0, milliseconds, at_least=False, unit=" ms", digits=1)
