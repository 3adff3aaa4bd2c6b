"""What may stand behind an option: each check takes a word of the command line, or a value of the file."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from pathlib import Path

from chat.limits import Row

LEVELS = ("info", "warning", "error")
SELECTORS = ("select", "poll", "epoll")
ORIGIN = r"https?://(\[[0-9a-f:.]+\]|[0-9a-z_.-]+)(:[0-9]{1,5})?"


def port(word: object) -> int:
    """Return a number of a port."""
    text = str(word)
    if isinstance(word, bool) or not (text.isascii() and text.isdigit() and len(text) <= 5 and int(text) < 65536):
        raise argparse.ArgumentTypeError(f"{word!r} is no port; give a whole number from 0 to 65535")
    return int(text)


def text(word: object) -> str:
    """Return a text of one line."""
    if not isinstance(word, str) or not word.isprintable():
        raise argparse.ArgumentTypeError("give a text of printable characters")
    return word


def lines(word: object) -> str:
    """Return a text of some lines."""
    if not isinstance(word, str) or not all(line.isprintable() for line in word.split("\n")):
        raise argparse.ArgumentTypeError("give lines of printable characters")
    return word


def server(word: object) -> str:
    """Return what a server may be called."""
    name = text(word)
    if not re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", name) or len(name) > 63:
        raise argparse.ArgumentTypeError("a server is called like a host, with a dot in it: chat.example.org")
    return name


def password(word: object) -> str:
    """Return a password that can be typed as a line, and sent behind a blank; empty for none."""
    found = text(word)
    if found != found.strip() or len(found) > 200:
        raise argparse.ArgumentTypeError("a password has at most 200 characters, and no blank at its ends")
    return found


def operator(word: object) -> str:
    """Return a line that names an operator and his password."""
    line = text(word)
    name, colon, password = line.partition(":")
    if not (name.strip() and colon and password.strip()) or " " in name.strip():
        raise argparse.ArgumentTypeError('give a name and a password, such as "root: a long password"')
    return line


def operators(value: object) -> tuple[str, ...]:
    """Return the lines of a list that name operators."""
    if not isinstance(value, list):
        raise argparse.ArgumentTypeError('give a list, such as ["root: a long password"]')
    return tuple(operator(line) for line in value)


def ban(word: object) -> str:
    """Return a line that says whom to keep out, and why: `192.0.2.0/24: spam`."""
    line = text(word)
    who, _, _ = line.partition(": ")
    if not 0 < len(who) <= 64 or " " in who:
        raise argparse.ArgumentTypeError('give a name, an address or a network, and why: "192.0.2.0/24: spam"')
    if "/" in who:
        networks([who])
    return line


def bans(value: object) -> tuple[str, ...]:
    """Return the lines of a list of whom to keep out."""
    if not isinstance(value, list):
        raise argparse.ArgumentTypeError('give a list, such as ["192.0.2.0/24: spam", "bob"]')
    return tuple(ban(line) for line in value)


def path(word: object) -> str:
    """Return the path of a file or folder."""
    try:
        return str(Path(text(word)).expanduser()) if word else ""
    except RuntimeError as error:
        raise argparse.ArgumentTypeError(f"{word!r} is in no home folder that is known") from error


def title(word: object) -> str:
    """Return the title of a room."""
    found = text(word).strip()
    if not 1 <= len(found) <= 100:
        raise argparse.ArgumentTypeError("a title has 1 to 100 printable characters")
    return found


def room(word: object) -> str:
    """Return a line that names a room, and may say what it is about."""
    line = text(word)
    title = line.partition(":")[0].strip()
    if not re.fullmatch(r"[^\W_][\w -]{0,31}", title) or len(line) > 400:
        raise argparse.ArgumentTypeError(f"{line!r} is no room; give a title of letters and digits: and a description")
    return line


def rooms(value: object) -> tuple[str, ...]:
    """Return the lines of a list that name rooms."""
    if not isinstance(value, list):
        raise argparse.ArgumentTypeError('give a list, such as ["Weather: Talk about the weather"]')
    return tuple(room(line) for line in value)


def origin(word: object) -> str:
    """Return an origin, as browsers send it, in lower case."""
    found = text(word).lower().removesuffix("/")
    if not re.fullmatch(ORIGIN, found):
        raise argparse.ArgumentTypeError(f"{word!r} is no found; give one such as https://chat.example.org")
    return found


def origins(value: object) -> tuple[str, ...]:
    """Return the origins of a list."""
    if not isinstance(value, list):
        raise argparse.ArgumentTypeError('give a list, such as ["https://chat.example.org"]')
    return tuple(origin(entry) for entry in value)


def network(word: object) -> str:
    """Return a network, as Python writes it."""
    from ipaddress import ip_network  # few name one, and it takes 5 ms of the start

    try:
        return str(ip_network(text(word)))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}; give a network such as 192.168.1.0/24") from error


def networks(value: object) -> tuple[str, ...]:
    """Return the networks of a list."""
    if not isinstance(value, list):
        raise argparse.ArgumentTypeError('give a list, such as ["192.168.1.0/24"]')
    return tuple(network(entry) for entry in value)


def flag(value: object) -> bool:
    """Return yes or no."""
    if not isinstance(value, bool):
        raise argparse.ArgumentTypeError("give true or false")
    return value


def selector(value: object) -> str:
    """Return the name of a way to wait for sockets."""
    if value not in SELECTORS:
        raise argparse.ArgumentTypeError(f"give one of {', '.join(SELECTORS)}")
    return str(value)


def level(value: object) -> str:
    """Return how grave a thing must be to be logged."""
    if value not in LEVELS:
        raise argparse.ArgumentTypeError(f"give one of {', '.join(LEVELS)}")
    return str(value)


def seconds(word: object) -> float:
    """Return a length of time."""
    try:
        found = -1.0 if isinstance(word, bool) else float(str(word))
    except ValueError:
        found = -1.0
    if not 0 <= found <= 10_000_000:
        raise argparse.ArgumentTypeError(f"{word!r} is no number of seconds; give one such as 20 or 0.5")
    return found


def address(word: object) -> str:
    """Return an address."""
    from ipaddress import ip_address  # as above

    try:
        return str(ip_address(text(word)))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}; give an address such as 192.168.1.5") from error


def addresses(value: object) -> tuple[str, ...]:
    """Return addresses; none where the list is empty."""
    if not isinstance(value, list):
        raise argparse.ArgumentTypeError('give a list, such as ["192.168.1.5"]')
    return tuple(address(entry) for entry in value)


def amount(limit: Row) -> Callable[[object], float]:
    """Return what checks a value of this limit: seconds where it is a time, else a whole number."""
    least, largest = limit.least, limit.largest

    def time(word: object) -> float:
        given = seconds(word)
        if least and not given:
            raise argparse.ArgumentTypeError("0 would put everyone out at once")
        return given

    def number(word: object) -> int:
        digits = str(word)
        good = digits.isascii() and digits.isdigit() and len(digits) < 12 and not isinstance(word, bool)
        if not (good and least <= int(digits) <= largest):
            raise argparse.ArgumentTypeError(f"{word!r} will not do; give a whole number from {least:,} to {largest:,}")
        return int(digits)

    return time if isinstance(limit.usual, float) else number
