"""TLS under one connection: a layer between it and its owner, who gets and gives what is not encrypted.

OpenSSL works on memory alone here. So it never touches the socket: it cannot hide from the selector what it has
decrypted already, reading never waits for a write, and what the kernel does not take is the connection's to keep,
within its bounds. It knows nothing of files, nor of what the bytes mean.
"""

from __future__ import annotations

import ssl
from collections import deque
from typing import Protocol

from net.certificate import Certificate
from net.connection import Connection
from net.loop import Loop

PIECE = 4_096  # bytes in a record: the memory between stays as large as the largest piece that ever went through it


class Owner(Protocol):
    """As the owner of a Connection; `secured` tells that the handshake is done."""

    def secured(self) -> None: ...
    def heard(self, data: bytes) -> None: ...
    def ended(self, why: str) -> None: ...
    def stalled(self, limit: str, why: str) -> None: ...
    def failed(self, why: str) -> None: ...


class Tls:
    """What all TLS connections share: the certificate, and the queue of those who wait for a step of their handshake.

    One a turn: each takes as long as a hundred messages, and the others are not to wait for all of them.
    """

    def __init__(self, loop: Loop, certificate: Certificate) -> None:
        self.certificate = certificate
        self.done = self.broken_off = 0  # handshakes
        self._loop = loop
        self._waiting: deque[Secure] = deque()

    def begin(self, connection: Connection, owner: Owner, data: bytes) -> Secure:
        """Make a TLS connection of one that began with `data`."""
        secure = Secure(self, self._loop, connection, owner)
        secure.heard(data)
        return secure

    def wait(self, secure: Secure) -> None:
        """Let this one shake hands when those who came before it have."""
        self._waiting.append(secure)
        if len(self._waiting) == 1:
            self._loop.call_soon(self._next)

    def _next(self) -> None:
        first = self._waiting.popleft()
        if self._waiting:
            self._loop.call_soon(self._next)
        first.shake()


class Secure:
    """One connection's TLS, the server's side. Takes the place of the connection's owner."""

    __slots__ = (
        "_connection", "_held", "_incoming", "_loop", "_outgoing", "_owner", "_ready", "_shared", "_tls", "_waits",
    )  # fmt: skip

    def __init__(self, shared: Tls, loop: Loop, connection: Connection, owner: Owner) -> None:
        context = shared.certificate.context
        self._shared = shared
        self._loop = loop
        self._connection = connection
        self._owner = owner
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls: ssl.SSLObject | None = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._ready = False  # the handshake is done
        self._waits = False
        self._held = False
        connection.give_to(self)

    # -- the connection's side

    def heard(self, data: bytes) -> None:
        """Bytes came. While the handshake waits for its turn, no more are read."""
        self._incoming.write(data)
        if self._ready:
            self._read()
        elif not self._waits:
            self._waits = True
            self._connection.hold(True)
            self._shared.wait(self)

    def ended(self, why: str) -> None:
        """The connection is gone, or the peer has closed it."""
        self._take_leave()
        self._owner.ended(why)
        self._connection.give_to(self._owner)  # we are between nobody now: so both are freed at once

    def stalled(self, limit: str, why: str) -> None:
        """The peer does not read."""
        self._owner.stalled(limit, why)

    def failed(self, why: str) -> None:
        """A fault of ours was met."""
        self._owner.failed(why)

    # -- the owner's side

    def write(self, data: bytes) -> None:
        """Send `data` now, or keep it, as the connection does."""
        sealed = self._seal(data)
        if sealed:
            self._connection.write(sealed)

    def queue(self, data: bytes) -> None:
        """Keep `data` until the loop is about to sleep."""
        self._connection.queue(self._seal(data))

    def hold(self, on: bool) -> None:
        """Let nothing more be heard for a while; what is decrypted already waits here, the rest with the peer."""
        self._held = on
        self._connection.hold(on)
        if not on:
            self._loop.mark(self)

    def hang_up(self) -> None:
        """Say that this is the end (close_notify), send what is kept, then close."""
        self._take_leave()
        self._connection.hang_up()

    # -- the loop's side, when it is asked to come back to what is here already

    def fileno(self) -> int:
        """Return the descriptor, -1 after the end."""
        return self._connection.fileno()

    def ready(self, events: int) -> None:
        """The connection itself is watched."""

    def flush(self) -> None:
        """Go on with what has come already."""
        self._read()

    def fail(self, why: str) -> None:
        """A fault of ours was met while what had come was handled."""
        self._connection.fail(why)

    # -- within

    def shake(self) -> None:
        """Do one step of the handshake: as far as what came allows."""
        self._waits = False
        if self._tls is None:
            return
        self._connection.hold(False)
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._send_own()
        except ssl.SSLError as error:
            self._break_off(error)
        else:
            self._send_own()
            self._ready = True
            self._shared.done += 1
            self._owner.secured()
            self._loop.mark(self)

    def _read(self) -> None:
        """Hand on what can be decrypted, until nothing is left or the owner wants no more.

        The peer's goodbye counts after all have been told what came before it, also where it came in the same piece.
        """
        heard = False
        while self._tls is not None and not self._held:
            try:
                data = self._tls.read(PIECE)
            except ssl.SSLWantReadError:
                self._send_own()
                return
            except ssl.SSLError as error:
                self._break_off(error)
                return
            if not data:
                if heard:
                    self._loop.mark(self)
                else:
                    self._connection.end("closed the connection")
                return
            heard = True
            self._owner.heard(data)

    def _seal(self, data: bytes) -> bytes:
        """Return `data` encrypted; nothing before the handshake and after the end."""
        if self._tls is None or not self._ready:
            return b""
        if len(data) <= PIECE:
            self._tls.write(data)
            return self._outgoing.read()
        pieces = []
        for start in range(0, len(data), PIECE):
            self._tls.write(data[start : start + PIECE])
            pieces.append(self._outgoing.read())
        return b"".join(pieces)

    def _send_own(self) -> None:
        """Send what TLS itself has to say."""
        if self._outgoing.pending:
            self._connection.queue(self._outgoing.read())

    def _break_off(self, error: ssl.SSLError) -> None:
        """Send the alert, and close: this is no TLS, or not one that we speak."""
        self._shared.broken_off += not self._ready
        self._tls = None
        self._send_own()
        self._connection.end(f"TLS: {(error.reason or 'broken').replace('_', ' ').lower()}")

    def _take_leave(self) -> None:
        tls, self._tls = self._tls, None
        if tls is None or not self._ready:
            return
        try:
            tls.unwrap()
        except ssl.SSLError:
            pass  # the peer's own goodbye is not waited for
        self._send_own()
