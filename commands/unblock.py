"""Hear someone again."""

from __future__ import annotations

from chat import names
from chat.events import Refused
from chat.facts import Unblocked
from commands import Call, Command


def run(call: Call, name: str) -> None:
    """End what /block began."""
    key = names.key(name)
    shown = call.user.noted().blocked.pop(key, None)
    if shown is None:
        raise Refused("not_here", f"You have not blocked {name}.")
    call.hub.mind_blocks(call.user)
    if call.user.account is not None:
        call.hub.keep(Unblocked(call.user.account.key, key))
    call.tell("unblock", f"You hear {shown} again.")


COMMAND = Command("unblock", "hear someone again", run, "name", guests=True)
