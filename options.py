"""The server's options: what can be set, what it is when it is not set, and what is wrong with what was given."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass, fields

SELECTORS = ("select", "poll", "epoll")


@dataclass(frozen=True, slots=True)
class Options:
    """What the host chose. Limits are in seconds."""

    host: str = ""
    port: int = 3001
    room_name: str = "Lobby"
    selector: str | None = None
    login_timeout: float = 20.0
    ping_after: float = 60.0
    silent_limit: float = 120.0
    stall_limit: float = 10.0
    idle_limit: float = 0.0


def parse(arguments: Sequence[str] | None = None) -> Options:
    """Return the options of a command line. Explains what is wrong, and exits with code 2; `--help` exits with 0."""
    made = argparse.ArgumentParser(
        prog="chat_server.py",
        description="Host a chat room. When it runs, type HELP.",
        epilog="Environment: PORT is the port where --port is not given; NO_COLOR switches colours off. "
        "Exit codes: 0 the room was closed, 2 it could not be opened.",
    )
    made.add_argument("--host", metavar="ADDRESS", help="the address to listen on; without it every one, IPv4 and IPv6")
    made.add_argument("--port", type=_port, metavar="N", help="the port, 3001 if not given; 0 picks a free one")
    made.add_argument("--room-name", metavar="TITLE", type=_title, help="the title of the room, Lobby if not given")
    made.add_argument(
        "--selector", choices=SELECTORS, help="how to wait for sockets; the best this system has if not given"
    )
    for name, text in _TIMES.items():
        default = f"{getattr(Options(), name):g}"
        made.add_argument(
            f"--{name.replace('_', '-')}", type=_seconds, metavar="SECONDS", help=f"{text} ({default} if not given)"
        )
    given = vars(made.parse_args(arguments))
    if given["port"] is None and os.environ.get("PORT"):
        given["port"] = _environment_port(made)
    for name in _TIMES:
        if given[name] == 0 and name != "idle_limit":
            made.error(f"argument --{name.replace('_', '-')}: 0 would put everyone out at once")
    chosen = {entry.name: given[entry.name] for entry in fields(Options) if given[entry.name] is not None}
    return Options(**chosen)


_TIMES = {
    "login_timeout": "a newcomer must give a name within this time",
    "ping_after": "a silent program is asked after this time whether it is there",
    "silent_limit": "a program from which no whole line comes is put out after this time",
    "stall_limit": "who does not read what is sent to him is put out after this time",
    "idle_limit": "who asks for nothing is put out after this time; 0 means never",
}


def _environment_port(parser: argparse.ArgumentParser) -> int:
    try:
        return _port(os.environ["PORT"])
    except argparse.ArgumentTypeError as error:
        parser.error(f"environment variable PORT: {error}")


def _port(word: str) -> int:
    if not (word.isascii() and word.isdigit() and len(word) <= 5 and int(word) < 65536):
        raise argparse.ArgumentTypeError(f"{word!r} is no port; give a whole number from 0 to 65535")
    return int(word)


def _title(word: str) -> str:
    if not (word.strip() and word.isprintable() and len(word) <= 100):
        raise argparse.ArgumentTypeError("a title has 1 to 100 printable characters")
    return word.strip()


def _seconds(word: str) -> float:
    try:
        seconds = float(word)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 10_000_000:
        raise argparse.ArgumentTypeError(f"{word!r} is no number of seconds; give one such as 20 or 0.5")
    return seconds
