"""What systemd and its services say to each other: sockets that are handed over, readiness, and signs of life.

See sd_notify(3), sd_listen_fds(3) and sd_watchdog_enabled(3). Without systemd all of it does nothing.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import MutableMapping

FIRST = 3  # the first descriptor that is handed over


class Supervisor:
    """Whoever has started us and wants to hear how we do. Takes its words out of the environment."""

    def __init__(self, environ: MutableMapping[str, str] = os.environ) -> None:
        where = environ.pop("NOTIFY_SOCKET", "")
        microseconds, process = environ.pop("WATCHDOG_USEC", ""), environ.pop("WATCHDOG_PID", "")
        self._where = f"\0{where[1:]}" if where.startswith("@") else where
        watched = self._where and microseconds.isdigit() and process in ("", str(os.getpid()))
        self.pulse: float | None = int(microseconds) / 2_000_000 if watched and int(microseconds) else None
        """Seconds between two signs of life; None where nobody waits for them."""

        words = {"NOTIFY_SOCKET": where, "WATCHDOG_USEC": microseconds, "WATCHDOG_PID": process}
        self.environ = {name: word for name, word in words.items() if word}
        """What was taken out, for the code that takes over in this process."""

    def __bool__(self) -> bool:
        return bool(self._where)

    def tell(self, **what: object) -> None:
        """Say something, such as READY=1. Never waits; who does not listen misses it."""
        if not self._where:
            return
        text = "\n".join(f"{name}={value}" for name, value in what.items())
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
                sock.setblocking(False)
                sock.sendto(text.encode("utf-8", "replace"), self._where)
        except OSError:
            pass  # the supervisor finds out by itself

    def reloading(self) -> None:
        """Say that the settings are being read again."""
        self.tell(RELOADING=1, MONOTONIC_USEC=time.monotonic_ns() // 1000)


def inherited(environ: MutableMapping[str, str] = os.environ) -> tuple[list[socket.socket], list[socket.socket]]:
    """Return the sockets that were handed over: those to listen on, and those for UDP. Raises OSError."""
    names = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")
    process, number, _ = (environ.pop(name, "") for name in names)
    if process != str(os.getpid()) or not number.isdigit():
        return [], []
    streams: list[socket.socket] = []
    datagrams: list[socket.socket] = []
    for fd in range(FIRST, FIRST + int(number)):
        os.set_inheritable(fd, False)
        sock = socket.socket(fileno=fd)
        if sock.family not in (socket.AF_INET, socket.AF_INET6):
            raise OSError(f"the socket {fd} that systemd hands over is no socket of a network")
        sock.setblocking(False)
        (streams if sock.type == socket.SOCK_STREAM else datagrams).append(sock)
    return streams, datagrams
