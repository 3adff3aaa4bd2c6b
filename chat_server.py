"""The server: joins the parts. It is the only file that knows them all.

    wires turn bytes into requests, commands turn requests into events, and before the loop sleeps the events
    are told to everyone, encoded once per wire, written once per person.

`python chat_server.py --help` lists the options.
"""

from __future__ import annotations

import errno
import os
import resource
import signal
import socket
import sys
from collections.abc import Iterable, Sequence

import commands
from chat.events import Ended, Event, Pinged, Refused, Request
from chat.hub import Hub
from chat.session import Session, State
from net.connection import Connection, Limits
from net.console import Console, guard_standard_descriptors
from net.holder import holder
from net.listener import Listener, listen, own_address
from net.log import log_faults
from net.loop import Loop
from options import Options, parse
from wires.console import HostConsole
from wires.fanout import deliver
from wires.plain import Plain
from wires.sniff import Unknown, choose
from wires.wire import Wire, stamp

PULSE = ("ping", "pong")
PAUSE = 0.5  # seconds without a line end after which what came counts as the name, or a person is asked for one
FAREWELL = 3.0  # seconds that the server waits, at most, for everyone to have heard its goodbye


class Visit:
    """One connection and the person behind it: owner of the channel, visitor to the session, listener to the room."""

    __slots__ = (
        "_active",
        "_alive",
        "_channel",
        "_login_by",
        "_pinged",
        "_server",
        "_timer",
        "address",
        "session",
        "wire",
    )

    def __init__(self, server: Server, sock: socket.socket, address: str) -> None:
        self.address = address
        self.wire: Wire = Unknown()
        self.session = Session(server.hub, server.table, self)
        self._server = server
        self._channel = Connection(server.loop, sock, self, server.limits)
        now = server.loop.clock.monotonic()
        self._alive = now  # when the last whole request, or the first byte of one, came; before the login, any byte
        self._active = 0.0  # when the last request came that was no sign of life only; 0 before the first
        self._pinged = 0.0
        self._login_by = now + server.options.login_timeout
        self._timer = server.loop.call_at(now + PAUSE, self._look)

    # -- what the channel tells

    def heard(self, data: bytes) -> None:
        """Bytes came: let the wire make requests of them, and the session handle each."""
        if isinstance(self.wire, Unknown):
            data = self._recognise(self.wire, data, choose(self.wire.seen + data))
        naming, unfinished = self.session.state is State.NAMING, self.wire.unfinished
        self._handle(self.wire.receive(data))
        if naming or not unfinished:  # the beginning of a line is a sign of life, more of it is not
            self._alive = self._now()
        if naming:
            self._conclude()

    def ended(self, why: str) -> None:
        """The connection is gone."""
        if self.session.state is State.NAMING:
            self._server.hub.note(f"{self.address} left without a name: {why}.")
        self._timer.cancel()
        self.session.end(why)
        self._server.forget(self)

    def stalled(self, why: str) -> None:
        """The peer does not read."""
        self.dismiss("slow", f"Your connection is too slow: {why}.")

    def failed(self, why: str) -> None:
        """A fault of ours was met while this visitor was served."""
        self.dismiss("fault", f"{why.capitalize()}.")

    # -- what the session asks

    @property
    def wire_name(self) -> str:
        """Return what lists call this way in."""
        return self.wire.name

    def answer(self, event: Event) -> None:
        """Answer someone who is not in the room yet."""
        self._channel.queue(self.wire.encode(event))

    def dismiss(self, code: str, text: str) -> None:
        """Say goodbye, and hang up."""
        hub, session = self._server.hub, self.session
        if session.state is State.LEAVING:
            return
        if session.user is not None:
            hub.leave(session.user, why=text.rstrip("."))
            hub.end(session.user, code, text)
        else:
            hub.note(f"{self.address} left without a name: {text}")
            self.answer(Ended(*hub.stamp(), code, text))
            self.hang_up()
        session.state = State.LEAVING

    # -- what the room tells

    def write(self, data: bytes) -> None:
        """Send what is new for this person."""
        self._channel.write(data)

    def hang_up(self) -> None:
        """Close, once everything has been sent."""
        self.session.state = State.LEAVING
        self._timer.cancel()
        self._channel.hang_up()

    # -- within

    def _now(self) -> float:
        return self._server.loop.clock.monotonic()

    def _recognise(self, unknown: Unknown, data: bytes, wire: Wire | None) -> bytes:
        """Take the wire that was recognised, if any; returns the bytes it has to read."""
        if wire is None:
            return data
        self.wire = wire
        self.session.plain_names = wire.plain_names
        return unknown.seen + data

    def _handle(self, requests: Iterable[Request | Refused]) -> None:
        handle = self.session.handle
        request: Request | Refused | None = None
        for request in requests:
            handle(request)
        if request is not None:
            self._alive = self._now()
            if not (isinstance(request, Request) and request.verb in PULSE):
                self._active = self._alive
        self._channel.queue(self.wire.replies())

    def _conclude(self) -> None:
        """After what came before the login: hang up, or look again whether something follows."""
        if self.wire.over:
            self.hang_up()
        elif self._timer.when > self._alive + PAUSE:
            self._wake(self._alive + PAUSE)

    def _wake(self, when: float) -> None:
        self._timer.cancel()
        if self.session.state is not State.LEAVING:
            self._timer = self._server.loop.call_at(when, self._look)

    def _look(self) -> None:
        """See whether this visitor keeps the others waiting."""
        if self.session.state is State.NAMING:
            self._look_at_newcomer(self._now())
        else:
            self._look_at_guest(self._now())

    def _look_at_newcomer(self, now: float) -> None:
        if now >= self._login_by:
            self.dismiss("login_timeout", f"No name came within {self._server.options.login_timeout:g} seconds.")
        elif now < self._alive + PAUSE:
            self._wake(self._alive + PAUSE)
        else:
            self._pause()
            self._wake(self._login_by if self.session.state is State.NAMING else now)

    def _pause(self) -> None:
        """Half a second without a byte: a person who waits to be asked, or a client that ends no line."""
        if isinstance(self.wire, Unknown):
            self._handle(self.wire.receive(self._recognise(self.wire, b"", Plain())))
        if self.wire.plain_names and not self._active and not self.wire.unfinished:
            self.session.greet()
        self._handle(self.wire.pause(self.session.greeted))

    def _look_at_guest(self, now: float) -> None:
        options, wire = self._server.options, self.wire
        silent = now - self._alive
        if options.idle_limit and now - self._active >= options.idle_limit:
            self.dismiss("idle", f"Nothing was heard from you for {options.idle_limit:g} seconds.")
        elif silent >= options.silent_limit and (self._pinged > self._alive or wire.unfinished):
            self.dismiss("timeout", f"No whole line came from you for {options.silent_limit:g} seconds.")
        elif silent >= options.ping_after and wire.pings and self._pinged <= self._alive:
            self._pinged = now
            self.write(wire.encode(Pinged(0, 0.0)))
        self._wake(self._next_look(now))

    def _next_look(self, now: float) -> float:
        options = self._server.options
        silent_by, ping_by = self._alive + options.silent_limit, self._alive + options.ping_after
        due = [silent_by if silent_by > now else now + options.silent_limit]
        if self.wire.pings and ping_by > now:
            due.append(ping_by)
        if options.idle_limit:
            due.append(self._active + options.idle_limit)
        return min(due)


