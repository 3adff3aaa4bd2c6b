"""Read what was said before."""

from __future__ import annotations

from collections.abc import Sequence

from chat import names
from chat.elsewhere import in_order
from chat.events import Acted, Recalled, Refused, Said, Whispered
from chat.turn import Room, User
from commands import Call, Command, fit, number

USUAL = 20
MOST = 500
DIGITS = 18  # of an id


def run(call: Call, n: str, before: str = "", room: str = "", private: str = "") -> None:
    """Answer with the last `n` messages of the caller's rooms, and of his private talk where he is registered.

    A program may ask for those of one room alone, or for those in `private` alone, and for what has ids below `before`.
    """
    count, below = number(n, USUAL, MOST), _id(before)
    user, memory = call.user, call.hub.memory
    rooms = () if private else (_own(call, room),) if room else user.rooms
    if memory is None:
        show(call, _remembered(user, rooms, below)[-count:], below)
    else:
        person = user.account.key if user.account and not room else ""
        places, without = tuple(each.name for each in rooms), tuple(user.blocked)
        in_order(
            user,
            lambda answer: memory.history(places, person, count, without, answer, before=below),
            lambda found: show(call, found, below),
        )


def _id(word: str) -> int | None:
    if not word:
        return None
    if not (word.isascii() and word.isdigit() and len(word) <= DIGITS):
        raise Refused("bad_number", f"{word[:20]} is no id of a message.")
    return int(word)


def _own(call: Call, name: str) -> Room:
    """Return a room of the caller's. Raises Refused `not_in` for any other, whether there is one or not."""
    for room in call.user.rooms:
        if room.name == name:
            return room
    raise Refused("not_in", f"You are not in {name[:40]}.")


def _remembered(user: User, rooms: Sequence[Room], below: int | None) -> list[Said | Acted]:
    """Return what the rooms remember by themselves, where nothing is kept for good."""
    heard = (event for room in rooms for event in room.scrollback if names.key(event.sender) not in user.blocked)
    return sorted((event for event in heard if below is None or event.id < below), key=lambda event: event.id)


def show(call: Call, found: Sequence[Said | Acted | Whispered] | Refused, below: int | None = None) -> None:
    """Answer with the messages found, or why there are none."""
    if call.user.gone:
        return
    if isinstance(found, Refused):
        call.hub.decline(call.user, "history", found, call.ref)
    elif found:
        newest = fit(reversed(found))
        call.answer(Recalled(*call.hub.stamp(), "", tuple(reversed(newest)), call.ref))
    else:
        call.tell("history", "Nothing has been said yet." if below is None else "Nothing was said before that.")


COMMAND = Command(
    "history",
    f"read what was said before: the last n messages ({USUAL} if not given)",
    run,
    "n?",
    more="before room private",
)
