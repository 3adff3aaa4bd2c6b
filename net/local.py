"""A socket in a folder, for programs of the same user on the same machine: both its ends.

It carries lines one way and answers the other, each a line of JSON. It does not know what they say.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from net.loop import READ, Loop, Timer

NAME = "chat.sock"
AT_ONCE = 8
PATIENCE = 60.0  # seconds that a program waits for an answer


class Local:
    """The server's end. It listens from now on, in place of what a dead server has left there.

    `welcome` gets each newcomer's socket. Raises OSError where it cannot be made, or something else bears its name.
    """

    def __init__(self, loop: Loop, folder: Path, welcome: Callable[[socket.socket], None]) -> None:
        self._loop = loop
        self._welcome = welcome
        self._folder = folder
        with _at(folder) as (directory, path):
            _make_room(directory)
            self._sock = _bind(path)
        self._rest: Timer | None = None
        loop.watch(self, READ)

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._sock.fileno()

    def ready(self, _events: int) -> None:
        """Accept whoever waits."""
        for _ in range(AT_ONCE):
            try:
                sock, _address = self._sock.accept()
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE):  # whoever waits must wait longer
                    self._loop.unwatch(self)
                    self._rest = self._loop.call_later(1.0, self.go_on)
                return
            self._welcome(sock)

    def go_on(self) -> None:
        """Be watched, again or by the loop of the code that has taken over."""
        self._rest = None
        self._loop.watch(self, READ)

    def flush(self) -> None:
        """Nothing is ever kept."""

    def fail(self, why: str) -> None:
        """A fault with one newcomer; the next is welcome."""

    def close(self) -> None:
        """Stop listening, and take the name away."""
        self._loop.unwatch(self)
        if self._rest is not None:
            self._rest.cancel()
        self._sock.close()
        with contextlib.suppress(OSError), _at(self._folder) as (directory, _path):
            _make_room(directory)


def encode(ok: bool, text: str) -> bytes:
    """Return an answer as it travels."""
    return json.dumps({"ok": ok, "text": text}).encode() + b"\n"


def ask(folder: Path, lines: Iterable[str], tell: Callable[[str], None]) -> bool:
    """Send lines to the server that runs in `folder`, one after the other; return whether it did all they asked.

    `tell` gets each answer. Raises OSError, with words, where none runs there, or where it does not answer.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(PATIENCE)
        _connect(sock, folder)
        with sock.makefile("rb") as answers:
            done = [_ask_one(sock, answers.readline, line, tell) for line in lines if line.strip()]
            return all(done)


def _ask_one(sock: socket.socket, read: Callable[[], bytes], line: str, tell: Callable[[str], None]) -> bool:
    try:
        sock.sendall(line.encode("utf-8", "replace").rstrip(b"\r\n") + b"\n")
        answer = read()
    except TimeoutError:
        raise OSError(f"the server did not answer within {PATIENCE:g} seconds") from None
    except OSError:
        answer = b""
    if not answer.endswith(b"\n"):
        raise OSError("the server ended before it had answered")
    found = json.loads(answer)
    if found["text"]:
        tell(found["text"])
    return bool(found["ok"])


def _connect(sock: socket.socket, folder: Path) -> None:
    try:
        with _at(folder) as (directory, path):
            if not stat.S_ISSOCK(os.stat(NAME, dir_fd=directory, follow_symlinks=False).st_mode):
                raise OSError(f"{NAME} in {folder} is no socket")
            sock.connect(path)
    except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
        raise OSError(f"no server runs in {folder}") from None


@contextlib.contextmanager
def _at(folder: Path) -> Iterator[tuple[int, str]]:
    """Open the folder; yield its descriptor, and a path to the socket that is short: it may have 107 bytes."""
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        near = f"/proc/self/fd/{directory}"
        yield directory, f"{near if os.path.isdir(near) else folder}/{NAME}"  # noqa: PTH112 -- it is no path to keep
    finally:
        os.close(directory)


def _make_room(directory: int) -> None:
    """Remove what a dead server has left; nothing but a socket."""
    try:
        mode = os.stat(NAME, dir_fd=directory, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise OSError(f"{NAME} in it is {'a symbolic link' if stat.S_ISLNK(mode) else 'no socket'}")
    os.unlink(NAME, dir_fd=directory)


def _bind(path: str) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        sock.setblocking(False)
        sock.bind(path)
        sock.listen(AT_ONCE)
    except OSError:
        sock.close()
        raise
    finally:
        os.umask(before)
    return sock
