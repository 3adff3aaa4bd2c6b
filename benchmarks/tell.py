"""What came of it: the tables. It computes medians and ratios, and measures nothing."""

from __future__ import annotations

import statistics

from benchmarks.measure import WORKLOADS, YARDSTICK, Run, Workload, say

DISTURBED = 0.05  # of one core, taken by others during a run: more than this, and the run is worth little
Figures = dict[str, list[float]]


def fan_outs(runs: list[Run]) -> None:
    """Print the table of the fan-out, with a verdict for each workload."""
    say("\nlisteners, senders, messages in flight each; medians (least to most)")
    figures = f"{'M deliveries/s':>22}{'server CPU s/M':>26}{'p50 ms':>9}{'p99 ms':>9}"
    say(f"{'':21}{'server':10}{figures}{'CPU: server':>13}{'load':>6}{'others':>8}")
    for work in WORKLOADS:
        parts = by_server(runs, work)
        for name, part in parts.items():
            say(_row(work, name, part))
        if "ours" in parts and "limit" in parts:
            say(f"{'':21}{_verdict(work, parts)}")
            say(f"{'':21}{_kept(runs, work)}\n")
    if max(run["others_share"] for run in runs) > DISTURBED:
        say("Something else was running on this machine; look at the least disturbed figures, or measure again.\n")


def by_server(runs: list[Run], work: Workload) -> dict[str, Figures]:
    """Return per server and figure its value in each repetition; millions a second, CPU seconds per million, ms."""
    mine = [run for run in runs if run["workload"] == str(work)]
    names = dict.fromkeys(run["server"] for run in mine)
    return {name: _figures([run for run in mine if run["server"] == name]) for name in names}


def _figures(runs: list[Run]) -> Figures:
    return {
        "rate": [run["deliveries_per_second"] / 1e6 for run in runs],
        "cost": [run["server_cpu_seconds"] / max(1, run["deliveries"]) * 1e6 for run in runs],
        "server_busy": [run["server_cpu_seconds"] / run["seconds"] for run in runs],
        "load_busy": [run["load_cpu_seconds"] / run["seconds"] for run in runs],
        "p50": [run["p50_us"] / 1000 for run in runs],
        "p99": [run["p99_us"] / 1000 for run in runs],
        "others": [run["others_share"] for run in runs],
    }


def _row(work: Workload, name: str, part: Figures) -> str:
    middle = {figure: statistics.median(values) for figure, values in part.items()}
    return (
        f"{work!s:21}{name:10}{spread(part['rate']):>22}{spread(part['cost'], 4):>26}{middle['p50']:9.2f}"
        f"{middle['p99']:9.2f}{middle['server_busy']:13.0%}{middle['load_busy']:6.0%}{max(part['others']):8.0%}"
    )


def spread(values: list[float], digits: int = 2) -> str:
    """Return `median (least to most)`, short."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


def ratios(mine: Figures, its: Figures, figure: str) -> list[float]:
    """Return our figure over another's: neighbours in time are compared."""
    return [one / max(other, 1e-9) for one, other in zip(mine[figure], its[figure], strict=True)]


def fastest(parts: dict[str, Figures]) -> str:
    """Return the peer with the highest rate, or nothing."""
    peers = [name for name in parts if name not in ("ours", "limit")]
    return max(peers, key=lambda name: statistics.median(parts[name]["rate"]), default="")


def _verdict(work: Workload, parts: dict[str, Figures]) -> str:
    shares = ratios(parts["ours"], parts["limit"], "rate")
    text = f"of the limit: {spread(shares)}; by CPU time: {spread(ratios(parts['limit'], parts['ours'], 'cost'))}"
    if work.share:
        text += f"; goal {work.share}: {_reached(statistics.median(shares) >= work.share)}"
    peer = fastest(parts)
    if peer:
        times = ratios(parts["ours"], parts[peer], "rate")
        text += f"; times {peer}: {spread(times)}"
        if work.times:
            text += f"; goal {work.times:g}: {_reached(statistics.median(times) >= work.times)}"
    return text


def _reached(it: bool) -> str:
    return "reached" if it else "MISSED"


def _kept(runs: list[Run], work: Workload) -> str:
    """Return how much of what was said is in the store: what waits is bounded, and the oldest goes first."""
    mine = [run for run in runs if run["workload"] == str(work) and "stored" in run]
    return f"stored: {spread([100 * run['stored'] / max(1, run['said']) for run in mine], 0)} % of what was said"


def rest(start: Run, still: list[Run]) -> None:
    """Print what the servers cost before and while nothing happens."""
    yardstick = f'python -c "{YARDSTICK[-1]}" ({start["imports_ms"]:.0f} ms)'
    say(f"start-up   {start['listening_ms']:.0f} ms to listening, {start['ratio']:.2f} times {yardstick}; goal 2.5")
    for one in still:
        each = (
            f"{one['bytes_per_connection']:5.0f} bytes per idle connection, {one['empty_bytes'] / 2**20:.1f} MiB empty"
        )
        cpu = f"idle CPU {one['nobody_share']:.3%} with nobody, {one['crowd_share']:.3%} with {one['crowd']}"
        say(f"{one['server']:10} {each}; {cpu}; {one['joins_per_second']:.0f} join a second")
