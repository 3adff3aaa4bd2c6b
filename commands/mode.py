"""Who may do what in a room, as IRC writes it: `/mode +m`, `/mode +o bob`, `/mode -k`."""

from __future__ import annotations

from chat.events import Refused
from chat.gate import FLAGS, LISTS, RANKS
from chat.moderation import runs
from chat.running import Change, change
from chat.sanctions import check_not_muted
from commands import Call, Command

MOST = 20  # changes at once
_HELP = "+i only who is invited, +m only who has a voice speaks, +k KEY, +l LIMIT, +b MASK, +o NAME runs it, +v NAME"


def run(call: Call, changes: str, room: str = "") -> None:
    """Change the modes of the room, or, without `changes`, answer with them."""
    place = call.place(room)
    shown = place.gate.shown(with_key=runs(call.user, place))
    if not changes.strip():
        call.tell("mode", f"{place.title}: {shown}\n{_HELP}")
        return
    check_not_muted(call.user, call.hub.clock.time())
    if not change(call.hub, call.user, place, read(changes), call.ref):
        call.tell("mode", f"{place.title}: {shown}; nothing has changed.")


def read(changes: str) -> list[Change]:
    """Return the changes in `+ov-k ann bob key`. Raises Refused `mode_bad`."""
    letters, *values = changes.split()
    found: list[Change] = []
    sign = "+"
    for letter in letters:
        if letter in "+-":
            sign = letter
            continue
        takes = letter in LISTS + RANKS or (letter in "kl" and sign == "+")
        if letter not in FLAGS + LISTS + RANKS + "kl" or (takes and not values) or len(found) >= MOST:
            raise Refused("mode_bad", f"{sign}{letter} will not do. {_HELP}.")
        found.append(Change(sign, letter, values.pop(0) if takes or (letter == "k" and values) else ""))
    return found


COMMAND = Command(
    "mode", "who may do what in the room, as IRC writes it: /mode +m; alone: read it", run, "changes?", more="room"
)
