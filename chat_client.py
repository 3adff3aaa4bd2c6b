"""The chat client: reads the options, then opens the terminal or the window. It knows nothing else."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

HOST, PORT = "127.0.0.1", 3001
BAD_OPTIONS = 2

EPILOG = """\
What is not given is asked for. Off a terminal, -c is a filter: each line of standard input is said, or done when it
is a command such as /me, and what arrives goes to standard output; HOST is then 127.0.0.1 and PORT 3001 unless given,
and NAME must be given. Blank lines are skipped, and lines of more than 4,000 bytes are said in pieces. The end of
the input is the end, once the server has confirmed every line.

environment:
  NO_COLOR   switches colours off
  PORT       the port where none is given

exit codes:
  0  left by own wish
  1  connection lost or not made, or, off a terminal, a line was refused
  2  wrong options, or no window can be opened
  3  the name was refused, where no other can be asked for
  4  kicked out
  5  the host closed the room
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the client that the options ask for; return the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    port = options.port or _environment_port(parser)
    if not options.console:
        from clients import window

        return window.run(options.host, port, options.name)
    if sys.stdin and sys.stdout and sys.stdin.isatty() and sys.stdout.isatty():
        from clients import terminal

        return terminal.run(options.host, port, options.name)
    if not options.name:
        parser.error("off a terminal the name must be given: chat_client.py -c HOST PORT NAME")
    from clients import filter as lines

    return lines.run(options.host or HOST, port or PORT, options.name)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="chat_client.py",
        description="Talk in a chat room: in a window, or with -c in this terminal.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-c", "--console", action="store_true", help="talk in this terminal, not in a window")
    parser.add_argument("host", nargs="?", default="", metavar="HOST", help="name or address of the server")
    parser.add_argument("port", nargs="?", default=0, type=_port, metavar="PORT", help="its port, 1 to 65535")
    parser.add_argument("name", nargs="?", default="", metavar="NAME", help="your name in the room")
    return parser


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
