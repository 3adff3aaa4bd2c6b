"""The server's options: what can be set, what it is when it is not set, and what is wrong with what was given.

Every option can stand on the command line (`--login-timeout 5`) or in a file (`login_timeout = 5`), which is
`chat.toml` in the data folder unless `--config` names another; the command line wins.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from platformdirs import user_data_path

SELECTORS = ("select", "poll", "epoll")
ORIGIN = re.compile(r"https?://(\[[0-9a-f:.]+\]|[0-9a-z_.-]+)(:[0-9]{1,5})?")
FILE = "chat.toml"
_PATHS = ("data", "tls_cert", "tls_key")


@dataclass(frozen=True, slots=True)
class Options:
    """What the host chose.

    Limits are in seconds; `room` has a line `Title: description` for each room; `data`, `tls_cert` and `tls_key` are
    absolute, or empty; `allow_origin` has origins in lower case, such as https://chat.example.org.
    """

    host: str = ""
    port: int = 3001
    room_name: str = "Lobby"
    room: tuple[str, ...] = ()
    fixed_rooms: bool = False
    data: str = ""
    no_store: bool = False
    recover: bool = False
    password: str = ""
    operator: tuple[str, ...] = ()
    motd: str = ""
    server_name: str = "chat.server"
    no_irc: bool = False
    no_classroom: bool = False
    no_udp: bool = False
    tls_cert: str = ""
    tls_key: str = ""
    udp_trust: tuple[str, ...] = ()
    selector: str | None = None
    allow_origin: tuple[str, ...] = ()
    login_timeout: float = 20.0
    request_timeout: float = 10.0
    ping_after: float = 60.0
    silent_limit: float = 120.0
    stall_limit: float = 10.0
    idle_limit: float = 0.0
    return_limit: float = 30.0

    @property
    def closed(self) -> frozenset[str]:
        """Return the names of the wires that are switched off."""
        off = {"classroom": self.no_classroom, "irc": self.no_irc, "tls": not self.tls_cert}
        return frozenset(name for name, closed in off.items() if closed)

    @property
    def folder(self) -> Path | None:
        """Return where things are kept, the same wherever one starts from; None where nothing is kept.

        Each port has a folder of its own. A room on a port that the system picks lasts no longer than the server,
        unless `data` is set.
        """
        if self.no_store or (self.port == 0 and not self.data):
            return None
        return Path(self.data) if self.data else user_data_path("chat-room", appauthor=False) / str(self.port)


_TIMES = {
    "login_timeout": "a newcomer must give a name within this time",
    "request_timeout": "a browser's request must be complete within this time",
    "ping_after": "a silent program is asked after this time whether it is there",
    "silent_limit": "a program from which no whole line comes is put out after this time",
    "stall_limit": "who does not read what is sent to him is put out after this time",
    "idle_limit": "who asks for nothing is put out after this time; 0 means never",
    "return_limit": "who lost a connection and can come back keeps his place for this time",
}


def parse(
    arguments: Sequence[str] | None = None,
    examine: Callable[[Options], str] = lambda _: "",
    send: Callable[[Options, str], int] = lambda _options, _line: 2,
    kind: type[argparse.ArgumentParser] = argparse.ArgumentParser,
) -> Options:
    """Return what a command line, the environment and the file say together.

    `examine` looks at what only others can judge: it raises ValueError, or returns a line for `--check`. `send` does
    what `--send` asks for, and returns the exit code. Explains what is wrong, and exits with code 2, as `kind` does
    that. `--help`, and `--check` where all is well, exit with code 0.
    """
    parser = _parser(kind)
    given = vars(parser.parse_args(arguments))
    check, path, line = given.pop("check"), given.pop("config"), given.pop("send")
    if given["port"] is None and os.environ.get("PORT"):
        given["port"] = _checked(parser, "environment variable PORT", _port, os.environ["PORT"])
    for name in ("room", "allow_origin", "udp_trust", "operator"):
        if given[name] is not None:
            given[name] = tuple(given[name])
    for name in _PATHS:
        if given[name]:
            given[name] = str(Path(given[name]).absolute())
    chosen = {name: value for name, value in given.items() if value is not None}
    options = replace(Options(), **chosen)
    try:
        options = replace(Options(), **{**_from_file(path, options), **chosen})
        if bool(options.tls_cert) != bool(options.tls_key):
            raise ValueError("--tls-cert and --tls-key go together: give both, or neither")
        examined = examine(options) if line is None else ""
    except ValueError as error:
        if line is None:  # a server that runs is to be reached all the same
            parser.error(str(error))
    if line is not None:
        parser.exit(send(options, line))
    if check:
        sys.stdout.write(shown(options) + examined)
        parser.exit(0)
    return options


def shown(options: Options) -> str:
    """Return the options in force, as a file that sets them."""
    secret = {name for name in ("password", "operator") if getattr(options, name)}
    rows = [f"# {name} is set, and not shown\n" for name in sorted(secret)]
    shown = (name for name in _CHECKS if name not in secret and getattr(options, name) is not None)
    rows += [f"{name} = {_toml(getattr(options, name))}\n" for name in shown]
    where = options.folder
    return "".join(rows) + f"# kept in: {where or 'nowhere'}\n"


def _parser(kind: type[argparse.ArgumentParser] = argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser = kind(
        prog="chat_server.py",
        description="Host a chat room. When it runs, type HELP.",
        epilog="Environment: PORT is the port where --port is not given; NO_COLOR switches colours off. "
        "Exit codes: 0 the room was closed, 2 it could not be opened; with --send: 0 done, 1 refused, 2 no server.",
    )
    add = parser.add_argument
    add("--host", type=_text, metavar="ADDRESS", help="the address to listen on; without it every one, IPv4 and IPv6")
    add("--port", type=_port, metavar="N", help="the port, 3001 if not given; 0 picks a free one, and keeps nothing")
    add("--room-name", type=_title, metavar="TITLE", help="the title of the room, Lobby if not given")
    add("--room", type=_room, action="append", metavar='"TITLE: DESCRIPTION"', help="one more room; may be repeated")
    either = argparse.BooleanOptionalAction  # so that the command line can also take back what the file sets
    add("--fixed-rooms", action=either, help="users may make no rooms of their own")
    add(
        "--allow-origin",
        type=_origin,
        action="append",
        metavar="ORIGIN",
        help="a page from there may talk to the room, and its host is a name of ours; such as "
        "https://chat.example.org; may be repeated",
    )
    add("--data", type=_path, metavar="DIR", help="the folder for what lasts; else one for each port, in your home")
    add("--no-store", action="store_true", default=None, help="keep nothing when the server ends")
    add("--store", action="store_false", dest="no_store", default=None, help="keep what lasts, whatever the file says")
    add("--recover", action=either, help="save what can be saved of a damaged store, then start")
    add("--password", type=_text, metavar="TEXT", help="everyone must know this to come in; better in the file")
    add(
        "--operator",
        type=_operator,
        action="append",
        metavar='"NAME: PASSWORD"',
        help="who types /oper NAME PASSWORD may do what the host may; PASSWORD may be an argon2 hash; may be repeated",
    )
    add("--motd", type=_lines, metavar="TEXT", help="the message of the day, which IRC clients show")
    add("--server-name", type=_server, metavar="NAME", help="what IRC clients are told the server is called")
    add("--no-irc", action="store_true", default=None, help="serve no IRC clients")
    add("--no-classroom", action="store_true", default=None, help="serve no clients of the textbook protocol")
    add("--tls-cert", type=_path, metavar="FILE", help="a certificate (PEM): the same port speaks TLS, too")
    add("--tls-key", type=_path, metavar="FILE", help="its private key (PEM); RELOAD and SIGHUP read both files again")
    add("--no-udp", action="store_true", default=None, help="serve no clients of the UDP channel protocol")
    add(
        "--udp-trust",
        type=_network,
        action="append",
        metavar="NETWORK",
        help="where UDP senders are who they say, such as 192.168.1.0/24; may be repeated. Others prove it by a number",
    )
    add("--config", metavar="FILE", help=f"a file with these options; else {FILE} in the data folder, if it is there")
    add("--check", action="store_true", help="say whether the options are good, and what is in force; start nothing")
    add("--send", metavar="LINE", help="have the server that runs do what LINE says, as the host; - reads lines")
    add("--selector", choices=SELECTORS, help="how to wait for sockets; the best this system has if not given")
    for name, text in _TIMES.items():
        default = f"{getattr(Options(), name):g}"
        option = f"--{name.replace('_', '-')}"
        add(option, type=_CHECKS[name], metavar="SECONDS", help=f"{text} ({default} if not given)")
    return parser


# -- the file


def _from_file(named: str | None, options: Options) -> dict[str, Any]:
    """Return what the file sets. Raises ValueError, with the line, where something in it is wrong."""
    path = Path(named) if named else options.folder and options.folder / FILE
    if path is None:
        return {}
    try:
        text = path.read_text(encoding="utf-8")
        found = tomllib.loads(text)
    except OSError as error:
        if not named and isinstance(error, FileNotFoundError | NotADirectoryError):
            return {}
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path}: {error}") from error
    return _set_by(path, text, found)


def _set_by(path: Path, text: str, found: Mapping[str, object]) -> dict[str, Any]:
    """Return the options that the file sets; paths that are relative are so to the file."""
    options: dict[str, Any] = {}
    for name, value in found.items():
        key = _key(path, text, name)
        if key in options:
            raise ValueError(f"{path}, line {_line(text, name)}: {key} is set twice")
        options[key] = _value(path, text, name, value)
    for name in _PATHS:
        if options.get(name):
            options[name] = str(path.absolute().parent / options[name])
    return options


def _key(path: Path, text: str, name: str) -> str:
    key = name.replace("-", "_")
    if key not in _CHECKS:
        raise ValueError(f"{path}, line {_line(text, name)}: there is no option {name}; there are {', '.join(_CHECKS)}")
    return key


def _value(path: Path, text: str, name: str, value: object) -> Any:
    key = name.replace("-", "_")
    try:
        return _CHECKS[key](value)
    except (argparse.ArgumentTypeError, TypeError, ValueError) as error:
        raise ValueError(f"{path}, line {_line(text, name)}: {name}: {error}") from error


def _line(text: str, name: str) -> int:
    """Return the number of the line that sets `name`."""
    pattern = re.compile(rf"""\s*["']?{re.escape(name)}["']?\s*[=.\]]|\s*\[+\s*{re.escape(name)}\b""")
    lines = text.split("\n")
    return next((number for number, line in enumerate(lines, 1) if pattern.match(line)), 1)


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(_toml(entry) for entry in value)}]"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return repr(value).removesuffix(".0")


