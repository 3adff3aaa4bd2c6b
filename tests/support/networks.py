"""Networks that fail: a proxy that swallows and cuts, and a namespace of its own whose link goes down."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import struct
import subprocess
import threading
from pathlib import Path

from tests.support.clients import Address


class Proxy:
    """A way to a server. What it swallows is lost, as is every connection then: only `cut` helps.

    `deaf` clients hear nothing more from the server, of `dumb` ones the server hears nothing more.
    """

    def __init__(self, server: Address) -> None:
        self.deaf = self.dumb = False
        self._server = (server.host, server.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host, self.port = self._listener.getsockname()
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._near: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._wake, self._end = socket.socketpair()
        self._selector.register(self._end, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._carry, name="proxy")
        self._thread.start()

    def cut(self) -> None:
        """Reset all connections of clients, without the server's being told; new ones work."""
        with self._lock:
            self.deaf = self.dumb = False
            for near in self._near:
                self._selector.unregister(near)
                near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                near.close()
                self._pairs[self._pairs.pop(near)] = self._end  # what the server still sends goes nowhere
            self._near.clear()

    def close(self) -> None:
        """End everything."""
        self._wake.close()
        self._thread.join()
        self._selector.close()
        for each in (self._listener, self._end, *self._pairs):
            each.close()

    def _carry(self) -> None:
        while True:
            ready = [key.fileobj for key, _ in self._selector.select()]
            with self._lock:
                for each in ready:
                    if each is self._end:
                        return
                    if each is self._listener:
                        self._accept()
                    elif isinstance(each, socket.socket) and each in self._pairs:
                        self._pass_on(each)

    def _accept(self) -> None:
        near, _ = self._listener.accept()
        far = socket.create_connection(self._server)
        self._near.add(near)
        for one, other in ((near, far), (far, near)):
            self._pairs[one] = other
            self._selector.register(one, selectors.EVENT_READ)

    def _pass_on(self, one: socket.socket) -> None:
        other = self._pairs[one]
        try:
            piece = one.recv(65536)
        except OSError:
            piece = b""
        lost = other is self._end or (self.dumb if one in self._near else self.deaf)
        if not piece:
            self._drop(one, other)
        elif not lost:
            with contextlib.suppress(OSError):
                other.sendall(piece)

    def _drop(self, *pair: socket.socket) -> None:
        for each in pair:
            if self._pairs.pop(each, None):
                self._selector.unregister(each)
                self._near.discard(each)
                each.close()


class Namespace:
    """A computer of its own as far as networks go, joined to this one by a link. Needs root and `ip`."""

    def __init__(self) -> None:
        number = os.getpid() % 8_192
        self.name = f"chat-{number}"
        self.host = f"10.211.{number // 32 % 256}.{number % 32 * 8 + 1}"
        """The address of this computer on the link."""
        self._there = [f"{self.host.rpartition('.')[0]}.{number % 32 * 8 + last}/29" for last in (2, 3)]
        self._links = f"chat{number}a", f"chat{number}b"
        _ip("netns", "add", self.name)
        try:
            here, far = self._links
            _ip("link", "add", here, "type", "veth", "peer", "name", far, "netns", self.name)
            _ip("addr", "add", f"{self.host}/29", "dev", here)
            _ip("link", "set", here, "up")
            for command in (f"addr add {self._there[0]} dev {far}", "link set lo up", f"link set {far} up"):
                _ip("-n", self.name, *command.split())
        except BaseException:
            self.close()
            raise

    def program(self, path: str, folder: Path) -> str:
        """Return a program that runs the one at `path` over there."""
        made = folder / "over-there"
        made.write_text(f'#!/bin/sh\nexec ip netns exec {self.name} "{path}" "$@"\n', encoding="utf-8")
        made.chmod(0o700)
        return str(made)

    def link(self, state: str) -> None:
        """Set the link `up` or `down`, over there."""
        _ip("-n", self.name, "link", "set", self._links[1], state)

    def swallow(self, on: bool) -> None:
        """Let everything that is sent over there get lost, or no more; what arrives is not."""
        _ip("-n", self.name, "route", "add" if on else "del", "blackhole", f"{self.host}/32")

    def move(self) -> None:
        """Take another address over there, as in another network: connections from the old one are dead."""
        first, second = self._there
        _ip("-n", self.name, "addr", "del", first, "dev", self._links[1])
        _ip("-n", self.name, "addr", "add", second, "dev", self._links[1])

    def close(self) -> None:
        """Take it all away."""
        subprocess.run(["ip", "link", "del", self._links[0]], capture_output=True, check=False)
        _ip("netns", "del", self.name)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
