"""Ways to a server: a socket that never blocks, bare or with TLS, both with the same calls.

They know neither what is carried nor whom to trust: a `Secure` way has checked its server only where its context does.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import ssl
from typing import Protocol

RECORD = 16_384  # bytes sent at once with TLS: they must be offered again unchanged where they are not taken
UNKNOWN_AUTHORITY = (19, 20, 21)  # what OpenSSL calls "unable to get local issuer certificate", and its like
READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class Way(Protocol):
    """What carries bytes. `recv` returns b"" at the end; both calls raise BlockingIOError where they would wait."""

    def fileno(self) -> int: ...
    def recv(self, most: int) -> bytes: ...
    def send(self, data: bytearray) -> int: ...
    def events(self, sending: bool) -> int: ...
    def close(self) -> None: ...
    @property
    def holds(self) -> bool: ...


class Bare:
    """A connected socket, as it is."""

    holds = False

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.fileno = sock.fileno
        self.recv = sock.recv
        self.send = sock.send
        self.close = sock.close

    def events(self, sending: bool) -> int:
        """Return what to wait for."""
        return READ | (WRITE if sending else 0)


class Secure:
    """TLS on a connected socket. Call `shake` until it is true before anything else."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, host: str) -> None:
        name = host.partition("%")[0]  # fe80::1%eth0: the zone is nobody else's business
        self._tls = context.wrap_socket(sock, server_hostname=name, do_handshake_on_connect=False)
        self._shaking = 0
        self._offered = b""
        self._reading_writes = self._writing_reads = False
        self.fileno = self._tls.fileno

    @property
    def certificate(self) -> bytes:
        """The server's certificate, in DER."""
        return self._tls.getpeercert(binary_form=True) or b""

    @property
    def holds(self) -> bool:
        """Is there something to be read of which the socket knows nothing?"""
        return self._tls.pending() > 0

    def shake(self) -> bool:
        """Go on with the handshake; False where it has to wait. Raises ssl.SSLError."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._shaking = READ
        except ssl.SSLWantWriteError:
            self._shaking = WRITE
        else:
            self._shaking = 0
        return not self._shaking

    def events(self, sending: bool) -> int:
        """Return what to wait for: reading may have to write first, and writing to read."""
        if self._shaking:
            return self._shaking
        return READ | (WRITE if self._reading_writes or (sending and not self._writing_reads) else 0)

    def recv(self, most: int) -> bytes:
        """Return up to `most` bytes: all that have come, whatever records they came in."""
        self._reading_writes = self._writing_reads = False
        found = bytearray()
        while len(found) < most:
            try:
                piece = self._tls.recv(most - len(found))
            except ssl.SSLWantReadError:
                break
            except ssl.SSLWantWriteError:
                self._reading_writes = True
                break
            except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
                piece = b""
            if not piece and not found:
                return b""
            if not piece:
                break  # the end is met again next time
            found += piece
        if not found:
            raise BlockingIOError
        return bytes(found)

    def send(self, data: bytearray) -> int:
        """Send the beginning of `data`; where it was not taken, `data` must begin with the same the next time."""
        self._offered = self._offered or bytes(data[:RECORD])
        try:
            sent = self._tls.send(self._offered)
        except ssl.SSLWantReadError:
            self._writing_reads = True
            raise BlockingIOError from None
        except ssl.SSLWantWriteError:
            raise BlockingIOError from None
        self._offered = b""
        return sent

    def close(self) -> None:
        """Say that it is the end, where that can be said at once."""
        with contextlib.suppress(OSError, ValueError):
            if not self._shaking:
                self._tls.unwrap()
        self._tls.close()


def plainly(error: ssl.SSLError) -> str:
    """Return what is wrong, to stand inside a sentence."""
    if isinstance(error, ssl.SSLCertVerificationError):
        known = "signed by an authority that is unknown here" if error.verify_code in UNKNOWN_AUTHORITY else ""
        return known or error.verify_message.rstrip(".")
    if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return "the connection was closed"
    if error.reason in ("WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "HTTP_REQUEST"):
        return "what answers there does not speak TLS"
    return f"TLS failed there ({(error.reason or 'no reason given').replace('_', ' ').lower()})"
