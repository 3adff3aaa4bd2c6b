"""The listening sockets. A newcomer is handed on; where descriptors run out, newcomers wait and the room goes on."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterable

from net.loop import READ, Loop, Timer

BACKLOG = 1024
QUIET = 60.0  # seconds in which the host is not told again what he has been told
RECEIVE_BUFFER = 1 << 20  # bytes of datagrams that may come during a long turn; the system may give less
AT_ONCE = 64  # newcomers in one turn, so that those who are here get theirs
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
FULL = "The room is full; please try again later."

Welcome = Callable[[socket.socket, str], None]
Admit = Callable[[str], str]


class Listener:
    """One listening socket. `welcome` gets each newcomer's socket and address, `warn` a sentence for the host.

    `admit` is asked first, with the host of the address, and may return the sentence with which one is turned away.
    It listens from now on; raises OSError where another program listens there since the socket was bound.
    """

    def __init__(
        self,
        loop: Loop,
        sock: socket.socket,
        welcome: Welcome,
        warn: Callable[[str], None],
        admit: Admit = lambda _host: "",
    ) -> None:
        self._loop = loop
        self._sock = sock
        self._welcome = welcome
        self._warn = warn
        self._admit = admit
        self._rest_over: Timer | None = None
        self._warned = -QUIET
        self._paused = False
        sock.listen(BACKLOG)
        loop.watch(self, READ)

    @property
    def port(self) -> int:
        """Return the port listened on."""
        return int(self._sock.getsockname()[1])

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._sock.fileno()

    def ready(self, _events: int) -> None:
        """Accept whoever waits, a few at a time."""
        for _ in range(AT_ONCE):
            try:
                sock, address = self._sock.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _EXHAUSTED:
                    self._rest()
                return  # anything else: that newcomer is gone already
            self._take(sock, address)

    def flush(self) -> None:
        """Nothing is ever kept."""

    def fail(self, why: str) -> None:
        """A fault with one newcomer; the next is welcome."""
        self._warn(f"A newcomer could not be let in: {why}.")

    def resume(self) -> None:
        """Accept again: a descriptor may be free."""
        if self._rest_over is not None:
            self._rest_over.cancel()
            self._rest_over = None
            if not self._paused:
                self._loop.watch(self, READ)

    def pause(self) -> None:
        """Accept nobody until `go_on`: who comes waits with the system."""
        self._paused = True
        self._loop.unwatch(self)

    def go_on(self) -> None:
        """Accept again."""
        if self._paused:
            self._paused = False
            if self._rest_over is None:
                self._loop.watch(self, READ)

    def close(self) -> None:
        """Stop listening; the port is free."""
        if self._rest_over is not None:
            self._rest_over.cancel()
            self._rest_over = None
        self._loop.unwatch(self)
        self._sock.close()

    def _take(self, sock: socket.socket, address: tuple[str, int]) -> None:
        limit = self._loop.limit
        if limit is not None and sock.fileno() >= limit:
            _turn_away(sock, FULL)
            self._warn_once(
                f"select() serves only descriptors below {limit}: newcomers are refused. Try --selector epoll."
            )
            return
        refusal = self._admit(address[0])
        if refusal:
            _turn_away(sock, refusal)
            self._warn_once(f"Newcomers from {address[0]} are turned away: {refusal} LIMITS shows how often.")
            return
        try:
            self._welcome(sock, shown(address))
        except OSError:
            sock.close()  # it broke before it was let in

    def _rest(self) -> None:
        self._warn_once("No more descriptors: newcomers wait until someone leaves. A higher `ulimit -n` lets in more.")
        self._loop.unwatch(self)
        self._rest_over = self._loop.call_later(1.0, self.resume)

    def _warn_once(self, text: str) -> None:
        now = self._loop.clock.monotonic()
        if now - self._warned >= QUIET:
            self._warned = now
            self._warn(text)


def shown(address: tuple[str, int]) -> str:
    """Return a peer's address as people write it: 192.168.1.5:4711, [fe80::1]:4711."""
    host, port = address[0].removeprefix("::ffff:"), address[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def bind(host: str, port: int) -> list[socket.socket]:
    """Return sockets bound for `host`; empty means every address, IPv4 and IPv6. Port 0 picks a free one for both.

    Nobody can connect before a `Listener` has them.

    Raises OSError where the port is busy or the address is not ours.
    """
    families = [(socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")] if not host else _resolve(host)
    found: list[socket.socket] = []
    try:
        for family, address in families:
            sock = _bind(family, address, port)
            if sock is None:
                continue
            found.append(sock)
            port = sock.getsockname()[1]
    except OSError:
        for sock in found:
            sock.close()
        raise
    return found


def _resolve(host: str) -> list[tuple[socket.AddressFamily, str]]:
    try:
        name = host.encode() if host.isascii() else host  # as text it would bring a table of Unicode names, and 5 ms
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError) as error:
        raise OSError(errno.EADDRNOTAVAIL, f"there is no address called {host}") from error
    return list(dict.fromkeys((family, str(address[0])) for family, _, _, _, address in found))


def _bind(family: socket.AddressFamily, address: str, port: int) -> socket.socket | None:
    """Return a bound socket, or None where this machine has no IPv6."""
    try:
        sock = socket.socket(family, socket.SOCK_STREAM)
    except OSError:
        if family == socket.AF_INET6:
            return None
        raise
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setblocking(False)
        sock.bind((address, port))
    except OSError as error:
        sock.close()
        if family == socket.AF_INET6 and address == "::" and error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
            return None
        raise
    return sock


def bind_beside(listening: Iterable[socket.socket]) -> list[socket.socket]:
    """Return UDP sockets at the addresses and ports of TCP sockets. Raises OSError where another program is there."""
    found: list[socket.socket] = []
    try:
        for tcp in listening:
            found.append(sock := socket.socket(tcp.family, socket.SOCK_DGRAM))
            if tcp.family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            sock.bind(tcp.getsockname())
    except OSError:
        for sock in found:
            sock.close()
        raise
    return found


def own_address() -> str:
    """Return the address by which others in the network reach this machine; 127.0.0.1 where there is no network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # TEST-NET-1 (RFC 5737); nothing is sent
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"


def _turn_away(sock: socket.socket, why: str) -> None:
    sock.setblocking(False)
    try:
        sock.send(why.encode() + b"\n")
        sock.shutdown(socket.SHUT_WR)
        sock.recv(4096)  # closing with something unread would destroy what was sent
    except OSError:
        pass
    sock.close()
