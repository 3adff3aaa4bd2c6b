"""Finds damage in a write-ahead log that SQLite passes over in silence.

SQLite reads the log up to the first frame whose checksum is wrong, and takes it for the end: right after a crash,
since only the last, unfinished transaction can be torn. A wrong frame with a later transaction behind it is no
crash: that transaction was begun after the one before had reached the disk. Format: sqlite.org/fileformat2.html.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from record import record

_HEADER = 32
_FRAME = 24
_MAGIC = {0x377F0682: "<", 0x377F0683: ">"}
_ZERO = (0, 0)

Sums = tuple[int, int]


@record
class _Frame:
    """One frame: of the present round of the log? the end of a transaction? and all checksums up to it right?"""

    present: bool
    commit: bool
    right: bool


def damage(path: Path) -> str:
    """Return what is wrong with the log, or an empty string; a log that is not there is in order. Raises OSError."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return ""
    with file:
        header = file.read(_HEADER)
        if len(header) < _HEADER:
            return ""
        magic, _version, page, _round, *salts, one, two = struct.unpack(">8I", header)
        order = _MAGIC.get(magic, "")
        if not order or _sum(header[:24], _ZERO, order) != (one, two):
            return "the head of its write-ahead log (chat.db-wal) is wrong"
        return _torn(_frames(file, page, tuple(salts), (one, two), order))


def _torn(frames: Iterator[_Frame]) -> str:
    """Look from the first wrong frame on for one that ends a transaction, with another frame behind it."""
    ended = False
    for frame in frames:
        if frame.right or not frame.present:
            continue
        if ended:
            return "its write-ahead log (chat.db-wal) is broken in the middle"
        ended = frame.commit
    return ""


def _frames(file: BinaryIO, page: int, salts: tuple[int, ...], sums: Sums, order: str) -> Iterator[_Frame]:
    """Yield all frames, also those behind the present round's, which are left over from the round before."""
    right = True
    while len(data := file.read(_FRAME + page)) == _FRAME + page:
        _number, size, *marks, one, two = struct.unpack(">6I", data[:_FRAME])
        present = tuple(marks) == salts
        if right:
            sums = _sum(data[_FRAME:], _sum(data[:8], sums, order), order)
        right = right and present and sums == (one, two)
        yield _Frame(present, size > 0, right)


def _sum(data: bytes, start: Sums, order: str) -> Sums:
    """Return SQLite's running checksum over `data`."""
    first, second = start
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return first, second
