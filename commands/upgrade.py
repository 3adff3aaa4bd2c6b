"""Have the code that is on the disk now take over, while everybody stays."""

from __future__ import annotations

from chat.turn import Standing
from commands import Call, Command


def run(call: Call) -> None:
    """Try the new code out, and go on with it where it starts; the answer comes then."""
    call.table.house.upgrade(call.ref)


COMMAND = Command(
    "upgrade",
    "go on with the code that is on the disk now; everybody stays. If it does not start, nothing changes",
    run,
    standing=Standing.HOST,
    bare=True,
)
