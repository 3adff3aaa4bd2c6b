"""What waits to be shown on the host's console: clean lines, bounded, the newest kept.

It knows neither how they will look nor where they go.
"""

from __future__ import annotations

from collections import deque

KEPT = 256 * 1024
PIECE = 64 * 1024

_C0_DEL_C1 = (*range(0x20), *range(0x7F, 0xA0))
_BIDI = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_SEPARATORS = (0x2028, 0x2029)
_HARMLESS: dict[int, str | None] = {
    **dict.fromkeys((*_C0_DEL_C1, *_BIDI, *_SEPARATORS)),
    **dict.fromkeys(range(0xD800, 0xE000), "\ufffd"),
    ord("\t"): " ",
}
_HARMLESS_LINES = _HARMLESS.copy()
del _HARMLESS_LINES[ord("\n")]

_USUAL = bytes((ord("\n"), *range(0x20, 0x7F)))  # of which most text is made: a look at all of it costs next to nothing


def clean_line(text: str) -> str:
    """Return `text` without anything that could move a cursor, turn the writing round or end the line."""
    return text.translate(_HARMLESS)


def clean_lines(text: str) -> list[str]:
    """Return the lines of `text` (one line feed at its end ends the last one), each of them clean."""
    text = text.removesuffix("\n")
    if not (text.isascii() and not text.encode().translate(None, _USUAL)):
        text = text.translate(_HARMLESS_LINES)
    return text.split("\n")


class Backlog:
    """Lines in the order in which they came; when `limit` characters are exceeded the oldest make room."""

    def __init__(self, limit: int = KEPT) -> None:
        self._limit = limit
        self._lines: deque[str] = deque()
        self._size = 0
        self._left_out = 0

    def __bool__(self) -> bool:
        return bool(self._lines)

    def add(self, text: str) -> None:
        """Take one or more lines in; they are cleaned here, at the last door before the terminal."""
        lines = clean_lines(text)
        if len(text) > self._limit:
            lines = [line[: self._limit] for line in lines]
        self._lines += lines
        self._size += sum(map(len, lines)) + len(lines)
        while self._size > self._limit and len(self._lines) > 1:
            self._size -= len(self._lines.popleft()) + 1
            self._left_out += 1

    def take(self, size: int = PIECE) -> list[str]:
        """Give out the oldest lines, about `size` characters of them; a gap before them is told in words."""
        taken = []
        if self._left_out:
            taken.append(f"... {self._left_out} lines left out ...")
            self._left_out = 0
        lines, left = self._lines, size
        while lines and left > 0:
            line = lines.popleft()
            taken.append(line)
            left -= len(line) + 1
        self._size -= size - left
        return taken
