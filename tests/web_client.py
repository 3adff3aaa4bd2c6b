"""A browser's side of HTTP and of the WebSocket, byte by byte: it knows RFC 9112 and RFC 6455, and no library."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import ssl
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.support import PATIENCE, Connection, JsonClient
from tests.support.clients import Address

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
CONT = 0
KEY = "dGhlIHNhbXBsZSBub25jZQ=="


@dataclass
class Answer:
    """An HTTP response, and all that came after its head."""

    status: int
    headers: dict[str, str]
    body: str


def answered(text: str) -> Answer:
    """Return the response in `text`; fails where it is none, or has a header twice."""
    head, end, body = text.partition("\r\n\r\n")
    assert end, f"no whole head: {text!r}"
    first, *lines = head.split("\r\n")
    version, status, _ = first.split(" ", 2)
    assert version == "HTTP/1.1"
    headers = {name.lower(): text for name, _, text in (line.partition(": ") for line in lines)}
    assert len(headers) == len(lines), f"a header stands there twice: {lines}"
    assert "content-length" not in headers or int(headers["content-length"]) == len(body.encode()) or not body
    return Answer(int(status), headers, body)


def fetch(server: Address, request: bytes | str, tls: ssl.SSLContext | None = None) -> Answer:
    """Send this request on a connection of its own; return what comes until the server closes."""
    with Connection(server, tls=tls) as visitor:
        visitor.send(request)
        return answered(visitor.read_to_end())


def get(
    server: Address, path: str = "/", verb: str = "GET", tls: ssl.SSLContext | None = None, **headers: str
) -> Answer:
    """Ask for `path`; `If_None_Match="x"` sends a header. The Host header is right if it is not given."""
    return fetch(server, asking(path, verb, {"Host": f"{server.host}:{server.port}", **headers}), tls)


def asking(path: str, verb: str, headers: Mapping[str, str]) -> str:
    """Return the head of a request."""
    lines = [f"{verb} {path} HTTP/1.1", *(f"{name.replace('_', '-')}: {text}" for name, text in headers.items())]
    return "\r\n".join(lines) + "\r\n\r\n"


def upgrading(server: Address, **headers: str) -> str:
    """Return the head of a request for a WebSocket; a header may be another, or left out with an empty text."""
    usual = {
        "Host": f"{server.host}:{server.port}",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec_WebSocket_Key": KEY,
        "Sec_WebSocket_Version": "13",
    }
    return asking("/ws", "GET", {name: text for name, text in {**usual, **headers}.items() if text})


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, masked: bool = True, first: int = 0) -> bytes:
    """Return a frame of a client (RFC 6455 section 5.2); `first` has the reserved bits."""
    size, mask = len(payload), 0x80 if masked else 0
    head = bytes([(0x80 if fin else 0) | first | opcode])
    if size < 126:
        head += bytes([mask | size])
    elif size < 65536:
        head += struct.pack("!BH", mask | 126, size)
    else:
        head += struct.pack("!BQ", mask | 127, size)
    if not masked:
        return head + payload
    key = os.urandom(4)
    stream = key * (size // 4 + 1)
    return head + key + bytes(a ^ b for a, b in zip(payload, stream, strict=False))


class WebClient(JsonClient):
    """Someone on the WebSocket; with a name, logged in. Pings are answered by `read`, unless `mute` is set."""

    def __init__(self, server: Address, name: str = "", headers: Mapping[str, str] | None = None, **how: Any) -> None:
        super().__init__(server, **how)
        self.name, self.mute = name, False
        try:
            self.send(upgrading(server, **(headers or {})))
            self.handshake = answered(self.read_until("\r\n\r\n"))
            assert self.handshake.status == 101, self.handshake
            accept = base64.b64encode(hashlib.sha1(KEY.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
            assert self.handshake.headers["sec-websocket-accept"] == accept.decode()
            self.welcome = self._log_in() if name else {}
        except BaseException:
            self.close()
            raise

    def send_line(self, line: str) -> None:
        """Send this as one text message."""
        self.send(frame(TEXT, line.encode()))

    def read_frame(self, seconds: float = PATIENCE) -> tuple[int, bytes]:
        """Return the next frame's opcode and payload; it must be whole and not compressed."""
        first, payload = self.read_raw(seconds)
        assert first & 0xF0 == 0x80, f"not a whole and plain frame: {first:#x}"
        return first & 15, payload

    def read_raw(self, seconds: float = PATIENCE) -> tuple[int, bytes]:
        """Return the next frame's first byte and its payload; a server masks nothing."""
        deadline = time.monotonic() + seconds
        first, size = self._exactly(2, deadline)
        assert size < 128, "masked"
        if size >= 126:
            size = int.from_bytes(self._exactly(2 if size == 126 else 8, deadline), "big")
        return first, self._exactly(size, deadline)

    def read(self, seconds: float = PATIENCE) -> dict[str, Any]:
        """Return the next object."""
        deadline = time.monotonic() + seconds
        while True:
            opcode, payload = self.read_frame(deadline - time.monotonic())
            if opcode == PING and not self.mute:
                self.send(frame(PONG, payload))
            if opcode in (PING, PONG):
                continue
            assert opcode == TEXT, f"frame of kind {opcode}: {payload!r}"
            found = json.loads(payload.decode())
            assert isinstance(found, dict)
            return found

    def read_close(self, seconds: float = PATIENCE) -> tuple[int, str]:
        """Pass over messages up to the close frame; return its code and reason, and see the server close."""
        deadline = time.monotonic() + seconds
        while (found := self.read_frame(deadline - time.monotonic()))[0] != CLOSE:
            pass
        code, reason = int.from_bytes(found[1][:2], "big"), found[1][2:].decode()
        assert self.read_to_end(deadline - time.monotonic()) == "", "something came after the close frame"
        return code, reason

    def _exactly(self, size: int, deadline: float) -> bytes:
        while len(self.pending) < size:
            came = self._receive(deadline - time.monotonic())
            assert came, f"{size} bytes did not come, but: {self.pending[-2000:]!r}"
        found, self.pending = self.pending[:size], self.pending[size:]
        return found
