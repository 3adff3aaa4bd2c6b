"""Where people find the room with a browser, and a link to one of its rooms; as a picture to scan, too.

It knows addresses as text. What they lead to is the business of others.
"""

from __future__ import annotations

from collections.abc import Callable

from chat.events import Refused
from record import entity

QUIET = 2  # modules of empty space around the code: half of what the standard asks for, and enough for every phone

_HALVES = {(False, False): "█", (False, True): "▀", (True, False): "▄", (True, True): " "}


@entity
class Front:
    """The house from outside: where a browser finds it, and the host's screen in columns and rows, 0 for none."""

    address: str = ""
    screen: Callable[[], tuple[int, int]] = lambda: (0, 0)

    def link(self, room: str) -> str:
        """Return the link that opens `room`."""
        from urllib.parse import quote

        return f"{self.address}?room={quote(room, safe='')}"

    def fits(self, rows: list[str], more: int) -> bool:
        """Return whether a picture has room on the host's screen, with so many more lines around it."""
        columns, lines = self.screen()
        return columns >= len(rows[0]) and lines >= len(rows) + more


def picture(text: str) -> list[str]:
    """Return the rows of a QR code, two rows of it in one line, light where a terminal is. Raises Refused `no_qr`."""
    try:
        import segno
    except ImportError as missing:
        raise Refused("no_qr", f"{missing}. Try: pip install -r requirements.txt") from None
    modules = [[bool(module) for module in row] for row in segno.make_qr(text).matrix_iter(border=QUIET)]
    if len(modules) % 2:
        modules.append([True] * len(modules[0]))  # as dark as the screen: no half row of light below
    pairs = zip(modules[::2], modules[1::2], strict=True)
    return ["".join(_HALVES[pair] for pair in zip(upper, lower, strict=True)) for upper, lower in pairs]
