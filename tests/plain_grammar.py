"""A reader of plain lines made from the grammar in PROTOCOL.md itself: the page cannot differ from what is tested.

It knows the part of ABNF that the page uses, and nothing of our code. The grammar is regular: each rule becomes a
regular expression, twice, once taking as much as it can and once as little, so that a second reading shows.
"""

from __future__ import annotations

import re
from functools import cache

from tests.support import ROOT

CAPTURED = ("time", "name", "names", "text")
"""Rules whose text a reading is made of; what they hold within is not told apart again."""

_CORE = {"ALPHA": "[A-Za-z]", "DIGIT": "[0-9]", "LF": "\n"}
_TOKEN = re.compile(r'\s*(%s"[^"]*"|"[^"]*"|%x[0-9A-F]+-[0-9A-F]+|[A-Za-z][A-Za-z0-9-]*|\d*\*\d*|\d+|[/()\[\]])')

Reading = tuple[str, tuple[str | None, ...]]
"""The rule, and the captured texts in their order; None for a part that may be missing, and is."""


def chapter(title: str) -> str:
    """Return the chapter `## title` of PROTOCOL.md."""
    page = (ROOT / "PROTOCOL.md").read_text(encoding="utf-8")
    return page.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def block(kind: str) -> str:
    """Return what stands in the chapter on plain lines between ```kind and ```."""
    return chapter("Plain lines").partition(f"```{kind}\n")[2].partition("```")[0]


@cache
def rules() -> dict[str, str]:
    """Return the text of each rule of the grammar."""
    text = re.sub(r"\n +", " ", re.sub(r' *;[^"\n]*$', "", block("abnf"), flags=re.MULTILINE))
    return {name.strip(): body for name, _, body in (line.partition("=") for line in text.split("\n")) if body}


@cache
def kinds() -> tuple[str, ...]:
    """Return the rules of which a line has exactly one."""
    return tuple(re.findall(r"[a-z]+", rules()["line"]))


def read(line: str) -> Reading:
    """Return the one reading of a line without its LF. Fails where there is none, or more than one."""
    matches = [(kind, _match(kind, line, lazy)) for kind in kinds() for lazy in (False, True)]
    found = {(kind, match.groups()) for kind, match in matches if match}
    assert len(found) == 1, f"{line!r} has {len(found)} readings: {found}"
    return found.pop()


def read_all(data: bytes) -> list[Reading]:
    """Return the readings of whole lines. Fails where something stands behind the last LF."""
    *lines, rest = data.decode("utf-8").split("\n")
    assert not rest, f"half a line: {rest!r}"
    return [read(line) for line in lines]


def is_recalled(text: str) -> bool:
    """Return whether these lines, with their LFs, are what was said before."""
    return _match("recalled", text, lazy=False) is not None


def _match(kind: str, line: str, lazy: bool) -> re.Match[str] | None:
    return _pattern(kind, lazy).fullmatch(line)


@cache
def _pattern(kind: str, lazy: bool) -> re.Pattern[str]:
    return re.compile(_Rule(rules()[kind], lazy, captures=True).choice(), re.DOTALL)


class _Rule:
    """One rule on its way to a regular expression, by recursive descent through its tokens."""

    def __init__(self, body: str, lazy: bool, captures: bool) -> None:
        self._tokens: list[str] = _TOKEN.findall(body)
        assert "".join(self._tokens) == "".join(re.split(r"\s+(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)", body)), body
        self._lazy = "?" if lazy else ""
        self._captures = captures

    def choice(self) -> str:
        found = [self._sequence()]
        while self._take("/"):
            found.append(self._sequence())
        return f"(?:{'|'.join(found)})"

    def _sequence(self) -> str:
        found = ""
        while self._tokens and self._tokens[0] not in ("/", ")", "]"):
            found += self._repetition()
        return found

    def _repetition(self) -> str:
        count = self._tokens.pop(0) if re.fullmatch(r"\d*\*?\d*", self._tokens[0]) else ""
        element = self._element()
        if not count:
            return element
        least, star, most = count.partition("*")
        return f"(?:{element}){{{least or 0},{most}}}{self._lazy}" if star else f"(?:{element}){{{least}}}"

    def _element(self) -> str:
        token = self._tokens.pop(0)
        if token == "(":
            return self._closed(")")
        if token == "[":
            return f"(?:{self._closed(']')})?{self._lazy}"
        if token.startswith("%x"):
            low, high = (int(number, 16) for number in token[2:].split("-"))
            return f"[{re.escape(chr(low))}-{re.escape(chr(high))}]"
        if token.endswith('"'):
            literal = token.removeprefix("%s").strip('"')
            assert token.startswith("%s") or literal.lower() == literal.upper(), f"{token} would match in any case"
            return re.escape(literal)
        return _CORE[token] if token in _CORE else self._named(token)

    def _named(self, name: str) -> str:
        captured = self._captures and name in CAPTURED
        inner = _Rule(rules()[name], bool(self._lazy), self._captures and not captured).choice()
        return f"({inner})" if captured else inner

    def _closed(self, end: str) -> str:
        found = self.choice()
        assert self._take(end), f"{end} is missing"
        return found

    def _take(self, token: str) -> bool:
        if self._tokens[:1] == [token]:
            self._tokens.pop(0)
            return True
        return False
