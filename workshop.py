"""The worker thread, as the hub sees it: what takes long is done there, and too much of it is refused in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chat.events import Refused
from chat.limits import ledger
from net.aside import Aside, Swamped


class Workshop(Aside):
    """One worker for all slow work."""

    def run(self, work: Callable[[], Any], then: Callable[[Any], None]) -> None:
        """Do `work` aside, then `then` in the loop. Raises Refused `busy`."""
        self.most = ledger.limits.checks
        try:
            super().run(work, then)
        except Swamped:
            ledger.hit("checks")
            raise Refused(
                "busy", "Too many passwords are being checked just now; please try again in a moment."
            ) from None
