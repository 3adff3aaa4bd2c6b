"""How a visit can end, as the exit code of the program. `chat_client.py --help` lists them."""

from __future__ import annotations

LEFT = 0
LOST = 1
REFUSED = 3
KICKED = 4
CLOSING = 5

_GOODBYES = {"quit": LEFT, "kicked": KICKED, "replaced": KICKED, "closing": CLOSING}


def after_goodbye(code: str) -> int:
    """Return the exit code after a goodbye of the server's with this code."""
    return _GOODBYES.get(code, LOST)
