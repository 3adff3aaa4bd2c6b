"""One of a crowd: how he comes in by his wire, says a line, shows that he lives, and comes back by his token.

He reads whatever has come, and leaves it to others to find their lines in it.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import socket
import ssl

from tests.support.clients import Address
from tests.support.waiting import PATIENCE

RECEIVE = 4 << 20  # SO_RCVBUF of UDP: a burst is not to be lost before it is read
TRIES = 5  # so often a login by UDP is sent, as clients do: a datagram may be lost
KEPT = 4_096  # bytes that are kept: a line may come in two pieces
_ID = re.compile(rb'"id": ?(\d+)')
_TOKEN = re.compile(rb'"token": ?"([^"]+)"')


class Member:
    """Somebody called after his wire and `number`, or `name`. The wire is `plain`, `json+tls` and the like.

    Who `returns` asks for a token, and can `come_back` with it; that is for JSON lines and the WebSocket. `source` is
    an own address, such as 127.0.0.2.
    """

    room = "lobby"
    end = b">"
    """What each line ends with that others look for; only what has come up to there is returned by `hear`."""

    def __init__(
        self,
        server: Address,
        number: int,
        wire: str,
        tls: ssl.SSLContext | None = None,
        *,
        returns: bool = False,
        name: str = "",
        source: str = "",
    ) -> None:
        self.wire, _, inside = wire.partition("+")
        self.name = name or f"{wire.replace('+', '-')}-{number}"
        self.number = number
        self.source = source
        self.returns = returns
        self.lost = False
        self.spoken = self.visits = 0
        self.heard = 0
        """The id of what was heard last, where the wire tells it."""
        self._token = ""
        self._server, self._tls = server, tls if inside else None
        self._rest = b""
        self.socket = self._dial()

    @property
    def last_words(self) -> bytes:
        """Return what came last."""
        return self._rest[-300:]

    def enter(self) -> None:
        """Come into the lobby, or by IRC into the room."""
        self.visits += 1
        self._log_in({"token": self._token} if self.returns else {})
        self.socket.setblocking(False)

    def come_back(self) -> None:
        """Come by another connection, and hear what was said since."""
        self.socket.close()
        self._rest = b""
        self.socket = self._dial()
        self._log_in({"token": self._token, "since": self.heard})
        self.socket.setblocking(False)
        self.visits, self.lost = self.visits + 1, False

    def say(self, text: str) -> None:
        """Say a line to the room."""
        self._send(self._ask("say", text))

    def show_life(self) -> None:
        """Do what keeps the server from asking whether somebody is there."""
        if self.wire == "udp":
            self._send(b"\0\xc8")
        elif self.wire == "irc":
            self._send(b"PING :alive\r\n")
        elif self.wire in ("json", "web"):
            self._send(self._ask("ping"))

    def hear(self) -> bytes:
        """Return what has come, without what was returned before; `lost` where nothing more will."""
        whole, end, self._rest = (self._rest + self._receive()).rpartition(self.end)
        self._note(whole)
        self._rest = self._rest[-KEPT:]
        return whole + end

    def close(self) -> None:
        """Vanish."""
        if self.wire == "udp" and not self.lost:
            self._send(b"\0\x28")
        self.socket.close()

    # -- within

    def _dial(self) -> socket.socket:
        kind = socket.SOCK_DGRAM if self.wire == "udp" else socket.SOCK_STREAM
        made = socket.socket(socket.AF_INET, kind)
        made.settimeout(PATIENCE / 5 if self.wire == "udp" else PATIENCE * 2)
        if self.wire == "udp":
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE)
        if self.source:
            made.bind((self.source, 0))
        made.connect((self._server.host, self._server.port))
        if self._tls is None:
            return made
        return self._tls.wrap_socket(made, server_hostname=self._server.host)

    def _log_in(self, fields: dict[str, object]) -> None:
        if self.wire == "web":
            key = base64.b64encode(os.urandom(16)).decode()
            head = f"GET /ws HTTP/1.1\r\nHost: {self._server.host}:{self._server.port}\r\nUpgrade: websocket\r\n"
            self._expect(f"{head}Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
                         .encode(), b"101 ")  # fmt: skip
        if self.wire == "telnet":
            self._expect(b"", b"What is your name?")
        name = self.name
        login, answer = {
            "plain": (f"{name}\n".encode(), b"OK\n"),
            "telnet": (f"{name}\r\0".encode(), b"Welcome, "),
            "json": (self._pack({"do": "login", "name": name, **fields}), b'"welcome"'),
            "web": (self._pack({"do": "login", "name": name, **fields}), b'"welcome"'),
            "irc": (f"NICK {name}\r\nUSER {name} 0 * :x\r\nJOIN #{self.room}\r\n".encode(), b" 366 "),
            "udp": (b"\0\x14" + name.encode(), b"\0\x1e"),
            "textbook": (f"ADD {name}\n".encode(), f"NEW {name}\n".encode()),
        }[self.wire]
        for _ in range(TRIES if self.wire == "udp" else 1):
            with contextlib.suppress(TimeoutError):
                self._expect(login, answer)
                return
        raise TimeoutError(f"{self.name} was not let in")

    def _ask(self, do: str, text: str = "") -> bytes:
        line = {"do": do, "text": text} if text else {"do": do}
        return {
            "plain": f"{text}\n".encode(),
            "telnet": f"{text}\r\0".encode(),
            "irc": f"PRIVMSG #{self.room} :{text}\r\n".encode(),
            "udp": b"\0\x5a" + text.encode(),
            "textbook": f"MESSAGE {text}\n".encode(),
        }.get(self.wire) or self._pack(line)

    def _pack(self, line: dict[str, object] | dict[str, str]) -> bytes:
        """Return an object as it travels: on a line, or in a masked frame (RFC 6455 section 5.2)."""
        data = json.dumps(line).encode()
        if self.wire == "json":
            return data + b"\n"
        mask = os.urandom(4)
        size = bytes([0x80 | len(data)]) if len(data) < 126 else bytes([0xFE]) + len(data).to_bytes(2, "big")
        return b"\x81" + size + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))

    def _expect(self, data: bytes, answer: bytes) -> None:
        if data:
            self.socket.sendall(data)
        came = b""
        while answer not in came:
            piece = self.socket.recv(65536)
            assert piece, f"{self.name} was not let in: {came!r}"
            came += piece
        self._note(came)
        self._rest += came

    def _send(self, data: bytes) -> None:
        self.socket.setblocking(True)
        try:
            self.socket.sendall(data)
        except OSError:
            self.lost = True
        finally:
            self.socket.setblocking(False)

    def _receive(self) -> bytes:
        data = b""
        try:
            while piece := self.socket.recv(65536):
                data += piece
                if len(data) > 1 << 20:
                    return data
        except (BlockingIOError, ssl.SSLWantReadError):
            return data
        except OSError:
            pass  # it is over, in whatever way
        self.lost = True
        return data

    def _note(self, data: bytes) -> None:
        """Remember what one needs to come back."""
        if not self.returns:
            return
        for found in _TOKEN.finditer(data):
            self._token = found[1].decode()
        for found in _ID.finditer(data):
            self.heard = max(self.heard, int(found[1]))
