"""What the tests of faults share: witnesses beside every fault, and what the server costs before and after it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from tests.gauges import calms_down, descriptors, longest_turn, memory, processor_waits, stretched
from tests.support import ROOT, Server, wait_until

P99, WORST = 50.0, 250.0  # milliseconds within which the witnesses hear each other
ENOUGH = 50  # lines of each witness from which on the slowest in a hundred is not just the slowest
LOADED = 3.0  # on a machine that is busy without us, so many times what they needed before the fault
CALM = 0.7  # seconds of the witnesses' talk before the fault


@pytest.fixture
def unaffected() -> Callable[..., AbstractContextManager[Server]]:
    """`with unaffected(server): ...`: what happens within harms nobody, and leaves nothing behind.

    `worst` is the longest delay in milliseconds, where what happens is work for all who are there; `kept` are the MiB
    that the process may be larger by afterwards.
    """
    return _unaffected


@contextlib.contextmanager
def _unaffected(server: Server, worst: float = WORST, kept: int = 16) -> Iterator[Server]:
    longest_turn(server.host, server.port)  # what the start took does not count
    calm = _Watch(server)
    time.sleep(CALM)  # not for luck: this is the measurement to compare with
    before = {**calm.end(), "turn": longest_turn(server.host, server.port)}
    watch = _Watch(server)
    open_before, memory_before = descriptors(server.pid), memory(server.pid)
    ran_before = processor_waits(server.pid)
    try:
        yield server
    except BaseException:
        watch.kill()
        raise
    wait_until(lambda: descriptors(server.pid) <= open_before + 2, what="the descriptors come back")
    saw = {**watch.end(), "turn": longest_turn(server.host, server.port)}
    stretch = stretched(ran_before, processor_waits(server.pid)) * saw["stretch"]  # others have the processor, too
    with open(os.environ.get("CHAT_FIGURES", os.devnull), "a", encoding="utf-8") as figures:  # noqa: PTH123
        test = os.environ.get("PYTEST_CURRENT_TEST", "").partition(" ")[0]
        print(json.dumps({"test": test, "calm": before, "fault": saw}), file=figures)
    assert saw["wrong"] == 0, saw
    assert saw["worst"] <= stretch * max(worst, LOADED * before["worst"]), (before, saw, stretch)
    assert saw["lines"] < ENOUGH or saw["p99"] <= stretch * max(P99, LOADED * before["p99"]), (before, saw, stretch)
    assert memory(server.pid) <= memory_before + kept * 1024 * 1024
    assert calms_down(server.pid, 0.05, 0.5)
    server.type("LIST_USERS")
    server.wait_for("console  here")


class _Watch:
    """The witnesses at work."""

    def __init__(self, server: Server) -> None:
        command = [sys.executable, "-m", "tests.faults.witness", server.host, str(server.port)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        if self.process.stdout.readline() != "ready\n":
            self.kill()
            raise AssertionError("the witnesses did not come in")

    def end(self) -> dict[str, float]:
        """Let them end, and tell what they saw."""
        said, _ = self.process.communicate(timeout=30)
        assert self.process.returncode == 0
        saw: dict[str, float] = json.loads(said)
        return saw

    def kill(self) -> None:
        """End them at once."""
        self.process.kill()
        self.process.communicate()
