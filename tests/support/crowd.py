"""A crowd on every wire at once: people who talk without pause, and who hear each other's lines once and in order.

`with Crowd(server, 100, tls=context) as crowd:` lets them in. `crowd.talk()` begins the talk in a thread of its own, so
that the test may meanwhile do to the server what it likes; `crowd.rest()` ends it, waits until every line has reached
everybody, and returns a `Report`. It knows the bytes of the wires, and nothing of our code.
"""

from __future__ import annotations

import contextlib
import re
import selectors
import ssl
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

from tests.support.clients import Address
from tests.support.member import Member
from tests.support.waiting import PATIENCE, wait_until

CLEAR = ("plain", "telnet", "json", "irc", "udp", "textbook")
TLS = ("plain+tls", "json+tls", "web+tls", "irc+tls", "textbook+tls")
TOKEN = re.compile(rb"<m(\d+)n(\d+)>")
ALIVE = 20.0  # seconds between two signs of life
TICK = 0.005  # seconds that the thread waits for something to do


@dataclass
class Report:
    """What the crowd has seen since it came. `wrong` has a sentence for each thing that should not have happened."""

    lines: int
    slowest: float
    """Seconds that the slowest line took to reach the last who heard it."""
    wrong: list[str] = field(default_factory=list)
    returned: list[str] = field(default_factory=list)
    """Who has lost the connection, and come back by his token."""


class Crowd:
    """`size` people, the wires in turn, `speakers` of them (at least one of each wire) who talk.

    With `tls` there are people inside it, too; on the WebSocket only there. Each speaker says `pace` lines a second.
    Those of whom `returns` says so come back by their tokens when the connection is lost; they do not speak, for what
    was on its way at that moment is another matter.
    """

    def __init__(
        self,
        server: Address,
        size: int = 100,
        *,
        tls: ssl.SSLContext | None = None,
        wires: Sequence[str] = (),
        speakers: int = 0,
        pace: float = 4.0,
        returns: Sequence[str] = (),
    ) -> None:
        wires = wires or (*CLEAR, *(TLS if tls else ["web"]))
        self.members: list[Member] = []
        self._pause = 1 / pace
        self._selector = selectors.DefaultSelector()
        self._said: dict[tuple[int, int], float] = {}
        self._heard: dict[tuple[int, int], list[int]] = defaultdict(list)
        self._slowest = 0.0
        self._talking = self._over = False
        self._thread = threading.Thread(target=self._run, name="crowd")
        self._lock = threading.Lock()
        try:
            for number in sorted(range(size), key=lambda number: wires[number % len(wires)] != "telnet"):
                wire = wires[number % len(wires)]
                self.members.append(Member(server, number, wire, tls, returns=wire in returns))
                if wire != "telnet":
                    self.members[-1].enter()
            for member in self.members:
                if member.wire == "telnet":  # asked for his name after half a second, all at once
                    member.enter()
        except BaseException:
            self._close()
            raise
        self.members.sort(key=lambda member: member.number)
        able = [member for member in self.members if not member.returns]
        self.speakers = able[: max(speakers, len(wires))]
        for member in self.members:
            self._selector.register(member.socket, selectors.EVENT_READ, member)

    def talk(self) -> None:
        """Begin to talk, or go on."""
        self._talking = True
        if not self._thread.is_alive():
            self._thread.start()

    def said(self) -> int:
        """Return how many lines were said so far."""
        with self._lock:
            return len(self._said)

    def go_on(self, lines: int) -> None:
        """Wait until so many lines more were said."""
        goal = self.said() + lines
        wait_until(lambda: self.said() >= goal, what=f"{lines} lines more")

    def rest(self, seconds: float = PATIENCE) -> Report:
        """Say no more; return what everybody has heard, as soon as it is all, or when nothing more came for so long."""
        self._talking = False
        deadline, before = time.monotonic() + seconds, -1
        while self._missing() and time.monotonic() < deadline:
            if (now := self._count()) != before:
                before, deadline = now, time.monotonic() + seconds
            time.sleep(TICK)
        return self._report()

    def close(self) -> None:
        """Let everybody go; twice is harmless."""
        self._over = True
        if self._thread.is_alive():
            self._thread.join(PATIENCE)
        self._close()

    # -- in the thread

    def _run(self) -> None:
        due, alive = time.monotonic(), time.monotonic() + ALIVE
        turn = 0
        while not self._over:
            now = time.monotonic()
            if self._talking and now >= due:
                self._speak(self.speakers[turn % len(self.speakers)])
                turn, due = turn + 1, max(due + self._pause / len(self.speakers), now - self._pause)
            if now >= alive:
                alive = now + ALIVE
                for member in self.members:
                    if not member.lost:
                        member.show_life()
            for key, _ in self._selector.select(TICK):
                self._listen(key.data)

    def _speak(self, member: Member) -> None:
        number = member.spoken
        member.spoken += 1
        with self._lock:
            self._said[member.number, number] = time.monotonic()
        if not member.lost:
            member.say(f"<m{member.number}n{number}> and some words more")

    def _listen(self, member: Member) -> None:
        found = member.hear()
        now = time.monotonic()
        with self._lock:
            for who, which in TOKEN.findall(found):
                if int(who) != member.number:  # some wires have an echo
                    self._heard[member.number, int(who)].append(int(which))
                    self._slowest = max(self._slowest, now - self._said[int(who), int(which)])
        if member.lost:
            self._selector.unregister(member.socket)
            if member.returns and not self._over:
                self._bring_back(member)

    def _bring_back(self, member: Member) -> None:
        try:
            member.come_back()
        except (OSError, AssertionError):
            return  # he stays lost, and the report says so
        self._selector.register(member.socket, selectors.EVENT_READ, member)
        self._listen(member)  # what came with the welcome

    # -- in the test

    def _count(self) -> int:
        with self._lock:
            return sum(map(len, self._heard.values()))

    def _missing(self) -> bool:
        return self._count() < self.said() * (len(self.members) - 1)

    def _report(self) -> Report:
        wrong = [f"{member.name} was put out: {member.last_words!r}" for member in self.members if member.lost]
        with self._lock:
            for listener in self.members:
                for speaker in self.speakers:
                    if speaker is not listener:
                        heard = self._heard[listener.number, speaker.number]
                        wrong += _complaints(f"{listener.name} of {speaker.name}", heard, speaker.spoken)
            returned = [member.name for member in self.members if member.visits > 1]
            return Report(len(self._said), self._slowest, wrong, returned)

    def _close(self) -> None:
        for member in self.members:
            with contextlib.suppress(OSError):
                member.close()
        self._selector.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _complaints(who: str, heard: list[int], spoken: int) -> list[str]:
    """Return what is wrong with the lines that somebody has heard of another, who has said so many."""
    if heard == list(range(spoken)):
        return []
    missing = sorted(set(range(spoken)) - set(heard))
    twice = sorted(number for number, times in Counter(heard).items() if times > 1)
    said = [f"missed {missing[:9]}"] * bool(missing) + [f"heard twice {twice[:9]}"] * bool(twice)
    return [f"{who} {' and '.join(said or [f'heard in another order {heard[:40]}'])}"]
