"""The WebSocket after its handshake: one object of the JSON wire a text message, both ways. Knows nothing of HTTP.

The library checks frames; messages are put together here. What everyone hears is framed once, for all browsers:
frames from a server are not masked, and each stands for itself. That holds for compressed ones, too, since no
context is kept from one message to the next, on either side: so it costs no memory, and the bytes can be shared.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from websockets.exceptions import PayloadTooBig
from websockets.extensions.base import Extension
from websockets.extensions.permessage_deflate import PerMessageDeflate, ServerPerMessageDeflateFactory
from websockets.frames import Close, Frame, Opcode
from websockets.protocol import Protocol, Side
from websockets.server import ServerProtocol

from chat.events import Acted, Ended, Event, Pinged, Ref, Refused, Request, Said
from chat.limits import ledger
from wires.frames import Frames
from wires.jsonl import Jsonl, parse, talk
from wires.wire import Wire

CODES = {"quit": 1000, "closing": 1001, "fault": 1011, "upgrade": 1012, "busy": 1013}
"""Close codes (RFC 6455 section 7.4.1) by the code of the goodbye; 1008 (a rule was broken) for all others."""

LEFT = 1000
"""The close code of who means to leave. A browser that closes a page says 1001, also where it loads it anew."""

DEFLATED = 1024  # bytes from which on a message is compressed: below, it costs more time than it saves
_BITS, _LEVEL = 12, {"memLevel": 5}
_OFFER = ServerPerMessageDeflateFactory(True, True, _BITS, _BITS, compress_settings=_LEVEL)
_deflate = PerMessageDeflate(True, True, _BITS, _BITS, _LEVEL)  # what all share: between messages it keeps nothing

_json = Jsonl()  # its writers, which keep nothing
_log = logging.getLogger("chat.websocket")


def protocol() -> ServerProtocol:
    """Return what reads the request, and shakes hands."""
    return ServerProtocol(max_size=ledger.limits.frame, extensions=[_OFFER], logger=_log)


def _opened(extensions: Sequence[Extension]) -> Protocol:
    """Return what reads a connection after its handshake, and has nothing of it but what was agreed on."""
    made = Protocol(Side.SERVER, max_size=ledger.limits.frame, logger=_log)
    made.extensions = [*extensions]
    return made


class WebSocket(Wire):
    """One connection of a browser, or of a program, once hands have been shaken on these `extensions`."""

    name = "web"
    echoes = False
    pings = True
    acknowledges = True

    def __init__(self, extensions: Sequence[Extension]) -> None:
        self._protocol = _opened(extensions)  # the one that has read the request keeps it, which takes 3 kB
        self._input = Frames(ledger.limits.frame)
        self._message: bytearray | None = None  # the fragments so far
        self._deflates = any(
            isinstance(extension, PerMessageDeflate) and extension.local_max_window_bits >= _BITS
            for extension in extensions
        )
        self.dialect = type(self), self._deflates

    def receive(self, data: bytes) -> Iterator[Request | Refused]:
        """Yield the request in each message, and a sign of life for each ping and pong."""
        self._protocol.receive_data(self._input.cut(data))
        for frame in self._protocol.events_received():
            if isinstance(frame, Frame):
                yield from self._take(frame)
            if self.over:
                return
        self._replies += tuple(filter(None, self._protocol.data_to_send()))  # an empty one is the end, which is ours
        if self._protocol.close_expected():
            self._conclude()

    @property
    def unfinished(self) -> bool:
        """Return whether half a message or half a frame waits for the rest."""
        return self._message is not None or bool(self._input.rest)

    def __getstate__(self) -> dict[str, Any]:
        """Say what there is without the library's part, of which only what was agreed on is told."""
        found = [extension for extension in self._protocol.extensions if isinstance(extension, PerMessageDeflate)]
        bits = [(extension.remote_max_window_bits, extension.local_max_window_bits) for extension in found]
        return {**vars(self), "_protocol": bits}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Go on in the midst of a connection, and of a message: the library is shown its beginning once more."""
        vars(self).update(state)
        self._protocol = _opened(
            [PerMessageDeflate(True, True, theirs, ours, _LEVEL) for theirs, ours in state["_protocol"]]
        )
        self._protocol.receive_data(self._input.begun)
        self._protocol.events_received()
        if self._input.lost:
            self._fail(1012, "the server has been renewed; please come back")

    def encode(self, event: Event) -> bytes:
        """Return a frame for each object; a ping where life is in doubt, and a close frame after the goodbye."""
        if isinstance(event, Pinged):
            return PING
        if isinstance(event, (Said, Acted)):
            return self.encode_all([event])
        data = self._frames(_json.encode(event))
        return data + close(CODES.get(event.code, 1008), event.code) if isinstance(event, Ended) else data

    def encode_all(self, events: Sequence[Event]) -> bytes:
        """Return a frame for each event."""
        return b"".join([self._text(line.encode()) for line in talk(events)]) or super().encode_all(events)

    def own(self, event: Event, ref: Ref) -> bytes:
        """Return what the author gets on the JSON wire, framed."""
        return self._frames(_json.own(event, ref))

    def acknowledge(self, event: Event, ref: Ref) -> bytes:
        """Return what the author gets on the JSON wire, framed."""
        return self._frames(_json.acknowledge(event, ref))

    def _frames(self, lines: bytes) -> bytes:
        """Return a text message for each line."""
        return b"".join([self._text(line) for line in lines.split(b"\n")[:-1]])

    def _text(self, line: bytes) -> bytes:
        if self._deflates and len(line) >= DEFLATED:
            return Frame(Opcode.TEXT, line).serialize(mask=False, extensions=[_deflate])
        return _text_head(len(line)) + line

    def _take(self, frame: Frame) -> Iterator[Request | Refused]:
        if frame.opcode in (Opcode.PING, Opcode.PONG):
            yield Request("pong")
        elif frame.opcode is Opcode.BINARY:
            self._fail(1003, "only text is spoken here")
        elif frame.opcode in (Opcode.TEXT, Opcode.CONT):
            self._message = self._message or bytearray()  # no list of fragments: empty ones would take memory, too
            self._message += frame.data
            if frame.fin:
                message, self._message = bytes(self._message), None
                yield from self._read(message)

    def _read(self, message: bytes) -> Iterator[Request | Refused]:
        """Yield the request in a message; one that is not UTF-8 ends the connection (RFC 6455 section 8.1)."""
        try:
            message.decode()
        except UnicodeDecodeError:
            self._fail(1007, "not UTF-8")
            return
        yield parse(message)

    def _fail(self, code: int, why: str) -> None:
        """End the connection (RFC 6455 section 7.1.7). What the library would have said counts no more."""
        self._protocol.data_to_send()
        self._replies += (close(code, why),)
        self.over, self.why = True, f"sent what no WebSocket sends: {why}"

    def _conclude(self) -> None:
        """The closing handshake is done, or the library has found a fault."""
        fault = self._protocol.parser_exc
        if isinstance(fault, PayloadTooBig):
            ledger.hit("frame")
        self.over, self.why = True, f"sent what no WebSocket sends: {fault}" if fault else "closed the connection"
        said = self._protocol.close_rcvd
        self.reloads = fault is None and said is not None and said.code != LEFT


@lru_cache(maxsize=1024)
def _text_head(size: int) -> bytes:
    """Return what stands before a whole text message that is not masked (RFC 6455 section 5.2)."""
    whole = Frame(Opcode.TEXT, bytes(size)).serialize(mask=False)
    return whole[: len(whole) - size]


def close(code: int, reason: str) -> bytes:
    """Return a close frame."""
    return Frame(Opcode.CLOSE, Close(code, reason).serialize()).serialize(mask=False)


PING = Frame(Opcode.PING, b"").serialize(mask=False)
