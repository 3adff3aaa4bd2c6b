"""Be an operator no more; or, for the host, let somebody be one no more."""

from __future__ import annotations

from chat.events import Refused
from chat.rule import appoint, write_down
from chat.turn import Standing
from commands import Call, Command


def run(call: Call, name: str) -> None:
    """Give up, until the next login, what the caller may do as an operator; the host takes it from `name`."""
    user = call.user
    if user.standing is Standing.HOST:
        if not name:
            raise Refused("missing", "DEOPER name: the name is missing.")
        call.tell("deoper", f"{appoint(call.hub, user, name, Standing.GUEST)} is no operator any more.")
        return
    if name and call.hub.find(name) is not user:
        raise Refused("not_allowed", "Only the host takes that from others.")
    user.standing = Standing.GUEST
    user.modes -= {"o"}
    write_down(call.hub, user, "DEOPER", user.name)
    call.tell("deoper", "You are no operator any more.")


COMMAND = Command(
    "deoper", "be an operator no more; for the host: DEOPER bob", run, "name?", standing=Standing.OPERATOR, bare=True
)
