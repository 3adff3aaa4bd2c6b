"""What stands on both sides of a session: the commands, and the connection. Only the contracts, and who is gone."""

from __future__ import annotations

from typing import Protocol

from chat.events import Event, Request, Speech
from chat.hub import Hub
from chat.turn import User


class Rules(Protocol):
    """The command table, as a session sees it."""

    def read(self, user: User | None, line: str) -> Request: ...
    def speak(self, hub: Hub, user: User, speech: Speech) -> bool: ...
    def run(self, hub: Hub, user: User, request: Request) -> None: ...


class Visitor(Protocol):
    """The connection, as a session sees it: who it is, and a way to answer before there is a user."""

    address: str

    @property
    def host(self) -> str: ...
    @property
    def wire_name(self) -> str: ...
    def answer(self, event: Event) -> None: ...
    def dismiss(self, code: str, text: str) -> None: ...
    def resume(self) -> None: ...


class Gone:
    """The connection of somebody who is gone. A session that knew the one it had would keep both from being freed."""

    address = host = wire_name = ""

    def answer(self, event: Event) -> None:
        """Nobody hears it."""

    def dismiss(self, code: str, text: str) -> None:
        """He is gone already."""

    def resume(self) -> None:
        """Nothing waits."""
