"""Be told no more when someone comes."""

from __future__ import annotations

from chat import names
from chat.events import Refused
from chat.facts import Unwatched
from commands import Call, Command


def run(call: Call, name: str) -> None:
    """Take `name` off the caller's hot list."""
    key = names.key(name)
    shown = call.user.noted().watched.pop(key, None)
    if shown is None:
        raise Refused("not_here", f"You do not watch for {name}.")
    call.hub.watchers.remove(call.user, key)
    if call.user.account is not None:
        call.hub.keep(Unwatched(call.user.account.key, key))
    call.tell("unwatch", f"You will not be told when {shown} comes.")


COMMAND = Command("unwatch", "be told no more when someone comes", run, "name")
