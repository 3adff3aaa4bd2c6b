"""From a terminal's bytes to keys, sans-IO: UTF-8 and escape sequences may be split anywhere between two reads.

It knows no screen, no descriptor and no clock: its owner calls `expire` when nothing came for `patience` seconds.
Keys bear the names that blessed gives them.
"""

from __future__ import annotations

import codecs
import re
from typing import NamedTuple

from net.backlog import clean_line

ESCAPE_PATIENCE = 0.05
PASTE_PATIENCE = 2.0

_PASTE_BEGINS = "200~"
_PASTE_ENDS = "\x1b[201~"

_TEXT = re.compile(r"[^\x00-\x1f\x7f-\x9f]+")
_PASTED = re.compile(r"[\r\n]|[^\r\n]+")
_WHOLE = re.compile(
    r"""\x1b(?:
      \[\[.                                     # function keys of the Linux console
    | \[(?P<csi>[0-?]{0,64}[ -/]{0,8}[@-Z\\-~])
    | O(?P<ss3>[!-~])
    | [PX^_\]][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)    # answers of a terminal: nobody asked
    | (?P<alt>[^\[OPX^_\]\x00-\x1f]|[\b\r])
    )""",
    re.VERBOSE | re.DOTALL,
)
_BEGUN = re.compile(r"\x1b(?:\[?\[?|\[[0-?]{0,64}[ -/]{0,8}|O|[PX^_\]][^\x07\x1b]{0,4096}\x1b?)")
_BROKEN = re.compile(r"\x1b(?:\[[0-?]{0,64}[ -/]{0,8})?")

_ARROWS = {"A": "KEY_UP", "B": "KEY_DOWN", "C": "KEY_RIGHT", "D": "KEY_LEFT", "H": "KEY_HOME", "F": "KEY_END"}
_SS3 = {**_ARROWS, "M": "KEY_ENTER", "c": "KEY_CTRL_RIGHT", "d": "KEY_CTRL_LEFT"}
_CSI = {
    **_ARROWS,
    **dict.fromkeys(("1~", "7~"), "KEY_HOME"),
    **dict.fromkeys(("4~", "8~"), "KEY_END"),
    "3~": "KEY_DELETE",
    **{f"1;{by}C": "KEY_CTRL_RIGHT" for by in range(2, 9)},
    **{f"1;{by}D": "KEY_CTRL_LEFT" for by in range(2, 9)},
}
_ALT = {"b": "KEY_CTRL_LEFT", "f": "KEY_CTRL_RIGHT", "\x7f": "KEY_CTRL_W", "\b": "KEY_CTRL_W", "\r": "KEY_ENTER"}
_CONTROL = {chr(code): f"KEY_CTRL_{chr(code + 64)}" for code in range(1, 27)} | {
    "\r": "KEY_ENTER",
    "\n": "KEY_ENTER",
    "\t": "KEY_TAB",
    "\b": "KEY_BACKSPACE",
    "\x7f": "KEY_BACKSPACE",
    "\x1f": "KEY_CTRL_Z",  # Ctrl-_ undoes in readline
}


class Key(NamedTuple):
    """One key by its `name`; or, where that is empty, a run of `text` that holds nothing harmful."""

    name: str
    text: str = ""
    pasted: bool = False


class Keys:
    """The decoder: bytes in by `feed`, keys out."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""
        self._pasting = False
        self._after_return = False

    def hand_over(self) -> tuple[str, bool, bool, tuple[bytes, int]]:
        """Return what is held of a key that has come in part."""
        return self._held, self._pasting, self._after_return, self._decoder.getstate()

    def take_over(self, held: str, pasting: bool, after_return: bool, rest: tuple[bytes, int]) -> None:
        """Go on with what another has held."""
        self._held, self._pasting, self._after_return = held, pasting, after_return
        self._decoder.setstate(rest)

    @property
    def patience(self) -> float | None:
        """How long to wait for more before `expire` is due, in seconds; None where nothing is half-way."""
        if self._pasting:
            return PASTE_PATIENCE
        return ESCAPE_PATIENCE if self._held else None

    def feed(self, data: bytes) -> list[Key]:
        """Return the keys that `data` completes."""
        text = self._held + self._decoder.decode(data)
        keys: list[Key] = []
        at, after = 0, -1
        while at < len(text) and at != after:
            at, after = (self._pasted if self._pasting else self._typed)(text, at, keys), at
        self._held = text[at:]
        return keys

    def expire(self) -> list[Key]:
        """Nothing more came: an ESC was the key itself, half a sequence is void, a paste without an end is over."""
        alone = self._held == "\x1b" and not self._pasting
        self._held = ""
        self._pasting = False
        return [Key("KEY_ESCAPE")] if alone else []

    def _typed(self, text: str, at: int, keys: list[Key]) -> int:
        """Take one thing at `at` and return where the next begins; `at` itself where it is not complete."""
        if text[at] == "\x1b":
            return self._escape(text, at, keys)
        if run := _TEXT.match(text, at):
            self._add_text(run.group(), keys, pasted=False)
            return run.end()
        self._add_control(text[at], keys)
        return at + 1

    def _escape(self, text: str, at: int, keys: list[Key]) -> int:
        if whole := _WHOLE.match(text, at):
            self._add_sequence(whole, keys)
            return whole.end()
        if _BEGUN.fullmatch(text, at):
            return at
        broken = _BROKEN.match(text, at)
        return broken.end() if broken else at + 1

    def _add_sequence(self, found: re.Match[str], keys: list[Key]) -> None:
        csi, ss3, alt = found.group("csi", "ss3", "alt")
        self._pasting = csi == _PASTE_BEGINS
        if name := _CSI.get(csi) or _SS3.get(ss3) or _ALT.get(alt):
            keys.append(Key(name))

    def _pasted(self, text: str, at: int, keys: list[Key]) -> int:
        """Take what was pasted: line ends are Enter, other controls are nothing at all."""
        end = text.find(_PASTE_ENDS, at)
        stop = end if end >= 0 else len(text) - _overlap(text, _PASTE_ENDS)
        for piece in _PASTED.findall(text[at:stop]):
            if piece in "\r\n":
                self._add_control(piece, keys)
            else:
                self._add_text(piece, keys, pasted=True)
        self._pasting = end < 0
        return stop if end < 0 else end + len(_PASTE_ENDS)

    def _add_text(self, text: str, keys: list[Key], *, pasted: bool) -> None:
        self._after_return = False
        if text := clean_line(text):
            keys.append(Key("", text, pasted))

    def _add_control(self, char: str, keys: list[Key]) -> None:
        second_half = char == "\n" and self._after_return
        self._after_return = char == "\r"
        if char in _CONTROL and not second_half:
            keys.append(Key(_CONTROL[char]))


def _overlap(text: str, mark: str) -> int:
    """Return how many characters at the end of `text` may be the beginning of `mark`."""
    return next((size for size in range(len(mark) - 1, 0, -1) if text.endswith(mark[:size])), 0)
