"""How an entry looks on a terminal: colours, and lines that end before the edge. It writes nothing itself.

Long texts are wrapped here and not by the terminal, each further row indented: else enough blanks in a text would
let its end stand at the left edge like an entry of its own.
"""

from __future__ import annotations

import re

from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.styles import Style
from wcwidth import wcswidth, wrap

from clients.mention import split
from clients.words import INDENT, TALK, Entry, Kind, hue

NAMES = (
    "#d0493e",
    "#c4681a",
    "#a3840b",
    "#6d9a1f",
    "#2f9e52",
    "#1f9c8c",
    "#2a8fc4",
    "#5b7fe0",
    "#8d6fe0",
    "#b45fcb",
    "#cf5a9c",
    "#a87850",
)  # each can be read on black and on white

STYLE = Style.from_dict(
    {
        "time": "ansibrightblack",
        "place": "ansicyan",
        "own": "bold",
        "private": "italic",
        "event": "ansibrightblack",
        "reply": "",
        "error": "ansired",
        "rule": "ansibrightblack",
        "notice": "bold ansiyellow",
        "past": "ansibrightblack",
        "mention": "bold reverse",
        "new": "ansicyan",
        "prompt": "bold",
        "state": "ansibrightblack",
        "trouble": "ansired",
        "completion-menu": "noreverse bg:default",
        "completion-menu.completion": "bg:#444444 #eeeeee",
        "completion-menu.completion.current": "noinherit bg:#2a8fc4 #ffffff",
        "completion-menu.meta.completion": "bg:#333333 #bbbbbb",
        "completion-menu.meta.completion.current": "noinherit bg:#1f6d96 #ffffff",
    }
    | {f"name{number}": colour for number, colour in enumerate(NAMES)}
)

NARROW = 40  # columns; below that the terminal wraps
_COLUMN = re.compile(r"\s*\S.*?\s{2,}(?=\S)")  # what stands before the second column of a table
_URL = re.compile(r"https?://[!-~]+")

_LOOKS = {
    Kind.SAID: "",
    Kind.ACTED: "",
    Kind.PRIVATE: "class:private",
    Kind.EVENT: "class:event",
    Kind.REPLY: "class:reply",
    Kind.ERROR: "class:error",
    Kind.RULE: "class:rule",
    Kind.NOTICE: "class:notice",
}


def painted(entry: Entry, columns: int, me: str = "") -> StyleAndTextTuples:
    """Return the entry as styled pieces for a terminal so many columns wide, ended by a line feed.

    Where somebody else says `me`, that name stands out.
    """
    looks = _LOOKS[entry.kind] + (" class:past" if entry.past else "")
    used = len(entry.stamp) + _width(entry.place) + _width(entry.head)
    text = f"\n{INDENT}".join(_rows(entry, used, columns))
    called = me if entry.kind in TALK and not entry.own else ""
    return [
        ("class:time", entry.stamp),
        ("class:place", entry.place),
        *_head(entry, looks),
        *((f"{looks} class:mention" if is_me else looks, piece) for piece, is_me in split(text, called)),
        ("", "\n"),
    ]


def _head(entry: Entry, looks: str) -> StyleAndTextTuples:
    """Return the head with the name in it in that name's colour."""
    before, who, after = entry.head.partition(entry.who) if entry.who else (entry.head, "", "")
    colour = f"{looks} class:name{hue(entry.who, len(NAMES))}" + (" class:own" if entry.own else "")
    return [(looks, before), (colour, who), (f"{looks} class:own" if entry.own else looks, after)]


def _rows(entry: Entry, used: int, columns: int) -> list[str]:
    """Return the rows of the text, of which the first begins where `used` columns are taken."""
    first, *rest = entry.text.split("\n")
    rows = _wrapped(first, used, columns)
    for line in rest:
        table = _COLUMN.match(line) if entry.kind is Kind.REPLY else None
        rows += _wrapped(line, len(INDENT), columns, _width(table[0]) if table else 0)
    return rows


def _wrapped(line: str, used: int, columns: int, hang: int = 0) -> list[str]:
    """Return the rows of one line; each but the first is indented by `hang` more columns, if there is room."""
    if used + _width(line) <= columns or columns < NARROW or used > columns // 2:
        return [line]
    blank = " " * used
    below = " " * hang if hang < columns // 2 else ""
    rows = wrap(
        line,
        columns,
        initial_indent=blank,
        subsequent_indent=INDENT + below,
        replace_whitespace=False,
        break_on_hyphens=False,
        break_long_words=not _has_long_url(line, columns - len(INDENT + below)),
    )
    return [rows[0][used:], *(row[len(INDENT) :] for row in rows[1:])] if rows else [""]


def _has_long_url(line: str, columns: int) -> bool:
    """Is every word that is too long for a row an address? These are left whole, so that they can be clicked."""
    long = [word for word in line.split() if _width(word) > columns]
    return bool(long) and all(_URL.fullmatch(word) for word in long)


def _width(text: str) -> int:
    return len(text) if text.isascii() else max(wcswidth(text), len(text))
