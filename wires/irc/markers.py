"""How far someone has read, by room or person: MARKREAD (IRCv3 draft/read-marker)."""

from __future__ import annotations

import re

from chat import names
from chat.turn import User
from wires.irc import rooms
from wires.irc.client import Client, Rule, Steps
from wires.irc.lines import Line

MOST = 500  # markers of one person
LONGEST = 64  # characters in what a marker is for
_TIME = re.compile(r"timestamp=([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z)")


def marker(client: Client, user: User, where: str) -> str:
    """Return the line that tells how far someone has read there."""
    at = user.marks.get(names.key(where))
    return client.say("MARKREAD", where, f"timestamp={at}" if at else "*")


def markread(client: Client, user: User, line: Line) -> Steps:
    """Set or ask how far one has read; a marker only ever goes forward."""
    where, word = line.param(0), line.param(1)
    if not where:
        yield client.fail("MARKREAD", "NEED_MORE_PARAMS", "Missing parameters")
        return
    if len(where) > LONGEST:
        yield client.fail("MARKREAD", "INVALID_PARAMS", rooms.shown(where), "Invalid target")
        return
    found = _TIME.fullmatch(word)
    if word and found is None:
        yield client.fail("MARKREAD", "INVALID_PARAMS", rooms.shown(where), "Invalid timestamp")
        return
    key = names.key(where)
    if found and found[1] > user.marks.get(key, ""):  # such times sort as they follow one another
        marks = user.noted().marks
        marks[key] = found[1]
        while len(marks) > MOST:
            del marks[next(iter(marks))]
    yield marker(client, user, rooms.shown(where))


VERBS = {"MARKREAD": Rule(markread)}
