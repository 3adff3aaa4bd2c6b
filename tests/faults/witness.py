"""The witnesses: six people on five wires, each of whom says five numbered lines a second and hears all the others.

Run as a process of its own (`python -m tests.faults.witness HOST PORT`), so that what the test does to the server does
not slow the witnesses down; it goes on until its standard input ends, and prints what it saw as JSON. It knows the
bytes of the wires, and nothing of our code.
"""

from __future__ import annotations

import json
import math
import os
import re
import selectors
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from itertools import permutations

from tests.gauges import processor_waits, stretched
from tests.support.clients import Address
from tests.support.member import Member

PACE = 0.2  # seconds between two lines of one witness
LAST = 10.0  # seconds in which the last lines must have come
TWICE = 0.3  # seconds after the last one, in which none may come twice
TOKEN = re.compile(rb"w(\d+)n(\d+);")


@dataclass
class Place:
    """Where the server is."""

    host: str
    port: int


class Witness(Member):
    """One of them, who is let in and goes into the `room`; `heard_of` is for what he has heard, by speaker."""

    end = b";"

    def __init__(self, wire: str, number: int, server: Address, *, source: str = "", room: str = Member.room) -> None:
        super().__init__(server, number, wire, name=f"witness{number}-{os.getpid()}", source=source)
        self.heard_of: dict[int, list[int]] = defaultdict(list)
        self.room = room
        self.enter()
        self._rest = b""  # what was said before he came
        if room != Member.room and wire != "irc":
            self._move()

    def lines(self) -> list[tuple[int, int]]:
        """Return who has said which of his lines, as far as it has come."""
        data = self.hear()
        assert not self.lost, f"{self.name} ({self.wire}) was put out: {self.last_words!r}"
        if self.wire == "irc" and b"PING" in data:
            self.show_life()
        return [(int(found[1]), int(found[2])) for found in TOKEN.finditer(data)]

    def _move(self) -> None:
        """Go from the lobby into the room."""
        self.socket.setblocking(True)
        if self.wire == "udp":
            self._expect(b"\0\x32" + self.room.encode(), b"\0\x3c")
            self._expect(b"\0\x46lobby", b"\0\x50")
        else:
            by_hand = self.wire in ("plain", "textbook")
            self._expect(self._typed(f"/join {self.room}"), b"Here: " if by_hand else b'"joined"')
            self._expect(self._typed("/part lobby"), b"You have left" if by_hand else b'"parted"')
        self.socket.setblocking(False)

    def _typed(self, line: str) -> bytes:
        return self._pack({"do": "line", "line": line}) if self.wire in ("json", "web") else self._ask("say", line)


def watch(host: str, port: int) -> dict[str, float]:
    """Talk until standard input ends; return how many lines came, how late they were, and how many came not, or twice.

    The delays are in milliseconds; they are `stretch` times as long as they would be if others left us the processor.
    """
    wires = ("plain", "plain", "json", "web", "irc", "udp")
    witnesses = [Witness(wire, number, Place(host, port)) for number, wire in enumerate(wires)]
    selector = selectors.DefaultSelector()
    for witness in witnesses:
        selector.register(witness.socket, selectors.EVENT_READ, witness)
    selector.register(sys.stdin, selectors.EVENT_READ, None)
    print("ready", flush=True)
    said: dict[tuple[int, int], float] = {}
    delays: list[float] = []
    number, due, end, ending = 0, time.monotonic(), math.inf, False
    before = processor_waits("self")
    while time.monotonic() < end:
        if not ending and time.monotonic() >= due:
            for witness in witnesses:
                said[witness.number, number] = time.monotonic()
                witness.say(f"w{witness.number}n{number};")
            number, due = number + 1, due + PACE
        for key, _ in selector.select(0.02 if ending else max(0.0, due - time.monotonic())):
            if key.data is None:
                selector.unregister(sys.stdin)
                ending, end = True, time.monotonic() + LAST
                continue
            now = time.monotonic()
            for speaker, which in key.data.lines():
                key.data.heard_of[speaker].append(which)
                delays.append(now - said[speaker, which])
        if ending and not _wrong(witnesses, number):
            end = min(end, time.monotonic() + TWICE)
    for witness in witnesses:
        witness.close()
    delays.sort()
    return {
        "lines": number,
        "wrong": _wrong(witnesses, number),
        "p99": round(1000 * delays[int(len(delays) * 0.99)], 1),
        "worst": round(1000 * delays[-1], 1),
        "stretch": round(stretched(before, processor_waits("self")), 2),
    }


def _wrong(witnesses: list[Witness], number: int) -> int:
    """Return how often somebody has not heard the `number` lines of another once each, and in order."""
    pairs = permutations(witnesses, 2)
    return sum(witness.heard_of[other.number] != list(range(number)) for witness, other in pairs)


if __name__ == "__main__":
    print(json.dumps(watch(sys.argv[1], int(sys.argv[2]))))
