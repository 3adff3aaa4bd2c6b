"""Texts longer than a line of IRC: cut at graphemes, so that no letter loses its accent and no emoji its parts."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise

from record import record

_JOINERS = "\u200d\ufe0f"


@record
class Part:
    """What goes into one line of IRC; with `concat` it goes on with the line before."""

    text: str
    concat: bool = False


def parts(text: str, most: int, cuts: Sequence[int] = ()) -> Iterator[Part]:
    """Yield the lines of `text`, each in parts of at most `most` bytes; `cuts` are places to cut at anyhow."""
    start = 0
    for line in text.split("\n"):
        inner = [place - start for place in cuts if start < place < start + len(line)]
        for index, piece in enumerate(line[a:b] for a, b in pairwise([0, *inner, len(line)])):
            for again, part in enumerate(cut(piece, most)):
                yield Part(part, bool(index or again))
        start += len(line) + 1


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
