"""Show what the host and the operators did last."""

from __future__ import annotations

import time

from chat.facts import Audited
from chat.turn import Standing
from commands import Call, Command, number

USUAL = 20
MOST = 500


def run(call: Call, n: str) -> None:
    """Answer with the last `n` acts: when, who, what, on whom, why."""
    count = number(n, USUAL, MOST)
    acts = [*call.hub.desk.trail][-count:]
    call.tell("audit", "\n".join(map(_row, acts)) or "Nothing has been done yet.")


def _row(act: Audited) -> str:
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(act.at))
    words = " ".join(filter(None, (when, act.by, act.act, act.on)))
    return f"{words}: {act.text}" if act.text else words


COMMAND = Command(
    "audit", "list what the host and the operators did last", run, "n?", standing=Standing.OPERATOR, bare=True
)
