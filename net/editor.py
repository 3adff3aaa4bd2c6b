"""The line being typed: blessed's headless editor, with completion and a bound in bytes.

It knows keys and columns, but no terminal: nothing here reads, writes or draws.
"""

from __future__ import annotations

import importlib.util
import sys
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from wcwidth import width


def _line_editor() -> ModuleType:
    """Import blessed's line editor without its package, which would bring asyncio and 60 ms that nothing here needs."""
    package = importlib.util.find_spec("blessed")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("No module named 'blessed'", name="blessed")
    name = "blessed.line_editor"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, Path(package.origin).with_name("line_editor.py"))
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if TYPE_CHECKING:
    from blessed.line_editor import LineEditor, LineEditResult, LineHistory
else:
    _module = _line_editor()
    LineEditor, LineEditResult, LineHistory = _module.LineEditor, _module.LineEditResult, _module.LineHistory

HISTORY = 1000

cells = lru_cache(maxsize=4096)(width)
"""How many cells of a terminal a character takes."""


class History(LineHistory):
    """What was entered before, for the arrow keys; it does not guess ahead of the person who types."""

    def search_prefix(self, prefix: str) -> str | None:
        """Return nothing."""
        return None


class Editor(LineEditor):
    """One line of at most `size` bytes."""

    def __init__(self, size: int) -> None:
        super().__init__(history=History(HISTORY), limit=0)
        self._size = size
        self._first = 0  # the first character that is seen

    @property
    def word(self) -> str:
        """The word that ends at the cursor; empty after a blank."""
        return "".join(self._buf[: self._cursor]).rpartition(" ")[2]

    def insert(self, text: str) -> bool:
        """Insert `text` at the cursor, whole or not at all: return whether it fitted."""
        if len(self.line.encode()) + len(text.encode()) > self._size:
            return False
        self.insert_text(text)
        self._navigating_history = False
        return True

    def replace_word(self, new: str) -> None:
        """Put `new` in the place of the word that ends at the cursor."""
        head = "".join(self._buf[: self._cursor]).removesuffix(self.word)
        tail = self._buf[self._cursor :]
        if len((head + new + "".join(tail)).encode()) <= self._size:
            self._save_undo()
            self._set_text(head + new)
            self._buf += tail

    def hand_over(self) -> tuple[str, int, list[str]]:
        """Return the line, how many characters stand behind the cursor, and what was entered before."""
        return self.line, len("".join(self._buf[self._cursor :])), self.history.entries

    def take_over(self, line: str, behind: int, entries: list[str]) -> None:
        """Go on with a line that was begun elsewhere."""
        self.history.entries[:] = entries
        self._set_text(line[: len(line) - behind])
        head = self._buf
        self._set_text(line[len(line) - behind :])
        self._buf, self._cursor = head + self._buf, len(head)

    def window(self, room: int) -> tuple[str, int]:
        """Return what is seen of the line through `room` cells, and the cell of the cursor in it.

        An ellipsis stands where there is more. blessed's own window is a cell off where it cuts a wide character.
        """
        sizes = [cells(it) for it in self._buf]
        if sum(sizes) < room:
            self._first = 0
            return self.line, sum(sizes[: self._cursor])
        inner = max(2, room - 2)
        self._scroll(sizes, inner)
        first, end = self._first, _reach(sizes, self._first, inner)
        left, right = "…" * (first > 0), "…" * (end < len(sizes))
        seen = "".join(self._buf[first:end])
        return left + seen + right, len(left) + sum(sizes[first : self._cursor])

    def _scroll(self, sizes: list[int], inner: int) -> None:
        """Move the window, if the cursor is outside, so that some of what is on both its sides is seen."""
        first, cursor = self._first, self._cursor
        if cursor < first or sum(sizes[first:cursor]) > inner:
            before = inner // 4 if cursor < first else inner * 3 // 4
            self._first = cursor - _reach(sizes[cursor - 1 :: -1] if cursor else [], 0, before)


def fit(text: str, room: int) -> str:
    """Return as much of `text` as has room in so many cells, with an ellipsis where that is not all."""
    sizes = [cells(it) for it in text]
    if sum(sizes) <= room:
        return text
    return text[: _reach(sizes, 0, max(0, room - 1))] + "…"


def _reach(sizes: list[int], start: int, inner: int) -> int:
    """Return where the characters end that fit into `inner` cells from `start` on."""
    at, used = start, 0
    while at < len(sizes) and used + sizes[at] <= inner:
        used += sizes[at]
        at += 1
    return at
