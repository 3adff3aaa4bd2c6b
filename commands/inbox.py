"""Read what came in private while one was away."""

from __future__ import annotations

from collections.abc import Sequence

from chat.events import Recalled, Refused, Whispered
from chat.facts import InboxRead
from commands import Call, Command


def run(call: Call) -> None:
    """Answer with the private messages that wait; they have been read then, and stay in /history."""
    memory, account = call.hub.memory, call.user.account
    if memory is None or account is None:
        raise Refused("not_registered", "Only registered names have an inbox. /register PASSWORD keeps yours.")
    memory.inbox(account.key, lambda found: _show(call, found))


def _show(call: Call, found: Sequence[Whispered] | Refused) -> None:
    hub, account = call.hub, call.user.account
    if account is None or call.user.gone:
        return
    if isinstance(found, Refused):
        hub.decline(call.user, "inbox", found, call.ref)
        return
    if not found:
        hub.inform(call.user, "inbox", "Nothing is waiting for you.", call.ref)
        return
    hub.tell(call.user, Recalled(*hub.stamp(), "", tuple(found), call.ref))
    account.inbox = max(0, account.inbox - len(found))
    hub.keep(InboxRead(account.key, found[-1].id))


COMMAND = Command("inbox", "read the private messages that came while you were away", run, guests=True)
