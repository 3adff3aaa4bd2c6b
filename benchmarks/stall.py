"""How long the loop keeps everybody waiting: while messages are stored, and while passwords are hashed.

A stall is the time between two sleeps of the loop, in which nobody else is served; the server tells the longest one
at /metrics. What people notice of it, the way of a message from one to another, is measured from outside.
"""

from __future__ import annotations

import json
import selectors
import socket
import statistics
import time
from typing import Any

from benchmarks.machine import cores, pinned
from benchmarks.run import Run, longest_turn, settle, stored
from benchmarks.servers import Contender, Failed, fresh

SENDERS = 4
TICK = 0.01  # seconds
LOADS = (
    ("2,000 messages a second stored", 2_000, 0),
    ("64 passwords waiting to be hashed", 100, 64),
)


class Person:
    """A JSON client that never waits."""

    def __init__(self, port: int, name: str = "") -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = b""
        if name:
            self.tell({"do": "login", "name": name})

    def tell(self, *requests: dict[str, Any]) -> None:
        """Send these at once."""
        self.socket.sendall(b"".join(json.dumps(request).encode() + b"\n" for request in requests))

    def listen(self) -> list[dict[str, Any]]:
        """Return what has come since."""
        *lines, self._rest = (self._rest + self.socket.recv(1 << 20)).split(b"\n")
        return [json.loads(line) for line in lines]


class Talk:
    """Some who say so many messages a second, one who listens, and a crowd whose passwords are wrong."""

    def __init__(self, port: int, rate: int, hashing: int) -> None:
        self._rate = rate
        self._witness = Person(port, "witness")
        self._senders = [Person(port, f"sender{number}") for number in range(SENDERS)]
        self._crowd = [Person(port) for _ in range(hashing)]
        self.ways: list[float] = []  # seconds from sender to witness
        self.sent = self.accepted = self.checked = 0
        for person in self._crowd:
            self._knock(person)

    def run(self, seconds: float) -> None:
        """Talk, then wait until all of it is acknowledged."""
        people = (self._witness, *self._senders, *self._crowd)
        began = time.perf_counter()
        with selectors.DefaultSelector() as selector:
            for person in people:
                selector.register(person.socket, selectors.EVENT_READ, person)
            while (now := time.perf_counter()) < began + seconds or (self.accepted < self.sent and now < began + 30):
                self._say_what_is_due(min(now - began, seconds))
                for key, _ in selector.select(TICK):
                    for event in key.data.listen():
                        self._take(key.data, event)
        for person in people:
            person.socket.close()

    def _say_what_is_due(self, elapsed: float) -> None:
        while self.sent < elapsed * self._rate:
            text = f"{time.perf_counter()} {'x' * 80}"
            self._senders[self.sent % SENDERS].tell({"do": "say", "text": text})
            self.sent += 1

    def _take(self, person: Person, event: dict[str, Any]) -> None:
        if event["event"] == "said" and person is self._witness and "history" not in event:
            self.ways.append(time.perf_counter() - float(event["text"].split()[0]))
        self.accepted += event["event"] == "accepted"
        if event["event"] == "refused":
            self.checked += event["code"] == "wrong_password"
            self._knock(person)

    def _knock(self, person: Person) -> None:
        person.tell({"do": "login", "name": f"nobody{time.perf_counter_ns()}", "password": "a wrong password"})


def stalls(ours: Contender, seconds: float) -> list[Run]:
    """Put each load on a server of its own; return the longest stall in each."""
    return [_stall(ours, about, rate, hashing, seconds) for about, rate, hashing in LOADS]


def _stall(ours: Contender, about: str, rate: int, hashing: int, seconds: float) -> Run:
    with fresh(ours) as server:
        settle(ours)
        longest_turn(server)  # what it did to begin with does not count
        with pinned(cores()[1]):
            talk = Talk(server.port, rate, hashing)
            talk.run(seconds)
        stall, kept = longest_turn(server), stored(server, talk.sent)
    if not len(talk.ways) == talk.accepted == talk.sent == kept:
        raise Failed(f"said {talk.sent}, heard {len(talk.ways)}, acknowledged {talk.accepted}, stored {kept}")
    cuts = statistics.quantiles(talk.ways, n=1000, method="inclusive")
    way = {"way_p50_ms": 1000 * cuts[499], "way_p99_ms": 1000 * cuts[989], "way_worst_ms": 1000 * max(talk.ways)}
    return {"about": about, "stall": stall, "said": talk.sent, "passwords_checked": talk.checked} | way
