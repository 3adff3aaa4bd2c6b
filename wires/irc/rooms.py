"""Rooms: JOIN, PART, NAMES, LIST, TOPIC, INVITE and KICK."""

from __future__ import annotations

from collections.abc import Iterator

from chat.events import Refused, Request
from chat.gate import fits
from chat.hub import REPLAY, REPLAY_CHARACTERS
from chat.moderation import is_operator, is_shown
from chat.names import key
from chat.text import clean
from chat.turn import Room, User
from wires.irc import greeting
from wires.irc.client import Client, Rule, Steps
from wires.irc.lines import Line
from wires.irc.messages import history, target
from wires.irc.numerics import Numeric

_NUMBERS = {
    "no_room": (Numeric.ERR_NOSUCHCHANNEL, "No such channel"),
    "room_bad": (Numeric.ERR_NOSUCHCHANNEL, "No such channel"),
    "too_many": (Numeric.ERR_TOOMANYCHANNELS, "You have joined too many channels"),
    "banned": (Numeric.ERR_BANNEDFROMCHAN, "Cannot join channel (+b)"),
    "invite_only": (Numeric.ERR_INVITEONLYCHAN, "Cannot join channel (+i)"),
    "wrong_key": (Numeric.ERR_BADCHANNELKEY, "Cannot join channel (+k)"),
    "room_full": (Numeric.ERR_CHANNELISFULL, "Cannot join channel (+l)"),
    "not_in": (Numeric.ERR_NOTONCHANNEL, "You're not on that channel"),
    "not_op": (Numeric.ERR_CHANOPRIVSNEEDED, "You're not channel operator"),
    "not_allowed": (Numeric.ERR_CHANOPRIVSNEEDED, "You may not do that to an operator of the server"),
    "may_not_speak": (Numeric.ERR_CANNOTSENDTOCHAN, "Cannot send to channel"),
    "muted": (Numeric.ERR_CANNOTSENDTOCHAN, ""),
    "slow_mode": (Numeric.ERR_CANNOTSENDTOCHAN, ""),
}


def find(client: Client, name: str) -> Room | None:
    """Return the room called `name`, which begins with #, or None."""
    if not name.startswith("#"):
        return None
    try:
        return client.hub.rooms.get(name)
    except Refused:
        return None


def no_room(client: Client, name: str) -> str:
    """Return that there is no room of that name."""
    return client.numeric(Numeric.ERR_NOSUCHCHANNEL, shown(name), "No such channel")


def shown(word: str, longest: int = 64) -> str:
    """Return a word of the client's as a parameter that stands in the middle of a line."""
    return (clean(word).split(" ", maxsplit=1)[0].lstrip(":") or "*")[:longest]


def refused(client: Client, room: str, refusal: Refused) -> str:
    """Return a refusal that concerns a room."""
    number, text = _NUMBERS.get(refusal.code, (Numeric.ERR_UNKNOWNERROR, refusal.text))
    return client.numeric(number, shown(room), text or refusal.text)


def join(client: Client, user: User, line: Line) -> Steps:
    """Come into rooms; `0` stands for going out of all."""
    if line.param(0) == "0":
        for room in tuple(user.rooms):
            yield Request("part", "", {"room": room.name, "reason": ""})
        return
    keys = line.param(1).split(",")
    for index, name in enumerate(line.param(0).split(",")):
        if name:
            yield from _join(client, user, name, keys[index] if index < len(keys) else "")


def _join(client: Client, user: User, name: str, word: str) -> Steps:
    if not name.startswith("#") or len(name) < 2 or clean(name) != name:
        yield no_room(client, name)
        return
    room = find(client, name)
    if room is not None and room in user.rooms:
        return
    try:
        yield Request("join", "", {"room": name[1:], "key": word})
    except Refused as refusal:
        yield refused(client, name, refusal)
        return
    room = client.hub.rooms.get(name)
    if room.description:
        yield list(greeting.topic(client, room))
    if "draft/read-marker" in client.caps:
        yield client.say("MARKREAD", target(room.name), *_read_so_far(user, room))
    yield [*greeting.names(client, room, room.members), greeting.end_of_names(client, target(room.name))]
    said = room.scrollback.last(REPLAY, REPLAY_CHARACTERS, without=user.blocked)
    if said and "draft/chathistory" not in client.caps:  # else the client asks for as much as it wants
        yield list(history(client, said, target(room.name), f"h{client.hub.newest}"))


def _read_so_far(user: User, room: Room) -> list[str]:
    at = user.marks.get(key(target(room.name)))
    return [f"timestamp={at}" if at else "*"]


def part(client: Client, user: User, line: Line) -> Steps:
    """Go out of rooms."""
    for name in filter(None, line.param(0).split(",")):
        room = find(client, name)
        if room is None:
            yield no_room(client, name)
            continue
        try:
            yield Request("part", "", {"room": room.name, "reason": line.param(1)[:390]})
        except Refused as refusal:
            yield refused(client, name, refusal)


def names(client: Client, user: User, line: Line) -> Steps:
    """List who is in some rooms."""
    for name in filter(None, dict.fromkeys(line.param(0).split(",")[: greeting.TARGETS])):
        room = find(client, name)
        if room is not None and is_shown(room, user):
            yield list(greeting.names(client, room, members(room, user)))
    yield greeting.end_of_names(client, shown(line.param(0), longest=400))


def _sees(user: User, room: Room, other: User) -> bool:
    return "i" not in other.modes or room in user.rooms or is_operator(user)


