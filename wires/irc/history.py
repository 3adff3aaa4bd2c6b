"""What was said before, by id or by time: CHATHISTORY (IRCv3 draft/chathistory), as far as the rooms remember."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from chat import names
from chat.events import Acted, Said, Whispered
from chat.turn import User
from wires.irc import rooms
from wires.irc.client import Client, Rule, Steps
from wires.irc.greeting import RECALLED
from wires.irc.lines import Line
from wires.irc.messages import history, target, utc

Talk = Said | Acted | Whispered
Point = Callable[[Talk], int]
"""Compares a message with a point of the past: negative before it, 0 at it, positive after it."""

_NEEDS = {"LATEST": 4, "BEFORE": 4, "AFTER": 4, "AROUND": 4, "BETWEEN": 5, "TARGETS": 4}


def chathistory(client: Client, user: User, line: Line) -> Steps:
    """Read what was said before."""
    verb = line.param(0).upper()
    if verb not in _NEEDS:
        yield client.fail("CHATHISTORY", "INVALID_PARAMS", line.param(0)[:32] or "*", "Unknown subcommand")
    elif len(line.params) < _NEEDS[verb]:
        yield client.fail("CHATHISTORY", "INVALID_PARAMS", verb, "Insufficient parameters")
    elif verb == "TARGETS":
        yield from _targets(client, user, line)
    else:
        yield from _messages(client, user, verb, line)


def _messages(client: Client, user: User, verb: str, line: Line) -> Steps:
    where = line.param(1)
    said = _said(client, user, where)
    if said is None:
        yield client.fail("CHATHISTORY", "INVALID_TARGET", verb, rooms.shown(where), "Messages could not be retrieved")
        return
    points = [_point(word) for word in line.params[2:-1]]
    limit = line.params[-1]
    all_of_it = verb == "LATEST" and line.param(2) == "*"
    if not ((all(points) or all_of_it) and limit.isascii() and limit.isdigit()):
        yield client.fail("CHATHISTORY", "INVALID_PARAMS", verb, "Invalid selector or limit")
        return
    count = min(int(limit[:6]), RECALLED)
    found = _select(verb, said, [point for point in points if point], count)
    yield list(history(client, found, where, f"c{client.hub.newest}"))


def _said(client: Client, user: User, where: str) -> list[Talk] | None:
    """Return what is remembered of a room, or of the talk with one person; None where that is not for this person."""
    if where.startswith("#"):
        room = rooms.find(client, where)
        if room is None or room not in user.rooms:
            return None
        return [event for event in room.scrollback if names.key(event.sender) not in user.blocked]
    key = names.key(where)
    return [event for event in user.private if _is_with(event, user, key)]


def _is_with(event: Whispered, user: User, key: str) -> bool:
    """Return whether a private message is between these two."""
    if names.key(event.sender) == user.key:
        return key in [names.key(name) for name in (*event.to, *event.kept)]
    return names.key(event.sender) == key


def _point(word: str) -> Point | None:
    """Return what compares with `msgid=5` or `timestamp=2026-01-01T00:00:00.000Z`; None for anything else."""
    kind, _, value = word.partition("=")
    if kind == "msgid" and value.isascii() and value.isdigit() and len(value) < 19:
        number = int(value)
        return lambda event: (event.id > number) - (event.id < number)
    if kind == "timestamp":
        try:
            at = datetime.strptime(value, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC).timestamp()
        except ValueError:
            return None
        moment = int(at * 1000 + 0.5)
        return lambda event: (int(event.at * 1000) > moment) - (int(event.at * 1000) < moment)
    return None


def _select(verb: str, said: Sequence[Talk], points: list[Point], count: int) -> list[Talk]:
    """Return the messages asked for, oldest first."""
    if verb == "LATEST":
        later = [event for event in said if not points or points[0](event) > 0]
        return later[-count:] if count else []
    if verb == "BEFORE":
        earlier = [event for event in said if points[0](event) < 0]
        return earlier[-count:] if count else []
    if verb == "AFTER":
        return [event for event in said if points[0](event) > 0][:count]
    if verb == "AROUND":
        before = [event for event in said if points[0](event) < 0]
        rest = [event for event in said if points[0](event) >= 0]
        half = count // 2
        return [*before[len(before) - min(half, len(before)) :], *rest[: count - min(half, len(before))]]
    first, second = points
    between = [event for event in said if first(event) > 0 > second(event)]
    if between or not any(second(event) > 0 > first(event) for event in said):
        forward = not said or not _is_backwards(said, first, second)
        return between[:count] if forward else between[-count:]
    between = [event for event in said if second(event) > 0 > first(event)]
    return between[-count:] if count else []


def _is_backwards(said: Sequence[Talk], first: Point, second: Point) -> bool:
    """Return whether the first point lies after the second."""
    return any(second(event) >= 0 > first(event) for event in said) and not any(
        first(event) >= 0 > second(event) for event in said
    )


def _targets(client: Client, user: User, line: Line) -> Steps:
    """List with whom one has talked, and in which rooms, between two times: the last message of each."""
    first, second = _point(line.param(1)), _point(line.param(2))
    limit = line.param(3)
    if first is None or second is None or not (limit.isascii() and limit.isdigit()):
        yield client.fail("CHATHISTORY", "INVALID_PARAMS", "TARGETS", "Invalid selector or limit")
        return
    latest: dict[str, Talk] = {target(room.name): event for room in user.rooms for event in room.scrollback.last(1)}
    for event in user.private:
        mine = names.key(event.sender) == user.key
        others = (*event.to, *event.kept) if mine else (event.sender,)
        latest.update((name, event) for name in others)
    found = [(event, name) for name, event in latest.items() if _lies_between(event, first, second)]
    found.sort(key=lambda pair: pair[0].id)
    name = f"t{client.hub.newest}"
    batches = "batch" in client.caps
    rows = [
        client.say("CHATHISTORY", "TARGETS", where, utc(event.at))
        for event, where in found[: min(int(limit[:6]), RECALLED)]
    ]
    yield [
        *([client.say("BATCH", f"+{name}", "draft/chathistory-targets")] if batches else []),
        *(f"@batch={name} {row}" if batches else row for row in rows),
        *([client.say("BATCH", f"-{name}")] if batches else []),
    ]


def _lies_between(event: Talk, first: Point, second: Point) -> bool:
    return first(event) > 0 > second(event) or second(event) > 0 > first(event)


VERBS = {"CHATHISTORY": Rule(chathistory, 1)}
