"""Become an operator of the server: one who may do what the host may, from his own client."""

from __future__ import annotations

from chat.operators import promote
from commands import Call, Command


def run(call: Call, name: str, password: str) -> None:
    """Let the caller act as the operator `name`, if the password is right; the answer may take a moment."""
    promote(call.hub, call.user, name, password, call.ref)


COMMAND = Command(
    "oper",
    "become an operator, as the host has named them",
    run,
    "name password",
    raw=True,
    guests=True,
)
