"""Clients that speak the bytes of a wire themselves: they know the protocol, and nothing of our client code."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import time
from collections.abc import Mapping
from typing import Any, Protocol, Self

from tests.support.waiting import PATIENCE, Text, find

QUESTION = "What is your name?"
"""What everybody is asked who says nothing for half a second: also a program, on a busy machine."""


class Address(Protocol):
    """Where to connect to, such as a Server."""

    host: str
    port: int


class Connection:
    """A TCP connection driven byte by byte, for whatever wire. Times out into a failure that shows what came.

    `receive_buffer` is SO_RCVBUF in bytes, for readers who are to be slow; `source` an own address, such as 127.0.0.2;
    with `tls` everything is encrypted, and the certificate checked as that says.
    """

    def __init__(
        self, server: Address, *, source: str = "", receive_buffer: int = 0, tls: ssl.SSLContext | None = None
    ) -> None:
        family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(PATIENCE)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source:
            self.socket.bind((source, 0))
        try:
            self.socket.connect((server.host, server.port))
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if tls is not None:
                self.socket = tls.wrap_socket(self.socket, server_hostname=server.host, suppress_ragged_eofs=False)
        except OSError:
            self.socket.close()
            raise
        self.pending = b""
        """What has come and was not read by the test yet."""

    def send(self, data: bytes | str) -> None:
        """Send exactly this; text as UTF-8, no newline added."""
        self.socket.sendall(data.encode() if isinstance(data, str) else data)

    def send_line(self, line: str) -> None:
        """Send this text and a newline."""
        self.send(line + "\n")

    def read_until(self, end: bytes | str, seconds: float = PATIENCE) -> str:
        """Return what comes, up to and including `end`; what follows stays for the next read."""
        end = end.encode() if isinstance(end, str) else end
        deadline = time.monotonic() + seconds
        while end not in self.pending:
            if not self._receive(deadline - time.monotonic()):
                ended = "before the end" if time.monotonic() < deadline else f"within {seconds:g} s"
                raise AssertionError(f"{end!r} did not come {ended}, but: {self.pending[-2000:]!r}")
        found, _, self.pending = self.pending.partition(end)
        return (found + end).decode("utf-8", "backslashreplace")

    def read_line(self, seconds: float = PATIENCE) -> str:
        """Return the next line without its end."""
        return self.read_until(b"\n", seconds).rstrip("\r\n")

    def lines(self, count: int, seconds: float = PATIENCE) -> list[str]:
        """Return the next `count` lines without their ends."""
        deadline = time.monotonic() + seconds
        return [self.read_line(deadline - time.monotonic()) for _ in range(count)]

    def read_to_end(self, seconds: float = PATIENCE) -> str:
        """Return all that comes until the server closes; fails if it does not close."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if not self._receive(left) and time.monotonic() < deadline:
                rest, self.pending = self.pending, b""
                return rest.decode("utf-8", "backslashreplace")
        raise AssertionError(f"the server did not close within {seconds:g} s, but sent: {self.pending[-2000:]!r}")

    def half_close(self) -> None:
        """Say that no more will be sent (FIN), and go on reading."""
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """End the connection as a crash does: with RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self) -> None:
        """End the connection; twice is harmless."""
        self.socket.close()

    def _receive(self, seconds: float) -> bool:
        """Read once; False at the end of the connection and when nothing comes within `seconds`."""
        self.socket.settimeout(max(seconds, 0.001))
        try:
            piece = self.socket.recv(65536)
        except (TimeoutError, ConnectionResetError):
            return False
        finally:
            self.socket.settimeout(PATIENCE)
        self.pending += piece
        return bool(piece)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class LineClient(Connection):
    """A connection for any wire of lines."""

    def wait_for(self, wanted: Text, seconds: float = PATIENCE) -> str:
        """Return the first line in which `wanted` stands; the lines before it are passed over."""
        deadline = time.monotonic() + seconds
        passed = []
        try:
            while not find(wanted, line := self.read_line(deadline - time.monotonic())):
                passed.append(line)
        except AssertionError as error:
            raise AssertionError(f"{wanted!r} did not come; passed over: {passed!r}; {error}") from None
        return line


class PlainClient(LineClient):
    """Someone on the plain line wire who has logged in as `name`; `users` were here at that moment."""

    def __init__(self, server: Address, name: str, **connection: Any) -> None:
        super().__init__(server, **connection)
        self.name = name
        self.users: list[str] = []
        try:
            self._log_in()
        except BaseException:
            self.close()
            raise

    def _log_in(self) -> None:
        self.send_line(self.name)
        answer = self.read_line()
        assert answer == "OK", f"{self.name!r} was not let in: {answer!r}"
        users = self.read_line()
        assert users.startswith("&"), f"not a list of users: {users!r}"
        self.users = users[1:].split("&")


class JsonClient(Connection):
    """Someone on the JSON wire; with a name, logged in, and `welcome` is the server's answer."""

    def __init__(self, server: Address, name: str = "", **connection: Any) -> None:
        super().__init__(server, **connection)
        self.name = name
        self.welcome: dict[str, Any] = {}
        self._refs = 0
        try:
            self.welcome = self._log_in() if name else {}
        except BaseException:
            self.close()
            raise

    def tell(self, do: str, **fields: object) -> None:
        """Send a request without waiting for its answer."""
        self.send_line(json.dumps({"do": do, **_named(fields)}))

    def request(self, do: str, **fields: object) -> dict[str, Any]:
        """Send a request; return its answer, found by its `ref`. What comes before the answer is passed over."""
        self._refs += 1
        self.tell(do, **fields, ref=self._refs)
        return self.wait_for(ref=self._refs)

    def read(self, seconds: float = PATIENCE) -> dict[str, Any]:
        """Return the next object."""
        line = self.read_line(seconds)
        if line == QUESTION:
            line = self.read_line(seconds)
        value = json.loads(line)
        assert isinstance(value, dict), f"not an object: {line!r}"
        return value

    def wait_for(self, event: Any = None, seconds: float = PATIENCE, **fields: object) -> dict[str, Any]:
        """Return the first object with this event and these fields (`from_` stands for `from`)."""
        wanted = _named(fields if event is None else {"event": event, **fields})
        deadline = time.monotonic() + seconds
        passed = []
        try:
            while not _holds(value := self.read(deadline - time.monotonic()), wanted):
                passed.append(value)
        except AssertionError as error:
            raise AssertionError(f"{wanted!r} did not come; passed over: {passed!r}; {error}") from None
        return value

    def _log_in(self) -> dict[str, Any]:
        answer = self.request("login", name=self.name)
        assert answer["event"] == "welcome", f"{self.name!r} was not let in: {answer!r}"
        return answer


def _named(fields: Mapping[str, object]) -> dict[str, object]:
    return {key.rstrip("_"): value for key, value in fields.items()}


def _holds(value: Mapping[str, object], wanted: Mapping[str, object]) -> bool:
    return all(key in value and value[key] == what for key, what in wanted.items())
