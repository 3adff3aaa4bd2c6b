"""One connection to a server, from the login to the last byte. It knows no thread and does not come back.

Whoever owns it waits for its socket and calls `receive`, `flush` and `check`; when it is over, these raise `Lost`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chat.events import Refused
from chat.text import clean, one_line
from clients.ledger import Ledger, refusal
from clients.ways import Way
from wires.jsonl import LINE, read, write
from wires.wire import Lines

PIECE = 65_536  # bytes asked for at once
OUTBOX = 1_048_576  # bytes that may wait to be sent
DEPTH = 4  # no object of a server is nested deeper than this


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for a server, in seconds."""

    connect: float = 10.0
    login: float = 10.0
    ping: float = 60.0
    """After so much silence, ask whether the server is there,"""
    silent: float = 75.0
    """and after so much, believe that it is not."""
    answer: float = 5.0
    """Where something is asked and not answered, so much silence is enough to ask,"""
    unanswered: float = 15.0
    """and so much to believe."""
    pause: float = 1.0
    """Before the second attempt; each further pause is twice as long,"""
    longest: float = 10.0
    """but not longer than this."""
    steady: float = 30.0
    """A connection that lasted so long was a good one: the attempts are counted anew."""
    farewell: float = 1.5


class Lost(Exception):
    """The connection is over without a goodbye, for the reason given: it may be made again."""


class Foreign(Lost):
    """Something else than a chat server answers there."""


class Visit:
    """A way to a server on which somebody logs in as `name`, with a password where that takes one, and talks.

    `ledger` is told what is sent and what comes.
    """

    def __init__(
        self, way: Way, ledger: Ledger, patience: Patience, name: str, password: str = "", *, door: str = ""
    ) -> None:
        self.welcomed = False
        self.began = self._quiet_since = time.monotonic()
        self._way = way
        self._ledger = ledger
        self._patience = patience
        self._lines = Lines(LINE)
        self._pinged = False
        self._until: float | None = None
        secrets = {"password": password, "door": door}
        login = {"do": "login", "name": name} | {key: value for key, value in secrets.items() if value}
        self._out = bytearray(write(login | ledger.begin()))

    @property
    def deadline(self) -> float:
        """The monotonic time of the next `check`."""
        if self._until is not None:
            return self._until
        if not self.welcomed:
            return self.began + self._patience.login
        ping, silent = self._patience.ping, self._patience.silent
        if self._ledger.waits:
            ping, silent = min(ping, self._patience.answer), min(silent, self._patience.unanswered)
        return self._quiet_since + (silent if self._pinged else ping)

    @property
    def waiting(self) -> bool:
        """Is there something left to send?"""
        return bool(self._out)

    def put(self, request: Mapping[str, Any]) -> dict[str, Any] | None:
        """Take a request for sending; return None, or why it cannot be sent, as a server would refuse it."""
        line = write(request)
        if len(line) > LINE:
            return refusal(request, "too_long", "That is too long for one message; nothing was sent.")
        if len(self._out) + len(line) > OUTBOX:
            return refusal(request, "not_sent", "The server takes nothing at the moment; that was not sent.")
        if not self._ledger.waits:
            self._quiet_since = time.monotonic()  # it is asked only now
        self._ledger.sent(request)
        self._out += line
        return None

    def leave(self, reason: str) -> None:
        """Say quit; the server's goodbye is waited for only a moment."""
        if self._until is None:
            self._until = time.monotonic() + self._patience.farewell
            self._out += write({"do": "quit", "reason": reason} if reason else {"do": "quit"})

    def flush(self) -> None:
        """Send what the way takes."""
        if self._out:
            with contextlib.suppress(BlockingIOError):
                del self._out[: self._way.send(self._out)]

    def receive(self) -> Iterator[dict[str, Any]]:
        """Yield what is to be heard of what has come, made harmless; no pings, and pongs only with a `ref`."""
        try:
            data = self._way.recv(PIECE)
        except BlockingIOError:
            return
        if not data:
            raise Lost("the server closed the connection without a word")
        for line in self._lines.cut(data):
            if line and line.strip():
                yield from self._hear(line)

    def check(self) -> None:
        """At the deadline: ask a silent server whether it is there, then give it up."""
        if time.monotonic() < self.deadline:
            return
        if self._until is not None or not self.welcomed or self._pinged:
            raise Lost(f"the server said nothing for {time.monotonic() - self._quiet_since:.0f} s")
        self._pinged = True
        self._out += write({"do": "ping"})

    def _hear(self, line: bytes) -> Iterator[dict[str, Any]]:
        try:
            found = harmless(read(line))
        except Refused:
            raise Foreign("what answers there is not a chat server of this kind") from None
        self._quiet_since = time.monotonic()
        self._pinged = False
        if found.get("event") == "ping":
            self._out += write({"do": "pong"})
        elif found.get("event") != "pong" or "ref" in found:
            self.welcomed = self.welcomed or found.get("event") == "welcome"
            yield from self._ledger.sort(found)
            while self._ledger.again:
                if refused := self.put(self._ledger.again.pop(0)):
                    yield refused


def harmless(found: Mapping[str, Any], depth: int = DEPTH) -> dict[str, Any]:
    """Return an object whose strings can be shown: a client does not trust its server. Only a `text` has line feeds."""
    return {
        one_line(clean(key)): clean(value) if key == "text" and isinstance(value, str) else _harmless(value, depth)
        for key, value in found.items()
    }


def _harmless(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return one_line(clean(value))
    if isinstance(value, dict):
        return harmless(value, depth - 1) if depth else {}
    if isinstance(value, list):
        return [_harmless(entry, depth - 1) for entry in value] if depth else []
    return value
