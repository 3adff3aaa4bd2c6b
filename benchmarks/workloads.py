"""What is measured: who listens, who talks, and how much of it is in flight."""

from __future__ import annotations

from dataclasses import dataclass, replace

MIXED = "web:40,plain:30,irc:20,json:10"
BROWSERS = "web:100"
POINTS = (10, 100, 1_000, 5_000)


@dataclass(frozen=True)
class Workload:
    """Listeners, how many of them talk, how many messages each of these keeps in flight; and what else is so.

    `rooms` have all listeners, each of whom is in `each` of them; `idle` are more people, in `quiet` other rooms in
    which nobody talks; `slow` more people in the room, who read nothing. `stored` messages are said before. `speech`
    is how people speak with us, where not in plain lines. `beside` are `all` others, the `peers` without the limit, the
    `limit`, or `none`. `sit`: all are watched while they sit still, before the talk.
    """

    key: str
    receivers: int
    senders: int
    window: int
    rooms: int = 1
    each: int = 1
    idle: int = 0
    quiet: int = 1
    slow: int = 0
    stored: int = 0
    speech: str = ""
    beside: str = "all"
    sit: bool = False
    about: str = ""

    @property
    def title(self) -> str:
        """Return what a reader of tables is told."""
        title = f"{self.receivers:,} listeners, {self.senders} talking, {self.window:,} in flight"
        return self.about or title

    @property
    def people(self) -> int:
        """Return how many come."""
        return self.receivers + self.idle + self.slow

    def options(self) -> list[str]:
        """Return the same, in the words of load.c."""
        names = ("receivers", "rooms", "each", "senders", "window", "idle", "quiet", "slow")
        return [f"--{name}={getattr(self, name)}" for name in names]


@dataclass(frozen=True)
class Pace:
    """How long and how often, in seconds and counts."""

    repetitions: int
    seconds: float
    warm: float  # seconds of talk before counting
    idle: float  # seconds of watching those who sit still
    starts: int
    newcomers: int
    rounds: int = 3  # how often the crowds of a curve talk in turn, in each repetition


NORMAL = Pace(repetitions=3, seconds=0.7, warm=0.2, idle=1.5, starts=9, newcomers=100, rounds=6)
FULL = Pace(repetitions=3, seconds=1.5, warm=0.4, idle=3.0, starts=15, newcomers=300, rounds=12)
QUICK = Pace(repetitions=1, seconds=0.4, warm=0.2, idle=1.0, starts=3, newcomers=30)


def _row(receivers: int, senders: int, window: int, sit: bool = False) -> Workload:
    return Workload(f"{receivers}/{senders}/{window}", receivers, senders, window, sit=sit)


ROWS = (
    _row(10, 10, 64),
    _row(100, 10, 64),
    _row(1_000, 1, 1),
    _row(1_000, 10, 1),
    _row(1_000, 10, 64),
    _row(1_000, 10, 1_024),
    _row(5_000, 10, 64, sit=True),
)
OTHERS = (
    Workload("mixed", 1_000, 10, 64, speech=MIXED, beside="limit",
             about="1,000 over mixed wires, 10 talking, 64 in flight"),
    Workload("rooms", 2_500, 200, 16, rooms=200, each=4, beside="peers",
             about="200 rooms of 50, everyone in four, one talking in each, 16 in flight"),
    Workload("idle", 10, 10, 64, idle=1_000, about="10 talking, 64 in flight, beside 1,000 idle"),
    Workload("slow", 999, 10, 64, slow=1, about="1,000 listeners, 10 talking, 64 in flight, one who does not read"),
    Workload("browsers", 5_000, 10, 64, speech=BROWSERS, beside="none", sit=True,
             about="5,000 browsers, 10 plain among them talking, 64 in flight"),
)  # fmt: skip


def _point(curve: str, number: int) -> Workload:
    return Workload(f"{curve} {number}", 100, 10, 64, beside="none", about=f"{number:,} {curve}")


CURVES = {
    "idle connections": [replace(_point("idle connections", number), idle=number) for number in POINTS],
    "rooms": [replace(_point("rooms", number), idle=number, quiet=number) for number in POINTS],
    "messages stored": [replace(_point("messages stored", number), stored=number) for number in (*POINTS, 100_000)],
}
"""Cost per delivery to 100 listeners, beside more and more that has nothing to do with them."""