class HostSeat:
    """The host's place: the console's end of what a `Visit` is for a connection. Nobody can hang up on it."""

    address = "here"
    wire_name = "console"

    def __init__(self, server: Server, console: Console) -> None:
        self.wire: Wire = HostConsole()
        self._console = console
        self._session = Session(server.hub, server.table, self)
        self._session.seat(server.hub.seat_host(self, self.address))

    def typed(self, line: str) -> None:
        """Handle a line that the host has typed."""
        self._session.handle(Request("line", line))

    def write(self, data: bytes) -> None:
        """Show what is new."""
        self._console.show(data.decode().removesuffix("\n"))

    def answer(self, event: Event) -> None:
        """Show an answer."""
        self.write(self.wire.encode(event))

    def dismiss(self, code: str, text: str) -> None:
        """The host stays as long as the room is open."""

    def hang_up(self) -> None:
        """The host stays as long as the room is open."""


class Server:
    """The parts, joined: the loop, the hub, the command table, the console and everyone connected."""

    def __init__(self, options: Options) -> None:
        listening = listen(options.host, options.port)
        self.loop = Loop(options.selector)
        self.limits = Limits(stalled=options.stall_limit)
        self.options = options
        self.table = commands.load()
        self.hub = Hub(options.room_name, self.loop.clock)
        self._visits: dict[Visit, None] = {}
        self._listeners = [Listener(self.loop, sock, self._welcome, self.hub.note) for sock in listening]
        self.console = Console(
            self.loop,
            on_line=self._typed,
            on_interrupt=self._interrupted,
            prompt=lambda: f"{stamp(self.loop.clock.time())} Host > ",
            complete=self._complete,
            colour="NO_COLOR" not in os.environ,
        )
        self.seat = HostSeat(self, self.console)
        self.loop.settle = self.settle

    @property
    def port(self) -> int:
        """Return the port, also where the system chose it."""
        return self._listeners[0].port

    def run(self, banner: str) -> None:
        """Serve until the host closes the room and everyone has heard so."""
        for number in (signal.SIGINT, signal.SIGTERM):
            self.loop.on_signal(number, self._interrupted)
        self.console.open()
        self.console.show(banner)
        try:
            self.loop.run()
        finally:
            self.console.close()
            self.loop.close()

    def settle(self) -> None:
        """Tell everyone what was posted; then hang up on those who leave."""
        turn = self.hub.take()
        try:
            deliver(turn)
        finally:
            for user in turn.gone:
                user.listener.hang_up()
        if self.hub.closing is not None and self._listeners:
            self._close()

    def forget(self, visit: Visit) -> None:
        """A connection is closed, and its descriptor free."""
        self._visits.pop(visit, None)
        for listener in self._listeners:
            listener.resume()
        if self.hub.closing is not None and not self._visits:
            self.loop.stop()

    def _welcome(self, sock: socket.socket, address: str) -> None:
        self._visits[Visit(self, sock, address)] = None

    def _close(self) -> None:
        """Let nobody in any more, say goodbye to those without a name, and give all of them a moment to hear it."""
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()
        for visit in tuple(self._visits):
            visit.dismiss("closing", self.hub.closing or "")
        self.loop.call_later(FAREWELL, self.loop.stop)
        if not self._visits:
            self.loop.stop()

    def _typed(self, line: str) -> None:
        if self.hub.closing is None:  # what follows EXIT does not count
            self.seat.typed(line)

    def _interrupted(self) -> None:
        """Ctrl-C or SIGTERM: EXIT. A second time: at once."""
        if self.hub.closing is None:
            self.hub.close("The host has closed the room.")
        else:
            self.loop.stop()

    def _complete(self, word: str, line: str) -> list[str]:
        """Return what `word`, the last one of `line`, could become: a verb at the beginning, a name anywhere."""
        names = [user.name for user in self.hub]
        choices = names if word != line else [*self.table.verbs(), *names]
        return [choice for choice in choices if choice.lower().startswith(word.lower())]


