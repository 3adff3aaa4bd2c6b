"""The limits: what each is when nobody sets it, and how often it was hit. Knows nothing of who runs into them.

There is one table for the process. `Limits` is what can be set; times are in seconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import Field, dataclass, field, fields
from typing import Any

EXEMPT = ("127.0.0.1", "::1")  # others in 127/8 are not, so that tests and the curious can see the limits work


def _most(usual: int, text: str, least: int = 1, largest: int = 1_000_000_000) -> Any:
    return field(default=usual, metadata={"help": text, "least": least, "largest": largest})


def _time(usual: float, text: str, least: int = 1, largest: int = 10_000_000) -> Any:
    return field(default=usual, metadata={"help": text, "least": least, "largest": largest})


@dataclass(frozen=True, slots=True)
class Limits:
    """What can be set, in the order in which LIMITS shows it."""

    connections: int = _most(20_000, "connections at once, in all; fewer where the system gives fewer descriptors")
    per_address: int = _most(64, "connections at once from one address, or one /64 of IPv6")
    new_per_second: int = _most(32, "new connections a second from one address, or one /64 of IPv6")
    half_open: int = _most(500, "connections at once that have not logged in")
    udp_peers: int = _most(1_000, "people at once who come by UDP")
    udp_per_address: int = _most(64, "people at once who come by UDP from one address")
    login_timeout: float = _time(20.0, "a newcomer must give a name within this time")
    request_timeout: float = _time(10.0, "a browser's request must be complete within this time")
    ping_after: float = _time(60.0, "a silent program is asked after this time whether it is there")
    silent_limit: float = _time(120.0, "a program from which no whole line comes is put out after this time")
    stall_limit: float = _time(10.0, "who does not read what is sent to him is put out after this time")
    idle_limit: float = _time(0.0, "who asks for nothing is put out after this time; 0 means never", 0)
    return_limit: float = _time(30.0, "who lost a connection and can come back keeps his place for this time", 0)
    outbox: int = _most(1_048_576, "bytes that wait for one person who reads too slowly", 65_536)
    tries: int = _most(3, "wrong passwords for one name from one address; then it waits for a minute")
    logins_per_minute: int = _most(30, "wrong passwords a minute from one address")
    checks_per_address: int = _most(16, "passwords of one address that wait to be checked")
    talk_burst: int = _most(20, "messages and commands of one person that may come all at once")
    talk_rate: int = _most(4, "of them that he may go on with in a second; more are delayed")
    talk_bytes: int = _most(16_384, "bytes a second that he may go on with; eight seconds' worth may come at once")
    address_factor: int = _most(10, "one address may do as much as so many people")
    talk_delay: float = _time(60.0, "what would be delayed for longer than this, all together, is refused", 0)
    talk_refused: int = _most(100, "messages refused in a row after which one is put out")
    nick_changes: int = _most(10, "other names that one person may take in a minute")
    rooms: int = _most(500, "rooms at once, in all")
    rooms_per_person: int = _most(20, "rooms that one person may be in")
    watches: int = _most(200, "names that one person may watch for")
    blocks: int = _most(200, "names that one person may block")
    name: int = _most(32, "characters in a name", 1, 128)
    line: int = _most(4_096, "bytes in a line of text", 512)
    message: int = _most(16_384, "characters in a message, so four times as many bytes at most", 128)
    frame: int = _most(131_072, "bytes in a line or a WebSocket message of a program", 1_024)
    header: int = _most(8_192, "bytes in the head of a browser's request, which has no body", 512)


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
        for each in rows():
            yield each.name, getattr(self.limits, each.name), each.metadata["help"], self.hits[each.name]


def rows() -> tuple[Field[Any], ...]:
    """Return the limits that can be set."""
    return fields(Limits)


ledger = Ledger()
