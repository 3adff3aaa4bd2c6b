"""audit.log: what the host and the operators did, one line each, for people and their tools. It knows no SQL.

The file is its owner's alone, and begins anew at a size; the last ones before it stay as audit.log.1 and so on.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from chat.facts import Audited

LARGEST = 1_000_000  # bytes
KEPT = 4  # files before the present one


class Journal:
    """One file, opened for each write: there are few."""

    def __init__(self, path: Path, largest: int = LARGEST) -> None:
        self._path = path
        self._largest = largest

    def write(self, acts: Iterable[Audited]) -> str:
        """Append a line for each; returns an empty string, or a sentence for the host where the disk refuses it."""
        lines = "".join(f"{line(act)}\n" for act in acts)
        try:
            self._rotate()
            with open(self._path, "a", encoding="utf-8", errors="replace", opener=_private) as file:
                file.write(lines)
        except OSError as error:
            return f"What was done cannot be written to {self._path}: {error.strerror or error}. AUDIT still shows it."
        return ""

    def _rotate(self) -> None:
        if not self._path.exists() or self._path.stat().st_size < self._largest:
            return
        files = [self._path, *(Path(f"{self._path}.{number}") for number in range(1, KEPT + 1))]
        for newer, older in reversed(list(pairwise(files))):
            if newer.exists():
                newer.replace(older)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def line(act: Audited) -> str:
    """Return an act in one line: `2026-11-21T15:40:12Z Host BAN bob: for 10 min: spam`."""
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(act.at))
    words = " ".join(filter(None, (when, act.by, act.act, act.on)))
    return f"{words}: {act.text}" if act.text else words
