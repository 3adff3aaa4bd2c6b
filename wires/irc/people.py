"""People: WHO, WHOIS, WHOWAS, ISON, USERHOST, AWAY, SETNAME and MONITOR."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from chat import names
from chat.events import Refused, Request
from chat.gate import fits
from chat.moderation import is_operator, is_shown
from chat.turn import Room, User
from wires.irc import rooms
from wires.irc.client import Client, Rule, Steps
from wires.irc.lines import Line
from wires.irc.messages import mask, target
from wires.irc.numerics import Numeric
from wires.irc.text import packed

FIELDS = "tcuihsnfdlaor"  # of WHOX, in the order in which they are sent
MOST = 500  # people in one answer to a mask
ROOM = 200  # bytes in a line for a list, behind the names of two people


# -- WHO


def who(client: Client, user: User, line: Line) -> Steps:
    """List people by room, by nick or by mask, in the fields of WHOX where it asks for them."""
    wanted, options = line.param(0) or "*", line.param(1)
    flags, _, fields = options.partition("%")
    fields, _, token = fields.partition(",")
    yield [
        _row(client, user, (other, room), (fields, token)) if fields else _reply(client, other, room)
        for other, room in _meant(client, user, wanted)
        if "o" not in flags or is_operator(other)
    ]
    yield client.numeric(Numeric.RPL_ENDOFWHO, rooms.shown(wanted), "End of WHO list")


def _meant(client: Client, user: User, wanted: str) -> Iterator[tuple[User, Room | None]]:
    """Yield those meant, each with the room to show; the invisible are seen by those who share a room with them."""
    if wanted.startswith("#"):
        room = rooms.find(client, wanted)
        if room is not None and is_shown(room, user):
            yield from ((other, room) for other in rooms.members(room, user))
        return
    exact = client.hub.find(wanted)
    found = [exact] if exact else [other for other in client.hub if _fits(client, user, other, wanted)]
    yield from ((other, _common(user, other)) for other in found[:MOST])


def _fits(client: Client, user: User, other: User, wanted: str) -> bool:
    strangers = other is not user and not user.shares(other)
    if "i" in other.modes and strangers and not is_operator(user):
        return False
    who = other.who
    texts = (other.name, who.ident, who.host, who.realname, client.house.server, other.mask)
    return wanted in ("*", "0") or any(fits(wanted, text) for text in texts)


def _common(user: User, other: User) -> Room | None:
    """Return a room in which both are, or in which the other may be seen."""
    return next((room for room in other.rooms if room in user.rooms or is_shown(room, user)), None)


def _state(client: Client, other: User, room: Room | None) -> str:
    signs = room.gate.signs(other) if room else ""
    shown = signs if "multi-prefix" in client.caps else signs[:1]
    return f"{'G' if other.away else 'H'}{'*' * is_operator(other)}{'B' * ('B' in other.modes)}{shown}"


def _reply(client: Client, other: User, room: Room | None) -> str:
    place = target(room.name) if room else "*"
    who, state = other.who, _state(client, other, room)
    rest = f"0 {who.realname}"
    return client.numeric(
        Numeric.RPL_WHOREPLY, place, who.ident, who.host, client.house.server, other.name, state, rest
    )


def _row(client: Client, user: User, found: tuple[User, Room | None], wanted: tuple[str, str]) -> str:
    """Return a row of WHOX (ircu): the fields asked for, in their one order, and the token of the question."""
    (other, room), (fields, token) = found, wanted
    who = other.who
    idle = int(client.hub.clock.monotonic() - (other.active or other.arrived))
    values = {
        "t": token[:3] or "0",
        "c": target(room.name) if room else "*",
        "u": who.ident,
        "i": other.address.rpartition(":")[0].strip("[]") if is_operator(user) else "255.255.255.255",
        "h": who.host,
        "s": client.house.server,
        "n": other.name,
        "f": _state(client, other, room),
        "d": "0",
        "l": f"{idle}",
        "a": who.account or "0",
        "o": "n/a",
        "r": who.realname,
    }
    return client.numeric(Numeric.RPL_WHOSPCRPL, *(values[name] for name in FIELDS if name in fields))


# -- WHOIS and WHOWAS


def whois(client: Client, user: User, line: Line) -> Steps:
    """Tell what may be known of someone."""
    wanted = line.param(1) or line.param(0)
    if not wanted:
        yield client.numeric(Numeric.ERR_NONICKNAMEGIVEN, "No nickname given")
        return
    if line.param(1) and not _is_here(client, line.param(0)):
        yield client.numeric(Numeric.ERR_NOSUCHSERVER, rooms.shown(line.param(0)), "No such server")
        return
    other = client.hub.find(wanted)
    if other is None:
        yield client.numeric(Numeric.ERR_NOSUCHNICK, rooms.shown(wanted), "No such nick/channel")
    else:
        yield list(_known(client, user, other))
    yield client.numeric(Numeric.RPL_ENDOFWHOIS, rooms.shown(wanted), "End of /WHOIS list")


def _is_here(client: Client, server: str) -> bool:
    return fits(server, client.house.server) or client.hub.find(server) is not None


def _known(client: Client, user: User, other: User) -> Iterator[str]:
    who, name = other.who, other.name
    yield client.numeric(Numeric.RPL_WHOISUSER, name, who.ident, who.host, "*", who.realname)
    places = [
        room for room in other.rooms if is_shown(room, user) and ("i" not in other.modes or _may_see(user, other, room))
    ]
    for some in packed((room.gate.signs(other)[:1] + target(room.name) for room in places), ROOM):
        yield client.numeric(Numeric.RPL_WHOISCHANNELS, name, some)
    yield client.numeric(Numeric.RPL_WHOISSERVER, name, client.house.server, client.house.network)
    if other.away:
        yield client.numeric(Numeric.RPL_AWAY, name, other.away)
    if is_operator(other):
        yield client.numeric(Numeric.RPL_WHOISOPERATOR, name, "is an operator")
    if "B" in other.modes:
        yield client.numeric(Numeric.RPL_WHOISBOT, name, "is a bot")
    if who.account:
        yield client.numeric(Numeric.RPL_WHOISACCOUNT, name, who.account, "is logged in as")
    if is_operator(user) or user is other:
        yield client.numeric(Numeric.RPL_WHOISHOST, name, f"is connecting from *@{other.address.rpartition(':')[0]}")
        yield client.numeric(Numeric.RPL_WHOISMODES, name, f"is using modes +{''.join(sorted(other.modes))}")
    now = client.hub.clock.monotonic()
    since = int(client.hub.clock.time() - (now - other.arrived))
    idle = int(now - (other.active or other.arrived))
    yield client.numeric(Numeric.RPL_WHOISIDLE, name, f"{idle}", f"{since}", "seconds idle, signon time")


def _may_see(user: User, other: User, room: Room) -> bool:
    return user is other or room in user.rooms or is_operator(user)


def whowas(client: Client, user: User, line: Line) -> Steps:
    """Tell what is remembered of someone who has gone, the last first."""
    wanted, number = line.param(0), line.param(1)
    if not wanted:
        yield client.numeric(Numeric.ERR_NONICKNAMEGIVEN, "No nickname given")
        return
    most = int(number[:4]) if number.isascii() and number.isdigit() and int(number[:4]) > 0 else 100
    key = names.key(wanted)
    found = [gone for gone in reversed(client.hub.gone) if names.key(gone.name) == key][:most]
    for gone in found:
        who = gone.who
        yield client.numeric(Numeric.RPL_WHOWASUSER, gone.name, who.ident, who.host, "*", who.realname)
        yield client.numeric(Numeric.RPL_WHOISSERVER, gone.name, client.house.server, _when(gone.at))
    if not found:
        yield client.numeric(Numeric.ERR_WASNOSUCHNICK, rooms.shown(wanted), "There was no such nickname")
    yield client.numeric(Numeric.RPL_ENDOFWHOWAS, rooms.shown(wanted), "End of WHOWAS")


def _when(at: float) -> str:
    import time

    return time.strftime("%a %b %d %H:%M:%S %Y", time.gmtime(at))


# -- the short questions


def ison(client: Client, user: User, line: Line) -> Steps:
    """Tell who of some nicks is here."""
    found = (client.hub.find(nick) for nick in _words(line.params))
    yield client.numeric(Numeric.RPL_ISON, " ".join(other.name for other in found if other))


def userhost(client: Client, user: User, line: Line) -> Steps:
    """Tell the hosts of up to five nicks."""
    found = (client.hub.find(nick) for nick in _words(line.params)[:5])
    yield client.numeric(Numeric.RPL_USERHOST, " ".join(_host(other) for other in found if other))


def _words(params: Iterable[str]) -> list[str]:
    return " ".join(params).split()


def _host(other: User) -> str:
    return f"{other.name}{'*' * is_operator(other)}={'-' if other.away else '+'}{other.who.ident}@{other.who.host}"


def away(client: Client, user: User, line: Line) -> Steps:
    """Be away, or back."""
    text = line.param(0)
    yield Request("away", "", {"reason": text})
    if text:
        yield client.numeric(Numeric.RPL_NOWAWAY, "You have been marked as being away")
    else:
        yield client.numeric(Numeric.RPL_UNAWAY, "You are no longer marked as being away")


def setname(client: Client, user: User, line: Line) -> Steps:
    """Give another real name."""
    try:
        yield Request("setname", "", {"realname": line.param(0)})
    except Refused:
        yield client.fail("SETNAME", "INVALID_REALNAME", "That will not do as a real name")


# -- MONITOR, which is the hot list


def monitor(client: Client, user: User, line: Line) -> Steps:
    """Be told when people come and go (IRCv3 monitor)."""
    verb, nicks = line.param(0).upper(), [nick for nick in line.param(1).split(",") if nick]
    if verb == "+":
        yield from _watch(client, user, nicks)
    elif verb == "-":
        for nick in nicks:
            yield from _quietly(Request("unwatch", "", {"name": nick}))
    elif verb == "C":
        for name in list(user.watched.values()):
            yield from _quietly(Request("unwatch", "", {"name": name}))
    elif verb == "L":
        yield from _bundle(client, Numeric.RPL_MONLIST, list(user.watched.values()))
        yield client.numeric(Numeric.RPL_ENDOFMONLIST, "End of MONITOR list")
    elif verb == "S":
        yield from _report(client, list(user.watched.values()))


def _quietly(request: Request) -> Steps:
    try:
        yield request
    except Refused:
        return


def _watch(client: Client, user: User, nicks: list[str]) -> Steps:
    fresh: list[str] = []
    for index, nick in enumerate(nicks):
        try:
            yield Request("watch", "", {"name": nick})
            fresh.append(nick)
        except Refused as refusal:
            if refusal.code == "too_many":
                limit = f"{len(user.watched)}"
                yield client.numeric(Numeric.ERR_MONLISTFULL, limit, ",".join(nicks[index:]), "Monitor list is full")
                break
    yield from _report(client, fresh)


def _report(client: Client, nicks: list[str]) -> Iterator[str]:
    here = [(nick, client.hub.find(nick)) for nick in nicks]
    yield from _bundle(client, Numeric.RPL_MONONLINE, [mask(other.name, other.who) for _, other in here if other])
    yield from _bundle(client, Numeric.RPL_MONOFFLINE, [nick for nick, other in here if other is None])


def _bundle(client: Client, number: Numeric, words: list[str]) -> Iterator[str]:
    for some in packed(words, ROOM, ","):
        yield client.numeric(number, some)


VERBS = {
    "AWAY": Rule(away),
    "ISON": Rule(ison, 1),
    "MONITOR": Rule(monitor, 1),
    "SETNAME": Rule(setname, 1),
    "USERHOST": Rule(userhost, 1),
    "WHO": Rule(who),
    "WHOIS": Rule(whois),
    "WHOWAS": Rule(whowas),
}
