"""The start of the chat client: reads the options, then opens the terminal or the window. It knows nothing else."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from clients.place import Place, read_place, read_port
from clients.trust import Trust, read_fingerprint

HOST, PORT = "127.0.0.1", 3001
BAD_OPTIONS = 2

EPILOG = """\
What is not given is asked for. Off a terminal, -c is a filter: each line of standard input is said, or done when it
is a command such as /me, and what arrives goes to standard output; HOST is then 127.0.0.1 and PORT 3001 unless given,
and NAME must be given. Blank lines are skipped, and lines of more than 4,000 bytes are said in pieces. The end of
the input is the end, once the server has confirmed every line.

Where a name is registered, the password is asked for without showing it. Off a terminal it is the first line of the
file that --password-file names, or else the value of CHAT_PASSWORD; it is sent only where the server asks for it.

With --tls, or tls://HOST:PORT as HOST, nobody on the way can read along. Where no authority vouches for the server, you
are shown its fingerprint and asked once whether the host's console shows the same; it is remembered. Off a terminal
nobody can be asked: give it with --tls-fingerprint.

environment:
  CHAT_PASSWORD  the password of a registered name, off a terminal
  NO_COLOR       switches colours off
  PORT           the port where none is given

exit codes:
  0  left by own wish
  1  connection lost or not made, a server not trusted, or, off a terminal, a line was refused
  2  wrong options, something it needs is missing, or no window can be opened
  3  the name or its password was refused, where no other can be asked for
  4  kicked out, or logged in again from elsewhere
  5  the host closed the room
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the client that the options ask for; return the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    place, name = _where(parser, options)
    fingerprint = options.tls_fingerprint or ""
    off_terminal = options.console and not (sys.stdin and sys.stdout and sys.stdin.isatty() and sys.stdout.isatty())
    if options.password_file and not off_terminal:
        parser.error("--password-file is for use off a terminal; here the password is asked for")
    if off_terminal and not name:
        parser.error("off a terminal the name must be given: chat_client.py -c HOST PORT NAME")
    try:
        if place.tls:
            import platformdirs  # noqa: F401  # asked for here, so that what is missing is said in words
        if not options.console:
            from clients import window

            return window.run(place, name, fingerprint, rings=not options.quiet)
        if not off_terminal:
            from clients import terminal

            return terminal.run(place, name, fingerprint, rings=not options.quiet)
        from clients import filter as lines
    except ModuleNotFoundError as error:
        print(f"The client needs {error.name}: `python -m pip install -r requirements.txt` brings it.", file=sys.stderr)
        return BAD_OPTIONS
    place = replace(place, host=place.host or HOST, port=place.port or PORT)
    return lines.run(place, name, _password(parser, options.password_file), Trust(fingerprint))


def _where(parser: argparse.ArgumentParser, options: argparse.Namespace) -> tuple[Place, str]:
    """Return the server and the name; where HOST is tls://host:port, NAME may follow at once."""
    port, name = options.port, options.name
    try:
        place = read_place(options.host)
        if place.port:
            if name:
                parser.error(f"the port stands in {options.host} already")
            port, name = f"{place.port}", port
        number = read_port(port) if port else _environment_port(parser)
    except ValueError as error:
        parser.error(f"{error}")
    return Place(place.host, number, place.tls or options.tls or bool(options.tls_fingerprint)), name


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="chat_client.py",
        description="Talk in a chat room: in a window, or with -c in this terminal.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-c", "--console", action="store_true", help="talk in this terminal, not in a window")
    parser.add_argument("-q", "--quiet", action="store_true", help="no bell when you are called or written to")
    parser.add_argument("--password-file", default="", metavar="FILE", help="its first line is the password")
    parser.add_argument("--tls", action="store_true", help="nobody on the way can read along")
    parser.add_argument(
        "--tls-fingerprint",
        type=_fingerprint,
        metavar="SHA256:…",
        help="that of the server's certificate; implies --tls",
    )
    parser.add_argument("host", nargs="?", default="", metavar="HOST", help="its name or address, or tls://HOST:PORT")
    parser.add_argument("port", nargs="?", default="", metavar="PORT", help="its port, 1 to 65535")
    parser.add_argument("name", nargs="?", default="", metavar="NAME", help="your name in the room")
    return parser


def _password(parser: argparse.ArgumentParser, path: str) -> str:
    """Return the password to use off a terminal; empty for none."""
    if not path:
        return os.environ.get("CHAT_PASSWORD", "")
    try:
        with Path(path).open(encoding="utf-8") as file:
            return file.readline().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        parser.error(f"--password-file {path}: {getattr(error, 'strerror', None) or 'it is not UTF-8'}")


def _environment_port(parser: argparse.ArgumentParser) -> int:
    word = os.environ.get("PORT")
    try:
        return read_port(word) if word else 0
    except ValueError as error:
        parser.error(f"environment variable PORT: {error}")


def _fingerprint(word: str) -> str:
    try:
        return read_fingerprint(word)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}") from None
