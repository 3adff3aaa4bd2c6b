"""The witnesses: six people on five wires, each of whom says five numbered lines a second and hears all the others.

Run as a process of its own (`python -m tests.faults.witness HOST PORT`), so that what the test does to the server does
not slow the witnesses down; it goes on until its standard input ends, and prints what it saw as JSON. It knows the
bytes of the wires, and nothing of our code.
"""

from __future__ import annotations

import base64
import contextlib
import json
import math
import os
import re
import selectors
import socket
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import permutations

from tests.gauges import processor_waits, stretched

PACE = 0.2  # seconds between two lines of one witness
LAST = 10.0  # seconds in which the last lines must have come
TWICE = 0.3  # seconds after the last one, in which none may come twice
TOKEN = re.compile(rb"w(\d+)n(\d+);")


def _frame(text: str) -> bytes:
    """Return a masked text frame of at most 125 bytes (RFC 6455 section 5.2)."""
    data, mask = text.encode(), os.urandom(4)
    return bytes((0x81, 0x80 | len(data))) + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))


@dataclass
class Witness:
    """One of them: how it comes in, how it says a line, and what it has heard, by speaker."""

    wire: str
    number: int
    address: tuple[str, int]
    source: str = ""
    room: str = "lobby"
    heard: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    rest: bytes = b""

    def __post_init__(self) -> None:
        kind = socket.SOCK_DGRAM if self.wire == "udp" else socket.SOCK_STREAM
        self.socket = socket.socket(socket.AF_INET, kind)
        if self.wire == "udp":
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.settimeout(30)
        if self.source:
            self.socket.bind((self.source, 0))
        self.socket.connect(self.address)
        name = f"witness{self.number}-{os.getpid()}"
        if self.wire == "plain":
            self._expect(f"{name}\n".encode(), b"OK\n")
        elif self.wire == "textbook":
            self._expect(f"ADD {name}\n".encode(), f"NEW {name}\n".encode())
        elif self.wire == "json":
            self._expect(json.dumps({"do": "login", "name": name}).encode() + b"\n", b'"welcome"')
        elif self.wire == "irc":
            self._expect(f"NICK {name}\r\nUSER {name} 0 * :x\r\nJOIN #{self.room}\r\n".encode(), b" 366 ")
        elif self.wire == "udp":
            self._log_in(name)
        else:
            key = base64.b64encode(os.urandom(16)).decode()
            head = f"GET /ws HTTP/1.1\r\nHost: {self.address[0]}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            self._expect(f"{head}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode(), b"101 ")
            self._expect(_frame(json.dumps({"do": "login", "name": name})), b'"welcome"')
        if self.room != "lobby" and self.wire != "irc":
            self._move()
        self.socket.setblocking(False)

    def say(self, text: str) -> None:
        """Say a line to the room."""
        line = {"do": "say", "text": text}
        said = {
            "plain": f"{text}\n".encode(),
            "textbook": f"MESSAGE {text}\n".encode(),
            "json": json.dumps(line).encode() + b"\n",
            "irc": f"PRIVMSG #{self.room} :{text}\r\n".encode(),
            "udp": b"\0\x5a" + text.encode(),
            "web": _frame(json.dumps(line)),
        }
        self.socket.send(said[self.wire])

    def _log_in(self, name: str) -> None:
        """Ask again until it is answered, as clients of the UDP channel protocol do."""
        self.socket.settimeout(6)
        for _ in range(5):
            with contextlib.suppress(TimeoutError):
                self._expect(b"\0\x14" + name.encode(), b"\0\x1e")
                return
        raise TimeoutError(f"{name} was not let in")

    def pulse(self) -> None:
        """Show that one is there, where the wire's clients do that."""
        signs = {
            "json": b'{"do":"pong"}\n',
            "irc": b"PONG x\r\n",
            "udp": b"\0\xc8",
            "web": b"\x8a\x80abcd",
        }
        if self.wire in signs:
            self.socket.send(signs[self.wire])

    def hear(self) -> list[tuple[int, int]]:
        """Return who has said which of his lines, as far as it has come."""
        data = b""
        try:
            data = self.socket.recv(65536)
            while self.wire == "udp":  # a burst fills the kernel's buffer faster than it is read one by one
                data += self.socket.recv(65536)
        except BlockingIOError:
            if self.wire != "udp" or not data:
                return []
        assert data, f"witness{self.number} ({self.wire}) was put out: {self.rest!r}"
        self.rest += data
        if self.wire == "irc" and b"PING" in data:
            self.socket.send(b"PONG x\r\n")
        found = [(int(match[1]), int(match[2])) for match in TOKEN.finditer(self.rest)]
        end = max((match.end() for match in TOKEN.finditer(self.rest)), default=0)
        self.rest = self.rest[end:][-65600:]  # a burst may be more, and a line may stand anywhere in it
        return found

    def _move(self) -> None:
        """Go from the lobby into the room."""
        if self.wire == "udp":
            self.rest = self._expect(b"\0\x32" + self.room.encode(), b"\0\x3c")
            self.rest += self._expect(b"\0\x46lobby", b"\0\x50")
            return
        said = {"plain": "{}\n", "textbook": "MESSAGE {}\n"}.get(self.wire, '{{"do":"line","line":"{}"}}\n')
        by_hand = self.wire in ("plain", "textbook")
        for line, answer in ((f"/join {self.room}", b"Here: " if by_hand else b'"joined"'),
                             ("/part lobby", b"You have left" if by_hand else b'"parted"')):  # fmt: skip
            text = said.format(line)
            self.rest += self._expect(_frame(text) if self.wire == "web" else text.encode(), answer)

    def _expect(self, data: bytes, answer: bytes) -> bytes:
        self.socket.sendall(data)
        came = b""
        while answer not in came:
            piece = self.socket.recv(65536)
            assert piece, f"{self.wire}: {came!r}"
            came += piece
        return came


def watch(host: str, port: int) -> dict[str, float]:
    """Talk until standard input ends; return how many lines came, how late they were, and how many came not, or twice.

    The delays are in milliseconds; they are `stretch` times as long as they would be if others left us the processor.
    """
    wires = ("plain", "plain", "json", "web", "irc", "udp")
    witnesses = [Witness(wire, number, (host, port)) for number, wire in enumerate(wires)]
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
            for speaker, which in key.data.hear():
                key.data.heard[speaker].append(which)
                delays.append(now - said[speaker, which])
        if ending and not _wrong(witnesses, number):
            end = min(end, time.monotonic() + TWICE)
    for witness in witnesses:
        if witness.wire == "udp":
            witness.socket.send(b"\0\x28")
        witness.socket.close()
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
    return sum(witness.heard[other.number] != list(range(number)) for witness, other in pairs)


if __name__ == "__main__":
    print(json.dumps(watch(sys.argv[1], int(sys.argv[2]))))
