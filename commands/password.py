"""Change one's password."""

from __future__ import annotations

from chat.events import Refused
from chat.registration import change
from commands import Call, Command


def run(call: Call, password: str) -> None:
    """Give the caller's account another password; the answer comes once it is kept."""
    account = call.user.account
    if account is None:
        raise Refused("not_registered", "Your name is not registered. /register PASSWORD keeps it for you.")
    change(call.hub, call.user, account, password, answer="Your password has been changed.", ref=call.ref)


COMMAND = Command("password", "change the password of your registered name", run, "password", raw=True, guests=True)
