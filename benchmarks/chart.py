"""The chart for the README: deliveries a second by server and workload, as an SVG written by hand."""

from __future__ import annotations

import statistics
from html import escape

from benchmarks.measure import WORKLOADS, Run, Workload
from benchmarks.tell import by_server

ROW, LEFT, WIDE, GAP = 18, 150, 520, 14
COLOURS = {"ours": "#2b6cb0", "limit": "#a0aec0"}
OTHER = "#ed8936"


def draw(runs: list[Run]) -> str:
    """Return the chart: for each workload a bar per server, as a share of the limit."""
    parts = [(work, by_server(runs, work)) for work in WORKLOADS]
    parts = [(work, servers) for work, servers in parts if "ours" in servers and "limit" in servers]
    lines: list[str] = []
    y = 40
    for work, servers in parts:
        lines.append(_text(8, y + 13, _title(work), "bold"))
        y += ROW + 4
        limit = statistics.median(servers["limit"]["rate"])
        for name, figures in servers.items():
            rate = statistics.median(figures["rate"])
            width = max(1.0, min(1.0, rate / limit) * WIDE)
            colour = COLOURS.get(name, OTHER)
            lines.append(_text(LEFT - 8, y + 13, name, anchor="end"))
            lines.append(f'<rect x="{LEFT}" y="{y + 2}" width="{width:.1f}" height="{ROW - 4}" fill="{colour}"/>')
            lines.append(_text(LEFT + width + 6, y + 13, f"{rate:.2f} M/s, {rate / limit:.0%}"))
            y += ROW
        y += GAP
    head = _text(8, 22, "Deliveries a second, and the share of a bare C broadcaster (limit)", "bold")
    size = f'width="{LEFT + WIDE + 150}" height="{y}" viewBox="0 0 {LEFT + WIDE + 150} {y}"'
    style = '<style>text{font:12px sans-serif;fill:#1a202c}</style><rect width="100%" height="100%" fill="#fff"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{style}{head}{"".join(lines)}</svg>\n'


def _title(work: Workload) -> str:
    more = ", mixed wires" if work.speech else ""
    return f"{work.receivers:,} listeners, {work.senders} talking, {work.window} in flight{more}"


def _text(x: float, y: float, text: str, weight: str = "normal", anchor: str = "start") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" font-weight="{weight}" text-anchor="{anchor}">{escape(text)}</text>'
