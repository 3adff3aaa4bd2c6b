"""Give someone who has forgotten his password a new one."""

from __future__ import annotations

from chat.events import Refused
from chat.moderation import check_may_act_on
from chat.registration import change
from chat.rule import write_down
from chat.turn import Standing
from commands import Call, Command

LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"  # none that looks like another


def run(call: Call, name: str) -> None:
    """Set a random password for the account `name`, and show it to the caller alone."""
    account = call.hub.accounts.find(name)
    if account is None:
        raise Refused("not_registered", f"There is no registered name {name}.")
    check_may_act_on(call.user, account.standing, account.name)
    import secrets

    new = "".join(secrets.choice(LETTERS) for _ in range(10))
    answer = f"The password of {account.name} is now {new} - /password changes it."
    change(call.hub, call.user, account, new, answer=answer, ref=call.ref)
    write_down(call.hub, call.user, "RESET", account.name)


COMMAND = Command("reset", "give a registered name a new password", run, "name", standing=Standing.OPERATOR, bare=True)
