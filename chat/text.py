"""The one place where text from outside is made harmless, before it reaches a terminal, a log, a page or a disk.

It keeps line feeds: whoever shows the text decides whether they begin a new line or become a blank.
"""

from __future__ import annotations

import re
from functools import cache

_BLANKS = dict.fromkeys(map(ord, "\t\v\f\u2028\u2029"), " ")
_HARMLESS = bytes((ord("\n"), *range(0x20, 0x7F)))


@cache  # the first text beyond ASCII has them compiled: that takes a millisecond, for which no start waits
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """Return what goes, lone surrogates, and marks after the fourth on one letter."""
    marks = "\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
    gone = (
        "[\x00-\x09\x0b-\x1f\x7f-\x9f"  # C0 but LF, DEL, C1
        "\u200b\u2060-\u2064\ufeff\ufff9-\ufffb"  # what has no width and no use in text
        "\u202a-\u202e\u2066-\u2069]"  # bidi embeddings, overrides and isolates
    )
    return re.compile(gone), re.compile("[\ud800-\udfff]"), re.compile(f"([{marks}]{{4}})[{marks}]+")


def clean(text: str) -> str:
    """Return `text` without control characters but line feeds, bidi overrides, lone surrogates and piled-up marks."""
    if text.isascii() and (text.isprintable() or not text.encode().translate(None, _HARMLESS)):
        return text
    gone, surrogate, pile = _patterns()
    text = gone.sub("", text.replace("\r\n", "\n").translate(_BLANKS))
    if text.isascii():
        return text
    return pile.sub(r"\1", surrogate.sub("\ufffd", text))


def has_blank_line(text: str) -> bool:
    """Return whether a line of `text` is empty, or has nothing but blanks in it."""
    return not all(map(str.strip, text.split("\n")))


def hms(seconds: int) -> str:
    """Return a length of time as HH:MM:SS."""
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def count(number: int, thing: str) -> str:
    """Return `1 message`, `2 messages`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def ago(seconds: float) -> str:
    """Return a length of time in a number and a unit: 5 min, 3 h, 12 days."""
    if seconds < 3600:
        return f"{int(seconds) // 60} min" if seconds >= 60 else "less than a minute"
    return f"{int(seconds) // 3600} h" if seconds < 172_800 else f"{int(seconds) // 86_400} days"


def span(seconds: float) -> str:
    """Return a length of time in its two largest units: `9 min 58 s`, `1 h`, `2 days 3 h`."""
    fine = 3600 if seconds > 86_400 - 1800 else 60 if seconds > 3600 - 30 else 1  # what is too small to be told
    left, parts = max(1, round(seconds / fine) * fine), []
    for size, unit in ((86_400, "days"), (3600, "h"), (60, "min"), (1, "s")):
        number, left = divmod(left, size)
        if number:
            parts.append(f"{number} {'day' if (number, unit) == (1, 'days') else unit}")
        elif parts:
            break
    return " ".join(parts[:2])


def one_line(text: str) -> str:
    """Return `text` with blanks for its line feeds, for wires on which one event is one line."""
    return text.replace("\n", " ") if "\n" in text else text
