"""The server: joins the parts. It is the only file that knows them all; `chat_server.py` starts it.

wires turn bytes into requests, commands turn requests into events, and before the loop sleeps the events
are told to everyone, encoded once per wire, written once per person.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from functools import cached_property, partial
from typing import TYPE_CHECKING

import commands
from chat.countdown import Countdown
from chat.events import Ref
from chat.flow import Addresses, Flow
from chat.limits import ledger
from chat.turn import User
from net.console import Console, guard_standard_descriptors
from net.gatekeeper import Gatekeeper, group
from net.listener import Listener
from net.loop import Loop
from net.pace import Pace
from net.recent import Recent
from net.rounds import Rounds
from net.systemd import inherited
from opening import bind_datagrams, bind_sockets, furnish, log_faults, open_datagrams, open_errands, open_store, place
from options import Options, parse
from overseer import Overseer
from ready import prepare, send, site
from record import replace
from seat import HostSeat
from settings import Settings, allow_many_descriptors, bounds, motd, space
from store import Unusable
from store.memory import StoreMemory
from teller import Teller
from way_in import WayIn, examine, reached_at, why_not
from wires.wire import Wire, stamp
from workshop import Workshop

if TYPE_CHECKING:  # what has to do with visitors is imported when the room is open already
    from chat.hub import Hub
    from errands import Errands
    from inheritance import Heir
    from net.datagrams import Datagrams, Peer
    from net.way import Way
    from upgrade import Upgrade
    from visit import Visit
    from wires.http import Site
    from wires.irc import House

FAREWELL = 3.0  # seconds that the server waits, at most, for everyone to have heard its goodbye


class Server:
    """The parts, joined: the loop, the hub, the command table, the console and everyone connected."""

    def __init__(
        self,
        options: Options,
        arguments: Sequence[str] | None = None,
        given: Sequence[socket.socket] = (),
        heir: Heir | None = None,
    ) -> None:
        self.options = options
        self.limits = bounds(options)
        ledger.limits, ledger.exempt, ledger.lifted = options, options.limit_exempt, options.no_flood_limit
        self.gate = Gatekeeper(space(options), ledger.spares, ledger.hit, self._strangers)
        self.addresses = Addresses(ledger)
        self.table = commands.load()
        self._site: Site | None = None
        self.browsers = Recent(600.0)
        self.visits: dict[Visit, None] = {}
        with ExitStack() as undo:
            found, datagrams = ([*given], []) if given else inherited()
            sockets, datagrams = (found, datagrams) if found else bind_sockets(options)
            for sock in (*sockets, *datagrams):
                undo.callback(sock.close)
            self.loop = Loop(options.selector)
            self.began = self.loop.clock.time()
            undo.callback(self.loop.close)
            self.aside, self.pace, self.rounds = Workshop(self.loop), Pace(self.loop, self.lags), Rounds(self.loop)
            self.store = open_store(self, options)
            if self.store is not None:
                undo.callback(self.store.close, FAREWELL)
            self.hub: Hub = heir.roots["hub"] if heir else furnish(self, self.store, options)
            self.hub.memory = StoreMemory(self.store) if self.store else None
            self.listeners = [Listener(self.loop, sock, self._welcome, self.warn, self._admit) for sock in sockets]
            countdown = heir.roots["countdown"] if heir else Countdown(self.hub, self.loop.call_later)
            self.table.house.countdown = countdown
            self.overseer = Overseer(self, countdown, self._refresh)
            undo.callback(self.overseer.close, FAREWELL)
            self.errands: Errands | None = None
            if heir is not None:
                heir.fill(self)
            undo.pop_all()
        self.console = Console(
            self.loop,
            on_line=self._typed,
            on_interrupt=self._interrupted,
            prompt=self._prompt,
            complete=self._complete,
            colour="NO_COLOR" not in os.environ,
            status=lambda: self.overseer.status,
        )
        self.seat = HostSeat(self, self.console)
        self.way_in = WayIn(options, self.loop, self.console, self.table.front, self.hub.note)
        self._udp = bind_datagrams(self, sockets, datagrams) if heir is None else []
        self.settings = Settings(self, arguments, self.overseer.reloading)
        self.table.house.reload = self.settings.reload
        self.table.house.show = self.seat.choose
        self.table.house.upgrade = self._upgrade
        self.upgrade: Upgrade | None = None
        self.teller = Teller(self)
        self.loop.settle = self._settle
        self._heir = heir
        if heir is not None:
            heir.settle_in(self)

    @property
    def port(self) -> int:
        """Return the port, also where the system chose it."""
        return self.listeners[0].port

    def run(self, banner: str) -> None:
        """Serve until the host closes the room and everyone has heard so."""
        for number in (signal.SIGINT, signal.SIGTERM):
            self.loop.on_signal(number, self._interrupted)
        self.console.open(self._heir.roots["console"] if self._heir else None)
        if hasattr(signal, "SIGHUP"):
            self.loop.on_signal(signal.SIGHUP, self.settings.hang_up)
        self.way_in.open(self.port)
        if self._heir is not None:
            self._heir.begin(self)
            self._heir = None
        else:
            self.console.show(banner)
            self.way_in.show()
        last = (lambda: self.site, lambda: self.irc_house, self._open_errands, self.overseer.begin)
        prepare(self.loop.call_soon, self.warn, lambda: self.datagrams, *last)
        try:
            self.loop.run()
        finally:
            self.aside.close()
            if self.errands is not None:
                self.errands.close()
            self.settle()  # who left last is remembered too
            if self.store is not None and not self.store.close(FAREWELL):
                self.console.show(f"Not everything could be stored in {self.options.folder}; what waited is lost.")
            self.overseer.close(FAREWELL)
            self.console.close()
            for datagrams in self.datagrams:
                datagrams.shut()
            self.loop.close()

    def echo(self, line: str) -> None:
        """Show a line that a script has the host type."""
        self.console.show(f"{self._prompt()}{line}")

    def secure(self, visit: Visit, way: Way, data: bytes) -> Way:
        """Make a TLS connection of one that began with `data`."""
        from net.connection import Connection

        tls = self.way_in.tls
        assert tls is not None and isinstance(way, Connection)
        return tls.begin(way, visit, data)

    def settle(self) -> None:
        """Have everything told that was posted, and kept."""
        self.teller.tell_all()

    def lags(self) -> bool:
        """Return whether more is said than the store has time for."""
        return self.store is not None and self.store.lags

    def bring(self, user: User | None) -> None:
        """Tell somebody at once what he is still to be told."""
        self.teller.bring(user)

    def _settle(self) -> None:
        """Tell what was posted, as far as there is time; the room is closed when everyone has heard so."""
        self.teller.tell(self.loop.late)
        self.pace.settled()
        if self.hub.closing is not None and self.listeners and not self.loop.behind:
            self._close()

    def http(self, secure: bool, peer: str) -> Wire:
        """Return the wire of a browser that asks from the address `peer`."""
        from wires.http import Http

        return Http(self.site, secure, peer)

    def irc(self) -> Wire:
        """Return the wire of an IRC client."""
        from wires.irc import connect

        return connect(self.irc_house)

    def welcome_irc(self) -> None:
        """Have IRC clients that come from now on told what the options say of us."""
        self.__dict__.pop("irc_house", None)

    @property
    def site(self) -> Site:
        """Return what browsers get."""
        if self._site is None:
            self._site = replace(site(self.options), live=self.overseer.live())
        return self._site

    def serve(self, site: Site) -> None:
        """Let browsers get this from now on."""
        self._site = site

    @cached_property
    def irc_house(self) -> House:
        """Return what IRC clients are told of us."""
        from wires.irc import House

        options, lines = self.options, motd(self.options)
        return House(self.hub, options.server_name, options.room_name, self.began, lines, self._strangers)

    def _strangers(self) -> int:
        return sum(visit.session.newcomer for visit in self.visits)

    def open_store(self) -> None:
        """Open the store anew, where there is one. Raises Unusable; then nothing is kept."""
        self.store = self.hub.memory = None
        self.store = open_store(self, self.options)
        if self.store is not None:
            self.hub.memory = StoreMemory(self.store)
            self.store.go_on(self.hub.newest)

    def warn(self, text: str) -> None:
        """Tell the host what is not as it should be."""
        self.overseer.warn(text)

    def _refresh(self) -> None:
        self.console.refresh()

    def ways(self) -> list[str]:
        """Return the names of the wires of all who are connected."""
        return [visit.wire.name for visit in self.visits]

    def handshakes(self) -> tuple[int, int]:
        """Return how many TLS handshakes were done, and how many broken off."""
        return (tls.done, tls.broken_off) if (tls := self.way_in.tls) else (0, 0)

    @cached_property
    def datagrams(self) -> list[Datagrams]:
        """Return what hears those who come by UDP."""
        return open_datagrams(self, self._udp)

    def forget(self, visit: Visit) -> None:
        """A connection is closed, and its descriptor free."""
        from wires.datagram import Datagram

        self.visits.pop(visit, None)
        if visit.wire.name != Datagram.name:
            self.gate.leave(visit.host)
        for listener in self.listeners:
            listener.resume()
        if self.hub.closing is not None and not self.visits:
            self.loop.stop()

    def flow(self, host: str) -> Flow | None:
        """Return what holds back who talks too fast from there; None for whom nothing does."""
        return self.addresses.flow(host, group(host), self.loop.clock.monotonic())

    def _admit(self, host: str) -> str:
        return self.gate.admit(host, self.loop.clock.monotonic())

    def _welcome(self, sock: socket.socket, address: str) -> None:
        from net.connection import Connection
        from visit import Visit

        try:
            visit = Visit(self, address, lambda visit: Connection(self.loop, sock, visit, self.limits))
        except OSError:
            self.gate.leave(address.rpartition(":")[0])
            raise
        self.visits[visit] = None

    def meet(self, peer: Peer, *, trusted: bool) -> Visit:
        """Let somebody in who comes by UDP."""
        from visit import Visit
        from wires.datagram import Datagram

        wire = Datagram(partial(place, self.hub), self.loop.clock.monotonic, trusted)
        visit = Visit(self, peer.shown, lambda _: peer, wire)
        self.visits[visit] = None
        return visit

    def _close(self) -> None:
        """Let nobody in any more, say goodbye to those without a name, and give all of them a moment to hear it."""
        self.overseer.closing()
        for listener in self.listeners:
            listener.close()
        self.listeners.clear()
        for datagrams in self.datagrams:
            datagrams.close()
        for visit in tuple(self.visits):
            visit.dismiss("closing", self.hub.closing or "")
        self.loop.call_later(FAREWELL, self.loop.stop)
        if not self.visits:
            self.loop.stop()

    def _typed(self, line: str) -> None:
        if self.hub.closing is None:  # what follows EXIT does not count
            self.seat.typed(line)

    def _prompt(self) -> str:
        return f"{stamp(self.loop.clock.time())} Host > "

    def _open_errands(self) -> None:
        """Let scripts in by a socket in the data folder; where that cannot be made, the host is told."""
        if self.errands is None and self.hub.closing is None:
            self.errands = open_errands(self)

    def _upgrade(self, ref: Ref) -> None:
        """Have new code take over. Raises Refused where that cannot begin."""
        from upgrade import begin

        begin(self, ref)

    def _interrupted(self) -> None:
        """Ctrl-C or SIGTERM: EXIT. A second time: at once."""
        if self.hub.closing is None:
            self.seat.close()
        else:
            self.loop.stop()

    def _complete(self, word: str, line: str) -> list[str]:
        return self.seat.complete(word, line)


def banner(host: str, port: int) -> str:
    """Return what stands on the screen first: where the room is."""
    rule = "#" * 66
    return f"{rule}\nChat running {reached_at(host)}:{port}\n{rule}\n\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Host a room until it is closed; returns the exit code."""
    guard_standard_descriptors()
    options = parse(arguments, examine, send)
    allow_many_descriptors(options)
    try:
        if "CHAT_HANDOVER" in os.environ:  # we are new code, to take over or to be tried out
            from inheritance import inherit

            server = inherit(options, Server, arguments)
        else:
            server = Server(options, arguments)
    except Unusable as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(why_not(options, error), file=sys.stderr)
        return 2
    with ExitStack() as end:
        server.loop.call_soon(partial(log_faults, server.hub.note, end))
        server.run(banner(options.host, server.port))
    return 0
