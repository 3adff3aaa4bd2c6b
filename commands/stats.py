"""Say how much someone takes part."""

from __future__ import annotations

from chat.events import Refused
from chat.text import ago, count, hms
from commands import Call, Command


def run(call: Call, name: str) -> None:
    """Answer with messages sent, time on line and last visit: of `name`, or of the caller."""
    hub = call.hub
    user = hub.find(name) if name else call.user
    account = user.account if user else hub.accounts.find(name)
    if user is None and account is None:
        raise Refused("not_here", f"There is nobody called {name}, here or registered.")
    shown = user.name if user else (account.name if account else name)
    messages = (user.messages if user else 0) + (account.messages if account else 0)
    seconds = int(hub.clock.monotonic() - user.arrived) if user else 0
    seconds += account.seconds if account else 0
    seen = "here now" if user or not account else f"last seen {ago(hub.clock.time() - account.seen)} ago"
    call.tell("stats", f"{shown}: {count(messages, 'message')}, {hms(seconds)} on line, {seen}.")


COMMAND = Command("stats", "say how much someone takes part: messages, time on line, last visit", run, "name?")
