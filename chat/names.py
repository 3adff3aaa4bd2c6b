"""What a name may be, when two names are the same, and when they only look the same.

Knows Unicode, not who is here: whether a name is taken, kept or the host's own is for the hub to say.

The rules stand on PRECIS (RFC 8264, RFC 8266) and on the skeletons of UTS 39. Names in ASCII, which are most, need
neither the PRECIS library nor the table of look-alikes; both are loaded when the first other name arrives.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from itertools import groupby, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from chat.events import Refused
from chat.limits import Limits, ledger

if TYPE_CHECKING:
    from precis_i18n.profile import Profile

LONGEST = Limits().name
"""Code points in the longest name, composed (NFC), where nobody has set another limit."""

PUNCTUATION = "-_.'`^{}|\\[]~"
"""The ASCII punctuation of names. The rest of it separates things on some wire."""

TABLE = Path(__file__).with_name("confusables.txt")
"""Which characters look alike; written by tools/make_confusables.py."""

KNOWN = 2_048  # names beyond ASCII whose key is remembered: to find one takes 70 µs, and WHOWAS looks at a thousand

_NOT_FIRST = "{-.'~"  # An opening brace is how JSON is recognised, the others how options, paths and quotes are.
_LONGEST_RAW = 4 * LONGEST  # A character decomposes into four at most: what is longer is not worth composing.
_LONGEST_PILE = 5  # Burmese writes five marks on one letter (လျှို့), pointed Hebrew and Hindi three.
_LONGEST_GENERAL_PILE = 2  # Marks of no script of their own; Vietnamese composes, and what is left needs no more.
_GENERAL_MARK = "[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"  # compiled when needed: rarely
_KINDS = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Nd"})  # Letters, marks that do not enclose, digits.
# Not letters, but parts of words in Catalan, Greek, Hebrew, Sindhi, Tibetan, Chinese, Japanese, Persian and Indic
# scripts. PRECIS says where each may stand.
_PARTS_OF_WORDS = frozenset("\u00b7\u0375\u05f3\u05f4\u06fd\u06fe\u0f0b\u3007\u30fb\u200c\u200d")
_NAMELESS = {"Cc": "control character", "Cs": "lone surrogate", "Co": "private character"}
_WHY = {
    "precis_ignorable_properties": "it cannot be seen",
    "unassigned": "no such character is known here",
    "old_hangul_jamo": "letters of Hangul stand in syllables",
}

_ORDINARY = re.compile(r"(?=.{0,31}[A-Za-z0-9])[A-Za-z0-9_`^}|\\\[\]][A-Za-z0-9\-_.'`^{}|\\\[\]~]{0,31}")
_PRINTABLE = re.compile("[!-~]+")
_WORD_END = re.compile("[!-@[-`{-~]+")
_ASCII_LOOKS = str.maketrans({"0": "O", "1": "l", "I": "l", "|": "l", "m": "rn", "`": "'"})


def check(raw: str) -> str:
    """Return the name as it will be shown: without blanks around it, composed (NFC), as long as it may be.

    Raises Refused with `name_missing` where there is none, `name_bad` where it cannot be one. The sentence says
    which character is wrong by number and name; it never holds the character. Any str is welcome.
    """
    text = raw.strip(" \t")
    most = ledger.limits.name
    if _ORDINARY.fullmatch(text) and len(text) <= most:
        return text
    if not text:
        raise Refused("name_missing", "A name is needed.")
    _check_length(text, _LONGEST_RAW)
    name = unicodedata.normalize("NFC", text)
    _check_length(name, most)
    for character in name:
        _check_character(character)
    _check_shape(name)
    if not name.isascii():
        _check_piles(name)
        _check_direction(name)
        _check_precis(name)
        for word in _WORD_END.split(name):
            _check_word(word)
    return name


def key(name: str) -> str:
    """Return what is equal for names that are the same without case and width (PRECIS NicknameCaseMapped).

    Text that can be no name comes back as it is, and so equals the key of no name: anything typed may be looked up.
    """
    if _PRINTABLE.fullmatch(name):
        return name if name.islower() else name.lower()  # one string less for most people
    return name if len(name) > _LONGEST_RAW else _key(name)


@lru_cache(maxsize=KNOWN)
def _key(name: str) -> str:
    try:
        return _nickname().enforce(name)
    except UnicodeEncodeError:
        return name


def looks(name: str) -> frozenset[str]:
    """Return the skeletons (UTS 39) of a name; two names look alike if these intersect.

    A name is seen as shown, as its key and in capitals, for `НОЅТ` in Cyrillic is `HOST` though `ноѕт` is not `host`.
    The same holds for what its foreign letters pretend to be, so that no mixture of the cases slips through.
    """
    spellings = {name, _pretended(name)}
    return frozenset(_skeleton(form) for text in spellings for form in (text, key(text), text.upper()))


def may_hold(character: str) -> bool:
    """Say whether a name may hold this character in some place, for all that its category tells."""
    if character.isascii():
        return character.isalnum() or character in PUNCTUATION
    return unicodedata.category(character) in _KINDS or character in _PARTS_OF_WORDS


# What is wrong with a name.


def _bad(sentence: str) -> NoReturn:
    raise Refused("name_bad", sentence)


def _describe(character: str) -> str:
    nameless = _NAMELESS.get(unicodedata.category(character), "unknown character")
    return f"U+{ord(character):04X} {unicodedata.name(character, nameless)}"


def _check_length(text: str, longest: int) -> None:
    if len(text) > longest:
        ledger.hit("name")
        _bad(f"A name has at most {ledger.limits.name} characters; this one has {len(text)}.")


def _check_character(character: str) -> None:
    if not may_hold(character):
        _bad(f"A name cannot hold {_describe(character)}: only letters, digits and {PUNCTUATION} are allowed.")
    for part in unicodedata.normalize("NFKC", character):
        if not may_hold(part):
            _bad(f"A name cannot hold {_describe(character)}: it stands for {_describe(part)}.")


def _check_shape(name: str) -> None:
    first = name[0]
    if first in _NOT_FIRST or _is_mark(first):
        _bad(f"A name cannot begin with {_describe(first)}.")
    if not any(character.isalnum() for character in name):
        _bad("A name needs a letter or a digit.")


def _is_mark(character: str) -> bool:
    return unicodedata.category(character) in ("Mn", "Mc")


def _check_piles(name: str) -> None:
    for is_mark, group in groupby(name, _is_mark):
        if is_mark:
            _check_pile("".join(group))


def _check_pile(marks: str) -> None:
    if len(marks) > _LONGEST_PILE or len(re.findall(_GENERAL_MARK, marks)) > _LONGEST_GENERAL_PILE:
        _bad(f"A name cannot pile up marks such as {_describe(marks[-1])}: there are {len(marks)} in a row.")
    for mark, following in pairwise(marks):
        if mark == following:
            _bad(f"A name cannot hold {_describe(mark)} twice in a row.")


def _check_direction(name: str) -> None:
    """See that a name keeps one direction: `1א` and `א1` would be shown alike, and a mixed one jumbles its line."""
    directions = [unicodedata.bidirectional(character) for character in name]
    start = next((place for place, direction in enumerate(directions) if direction in ("R", "AL")), None)
    if start is None:
        return
    for place, (character, direction) in enumerate(zip(name, directions, strict=True)):
        if direction == "L":
            _bad(f"A name written from right to left cannot hold {_describe(character)}.")
        if direction in ("EN", "AN") and place < start:
            _bad(f"A name written from right to left cannot begin with {_describe(character)}.")


def _check_precis(name: str) -> None:
    nickname = _nickname()
    for enforce in (nickname.base.enforce, nickname.enforce):  # The first sees the name as it will be shown.
        try:
            enforce(name)
        except UnicodeEncodeError as error:
            _refuse_as_precis(error)


def _refuse_as_precis(error: UnicodeEncodeError) -> NoReturn:
    rule = error.reason.rpartition("/")[2]
    if rule in ("empty", "not_idempotent"):
        _bad("This cannot be a name: without case it would be another each time.")
    why = _WHY.get(rule, "it cannot stand in this place")
    _bad(f"A name cannot hold {_describe(error.object[error.start])}: {why}.")


def _check_word(word: str) -> None:
    """See that no letter among Latin ones only pretends to be Latin; honest mixtures (λx, Tシャツ) are fine."""
    if word.isascii() or not any(_is_latin(letter) for letter in word):
        return
    for letter in word:
        if _looks_latin(letter) and not _is_latin(letter):
            _bad(f"A name cannot hold {_describe(letter)} among Latin letters: it looks like one of them.")


def _is_latin(letter: str) -> bool:
    return unicodedata.name(unicodedata.normalize("NFKC", letter)[0], "").startswith("LATIN")


def _looks_latin(letter: str) -> bool:
    look = _pretended(letter)
    return letter.isalpha() and look.isascii() and look.isalpha()


# Skeletons.


def _skeleton(text: str) -> str:
    if text.isascii():
        return text.translate(_ASCII_LOOKS)
    return _decompose(_visible(_decompose(text)).translate(_table()))


def _pretended(text: str) -> str:
    """Return the text with every character outside ASCII replaced by the simplest that looks like it."""
    if text.isascii():
        return text
    table = _table()
    return "".join(c if c.isascii() else table.get(ord(c), c) for c in _visible(_decompose(text)))


def _decompose(text: str) -> str:
    return unicodedata.normalize("NFD", text)


def _visible(text: str) -> str:
    ignorable = _nickname().base.ucd.default_ignorable
    return "".join(character for character in text if not ignorable(ord(character)))


# What is loaded late.


@cache
def _nickname() -> Profile:
    from precis_i18n import get_profile

    return get_profile("NicknameCaseMapped")


@cache
def _table() -> dict[int, str]:
    table = {}
    for line in TABLE.read_text("ascii").splitlines():
        if not line.startswith("#"):
            look, _, characters = line.partition(":")
            text = "".join(chr(int(code, 16)) for code in look.split())
            table.update(dict.fromkeys((int(code, 16) for code in characters.split()), text))
    return table
