"""A room without sockets, for tests of what is said and heard: hub, sessions, commands and wires, and bytes in lists.

A `Guest` does what the server does for a connection, but for time: `pause()` is half a second without a byte. With a
folder the house keeps what is said in the real store, and `settle()` lets the disk catch up.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from argon2 import PasswordHasher

import commands
from chat import passwords
from chat.desk import Desk
from chat.events import Ended, Event, Refused, Wish, singly
from chat.hub import Hub
from chat.scrollback import RECENT
from chat.session import Session
from chat.states import State
from chat.turn import Room, Turn, User
from store import Loaded, Store
from store.memory import StoreMemory, accounts, lasting
from store.records import Inbox
from tests.support import PATIENCE
from wires.console import HostConsole
from wires.crowds import Crowds
from wires.fanout import Acknowledgements, Fault, Telling
from wires.plain import Plain
from wires.sniff import Unknown, choose
from wires.wire import Wire

NOON = 1_800_000_000.0


def deliver(turn: Turn, fault: Fault | None = None, crowds: Crowds | None = None) -> Acknowledgements:
    """Tell a turn at once, whatever it takes; returns the acknowledgements."""
    if crowds is not None:
        crowds.forget(turn)
    telling = Telling(turn, fault, crowds)
    telling.go_on()
    return telling.acknowledgements() if turn.lasts else []


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

    @property
    def way(self) -> Ear:
        return self

    def write(self, data: bytes) -> None:
        """Take it, but nothing after the end, as a connection does."""
        if not self.hung_up:
            self.written.append(data)

    def hang_up(self) -> None:
        self.hung_up += 1

    def wait(self) -> Callable[[], None]:
        """Nothing comes from an ear."""
        return lambda: None

    def take(self) -> bytes:
        """Return what was written since the last call."""
        found, self.written = b"".join(self.written), []
        return found


class Guest(Ear):
    """One connection: bytes in, bytes out."""

    def __init__(self, house: House, wire: Wire | None = None, host: str = "192.0.2.7") -> None:
        super().__init__(wire or Unknown())
        self.host = host
        self.address = f"{host}:4711"
        self.house = house
        self._held: Iterator[Wish] | None = None
        self.session = Session(house.hub, house.table, self)
        self.session.plain_names, self.session.joins = self.wire.plain_names, self.wire.joins

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

    def wait(self) -> Callable[[], None]:
        """Hear nothing more until something has been answered."""
        self.session.wait()
        return self.session.go_on

    def resume(self) -> None:
        """Go on with what came while a password was checked."""
        held, self._held = self._held, None
        if held is not None:
            self._handle(held)

    def lines(self) -> list[str]:
        """Return the lines written since the last call, without their time stamps."""
        return [line.partition("] ")[2] or line for line in self.take().decode().split("\n")[:-1]]

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
        self.session.plain_names, self.session.joins = wire.plain_names, wire.joins

    def _requests(self, data: bytes) -> None:
        found = self.wire.receive(data)
        self._handle(singly(found) if self.session.newcomer else found)
        replies = self.wire.replies()
        if replies:
            self.write(replies)
        if self.wire.over:
            self.hang_up()

    def _handle(self, requests: Iterator[Wish]) -> None:
        for request in requests:
            self.session.handle(request)
            if self.session.state is State.CHECKING:
                self._held = requests
                return


class Later:
    """An aside whose work is done when a test says so: the oldest first, or all. `full`: it takes no more."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Callable[[], Any], Callable[[Any], None]]] = []
        self.full = False

    def run(self, work: Callable[[], Any], then: Callable[[Any], None]) -> None:
        if self.full:
            raise Refused("busy", "Too much is going on.")
        self.waiting.append((work, then))

    def finish(self, count: int = 1_000) -> None:
        """Let so many jobs be done."""
        for work, then in [self.waiting.pop(0) for _ in range(min(count, len(self.waiting)))]:
            then(work())


