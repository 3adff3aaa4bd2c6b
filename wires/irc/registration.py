"""How a client is let in: CAP, PASS, NICK, USER, SASL; and how it takes another nick, and leaves."""

from __future__ import annotations

import base64
from collections.abc import Iterator

from chat import names
from chat.events import Refused, Request
from chat.presence import ident_of
from chat.turn import User
from wires.irc import caps, greeting
from wires.irc.client import Client, Newcomer, Rule, Steps
from wires.irc.lines import BODY, Line
from wires.irc.numerics import Numeric

SASL = 8_192  # bytes in all of a SASL answer
CHUNK = 400


def cap(client: Client, user: User | None, line: Line) -> Steps:
    """Tell and set capabilities (IRCv3 capability negotiation)."""
    verb, rest = line.param(0).upper(), line.param(1)
    newcomer = client.newcomer
    if verb in ("LS", "REQ") and user is None:
        newcomer.negotiating = True
    if verb == "LS":
        newcomer.version = max(newcomer.version, int(rest) if rest.isascii() and rest.isdigit() else 301)
        if newcomer.version >= 302:
            client.set_caps(client.caps | {"cap-notify"})
        yield from _list(client, "LS", caps.offered(newcomer.version), newcomer.version)
    elif verb == "LIST":
        yield from _list(client, "LIST", sorted(client.caps), newcomer.version)
    elif verb == "REQ":
        found = caps.wanted(rest, client.caps)
        yield client.say("CAP", client.nick, "ACK" if found is not None else "NAK", rest)
        client.set_caps(found if found is not None else client.caps)
    elif verb == "END":
        newcomer.negotiating = False
        yield from _enter(client, user)
    else:
        yield client.numeric(Numeric.ERR_INVALIDCAPCMD, line.param(0) or "*", "Invalid CAP command")


def _list(client: Client, verb: str, words: list[str], version: int) -> Iterator[str]:
    """Yield capabilities, in several lines where they are many and the client knows that."""
    most = BODY - 60 - len(client.nick.encode())
    while words:
        chunk = [words.pop(0)]
        while words and (version < 302 or len(" ".join([*chunk, words[0]])) < most):
            chunk.append(words.pop(0))
        yield client.say("CAP", client.nick, verb, *(["*"] if words else []), " ".join(chunk))
        if not words:
            return
    yield f":{client.house.server} CAP {client.nick} {verb} :"


def password(client: Client, user: User | None, line: Line) -> Steps:
    """Keep the password: that of the room, or that of the registered nick."""
    if user is not None:
        yield client.numeric(Numeric.ERR_ALREADYREGISTERED, "You may not reregister")
        return
    client.newcomer.password = line.param(0)


def nick(client: Client, user: User | None, line: Line) -> Steps:
    """Choose a nick, or another one."""
    wanted = line.param(0)
    if not wanted:
        yield client.numeric(Numeric.ERR_NONICKNAMEGIVEN, "No nickname given")
    elif user is not None:
        if wanted != user.name:
            yield from _rename(client, wanted)
    else:
        try:
            client.newcomer.nick = client.nick = names.check(wanted)
        except Refused as refusal:
            yield _bad_nick(client, wanted, refusal)
            return
        yield from _enter(client, user)


def _rename(client: Client, wanted: str) -> Steps:
    try:
        yield Request("nick", "", {"name": wanted})
    except Refused as refusal:
        yield _bad_nick(client, wanted, refusal)


def _bad_nick(client: Client, wanted: str, refusal: Refused) -> str:
    taken = refusal.code in ("name_taken", "name_looks", "registered")
    number = Numeric.ERR_NICKNAMEINUSE if taken else Numeric.ERR_ERRONEUSNICKNAME
    shown = wanted if wanted.isprintable() and " " not in wanted and not wanted.startswith(":") else "*"
    return client.numeric(number, shown[:64], refusal.text)


def user(client: Client, user: User | None, line: Line) -> Steps:
    """Say who one is: user name and real name."""
    if user is not None:
        yield client.numeric(Numeric.ERR_ALREADYREGISTERED, "You may not reregister")
        return
    ident = ident_of(line.param(0))
    if not ident:
        yield client.numeric(Numeric.ERR_INVALIDUSERNAME, "Your username has no letter of ASCII")
        return
    client.newcomer.user = ident
    client.newcomer.realname = line.param(3)
    yield from _enter(client, user)


