"""Texts longer than a line of IRC: cut at graphemes, so that no letter loses its accent and no emoji its parts."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

_JOINERS = "\u200d\ufe0f"


def parts(text: str, most: int) -> Iterator[str]:
    """Yield the lines of `text`, each in parts of at most `most` bytes; empty lines are left out."""
    for line in text.split("\n"):
        if line:
            yield from cut(line, most)


def cut(line: str, most: int) -> Iterator[str]:
    """Yield a line in parts of at most `most` bytes, cut between graphemes, at a blank where one is near."""
    data = line.encode()
    while len(data) > most:
        end = _end(line, len(data[:most].decode("utf-8", "ignore")))
        yield line[:end]
        line = line[end:]
        data = line.encode()
    yield line


def _end(line: str, most: int) -> int:
    """Return where to cut: at the last blank of the last fifth, else before the grapheme that does not fit."""
    blank = line.rfind(" ", most * 4 // 5, most)
    if blank > 0:
        return blank + 1
    end = most
    while end > 1 and _clings(line[end - 1], line[end]):
        end -= 1
    return end if end > 1 else most


def _clings(before: str, after: str) -> bool:
    """Return whether two characters belong together (UAX 29, as far as it needs no tables of its own)."""
    if (
        before in _JOINERS[:1]
        or after in _JOINERS
        or unicodedata.combining(after)
        or "\U0001f3fb" <= after <= "\U0001f3ff"
    ):
        return True
    if unicodedata.category(after) in ("Mn", "Me", "Mc"):
        return True
    return all("\U0001f1e6" <= letter <= "\U0001f1ff" for letter in (before, after))
