"""This machine: its cores, what processes use of it, and what it is called. Linux only."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def about() -> dict[str, Any]:
    """Return what the figures depend on besides the code."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return {
        "cpu": model[1] if model else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_average": os.getloadavg()[0],
        "when": time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
    }


def cores() -> tuple[int, int]:
    """Return the core of the server and the core of the load; the same one if there is only one."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[min(1, len(usable) - 1)]


@contextlib.contextmanager
def pinned(core: int) -> Iterator[None]:
    """What is started within runs on this core, from its first instruction."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def allow_many_files() -> None:
    """Raise the limit on open files as far as it goes: for the servers, who inherit it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process with all its threads, to the nanosecond."""
    return time.clock_gettime(~pid << 3 | 2)  # what clock_getcpuclockid(3) makes of a pid


def resident_bytes(pid: int) -> int:
    """Return the memory of the process itself; what the kernel keeps for its sockets is not in it."""
    status = Path(f"/proc/{pid}/status").read_text()
    return 1024 * int(status.split("VmRSS:")[1].split()[0])


def busy_seconds() -> float:
    """Return the CPU time of everything on this machine, and what its host took away; in steps of 10 ms."""
    user, nice, system, _, _, irq, softirq, steal = map(int, Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
