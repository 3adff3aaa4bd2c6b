"""Texts longer than a line of IRC: cut at graphemes, so that no letter loses its accent and no emoji its parts.

And lists that are longer than a line: cut between their words.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from record import record

LETTER = 4  # bytes in one at most
_JOINERS = "\u200d\ufe0f"


@record
class Part:
    """What goes into one line of IRC; with `concat` it goes on with the line before."""

    text: str
    concat: bool = False


def parts(text: str, most: int, cuts: Sequence[int] = ()) -> Iterator[Part]:
    """Yield the lines of `text`, each in parts of at most `most` bytes; `cuts` are places to cut at anyhow, sorted."""
    start = 0
    for line in text.split("\n"):
        end = start + len(line)
        inner = cuts[bisect_right(cuts, start) : bisect_left(cuts, end)]
        if not inner and len(line) * LETTER <= most:
            yield Part(line)
        else:
            for index, (first, last) in enumerate(pairwise([start, *inner, end])):
                for again, part in enumerate(cut(text[first:last], most)):
                    yield Part(part, bool(index or again))
        start = end + 1


def packed(words: Iterable[str], most: int, mark: str = " ") -> Iterator[str]:
    """Yield the words, `mark` between them, as many at a time as `most` bytes hold; one that is longer stands alone."""
    held: list[str] = []
    left = most
    for word in words:
        size = len(word.encode())
        if held and size > left:
            yield mark.join(held)
            held, left = [], most
        held.append(word)
        left -= size + len(mark)
    if held:
        yield mark.join(held)


def cut(line: str, most: int) -> Iterator[str]:
    """Yield a line in parts of at most `most` bytes, cut between graphemes, at a blank where one is near.

    One letter is in each, though it may have more bytes.
    """
    most = max(most, LETTER)
    while len(line[: most + 1].encode()) > most:
        end = _end(line, len(line[:most].encode()[:most].decode("utf-8", "ignore")))
        yield line[:end]
        line = line[end:]
    yield line


def _end(line: str, most: int) -> int:
    """Return where to cut: at the last blank of the last fifth, else before the grapheme that does not fit."""
    blank = line.rfind(" ", most * 4 // 5, most)
    if blank > 0:
        return blank + 1
    end = most
    while end > 1 and _clings(line, end):
        end -= 1
    return end if end > 1 else most


def _clings(line: str, at: int) -> bool:
    """Return whether the characters before and behind this place belong together (UAX 29, without tables)."""
    before, after = line[at - 1], line[at]
    if before == "\u200d" or after in _JOINERS or "\U0001f3fb" <= after <= "\U0001f3ff" or _is_tag(after):
        return True
    if unicodedata.combining(after) or unicodedata.category(after) in ("Mn", "Me", "Mc"):
        return True
    return _is_half_a_flag(before) and _is_half_a_flag(after) and _flags_before(line, at) % 2 == 1


def _is_tag(letter: str) -> bool:
    """Return whether it is a letter of what makes a flag of a region."""
    return "\U000e0020" <= letter <= "\U000e007f"


def _is_half_a_flag(letter: str) -> bool:
    return "\U0001f1e6" <= letter <= "\U0001f1ff"


def _flags_before(line: str, at: int) -> int:
    """Return how many halves of flags stand before this place in a row: two and two make one."""
    start = at
    while start and _is_half_a_flag(line[start - 1]):
        start -= 1
    return at - start
