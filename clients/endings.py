"""How a visit can end, as the exit code of the program. `chat_client.py --help` lists them."""

from __future__ import annotations

LEFT = 0
LOST = 1
REFUSED = 3
KICKED = 4
CLOSING = 5

FINAL = frozenset({"banned", "door_locked"})
"""Refusals of a login after which no other name helps: the server says goodbye."""

_GOODBYES = {
    "quit": LEFT,
    "kicked": KICKED,
    "banned": KICKED,
    "door_locked": KICKED,
    "replaced": KICKED,
    "closing": CLOSING,
}


def after_goodbye(code: str) -> int:
    """Return the exit code after a goodbye of the server's with this code."""
    return _GOODBYES.get(code, LOST)