class House:
    """A room with its host, and the turn of the loop. What `hub` takes is passed to the hub."""

    def __init__(self, folder: Path | None = None, **hub: Any) -> None:
        self.clock = StillClock()
        self.news: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self.store = Store.open(folder, self.news.put, self._warned) if folder else None
        self.hub = Hub("Lobby", self.clock, **{**(self._loaded(self.store) if self.store else {}), **hub})
        self.hub.memory = StoreMemory(self.store) if self.store else None
        self.table = commands.load()
        self.crowds = Crowds()
        self.console = Ear(HostConsole())
        self.host = self.hub.seat_host(self.console, "here")

    def settle(self) -> None:
        """Tell everyone what was posted, then hang up on those who leave; again, until nothing more comes of it."""
        turn = self.hub.take()
        while True:
            self._deliver(turn)
            turn = self.hub.take()
            if not (turn.posts or turn.facts or turn.when_kept):
                return

    def close(self) -> None:
        """Everyone goes, and the store ends."""
        for user in tuple(self.hub):
            self.hub.leave(user, "the end")
        self.settle()
        if self.store is not None:
            assert self.store.close(PATIENCE)

    @staticmethod
    def _loaded(store: Store) -> dict[str, Any]:
        loaded = store.load(RECENT)
        return {
            "first_id": store.last_id() + 1,
            "accounts": accounts(loaded),
            "past": loaded.recent,
            **_decided(loaded),
        }

    def _deliver(self, turn: Turn) -> None:
        kept: list[bool] = []
        acknowledgements = deliver(turn, crowds=self.crowds)

        def done() -> None:
            for listener, data in acknowledgements:
                listener.way.write(data)
            for action in turn.when_kept:
                action()
            kept.append(True)

        for user in turn.gone:
            user.listener.hang_up()
        if self.store is None:
            done()
            return
        self.store.used(self.hub.newest)
        self.store.write(turn.facts, done)
        self.store.ask(Inbox("nobody"), lambda _: kept.append(True))  # answered after all that was asked before it
        while len(kept) < 2:
            self.news.get(timeout=PATIENCE)()

    def _warned(self, text: str) -> None:
        raise AssertionError(f"the store complains: {text}")

    def enter(self, name: str, wire: Wire | None = None) -> tuple[User, Ear]:
        """Let someone in without a session, on the plain wire if no other is given."""
        ear = Ear(wire or Plain())
        return self.hub.enter(name, ear, address="192.0.2.1:4711", wire=ear.wire.name), ear

    def guest(self, *pieces: bytes, host: str = "192.0.2.7") -> Guest:
        """Let a connection come in from this address that sends this."""
        guest = Guest(self, host=host)
        guest.send(*pieces)
        return guest

    def program(self, name: str, password: str = "", host: str = "192.0.2.7") -> Guest:
        """Let a program log in on the JSON wire."""
        login = {"do": "login", "name": name} | ({"password": password} if password else {})
        return self.guest(json.dumps(login).encode() + b"\n", host=host)

    def posted(self) -> Sequence[Event]:
        """Return the events of this turn that are not for the host's log, and end it."""
        return [post.event for post in self.hub.take().posts if type(post.event).__name__ != "Noted"]


def ask(house: House, line: str) -> str:
    """Let the host type a line; return what stands on his screen."""
    house.table.run(house.hub, house.host, house.table.read(house.host, line))
    house.settle()
    return house.console.take().decode()


def _decided(loaded: Loaded) -> dict[str, Any]:
    """Return what the host decided before the start."""
    return {"rooms": lasting(loaded), "desk": Desk(loaded.sanctions, loaded.trail, loaded.decisions)}


def weather() -> Room:
    """Return a room that lasts, as the host makes one with `--room`."""
    return Room("weather", "Weather", "Talk about the weather")


def hash_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let passwords be hashed in no time, for tests that are not about that."""
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "prepare", lambda: quick)
    monkeypatch.setattr(passwords, "_decoy", lambda: passwords.secret("nobody's password"))
