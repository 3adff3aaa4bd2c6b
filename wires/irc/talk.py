"""Talk: PRIVMSG, NOTICE and TAGMSG, to rooms and to people, in one line or in several."""

from __future__ import annotations

from chat.events import Refused, Request
from chat.text import clean
from chat.turn import User
from record import record
from wires.irc import labels, rooms
from wires.irc.client import Client, Rule, Steps
from wires.irc.greeting import TARGETS
from wires.irc.lines import BODY, Line, write_tags
from wires.irc.multiline import Batch
from wires.irc.numerics import Numeric
from wires.irc.services import SERVICE, serve

_ACTION = "\1ACTION "


@record
class Words:
    """What is said, and how: `tags` as they go on, `cuts` where lines were cut."""

    text: str
    notice: bool
    tags: str = ""
    cuts: tuple[int, ...] = ()

    @property
    def fields(self) -> dict[str, str]:
        """Return them as the values of a request."""
        whole = clean(self.text) == self.text  # else the places have moved
        found = {"text": self.text, "tags": self.tags, "notice": "yes" * self.notice}
        found["cuts"] = ",".join(map(str, self.cuts)) if whole else ""
        return {name: value for name, value in found.items() if value or name == "text"}

    @property
    def action(self) -> str:
        """Return what someone does, if that is told (CTCP ACTION)."""
        return self.text[len(_ACTION) :].rstrip("\1") if self.text.startswith(_ACTION) and not self.notice else ""

    def query(self, kind: str, where: str) -> Request:
        """Return what has a client ask another, or answer it (CTCP)."""
        reply = {"reply": "yes"} if self.notice else {}
        return Request("tag", "", {"tags": self.tags, "query": self.text.strip("\1"), kind: where, **reply})


def message(client: Client, user: User, line: Line) -> Steps:
    """Say something: PRIVMSG, or NOTICE, which is never answered with an error."""
    batch = line.tags.get("batch")
    if batch is not None and client.batch is not None and batch == client.batch.ref:
        client.batch.add(line.command, line.param(0), line.param(1), "draft/multiline-concat" in line.tags)
    elif batch is not None and "draft/multiline" in client.caps:
        yield client.fail("BATCH", "MULTILINE_INVALID", "There is no such batch")
    elif not line.param(0):
        yield client.numeric(Numeric.ERR_NORECIPIENT, f"No recipient given ({line.command})")
    elif not line.param(1):
        yield client.numeric(Numeric.ERR_NOTEXTTOSEND, "No text to send")
    elif _is_long(user, line):
        yield client.numeric(Numeric.ERR_INPUTTOOLONG, "With your name before it that is longer than a line; not sent")
    else:
        words = Words(line.param(1), line.command == "NOTICE", client_tags(client, line.tags))
        yield from send(client, user, line.param(0), words)


def _is_long(user: User, line: Line) -> bool:
    """Return whether a line is too long to be passed on: clients that know their own host split it themselves."""
    longest = max(line.param(0).split(","), key=len)
    return len(f":{user.mask} {line.command} {longest} :{line.param(1)}".encode()) > BODY


def send(client: Client, user: User, targets: str, words: Words) -> Steps:
    """Send something to each of the targets, which are joined by commas."""
    found = [target for target in dict.fromkeys(targets.split(",")) if target]
    for index, target in enumerate(found):
        if index >= TARGETS:
            yield client.numeric(Numeric.ERR_TOOMANYTARGETS, rooms.shown(target), "Too many targets; not delivered")
        else:
            yield from _send(client, user, target, words)


def _send(client: Client, user: User, target: str, words: Words) -> Steps:
    if target.lower() in SERVICE and not words.notice:
        yield from serve(client, user, words.text)
        return
    try:
        if target.lstrip("@+").startswith("#"):
            yield from _to_room(client, target, words)
        else:
            yield from _to_person(user, target, words)
    except Refused as refusal:
        if not words.notice:
            yield _not_sent(client, target, refusal)


def _to_room(client: Client, target: str, words: Words) -> Steps:
    sign, name = target[: target.index("#")][:1], target[target.index("#") :]
    room = rooms.find(client, name)
    if room is None:
        if not words.notice:
            yield rooms.no_room(client, target)
    elif words.action:
        yield Request("me", "", {"text": words.action, "tags": words.tags, "room": room.name})
    elif words.text.startswith("\1"):
        yield words.query("room", room.name)
    else:
        yield Request("say", "", {**words.fields, "room": room.name, "sign": sign})


def _to_person(user: User, target: str, words: Words) -> Steps:
    name = target.partition("!")[0].partition("@")[0]
    if words.action:
        yield Request("msg", "", {"text": f"* {user.name} {words.action}", "tags": words.tags, "to": name})
    elif words.text.startswith("\1"):
        yield words.query("to", name)
    else:
        yield Request("msg", "", {**words.fields, "to": name})


def _not_sent(client: Client, target: str, refusal: Refused) -> str:
    if refusal.code == "not_here":
        return client.numeric(Numeric.ERR_NOSUCHNICK, rooms.shown(target), "No such nick/channel")
    if refusal.code == "empty":
        return client.numeric(Numeric.ERR_NOTEXTTOSEND, "No text to send")
    return rooms.refused(client, target, refusal)


def tagmsg(client: Client, user: User, line: Line) -> Steps:
    """Send a sign that says nothing."""
    tags = client_tags(client, line.tags)
    if not tags:
        return
    for target in list(filter(None, line.param(0).split(",")))[:TARGETS]:
        room = rooms.find(client, target)
        if target.startswith("#") and room is None:
            yield rooms.no_room(client, target)
            continue
        where = {"room": room.name} if room else {"to": target}
        try:
            yield Request("tag", "", {"tags": tags, **where})
        except Refused as refusal:
            yield _not_sent(client, target, refusal)


def client_tags(client: Client, tags: dict[str, str]) -> str:
    """Return the tags that go on to others: those of clients, which begin with a plus sign."""
    if "message-tags" not in client.caps:
        return ""
    return write_tags({name: value for name, value in tags.items() if name.startswith("+")})


def batch(client: Client, user: User, line: Line) -> Steps:
    """Begin or end a message of several lines (IRCv3 draft/multiline)."""
    word = line.param(0)
    if word.startswith("+") and line.param(1) == "draft/multiline" and "draft/multiline" in client.caps:
        if not line.param(2):
            yield client.fail("BATCH", "MULTILINE_INVALID", "There is no target")
            return
        tags = {name: value for name, value in line.tags.items() if name.startswith("+")}
        client.batch = Batch(word[1:], line.param(2), tags, line.tags.get("label", ""))
    elif word.startswith("-") and client.batch is not None and word[1:] == client.batch.ref:
        done, client.batch = client.batch, None
        yield from _finish(client, user, done)
    else:
        yield client.fail("BATCH", "MULTILINE_INVALID", "There is no such batch")


def _finish(client: Client, user: User, done: Batch) -> Steps:
    if done.label:
        yield labels.opening(done.label)
    if done.fault:
        yield client.fail("BATCH", *done.fault)
    elif not any(done.lines):
        yield client.fail("BATCH", "MULTILINE_INVALID", "Multiline batch has no text")
    else:
        words = Words(done.text, done.command == "NOTICE", client_tags(client, done.tags), tuple(done.cuts))
        yield from send(client, user, done.target, words)
    if done.label:
        yield labels.CLOSING


VERBS = {
    "BATCH": Rule(batch, 1),
    "NOTICE": Rule(message),
    "PRIVMSG": Rule(message),
    "TAGMSG": Rule(tagmsg, 1),
}
