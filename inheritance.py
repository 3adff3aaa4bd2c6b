"""How new code goes on with what a server has handed over: in the same process, or, to try it out, in another one.

What cannot be read costs everybody the connection, and never the room: it begins anew on the sockets it listened to.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import signal
import socket
import sys
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar, cast

import commands
from chat.limits import ledger
from chat.rule import write_down
from handover import FORMAT, HELD, TRIAL, VARIABLE, House
from net.connection import Connection
from net.loop import Loop
from net.pace import Pace
from options import Options
from ready import ROOT, site
from record import replace
from snapshot import Frozen, Unwritten
from store import SCHEMA, Unusable
from store.memory import StoreMemory
from wires.shown import Shown
from workshop import Workshop

BOUND = ("host", "port", "data", "no_store", "no_udp", "udp_trust")
"""Options that stay as they are as long as the process: the sockets and the folder are open."""

SHORT = 1.0  # seconds for the disk, where all else has failed
S = TypeVar("S", bound=House)


def inherit(options: Options, make: Callable[..., S], arguments: Sequence[str] | None) -> S:
    """Return the server that goes on with what was handed over. Ends the process where it was only to be tried out."""
    fd, trial = _handed_over(os.environ)
    heir = Heir(fd, trial=trial)
    if trial:
        sys.exit(try_out(heir, options, make))
    try:
        heir.read()
        options = heir.options(options)
        try:
            server = make(options, arguments, heir.sockets(), heir)
        except Unusable as error:  # nobody loses the connection for the sake of a disk
            heir.warning = str(error)
            server = make(replace(options, no_store=True), arguments, heir.sockets(), heir)
            server.options = options  # the next UPGRADE tries again
    except Exception as error:  # noqa: BLE001 - whatever it is, the room goes on
        heir.give_up()
        print(f"What was handed over cannot be used: {error}. The room begins anew.", file=sys.stderr)
        server = make(options, arguments, heir.sockets(), None)
        heir.close()
        _release_signals()
    return server


def try_out(heir: Heir, options: Options, make: Callable[..., S]) -> int:
    """Read everything, and import all there is; returns the exit code, and says on standard error why it is not 0."""
    for part in ("chat", "commands", "net", "store", "wires"):
        for module in pkgutil.walk_packages([str(ROOT / part)], f"{part}."):
            importlib.import_module(module.name)
    try:
        heir.read()
        heir.look_over(options, object.__new__(cast("type[S]", make)))
    except Unwritten as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _handed_over(environ: MutableMapping[str, str]) -> tuple[int, bool]:
    """Return the descriptor of what was handed over, and whether it is only to be tried out."""
    word = environ.pop(VARIABLE)
    return int(word.removeprefix(TRIAL)), word.startswith(TRIAL)


def _release_signals() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD)


class Heir:
    """What was handed over. The sockets that are listened to are there whether or not the rest can be read."""

    def __init__(self, fd: int, *, trial: bool = False) -> None:
        with open(fd, "rb") as file:
            first = json.loads(file.readline())
            self._data = file.read()
        self._format = first["format"]
        self._others: list[int] = first["others"]
        self._listening = [] if trial else [_taken(number) for number in first["listening"]]
        self.warning = ""
        self._made: dict[int, socket.socket] = {}
        self._trial = trial
        self._server: House | None = None
        self._frozen: Frozen | None = None

    def sockets(self) -> list[socket.socket]:
        """Return the sockets to listen to; whoever takes them may close them."""
        return [sock.dup() for sock in self._listening]

    def read(self) -> None:
        """Look at what there is. Raises Unwritten."""
        if self._format != FORMAT:
            raise Unwritten(f"it is of format {self._format}, and this code reads {FORMAT}")
        self._frozen = Frozen(self._data, self._resolve)

    @property
    def roots(self) -> Mapping[str, Any]:
        """Return what there is, by name; before `fill` what has a life of its own is empty still."""
        assert self._frozen is not None
        return self._frozen.roots

    def options(self, given: Options) -> Options:
        """Return the options in force: as given now, but for what cannot change any more."""
        return replace(given, **{name: getattr(self.roots["options"], name) for name in BOUND})

    def fill(self, server: House) -> None:
        """Let everything have what it holds, with this server's parts. Raises Unwritten."""
        assert self._frozen is not None
        self._server = server
        server.began = self.roots["began"]
        self._frozen.fill()
        if server.store is not None:
            server.hub.memory = StoreMemory(server.store)
            server.store.go_on(server.hub.newest)
        for name in ("visits", "gate", "addresses", "browsers", "errands", "datagrams"):
            setattr(server, name, self.roots[name])
        ledger.hits = self.roots["hits"]

    def look_over(self, options: Options, server: House) -> None:
        """Read everything, for a server that has only what that takes. Raises Unwritten."""
        if self.roots["schema"] > SCHEMA:
            raise Unwritten(f"the store is of version {self.roots['schema']}, and this code knows {SCHEMA}")
        server.options = self.options(options)
        server.loop = Loop()
        server.aside, server.pace = Workshop(server.loop), Pace(server.loop, server.lags)
        server.table = commands.load()
        server.hub = self.roots["hub"]
        server.store = None
        server.serve(site(server.options))
        try:
            self.fill(server)
            assert self._frozen is not None
            self._frozen.check()
        finally:
            server.loop.close()

    def settle_in(self, server: House) -> None:
        """Have everybody watched and every timer run; the host's seat is as it was."""
        assert self._frozen is not None
        for connection in self._frozen.of(Connection):
            connection.go_on()
        for datagrams in server.datagrams:
            datagrams.go_on()
        if server.errands is not None:
            server.errands.go_on()
        loop, roots = server.loop, self.roots
        loop.traffic, loop.faults = roots["traffic"], roots["faults"]
        loop.go_on_with(roots["timers"])
        for visit in roots["paced"]:
            server.pace.wait(visit)
        server.overseer.take_over(roots["overseer"])
        shown: Shown = roots["shown"]
        server.seat.wire = shown
        server.settings.take_over(roots["options"])
        if server.way_in.tls is not None:
            server.way_in.tls.done, server.way_in.tls.broken_off = roots["handshakes"]
        self.close()

    def give_up(self) -> None:
        """Let go of everybody, for nobody knows who they are; only the sockets that are listened to are left."""
        self._undo()
        left = {*self._others} - {sock.fileno() for sock in self._made.values()}
        for sock in self._made.values():
            sock.close()
        for number in left:
            with suppress(OSError):
                os.close(number)

    def close(self) -> None:
        """Close our own copies of the sockets that are listened to."""
        for sock in self._listening:
            sock.close()

    def begin(self, server: House) -> None:
        """Tell the host that all is done, and go on with what came meanwhile."""
        _release_signals()
        hub, host = server.hub, server.hub.host
        assert host is not None
        text = self.report(server.loop.clock.monotonic())
        hub.inform(host, "upgrade", text, self.roots["ref"])
        write_down(hub, host, "UPGRADE", "", text)
        if self.warning:
            server.warn(self.warning)
        if server.errands is not None:
            server.errands.finish()

    def report(self, now: float) -> str:
        """Return what the host is told."""
        people, pause = len(self.roots["hub"]) - 1, (now - self.roots["at"]) * 1000
        return f"Upgraded: {people:,} {'person' if people == 1 else 'people'}, {pause:,.0f} ms."

    def _undo(self) -> None:
        """Take back what a server that did not come to life has taken."""
        server = self._server
        if server is None:
            return
        for listener in server.listeners:
            listener.close()
        if server.store is not None:
            server.store.close(SHORT)
        server.overseer.close(SHORT)
        with suppress(Exception):  # it may be closed already
            server.loop.close()

    def _resolve(self, pid: tuple[str, Any]) -> Any:
        kind, value = pid
        if kind == "socket":
            return self._socket(value)
        if kind == "path":
            return Path(value)
        fixed = {"ledger": ledger, "server": self._server, "seat": None, "memory": None, "tls": None}
        return fixed[value] if value in fixed else self._part(value)

    def _part(self, name: str) -> Any:
        """Return a part of the server; None while there is no server."""
        if name == "verbs":
            from wires.irc import VERBS  # only who has IRC clients pays for it

            return VERBS
        if self._server is None:
            return None
        return self._server.loop.clock if name == "clock" else getattr(self._server, name)

    def _socket(self, number: int) -> socket.socket:
        if number >= 0 and not self._trial:
            if number not in self._made:  # two may know the same one
                self._made[number] = _taken(number)
            return self._made[number]
        sock = socket.socket()
        sock.close()
        return sock


def _taken(number: int) -> socket.socket:
    os.set_inheritable(number, False)
    sock = socket.socket(fileno=number)
    sock.setblocking(False)
    return sock