def _enter(client: Client, user: User | None) -> Steps:
    """Come in, once everything is said."""
    newcomer = client.newcomer
    if user is not None or newcomer.negotiating or not (newcomer.nick and newcomer.user):
        return
    needed = client.hub.door or client.hub.accounts.find(newcomer.nick)
    fields = {
        "name": newcomer.nick,
        "password": newcomer.password if needed else "",
        "ident": newcomer.user,
        "realname": newcomer.realname,
    }
    try:
        yield Request("login", "", fields)
    except Refused as refusal:
        yield from _not_let_in(client, newcomer, refusal)
    else:
        user = client.hub.find(newcomer.nick)
        if user is not None and client.is_this(user):  # else a password is being checked
            client.greeted = True
            yield list(greeting.lines(client))


def _not_let_in(client: Client, newcomer: Newcomer, refusal: Refused) -> Steps:
    if refusal.code in ("room_password", "blocked", "busy", "wrong_password"):
        yield client.numeric(Numeric.ERR_PASSWDMISMATCH, refusal.text)
        yield from client.close(refusal.text)
    elif refusal.code in ("banned", "door_locked"):
        yield client.numeric(Numeric.ERR_YOUREBANNEDCREEP, refusal.text)
        yield from client.close(refusal.text)
    elif refusal.code == "closing":
        yield from client.close(refusal.text)
    else:
        wanted, newcomer.nick, client.nick = newcomer.nick, "", "*"
        yield _bad_nick(client, wanted, refusal)


def authenticate(client: Client, user: User | None, line: Line) -> Steps:
    """Log in to an account (IRCv3 sasl 3.1 and 3.2, RFC 4616)."""
    word = line.param(0)
    if user is not None and user.who.account:
        yield client.numeric(Numeric.ERR_SASLALREADY, "You have already authenticated using SASL")
    elif word == "*":
        client.sasl = None
        yield client.numeric(Numeric.ERR_SASLABORTED, "SASL authentication aborted")
    elif client.sasl is None:
        yield from _mechanism(client, word)
    elif len(word) > CHUNK or len(client.sasl) + len(word) > SASL:
        client.sasl = None
        yield client.numeric(Numeric.ERR_SASLTOOLONG, "SASL message too long")
    else:
        client.sasl += word if word != "+" else ""
        if len(word) < CHUNK:
            blob, client.sasl = client.sasl, None
            yield from _plain(client, user, blob)


def _mechanism(client: Client, word: str) -> Steps:
    if word.upper() == "PLAIN":
        client.sasl = ""
        yield "AUTHENTICATE +"
    else:
        yield client.numeric(Numeric.RPL_SASLMECHS, "PLAIN", "are available SASL mechanisms")
        yield client.numeric(Numeric.ERR_SASLFAIL, "SASL authentication failed")


def _plain(client: Client, user: User | None, blob: str) -> Steps:
    """Have the password checked (RFC 4616 section 2: authorization identity, name, password)."""
    try:
        parts = base64.b64decode(blob, validate=True).decode().split("\0")
    except ValueError:  # not Base64, not ASCII, not UTF-8
        parts = []
    if len(parts) != 3 or not parts[1] or (parts[0] and names.key(parts[0]) != names.key(parts[1])):
        yield client.numeric(Numeric.ERR_SASLFAIL, "SASL authentication failed")
        return
    verb = "identify" if user is not None else "authenticate"
    client.asked = "AUTHENTICATE" if user is not None else ""
    try:
        yield Request(verb, "", {"name": parts[1], "password": parts[2]})
    except Refused as refusal:
        client.asked = ""
        yield client.numeric(Numeric.ERR_SASLFAIL, refusal.text)


def leave(client: Client, user: User | None, line: Line) -> Steps:
    """Say goodbye."""
    if user is not None:
        yield Request("quit", "", {"reason": line.param(0)[:390]})
    else:
        yield from client.close("Quit")


def ping(client: Client, user: User | None, line: Line) -> Steps:
    """Say that we are here."""
    yield client.say("PONG", client.house.server, line.param(0))


def pong(client: Client, user: User | None, line: Line) -> Steps:
    """The client is there; that its line came is all that counts."""
    yield from ()


VERBS = {
    "AUTHENTICATE": Rule(authenticate, 1, early=True),
    "CAP": Rule(cap, 1, early=True),
    "NICK": Rule(nick, early=True),
    "PASS": Rule(password, 1, early=True),
    "PING": Rule(ping, 1, early=True),
    "PONG": Rule(pong, early=True),
    "QUIT": Rule(leave, early=True),
    "USER": Rule(user, 4, early=True),
}
