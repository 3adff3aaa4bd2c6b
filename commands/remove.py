"""Take a message back: from every screen, from what is replayed, and from the disk."""

from __future__ import annotations

from chat.events import Acted, Refused, Said, Whispered
from chat.removal import removable, remove
from chat.sanctions import audible
from chat.text import one_line
from commands import Call, Command

SHOWN = 60  # characters of a message in the list


def run(call: Call, id: str, reason: str) -> None:
    """Remove the message `id`, or list the last ones that may be, each behind its id."""
    if not id:
        found = removable(call.hub, call.user)
        call.tell("remove", "\n".join(map(_row, found)) or "There is nothing that you could remove.")
        return
    if not (id.isascii() and id.isdigit() and len(id) < 16):
        raise Refused("bad_number", f"{id[:20]} is no id; /remove alone lists the last messages with theirs.")
    remove(call.hub, call.user, int(id), audible(call.user, reason.strip(), call.hub.clock.time()), call.ref)


def _row(event: Said | Acted | Whispered) -> str:
    text = one_line(event.text)
    shown = text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
    return f"{event.id:>6}  {event.sender}: {shown}"


COMMAND = Command(
    "remove",
    "take back a message by its id; your own for five minutes; alone: list the last with their ids",
    run,
    "id? reason?",
    bare=True,
)
