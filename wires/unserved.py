"""Foreign wires that are recognised but not served here: one answer in their own language, then goodbye."""

from __future__ import annotations

from collections.abc import Iterator

from chat.events import Event, Refused, Request
from wires.wire import Wire

SENTENCE = "This room is not open to this kind of client; try a browser, or plain lines."

ANSWERS: dict[str, bytes] = {
    "irc": f"ERROR :{SENTENCE}\r\n".encode(),
    "classroom": f"MESSAGE Host\n{SENTENCE}\nGOODBYE\n".encode(),
    "tls": bytes([0x15, 3, 1, 0, 2, 2, 40]),  # a fatal alert, handshake_failure (RFC 8446 section 6.2)
}


class Unserved(Wire):
    """Answers once, whatever is asked, and is over. `kind` is a key of `ANSWERS`."""

    name = "unserved"

    def __init__(self, kind: str) -> None:
        self._replies += (ANSWERS[kind],)
        self.over = True

    def receive(self, data: bytes) -> Iterator[Request | Refused]:
        """Yield nothing."""
        yield from ()

    def encode(self, event: Event) -> bytes:
        """Return nothing: the answer has been given."""
        return b""
