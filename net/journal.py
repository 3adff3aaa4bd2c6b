"""The log file: a line for each thing that happened, written by a thread, so that no disk makes the room wait.

It knows nothing of what happened, and gets no texts of messages. At its largest size the file is kept beside, as
FILE.1 and so on, and a new one begun.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import stat
import threading
import time
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path

from net.backlog import clean_line

EVENTS = logging.getLogger("room")
SIZE = 10 * 1024 * 1024
KEPT = 5
WAITING = 10_000  # records, while the disk is slow


class Journal(logging.Handler):
    """The log file. Raises OSError where it cannot be written. Records that the disk is too slow for are counted."""

    def __init__(self, path: str, level: str, as_json: bool, size: int = SIZE) -> None:
        super().__init__(getattr(logging, level.upper()))
        self.lost = 0
        self._records: queue.Queue[logging.LogRecord | None] = queue.Queue(WAITING)
        self._file = _File(path, size)
        self._file.setFormatter(_Json() if as_json else _Lines())
        self._thread = threading.Thread(target=self._write, name="journal", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Hand a record to the thread."""
        try:
            self._records.put_nowait(record)
        except queue.Full:
            self.lost += 1

    def finish(self, seconds: float) -> None:
        """Write what waits, for at most so long."""
        try:
            self._records.put(None, timeout=seconds)
        except queue.Full:
            return
        self._thread.join(seconds)
        if not self._thread.is_alive():
            self._file.close()
        for source in (EVENTS, logging.getLogger("chat")):
            source.removeHandler(self)
        self.close()

    def _write(self) -> None:
        while (record := self._records.get()) is not None:
            self._file.handle(record)


class _File(RotatingFileHandler):
    """A file that only its owner can read; never a way to somewhere else."""

    def __init__(self, path: str, size: int) -> None:
        super().__init__(path, maxBytes=size, backupCount=KEPT, encoding="utf-8", errors="replace")

    def _open(self) -> TextIOWrapper:
        Path(self.baseFilename).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return open(self.baseFilename, "a", encoding="utf-8", errors="replace", opener=_private)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 -- its name in the library
        """The disk is full, or away: this record is lost, the next may be written."""


def _private(path: str, flags: int) -> int:
    fd = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(f"{path} is no file")
    return fd


def _text(record: logging.LogRecord) -> str:
    return clean_line(record.getMessage().replace("\n", " / "))


def _trace(record: logging.LogRecord) -> str:
    return logging.Formatter().formatException(record.exc_info) if record.exc_info else ""


class _Lines(logging.Formatter):
    """`2026-11-21 15:43:15 INFO chat.room: bob is on line …`; what follows a line of it is indented."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record.created))
        trace = "".join(f"\n    {clean_line(line)}" for line in _trace(record).splitlines())
        return f"{at} {record.levelname} {record.name}: {_text(record)}{trace}"


class _Json(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        found = {
            "time": round(record.created, 3),
            "level": record.levelname.lower(),
            "source": record.name,
            "text": _text(record),
        }
        trace = _trace(record)
        return json.dumps(found | ({"trace": trace} if trace else {}), ensure_ascii=False)


def open_journal(path: str, level: str, as_json: bool) -> Journal:
    """Send what happens, and our faults, to a file; returns it, to be finished at the end. Raises OSError."""
    journal = Journal(path, level, as_json)
    EVENTS.setLevel(logging.INFO)
    EVENTS.propagate = False
    for source in (EVENTS, logging.getLogger("chat")):
        source.addHandler(journal)
    return journal
