"""What stands on both sides of a visit: the server, and what brings the bytes. Only the contracts."""

from __future__ import annotations

from typing import Any, Protocol

from chat.flow import Flow
from chat.hub import Hub
from commands import Table
from net.connection import Limits
from net.loop import Loop
from net.recent import Recent
from options import Options
from wires.wire import Wire


class House(Protocol):
    """The server, as a visitor sees it."""

    loop: Loop
    hub: Hub
    table: Table
    limits: Limits
    options: Options

    browsers: Recent

    def http(self, secure: bool, peer: str) -> Wire: ...
    def irc(self) -> Wire: ...
    def flow(self, host: str) -> Flow | None: ...
    def secure(self, visit: Any, way: Way, data: bytes) -> Way: ...
    def forget(self, visit: Any) -> None: ...


class Way(Protocol):
    """What brings bytes to a visitor, such as a Connection or the peer of a UDP socket."""

    def write(self, data: bytes) -> None: ...
    def queue(self, data: bytes) -> None: ...
    def hold(self, on: bool) -> None: ...
    def hang_up(self) -> None: ...
