"""Colours for people in a terminal (SGR, ECMA-48): plain lines with codes put in, so that without them nothing differs.

It reads lines that are made by the grammar of PROTOCOL.md, and so cannot be led astray by what somebody says.
"""

from __future__ import annotations

import re

_BLUE, _GREEN, _YELLOW, _RED, _MAGENTA, _CYAN, _GREY = (f"\x1b[{code}m" for code in (94, 32, 33, 31, 35, 36, 90))
_PLAIN = "\x1b[0m"
_TAGS = {"[*]": _GREEN, "[=]": _CYAN, "[!]": _RED, "[.]": _YELLOW}
_LINE = re.compile(r"(\[\d\d:\d\d:\d\d\]) (#\S+ )?(\[[*=!.]\].*|\* \S+|\S+ > |\S+ -> \S+: )(.*)")


def paint(lines: str) -> str:
    """Return whole lines with the time, names, events and notices in colours; what people say is left as it is."""
    return "".join(f"{_paint(line)}\n" for line in lines.split("\n")[:-1])


def _paint(line: str) -> str:
    found = _LINE.fullmatch(line)
    if found is None:
        return line
    time, place, head, text = found.groups()
    room = f"{_BLUE}{place[:-1]}{_PLAIN} " if place else ""
    return f"{_GREY}{time}{_PLAIN} {room}{_head(head)}{text}"


def _head(head: str) -> str:
    if head[:3] in _TAGS:
        return f"{_TAGS[head[:3]]}{head}{_PLAIN}"
    names = head.rstrip()
    colour = _MAGENTA if " -> " in names else _YELLOW
    return f"{colour}{names}{_PLAIN}{head[len(names) :]}"
