"""What a process costs, read from /proc, and what tests need to meet its limits."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has used so far, its own and the system's for it."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cpu_share(pid: int, seconds: float = 1.0) -> float:
    """Return the share of one processor that a process uses while it is watched for `seconds`."""
    used, began = cpu_seconds(pid), time.monotonic()
    time.sleep(seconds)  # not for luck: this is the window of the measurement
    return (cpu_seconds(pid) - used) / (time.monotonic() - began)


def calms_down(pid: int, share: float, seconds: float = 1.0) -> bool:
    """Return whether a process comes to use no more than `share` of one processor for `seconds`.

    What happened just before may still have to be done; what spins never ends.
    """
    return any(cpu_share(pid, seconds) < share for _ in range(10))


def stretched(before: tuple[float, float], after: tuple[float, float]) -> float:
    """Return how many times longer than on an idle machine something took, by two looks at `processor_waits`."""
    ran, waited = (now - then for then, now in zip(before, after, strict=True))
    return 1 + waited / max(ran, 0.01)


def processor_time(what: Callable[[], object], times: int = 5) -> float:
    """Return the seconds of processor time that this takes; of so many times the least: the others were disturbed."""
    found = []
    for _ in range(times):
        began = time.process_time()
        what()
        found.append(time.process_time() - began)
    return min(found)


@contextlib.contextmanager
def within(seconds: float, pid: int) -> Iterator[None]:
    """Fail where what is done inside takes longer; that much longer it may, as others keep the processor from us.

    Us: this process, and `pid`.
    """
    began, before = time.monotonic(), [processor_waits(each) for each in (pid, "self")]
    yield
    took, after = time.monotonic() - began, [processor_waits(each) for each in (pid, "self")]
    stretch = max(map(stretched, before, after))
    assert took < seconds * stretch, f"it took {took:.2f} s, and others had the processor {stretch:.1f} times as long"


def processor_waits(pid: int | str) -> tuple[float, float]:
    """Return for how long a process has run, and for how long it could have run but others did, in seconds."""
    ran, waited, _ = Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()
    return int(ran) / 1e9, int(waited) / 1e9


def longest_turn(host: str, port: int) -> float:
    """Return the milliseconds of the server's longest turn since this was asked last."""
    with urllib.request.urlopen(f"http://{host}:{port}/metrics", timeout=20) as answer:
        found = re.search(rb"^\S*loop_stall_seconds (\S+)", answer.read(), re.MULTILINE)
    assert found
    return round(1000 * float(found[1]), 1)


def memory(pid: int) -> int:
    """Return the resident memory of a process in bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def descriptors(pid: int) -> int:
    """Return how many descriptors a process has open."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


@contextlib.contextmanager
def many_descriptors() -> Iterator[int]:
    """Raise our own limit of descriptors to the most there may be; yields how many that are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        yield hard
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
