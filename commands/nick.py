"""Take another name."""

from __future__ import annotations

from chat import names
from chat.events import Refused
from chat.flow import Bucket
from chat.limits import ledger
from chat.naming import rename
from chat.turn import User
from commands import Call, Command


def run(call: Call, name: str) -> None:
    """Change the name; whoever shares a room is told."""
    names.check(name)
    _check_pace(call.user, call.hub.clock.monotonic())
    rename(call.hub, call.user, name, call.ref)


def _check_pace(user: User, now: float) -> None:
    """Raise Refused `too_often` for one whose names nobody could follow."""
    most = ledger.limits.nick_changes
    if ledger.spares(user.address.rpartition(":")[0]):
        return
    if user.renames is None:
        user.renames = Bucket(most - 1, most / 60, now)
    wait = user.renames.spend(0, now)
    if wait:
        ledger.hit("nick_changes")
        raise Refused("too_often", f"You change your name too often; wait {int(wait) + 1} s.")
    user.renames.spend(1, now)


COMMAND = Command("nick", "take another name", run, "name", raw=True, guests=True)