# -- the values; each takes a word of the command line, or a value of the file


def _checked(parser: argparse.ArgumentParser, what: str, check: Callable[[Any], Any], word: str) -> Any:
    try:
        return check(word)
    except argparse.ArgumentTypeError as error:
        parser.error(f"{what}: {error}")


def _port(word: object) -> int:
    text = str(word)
    if isinstance(word, bool) or not (text.isascii() and text.isdigit() and len(text) <= 5 and int(text) < 65536):
        raise argparse.ArgumentTypeError(f"{word!r} is no port; give a whole number from 0 to 65535")
    return int(text)


def _text(word: object) -> str:
    if not isinstance(word, str) or not word.isprintable():
        raise argparse.ArgumentTypeError("give a text of printable characters")
    return word


def _lines(word: object) -> str:
    if not isinstance(word, str) or not all(line.isprintable() for line in word.split("\n")):
        raise argparse.ArgumentTypeError("give lines of printable characters")
    return word


def _server(word: object) -> str:
    name = _text(word)
    if not re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", name) or len(name) > 63:
        raise argparse.ArgumentTypeError("a server is called like a host, with a dot in it: chat.example.org")
    return name


def _operator(word: object) -> str:
    line = _text(word)
    name, colon, password = line.partition(":")
    if not (name.strip() and colon and password.strip()) or " " in name.strip():
        raise argparse.ArgumentTypeError('give a name and a password, such as "root: a long password"')
    return line


