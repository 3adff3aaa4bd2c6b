"""The process that forks servers for the tests: asked through a socket, its standard input, it ends with it.

See tests/support/nursery.py, which asks it. It imports nothing of the tests.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys

import ready
import server

LONGEST = 131_072  # bytes of a request: options, and the environment


class Parent:
    """Forks, and tells the end of each child."""

    def __init__(self) -> None:
        self._asked = socket.socket(fileno=os.dup(0))
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._asked, selectors.EVENT_READ)
        self._children: dict[int, tuple[int, int]] = {}

    def serve(self) -> list[str] | None:
        """Return the command line to run in a child; None in the parent, at its end."""
        while True:
            for key, _ in self._selector.select():
                if key.data is not None:
                    self._bury(key.fd, *key.data)
                    continue
                wanted, fds, _, _ = socket.recv_fds(self._asked, LONGEST, 4)
                if not wanted:
                    self._end()
                    return None
                if (args := self._fork(wanted, fds)) is not None:
                    return args

    def _fork(self, wanted: bytes, fds: list[int]) -> list[str] | None:
        pid = os.fork()
        if pid == 0:
            self._let_go(fds[3])
            return _become(wanted, fds[:3])
        for fd in fds[:3]:
            os.close(fd)
        self._asked.send(b"%d" % pid)
        self._children[pid] = pidfd, status = os.pidfd_open(pid), fds[3]
        self._selector.register(pidfd, selectors.EVENT_READ, (pid, status))
        return None

    def _bury(self, pidfd: int, pid: int, status: int) -> None:
        self._selector.unregister(pidfd)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        with contextlib.suppress(BrokenPipeError):
            os.write(status, b"%d" % code)
        for fd in self._children.pop(pid):
            os.close(fd)

    def _let_go(self, status: int) -> None:
        """In a child: close what is the parent's."""
        self._selector.close()
        self._asked.close()
        os.close(status)
        for pair in self._children.values():
            for fd in pair:
                os.close(fd)

    def _end(self) -> None:
        self._asked.close()
        self._selector.close()
        for pid in self._children:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _become(wanted: bytes, fds: list[int]) -> list[str]:
    """In a child: take the environment and the standard descriptors that are wanted; returns the command line."""
    args, environment = json.loads(wanted)
    os.environ.clear()
    os.environ.update(environment)
    for number, fd in enumerate(fds):
        os.dup2(fd, number)
    for fd in fds:
        os.close(fd)
    found: list[str] = args
    return found


def main() -> int:
    """Serve; in a child: be a server."""
    for part in ready.LATER:
        importlib.import_module(part)
    gc.collect()
    gc.freeze()
    args = Parent().serve()
    if args is None:
        return 0
    sys.argv = args
    return server.main(args[1:])


if __name__ == "__main__":
    sys.exit(main())
