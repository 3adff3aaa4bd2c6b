"""IRC: `connect` makes the wire of one connection. irc.py tells how it works, the other files what its verbs do."""

from __future__ import annotations

from wires.irc import history, info, markers, modes, people, registration, rooms, ruling, services, talk
from wires.irc.client import House, Verbs
from wires.irc.irc import Irc

__all__ = ["House", "connect"]

VERBS = Verbs(
    (verb, rule)
    for part in (registration, rooms, modes, people, talk, info, services, history, markers, ruling)
    for verb, rule in part.VERBS.items()
)


def connect(house: House) -> Irc:
    """Return the wire of a new connection."""
    return Irc(house, VERBS)
