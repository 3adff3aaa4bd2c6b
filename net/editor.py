"""The line being typed: blessed's headless editor, with completion and a bound in bytes.

It knows keys and columns, but no terminal: nothing here reads, writes or draws.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING


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
