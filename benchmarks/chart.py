"""The chart for the README: deliveries a second by server and workload, as an SVG written by hand.

Two columns of groups; within a group a bar per server, as long as its share of the fastest there.
"""

from __future__ import annotations

from html import escape

from benchmarks.figures import LIMIT, OURS, Figures, Values, middle
from benchmarks.workloads import OTHERS, ROWS, Workload

BAR, STEP, NAME, LONGEST, FIGURE, TITLE, GAP, EDGE, TOP = 11, 14, 72, 230, 112, 20, 14, 12, 58
COLUMN = NAME + LONGEST + FIGURE
STYLE = """
.page { fill: #ffffff } text { font: 11px system-ui, sans-serif; fill: #24292f }
.head { font-size: 14px; font-weight: 600 } .title { font-weight: 600 } .quiet { fill: #57606a }
.ours { fill: #0969da } .limit { fill: #8c959f } .peer { fill: #d4a72c }
@media (prefers-color-scheme: dark) {
.page { fill: #0d1117 } text { fill: #e6edf3 } .quiet { fill: #8d96a0 }
.ours { fill: #4493f8 } .limit { fill: #6e7681 } .peer { fill: #bb8009 }
}"""
NAMES = {OURS: "this server", LIMIT: "C limit"}


def draw(figures: Figures, about: str) -> str:
    """Return the chart."""
    groups = [(work, figures.parts(work)) for work in (*ROWS, *OTHERS)]
    groups = [(work, parts) for work, parts in groups if OURS in parts and len(parts) > 1]
    heights = [TITLE + STEP * len(parts) + GAP for _, parts in groups]
    lines: list[str] = []
    column, y, lowest = 0, TOP, TOP
    for (work, parts), height in zip(groups, heights, strict=True):
        if not column and y > TOP and y - TOP + height > sum(heights) / 2 + height / 2:
            column, y = 1, TOP
        lines += _group(EDGE + column * (COLUMN + EDGE), y, work, parts)
        y += height
        lowest = max(lowest, y)
    return _page(2 * COLUMN + 3 * EDGE, lowest, about, lines)


def _page(width: int, height: int, about: str, lines: list[str]) -> str:
    head = [
        _text(EDGE, 22, "Million deliveries a second (more is better), every one counted", "head"),
        _text(EDGE, 40, about, "quiet"),
    ]
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    page = f'<rect class="page" width="{width}" height="{height}"/>'
    body = "\n".join([f"<style>{STYLE}</style>", page, *head, *lines])
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">\n{body}\n</svg>\n'


def _group(x: int, y: int, work: Workload, parts: dict[str, Values]) -> list[str]:
    lines = [_text(x, y + 12, work.title, "title")]
    rates = {name: middle(part["rate"]) for name, part in parts.items()}
    most = max(rates.values())
    for place, (name, rate) in enumerate(sorted(rates.items(), key=_order)):
        top = y + TITLE + STEP * place
        kind = name if name in NAMES else "peer"
        length = max(1.0, LONGEST * rate / most)
        share = f" · {rate / rates[LIMIT]:.0%}" if LIMIT in rates and name != LIMIT else ""
        lines.append(_text(x + NAME - 5, top + 9, NAMES.get(name, name), anchor="end"))
        lines.append(f'<rect class="{kind}" x="{x + NAME}" y="{top}" width="{length:.1f}" height="{BAR}" rx="1"/>')
        lines.append(_text(x + NAME + length + 5, top + 9, f"{rate:.2f}{share}", "quiet"))
    return lines


def _order(item: tuple[str, float]) -> tuple[int, float]:
    """The limit first, then ours, then the peers, the fastest first."""
    name, rate = item
    return ({LIMIT: 0, OURS: 1}.get(name, 2), -rate)


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "") -> str:
    more = (f' class="{kind}"' if kind else "") + (f' text-anchor="{anchor}"' if anchor else "")
    return f'<text x="{x:.0f}" y="{y:.0f}"{more}>{escape(text)}</text>'
