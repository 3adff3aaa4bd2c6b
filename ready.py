"""What the first visitors of all kinds need, got ready when the room is open: the start waits for none of it.

Whoever needs a part before its turn has come brings it in himself, for all of it stands behind an import in a function.
"""

from __future__ import annotations

import gc
import importlib
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from chat import passwords
from options import Options

if TYPE_CHECKING:
    from wires.http import Site

ROOT = Path(__file__).resolve().parent
WEB = ROOT / "web"
LATER = (
    "visit", "wires.datagram", "wires.jsonl", "hmac", "secrets", "wires.irc", "wires.http", "wires.pages",
    "websockets.frames", "websockets.extensions.permessage_deflate", "websockets.http11", "websockets.server",
    "wires.websocket", "wires.classroom", "queue", "argon2",
)  # fmt: skip

YOUNG = 2_500  # objects, more or less, after which rings among the new ones are looked for: there are hardly any
OLDER = 1, 200  # times that is done before what stayed is looked through again: 100,000 of them at once take 30 ms


Soon = Callable[[Callable[[], None]], None]
Part = Callable[[], object]


def prepare(call_soon: Soon, warn: Callable[[str], None], first: Part, *last: Part) -> None:
    """Call `first`, import what is needed later, and call `last`: one part now, and one in each turn of the loop."""
    parts: list[Part] = [
        first,
        *(partial(importlib.import_module, part) for part in LATER),
        passwords.prepare,
        *last,
    ]
    _go_on(call_soon, warn, iter(parts), set())


def _go_on(call_soon: Soon, warn: Callable[[str], None], parts: Iterator[Part], lost: set[str]) -> None:
    """Take the next part. What is not installed is told once: the room is open, for those who can do without."""
    part = next(parts, None)
    if part is not None:
        try:
            part()
        except ModuleNotFoundError as error:
            lost.add(f"{error.name}".partition(".")[0])
        call_soon(partial(_go_on, call_soon, warn, parts, lost))
        return
    if lost:
        warn(f"Not installed: {', '.join(sorted(lost))}; who needs that is not served. pip install -r requirements.txt")
    gc.collect()
    gc.freeze()  # what is here now stays: it need not be looked through again
    gc.set_threshold(YOUNG, *OLDER)


def site(options: Options) -> Site:
    """Return what browsers get: the page, and who may ask for it."""
    from platform import node

    from wires.http import Site
    from wires.origin import Trust
    from wires.pages import load

    names = {node().lower(), options.host.lower()}
    return Site(load(WEB), Trust(frozenset(names), frozenset(options.allow_origin)), bool(options.tls_cert))


class Cloak:
    """Makes of an address a host to show: the same for the same address, and telling nothing of it."""

    def __init__(self) -> None:
        self._key = os.urandom(16)
        self._last = ("", "")  # address and host: a whole school comes from one address, and shares one text

    def __call__(self, address: str) -> str:
        """Return the host."""
        from hmac import new

        if address != self._last[0]:
            host = f"{new(self._key, address.encode(), 'sha256').hexdigest()[:12]}.chat"
            self._last = (address, host)
        return self._last[1]


def draw(below: int) -> int:
    """Return a random number that nobody can guess."""
    from secrets import randbelow

    return randbelow(below)


def send(options: Options, line: str) -> int:
    """Have the server that runs do a line, or the lines of standard input; returns the exit code."""
    from errands import send

    return send(options, line)
