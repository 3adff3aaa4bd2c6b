"""Makes of results what is shown of them: the chart docs/speed.svg, and the tables in both READMEs.

`python -m benchmarks.publish [FILE]` takes benchmarks/results.json, which `make bench ARGS=--full` writes, or FILE. In
a README the tables stand between `<!-- figures: NAME -->` and `<!-- end of figures -->`, and are written anew.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from benchmarks import chart, tables
from benchmarks.figures import Figures
from benchmarks.servers import HERE

ROOT = HERE.parent
RESULTS = HERE / "results.json"
CHART = ROOT / "docs" / "speed.svg"
READMES = (ROOT / "README.md", HERE / "README.md")
PLACE = re.compile(r"(<!-- figures: (\w+) -->\n).*?(<!-- end of figures -->)", re.DOTALL)


def parts(results: dict[str, Any]) -> dict[str, str]:
    """Return what may stand in a README, by name."""
    figures = Figures(results["runs"])
    return {
        "where": tables.where(results) + "\n",
        "summary": tables.markdown(tables.summary(figures)),
        "goals": tables.markdown(tables.reached(results)),
        "everything": tables.markdown(tables.fan_out(figures)),
        "people": tables.markdown(tables.people(figures)),
        "curves": tables.markdown(tables.curve(figures)),
        "stalls": tables.markdown(tables.stalls(results, figures)),
        "single": "".join(f"- {line}\n" for line in tables.single(results, figures)),
    }


def filled(text: str, shown: dict[str, str]) -> str:
    """Return a README with its tables written anew."""
    return PLACE.sub(lambda place: f"{place[1]}\n{shown[place[2]]}\n{place[3]}", text)


def _about(results: dict[str, Any]) -> str:
    machine = results["machine"]
    noise = "; OTHER WORK RAN ON THE MACHINE" if Figures(results["runs"]).disturbed() else ""
    return f"{machine['cpu']}, server on one core, load on another; {machine['when'][:10]}; % of the C limit{noise}"


def main() -> None:
    """Write all of it."""
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else RESULTS
    if not file.exists():
        sys.exit(f"There is no {file}: `make bench ARGS=--full` writes benchmarks/results.json.")
    results = json.loads(file.read_text())
    shown = parts(results)
    for readme in READMES:
        readme.write_text(filled(readme.read_text(), shown))
    CHART.write_text(chart.draw(Figures(results["runs"]), _about(results)))
    print(f"written: {', '.join(str(path.relative_to(ROOT)) for path in (CHART, *READMES))}")


if __name__ == "__main__":
    main()
