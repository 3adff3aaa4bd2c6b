"""Change one's password."""

from __future__ import annotations

from chat import passwords
from chat.accounts import Account
from chat.events import Refused
from chat.facts import PasswordChanged
from chat.hub import Hub
from commands import Call, Command


def run(call: Call, password: str) -> None:
    """Give the caller's account another password; the answer comes once it is kept."""
    account = call.user.account
    if account is None:
        raise Refused("not_registered", "Your name is not registered. /register PASSWORD keeps it for you.")
    change(call, account, passwords.check(password), "Your password has been changed.")


def change(call: Call, account: Account, password: str, answer: str) -> None:
    """Set the password of `account`, and tell the caller `answer` once it is kept."""
    hub = call.hub
    hub.aside.run(lambda: passwords.secret(password), lambda secret: _changed(hub, account, secret, call, answer))


def _changed(hub: Hub, account: Account, secret: str, call: Call, answer: str) -> None:
    account.secret = secret
    hub.keep(PasswordChanged(account.key, secret))
    hub.when_kept(lambda: hub.inform(call.user, "password", answer, call.ref))


COMMAND = Command("password", "change the password of your registered name", run, "password", raw=True, guests=True)
