"""Measures our server beside the limit (limit.c) and every peer that is installed; prints tables, draws a chart.

`python -m benchmarks.bench --help` lists the options.

What the figures mean, and what is wrong with them, stands in README.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import chart, tell
from benchmarks.measure import NORMAL, QUICK, fan_outs, idle, say, start_up
from benchmarks.servers import HERE, LIMIT, allow_many_files, build, installed, ours, version


def machine() -> dict[str, Any]:
    """Return what the figures depend on besides the code."""
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
    """Return the command line."""
    parser = argparse.ArgumentParser(description="Measures our server beside a bare C broadcaster and other servers.")
    parser.add_argument("--quick", action="store_true", help="one short repetition: tells a mishap, not a percentage")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all runs there")
    parser.add_argument("--chart", type=Path, metavar="FILE", help="draw the chart there, as SVG")
    parser.add_argument("--no-peers", action="store_true", help="measure beside the limit alone")
    parser.add_argument(
        "--server", type=Path, default=HERE.parent / "chat_server.py", help="another chat_server.py, to compare with"
    )
    return parser.parse_args()


def main() -> None:
    """Build, measure, tell."""
    options = read_options()
    pace = QUICK if options.quick else NORMAL
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # a start compiles nothing where people install it
    about = machine()
    say(f"{about['cpu']}, {about['cores']} cores, Linux {about['kernel']}, Python {about['python']}")
    if about["cores"] < 2:
        say("Only one core: server and load share it; the ratios are worth little.")
    build()
    allow_many_files()
    mine, peers = ours(options.server.resolve()), [] if options.no_peers else installed()
    for peer in peers:
        say(f"beside {version(peer)}")
    runs = fan_outs(mine, LIMIT, peers, pace, options.quick)
    tell.fan_outs(runs)
    start, still = start_up(mine, pace), [idle(one, pace) for one in (mine, *([] if options.quick else peers))]
    tell.rest(start, still)
    if options.chart:
        options.chart.write_text(chart.draw(runs))
    if options.json:
        report = {"machine": about, "pace": asdict(pace), "runs": runs, "start_up": start, "idle": still}
        options.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
