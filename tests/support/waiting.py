"""What all helpers share: where the project is, how long a wait lasts, and waiting itself."""

from __future__ import annotations

import contextlib
import os
import random
import re
import shutil
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE = 30.0
"""Seconds until a wait gives up: far more than anything takes, so that a busy machine fails no test."""
PORTS = range(20_000, 32_000)
"""Where `free_port` looks: below those that the system gives to connections: none is taken meanwhile."""

Text = str | re.Pattern[str]
"""What is waited for: these characters, or something this pattern finds."""


def needs(*programs: str) -> None:
    """Skip the test where one of these programs is not installed."""
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"needs {program}, which is not installed here (`make test` installs it)")


def free_port() -> int:
    """Return a TCP port on which nobody listens, and which nobody is given by chance; never the same one twice."""
    for port in _ports:
        with contextlib.suppress(OSError), socket.create_server(("", port)):
            return port
    raise AssertionError(f"no port of {PORTS} is free")


_mine = PORTS[int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 8 :: 8]  # no two workers take the same one
_ports = iter(random.sample(_mine, len(_mine)))


def wait_until(condition: Callable[[], object], seconds: float = PATIENCE, what: str = "") -> None:
    """Return as soon as `condition()` is true; fail, saying `what`, when it is not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what or condition}"
        time.sleep(0.01)


def find(wanted: Text, text: str, start: int = 0) -> re.Match[str] | None:
    """Return where `wanted` stands in `text` first, from `start` on."""
    pattern = wanted if isinstance(wanted, re.Pattern) else re.compile(re.escape(wanted))
    return pattern.search(text, start)


def alive(pid: int) -> bool:
    """Is there a process with this id that has not ended?"""
    return _state(pid) not in ("", "Z")


def asleep(pid: int) -> bool:
    """Does this process wait for something to happen, or has it ended? Who waits for the processor is awake."""
    return _state(pid) not in ("R", "D")


def _state(pid: int) -> str:
    """Return the letter that proc(5) has for the state of a process; nothing where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""
