"""Be told when someone comes: the hot list."""

from __future__ import annotations

from chat import names
from chat.events import Refused
from chat.facts import Watched
from chat.limits import ledger
from commands import Call, Command


def run(call: Call, name: str) -> None:
    """Put `name` on the caller's hot list, or say who is on it."""
    user = call.user
    if not name:
        call.tell("watch", _list(call))
        return
    shown = names.check(name)
    key = names.key(shown)
    most = ledger.limits.watches
    if key not in user.watched and len(user.watched) >= most:
        ledger.hit("watches")
        raise Refused("too_many", f"You watch for {most} people; /unwatch one first.")
    user.noted().watched[key] = shown
    call.hub.watchers.add(user, key)
    if user.account is not None:
        call.hub.keep(Watched(user.account.key, key, shown))
    here = "is here now" if call.hub.find(shown) else "is not here"
    call.tell("watch", f"You will be told when {shown} comes; {shown} {here}.")


def _list(call: Call) -> str:
    if not call.user.watched:
        return "You watch for nobody. /watch NAME tells you when NAME comes."
    rows = [f"{name}: {'here' if call.hub.find(name) else 'away'}" for name in sorted(call.user.watched.values())]
    return "\n".join(rows)


COMMAND = Command("watch", "be told when someone comes; without a name: list whom you watch for", run, "name?")
