"""Hostile bytes for every wire, without sockets: pieces of real sessions, cut, repeated, mixed and bent.

`python -m tests.fuzz MINUTES` goes on for so long and says how many inputs were tried; an input that raises, takes
too long, lets a control byte through or brings a line end into a line is printed, and ends it with exit code 1. Each
input goes through wire, session, commands and the fan-out of a room, with a listener on every wire beside it.
"""

from __future__ import annotations

import random
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from chat.events import Place, Refused
from tests.room import Ear, Guest, House, hash_quickly
from wires.classroom import Classroom
from wires.datagram import Datagram
from wires.irc import House as IrcHouse
from wires.irc import connect
from wires.jsonl import Jsonl
from wires.plain import Plain
from wires.wire import Wire

SEEDS = Path(__file__).parent / "data" / "seeds"
SLOW = 1.0  # seconds for one input: a hundred times what any takes, and far less than an explosion
LARGEST = 20_000
ROUNDS = 300  # inputs to one room
BODY = 510  # bytes in a line of IRC (RFC 1459 section 2.3), CR LF not counted
MASK = re.compile(r":[^ !@]+![^ !@]+@[^ !@]+")
TOKENS = (
    b"\r\n", b"\n", b"\r", b"\0", b"\x1b[2J", b"\xff\xf4", b"\xff\xfb\x01", b"\xc0\xaf", b"\xed\xa0\x80",
    b"\xe2\x80\xae",    "²".encode(),
    b"-1", b"NaN", b"9" * 400, b'"', b"\\", b"{", b"[" * 2_000, b":",
    b"#", b",", b"@", b"*", b"?" * 40,
    b"*a" * 30, b" ", b"/", b"//", b"\x01ACTION ", b"\x01", b"\0\x14", b"\0\x5a", b"%s", b"../../etc/passwd", b"'",
)  # fmt: skip


def seeds() -> dict[str, list[bytes]]:
    """Return the sessions to begin with, by wire."""
    return {path.stem: path.read_bytes().split(b"\n---\n") for path in sorted(SEEDS.glob("*.txt"))}


def mutate(source: random.Random, corpus: list[bytes]) -> bytes:
    """Return something like what is in the corpus."""
    data = bytearray(source.choice(corpus))
    for _ in range(source.randrange(1, 8)):
        at = source.randrange(len(data) + 1)
        match source.randrange(7):
            case 0:
                data[at:at] = source.choice(TOKENS)
            case 1:
                del data[at : at + source.randrange(1, 20)]
            case 2:
                data[at:at] = source.randbytes(source.randrange(1, 12))
            case 3:
                other = source.choice(corpus)
                data[at:at] = other[source.randrange(len(other) + 1) :]
            case 4:
                data[at:at] = bytes(data[at : at + 40]) * source.randrange(1, 20)
            case 5 if data:
                data[at % len(data)] ^= 1 << source.randrange(8)
            case _:
                data[at:] = data[at:].upper() if source.random() < 0.5 else data[at:][::-1]
    return bytes(data[:LARGEST])


def pieces(source: random.Random, data: bytes) -> list[bytes]:
    """Return `data` cut as networks cut it."""
    if len(data) < 2 or source.random() < 0.5:
        return [data]
    cuts = sorted(source.randrange(len(data)) for _ in range(source.randrange(1, 5)))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True) if a < b]


class Bench:
    """A room with a listener on every wire, into which inputs are thrown."""

    def __init__(self) -> None:
        self.house = House()
        irc_house = IrcHouse(self.house.hub)
        clock = self.house.clock
        self.makers: dict[str, Callable[[], Wire]] = {
            "plain": Plain,
            "json": Jsonl,
            "classroom": Classroom,
            "irc": lambda: connect(irc_house),
            "udp": lambda: Datagram(lambda name: _place(self.house, name), clock.monotonic),
        }
        self.ears = {wire: self._ear(wire) for wire in self.makers}

    def throw(self, wire: str, parts: list[bytes]) -> None:
        """Let somebody come by `wire`, send this and go. Raises whatever a fault of ours raises, and AssertionError."""
        guest = Guest(self.house, self.makers[wire]())
        guest.session.joins = guest.wire.joins
        began = time.process_time()
        for part in parts:
            guest.send(part)
        guest.pause()
        if guest.session.user is not None and not guest.session.user.gone:
            self.house.hub.leave(guest.session.user, "the end")
        self.house.settle()
        took = time.process_time() - began
        assert took < SLOW, f"it took {took:.2f} s"
        for name, ear in self.ears.items():
            _check(name, ear.take())
        _check("console", self.house.console.take())

    def _ear(self, wire: str) -> Ear:
        ear = Ear(self.makers[wire]())
        user = self.house.hub.enter(f"ear-{wire}", ear, address="192.0.2.9:1", wire=wire)
        assert user.current is not None
        self.house.settle()
        ear.take()
        return ear


def _place(house: House, name: str) -> Place:
    try:
        room = house.hub.rooms.get(name)
    except Refused:
        return Place(name, name, "", 0)
    return Place(room.name, room.title, room.description, len(room.members))


def _check(wire: str, data: bytes) -> None:
    """See that no control byte goes out, and that a line is a line; of IRC also who sends it, and that it is one."""
    if wire == "udp":
        return  # what stands before a datagram may be any byte; tests/test_datagrams.py looks into them
    text = data.decode()
    allowed = {"\n", "\r"} if wire == "irc" else {"\n"}
    if wire == "irc":
        allowed |= {"\x01", "\x02", "\x03", "\x0f", "\x11", "\x16", "\x1d", "\x1e", "\x1f", "\x04"}
    harmful = {letter for letter in text if letter not in allowed and (letter < " " or "\x7f" <= letter < "\xa0")}
    assert not harmful, f"{wire} heard {harmful!r}: {text!r}"
    for line in text.split("\r\n") if wire == "irc" else ():
        body = line.partition(" ")[2] if line.startswith("@") else line
        source = body.partition(" ")[0]
        assert len(body.encode()) <= BODY and ("!" not in source or MASK.fullmatch(source)), f"irc heard {line!r}"


def run(seconds: float, seed: int, most: int = 1_000_000_000) -> int:
    """Try inputs for so long, or so many; return how many. Raises AssertionError with the one that failed."""
    source = random.Random(seed)
    corpora = seeds()
    tried, end, bench = 0, time.monotonic() + seconds, Bench()
    while time.monotonic() < end and tried < most:
        wire = source.choice(sorted(corpora))
        parts = pieces(source, mutate(source, corpora[wire]))
        try:
            bench.throw(wire, parts)
        except Exception as error:
            raise AssertionError(f"seed {seed}, input {tried}, {wire}: {parts!r}") from error
        tried += 1
        if tried % ROUNDS == 0:
            bench = Bench()
    return tried


def main() -> int:
    """Go on for the minutes on the command line."""
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    seed = random.SystemRandom().randrange(1 << 32)
    with pytest.MonkeyPatch.context() as patch:
        hash_quickly(patch)
        tried = run(minutes * 60, seed)
    print(f"{tried:,} inputs tried in {minutes:g} minutes, seed {seed}: no fault")
    return 0


if __name__ == "__main__":
    sys.exit(main())
