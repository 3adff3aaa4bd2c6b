"""The server, as a visit sees it. Only the contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from chat.flow import Flow
from chat.hub import Hub
from chat.turn import User
from commands import Table
from net.connection import Limits
from net.loop import Loop
from net.pace import Pace
from net.recent import Recent
from net.rounds import Rounds
from net.way import Way
from options import Options
from wires.wire import Wire

if TYPE_CHECKING:
    from visit import Visit


class House(Protocol):
    """The server, as a visitor sees it."""

    loop: Loop
    hub: Hub
    table: Table
    limits: Limits
    options: Options
    pace: Pace
    rounds: Rounds
    browsers: Recent

    def http(self, secure: bool, peer: str) -> Wire: ...
    def irc(self) -> Wire: ...
    def flow(self, host: str) -> Flow | None: ...
    def secure(self, visit: Visit, way: Way, data: bytes) -> Way: ...
    def bring(self, user: User | None) -> None: ...
    def forget(self, visit: Visit) -> None: ...
