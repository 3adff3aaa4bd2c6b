"""Our programs, run as processes of their own and met through their console and exit code."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from typing import IO, Any, Self

from tests.support.nursery import SWITCHES, Nursery, Nursling
from tests.support.waiting import PATIENCE, ROOT, Text, asleep, find, wait_until


class Output:
    """What a program writes, gathered by a thread of ours so that it never waits for the test to read.

    `wait_for` goes on where the last one ended: each line is waited for in its order, and counts once.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._bytes = bytearray()
        self._news = threading.Condition()
        self._ended = False
        self._seen = 0
        self._thread = threading.Thread(target=self._gather, name="output")
        self._thread.start()

    @property
    def text(self) -> str:
        """Everything so far."""
        with self._news:
            return self._bytes.decode("utf-8", "backslashreplace")

    def wait_for(self, wanted: Text, seconds: float = PATIENCE) -> re.Match[str]:
        """Wait for `wanted` after what was found last; return the match. Fails with all there is."""
        deadline = time.monotonic() + seconds
        with self._news:
            while (found := find(wanted, self.text, self._seen)) is None:
                left = deadline - time.monotonic()
                why = "the output ended" if self._ended else f"not within {seconds:g} s" if left <= 0 else ""
                assert not why, f"{why}: {wanted!r}\n{self._report()}"
                self._news.wait(left)
            self._seen = found.end()
            return found

    def finish(self) -> None:
        """Wait for the end of the output; call it when the program has ended."""
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), f"somebody still holds the output open\n{self._report()}"
        self._stream.close()

    def _gather(self) -> None:
        while piece := os.read(self._stream.fileno(), 65536):
            with self._news:
                self._bytes += piece
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    def _report(self) -> str:
        return f"---- found so far:\n{self.text[: self._seen]}\n---- and then:\n{self.text[self._seen :]}\n----"


