"""The chat client: reads the options, then opens the terminal or the window. It knows nothing else."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

HOST, PORT = "127.0.0.1", 3001
BAD_OPTIONS = 2

EPILOG = """\
What is not given is asked for. Off a terminal, -c is a filter: each line of standard input is said, or done when it
is a command such as /me, and what arrives goes to standard output; HOST is then 127.0.0.1 and PORT 3001 unless given,
and NAME must be given. Blank lines are skipped, and lines of more than 4,000 bytes are said in pieces. The end of
the input is the end, once the server has confirmed every line.

Where a name is registered, the password is asked for without showing it. Off a terminal it is the first line of the
file that --password-file names, or else the value of CHAT_PASSWORD; it is sent only where the server asks for it.

environment:
  CHAT_PASSWORD  the password of a registered name, off a terminal
  NO_COLOR       switches colours off
  PORT           the port where none is given

exit codes:
  0  left by own wish
  1  connection lost or not made, or, off a terminal, a line was refused
  2  wrong options, or no window can be opened
  3  the name or its password was refused, where no other can be asked for
  4  kicked out, or logged in again from elsewhere
  5  the host closed the room
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the client that the options ask for; return the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    port = options.port or _environment_port(parser)
    off_terminal = options.console and not (sys.stdin and sys.stdout and sys.stdin.isatty() and sys.stdout.isatty())
    if options.password_file and not off_terminal:
        parser.error("--password-file is for use off a terminal; here the password is asked for")
    if not options.console:
        from clients import window

        return window.run(options.host, port, options.name)
    if not off_terminal:
        from clients import terminal

        return terminal.run(options.host, port, options.name)
    if not options.name:
        parser.error("off a terminal the name must be given: chat_client.py -c HOST PORT NAME")
    from clients import filter as lines

    return lines.run(options.host or HOST, port or PORT, options.name, _password(parser, options.password_file))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="chat_client.py",
        description="Talk in a chat room: in a window, or with -c in this terminal.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-c", "--console", action="store_true", help="talk in this terminal, not in a window")
    parser.add_argument("--password-file", default="", metavar="FILE", help="its first line is the password")
    parser.add_argument("host", nargs="?", default="", metavar="HOST", help="name or address of the server")
    parser.add_argument("port", nargs="?", default=0, type=_port, metavar="PORT", help="its port, 1 to 65535")
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
        return _port(word) if word else 0
    except argparse.ArgumentTypeError as error:
        parser.error(f"environment variable PORT: {error}")


def _port(word: str) -> int:
    if not (word.isascii() and word.isdigit() and len(word) <= 5 and 0 < int(word) < 65536):
        raise argparse.ArgumentTypeError(f"{word!r} is no port; give a whole number from 1 to 65535")
    return int(word)


if __name__ == "__main__":
    sys.exit(main())
