"""Talk: PRIVMSG, NOTICE and TAGMSG, to rooms and to people, in one line or in several."""

from __future__ import annotations

from chat.events import Refused, Request
from chat.turn import User
from wires.irc import labels, rooms
from wires.irc.greeting import TARGETS
from wires.irc.irc import Irc, Rule, Steps
from wires.irc.lines import BODY, Line, write_tags
from wires.irc.multiline import Batch
from wires.irc.numerics import Numeric
from wires.irc.services import SERVICE, serve

_ACTION = "\1ACTION "


def message(irc: Irc, user: User, line: Line) -> Steps:
    """Say something: PRIVMSG, or NOTICE, which is never answered with an error about away or unknown people."""
    batch = line.tags.get("batch")
    if batch is not None and irc.batch is not None and batch == irc.batch.ref:
        irc.batch.add(line.command, line.param(0), line.param(1), "draft/multiline-concat" in line.tags)
        return
    if not line.param(0):
        yield irc.numeric(Numeric.ERR_NORECIPIENT, f"No recipient given ({line.command})")
    elif not line.param(1):
        yield irc.numeric(Numeric.ERR_NOTEXTTOSEND, "No text to send")
    elif _is_long(user, line):
        yield irc.numeric(Numeric.ERR_INPUTTOOLONG, "With your name before it that is longer than a line; not sent")
    else:
        yield from send(irc, user, line.command, line.param(0), line.param(1), client_tags(irc, line.tags))


def _is_long(user: User, line: Line) -> bool:
    """Return whether a line is too long to be passed on as one: clients that know their own host split it themselves."""
    longest = max(line.param(0).split(","), key=len)
    return len(f":{user.mask} {line.command} {longest} :{line.param(1)}".encode()) > BODY


def send(irc: Irc, user: User, command: str, targets: str, text: str, tags: str) -> Steps:
    """Send `text` to each of the targets, which are joined by commas."""
    found = [target for target in dict.fromkeys(targets.split(",")) if target]
    for index, target in enumerate(found):
        if index >= TARGETS:
            yield irc.numeric(Numeric.ERR_TOOMANYTARGETS, rooms.shown(target), "Too many targets; not delivered")
        else:
            yield from _send(irc, user, command, target, text, tags)


def _send(irc: Irc, user: User, command: str, target: str, text: str, tags: str) -> Steps:
    notice = command == "NOTICE"
    if target.lower() in SERVICE and not notice:
        yield from serve(irc, user, text)
        return
    fields = {"text": text, "tags": tags, **({"notice": "yes"} if notice else {})}
    try:
        if target.startswith("#"):
            yield from _to_room(irc, target, text, fields)
        else:
            yield from _to_person(irc, user, target, fields)
    except Refused as refusal:
        if not notice or refusal.code not in ("not_here", "empty"):
            yield _not_sent(irc, target, refusal)


def _to_room(irc: Irc, target: str, text: str, fields: dict[str, str]) -> Steps:
    room = rooms.find(irc, target)
    if room is None:
        yield rooms.no_room(irc, target)
        return
    if text.startswith(_ACTION) and "notice" not in fields:
        yield Request("me", "", {**fields, "room": room.name, "text": text[len(_ACTION) :].rstrip("\1") or " "})
    elif text.startswith("\1"):
        yield _query(text, fields, "room", room.name)
    else:
        yield Request("say", "", {**fields, "room": room.name})


def _to_person(irc: Irc, user: User, target: str, fields: dict[str, str]) -> Steps:
    name = target.partition("!")[0].partition("@")[0]
    text = fields["text"]
    if text.startswith(_ACTION):
        fields = {**fields, "text": f"* {user.name} {text[len(_ACTION) :].rstrip(chr(1))}"}
    elif text.startswith("\1"):
        yield _query(text, fields, "to", name)
        return
    yield Request("msg", "", {**fields, "to": name})


def _query(text: str, fields: dict[str, str], kind: str, where: str) -> Request:
    """Return what has a client ask another (CTCP), or answer it."""
    reply = {"reply": "yes"} if "notice" in fields else {}
    return Request("tag", "", {"tags": fields["tags"], "query": text.strip("\1"), kind: where, **reply})


def _not_sent(irc: Irc, target: str, refusal: Refused) -> str:
    if refusal.code == "not_here":
        return irc.numeric(Numeric.ERR_NOSUCHNICK, rooms.shown(target), "No such nick/channel")
    if refusal.code == "empty":
        return irc.numeric(Numeric.ERR_NOTEXTTOSEND, "No text to send")
    return rooms.refused(irc, target, refusal)


def tagmsg(irc: Irc, user: User, line: Line) -> Steps:
    """Send a sign that says nothing."""
    tags = client_tags(irc, line.tags)
    if not tags:
        return
    for target in list(filter(None, line.param(0).split(",")))[:TARGETS]:
        where = {"to": target}
        if target.startswith("#"):
            room = rooms.find(irc, target)
            if room is None:
                yield rooms.no_room(irc, target)
                continue
            where = {"room": room.name}
        try:
            yield Request("tag", "", {"tags": tags, **where})
        except Refused as refusal:
            yield _not_sent(irc, target, refusal)


def client_tags(irc: Irc, tags: dict[str, str]) -> str:
    """Return the tags that go on to others: those of clients, which begin with a plus sign."""
    if "message-tags" not in irc.caps:
        return ""
    return write_tags({name: value for name, value in tags.items() if name.startswith("+")})


def batch(irc: Irc, user: User, line: Line) -> Steps:
    """Begin or end a message of several lines (IRCv3 draft/multiline)."""
    word = line.param(0)
    if word.startswith("+") and line.param(1) == "draft/multiline" and "draft/multiline" in irc.caps:
        if not line.param(2):
            yield irc.fail("BATCH", "MULTILINE_INVALID", "There is no target")
            return
        tags = {name: value for name, value in line.tags.items() if name.startswith("+")}
        irc.batch = Batch(word[1:], line.param(2), tags, line.tags.get("label", ""))
    elif word.startswith("-") and irc.batch is not None and word[1:] == irc.batch.ref:
        done, irc.batch = irc.batch, None
        yield from _finish(irc, user, done)
    else:
        yield irc.fail("BATCH", "MULTILINE_INVALID", "There is no such batch")


def _finish(irc: Irc, user: User, done: Batch) -> Steps:
    if done.label:
        yield labels.opening(done.label)
    if done.fault:
        yield irc.fail("BATCH", *done.fault)
    elif not any(done.lines):
        yield irc.fail("BATCH", "MULTILINE_INVALID", "Multiline batch has no text")
    else:
        yield from send(irc, user, done.command, done.target, done.text, client_tags(irc, done.tags))
    if done.label:
        yield labels.CLOSING


VERBS = {
    "BATCH": Rule(batch, 1),
    "NOTICE": Rule(message),
    "PRIVMSG": Rule(message),
    "TAGMSG": Rule(tagmsg, 1),
}
