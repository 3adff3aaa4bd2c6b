"""A link and everything it tells, and servers that the tests play for it."""

from __future__ import annotations

import json
import socket
from queue import Empty, Queue
from typing import Any

import pytest

from clients.link import Link
from clients.place import Place
from clients.visit import Patience
from tests.support import PATIENCE, wait_until

HASTE = Patience(pause=0.02, farewell=0.1)
"""For a link that comes back at once; it waits for an answer as long as a busy machine takes."""
"""For tests that wait until a link loses patience; each of them still takes as long as these say."""


class Visitor:
    """A link and everything it delivered; `wait_for` goes on where the last one ended."""

    def __init__(self, port: int, name: str = "bob", *, tls: bool = False, **how: Any) -> None:
        self.news: Queue[dict[str, Any]] = Queue()
        how = {"patience": Patience(farewell=0.1), **how}
        self.link = Link(Place("127.0.0.1", port, tls), name, self.news.put, **how)
        self.link.start()

    def wait_for(self, **wanted: object) -> dict[str, Any]:
        """Return the next object that has these values; what comes before is passed over."""
        passed = []
        try:
            while not wanted.items() <= (found := self.news.get(timeout=PATIENCE)).items():
                passed.append(found)
        except Empty:
            pytest.fail(f"{wanted!r} did not come, but {passed!r}")
        return found

    def taken(self) -> None:
        """Wait until the link's thread has taken all requests."""
        wait_until(lambda: not vars(self.link)["_requests"])

    def rest(self) -> list[dict[str, Any]]:
        """Return what has come and was not waited for, once the link has ended."""
        assert self.link.join(PATIENCE)
        return [self.news.get() for _ in range(self.news.qsize())]


class Listener:
    """A port on which the test plays the server."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.socket.settimeout(PATIENCE)
        self.port: int = self.socket.getsockname()[1]
        self.peers: list[Peer] = []

    def accept(self) -> Peer:
        """Return the next connection."""
        self.peers.append(Peer(self.socket.accept()[0]))
        return self.peers[-1]

    def welcome(self, name: str = "bob") -> Peer:
        """Accept the next connection and the name that it must bring."""
        peer = self.accept()
        assert peer.read() == {"do": "login", "name": name, "token": ""}
        peer.send(event="welcome", name=name, room="lobby", title="Lobby", users=["Host", name], count=2)
        return peer

    def close(self) -> None:
        """Close all there is."""
        for peer in self.peers:
            peer.socket.close()
        self.socket.close()


class Peer:
    """The server's side of one connection."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.socket.settimeout(PATIENCE)
        self._pending = b""

    def read(self) -> dict[str, Any]:
        """Return the next request."""
        while b"\n" not in self._pending:
            data = self.socket.recv(65536)
            assert data, f"the link hung up after {self._pending!r}"
            self._pending += data
        line, _, self._pending = self._pending.partition(b"\n")
        found: dict[str, Any] = json.loads(line)
        return found

    def send(self, **values: object) -> None:
        """Send an object; `from_` stands for `from`."""
        self.send_raw(json.dumps({key.rstrip("_"): value for key, value in values.items()}).encode() + b"\n")

    def send_raw(self, data: bytes) -> None:
        """Send bytes."""
        self.socket.sendall(data)

    def hang_up(self) -> None:
        """Close without a goodbye."""
        self.socket.close()
