"""The operators whom the host has named: who proves a password may act for him."""

from __future__ import annotations

from chat import passwords
from chat.elsewhere import in_order
from chat.events import Ref, Refused
from chat.facts import Audited
from chat.hub import Hub
from chat.turn import Standing, User

OPER = "\0oper:"  # before a name nobody can have: wrong passwords are counted under it


def promote(hub: Hub, user: User, name: str, password: str, ref: Ref = None) -> None:
    """Make someone an operator if the password of `name` is right; he is told so, or declined.

    Raises Refused `oper_wrong`, `blocked`, `busy`.
    """
    host, now = user.address.rpartition(":")[0], hub.clock.monotonic()
    hub.guard.check(OPER, host, now, "an operator")
    hub.guard.count(OPER, host, now)
    kept = hub.operators.get(name)
    if not any(other.startswith("$argon2") for other in hub.operators.values()):
        _decide(hub, user, name, passwords.same(password, kept or "") and kept is not None, ref)
        return
    in_order(
        user,
        lambda answer: hub.guard.run(hub.aside, host, lambda: passwords.matches(kept, password), answer),
        lambda right: _later(hub, user, name, right, ref),
    )


def _later(hub: Hub, user: User, name: str, right: bool, ref: Ref) -> None:
    try:
        if not user.gone:
            _decide(hub, user, name, right, ref)
    except Refused as refusal:
        hub.decline(user, "oper", refusal, ref)


def _decide(hub: Hub, user: User, name: str, right: bool, ref: Ref) -> None:
    if not right:
        hub.note(f"{user.name} tried to become the operator {name[:32]!r}, with a wrong password.")
        raise Refused("oper_wrong", "That is not the name and password of an operator.")
    hub.guard.right(OPER, user.address.rpartition(":")[0])
    user.standing = max(user.standing, Standing.OPERATOR)
    user.modes |= {"o"}
    hub.note(f"{user.name} is an operator now, as {name}.")
    act = Audited(hub.clock.time(), user.name, "OPER", user.name, f"with the password of {name}")
    hub.desk.record(act, hub.keep)
    hub.inform(user, "oper", "You are an operator now. /help lists what you can do.", ref)
