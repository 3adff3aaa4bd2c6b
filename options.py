"""The server's options: what can be set, what it is when it is not set, and what is wrong with what was given.

Every option can stand on the command line (`--login-timeout 5`) or in a file (`login_timeout = 5`), which is
`chat.toml` in the data folder unless `--config` names another; the command line wins.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import values
from chat.limits import EXEMPT, Limits, rows
from record import record, replace

FILE = "chat.toml"
_PATHS = ("data", "tls_cert", "tls_key", "log")


@record
class Options(Limits):
    """What the host chose.

    The limits are in `Limits`; `room` has a line `Title: description` for each room; `data`, `tls_cert` and `tls_key`
    are absolute, or empty; `allow_origin` has origins in lower case, such as https://chat.example.org.
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
    ban: tuple[str, ...] = ()
    motd: str = ""
    server_name: str = "chat.server"
    no_irc: bool = False
    no_classroom: bool = False
    no_udp: bool = False
    tls_cert: str = ""
    tls_key: str = ""
    udp_trust: tuple[str, ...] = ()
    log: str = ""
    log_level: str = "info"
    log_json: bool = False
    metrics_from: tuple[str, ...] = ()
    selector: str | None = None
    allow_origin: tuple[str, ...] = ()
    limit_exempt: tuple[str, ...] = EXEMPT
    no_flood_limit: bool = False

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
        if self.data:
            return Path(self.data)
        from platformdirs import user_data_path

        return user_data_path("chat-room", appauthor=False) / str(self.port)


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
        given["port"] = _checked(parser, "environment variable PORT", values.port, os.environ["PORT"])
    for name in ("room", "allow_origin", "udp_trust", "operator", "ban", "limit_exempt", "metrics_from"):
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


