"""Tells the wire by the first bytes of a connection. Knows the beginnings, not the languages.

A wire is imported when the first connection speaks it, or before, when the server has time for it.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator

from chat.events import Event, Refused, Request
from wires.plain import Plain
from wires.unserved import Unserved
from wires.wire import Wire

_HTTP = (b"GET ", b"HEAD ", b"POST ", b"PUT ", b"DELETE ", b"OPTIONS ", b"PATCH ", b"TRACE ", b"CONNECT ")
_TOLD = (b"PROPFIND ", b"PRI ")  # WebDAV, and the preface of HTTP/2: they are told what is spoken here
_IRC = (b"CAP ", b"NICK ", b"USER ", b"PASS ", b"QUIT ")


class Handshake(Wire):
    """What a connection has while it becomes a TLS connection: there is nothing to hear yet, and nothing can be said.

    Whoever has it starts again with Unknown when the handshake is done: the same table counts within.
    """

    name = "tls"
    brief = True

    def receive(self, data: bytes) -> Iterator[Request | Refused]:
        """Yield nothing: this is for who decrypts it."""
        yield from ()

    def encode(self, event: Event) -> bytes:
        """Return nothing: no key has been agreed on."""
        return b""


def _jsonl() -> Wire:
    from wires.jsonl import Jsonl

    return Jsonl()


def _classroom() -> Wire:
    from wires.classroom import Classroom

    return Classroom()


def _http() -> Wire:
    from wires.http import Http

    return Http()


def _no_irc() -> Wire:
    return Unserved("irc")


TABLE: tuple[tuple[tuple[bytes, ...], bool, Callable[[], Wire]], ...] = (
    ((b"\x16\x03",), False, Handshake),
    ((b"{",), False, _jsonl),
    ((b"ADD ",), False, _classroom),
)
"""Beginnings, whether their case is ignored, and the wire they mean. HTTP and IRC are made by the house, since they
speak of the house itself; everything else is plain lines."""


def choose(
    data: bytes, closed: Container[str] = (), http: Callable[[], Wire] = _http, irc: Callable[[], Wire] = _no_irc
) -> Wire | None:
    """Return the wire that `data` begins, `http()` or `irc()` for theirs; None while it could still become another.

    Wires whose name is in `closed` are recognised, and told that they are not served.
    """
    open_still = not data
    for beginnings, any_case, make in (*TABLE, (_HTTP + _TOLD, False, http), (_IRC, True, irc)):
        seen = data.upper() if any_case else data
        if seen.startswith(beginnings):
            wire = make()
            return Unserved(wire.name) if wire.name in closed else wire
        open_still = open_still or any(beginning.startswith(seen) for beginning in beginnings)
    return None if open_still else Plain()


class Unknown(Wire):
    """What a connection has before its first bytes have told which wire it is: it keeps them.

    Someone who says nothing is taken for a person, and asked in plain lines; what he sends then still tells.
    """

    name = "unknown"
    plain_names = True

    def __init__(self) -> None:
        self.seen = b""
        self._plain = Plain()

    def receive(self, data: bytes) -> Iterator[Request | Refused]:
        """Keep the bytes; at most as many as the longest beginning."""
        self.seen += data
        yield from ()

    def encode(self, event: Event) -> bytes:
        """Return the event in plain lines."""
        return self._plain.encode(event)
