"""Figures as Prometheus reads them: the text format, version 0.0.4. Knows nothing of what is counted.

Written here, because it is a few lines: prometheus_client would be imported in the loop, which takes 30 ms.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from record import record

PREFIX = "chat_"


@record
class Metric:
    """One figure, or one for each value of a label. `kind` is counter or gauge."""

    name: str
    kind: str
    help: str
    value: float | Mapping[str, float]
    label: str = ""


def page(metrics: Iterable[Metric]) -> str:
    """Return all of them."""
    return "".join(_write(metric) for metric in metrics)


def _write(metric: Metric) -> str:
    name = PREFIX + metric.name
    head = f"# HELP {name} {metric.help}\n# TYPE {name} {metric.kind}\n"
    if not isinstance(metric.value, Mapping):
        return f"{head}{name} {metric.value}\n"
    rows = (f'{name}{{{metric.label}="{_escaped(label)}"}} {value}\n' for label, value in metric.value.items())
    return head + "".join(rows)


def _escaped(label: str) -> str:
    return label.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
