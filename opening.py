"""How the room opens, part by part: with what the store has kept, with UDP, and for scripts.

Where earlier code hands a room over, that goes on instead.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING, Protocol

from chat.accounts import Guard
from chat.desk import Desk
from chat.events import Place, Refused
from chat.hub import Hub
from chat.limits import ledger
from chat.scrollback import RECENT
from net.gatekeeper import group
from net.listener import bind, bind_beside
from options import Options
from ready import Cloak, draw
from settings import operators, room
from store import Loaded, Store
from store.memory import accounts, lasting

if TYPE_CHECKING:
    from errands import Errands
    from errands import House as Sender
    from net.datagrams import Datagrams, Peer
    from net.loop import Loop
    from visit import Visit
    from wires.door import Door
    from workshop import Workshop

CHOICES = 5  # ports that are tried where the system chooses one
LOOPBACK = ("127.0.0.1/32", "::1/128")  # senders whom nobody elsewhere can forge; others in 127/8 are for tests


class House(Protocol):
    """The server, while it opens."""

    loop: Loop
    hub: Hub
    aside: Workshop
    options: Options

    @property
    def port(self) -> int: ...
    def warn(self, text: str) -> None: ...
    def meet(self, peer: Peer, *, trusted: bool) -> Visit: ...


def bind_sockets(options: Options) -> tuple[list[socket.socket], list[socket.socket]]:
    """Return sockets bound for TCP; and for UDP where the system chooses the port: one that is free for both.

    Raises OSError where the port is busy or the address is not ours.
    """
    for _ in range(CHOICES if options.port == 0 and not options.no_udp else 0):
        sockets = bind(options.host, 0)
        with suppress(OSError):
            return sockets, bind_beside(sockets)
        for sock in sockets:
            sock.close()
    return bind(options.host, options.port), []


def open_store(server: House, options: Options) -> Store | None:
    """Open the store, if there is one. Raises Unusable."""
    if options.folder is None:
        return None
    return Store.open(options.folder, server.loop.call_soon, server.warn, recover=options.recover)


def furnish(server: House, store: Store | None, options: Options) -> Hub:
    """Make the hub with what the store holds. Raises Unusable."""
    loaded = store.load(RECENT) if store else Loaded({}, {}, {})
    hub = Hub(
        options.room_name,
        server.loop.clock,
        first_id=store.last_id() + 1 if store else 1,
        accounts=accounts(loaded),
        rooms=[*map(room, options.room), *lasting(loaded)],
        past=loaded.recent,
        fixed_rooms=options.fixed_rooms,
        aside=server.aside,
        desk=Desk(loaded.sanctions, loaded.trail, loaded.decisions),
        cloak=Cloak(),
    )
    hub.door, hub.guard = options.password, Guard(group)
    hub.operators = operators(options)
    return hub


def bind_datagrams(server: House, sockets: list[socket.socket], given: list[socket.socket]) -> list[socket.socket]:
    """Return sockets for UDP at the addresses and the port of the listeners; where that fails, the host is told."""
    if server.options.no_udp:
        return []
    try:
        return given or bind_beside(sockets)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        server.warn(f"There is no UDP on port {server.port}: {why}. --no-udp does without.")
        return []


def open_datagrams(server: House, sockets: list[socket.socket]) -> list[Datagrams]:
    """Hear from here on what comes by UDP; what has come since the sockets were bound has waited in them."""
    from net.datagrams import Bounds, Datagrams
    from wires.door import Door

    door = Door((*LOOPBACK, *server.options.udp_trust), draw)
    bounds = Bounds(server.options.udp_peers, server.options.udp_per_address, hit=ledger.hit)
    meet = partial(_meet, server, door)
    return [Datagrams(server.loop, sock, door, meet, bounds) for sock in sockets]


def _meet(server: House, door: Door, peer: Peer) -> Visit:
    return server.meet(peer, trusted=door.trusts(peer.host))


def place(hub: Hub, name: str) -> Place:
    """Return the room called `name` as it is now; an empty one where it has just ended."""
    try:
        room = hub.rooms.get(name)
    except Refused:
        return Place(name, name, "", 0)
    return Place(room.name, room.title, room.description, len(room.members))


def log_faults(warn: Callable[[str], None], end: ExitStack) -> None:
    """Have faults of ours logged from here on, until the end; `warn` is told that there is something to read."""
    from net.log import log_faults

    end.callback(log_faults(warn).close)


def open_errands(server: Sender) -> Errands | None:
    """Let scripts in by a socket in the data folder; where that cannot be made, the host is told."""
    folder = server.options.folder
    if folder is None or not hasattr(socket, "AF_UNIX"):
        return None
    from errands import Errands

    try:
        return Errands(server, folder)
    except OSError as error:
        server.warn(f"There is no --send: {error.strerror or error}, in {folder}.")
        return None
