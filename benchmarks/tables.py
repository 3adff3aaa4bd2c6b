"""The tables: what was measured, as rows of text, for a terminal or for a README. They measure nothing."""

from __future__ import annotations

from typing import Any

from benchmarks.figures import LIMIT, OURS, Figures, Values, fastest, middle, quickest, ratios, spread
from benchmarks.goals import curves, goals
from benchmarks.workloads import OTHERS, ROWS

Table = list[list[str]]
"""A head and rows, as many cells each. The first column is text, the others are figures."""


def text(table: Table) -> str:
    """Return a table for a terminal."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = ["  ".join(_aligned(cells, widths)).rstrip() for cells in table]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]]) + "\n"


def _aligned(cells: list[str], widths: list[int]) -> list[str]:
    first, *rest = zip(cells, widths, strict=True)
    return [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)]


def markdown(table: Table) -> str:
    """Return a table for a README."""
    head, *rows = table
    lines = [head, ["---", *("--:" for _ in head[1:])], *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


# --- fan-out


def fan_out(figures: Figures) -> Table:
    """Return everybody's figures in every workload."""
    head = "workload, server|M deliveries/s|of the limit|CPU s per M|p50 ms|p99 ms|CPU server|load|others"
    table = [head.split("|")]
    for work in (*ROWS, *OTHERS):
        parts = figures.parts(work)
        if parts:
            table.append([work.title, *[""] * 8])
            table += [_server_row(name, parts) for name in parts]
            table += [[f"- {name}: {why}", *[""] * 8] for name, why in figures.failures(work).items()]
    return table


def _server_row(name: str, parts: dict[str, Values]) -> list[str]:
    part = parts[name]
    share = spread(ratios(parts, "rate", LIMIT, name)) if LIMIT in parts else ""
    busy = [f"{middle(part[what]):.0%}" for what in ("server_busy", "load_busy")]
    late = [f"{middle(part[what]):,.2f}" for what in ("p50", "p99")]
    return [
        f"- {name}",
        spread(part["rate"]),
        share,
        spread(part["cost"], 3),
        *late,
        *busy,
        f"{max(part['others']):.0%}",
    ]


def summary(figures: Figures) -> Table:
    """Return our rates beside the limit and the fastest peer."""
    head = "workload|M deliveries/s|of the limit|by CPU time|fastest peer|times as fast|p99 ms|the limit's|best peer's"
    table = [head.split("|")]
    for work in (*ROWS, *OTHERS):
        parts = figures.parts(work)
        if OURS in parts:
            table.append([work.title, spread(parts[OURS]["rate"]), *_beside(parts)])
    return table


def _beside(parts: dict[str, Values]) -> list[str]:
    share = by_cpu = times = limit = best = "–"
    peer, quick = fastest(parts), quickest(parts)
    if LIMIT in parts:
        share, by_cpu = (f"{middle(ratios(parts, *pair)):.2f}" for pair in (("rate", LIMIT), ("cost", OURS, LIMIT)))
        limit = f"{middle(parts[LIMIT]['p99']):,.2f}"
    if peer:
        times = f"{middle(ratios(parts, 'rate', peer)):.1f}"
        best = f"{middle(parts[quick]['p99']):,.2f} ({quick})"
    return [share, by_cpu, peer or "–", times, f"{middle(parts[OURS]['p99']):,.2f}", limit, best]


# --- the rest


def people(figures: Figures) -> Table:
    """Return what people cost who come, and who sit still."""
    head = "5,000 people|join a second|bytes per idle connection|CPU while idle"
    table = [head.split("|")]
    for work in (*ROWS, *OTHERS):
        for name, part in figures.parts(work).items() if work.sit else ():
            who = f"{name}, {work.key}" if work.speech else name
            share = f"{100 * middle(part['idle_share']):.2f} %"
            table.append([who, spread(part["joins"], 0), spread(part["bytes"], 0), share])
    return table


