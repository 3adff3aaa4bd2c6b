"""Keep one's name for good."""

from __future__ import annotations

from chat.registration import register
from commands import Call, Command


def run(call: Call, password: str) -> None:
    """Register the caller's name; the answer comes once it is kept."""
    register(call.hub, call.user, password, call.ref)


COMMAND = Command(
    "register", "keep your name for good: it will take this password", run, "password", raw=True, guests=True
)
