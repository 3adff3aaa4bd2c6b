"""How many bytes connections have brought and taken, as the kernel has counted them: nothing is counted on the way.

Only Linux tells; elsewhere it stays 0.
"""

from __future__ import annotations

import socket
import sys

_INFO = getattr(socket, "TCP_INFO", None)
_SENT, _RECEIVED, _SIZE = 120, 128, 136
"""Where tcpi_bytes_acked and tcpi_bytes_received stand in struct tcp_info, and what there must be of it."""


def of(sock: socket.socket) -> tuple[int, int]:
    """Return how many bytes have come through a TCP socket, and how many have arrived that went."""
    if _INFO is None:
        return 0, 0
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, _INFO, _SIZE)
    except OSError:
        return 0, 0
    if len(info) < _SIZE:
        return 0, 0
    return int.from_bytes(info[_RECEIVED:], sys.byteorder), int.from_bytes(info[_SENT:_RECEIVED], sys.byteorder)


class Traffic:
    """The sum of those that have ended."""

    def __init__(self) -> None:
        self.received = 0
        self.sent = 0

    def add(self, sock: socket.socket) -> None:
        """Take note of a connection that is about to be closed."""
        received, sent = of(sock)
        self.received += received
        self.sent += sent
