"""What a server hands over to the code that takes its place in the same process, and how that goes on with it.

It stands in a file without a name: which sockets there are, in a line that any code can read, then everything else as
`snapshot` writes it. What is new in every process (loop, console, store, settings) is only named there.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from chat.flow import Addresses
from chat.hub import Hub
from chat.limits import ledger
from commands import Table
from errands import Errands
from net.console import Console
from net.datagrams import Datagrams
from net.gatekeeper import Gatekeeper
from net.listener import Listener
from net.local import Local
from net.loop import Loop, Timer
from net.pace import Pace
from net.recent import Recent
from options import Options
from overseer import Overseer
from seat import HostSeat
from settings import Settings
from snapshot import Refer, freeze
from store import SCHEMA, Store
from store.memory import StoreMemory
from visit import Visit
from way_in import WayIn
from workshop import Workshop

if TYPE_CHECKING:
    from wires.http import Site
    from wires.irc import House as IrcHouse

FORMAT = 1
"""Of the first line; what stands behind it says for itself what it is."""

VARIABLE = "CHAT_HANDOVER"
"""In the environment: the descriptor of what is handed over; behind TRIAL where it is only to be tried out."""

TRIAL = "try "

HELD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGWINCH, signal.SIGCONT)
"""Signals that wait until the new code can take them."""

_BEGUN_ANEW = (Overseer, Listener, Local, Console, WayIn)
"""Whose timers are not handed over: they set their own."""

_SELDOM = (
    ("wires.http", "Site", "site"), ("wires.irc.client", "House", "irc_house"), ("wires.irc.client", "Verbs", "verbs"),
    ("net.secure", "Secure", "tls"),
)  # fmt: skip
"""What is there only where somebody has needed it. TLS is not handed over: it has come to its end before."""


class House(Protocol):
    """The server, as it is handed over."""

    options: Options
    loop: Loop
    hub: Hub
    aside: Workshop
    pace: Pace
    table: Table
    store: Store | None
    gate: Gatekeeper
    addresses: Addresses
    browsers: Recent
    visits: dict[Visit, None]
    listeners: list[Listener]
    errands: Errands | None
    console: Console
    overseer: Overseer
    seat: HostSeat
    way_in: WayIn
    settings: Settings
    began: float

    def lags(self) -> bool: ...
    def serve(self, site: Site) -> None: ...
    def warn(self, text: str) -> None: ...
    @property
    def datagrams(self) -> list[Datagrams]: ...
    @property
    def site(self) -> Site: ...
    @property
    def irc_house(self) -> IrcHouse: ...


# -- the side that goes


def written(server: House, **more: Any) -> tuple[bytes, list[int]]:
    """Return everything that is handed over, and `more`; and the descriptors of its sockets. Raises Unwritten."""
    for visit in server.visits:
        visit.gather()
    roots = {
        "options": server.options,
        "hub": server.hub,
        "countdown": server.table.house.countdown,
        "visits": server.visits,
        "datagrams": server.datagrams,
        "errands": server.errands,
        "gate": server.gate,
        "addresses": server.addresses,
        "browsers": server.browsers,
        "paced": server.pace.waiting,
        "began": server.began,
        "hits": ledger.hits,
        "traffic": server.loop.traffic,
        "faults": server.loop.faults,
        "timers": [(when, timer) for when, timer in server.loop.timers() if not _is_begun_anew(timer)],
        "overseer": server.overseer.counted,
        "shown": server.seat.wire,
        "handshakes": (server.way_in.tls.done, server.way_in.tls.broken_off) if server.way_in.tls else (0, 0),
        "schema": SCHEMA,
        **more,
    }
    others: list[int] = []
    data = freeze(roots, _refer(server, others))
    listening = [listener.fileno() for listener in server.listeners]
    others = sorted({*others} - {-1})
    first = {"format": FORMAT, "listening": listening, "others": others}
    return json.dumps(first).encode() + b"\n" + data, listening + others


def in_memory(data: bytes) -> int:
    """Return the descriptor of a file without a name that holds `data`."""
    try:
        fd = os.memfd_create("handover")
    except (AttributeError, OSError):  # not every system has it, or allows it
        with tempfile.TemporaryFile() as file:
            fd = os.dup(file.fileno())
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _is_begun_anew(timer: Timer) -> bool:
    action = timer.action
    owner = getattr(action.func if isinstance(action, partial) else action, "__self__", None)
    return isinstance(owner, _BEGUN_ANEW) or type(owner).__module__ in ("net.screen", "upgrade")


def _refer(server: House, sockets: list[int]) -> Refer:
    def numbered(sock: socket.socket) -> tuple[str, int]:
        sockets.append(sock.fileno())
        return "socket", sock.fileno()

    named = {
        type(server): "server",
        type(server.loop): "loop",
        type(server.loop.clock): "clock",
        type(server.aside): "aside",
        Pace: "pace",
        Table: "table",
        type(ledger): "ledger",
        HostSeat: "seat",
        StoreMemory: "memory",
        **{vars(sys.modules[module])[kind]: name for module, kind, name in _SELDOM if module in sys.modules},
    }
    return {
        **{kind: partial(_named, name) for kind, name in named.items()},
        socket.socket: numbered,
        type(Path()): lambda path: ("path", str(path)),
    }


def _named(name: str, _: object) -> tuple[str, str]:
    return "own", name
