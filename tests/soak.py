"""A crowd on six wires that comes, talks, leaves and dies at random, for as long as one likes, checked by a model.

`python -m tests.soak MINUTES [PEOPLE]`. The model: of each speaker a listener hears a run of numbers without a gap and
without a repeat, from his coming (or what is replayed then) to his going; and once all is quiet, who is still there has
heard the last word of everyone who spoke in his room since he came. Descriptors must come back to where they began, and
memory must be flat: in the second half no more than in the first, but for what the rooms remember. It prints what was
done, and ends with exit code 1 where the model was wrong.
"""

from __future__ import annotations

import random
import selectors
import socket
import struct
import sys
import time

from tests.faults.witness import Witness
from tests.gauges import descriptors, many_descriptors, memory
from tests.support import Server

WIRES = ("plain", "json", "web", "irc", "udp", "textbook")
IN_A_ROOM = 25  # people
QUIET = 5.0  # seconds after which everything must have come
PULSE = 30  # seconds between two signs of life
FLAT = 8 << 20  # bytes by which the most of the second half may be above the most of the first
BEGIN = 1_000_000  # numbers of people have as many digits each, so that no name is the beginning of another


class Crowd:
    """Everyone who is here, and what each has said and must have heard."""

    def __init__(self, server: Server, people: int, source: random.Random) -> None:
        self.server = server
        self.people = people
        self.source = source
        self.selector = selectors.DefaultSelector()
        self.here: dict[int, Witness] = {}
        self.said: dict[int, int] = {}
        self.came: dict[int, dict[int, int]] = {}  # what the others in the room had said when someone came
        self.heard: dict[int, dict[int, int]] = {}  # the last number heard, by listener and speaker
        self.next = BEGIN
        self.counts = {"came": 0, "said": 0, "heard": 0, "left": 0, "died": 0}
        self.wrong: list[str] = []

    def step(self) -> None:
        """Let something happen, and hear what has come."""
        roll = self.source.random()
        if len(self.here) < self.people and roll < 0.5:
            self.come()
        elif roll < 0.9 and self.here:
            self.speak()
        elif self.here:
            self.go()
        self.hear(0.0)

    def come(self) -> None:
        """One more."""
        number, self.next = self.next, self.next + 1
        room = f"room{number % max(1, self.people // IN_A_ROOM)}"
        self.came[number] = {other: self.said[other] for other, each in self.here.items() if each.room == room}
        self.here[number] = witness = Witness(self.source.choice(WIRES), number, self.server, room=room)
        self.said[number], self.heard[number] = -1, {}
        self.selector.register(witness.socket, selectors.EVENT_READ, number)
        self.counts["came"] += 1

    def speak(self) -> None:
        """Somebody says his next number."""
        number = self.source.choice(tuple(self.here))
        self.said[number] += 1
        self.here[number].say(f"w{number}n{self.said[number]};")
        self.counts["said"] += 1

    def go(self) -> None:
        """Somebody closes, or his computer dies."""
        number = self.source.choice(tuple(self.here))
        witness = self.here.pop(number)
        self.selector.unregister(witness.socket)
        if witness.wire == "udp":
            witness.socket.send(b"\0\x28")
        elif self.source.random() < 0.5:
            witness.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.counts["died"] += 1
        witness.socket.close()
        self.counts["left"] += 1

    def hear(self, seconds: float) -> None:
        """Take in what comes within so many seconds."""
        for key, _ in self.selector.select(seconds):
            listener = key.data
            heard = self.heard[listener]
            for speaker, number in self.here[listener].lines():
                self.counts["heard"] += 1
                if speaker in heard and number != heard[speaker] + 1 and speaker != listener:
                    wire = self.here[listener].wire
                    self.wrong.append(f"{listener} ({wire}): of {speaker} {number} after {heard[speaker]}")
                heard[speaker] = number

    def quiet(self) -> None:
        """Wait until nothing more comes; then everyone here must have heard the last words."""
        end = time.monotonic() + QUIET
        while time.monotonic() < end:
            self.hear(0.1)
        for listener, witness in self.here.items():
            for speaker, other in self.here.items():
                last, before = self.said[speaker], self.came[listener].get(speaker, -1)
                if speaker != listener and other.room == witness.room and last > before:
                    heard = self.heard[listener].get(speaker, -1)
                    if heard != last:
                        self.wrong.append(f"{listener} ({witness.wire}) heard {heard} of {speaker}, not {last}")

    def end(self) -> None:
        """All go."""
        while self.here:
            self.go()


def _go_on(crowd: Crowd, seconds: float) -> int:
    """Let things happen for so long; return the most memory that the server had meanwhile."""
    end, look, pulse, most = time.monotonic() + seconds, 0.0, 0.0, 0
    while (now := time.monotonic()) < end and not crowd.wrong:
        crowd.step()
        if now >= pulse:
            pulse = now + 1
            for number, witness in crowd.here.items():
                if (number + int(now)) % PULSE == 0:
                    witness.show_life()
        if now >= look:
            look, most = now + 1, max(most, memory(crowd.server.pid))
    return most


def main() -> int:
    """Go on for the minutes on the command line."""
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    people = int(sys.argv[2]) if len(sys.argv) > 2 else 2_000
    seed = random.SystemRandom().randrange(1 << 32)
    server = Server("--no-store", dev=False)
    began = descriptors(server.pid), memory(server.pid)
    try:
        with many_descriptors():
            crowd = Crowd(server, people, random.Random(seed))
            halves = [_go_on(crowd, minutes * 30) for _ in range(2)]
            crowd.quiet()
            print(f"{minutes:g} minutes, at most {people:,} people, seed {seed}: {crowd.counts}")
            crowd.end()
            time.sleep(QUIET)
        ended = descriptors(server.pid), memory(server.pid)
        megabytes = ", ".join(f"{size / (1 << 20):.1f}" for size in (began[1], *halves, ended[1]))
        print(f"memory before, most in either half, and after: {megabytes} MB; descriptors {began[0]} and {ended[0]}")
        print("\n".join(crowd.wrong[:20]) or "Everyone heard what he should.")
        flat = halves[1] <= halves[0] + FLAT
        print("Memory is flat." if flat else "Memory grows.")
        return int(bool(crowd.wrong) or not flat or ended[0] > began[0] + 2)
    finally:
        server.stop()
        server.finish()


if __name__ == "__main__":
    sys.exit(main())
