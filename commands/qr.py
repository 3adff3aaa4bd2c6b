"""A code on the host's screen, which phones scan to come in."""

from __future__ import annotations

from chat.events import Refused
from chat.links import picture
from chat.turn import Standing
from commands import Call, Command

AROUND = 3  # lines: the address below the code, the prompt, and the status


def run(call: Call, room: str) -> None:
    """Answer with the address, or the link to a room, and its code where that fits the screen."""
    front = call.table.front
    address = front.link(call.hub.rooms.get(room).name) if room else front.address
    rows = picture(address)
    if not front.fits(rows, AROUND):
        need = f"{len(rows[0])} columns and {len(rows) + AROUND} rows"
        raise Refused("no_screen", f"The code of {address} needs a terminal of {need}.")
    call.tell("qr", "\n".join([*rows, address]))


COMMAND = Command(
    "qr", "show a code that opens a room in a phone's browser", run, "room?", standing=Standing.HOST, bare=True
)
