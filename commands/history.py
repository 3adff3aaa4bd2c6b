"""Read what was said before."""

from __future__ import annotations

from collections.abc import Sequence

from chat import names
from chat.elsewhere import in_order
from chat.events import Acted, Recalled, Refused, Said, Whispered
from chat.turn import User
from commands import Call, Command, fit, number

USUAL = 20
MOST = 500


def run(call: Call, n: str) -> None:
    """Answer with the last `n` messages of the caller's rooms, and of his private talk where he is registered."""
    count = number(n, USUAL, MOST)
    user, memory = call.user, call.hub.memory
    if memory is None:
        show(call, _remembered(user)[-count:])
    else:
        rooms = tuple(room.name for room in user.rooms)
        person = user.account.key if user.account else ""
        without = tuple(user.blocked)
        in_order(
            user,
            lambda answer: memory.history(rooms, person, count, without, answer),
            lambda found: show(call, found),
        )


def _remembered(user: User) -> list[Said | Acted]:
    """Return what the rooms remember by themselves, where nothing is kept for good."""
    heard = (event for room in user.rooms for event in room.recent if names.key(event.sender) not in user.blocked)
    return sorted(heard, key=lambda event: event.id)


def show(call: Call, found: Sequence[Said | Acted | Whispered] | Refused) -> None:
    """Answer with the messages found, or why there are none."""
    if call.user.gone:
        return
    if isinstance(found, Refused):
        call.hub.decline(call.user, "history", found, call.ref)
    elif found:
        newest = fit(reversed(found))
        call.answer(Recalled(*call.hub.stamp(), "", tuple(reversed(newest)), call.ref))
    else:
        call.tell("history", "Nothing has been said yet.")


COMMAND = Command("history", f"read what was said before: the last n messages ({USUAL} if not given)", run, "n?")