def banner(host: str, port: int) -> str:
    """Return what stands on the screen first: where the room is."""
    address = own_address() if host in ("", "0.0.0.0", "::") else host
    rule = "#" * 66
    return f"{rule}\nChat running {address}:{port}\n{rule}\n\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Host a room until it is closed; returns the exit code."""
    guard_standard_descriptors()
    options = parse(arguments)
    _allow_many_descriptors()
    try:
        server = Server(options)
    except OSError as error:
        print(_why_not(options, error), file=sys.stderr)
        return 2
    faults = log_faults(server.hub.note)
    server.run(banner(options.host, server.port))
    faults.close()
    return 0


def _allow_many_descriptors() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _why_not(options: Options, error: OSError) -> str:
    place = f"{options.host or 'every address'}, port {options.port}"
    if error.errno == errno.EADDRINUSE:
        return (
            f"The room cannot be opened at {place}: {holder(options.port)} listens there already. "
            "Stop it, or choose another port with --port N (0 picks a free one)."
        )
    if error.errno == errno.EACCES:
        return (
            f"The room cannot be opened at {place}: that port needs more rights. Choose one above 1023 with --port N."
        )
    return f"The room cannot be opened at {place}: {error.strerror or error}. Choose another address with --host."


if __name__ == "__main__":
    sys.exit(main())
