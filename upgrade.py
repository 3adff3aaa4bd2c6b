"""UPGRADE: new code takes over in this process, while everybody stays.

First another process tries it out, with all there is; only where that goes well is the room stopped for a moment,
written down, and the new code executed in place. Whatever goes wrong before that, the old code goes on, and says why.
"""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol

import handover
from chat.events import Ref, Refused
from chat.rule import write_down
from net.aside import Aside
from snapshot import Unwritten
from store import Store, Unusable
from store.records import Inbox

TRIAL = 10.0  # seconds in which the new code has to have started
ERRORS = 65_536  # bytes of what it complains of that are read
GATHERING = 10.0  # seconds in which passwords are checked, and TLS connections end
FEW = 2  # passwords that the room stands still for, where there is always one
CALM = 1.0  # seconds that it does so at most
FAREWELL = 3.0  # seconds until what waits for the disk is stored
BUSY = "passwords are being checked, or the disk does not keep up; please try again in a moment"
TEXT = "The server is being renewed; please come back at once."
SCRIPT = Path(getattr(sys.modules["__main__"], "__file__", "") or sys.argv[0]).absolute()
"""Where the code is, whatever becomes of the working directory."""


class House(handover.House, Protocol):
    """The server, as it is renewed."""

    upgrade: Upgrade | None

    def open_store(self) -> None: ...


def begin(server: House, ref: Ref) -> None:
    """Have new code take over. Raises Refused where that cannot begin."""
    if server.upgrade is not None:
        raise Refused("busy", "New code is being tried out already.")
    if server.hub.closing is not None:
        raise Refused("closing", server.hub.closing)
    server.upgrade = upgrade = Upgrade(server, ref)
    server.loop.call_soon(upgrade.try_out)  # not in the midst of a turn


class Upgrade:
    """One try. `ref` is that of the request; the host gets the answer."""

    def __init__(self, server: House, ref: Ref) -> None:
        self._server = server
        self._ref = ref
        self._until = 0.0
        self._trial = Aside(server.loop)

    # -- one step after the other

    def try_out(self) -> None:
        """Have the new code tried out, with all there is."""
        self._server.loop.catch_up()
        try:
            data, _ = handover.written(self._server, at=0.0, console=None, ref=self._ref)
        except Unwritten as error:
            self._fail(f"the room cannot be written down ({error})")
        else:
            self._trial.run(partial(try_out, data), self._tried)

    def _tried(self, why: str) -> None:
        self._trial.close()
        if why:
            self._fail(f"the new code does not start: {why}")
        else:
            self._gather()

    def _gather(self) -> None:
        """Let nobody in any more, and have those come back later whose connections cannot go on."""
        for listener in self._server.listeners:
            listener.pause()
        for visit in tuple(self._server.visits):
            if visit.secure:
                visit.come_anew("upgrade", TEXT)
        self._until = self._server.loop.clock.monotonic() + GATHERING
        self._wait()

    def _wait(self) -> None:
        server = self._server
        left = self._until - server.loop.clock.monotonic()
        busy = server.aside.busy > (FEW if left < GATHERING / 2 else 0)
        if server.hub.closing is not None:
            self._fail("the room is being closed")
        elif server.store is not None and not server.store.healthy:
            self._fail("what is said cannot be stored at the moment")
        elif not busy and not any(visit.secure for visit in server.visits):
            server.loop.call_soon(self._hand_over)
        elif left < 0:
            self._fail(BUSY)
        else:
            server.loop.call_later(0.01, self._wait)

    def _hand_over(self) -> None:
        """Stop everything, write it down, and be somebody else. Returns only where that failed."""
        server = self._server
        began = server.loop.clock.monotonic()
        calm = self._calm(began + CALM)
        if server.hub.closing is not None:
            self._fail("the room is being closed")
            return
        if not calm and began < self._until:
            server.loop.call_later(CALM, self._wait)
            return
        if not calm:
            self._fail(BUSY)
            return
        if server.store is not None and not server.store.close(FAREWELL):
            self._go_on("not everything could be stored")
            return
        server.loop.catch_up()
        console = server.console.hand_over()
        server.overseer.reloading(True)
        server.overseer.close(FAREWELL)
        try:
            data, sockets = handover.written(server, at=began, console=console, ref=self._ref)
            execute(data, sockets, server.overseer.supervisor.environ)
        except (OSError, Unwritten) as error:
            server.console.open(console)
            server.overseer.reopen()
            self._go_on(str(error))

    def _calm(self, until: float) -> bool:
        """Wait until nothing is under way aside or to the disk; False where that takes too long."""
        server = self._server
        store = server.store
        while server.loop.clock.monotonic() < until:
            answered = _ask(store)
            while (server.aside.busy or not answered()) and server.loop.clock.monotonic() < until:
                time.sleep(0.001)
                server.loop.catch_up()
            server.loop.catch_up()
            if (
                answered()
                and not server.aside.busy
                and (store is None or (store.healthy and not store.figures.pending))
            ):
                return True
        return False

    def _go_on(self, why: str) -> None:
        """Go on with what was stopped already."""
        try:
            self._server.open_store()
        except Unusable as error:
            self._server.warn(str(error))
        self._fail(why)

    def _fail(self, why: str) -> None:
        server, host = self._server, self._server.hub.host
        assert host is not None
        server.upgrade = None
        for listener in server.listeners:
            listener.go_on()
        server.hub.decline(host, "upgrade", Refused("bad_code", f"Nothing has changed: {why}."), self._ref)
        write_down(server.hub, host, "UPGRADE", "", f"not done: {why}")
        if server.errands is not None:
            server.errands.finish()