class Program:
    """One of our Python programs as a process of its own, off a terminal: standard input is a pipe.

    It runs with `-X dev` and with warnings as errors; a traceback or a warning on its standard error fails the
    test at `finish()`, unless the test said `expect_trouble()`. `popen` goes to subprocess.Popen.
    """

    def __init__(self, script: str, *options: object, dev: bool = True, **popen: Any) -> None:
        self._trouble_is_fine = False
        self._errors = tempfile.TemporaryFile() if "stderr" not in popen else None  # noqa: SIM115
        command = [sys.executable, *(SWITCHES if dev else ()), str(ROOT / script), *map(str, options)]
        self.process = self._run(command, popen)
        self.pid = self.process.pid
        self.killed = False
        self.output = Output(self.process.stdout) if self.process.stdout else None

    def type(self, line: str) -> None:
        """Write a line to the program's standard input."""
        assert self.process.stdin, "this program has no pipe as its standard input"
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def end_input(self) -> None:
        """Close the program's standard input, as Ctrl-D or the end of a file does."""
        if self.process.stdin:
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.close()

    def wait_for(self, wanted: Text, seconds: float = PATIENCE) -> re.Match[str]:
        """Wait for `wanted` on standard output, after what was found last; return the match."""
        assert self.output, "this program's standard output is not a pipe to the test"
        return self.output.wait_for(wanted, seconds)

    def errors(self) -> str:
        """Everything on standard error so far."""
        if self._errors is None or self._errors.closed:
            return ""
        return os.pread(self._errors.fileno(), 1 << 24, 0).decode("utf-8", "backslashreplace")

    def expect_trouble(self) -> None:
        """Let the program write tracebacks and warnings: this test provokes them."""
        self._trouble_is_fine = True

    def wait(self, seconds: float = PATIENCE) -> int:
        """Wait for the program's own end; return its exit code (-N where signal N ended it)."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.process.args!r} still runs after {seconds:g} s\n{self._report()}") from None

    def kill(self) -> None:
        """End the program at once, as a power cut does; harmless when it has ended."""
        self.killed = self.process.poll() is None
        self.process.kill()
        self.process.wait()

    def finish(self) -> None:
        """Take what is left away, then fail if the program wrote a traceback or a warning. Twice is harmless."""
        if self._errors and self._errors.closed:
            return
        self.kill()
        self.end_input()
        if self.output:
            self.output.finish()
        written = self.errors() + (self.output.text if self.output else "")
        if self._errors:
            self._errors.close()
        trouble = re.search(r"Traceback|Warning:|Fatal Python error", written)
        assert self._trouble_is_fine or trouble is None, f"{self.process.args!r} wrote:\n{written}"

    def _run(self, command: list[str], popen: dict[str, Any]) -> subprocess.Popen[bytes] | Nursling:
        usual = {"cwd": ROOT, "stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self._errors}
        return subprocess.Popen(command, **{**usual, **popen})

    def _report(self) -> str:
        output = self.output.text if self.output else "(not gathered)"
        return f"---- standard output:\n{output}\n---- standard error:\n{self.errors()}\n----"


class Server(Program):
    """`chat_server.py` on a free port of 127.0.0.1, ready to be joined: nothing of its start is still going on.

    `options` are put after `--host 127.0.0.1 --port 0`, and so win over them. With a nursery it comes from there,
    unless something is said of how the process is to be made. One that is `fresh` is started as people do it, and
    has only just opened its door.
    """

    _nursery: Nursery | None = None

    def __init__(self, *options: object, nursery: Nursery | None = None, fresh: bool = False, **popen: Any) -> None:
        self._nursery = None if popen or fresh else nursery
        self.host, self.port = "127.0.0.1", 0
        with Supervisor() as supervisor:
            environment = {"NOTIFY_SOCKET": supervisor.address, **popen.pop("env", os.environ)}
            super().__init__("chat_server.py", "--host", self.host, "--port", 0, *options, env=environment, **popen)
            try:
                if self.output:
                    self._read_banner()
                if not fresh and environment["NOTIFY_SOCKET"] == supervisor.address:
                    supervisor.wait_for("READY=1", self)
                    wait_until(lambda: asleep(self.pid), what="the server sleeps")
            except AssertionError as error:
                self.expect_trouble()
                self.finish()
                raise AssertionError(f"the server did not start: {error}") from None

    def stop(self, seconds: float = PATIENCE) -> None:
        """Send SIGTERM and see the server end with exit code 0, now or before; harmless after `kill()`."""
        if self.killed:
            return
        self.process.terminate()
        code = self.wait(seconds)
        assert code == 0, f"the server's exit code was {code}\n{self._report()}"

    def _run(self, command: list[str], popen: dict[str, Any]) -> subprocess.Popen[bytes] | Nursling:
        if self._nursery is None or self._errors is None:
            return super()._run(command, popen)
        return self._nursery.start(command, self._errors.fileno(), popen["env"])

    def _read_banner(self) -> None:
        banner = self.wait_for(re.compile(r"Chat running (\S+):(\d+)"))
        self.host, self.port = banner[1].strip("[]"), int(banner[2])


class Supervisor:
    """Whoever listens to what a service says of itself, as systemd does: see sd_notify(3)."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("")  # an abstract address that the system chooses
        self.address = f"@{self._socket.getsockname()[1:].decode('ascii')}"
        """The value of NOTIFY_SOCKET."""

    def wait_for(self, wanted: str, program: Program, seconds: float = PATIENCE) -> None:
        """Wait until the program says this."""
        heard: list[str] = []
        deadline = time.monotonic() + seconds
        self._socket.settimeout(0.2)
        while wanted not in heard:
            assert time.monotonic() < deadline, f"{wanted!r} was not said within {seconds:g} s, but {heard}"
            assert program.process.poll() is None, f"it ended before it said {wanted!r}: {program.errors()}"
            with contextlib.suppress(TimeoutError):
                heard += self._socket.recv(4096).decode().split("\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._socket.close()
