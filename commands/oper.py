"""Become an operator, who may do what the host may from his own client; or, for the host, make someone one."""

from __future__ import annotations

from chat.events import Refused
from chat.moderation import is_operator
from chat.operators import promote
from chat.rule import appoint
from chat.turn import Standing
from commands import Call, Command


def run(call: Call, name: str, password: str) -> None:
    """Let the caller act as the operator `name`, if the password is right; the host makes the one called so one."""
    if call.user.standing is Standing.HOST:
        shown = appoint(call.hub, call.user, name, Standing.OPERATOR)
        registered = call.hub.accounts.find(shown) or getattr(call.hub.find(shown), "account", None)
        how_long = "for good: the name is registered" if registered else "until he leaves; registered names stay it"
        call.tell("oper", f"{shown} is an operator now, {how_long}.")
    elif not password.strip():
        if is_operator(call.user):
            raise Refused("not_allowed", "Only the host makes others operators.")
        raise Refused("missing", "/oper name password: the password is missing.")
    else:
        promote(call.hub, call.user, name, password, call.ref)


COMMAND = Command(
    "oper",
    "become an operator, by name and password; for the host: OPER bob makes bob one",
    run,
    "name password?",
    bare=True,
    raw=True,
)
