"""Clients of the foreign wires, byte by byte from the tables in PROTOCOL.md; they know nothing of our code."""

from __future__ import annotations

import socket
import time
from typing import Self

from tests.support import PATIENCE, Address, LineClient


class TextbookClient(LineClient):
    """Someone on the textbook wire; with a name, added."""

    def __init__(self, server: Address, name: str = "", **connection: str) -> None:
        super().__init__(server, **connection)  # type: ignore[arg-type]
        self.name = name
        if name:
            self.send(f"ADD {name}\n")
            self.read_until(f"NEW {name}\n")

    def messages(self, count: int) -> list[tuple[str, ...]]:
        """Return the next `count` messages, as `("NEW", "joe")` or `("MESSAGE", "joe", "hi")`."""
        return [self.message() for _ in range(count)]

    def message(self) -> tuple[str, ...]:
        verb, _, name = self.read_line().partition(" ")
        return (verb, name, self.read_line()) if verb in ("MESSAGE", "PRIVATE") else (verb, name)


class UdpClient:
    """One UDP socket, bound to `source`; with a nick, logged in."""

    def __init__(self, server: Address, nick: str = "", source: str = "127.0.0.1") -> None:
        self.server = (server.host, server.port)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind((source, 0))
        self.sent = self.received = 0
        if nick:
            self.send(20, nick)
            assert self.read() == (30, nick)

    def send(self, code: int, text: str | bytes = "") -> None:
        """Send one datagram."""
        self.send_raw(code.to_bytes(2, "big") + (text.encode() if isinstance(text, str) else text))

    def send_raw(self, data: bytes) -> None:
        self.socket.sendto(data, self.server)
        self.sent += len(data)

    def read(self, seconds: float = PATIENCE) -> tuple[int, str]:
        """Return code and text of the next datagram."""
        self.socket.settimeout(max(seconds, 0.001))
        try:
            data, sender = self.socket.recvfrom(1024, socket.MSG_TRUNC)
        except TimeoutError:
            raise AssertionError(f"no datagram within {seconds:g} s") from None
        assert sender == self.server
        self.received += len(data)
        return int.from_bytes(data[:2], "big"), data[2:].decode()

    def request(self, code: int, text: str | bytes = "") -> tuple[int, str]:
        """Send one datagram, and return the next that comes."""
        self.send(code, text)
        return self.read()

    def wait_for(self, code: int, text: str = "", seconds: float = PATIENCE) -> str:
        """Return the text of the first datagram with this code in which `text` stands."""
        deadline = time.monotonic() + seconds
        passed: list[tuple[int, str]] = []
        while True:
            try:
                found = self.read(deadline - time.monotonic())
            except AssertionError:
                raise AssertionError(f"{code} {text!r} did not come; passed over: {passed!r}") from None
            if found[0] == code and text in found[1]:
                return found[1]
            passed.append(found)

    def hears_nothing(self) -> bool:
        """Return whether nothing waits; ask only when all that could have come has."""
        try:
            self.read(0.001)
        except AssertionError:
            return True
        return False

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
