"""The limits: what each is when nobody sets it, and how often it was hit. Knows nothing of who runs into them.

There is one table for the process. `Limits` is what can be set; times are in seconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from record import record

EXEMPT = ("127.0.0.1", "::1")  # others in 127/8 are not, so that tests and the curious can see the limits work


@record
class Limits:
    """What can be set, in the order in which LIMITS shows it; `ABOUT` says what each means."""

    connections: int = 20_000
    per_address: int = 64
    new_per_second: int = 32
    half_open: int = 500
    udp_peers: int = 1_000
    udp_per_address: int = 64
    login_timeout: float = 20.0
    request_timeout: float = 10.0
    ping_after: float = 60.0
    silent_limit: float = 120.0
    stall_limit: float = 10.0
    dead_limit: float = 30.0
    idle_limit: float = 0.0
    return_limit: float = 30.0
    reload_limit: float = 5.0
    outbox: int = 1_048_576
    tries: int = 3
    logins_per_minute: int = 15
    checks_per_address: int = 16
    checks: int = 64
    registrations: int = 60
    talk_burst: int = 20
    talk_rate: int = 4
    talk_bytes: int = 16_384
    address_factor: int = 10
    talk_delay: float = 60.0
    talk_refused: int = 100
    nick_changes: int = 10
    rooms: int = 500
    rooms_per_person: int = 20
    watches: int = 200
    blocks: int = 200
    inbox: int = 500
    name: int = 32
    line: int = 4_096
    message: int = 16_384
    frame: int = 131_072
    header: int = 8_192


ABOUT: dict[str, str] = {
    "connections": "connections at once, in all; fewer where the system gives fewer descriptors",
    "per_address": "connections at once from one address, or one /64 of IPv6",
    "new_per_second": "new connections a second from one address, or one /64 of IPv6",
    "half_open": "connections at once that have not logged in",
    "udp_peers": "people at once who come by UDP",
    "udp_per_address": "people at once who come by UDP from one address",
    "login_timeout": "a newcomer must give a name within this time",
    "request_timeout": "a browser's request must be complete within this time",
    "ping_after": "a silent program is asked after this time whether it is there",
    "silent_limit": "a program from which no whole line comes is put out after this time",
    "stall_limit": "who does not read what is sent to him is put out after this time",
    "dead_limit": "who does not confirm that anything has arrived is gone after this time",
    "idle_limit": "who asks for nothing is put out after this time; 0 means never",
    "return_limit": "who lost a connection and can come back keeps his place for this time",
    "reload_limit": "who closed a page keeps his place for this time: perhaps he only loads it anew",
    "outbox": "bytes that wait for one person who reads too slowly",
    "tries": "wrong passwords for one name from one address; then it waits for a minute",
    "logins_per_minute": "wrong passwords a minute from one address",
    "checks_per_address": "passwords of one address that wait to be checked",
    "checks": "passwords that wait to be checked, in all",
    "registrations": "names that one address may register in an hour",
    "talk_burst": "messages and commands of one person that may come all at once",
    "talk_rate": "of them that he may go on with in a second; more are delayed",
    "talk_bytes": "bytes a second that he may go on with; eight seconds' worth may come at once",
    "address_factor": "one address may do as much as so many people",
    "talk_delay": "what would be delayed for longer than this, all together, is refused",
    "talk_refused": "messages refused in a row after which one is put out",
    "nick_changes": "other names that one person may take in a minute",
    "rooms": "rooms at once, in all",
    "rooms_per_person": "rooms that one person may be in",
    "watches": "names that one person may watch for",
    "blocks": "names that one person may block",
    "inbox": "private messages that wait for one person who is away",
    "name": "characters in a name",
    "line": "bytes in a line of text",
    "message": "characters in a message, so four times as many bytes at most",
    "frame": "bytes in a line or a WebSocket message of a program",
    "header": "bytes in the head of a browser's request, which has no body",
}

LEAST = {
    "idle_limit": 0,
    "return_limit": 0,
    "reload_limit": 0,
    "talk_delay": 0,
    "outbox": 65_536,
    "line": 512,
    "message": 128,
    "frame": 1_024,
    "header": 512,
}
"""The least that a limit can be set to, where that is not 1, or any time at all."""

LARGEST = {"name": 128}
"""The most, where there is a reason."""


@record
class Row:
    """One limit: what it is when nobody sets it, what it means, and what it may be set to."""

    name: str
    usual: int | float
    text: str
    least: int
    largest: int


class Ledger:
    """The limits in force, and how often each was hit since the start."""

    def __init__(self) -> None:
        self.limits = Limits()
        self.exempt: tuple[str, ...] = EXEMPT
        self.lifted = False  # flood control and what holds per address
        self.hits: Counter[str] = Counter()

    def hit(self, name: str) -> None:
        """Count that somebody met this limit."""
        self.hits[name] += 1

    def spares(self, host: str) -> bool:
        """Return whether what holds per address and for talk does not hold for this one."""
        return self.lifted or host.strip("[]") in self.exempt

    def rows(self) -> Iterator[tuple[str, float, str, int]]:
        """Yield name, value, meaning and hits of each limit."""
        for name, text in ABOUT.items():
            yield name, getattr(self.limits, name), text, self.hits[name]


def rows() -> tuple[Row, ...]:
    """Return the limits that can be set."""
    usual = Limits()
    return tuple(
        Row(name, getattr(usual, name), text, LEAST.get(name, 1), LARGEST.get(name, 1_000_000_000))
        for name, text in ABOUT.items()
    )


ledger = Ledger()