def curve(figures: Figures) -> Table:
    """Return how the cost of a delivery depends on what there is."""
    found = curves(figures)
    numbers = sorted({number for points in found.values() for number, _ in points})
    table = [["CPU s per M deliveries", *(f"{number:,}" for number in numbers)]]
    for name, points in found.items():
        costs = dict(points)
        table.append([name, *(f"{costs[number]:.3f}" if number in costs else "" for number in numbers)])
    return table


def stalls(results: dict[str, Any], figures: Figures) -> Table:
    """Return the longest turn of the loop, in milliseconds, in all repetitions."""
    table = [["longest stall, ms", "ours", "the limit", "ours, all coming", "all leaving at once"]]
    for work in (*ROWS, *OTHERS):
        parts = figures.parts(work)
        if OURS in parts:
            limit = f"{max(parts[LIMIT]['stall']):.1f}" if LIMIT in parts else "–"
            talk, coming, leaving = (f"{max(parts[OURS][f'stall{when}']):.1f}" for when in ("", "_joining", "_leaving"))
            table.append([work.title, talk, limit, coming, leaving])
    table += [[stall["about"], f"{1000 * stall['stall']:.1f}", "–", "–", "–"] for stall in results.get("stalls", ())]
    return table


def single(results: dict[str, Any], figures: Figures) -> list[str]:
    """Return what is not in any table, a sentence each."""
    lines = []
    if start := results.get("start_up"):
        mine, its = (spread(start[what], 0) for what in ("listening_ms", "imports_ms"))
        lines.append(f"Start-up to listening: {mine} ms, beside {its} ms for `import selectors, socket, sqlite3`.")
    if new := results.get("newcomers"):
        lines.append(
            f"A newcomer's last {new['recalled']} messages, {new['messages']:,} in the store: "
            f"median {new['p50_ms']:.2f}, p99 {new['p99_ms']:.2f} ms. "
            f"Start-up with that store: {new['restart_ms']:.0f} ms."
        )
    lines += [
        f"A message's way, {stall['about']}: median {stall['way_p50_ms']:.2f}, p99 {stall['way_p99_ms']:.2f}, "
        f"worst {stall['way_worst_ms']:.2f} ms ({stall['said']:,} said, {stall['passwords_checked']:,} checked)."
        for stall in results.get("stalls", ())
    ]
    return [*lines, *_about_stored(figures), *_about_slow(figures)]


def _about_stored(figures: Figures) -> list[str]:
    shares = [
        100 * kept / max(1, said + work.stored)
        for work in (*ROWS, *OTHERS)
        for kept, said in zip(figures.raw(work, OURS, "stored"), figures.raw(work, OURS, "said"), strict=True)
    ]
    return [f"Of what was said to us, {min(shares):.0f} % at least was in the file afterwards."] if shares else []


def _about_slow(figures: Figures) -> list[str]:
    for work in OTHERS:
        parts = figures.parts(work)
        if work.slow and OURS in parts:
            out = [name for name, part in parts.items() if all(part["slow_put_out"])]
            return [f"Who did not read was put out, before the run was over, by: {', '.join(out) or 'nobody'}."]
    return []


def reached(results: dict[str, Any]) -> Table:
    """Return the goals."""
    return [["goal", "wanted", "measured", ""], *([g.text, g.bound, g.measured, g.verdict] for g in goals(results))]


def where(results: dict[str, Any]) -> str:
    """Return on what machine, beside whom, and how it was measured."""
    machine, pace = results["machine"], results["pace"]
    beside = ", ".join(results["versions"]) or "the limit alone"
    missing = f" Not installed here: {', '.join(results['missing'])}." if results["missing"] else ""
    return (
        f"{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}, Python {machine['python']}, "
        f"{machine['when']} UTC, load average {machine['load_average']:.1f}. Beside {beside}.{missing} "
        f"{pace['repetitions']} runs of {pace['seconds']:g} s each: medians (least to most).{_disturbed(results)}"
    )


def _disturbed(results: dict[str, Any]) -> str:
    figures = Figures(results["runs"])
    if not figures.disturbed():
        return ""
    return (
        f" Something else was running, on up to {figures.worst_others():.1f} cores: look at CPU time, or measure again."
    )
