"""The servers that are measured, and how they are started, pinned, watched and stopped. It knows nothing of chat."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUILD = HERE / "build"
LOAD = str(BUILD / "load")
COMPILE = ["cc", "-std=c11", "-O2", "-Wall", "-Wextra", "-Werror"]
SOURCES = {"limit": ["limit.c"], "load": ["load.c", "crowd.c", "speech.c"]}
BANNER = re.compile(rb"Chat running .*:(\d+)")
PATIENCE = 30.0  # seconds for a server to listen


@dataclass(frozen=True)
class Contender:
    """A server to measure. In its command and its configuration {port} and {folder} stand for what they will be.

    Those without a `config` choose a port and print `Chat running HOST:PORT`. All end on SIGTERM.
    """

    name: str
    command: tuple[str, ...]
    speech: str = "plain"
    config: str = ""


LIMIT = Contender("limit", (str(BUILD / "limit"),))
PEERS = (
    Contender("ngircd", ("ngircd", "-n", "-f", "{config}"), "irc", "ngircd.conf"),
    Contender("inspircd", ("inspircd", "--nofork", "--runasroot", "--config={config}"), "irc", "inspircd.conf"),
    Contender("redis", ("redis-server", "{config}"), "redis", "redis.conf"),
    Contender("nats", ("nats-server", "-c", "{config}"), "nats", "nats.conf"),
)


def ours(server: Path, *more: str) -> Contender:
    """Return our server with everything on: history in a fresh folder, all limits but that on how fast one talks."""
    command = (sys.executable, str(server), "--host", "127.0.0.1", "--port", "0", "--data", "{folder}/data", *more)
    told = subprocess.run([sys.executable, str(server), "--help"], stdout=subprocess.PIPE, check=True).stdout
    return Contender("ours", (*command, "--no-flood-limit") if b"--no-flood-limit" in told else command)


def installed() -> list[Contender]:
    """Return the peers that are on this machine."""
    return [peer for peer in PEERS if shutil.which(peer.command[0], path=f"{os.environ['PATH']}:/usr/sbin")]


def version(peer: Contender) -> str:
    """Return what a peer calls itself."""
    told = subprocess.run([peer.command[0], "--version"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return told.stdout.decode(errors="replace").partition("\n")[0]


# --- processes


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


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a child, politely for five seconds, and wait for it."""
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextlib.contextmanager
def serving(contender: Contender, core: int, folder: Path) -> Iterator[tuple[int, int]]:
    """Run a server; yield its pid and port. Its output goes to a file: to write there never blocks."""
    port = _free_port() if contender.config else 0
    config, out = folder / "config", folder / "output"
    places = {"port": str(port), "folder": str(folder), "config": str(config)}
    if contender.config:
        config.write_text(_filled((HERE / "peers" / contender.config).read_text(), places))
    command = [_filled(word, places) for word in contender.command]
    with out.open("wb") as sink, pinned(core):
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT, cwd=folder)
    try:
        yield server.pid, _wait_until_open(server, port) if port else _wait_for_banner(server, out)
    finally:
        stop(server)


@contextlib.contextmanager
def fresh(contender: Contender) -> Iterator[tuple[int, int, Path]]:
    """Run a server on the first core in a folder of its own; yield its pid, port and folder."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with serving(contender, cores()[0], folder) as (pid, port):
            yield pid, port, folder


def _filled(text: str, places: dict[str, str]) -> str:
    for name, value in places.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_open(server: subprocess.Popen[bytes], port: int) -> int:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return port
        time.sleep(0.05)
    raise SystemExit(f"{server.args!r} does not listen")


def _wait_for_banner(server: subprocess.Popen[bytes], out: Path) -> int:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and server.poll() is None:
        if banner := BANNER.search(out.read_bytes()):
            return int(banner[1])
        time.sleep(0.01)
    raise SystemExit(f"no banner from {server.args!r}:\n{out.read_text(errors='replace')[-2000:]}")


def build() -> None:
    """Compile the C programs into build/."""
    BUILD.mkdir(exist_ok=True)
    for name, sources in SOURCES.items():
        subprocess.run([*COMPILE, *(str(HERE / source) for source in sources), "-o", str(BUILD / name)], check=True)


def allow_many_files() -> None:
    """Raise the limit on open files as far as it goes: for the servers, who inherit it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


# --- what /proc says


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of all living threads, to the nanosecond."""
    return sum(int(task.read_text().split()[0]) for task in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


def resident_bytes(pid: int) -> int:
    """Return the memory of the process itself; what the kernel keeps for its sockets is not in it."""
    status = Path(f"/proc/{pid}/status").read_text()
    return 1024 * int(status.split("VmRSS:")[1].split()[0])


def busy_seconds() -> float:
    """Return the CPU time of everything on this machine, and what its host took away; in steps of 10 ms."""
    user, nice, system, _, _, irq, softirq, steal = map(int, Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
