"""One line of IRC, read and written (RFC 1459 section 2.3, modern.ircdocs.horse, IRCv3 message-tags)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from record import field, record

BODY = 510  # bytes in a line without its tags and its end
TAGS = 4094  # bytes in what a client sends as tags, the @ and the blank not counted
LINE = BODY + TAGS + 2

_ESCAPES = {"\\": "\\\\", ";": "\\:", " ": "\\s", "\r": "\\r", "\n": "\\n"}
_MEANT = {":": ";", "s": " ", "\\": "\\", "r": "\r", "n": "\n"}
_ESCAPED = re.compile(r"\\(.?)")
_SPECIAL = re.compile(r"[\\; \r\n]")


class Unreadable(Exception):
    """A line that is none: `long` where one of its parts is too long, `encoding` where it is no UTF-8."""

    def __init__(self, why: str, command: str = "*") -> None:
        super().__init__(why)
        self.why = why
        self.command = command


@record
class Line:
    """A command with its parameters, and its tags by name; those of clients begin with a plus sign."""

    command: str
    params: tuple[str, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)

    def param(self, index: int) -> str:
        """Return a parameter, empty where it is missing."""
        return self.params[index] if index < len(self.params) else ""


def parse(raw: bytes) -> Line | None:
    """Return the line in `raw`, None where it is empty. Raises Unreadable."""
    tags, body = b"", raw
    if raw.startswith(b"@"):
        tags, _, body = raw[1:].partition(b" ")
    if len(tags) > TAGS or len(body) > BODY:
        raise Unreadable("long")
    try:
        text = body.decode()
        tagged = tags.decode()
    except UnicodeDecodeError:
        word = body.split(b" ", 1)[0].decode("ascii", "replace")
        raise Unreadable("encoding", word.upper() if word.isalnum() else "*") from None
    words = list(_words(text.replace("\0", "").lstrip(" ").rstrip("\r")))
    if words and words[0].startswith(":"):
        del words[0]  # clients have no business with a source
    if not words:
        return None
    return Line(words[0].upper(), tuple(words[1:]), read_tags(tagged))


def _words(text: str) -> Iterator[str]:
    """Yield the words of a line; the first of the last parameter's may be a colon, which then goes."""
    first = True
    while text:
        if text.startswith(":") and not first:
            yield text[1:]
            return
        word, _, text = text.partition(" ")
        text = text.lstrip(" ")
        if word:
            yield word
        first = False


def read_tags(tags: str) -> dict[str, str]:
    """Return tags by name; of several with one name the last counts."""
    found: dict[str, str] = {}
    for tag in filter(None, tags.split(";")):
        name, _, value = tag.partition("=")
        found[name] = _ESCAPED.sub(lambda match: _MEANT.get(match[1], match[1]), value)
    return found


def write_tags(tags: dict[str, str]) -> str:
    """Return tags as they stand in a line, without the @."""
    return ";".join(f"{name}={escape(value)}" if value else name for name, value in tags.items())


def escape(value: str) -> str:
    """Return the value of a tag as it stands in a line."""
    return _SPECIAL.sub(lambda match: _ESCAPES[match[0]], value)


def write(source: str, command: str, *params: str) -> str:
    """Return a line without tags and end. A last parameter that is empty, has blanks or begins with a colon gets one.

    Line ends cannot be in it: what others wrote is made one line here, at the last moment.
    """
    words = [f":{source}", command] if source else [command]
    words += params[:-1]
    if params:
        last = params[-1]
        words.append(f":{last}" if not last or last[0] == ":" or " " in last else last)
    return " ".join(words).replace("\n", " ").replace("\r", " ").replace("\0", "")