class _Help(argparse.HelpFormatter):
    """As wide as the terminal is. Without a width it asks for each option anew, with the help of four compressors."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns())


@cache
def _columns() -> int:
    try:
        return int(os.environ.get("COLUMNS", "")) - 2
    except ValueError:
        return (os.get_terminal_size(1).columns if os.isatty(1) else 80) - 2


def _parser(kind: type[argparse.ArgumentParser] = argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser = kind(
        prog="chat_server.py",
        usage="%(prog)s [options]",  # all of them would hide, above it, what is wrong with one
        formatter_class=_Help,
        description="Host a chat room. When it runs, type HELP.",
        epilog="Environment: PORT is the port where --port is not given; NO_COLOR switches colours off. "
        "Exit codes: 0 the room was closed, 2 it could not be opened; with --send: 0 done, 1 refused, 2 no server.",
    )
    add = parser.add_argument
    add(
        "--host",
        type=values.text,
        metavar="ADDRESS",
        help="the address to listen on; without it every one, IPv4 and IPv6",
    )
    add(
        "--port",
        type=values.port,
        metavar="N",
        help="the port, 3001 if not given; 0 picks a free one, and keeps nothing",
    )
    add("--room-name", type=values.title, metavar="TITLE", help="the title of the room, Lobby if not given")
    add(
        "--room",
        type=values.room,
        action="append",
        metavar='"TITLE: DESCRIPTION"',
        help="one more room; may be repeated",
    )
    either = argparse.BooleanOptionalAction  # so that the command line can also take back what the file sets
    add("--fixed-rooms", action=either, help="users may make no rooms of their own")
    add(
        "--allow-origin",
        type=values.origin,
        action="append",
        metavar="ORIGIN",
        help="a page from there may talk to the room, and its host is a name of ours; such as "
        "https://chat.example.org; may be repeated",
    )
    add(
        "--data",
        type=values.path,
        metavar="DIR",
        help="the folder for what lasts; else one for each port, in your home",
    )
    add("--no-store", action="store_true", default=None, help="keep nothing when the server ends")
    add("--store", action="store_false", dest="no_store", default=None, help="keep what lasts, whatever the file says")
    add("--recover", action=either, help="save what can be saved of a damaged store, then start")
    add(
        "--password",
        type=values.password,
        metavar="TEXT",
        help="everyone must know this to come in; better in the file",
    )
    add(
        "--operator",
        type=values.operator,
        action="append",
        metavar='"NAME: PASSWORD"',
        help="who types /oper NAME PASSWORD may do what the host may, but end the server; "
        "PASSWORD may be an argon2 hash; may be repeated",
    )
    add(
        "--ban",
        type=values.ban,
        action="append",
        metavar='"WHO: REASON"',
        help="keep out a name, an address or a network, for as long as this stands here; may be repeated",
    )
    add("--motd", type=values.lines, metavar="TEXT", help="the message of the day, which IRC clients show")
    add("--server-name", type=values.server, metavar="NAME", help="what IRC clients are told the server is called")
    add("--no-irc", action="store_true", default=None, help="serve no IRC clients")
    add("--no-classroom", action="store_true", default=None, help="serve no clients of the textbook protocol")
    add("--tls-cert", type=values.path, metavar="FILE", help="a certificate (PEM): the same port speaks TLS, too")
    add(
        "--tls-key",
        type=values.path,
        metavar="FILE",
        help="its private key (PEM); RELOAD reads both files again",
    )
    add("--no-udp", action="store_true", default=None, help="serve no clients of the UDP channel protocol")
    add(
        "--udp-trust",
        type=values.network,
        action="append",
        metavar="NETWORK",
        help="where UDP senders are who they say, such as 192.168.1.0/24; may be repeated. Others prove it by a "
        "number, and their LOGOFF, which anybody could have forged, counts when nothing has followed it for 40 s",
    )
    add("--config", metavar="FILE", help=f"a file with these options; else {FILE} in the data folder, if it is there")
    add("--check", action="store_true", help="say whether the options are good, and what is in force; start nothing")
    add("--send", metavar="LINE", help="have the server that runs do what LINE says, as the host; - reads lines")
    add("--log", type=values.path, metavar="FILE", help="write what happens to a file: no messages, no passwords")
    add("--log-level", choices=values.LEVELS, help="what is grave enough for the log; info, if not given, is all")
    add("--log-json", action=either, help="write the log as JSON, one object a line")
    add(
        "--metrics-from",
        type=values.network,
        action="append",
        metavar="NETWORK",
        help="who besides this machine may read /metrics, for Prometheus; may be repeated",
    )
    add("--selector", choices=values.SELECTORS, help="how to wait for sockets; the best this system has if not given")
    add(
        "--limit-exempt",
        type=values.address,
        action="append",
        metavar="ADDRESS",
        help=f"no limit on talk, and none per address, for who comes from here ({', '.join(EXEMPT)} if not given); "
        "may be repeated",
    )
    add("--no-flood-limit", action="store_true", default=None, help="no limit on talk, and none per address, at all")
    for limit in rows():
        unit = "SECONDS" if isinstance(limit.usual, float) else "N"
        text = f"{limit.text} ({limit.usual:{'g' if unit == 'SECONDS' else ',d'}} if not given)"
        add(f"--{limit.name.replace('_', '-')}", type=_CHECKS[limit.name], metavar=unit, help=text)
    return parser


# -- the file


def _from_file(named: str | None, options: Options) -> dict[str, Any]:
    """Return what the file sets. Raises ValueError, with the line, where something in it is wrong."""
    path = Path(named) if named else options.folder and options.folder / FILE
    if path is None:
        return {}
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        if not named and isinstance(error, FileNotFoundError | NotADirectoryError):
            return {}
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    import tomllib  # most start without a file

    try:
        found = tomllib.loads(text)
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
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    return repr(value).removesuffix(".0")


def _checked(parser: argparse.ArgumentParser, what: str, check: Callable[[Any], Any], word: str) -> Any:
    try:
        return check(word)
    except argparse.ArgumentTypeError as error:
        parser.error(f"{what}: {error}")


_CHECKS: Mapping[str, Callable[[object], Any]] = {
    "host": values.text,
    "port": values.port,
    "room_name": values.title,
    "room": values.rooms,
    "fixed_rooms": values.flag,
    "allow_origin": values.origins,
    "data": values.path,
    "no_store": values.flag,
    "recover": values.flag,
    "password": values.password,
    "operator": values.operators,
    "ban": values.bans,
    "motd": values.lines,
    "server_name": values.server,
    "no_irc": values.flag,
    "no_classroom": values.flag,
    "no_udp": values.flag,
    "tls_cert": values.path,
    "tls_key": values.path,
    "udp_trust": values.networks,
    "log": values.path,
    "log_level": values.level,
    "log_json": values.flag,
    "metrics_from": values.networks,
    "selector": values.selector,
    "limit_exempt": values.addresses,
    "no_flood_limit": values.flag,
    **{limit.name: values.amount(limit) for limit in rows()},
}