def _operators(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise argparse.ArgumentTypeError('give a list, such as ["root: a long password"]')
    return tuple(_operator(line) for line in value)


def _path(word: object) -> str:
    try:
        return str(Path(_text(word)).expanduser()) if word else ""
    except RuntimeError as error:
        raise argparse.ArgumentTypeError(f"{word!r} is in no home folder that is known") from error


def _title(word: object) -> str:
    title = _text(word).strip()
    if not 1 <= len(title) <= 100:
        raise argparse.ArgumentTypeError("a title has 1 to 100 printable characters")
    return title


def _room(word: object) -> str:
    line = _text(word)
    title = line.partition(":")[0].strip()
    if not re.fullmatch(r"[^\W_][\w -]{0,31}", title) or len(line) > 400:
        raise argparse.ArgumentTypeError(f"{line!r} is no room; give a title of letters and digits: and a description")
    return line


def _rooms(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise argparse.ArgumentTypeError('give a list, such as ["Weather: Talk about the weather"]')
    return tuple(_room(line) for line in value)


def _origin(word: object) -> str:
    origin = _text(word).lower().removesuffix("/")
    if not ORIGIN.fullmatch(origin):
        raise argparse.ArgumentTypeError(f"{word!r} is no origin; give one such as https://chat.example.org")
    return origin


def _origins(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise argparse.ArgumentTypeError('give a list, such as ["https://chat.example.org"]')
    return tuple(_origin(entry) for entry in value)


def _network(word: object) -> str:
    try:
        return str(ip_network(_text(word)))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}; give a network such as 192.168.1.0/24") from error


def _networks(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise argparse.ArgumentTypeError('give a list, such as ["192.168.1.0/24"]')
    return tuple(_network(entry) for entry in value)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise argparse.ArgumentTypeError("give true or false")
    return value


def _selector(value: object) -> str:
    if value not in SELECTORS:
        raise argparse.ArgumentTypeError(f"give one of {', '.join(SELECTORS)}")
    return str(value)


def _seconds(word: object) -> float:
    try:
        seconds = -1.0 if isinstance(word, bool) else float(str(word))
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 10_000_000:
        raise argparse.ArgumentTypeError(f"{word!r} is no number of seconds; give one such as 20 or 0.5")
    return seconds


def _limit(word: object) -> float:
    seconds = _seconds(word)
    if seconds == 0:
        raise argparse.ArgumentTypeError("0 would put everyone out at once")
    return seconds


_CHECKS: Mapping[str, Callable[[object], Any]] = {
    "host": _text,
    "port": _port,
    "room_name": _title,
    "room": _rooms,
    "fixed_rooms": _flag,
    "allow_origin": _origins,
    "data": _path,
    "no_store": _flag,
    "recover": _flag,
    "password": _text,
    "operator": _operators,
    "motd": _lines,
    "server_name": _server,
    "no_irc": _flag,
    "no_classroom": _flag,
    "no_udp": _flag,
    "tls_cert": _path,
    "tls_key": _path,
    "udp_trust": _networks,
    "selector": _selector,
    **dict.fromkeys(_TIMES, _limit),
    "idle_limit": _seconds,
    "return_limit": _seconds,
}
