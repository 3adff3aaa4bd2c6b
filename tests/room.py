"""A room without sockets, for tests of what is said and heard: hub, sessions, commands and wires, and bytes in lists.

A `Guest` does what the server does for a connection, but for time: `pause()` is half a second without a byte.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import commands
from chat.events import Ended, Event
from chat.hub import Hub
from chat.session import Session, State
from chat.turn import User
from wires.console import HostConsole
from wires.fanout import deliver
from wires.plain import Plain
from wires.sniff import Unknown, choose
from wires.wire import Wire

NOON = 1_800_000_000.0


class StillClock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = NOON

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now


class Ear:
    """Whoever hears: a wire, and all that was written to it, piece by piece."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.written: list[bytes] = []
        self.hung_up = 0

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def hang_up(self) -> None:
        self.hung_up += 1

    def take(self) -> bytes:
        """Return what was written since the last call."""
        found, self.written = b"".join(self.written), []
        return found


class Guest(Ear):
    """One connection: bytes in, bytes out."""

    address = "192.0.2.7:4711"
    host = "192.0.2.7"

    def __init__(self, house: House, wire: Wire | None = None) -> None:
        super().__init__(wire or Unknown())
        self.house = house
        self.session = Session(house.hub, house.table, self)
        self.session.plain_names = self.wire.plain_names

    @property
    def wire_name(self) -> str:
        return self.wire.name

    def send(self, *pieces: bytes) -> None:
        """Let each piece arrive in a turn of its own."""
        for piece in pieces:
            self._hear(piece)
            self.house.settle()

    def pause(self) -> None:
        """Let half a second pass before the login."""
        if isinstance(self.wire, Unknown):
            seen = self.wire.seen
            self._become(Plain())
            self._requests(seen)
            if not seen:
                self.session.greet()
        for request in self.wire.pause(self.session.greeted):
            self.session.handle(request)
        self.house.settle()

    def answer(self, event: Event) -> None:
        self.write(self.wire.encode(event))

    def dismiss(self, code: str, text: str) -> None:
        if self.session.state is not State.LEAVING:
            self.answer(Ended(*self.house.hub.stamp(), code, text))
            self.hang_up()

    def resume(self) -> None:
        """Nothing ever waits here: passwords are checked at once."""

    def objects(self) -> list[dict[str, Any]]:
        """Return the JSON objects written since the last call."""
        return [json.loads(line) for line in self.take().splitlines()]

    def _hear(self, data: bytes) -> None:
        if isinstance(self.wire, Unknown):
            wire = choose(self.wire.seen + data)
            if wire is not None:
                data = self.wire.seen + data
                self._become(wire)
        self._requests(data)

    def _become(self, wire: Wire) -> None:
        self.wire = wire
        self.session.plain_names = wire.plain_names

    def _requests(self, data: bytes) -> None:
        for request in self.wire.receive(data):
            self.session.handle(request)
        replies = self.wire.replies()
        if replies:
            self.write(replies)
        if self.wire.over:
            self.hang_up()


class House:
    """A room with its host, and the turn of the loop."""

    def __init__(self) -> None:
        self.clock = StillClock()
        self.hub = Hub("Lobby", self.clock)
        self.table = commands.load()
        self.console = Ear(HostConsole())
        self.host = self.hub.seat_host(self.console, "here")

    def settle(self) -> None:
        """Tell everyone what was posted, then hang up on those who leave."""
        turn = self.hub.take()
        for listener, data in deliver(turn):
            listener.write(data)
        for action in turn.when_kept:
            action()
        for user in turn.gone:
            user.listener.hang_up()

    def enter(self, name: str, wire: Wire | None = None) -> tuple[User, Ear]:
        """Let someone in without a session, on the plain wire if no other is given."""
        ear = Ear(wire or Plain())
        return self.hub.enter(name, ear), ear

    def guest(self, *pieces: bytes) -> Guest:
        """Let a connection come in that sends this."""
        guest = Guest(self)
        guest.send(*pieces)
        return guest

    def posted(self) -> Sequence[Event]:
        """Return the events of this turn that are not for the host's log, and end it."""
        return [post.event for post in self.hub.take().posts if type(post.event).__name__ != "Noted"]
