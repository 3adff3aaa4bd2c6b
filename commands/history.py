"""Read what was said before."""

from __future__ import annotations

from chat.events import Acted, Recalled, Refused, Said, Whispered
from commands import Call, Command

USUAL = 20
MOST = 500


def run(call: Call, n: str) -> None:
    """Answer with the last `n` messages of the caller's rooms, and of his private talk where he is registered."""
    count = number(n, USUAL, MOST)
    rooms = tuple(room.name for room in call.user.rooms)
    key = call.user.account.key if call.user.account else None
    if call.hub.memory is None:
        said = sorted((event for room in call.user.rooms for event in room.recent), key=lambda event: event.id)
        show(call, list(said[-count:]))
    else:
        call.hub.memory.history(rooms, key, count, lambda found: show(call, found))


def show(call: Call, found: list[Said | Acted | Whispered]) -> None:
    """Answer with the messages found."""
    if call.user.gone:
        return
    if found:
        call.answer(Recalled(*call.hub.stamp(), "", tuple(found), call.ref))
    else:
        call.tell("history", "Nothing has been said yet.")


def number(word: str, usual: int, most: int) -> int:
    """Return the number in `word`, `usual` where it is empty. Raises Refused `bad_number`."""
    if not word:
        return usual
    if not (word.isascii() and word.isdigit() and len(word) < 10 and 1 <= int(word) <= most):
        raise Refused("bad_number", f"{word[:20]} will not do; give a whole number from 1 to {most}.")
    return int(word)


COMMAND = Command("history", f"read what was said before: the last n messages ({USUAL} if not given)", run, "n?")
