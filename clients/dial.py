"""Makes the connection to a server, with TLS where that is wanted. It waits only by way of the `wait` it is given."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any

from clients.place import Place
from clients.trust import Trust
from clients.ways import WRITE, Bare, Secure, Way, plainly

Wait = Callable[[int, int, float], object]
"""`wait(descriptor, events, deadline)` returns when something may have happened, and raises to break off."""


class Dialer:
    """Knows the way to one server; `seconds` is for each address, and for the handshake of TLS."""

    def __init__(self, place: Place, trust: Trust, wait: Wait, seconds: float) -> None:
        self._place = place
        self._trust = trust
        self._wait = wait
        self._seconds = seconds

    def dial(self) -> Way:
        """Return a way to the server.

        Raises OSError, UnicodeError for a host name that cannot be one, Untrusted and Stranger.
        """
        if not self._place.tls:
            return Bare(self._connect())
        try:
            return self._dial_securely()
        except ssl.SSLCertVerificationError as error:
            if not self._trust.mistrust(plainly(error)):
                raise
        return self._dial_securely()

    def _dial_securely(self) -> Secure:
        context = self._trust.context(self._place.server)
        sock = self._connect()
        try:
            way = Secure(sock, context, self._place.host)
        except (ValueError, OSError) as error:
            sock.close()
            raise UnicodeError("no name of a host") if isinstance(error, ValueError) else error from None
        try:
            deadline = time.monotonic() + self._seconds
            while not way.shake():
                self._await(way.fileno(), way.events(sending=False), deadline)
            self._trust.check(self._place.server, way.certificate)
        except BaseException:
            way.close()
            raise
        return way

    def _connect(self) -> socket.socket:
        error = OSError("no such address")
        place = self._place
        for family, kind, protocol, _, address in socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM):
            sock = socket.socket(family, kind, protocol)
            try:
                self._reach(sock, address)
            except OSError as failed:
                sock.close()
                error = failed
            except BaseException:
                sock.close()
                raise
            else:
                return sock
        raise error

    def _reach(self, sock: socket.socket, address: Any) -> None:
        sock.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            sock.connect(address)
        deadline = time.monotonic() + self._seconds
        while not self._await(sock.fileno(), WRITE, deadline):
            pass
        if number := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(number, os.strerror(number))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _await(self, descriptor: int, events: int, deadline: float) -> object:
        ready = self._wait(descriptor, events, deadline)
        if not ready and time.monotonic() >= deadline:
            raise TimeoutError
        return ready
