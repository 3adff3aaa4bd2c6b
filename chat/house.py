"""What the server itself can do for a command: read its settings again, choose what the host sees, close later.

Only the contracts, and what holds where nobody has put a server in place. It knows neither files nor timers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from chat.countdown import Countdown
from chat.events import Ref, Refused

Answer = Callable[[str | Refused], None]


def _nothing(_: object) -> NoReturn:
    raise Refused("not_here", "There is no server here that could do that.")


class House:
    """The server, as commands see it.

    `reload` reads the settings again, and answers later. `upgrade` has new code take over, and tells the host later.
    `show` lets only one room's talk, all or none scroll by on the host's console: it gets the name of a room, "" for
    none, or None for all.
    """

    def __init__(self) -> None:
        self.reload: Callable[[Answer], None] = _nothing
        self.upgrade: Callable[[Ref], None] = _nothing
        self.show: Callable[[str | None], None] = _nothing
        self.countdown: Countdown | None = None

    def closing(self) -> Countdown:
        """Return what closes the room later. Raises Refused where there are no timers."""
        if self.countdown is None:
            _nothing(None)
        return self.countdown
