"""From runs to figures: medians with least and most, and ratios of neighbours in time. It measures nothing."""

from __future__ import annotations

import statistics
from typing import Any

from benchmarks.workloads import Workload

Values = dict[str, list[float]]
"""Per figure, its value in each repetition."""

DISTURBED = 0.05  # of a core, taken by others during a run
OURS, LIMIT = "ours", "limit"


class Figures:
    """What all runs came to."""

    def __init__(self, runs: list[dict[str, Any]]) -> None:
        self._runs = runs

    def parts(self, work: Workload) -> dict[str, Values]:
        """Return each server's figures in a workload; those without a run that went well are left out."""
        mine = [run for run in self._runs if run["workload"] == work.key and "error" not in run]
        names = dict.fromkeys(run["server"] for run in mine)
        return {name: _values([run for run in mine if run["server"] == name]) for name in names}

    def errors(self) -> list[dict[str, Any]]:
        """Return the runs that came to nothing."""
        return [run for run in self._runs if "error" in run]

    def failures(self, work: Workload) -> dict[str, str]:
        """Return why servers came to nothing in a workload."""
        return {run["server"]: run["error"] for run in self.errors() if run["workload"] == work.key}

    def worst_others(self) -> float:
        """Return the most that others took of the machine in any run, in cores."""
        return max((run.get("others_share", 0.0) for run in self._runs), default=0.0)

    def disturbed(self) -> bool:
        """Return whether something else was running, so that the rates are worth little."""
        return self.worst_others() > DISTURBED

    def raw(self, work: Workload, server: str, figure: str) -> list[float]:
        """Return a figure as it was measured."""
        mine = [run for run in self._runs if run["workload"] == work.key and run["server"] == server]
        return [run[figure] for run in mine if figure in run]


def _values(runs: list[dict[str, Any]]) -> Values:
    """Millions a second, CPU seconds per million, milliseconds, shares of a core, bytes."""
    values = {
        "rate": [run["deliveries"] / run["seconds"] / 1e6 for run in runs],
        "cost": [run["server_cpu_seconds"] / max(1, run["deliveries"]) * 1e6 for run in runs],
        "message_us": [run["server_cpu_seconds"] / max(1, run["messages"]) * 1e6 for run in runs],
        "server_busy": [run["server_cpu_seconds"] / run["seconds"] for run in runs],
        "load_busy": [run["load_cpu_seconds"] / run["seconds"] for run in runs],
        "p50": [run["p50_us"] / 1000 for run in runs],
        "p99": [run["p99_us"] / 1000 for run in runs],
        "joins": [run["joined"] / run["join_seconds"] for run in runs],
        "bytes": [run["bytes_per_connection"] for run in runs],
        "others": [run["others_share"] for run in runs],
        "slow_put_out": [run["slow_put_out"] for run in runs],
    }
    for name, factor in {"stall": 1e3, "stall_joining": 1e3, "stall_leaving": 1e3, "idle_share": 1.0}.items():
        if all(name in run for run in runs):
            values[name] = [factor * run[name] for run in runs]
    return values


def middle(values: list[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def spread(values: list[float], digits: int = 2) -> str:
    """Return `median (least to most)`, short."""
    text = f"{middle(values):,.{digits}f}"
    return f"{text} ({min(values):,.{digits}f} to {max(values):,.{digits}f})" if len(values) > 1 else text


def ratios(parts: dict[str, Values], figure: str, over: str, under: str = OURS) -> list[float]:
    """Return one server's figure over another's: neighbours in time are compared."""
    pairs = zip(parts[under][figure], parts[over][figure], strict=False)
    return [one / max(other, 1e-9) for one, other in pairs]


def peers(parts: dict[str, Values]) -> list[str]:
    """Return who is neither ours nor the limit."""
    return [name for name in parts if name not in (OURS, LIMIT)]


def fastest(parts: dict[str, Values]) -> str:
    """Return the peer with the highest rate, or nothing."""
    return max(peers(parts), key=lambda name: middle(parts[name]["rate"]), default="")


def quickest(parts: dict[str, Values]) -> str:
    """Return the peer whose p99 is the least, or nothing."""
    return min(peers(parts), key=lambda name: middle(parts[name]["p99"]), default="")
