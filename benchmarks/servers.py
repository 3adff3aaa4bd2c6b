"""The servers that are measured, and how they are started, pinned and stopped. It knows nothing of chat."""

from __future__ import annotations

import contextlib
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.machine import cores, pinned

HERE = Path(__file__).resolve().parent
BUILD = HERE / "build"
LOAD = str(BUILD / "load")
COMPILE = ["cc", "-std=c11", "-O2", "-Wall", "-Wextra", "-Werror"]
SOURCES = {"limit": ["limit.c"], "load": ["load.c", "crowd.c", "talk.c", "check.c", "speech.c"]}
BANNER = re.compile(rb"Chat running .*:(\d+)")
PATIENCE = 30.0  # seconds for a server to listen
PORTS = range(20_000, 30_000)  # not those that the kernel gives to clients
FOUND = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


class Failed(Exception):
    """A server or the load did not do what it was started for; the text says what."""


@dataclass(frozen=True)
class Contender:
    """A server to measure. In its command and its configuration {port} and {folder} stand for what they will be.

    Those without a `config` choose a port and print `Chat running HOST:PORT`. All end on SIGTERM. `door` is how many
    people come in at the same time, where the server does better with another number.
    """

    name: str
    command: tuple[str, ...]
    speech: str = "plain"
    config: str = ""
    door: int = 64


@dataclass
class Running:
    """A server that runs: its process and port, the folder it has for itself, and at its end what it has printed."""

    pid: int
    port: int
    folder: Path
    printed: str = ""


LIMIT = Contender("limit", (str(BUILD / "limit"),), "bare")
PEERS = (
    Contender("ngircd", ("ngircd", "-n", "-f", "{config}"), "irc", "ngircd.conf", door=8),  # its backlog is 10
    Contender(
        "inspircd",
        ("inspircd", "--nofork", "--runasroot", "--config={config}"),
        "irc",
        "inspircd.conf",
        door=1000,  # it lets people in once a second
    ),
    Contender("redis", ("redis-server", "{config}"), "redis", "redis.conf"),
    Contender("nats", ("nats-server", "-c", "{config}"), "nats", "nats.conf"),
)


def ours(server: Path, *more: str) -> Contender:
    """Return our server with everything on: history in a fresh folder, all limits but that on how fast one talks."""
    options = ("--host", "127.0.0.1", "--port", "0", "--data", "{folder}/data", "--no-flood-limit")
    return Contender("ours", (sys.executable, str(server), *options, *more))


def is_installed(peer: Contender) -> bool:
    """Return whether a peer is on this machine."""
    return shutil.which(peer.command[0], path=FOUND) is not None


def version(peer: Contender) -> str:
    """Return a peer's name and version."""
    command = [shutil.which(peer.command[0], path=FOUND) or peer.command[0], "--version"]
    told = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=PATIENCE)
    number = re.search(rb"\d+(\.\d+)+", told.stdout)
    return f"{peer.name} {number[0].decode() if number else ''}".strip()


def build() -> None:
    """Compile the C programs into build/, where they are older than their sources."""
    BUILD.mkdir(exist_ok=True)
    for name, sources in SOURCES.items():
        made, parts = BUILD / name, [HERE / source for source in sources]
        newest = max(part.stat().st_mtime for part in (*parts, *HERE.glob("*.h")))
        if not made.exists() or made.stat().st_mtime < newest:
            fresh = BUILD / f"{name}-{os.getpid()}"
            subprocess.run([*COMPILE, *map(str, parts), "-o", str(fresh)], check=True)
            fresh.rename(made)


# --- processes


def orphaned(command: Sequence[str]) -> list[str]:
    """Return the command so that it ends with us, even where we are killed."""
    found = shutil.which(command[0], path=FOUND) or command[0]
    guard = shutil.which("setpriv", path=FOUND)
    return [*((guard, "--pdeathsig", "KILL", "--") if guard else ()), found, *command[1:]]


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a child, politely for five seconds, and wait for it."""
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextlib.contextmanager
def serving(contender: Contender, folder: Path) -> Iterator[Running]:
    """Run a server on the first core. Its output goes to a file: to write there never blocks."""
    port = _free_port() if contender.config else 0
    config, out = folder / "config", folder / "output"
    places = {"port": str(port), "folder": str(folder), "config": str(config)}
    if contender.config:
        config.write_text(_filled((HERE / "peers" / contender.config).read_text(), places))
    command = orphaned([_filled(word, places) for word in contender.command])
    with out.open("wb") as sink, pinned(cores()[0]):
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT, cwd=folder)
    running = Running(server.pid, port, folder)
    try:
        running.port = _wait_until_open(server, port, out) if port else _wait_for_banner(server, out)
        yield running
    finally:
        stop(server)
        running.printed = out.read_text(errors="replace")


@contextlib.contextmanager
def fresh(contender: Contender) -> Iterator[Running]:
    """Run a server on the first core in a folder of its own, which is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with serving(contender, folder) as running:
            yield running


def _filled(text: str, places: dict[str, str]) -> str:
    for name, value in places.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def _free_port() -> int:
    for port in random.sample(PORTS, 100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise Failed("there is no free port")


def _wait_until_open(server: subprocess.Popen[bytes], port: int, out: Path) -> int:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return port
        time.sleep(0.05)
    raise Failed(f"does not listen: {_end_of(out)}")


def _wait_for_banner(server: subprocess.Popen[bytes], out: Path) -> int:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and server.poll() is None:
        if banner := BANNER.search(out.read_bytes()):
            return int(banner[1])
        time.sleep(0.01)
    raise Failed(f"no banner: {_end_of(out)}")


def _end_of(out: Path) -> str:
    return " ".join(out.read_text(errors="replace").split())[-300:]
