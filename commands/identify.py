"""Log in to one's account while on line."""

from __future__ import annotations

from chat.registration import identify
from commands import Call, Command


def run(call: Call, password: str, name: str = "") -> None:
    """Prove the password of the account `name`, by default of the caller's own name; the answer takes a moment."""
    identify(call.hub, call.user, name or call.user.name, password, call.ref)


COMMAND = Command(
    "identify", "log in to your account while you are here", run, "password", more="name", raw=True, guests=True
)
