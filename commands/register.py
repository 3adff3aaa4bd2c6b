"""Keep one's name for good."""

from __future__ import annotations

from chat import passwords
from chat.accounts import Account
from chat.events import Refused
from chat.facts import AccountMade, Blocked, Watched
from chat.hub import Hub
from chat.turn import Standing, User
from commands import Call, Command


def run(call: Call, password: str) -> None:
    """Register the caller's name; the answer comes once it is kept."""
    hub, user = call.hub, call.user
    _check(hub, user)
    secret = passwords.check(password)
    name = user.name
    hub.aside.run(lambda: passwords.secret(secret), lambda kept: _registered(call, name, kept))


def _check(hub: Hub, user: User) -> None:
    if hub.memory is None:
        raise Refused("no_store", "This room keeps nothing, so no name can be registered.")
    if user.standing is Standing.HOST:
        raise Refused("not_allowed", f"{user.name} needs no password.")
    if user.account is not None:
        raise Refused(
            "registered", f"You are registered already, as {user.account.name}. /password changes the password."
        )


def _registered(call: Call, name: str, secret: str) -> None:
    hub, user = call.hub, call.user
    if user.gone:
        return
    try:
        _check(hub, user)
        if user.name != name:
            raise Refused("name_taken", "Your name has changed meanwhile; nothing was registered.")
    except Refused as refusal:
        hub.decline(user, "register", refusal, call.ref)
        return
    now = hub.clock.time()
    account = Account(name, user.key, secret, now, now, blocked=user.blocked, watched=user.watched)
    hub.accounts.add(account)
    user.account = account
    hub.keep(AccountMade(account.key, name, secret, now))
    for key, other in user.blocked.items():
        hub.keep(Blocked(account.key, key, other))
    for key, other in user.watched.items():
        hub.keep(Watched(account.key, key, other))
    answer = f"The name {name} is yours: it takes your password from now on."
    hub.when_kept(lambda: hub.inform(user, "register", answer, call.ref))


COMMAND = Command(
    "register", "keep your name for good: it will take this password", run, "password", raw=True, guests=True
)
