"""A rough road to a server: datagrams lost, doubled and out of order; streams delayed, stalled, cut at any byte.

Each is a thread that carries what comes. Chance comes from a seed, so that what failed can be seen again.
"""

from __future__ import annotations

import contextlib
import heapq
import random
import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Any, Self

from tests.support.clients import Address


class _Road:
    """What both have in common: a thread that waits for descriptors and for times, until `close`."""

    def __init__(self, server: Address) -> None:
        self._server = (server.host, server.port)
        self._selector = selectors.DefaultSelector()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self._wake, self._end = socket.socketpair()
        self._selector.register(self._end, selectors.EVENT_READ)
        self._open: list[socket.socket] = [self._wake, self._end]
        self._thread = threading.Thread(target=self._run, name="road")

    def close(self) -> None:
        """Let nothing through any more; twice is harmless."""
        if self._thread.is_alive():
            self._wake.send(b"x")
            self._thread.join()
            self._selector.close()
            for each in self._open:
                each.close()

    def _later(self, seconds: float, action: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._due, (time.monotonic() + seconds, self._count, action))

    def _run(self) -> None:
        while True:
            wait = max(0.0, self._due[0][0] - time.monotonic()) if self._due else None
            for key, _ in self._selector.select(wait):
                if key.fileobj is self._end:
                    return
                key.data()
            while self._due and self._due[0][0] <= time.monotonic():
                heapq.heappop(self._due)[2]()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class RoughAir(_Road):
    """A UDP port that leads to the server; each client has a port of its own there.

    Of both directions a share of datagrams is `lost`, `doubled`, or `late` by up to a fifth of a second, and so
    overtaken by others.
    """

    def __init__(
        self, server: Address, *, seed: int, lost: float = 0.0, doubled: float = 0.0, late: float = 0.0
    ) -> None:
        super().__init__(server)
        self.lost, self.doubled, self.late = lost, doubled, late
        self.dropped = self.repeated = self.delayed = 0
        self._chance = random.Random(seed)
        self._front = self._socket()
        self._front.bind(("127.0.0.1", 0))
        self.host, self.port = self._front.getsockname()
        self._behind: dict[tuple[str, int], socket.socket] = {}
        self._selector.register(self._front, selectors.EVENT_READ, self._there)
        self._thread.start()

    def _socket(self) -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._open.append(made)
        return made

    def _there(self) -> None:
        data, client = self._front.recvfrom(65_536)
        behind = self._behind.get(client)
        if behind is None:
            behind = self._behind[client] = self._socket()
            behind.connect(self._server)
            self._selector.register(behind, selectors.EVENT_READ, lambda: self._back(client))
        self._carry(data, behind.send)

    def _back(self, client: tuple[str, int]) -> None:
        with contextlib.suppress(OSError):
            self._carry(self._behind[client].recv(65_536), lambda data: self._front.sendto(data, client))

    def _carry(self, data: bytes, send: Callable[[bytes], Any]) -> None:
        if self._chance.random() < self.lost:
            self.dropped += 1
            return
        copies = 1 + (self._chance.random() < self.doubled)
        self.repeated += copies - 1
        for _ in range(copies):
            late = self._chance.random() < self.late
            self.delayed += late
            self._later(self._chance.random() / 5 * late, lambda: self._send(send, data))

    @staticmethod
    def _send(send: Callable[[bytes], Any], data: bytes) -> None:
        with contextlib.suppress(OSError):
            send(data)


class RoughRoad(_Road):
    """A TCP port that leads to the server, in small pieces and with delays, and that can end in more than one way.

    `cut_after` bytes from the client everything is reset; `half_close_after` them the server hears no more, and goes
    on being heard. `stalled` holds everything back.
    """

    def __init__(
        self, server: Address, *, seed: int, delay: float = 0.0, cut_after: int = 0, half_close_after: int = 0
    ) -> None:
        super().__init__(server)
        self.delay, self.cut_after, self.half_close_after = delay, cut_after, half_close_after
        self.stalled = False
        self._chance = random.Random(seed)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open.append(self._listener)
        self.host, self.port = self._listener.getsockname()
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        self._thread.start()

    def _accept(self) -> None:
        near, _ = self._listener.accept()
        far = socket.create_connection(self._server)
        self._open += near, far
        _Lane(self, near, far, self.cut_after, self.half_close_after)
        _Lane(self, far, near, 0, 0)


class _Lane:
    """One direction of one connection."""

    def __init__(self, road: RoughRoad, one: socket.socket, other: socket.socket, cut: int, half: int) -> None:
        self._road, self._one, self._other = road, one, other
        self._left = cut or half or -1
        self._half = bool(half)
        road._selector.register(one, selectors.EVENT_READ, self._carry)

    def _carry(self) -> None:
        road = self._road
        road._selector.unregister(self._one)
        try:
            piece = self._one.recv(1 + int(road._chance.random() * 200))
        except OSError:
            piece = b""
        road._later(road._chance.random() * road.delay, lambda: self._pass(piece))

    def _pass(self, piece: bytes) -> None:
        road = self._road
        if road.stalled:
            road._later(0.02, lambda: self._pass(piece))
            return
        if self._left >= 0:
            piece = piece[: self._left]
            self._left -= len(piece)
        with contextlib.suppress(OSError):
            self._other.sendall(piece)
        if self._left == 0 and not self._half:
            self._reset()
        elif self._left == 0 or not piece:
            with contextlib.suppress(OSError):
                self._other.shutdown(socket.SHUT_WR)
        else:
            road._selector.register(self._one, selectors.EVENT_READ, self._carry)

    def _reset(self) -> None:
        for each in (self._one, self._other):
            with contextlib.suppress(KeyError, ValueError):
                self._road._selector.unregister(each)
            with contextlib.suppress(OSError):
                each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            each.close()
