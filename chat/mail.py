"""Private talk: to those on line at once, to registered people who are away by way of their inbox."""

from __future__ import annotations

from collections.abc import Iterable

from chat.accounts import Account
from chat.events import AS_USUAL, Form, Ref, Refused, Whispered
from chat.facts import WhisperSaved
from chat.hub import Hub
from chat.limits import ledger
from chat.sanctions import check_not_muted
from chat.turn import User
from record import entity, field


@entity
class _Wanted:
    """Whom a message is meant for: on line, away with an inbox, away with a full one, unknown."""

    here: dict[User, None] = field(default_factory=dict)
    away: dict[str, Account] = field(default_factory=dict)
    full: dict[str, Account] = field(default_factory=dict)
    unknown: dict[str, None] = field(default_factory=dict)


def whisper(hub: Hub, user: User, wanted: Iterable[str], text: str, ref: Ref = None, *, form: Form = AS_USUAL) -> None:
    """Say `text` in private to the names `wanted`; the sender learns whom it reached. A block is not told.

    Raises Refused `yourself`, and `not_here` or `inbox_full` where it reaches nobody at all.
    """
    found = _sort(hub, wanted)
    if (user in found.here and not user.roams) or (
        user.account is not None and user.account.key in found.away | found.full
    ):
        raise Refused("yourself", "You cannot send a private message to yourself.")
    if not found.here and not found.away:
        raise _unreachable(found)
    to = tuple(other.name for other in found.here)
    kept = tuple(account.name for account in found.away.values())
    missed = (*found.unknown, *(account.name for account in found.full.values()))
    if user.muted:
        check_not_muted(user, hub.clock.time(), () if found.away else found.here)
    event = Whispered(*hub.stamp(), user.name, to, text, missed, kept, user.who, form)
    user.active = hub.clock.monotonic()
    hearing = [other for other in found.here if other.hears(user)]
    audience = tuple(dict.fromkeys((*hearing, user)))
    for other in audience:
        other.remember(event)
    hub.post(event, to=audience, author=user, ref=ref)
    for other in (other for other in found.here if other.away and not form.notice):
        hub.inform(user, "away", f"{other.name} is away: {other.away}", ref)
    _keep(
        hub,
        user,
        event,
        hearing,
        [account for account in found.away.values() if account.blocked.keys().isdisjoint(user.keys)],
    )


def _sort(hub: Hub, wanted: Iterable[str]) -> _Wanted:
    found = _Wanted()
    for name in wanted:
        user, account = hub.find(name), hub.accounts.find(name)
        if user is not None:
            found.here[user] = None
        elif account is None:
            found.unknown[name] = None
        elif account.inbox < ledger.limits.inbox:
            found.away[account.key] = account
        else:
            ledger.hit("inbox")
            found.full[account.key] = account
    return found


def _unreachable(found: _Wanted) -> Refused:
    if found.full:
        full = " and ".join(account.name for account in found.full.values())
        return Refused("inbox_full", f"The inbox of {full} is full; the message was not kept.")
    return Refused("not_here", f"There is nobody called {' or '.join(found.unknown)} here; the message was not sent.")


def _keep(hub: Hub, user: User, event: Whispered, hearing: list[User], away: list[Account]) -> None:
    """Have it kept for the accounts that heard it, and for those who will."""
    for account in away:
        account.inbox += 1
    readers = [other.account.key for other in (user, *hearing) if other.account is not None]
    hub.keep(WhisperSaved(event, user.key, tuple(readers), tuple(account.key for account in away)))
