"""The client off a terminal: lines of standard input are said, what arrives is written to standard output.

Each line is followed by a ping with its number. The server answers in the order of the requests, so the pong means
that the line was dealt with, whatever it was; few lines are on the way at once, so that none is lost for haste.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from queue import Queue
from typing import Any

from clients.endings import LEFT, LOST, REFUSED, after_goodbye
from clients.link import Link
from clients.people import People, word
from clients.words import Kind, entry

UNANSWERED = 32  # lines that may be on the way at once
LONGEST = 4000  # bytes of a line that are said at once
WAITING = 100_000  # objects that may wait for whoever reads our output; then the server has to wait, too
PIECE = 65_536  # bytes read at once
STDIN, STDOUT = 0, 1

Found = dict[str, Any]


def run(host: str, port: int, name: str) -> int:
    """Say the lines of standard input until it ends; return the exit code of the program."""
    _open_standard_files()
    visit = _Filter(host, port, name)
    try:
        return visit.run()
    except (KeyboardInterrupt, BrokenPipeError):
        return LEFT
    finally:
        visit.close()


def pieces(blocks: Iterator[bytes]) -> Iterator[tuple[str, bool]]:
    """Yield each line in `blocks` without its end, in pieces of at most 4,000 bytes, and whether a line begins with it.

    Bad UTF-8 becomes U+FFFD. Blank lines are left out.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    rest, fresh = "", True
    for block in blocks:
        *lines, rest = (rest + decoder.decode(block)).split("\n")
        for line in lines:
            yield from _cut(line.removesuffix("\r"), fresh)
            fresh = True
        while len(rest) > LONGEST:
            head, rest = _split(rest)
            yield head, fresh
            fresh = False
    yield from _cut(rest + decoder.decode(b"", final=True), fresh)


class _Filter:
    """One visit without a terminal.

    A thread reads standard input. The link's thread and that one put into a queue what happens, and the main thread
    writes it.
    """

    def __init__(self, host: str, port: int, name: str) -> None:
        self._news: Queue[Found] = Queue(WAITING)
        self._link = Link(host, port, name, self._news.put)
        self._room = threading.Semaphore(UNANSWERED)
        self._confirmed = 0
        self._last: int | None = None
        self._people = People()
        self._failed = False

    def run(self) -> int:
        """Talk until the end; return the exit code."""
        self._link.start()
        while True:
            ending = self._hear(self._news.get())
            if ending is not None:
                return ending
            if self._confirmed == self._last:
                self._link.close()

    def close(self) -> None:
        """Hang up and wait until that is done."""
        self._link.close()
        with contextlib.suppress(KeyboardInterrupt):
            self._link.join()

    def _hear(self, found: Found) -> int | None:
        """Deal with what happened; return the exit code where it is the end."""
        event = word(found, "event")
        self._people.hear(found)
        if event == "link":
            return self._hear_link(word(found, "state"), word(found, "text"))
        if event == "input":
            self._last = found["lines"]
        elif event == "pong":
            self._confirmed += 1
            self._room.release()
        elif event == "refused":
            return self._hear_refusal(found)
        elif event == "welcome":
            threading.Thread(target=self._read, name="standard input", daemon=True).start()
        elif event == "goodbye":
            return self._hear_goodbye(found)
        elif event != "accepted":
            self._write(found)
        return None

    def _hear_link(self, state: str, text: str) -> int | None:
        if state in ("lost", "gave_up", "retrying"):
            _complain(text)
        if state == "closed":
            return LOST if self._failed else LEFT
        return LOST if state in ("lost", "gave_up") else None

    def _hear_refusal(self, found: Found) -> int | None:
        _complain(word(found, "text"))
        self._failed = True
        return None if self._people.me else REFUSED

    def _hear_goodbye(self, found: Found) -> int:
        ending = after_goodbye(word(found, "code"))
        if ending != LEFT:
            _complain(word(found, "text"))
        return LOST if self._failed and ending == LEFT else ending

    def _write(self, found: Found) -> None:
        told = entry(found, self._people.me)
        if told and told.kind is not Kind.ERROR:
            _write_all(f"{told}\n".encode())

    def _read(self) -> None:
        """Say what standard input holds, as fast as the server confirms it. A thread of its own runs this."""
        count = 0
        for text, fresh in pieces(_blocks()):
            self._room.acquire()
            count += 1
            self._link.send({"do": "line", "line": text, "ref": count} if fresh else {"do": "say", "text": text})
            self._link.send({"do": "ping", "ref": count})
        self._news.put({"event": "input", "lines": count})


def _cut(line: str, fresh: bool) -> Iterator[tuple[str, bool]]:
    while line:
        head, line = _split(line)
        if head.strip():
            yield head, fresh
        fresh = False


def _split(line: str) -> tuple[str, str]:
    """Return the beginning of `line` that fits into one message, and the rest."""
    if len(line.encode()) <= LONGEST:
        return line, ""
    head = line.encode()[:LONGEST].decode("utf-8", "ignore")
    return head, line[len(head) :]


def _blocks() -> Iterator[bytes]:
    with contextlib.suppress(OSError):  # a terminal that has gone
        while block := os.read(STDIN, PIECE):
            yield block


def _write_all(data: bytes) -> None:
    while data:
        data = data[os.write(STDOUT, data) :]


def _complain(text: str) -> None:
    if sys.stderr:
        print(f"chat_client.py: {text}", file=sys.stderr)


def _open_standard_files() -> None:
    """Open /dev/null where standard input, output or error is closed: else the first socket would take its place."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)
