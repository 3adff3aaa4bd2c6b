"""The client off a terminal: lines of standard input are said, what arrives is written to standard output.

Each line carries its number, and so does the server's answer to it: what is said is stored then. Few lines are on the
way at once, so that none is lost for haste.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterator
from queue import Empty, Queue
from typing import Any

from clients.endings import LEFT, LOST, REFUSED, after_goodbye
from clients.link import Link
from clients.past import Past
from clients.people import People, word
from clients.place import Place
from clients.secret import DOOR
from clients.trust import Trust
from clients.words import Kind, entries

UNANSWERED = 32  # lines that may be on the way at once
LONGEST = 4000  # bytes of a line that are said at once
WAITING = 100_000  # objects that may wait for whoever reads our output; then the server has to wait, too
CONFIRMED = 30.0  # seconds without an answer, after the end of the input, until one leaves
AWAKE = 0.5 if sys.platform == "win32" else None  # seconds; there, Ctrl-C is heard only between two waits
PIECE = 65_536  # bytes read at once
STDIN, STDOUT = 0, 1

Found = dict[str, Any]


def run(place: Place, name: str, password: str, trust: Trust) -> int:
    """Say the lines of standard input until it ends; return the exit code of the program.

    The password, empty for none, is sent only where the server asks for it.
    """
    _open_standard_files()
    visit = _Filter(place, name, password, trust)
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

    def __init__(self, place: Place, name: str, password: str, trust: Trust) -> None:
        self._news: Queue[Found] = Queue(WAITING)
        self._link = Link(place, name, self._news.put, trust=trust)
        self._name, self._password = name, password
        self._proved: set[str] = set()  # the codes of refused logins after which the password was sent
        self._room = threading.Semaphore(UNANSWERED)
        self._unanswered: set[int] = set()  # the numbers of the lines that are on the way
        self._deadline = 0.0
        self._ended = False  # standard input has
        self._people = People()
        self._past = Past()
        self._failed = False

    def run(self) -> int:
        """Talk until the end; return the exit code."""
        self._link.start()
        while True:
            try:
                found = self._past.gather(self._news.get(timeout=self._patience()))
            except Empty:
                ending = self._despair()
            else:
                ending = self._hear(found) if found else None
            if ending is not None:
                return ending
            if self._ended and not self._unanswered:
                self._link.close()

    def close(self) -> None:
        """Hang up and wait until that is done."""
        self._link.close()
        with contextlib.suppress(KeyboardInterrupt):
            self._link.join()

    def _patience(self) -> float | None:
        """Return how long to wait for news: as long as it takes, until the input has ended."""
        return max(self._deadline - time.monotonic(), 0) if self._ended else AWAKE

    def _despair(self) -> int | None:
        if not self._ended:
            return None
        _complain(f"The server has not confirmed {len(self._unanswered)} of the lines.")
        return LOST

    def _hear(self, found: Found) -> int | None:
        """Deal with what happened; return the exit code where it is the end."""
        event = word(found, "event")
        self._people.hear(found)
        self._settle(found.get("ref"))
        if event == "link":
            return self._hear_link(word(found, "state"), word(found, "text"), word(found, "fingerprint"))
        if event == "input":
            self._ended = True
            self._deadline = time.monotonic() + CONFIRMED
        elif event == "refused":
            return self._hear_refusal(found)
        elif event == "welcome":
            threading.Thread(target=self._read, name="standard input", daemon=True).start()
        elif event == "goodbye":
            return self._hear_goodbye(found)
        elif event != "accepted":
            self._write(found)
        return None

    def _settle(self, ref: object) -> None:
        """Take note that a line was answered, and let the next one go."""
        if isinstance(ref, int) and ref in self._unanswered:
            self._unanswered.remove(ref)
            self._deadline = time.monotonic() + CONFIRMED
            self._room.release()

    def _hear_link(self, state: str, text: str, fingerprint: str) -> int | None:
        if state in ("lost", "gave_up", "retrying"):
            _complain(text)
        if state == "stranger":
            _complain(f"{text} {fingerprint}\nIf it does, give it with --tls-fingerprint.")
        if state == "closed":
            return LOST if self._failed else LEFT
        return LOST if state in ("lost", "gave_up", "stranger") else None

    def _hear_refusal(self, found: Found) -> int | None:
        code = word(found, "code")
        if not self._people.me and self._password and code in {"registered", DOOR} - self._proved:
            self._proved.add(code)  # the room's may be the name's, too; each is tried once
            self._link.login(self._name, self._password)
            return None
        _complain(word(found, "text"))
        self._failed = True
        return None if self._people.me else REFUSED

    def _hear_goodbye(self, found: Found) -> int:
        ending = after_goodbye(word(found, "code"))
        if ending != LEFT:
            _complain(word(found, "text"))
        return LOST if self._failed and ending == LEFT else ending

    def _write(self, found: Found) -> None:
        for told in entries(found, self._people):
            if told.kind is not Kind.ERROR:
                _write_all(f"{told}\n".encode())

    def _read(self) -> None:
        """Say what standard input holds, as fast as the server confirms it. A thread of its own runs this."""
        for count, (text, fresh) in enumerate(pieces(_blocks()), 1):
            self._room.acquire()
            self._unanswered.add(count)
            said = {"do": "line", "line": text} if fresh else {"do": "say", "text": text}
            self._link.send({**(self._past.typed(text, self._people.room) or said), "ref": count})
        self._news.put({"event": "input"})


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
