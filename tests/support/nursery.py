"""Servers that start in no time: forked by a process that has imported what a server needs, and does nothing else.

What differs from `python chat_server.py` is who imported the modules, and when. Tests that look at the start, at memory
or at time run that instead, as do all that say how the process is to be made. The process itself is tests/nursery.py.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from typing import IO

from tests.support.waiting import PATIENCE, ROOT

SCRIPT = str(ROOT / "chat_server.py")
SWITCHES = ("-X", "dev", "-W", "error")


class Nursling:
    """A server that the nursery has forked, as `subprocess.Popen` would show it."""

    def __init__(self, args: list[str], pid: int, status: int, stdin: IO[bytes], stdout: IO[bytes]) -> None:
        self.args = args
        self.pid = pid
        self.stdin = stdin
        self.stdout = stdout
        self.returncode: int | None = None
        self._status = status

    def poll(self) -> int | None:
        """Return the exit code; None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; return the exit code, -N where signal N ended it."""
        if self.returncode is None:
            watched = select.poll()
            watched.register(self._status, select.POLLIN)
            if not watched.poll(None if timeout is None else timeout * 1000):
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            said = os.read(self._status, 16)
            os.close(self._status)
            assert said, "the nursery is gone"
            self.returncode = int(said)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)


class Nursery:
    """The process, from outside."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.settimeout(PATIENCE)
        command = [sys.executable, *SWITCHES, "-m", "tests.nursery"]
        with theirs:
            self._process = subprocess.Popen(command, cwd=ROOT, stdin=theirs.fileno())

    def start(self, command: list[str], stderr: int, environment: Mapping[str, str]) -> Nursling:
        """Start a server as `command` would, with pipes as its standard input and output."""
        arguments = command[command.index(SCRIPT) :]
        wanted = json.dumps([arguments, dict(environment)]).encode()
        with contextlib.ExitStack() as theirs:
            (stdin, to_stdin), (from_stdout, stdout), (from_status, status) = os.pipe(), os.pipe(), os.pipe()
            for fd in (stdin, stdout, status):
                theirs.callback(os.close, fd)
            socket.send_fds(self._socket, [wanted], [stdin, stdout, stderr, status])
            pid = int(self._socket.recv(16))
        return Nursling(command, pid, from_status, os.fdopen(to_stdin, "wb"), os.fdopen(from_stdout, "rb"))

    def close(self) -> None:
        """End the nursery, and what still runs of it."""
        self._socket.close()
        self._process.wait(PATIENCE)