def _ask(store: Store | None) -> Callable[[], bool]:
    """Return what tells whether the store has done what it had to do when this was called."""
    found: list[object] = []
    if store is None:
        return lambda: True
    store.ask(Inbox("\0"), found.append)
    return lambda: bool(found)


# -- the other process, and the next life of this one


def command() -> list[str]:
    """Return what has started this program, so that it does so again from anywhere."""
    first, *others = sys.orig_argv[1:]
    return [sys.executable, *(str(SCRIPT) if word == sys.argv[0] else word for word in (first, *others))]


def execute(data: bytes, sockets: list[int], more: dict[str, str]) -> None:
    """Execute the new code in this process. Returns only by raising OSError."""
    fd = handover.in_memory(data)
    signal.pthread_sigmask(signal.SIG_BLOCK, handover.HELD)
    try:
        for number in (fd, *sockets):
            os.set_inheritable(number, True)
        os.execve(sys.executable, command(), {**os.environ, **more, handover.VARIABLE: str(fd)})
    except OSError:
        for number in sockets:
            os.set_inheritable(number, False)
        os.close(fd)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, handover.HELD)
        raise


def try_out(data: bytes) -> str:
    """Start the new code elsewhere and have it read `data`; return why it does not, empty where it does. Blocks."""
    fd = handover.in_memory(data)
    environ = {**os.environ, handover.VARIABLE: f"{handover.TRIAL}{fd}"}
    try:
        process = subprocess.Popen(
            command(), env=environ, pass_fds=(fd,), start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
    except OSError as error:
        return f"{sys.executable} cannot be started ({error.strerror or error})"
    finally:
        os.close(fd)
    with process:
        said, ended = _complaints(process, time.monotonic() + TRIAL)
        if not ended:
            os.killpg(process.pid, signal.SIGKILL)
    if not ended:
        return f"it did not within {TRIAL:g} seconds"
    return "" if process.returncode == 0 else reason(said, process.returncode)


def _complaints(process: subprocess.Popen[bytes], until: float) -> tuple[bytes, bool]:
    """Return what it says on standard error, and whether it has come to its end."""
    assert process.stderr is not None
    said = b""
    while select.select([process.stderr], [], [], max(0.0, until - time.monotonic()))[0]:
        data = os.read(process.stderr.fileno(), 4096)
        if not data:
            try:
                process.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                return said, False
            return said, True
        said += data[: ERRORS - len(said)]
    return said, False


def reason(said: bytes, code: int) -> str:
    """Return what is wrong, of a traceback or another complaint, with the place where that is told."""
    lines = [line.strip() for line in said.decode("utf-8", "replace").split("\n") if line.strip()]
    places = re.findall(r'File "([^"\n]+)", line (\d+)', said.decode("utf-8", "replace"))
    last = lines[-1] if lines else f"it ended with code {code}"
    where = f"{_short(places[-1][0])}, line {places[-1][1]}: " if places else ""
    return f"{where}{last}".rstrip(".")[:400]


def _short(path: str) -> str:
    return os.path.relpath(path, SCRIPT.parent) if path.startswith(f"{SCRIPT.parent}{os.sep}") else path
