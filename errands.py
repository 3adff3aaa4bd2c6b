"""What scripts have the host do: lines that come over the local socket, done one after the other as if typed.

It decides nothing; a line goes the way of a typed one, and what the console shows for it is the answer.
"""

from __future__ import annotations

import socket
import sys
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol

from chat.events import Refused
from chat.hub import Hub
from net.backlog import clean_lines
from net.connection import Connection, Limits
from net.local import AT_ONCE, Local, ask, encode
from net.loop import Loop
from options import Options
from seat import HostSeat
from store import Store
from store.records import Inbox
from wires.shown import Copy
from wires.wire import LINE, Lines

Reply = Callable[[bool, str], None]


class House(Protocol):
    """The server, as errands see it."""

    loop: Loop
    hub: Hub
    seat: HostSeat
    store: Store | None

    options: Options

    @property
    def upgrade(self) -> object: ...
    def warn(self, text: str) -> None: ...
    def settle(self) -> None: ...
    def echo(self, line: str) -> None: ...


class Errands:
    """All scripts that are connected, and the lines that wait. Raises OSError where the socket cannot be made."""

    def __init__(self, server: House, folder: Path) -> None:
        self._server = server
        self._people: dict[Errand, None] = {}
        self._waiting: deque[tuple[str, Reply]] = deque()
        self._busy = False
        self._done = 0
        self._now: Reply | None = None
        self._local = Local(server.loop, folder, self._welcome)

    def run(self, line: str, reply: Reply) -> None:
        """Do a line when those before it are done; `reply` gets whether it was done, and what the console shows."""
        self._waiting.append((line, reply))
        if not self._busy:
            self._next()

    def forget(self, errand: Errand) -> None:
        """One has gone."""
        self._people.pop(errand, None)

    def close(self) -> None:
        """Let nobody in any more."""
        self._local.close()
        for errand in tuple(self._people):
            errand.close()

    def _over(self) -> bool:
        return self._server.hub.closing is not None

    def _welcome(self, sock: socket.socket) -> None:
        if len(self._people) >= AT_ONCE:
            sock.close()
            return
        self._people[Errand(self, self._server.loop, sock)] = None

    def _next(self) -> None:
        server = self._server
        while self._waiting and self._over():  # what follows EXIT does not count
            self._waiting.popleft()[1](False, server.hub.closing or "")
        self._busy = bool(self._waiting)
        if not self._busy:
            return
        line, reply = self._waiting.popleft()
        server.settle()  # what was posted before is no answer
        server.echo(line)
        self._done += 1
        self._now = reply
        copy = server.seat.wire.copy = Copy(f"\0errand {self._done}")
        try:
            server.seat.typed(line, copy.ref)
            server.settle()
        except Exception:
            server.seat.wire.copy, self._now, self._busy = None, None, False
            reply(False, "[!] That met a fault in the server; it has been logged.")
            raise
        copy.at_once = False
        if self._over():
            self.finish()
        else:
            self._after_work(lambda: self._after_disk(partial(self._finish_that, copy)))

    def _after_work(self, then: Callable[[], None]) -> None:
        """Go on when the work that the line may have begun aside is done: it was there first."""
        try:
            self._server.hub.aside.run(lambda: None, lambda _: then())
        except Refused:
            then()

    def _after_disk(self, then: Callable[[], None]) -> None:
        """Go on when what the line may have asked the store is answered, and told."""
        if self._server.store is None:
            self._server.loop.call_soon(then)
        else:
            self._server.store.ask(Inbox("\0"), lambda _: self._server.loop.call_soon(then))

    def finish(self) -> None:
        """Answer what is being done, but not before new code has taken over, or has failed to."""
        copy, reply = self._server.seat.wire.copy, self._now
        upgrading = self._server.upgrade is not None and not self._over()
        if upgrading or reply is None or copy is None:
            return
        self._server.settle()
        self._server.seat.wire.copy = self._now = None
        reply(not copy.refused, clean_lines(copy.text))
        self._next()

    def _finish_that(self, copy: Copy) -> None:
        if self._server.seat.wire.copy is copy:
            self.finish()

    def go_on(self) -> None:
        """Be watched by the loop of the code that has taken over."""
        self._local.go_on()


class Errand:
    """One script: owner of its connection. Its next line is read when the one before is done."""

    def __init__(self, errands: Errands, loop: Loop, sock: socket.socket) -> None:
        self._errands = errands
        self._lines = Lines(LINE)
        self._open = 0  # lines that wait for their answers
        self._channel = Connection(loop, sock, self, Limits())

    def heard(self, data: bytes) -> None:
        """Lines came."""
        for line in self._lines.cut(data):
            self._open += 1
            if line is None:
                self._answer(False, f"[!] A line of more than {LINE} bytes was left out.")
            elif line.strip():
                self._errands.run(line.decode("utf-8", "replace"), self._answer)
            else:
                self._answer(True, "")
        self._channel.hold(self._open > 0)

    def ended(self, why: str) -> None:
        """It is gone; what it asked for is done all the same."""
        self._errands.forget(self)

    def stalled(self, limit: str, why: str) -> None:
        """It does not read its answers."""
        self.close()

    def failed(self, why: str) -> None:
        """A fault of ours was met."""
        self._channel.write(encode(False, f"[!] That met {why}."))
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._channel.hang_up()

    def _answer(self, ok: bool, text: str) -> None:
        self._open -= 1
        self._channel.write(encode(ok, text))
        if not self._open:
            self._channel.hold(False)


def send(options: Options, line: str) -> int:
    """Have the server that runs in the folder of these options do what `line` says; returns the exit code."""
    try:
        if options.folder is None:
            raise OSError("a server that keeps nothing has no folder in which to be found; --data DIR names one")
        return 0 if ask(options.folder, sys.stdin if line == "-" else line.split("\n"), print) else 1
    except OSError as error:
        print(f"Nothing was sent: {error.strerror or error}.", file=sys.stderr)
        return 2
