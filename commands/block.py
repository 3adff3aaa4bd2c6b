"""Hear nothing from someone any more."""

from __future__ import annotations

from chat.events import Refused
from chat.facts import Blocked
from chat.limits import ledger
from commands import Call, Command


def run(call: Call, name: str) -> None:
    """Keep what `name` says from the caller; `name` does not learn of it."""
    user = call.user
    if not name:
        blocked = ", ".join(sorted(user.blocked.values()))
        call.tell("block", f"Blocked: {blocked}." if blocked else "You have blocked nobody.")
        return
    key, shown = _someone(call, name)
    most = ledger.limits.blocks
    if key not in user.blocked and len(user.blocked) >= most:
        ledger.hit("blocks")
        raise Refused("too_many", f"You have blocked {most} people; /unblock one first.")
    user.noted().blocked[key] = shown
    call.hub.mind_blocks(user)
    if user.account is not None:
        call.hub.keep(Blocked(user.account.key, key, shown))
    call.tell("block", f"You hear nothing from {shown} any more. /unblock {shown} ends that.")


def _someone(call: Call, name: str) -> tuple[str, str]:
    """Return key and name of someone here or registered. Raises Refused `not_here`, `yourself`, `not_allowed`."""
    found = call.hub.find(name) or call.hub.accounts.find(name)
    if found is None:
        raise Refused("not_here", f"There is nobody called {name}, here or registered.")
    if found.key in call.user.keys:
        raise Refused("yourself", "You cannot block yourself.")
    if call.hub.host is not None and found.key == call.hub.host.key:
        raise Refused("not_allowed", "The host cannot be blocked.")
    return found.key, found.name


COMMAND = Command("block", "hear nothing from someone any more; without a name: list them", run, "name?", guests=True)
