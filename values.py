"""What an option may be: each takes a word of the command line, or a value of the file.

Each returns the value as it is used, and raises argparse.ArgumentTypeError, in words, for what will not do.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from dataclasses import Field
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

SELECTORS = ("select", "poll", "epoll")
ORIGIN = re.compile(r"https?://(\[[0-9a-f:.]+\]|[0-9a-z_.-]+)(:[0-9]{1,5})?")


def port(word: object) -> int:
    """Return a port; 0 lets the system pick one."""
    digits = str(word)
    if isinstance(word, bool) or not (
        digits.isascii() and digits.isdigit() and len(digits) <= 5 and int(digits) < 65536
    ):
        raise argparse.ArgumentTypeError(f"{word!r} is no port; give a whole number from 0 to 65535")
    return int(digits)


def text(word: object) -> str:
    """Return one line of printable characters."""
    if not isinstance(word, str) or not word.isprintable():
        raise argparse.ArgumentTypeError("give a text of printable characters")
    return word


def lines(word: object) -> str:
    """Return lines of printable characters."""
    if not isinstance(word, str) or not all(line.isprintable() for line in word.split("\n")):
        raise argparse.ArgumentTypeError("give lines of printable characters")
    return word


def server(word: object) -> str:
    """Return what IRC clients are told the server is called."""
    name = text(word)
    if not re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", name) or len(name) > 63:
        raise argparse.ArgumentTypeError("a server is called like a host, with a dot in it: chat.example.org")
    return name


def operator(word: object) -> str:
    """Return a name and a password."""
    line = text(word)
    name, colon, password = line.partition(":")
    if not (name.strip() and colon and password.strip()) or " " in name.strip():
        raise argparse.ArgumentTypeError('give a name and a password, such as "root: a long password"')
    return line


def operators(value: object) -> tuple[str, ...]:
    """Return a list of names with passwords."""
    if not isinstance(value, list):
        raise argparse.ArgumentTypeError('give a list, such as ["root: a long password"]')
    return tuple(operator(line) for line in value)


def path(word: object) -> str:
    """Return a path, with ~ in it or not."""
    try:
        return str(Path(text(word)).expanduser()) if word else ""
    except RuntimeError as error:
        raise argparse.ArgumentTypeError(f"{word!r} is in no home folder that is known") from error


def title(word: object) -> str:
    """Return a title."""
    given = text(word).strip()
    if not 1 <= len(given) <= 100:
        raise argparse.ArgumentTypeError("a title has 1 to 100 printable characters")
    return given


def room(word: object) -> str:
    """Return a title, and what the room is about."""
    line = text(word)
    name = line.partition(":")[0].strip()
    if not re.fullmatch(r"[^\W_][\w -]{0,31}", name) or len(line) > 400:
        raise argparse.ArgumentTypeError(f"{line!r} is no room; give a title of letters and digits: and a description")
    return line


def rooms(value: object) -> tuple[str, ...]:
    """Return a list of rooms."""
    if not isinstance(value, list):
        raise argparse.ArgumentTypeError('give a list, such as ["Weather: Talk about the weather"]')
    return tuple(room(line) for line in value)


def origin(word: object) -> str:
    """Return where a page comes from."""
    given = text(word).lower().removesuffix("/")
    if not ORIGIN.fullmatch(given):
        raise argparse.ArgumentTypeError(f"{word!r} is no origin; give one such as https://chat.example.org")
    return given


def origins(value: object) -> tuple[str, ...]:
    """Return a list of origins."""
    if not isinstance(value, list):
        raise argparse.ArgumentTypeError('give a list, such as ["https://chat.example.org"]')
    return tuple(origin(entry) for entry in value)


def network(word: object) -> str:
    """Return a network."""
    try:
        return str(ip_network(text(word)))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}; give a network such as 192.168.1.0/24") from error


def networks(value: object) -> tuple[str, ...]:
    """Return a list of networks."""
    if not isinstance(value, list):
        raise argparse.ArgumentTypeError('give a list, such as ["192.168.1.0/24"]')
    return tuple(network(entry) for entry in value)


def flag(value: object) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise argparse.ArgumentTypeError("give true or false")
    return value


def selector(value: object) -> str:
    """Return a way to wait for sockets."""
    if value not in SELECTORS:
        raise argparse.ArgumentTypeError(f"give one of {', '.join(SELECTORS)}")
    return str(value)


def seconds(word: object) -> float:
    """Return a number of seconds."""
    try:
        given = -1.0 if isinstance(word, bool) else float(str(word))
    except ValueError:
        given = -1.0
    if not 0 <= given <= 10_000_000:
        raise argparse.ArgumentTypeError(f"{word!r} is no number of seconds; give one such as 20 or 0.5")
    return given


def address(word: object) -> str:
    """Return an address."""
    try:
        return str(ip_address(text(word)))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}; give an address such as 192.168.1.5") from error


def addresses(value: object) -> tuple[str, ...]:
    """Return a list of addresses."""
    if not isinstance(value, list):
        raise argparse.ArgumentTypeError('give a list, such as ["192.168.1.5"]')
    return tuple(address(entry) for entry in value)


def amount(limit: Field[Any]) -> Callable[[object], float]:
    """Return what checks a value of this limit: seconds where it is a time, else a whole number."""
    least = limit.metadata["least"]

    def time(word: object) -> float:
        given = seconds(word)
        if given < least:
            raise argparse.ArgumentTypeError("0 would put everyone out at once")
        return given

    def most(word: object) -> int:
        digits = str(word)
        good = digits.isascii() and digits.isdigit() and len(digits) < 10 and not isinstance(word, bool)
        if not good or int(digits) < least:
            raise argparse.ArgumentTypeError(f"{word!r} will not do; give a whole number from {least:,}")
        return int(digits)

    return time if isinstance(limit.default, float) else most
