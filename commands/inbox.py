"""Read what came in private while one was away."""

from __future__ import annotations

from collections.abc import Sequence

from chat import names
from chat.elsewhere import in_order
from chat.events import Recalled, Refused, Whispered
from chat.facts import InboxRead
from commands import Call, Command, fit


def run(call: Call) -> None:
    """Answer with the private messages that wait; they have been read then, and stay in /history."""
    memory, account = call.hub.memory, call.user.account
    if memory is None or account is None:
        raise Refused("not_registered", "Only registered names have an inbox. /register PASSWORD keeps yours.")
    in_order(call.user, lambda answer: memory.inbox(account.key, answer), lambda found: _show(call, found))


def _show(call: Call, found: Sequence[Whispered] | Refused) -> None:
    hub, account = call.hub, call.user.account
    if account is None or call.user.gone:
        return
    if isinstance(found, Refused):
        hub.decline(call.user, "inbox", found, call.ref)
        return
    fresh = fit(message for message in found if message.id > account.read)
    if fresh:
        account.inbox -= len(fresh)
        account.read = fresh[-1].id
        hub.keep(InboxRead(account.key, account.read))
    heard = tuple(message for message in fresh if names.key(message.sender) not in account.blocked)
    if heard:
        hub.tell(call.user, Recalled(*hub.stamp(), "", heard, call.ref))
        if account.inbox:
            hub.inform(call.user, "inbox", f"More is waiting: {account.inbox}. /inbox shows it.", call.ref)
    else:
        hub.inform(call.user, "inbox", "Nothing is waiting for you.", call.ref)


COMMAND = Command("inbox", "read the private messages that came while you were away", run, guests=True)