def rooms(client: Client, user: User, line: Line) -> Steps:
    """List the rooms, by name, by mask, or by how many are in them (ELIST)."""
    tests = _tests(line.param(0))
    yield client.numeric(Numeric.RPL_LISTSTART, "Channel", "Users  Name")
    yield [
        client.numeric(Numeric.RPL_LIST, target(room.name), f"{len(room.members)}", room.description)
        for room in client.hub.rooms
        if _is_listed(client, room, user) and all(_passes(room, test) for test in tests)
    ]
    yield client.numeric(Numeric.RPL_LISTEND, "End of /LIST")


def _is_listed(client: Client, room: Room, user: User) -> bool:
    """Return whether a room is listed: the lobby, which everybody knows, only if somebody but the host is in it."""
    empty = room is client.hub.rooms.lobby and all(other is client.hub.host for other in room.members)
    return is_shown(room, user) and not empty


def _tests(words: str) -> list[list[str]]:
    """Return the conditions, each with its alternatives: names stand for one another, the rest all count.

    Each costs a look at every room: of many, the first ones count.
    """
    found = [word for word in words.split(",") if word][: greeting.TARGETS]
    masks = [word for word in found if word[0] not in "<>!"]
    return [[word] for word in found if word[0] in "<>!"] + ([masks] if masks else [])


def _passes(room: Room, alternatives: list[str]) -> bool:
    return any(_fits(room, word) for word in alternatives)


def _fits(room: Room, word: str) -> bool:
    sign, number, count = word[0], word[1:], len(room.members)
    if sign in "<>":
        return (
            number.isascii()
            and number.isdigit()
            and (count < int(number[:9]) if sign == "<" else count > int(number[:9]))
        )
    if sign == "!":
        return not fits(number, target(room.name))
    return fits(word, target(room.name))


def topic(client: Client, user: User, line: Line) -> Steps:
    """Tell, or say, what a room is about."""
    name = line.param(0)
    room = find(client, name)
    if room is None or not (is_shown(room, user)):
        yield no_room(client, name)
    elif len(line.params) < 2:
        if room not in user.rooms and "s" in room.gate.flags:
            yield refused(client, name, Refused("not_in", ""))
        elif room.description:
            yield list(greeting.topic(client, room))
        else:
            yield client.numeric(Numeric.RPL_NOTOPIC, target(room.name), "No topic is set")
    else:
        try:
            yield Request("topic", "", {"room": room.name, "text": line.param(1)[:390] or "-"})
        except Refused as refusal:
            yield refused(client, name, refusal)


def invite(client: Client, user: User, line: Line) -> Steps:
    """Ask someone into a room."""
    nick, name = line.param(0), line.param(1)
    if not nick:
        yield [
            client.numeric(Numeric.RPL_INVITELIST, target(room.name))
            for room in client.hub.rooms
            if user in room.gate.invited
        ]
        yield client.numeric(Numeric.RPL_ENDOFINVITELIST, "End of /INVITE list")
        return
    if not name:
        yield client.numeric(Numeric.ERR_NEEDMOREPARAMS, "INVITE", "Not enough parameters")
        return
    other, room = client.hub.find(nick), find(client, name)
    if other is None:
        yield client.numeric(Numeric.ERR_NOSUCHNICK, shown(nick), "No such nick/channel")
    elif room is None:
        yield no_room(client, name)
    else:
        try:
            yield Request("invite", "", {"name": other.name, "room": room.name})
            yield client.numeric(Numeric.RPL_INVITING, other.name, target(room.name))
        except Refused as refusal:
            yield _not_invited(client, other, name, refusal)


def _not_invited(client: Client, other: User, name: str, refusal: Refused) -> str:
    if refusal.code == "in_already":
        return client.numeric(Numeric.ERR_USERONCHANNEL, other.name, shown(name), "is already on channel")
    return refused(client, name, refusal)


def kick(client: Client, user: User, line: Line) -> Steps:
    """Put people out of a room."""
    places, nicks = line.param(0).split(","), line.param(1).split(",")[: greeting.TARGETS]
    if len(places) == 1:
        places *= len(nicks)
    for name, nick in zip(places, nicks, strict=False):
        room = find(client, name)
        if room is None:
            yield no_room(client, name)
        elif nick:
            yield from _kick(client, room, nick, line.param(2)[:390])


def _kick(client: Client, room: Room, nick: str, reason: str) -> Steps:
    try:
        yield Request("kick", "", {"room": room.name, "name": nick, "reason": reason})
    except Refused as refusal:
        if refusal.code in ("not_here", "not_there"):
            number = Numeric.ERR_USERNOTINCHANNEL if client.hub.find(nick) else Numeric.ERR_NOSUCHNICK
            where = [target(room.name)] if client.hub.find(nick) else []
            text = "They aren't on that channel" if where else "No such nick/channel"
            yield client.numeric(number, shown(nick), *where, text)
        else:
            yield refused(client, target(room.name), refusal)


def members(room: Room, user: User) -> Iterator[User]:
    """Yield those in a room whom someone may see."""
    return (other for other in room.members if _sees(user, room, other))


VERBS = {
    "INVITE": Rule(invite),
    "JOIN": Rule(join, 1),
    "KICK": Rule(kick, 2),
    "LIST": Rule(rooms),
    "NAMES": Rule(names),
    "PART": Rule(part, 1),
    "TOPIC": Rule(topic, 1),
}
