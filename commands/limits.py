"""Show the limits, and how often each was hit."""

from __future__ import annotations

from chat.limits import ledger
from chat.text import count
from chat.turn import Standing
from commands import Call, Command


def run(call: Call) -> None:
    """Answer with a line for each limit: its name, its value, how often it was hit, and what it means."""
    lines = [
        f"{name} = {_shown(value)}, hit {count(hits, 'time')}: {text}" for name, value, text, hits in ledger.rows()
    ]
    if ledger.lifted:
        lines.append("What holds per address and for talk is lifted: --no-flood-limit.")
    else:
        lines.append(f"What holds per address and for talk spares {', '.join(ledger.exempt) or 'nobody'}.")
    call.tell("limits", "\n".join(lines))


def _shown(value: float) -> str:
    return f"{value:,g}" if isinstance(value, float) else f"{value:,}"


COMMAND = Command("limits", "show the limits, and how often each was hit", run, standing=Standing.OPERATOR, bare=True)
