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


def clean_lines(text: str) -> str:
    """Return the lines, each of them clean. A line feed at the end of `text` ends the last one, and is left out."""
    text = text.removesuffix("\n")
    if text.isascii() and not text.encode().translate(None, _USUAL):
        return text
    return text.translate(_HARMLESS_LINES)


class Backlog:
    """Lines in the order in which they came; when `limit` characters are exceeded the oldest make room."""

    def __init__(self, limit: int = KEPT) -> None:
        self._limit = limit
        self._blocks: deque[str] = deque()  # one or more lines each, as they came
        self._size = 0
        self._left_out = 0

    def __bool__(self) -> bool:
        return bool(self._blocks)

    def add(self, text: str) -> None:
        """Take one or more lines in; they are cleaned here, at the last door before the terminal."""
        block = clean_lines(text)
        if len(block) > self._limit:
            block = "\n".join([line[: self._limit - 1] for line in block.split("\n")])
        self._blocks.append(block)
        self._size += len(block) + 1
        while self._size > self._limit:
            self._left_out += self._first(self._size - self._limit).count("\n") + 1

    def take(self, size: int = PIECE) -> str:
        """Give out the oldest lines, each with its end, about `size` characters; a gap before them is told in words."""
        taken = []
        if self._left_out:
            taken.append(f"... {self._left_out} lines left out ...\n")
            self._left_out = 0
        while self._blocks and size > 0:
            block = self._first(size)
            taken += block, "\n"
            size -= len(block) + 1
        return "".join(taken)

    def _first(self, size: int) -> str:
        """Remove and return the first lines: those of the oldest block, or of it as few as have `size` characters."""
        block = self._blocks.popleft()
        end = block.find("\n", size - 1)
        if end >= 0:
            self._blocks.appendleft(block[end + 1 :])
            block = block[:end]
        self._size -= len(block) + 1
        return block
