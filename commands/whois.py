"""Say who someone is."""

from __future__ import annotations

import time

from chat.accounts import Account
from chat.events import Refused
from chat.moderation import is_operator, is_shown
from chat.sanctions import how_long, lasts
from chat.text import ago, hms
from chat.turn import User
from commands import Call, Command


def run(call: Call, name: str) -> None:
    """Answer what may be known of `name`; address and wire are for the host and his operators."""
    account = call.hub.accounts.find(name)
    user = call.hub.find(name) or (call.hub.on_line(account) if account else None)
    if user is not None:
        call.tell("whois", _here(call, user))
    elif account is not None:
        call.tell("whois", _away(call, account))
    else:
        raise Refused("not_here", f"There is nobody called {name}, here or registered.")


def _here(call: Call, user: User) -> str:
    seconds = int(call.hub.clock.monotonic() - user.arrived)
    known = "registered" if user.account else "not registered"
    rooms = ", ".join(room.title for room in user.rooms if is_shown(room, call.user)) or "no room"
    lines = [f"{user.name} has been here for {hms(seconds)}, {known}, in {rooms}."]
    if user.away:
        lines.append(f"{user.name} is away: {user.away}")
    if is_operator(call.user):
        lines.append(f"{user.name} comes from {user.address}, by {user.wire}.")
        lines += _known_to_operators(call, user)
    return "\n".join(lines)


def _known_to_operators(call: Call, user: User) -> list[str]:
    """Return what the host and his operators are told besides."""
    hub, lines = call.hub, []
    if user.account is not None:
        lines.append(
            f"Account: {user.account.name}, of {time.strftime('%Y-%m-%d', time.localtime(user.account.made))}."
        )
    if user.who.realname not in ("", user.name):
        lines.append(f"Real name: {user.who.realname}")
    if is_operator(user):
        lines.append(f"{user.name} is {'the host' if user is hub.host else 'an operator'}.")
    if user.muted and lasts(user.muted, hub.clock.time()):
        lines.append(f"{user.name} is muted {how_long(user.muted, hub.clock.time())}.")
    return lines


def _away(call: Call, account: Account) -> str:
    return f"{account.name} is registered, and was last here {ago(call.hub.clock.time() - account.seen)} ago."


COMMAND = Command("whois", "say who someone is", run, "name", bare=True)
