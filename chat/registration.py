"""Keeping one's name for good, and the password that it takes: hashed elsewhere, answered when it is safe."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chat import names, passwords
from chat.accounts import Account
from chat.changes import Presented
from chat.elsewhere import in_order
from chat.events import Ref, Refused
from chat.facts import AccountMade, Blocked, PasswordChanged, Watched
from chat.hub import Hub
from chat.sanctions import MUTE
from chat.turn import User
from record import replace


def register(hub: Hub, user: User, password: str, ref: Ref = None) -> None:
    """Keep someone's name for him; the answer comes once it is kept.

    Raises Refused `no_store`, `registered`, `password_bad`, `too_many`, `busy`.
    """
    _check_may_register(hub, user)
    secret, name = passwords.check(password), user.name
    hub.guard.check_registers(user.address.rpartition(":")[0], hub.clock.monotonic())
    _aside(hub, user, lambda: passwords.secret(secret), lambda kept: _registered(hub, user, name, kept, ref))


def change(hub: Hub, user: User, account: Account, password: str, *, answer: str, ref: Ref = None) -> None:
    """Set the password of `account`, and tell `user` the `answer` once it is kept.

    Raises Refused `password_bad`, `busy`.
    """
    secret = passwords.check(password)

    def changed(kept: str) -> None:
        account.secret = kept
        hub.keep(PasswordChanged(account.key, kept))
        hub.when_kept(lambda: hub.inform(user, "password", answer, ref))

    _aside(hub, user, lambda: passwords.secret(secret), changed)


def identify(hub: Hub, user: User, name: str, password: str, ref: Ref = None) -> None:
    """Log someone who is here in to the account `name`; he is told so, or declined, once the password is checked.

    Raises Refused `registered`, `blocked`, `busy`.
    """
    if user.account is not None:
        raise Refused("registered", f"You are logged in already, as {user.account.name}.")
    hub.desk.check_name(hub.clock.time(), name)
    key, host = names.key(name), user.address.rpartition(":")[0]
    hub.guard.check(key, host, hub.clock.monotonic())
    hub.guard.count(key, host, hub.clock.monotonic())
    account = hub.accounts.find(name)
    kept = account.secret if account else None
    if account is not None:
        hub.desk.check_door(hub.clock.time(), account=account)

    def checked(right: bool) -> None:
        if user.gone:
            return
        if account is None or not right:
            hub.decline(user, "identify", Refused("wrong_password", f"That is not the password of {name}."), ref)
            return
        hub.guard.right(key, host)
        _take(hub, user, account)
        hub.inform(user, "identify", f"You are logged in as {account.name}.", ref)

    try:
        _aside(hub, user, lambda: passwords.matches(kept, password), checked)
    except Refused:
        hub.guard.spare(key, host)
        raise


def _aside(hub: Hub, user: User, work: Callable[[], Any], then: Callable[[Any], None]) -> None:
    """Have work done aside that `user` has caused, before he is heard again. Raises Refused `busy`."""
    host = user.address.rpartition(":")[0]
    in_order(user, lambda answer: hub.guard.run(hub.aside, host, work, answer), then, hub.when_kept)


def _take(hub: Hub, user: User, account: Account) -> None:
    """Give someone who is here the account whose password he has proven; an earlier connection of it ends."""
    hub.supersede(account, by=user)
    user.muted = user.muted or hub.desk.sanctions.find(MUTE, hub.clock.time(), account=account)
    for key in user.watched:
        hub.watchers.remove(user, key)
    user.account = account
    hub.recognise(user, account)
    _introduce(hub, user)


def _introduce(hub: Hub, user: User) -> None:
    """Tell those who share a room with someone, and himself, that he has logged in to an account meanwhile."""
    user.who = replace(user.who, account=user.account.name if user.account else "")
    hub.post(Presented(*hub.stamp(), user.name, user.who, account=True), to=hub.concerned(user))


def _check_may_register(hub: Hub, user: User) -> None:
    if hub.memory is None:
        raise Refused("no_store", "This room keeps nothing, so no name can be registered.")
    if user.account is not None:
        raise Refused(
            "registered", f"You are registered already, as {user.account.name}. /password changes the password."
        )


def _registered(hub: Hub, user: User, name: str, secret: str, ref: Ref) -> None:
    """The password is hashed: keep the name, if it is still his and nobody's."""
    if user.gone:
        return
    try:
        _check_may_register(hub, user)
        if user.name != name:
            raise Refused("name_taken", "Your name has changed meanwhile; nothing was registered.")
    except Refused as refusal:
        hub.decline(user, "register", refusal, ref)
        return
    now = hub.clock.time()
    notes = user.noted()
    user.account = user.notes = account = Account(
        name, user.key, secret, now, now, blocked=notes.blocked, watched=notes.watched, marks=notes.marks
    )
    hub.accounts.add(account)
    _introduce(hub, user)
    hub.keep(AccountMade(account.key, name, secret, now))
    for key, other in user.blocked.items():
        hub.keep(Blocked(account.key, key, other))
    for key, other in user.watched.items():
        hub.keep(Watched(account.key, key, other))
    answer = f"The name {name} is registered, and yours: it takes your password from now on."
    hub.when_kept(lambda: hub.inform(user, "register", answer, ref))
