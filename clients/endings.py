"""How a visit can end: the exit code of the program, which `chat_client.py --help` lists, and what one can do then."""

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

_ADVICE = {
    "kicked": "You may come back, unless you are told otherwise.",
    "banned": "When the time is over, you may come back.",
    "door_locked": "Nobody new is let in at the moment; try again later.",
    "replaced": "You go on there; to go on here, connect again.",
    "closing": "Connect again when the room is open.",
    "idle": "Connect again whenever you like.",
    "timeout": "Connect again when the network is better.",
    "slow": "Connect again when the network is better.",
    "flood": "You may connect again; a long text is best pasted as one message.",
    "fault": "It was not your doing: connect again.",
}


def after_goodbye(code: str) -> int:
    """Return the exit code after a goodbye of the server's with this code."""
    return _GOODBYES.get(code, LOST)


def advice(code: str) -> str:
    """Return what one can do after a goodbye with this code; empty where that is plain."""
    return _ADVICE.get(code, "")
