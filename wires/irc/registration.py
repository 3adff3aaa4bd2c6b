"""How a client is let in: CAP, PASS, NICK, USER, SASL; and how it takes another nick, and leaves."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from chat import names
from chat.events import Refused, Request
from chat.turn import User
from wires.irc import caps, greeting
from wires.irc.irc import Irc, Newcomer, Rule, Steps
from wires.irc.lines import BODY, Line
from wires.irc.numerics import Numeric

SASL = 8_192  # bytes in all of a SASL answer
CHUNK = 400


def cap(irc: Irc, user: User | None, line: Line) -> Steps:
    """Tell and set capabilities (IRCv3 capability negotiation)."""
    verb, rest = line.param(0).upper(), line.param(1)
    newcomer = irc.newcomer
    if verb in ("LS", "REQ") and user is None:
        newcomer.negotiating = True
    if verb == "LS":
        newcomer.version = max(newcomer.version, int(rest) if rest.isascii() and rest.isdigit() else 301)
        if newcomer.version >= 302:
            irc.set_caps(irc.caps | {"cap-notify"})
        yield from _list(irc, "LS", caps.offered(newcomer.version), newcomer.version)
    elif verb == "LIST":
        yield from _list(irc, "LIST", sorted(irc.caps), newcomer.version)
    elif verb == "REQ":
        found = caps.wanted(rest, irc.caps)
        yield irc.say("CAP", irc.nick, "ACK" if found is not None else "NAK", rest)
        irc.set_caps(found if found is not None else irc.caps)
    elif verb == "END":
        newcomer.negotiating = False
        yield from _enter(irc, user)
    else:
        yield irc.numeric(Numeric.ERR_INVALIDCAPCMD, line.param(0) or "*", "Invalid CAP command")


def _list(irc: Irc, verb: str, words: list[str], version: int) -> Iterator[str]:
    """Yield capabilities, in several lines where they are many and the client knows that."""
    most = BODY - 60 - len(irc.nick.encode())
    while words:
        chunk = [words.pop(0)]
        while words and (version < 302 or len(" ".join([*chunk, words[0]])) < most):
            chunk.append(words.pop(0))
        yield irc.say("CAP", irc.nick, verb, *(["*"] if words else []), " ".join(chunk))
        if not words:
            return
    yield f":{irc.house.server} CAP {irc.nick} {verb} :"


def password(irc: Irc, user: User | None, line: Line) -> Steps:
    """Keep the password: that of the room, or that of the registered nick."""
    if user is not None:
        yield irc.numeric(Numeric.ERR_ALREADYREGISTERED, "You may not reregister")
        return
    irc.newcomer.password = line.param(0)


def nick(irc: Irc, user: User | None, line: Line) -> Steps:
    """Choose a nick, or another one."""
    wanted = line.param(0)
    if not wanted:
        yield irc.numeric(Numeric.ERR_NONICKNAMEGIVEN, "No nickname given")
    elif user is not None:
        if wanted != user.name:
            yield from _rename(irc, wanted)
    else:
        try:
            irc.newcomer.nick = irc.nick = names.check(wanted)
        except Refused as refusal:
            yield _bad_nick(irc, wanted, refusal)
            return
        yield from _enter(irc, user)


def _rename(irc: Irc, wanted: str) -> Steps:
    try:
        yield Request("nick", "", {"name": wanted})
    except Refused as refusal:
        yield _bad_nick(irc, wanted, refusal)


def _bad_nick(irc: Irc, wanted: str, refusal: Refused) -> str:
    taken = refusal.code in ("name_taken", "name_looks", "registered")
    number = Numeric.ERR_NICKNAMEINUSE if taken else Numeric.ERR_ERRONEUSNICKNAME
    shown = wanted if wanted.isprintable() and " " not in wanted and not wanted.startswith(":") else "*"
    return irc.numeric(number, shown[:64], refusal.text)


def user(irc: Irc, user: User | None, line: Line) -> Steps:
    """Say who one is: user name and real name."""
    if user is not None:
        yield irc.numeric(Numeric.ERR_ALREADYREGISTERED, "You may not reregister")
        return
    ident = "".join(letter for letter in line.param(0) if letter.isascii() and (letter.isalnum() or letter in "-_."))
    if not ident:
        yield irc.numeric(Numeric.ERR_INVALIDUSERNAME, "Your username has no letter of ASCII")
        return
    irc.newcomer.user = ident[:20]
    irc.newcomer.realname = line.param(3)
    yield from _enter(irc, user)


def _enter(irc: Irc, user: User | None) -> Steps:
    """Come in, once everything is said."""
    newcomer = irc.newcomer
    if user is not None or newcomer.negotiating or not (newcomer.nick and newcomer.user):
        return
    needed = irc.hub.door or irc.hub.accounts.find(newcomer.nick)
    fields = {
        "name": newcomer.nick,
        "password": newcomer.password if needed else "",
        "ident": newcomer.user,
        "realname": newcomer.realname,
    }
    try:
        yield Request("login", "", fields)
    except Refused as refusal:
        yield from _not_let_in(irc, newcomer, refusal)
    else:
        user = irc.hub.find(newcomer.nick)
        if user is not None and user.listener.wire is irc:  # else a password is being checked
            irc.greeted = True
            yield list(greeting.lines(irc))


def _not_let_in(irc: Irc, newcomer: Newcomer, refusal: Refused) -> Steps:
    if refusal.code in ("room_password", "blocked", "busy", "wrong_password"):
        yield irc.numeric(Numeric.ERR_PASSWDMISMATCH, refusal.text)
        yield from irc.close(refusal.text)
    elif refusal.code == "closing":
        yield from irc.close(refusal.text)
    else:
        wanted, newcomer.nick, irc.nick = newcomer.nick, "", "*"
        yield _bad_nick(irc, wanted, refusal)


def authenticate(irc: Irc, user: User | None, line: Line) -> Steps:
    """Log in to an account (IRCv3 sasl 3.1 and 3.2, RFC 4616)."""
    word = line.param(0)
    if user is not None and user.who.account:
        yield irc.numeric(Numeric.ERR_SASLALREADY, "You have already authenticated using SASL")
    elif word == "*":
        irc.sasl = None
        yield irc.numeric(Numeric.ERR_SASLABORTED, "SASL authentication aborted")
    elif irc.sasl is None:
        yield from _mechanism(irc, word)
    elif len(word) > CHUNK or len(irc.sasl) + len(word) > SASL:
        irc.sasl = None
        yield irc.numeric(Numeric.ERR_SASLTOOLONG, "SASL message too long")
    else:
        irc.sasl += word if word != "+" else ""
        if len(word) < CHUNK:
            blob, irc.sasl = irc.sasl, None
            yield from _plain(irc, user, blob)


def _mechanism(irc: Irc, word: str) -> Steps:
    if word.upper() == "PLAIN":
        irc.sasl = ""
        yield "AUTHENTICATE +"
    else:
        yield irc.numeric(Numeric.RPL_SASLMECHS, "PLAIN", "are available SASL mechanisms")
        yield irc.numeric(Numeric.ERR_SASLFAIL, "SASL authentication failed")


def _plain(irc: Irc, user: User | None, blob: str) -> Steps:
    """Have the password checked (RFC 4616 section 2: authorization identity, name, password)."""
    try:
        parts = base64.b64decode(blob, validate=True).decode().split("\0")
    except (binascii.Error, UnicodeDecodeError):
        parts = []
    if len(parts) != 3 or not parts[1] or (parts[0] and names.key(parts[0]) != names.key(parts[1])):
        yield irc.numeric(Numeric.ERR_SASLFAIL, "SASL authentication failed")
        return
    verb = "identify" if user is not None else "authenticate"
    irc.asked = "AUTHENTICATE" if user is not None else ""
    try:
        yield Request(verb, "", {"name": parts[1], "password": parts[2]})
    except Refused as refusal:
        irc.asked = ""
        yield irc.numeric(Numeric.ERR_SASLFAIL, refusal.text)


def leave(irc: Irc, user: User | None, line: Line) -> Steps:
    """Say goodbye."""
    if user is not None:
        yield Request("quit", "", {"reason": line.param(0)[:390]})
    else:
        yield from irc.close("Quit")


def ping(irc: Irc, user: User | None, line: Line) -> Steps:
    """Say that we are here."""
    yield irc.say("PONG", irc.house.server, line.param(0))


def pong(irc: Irc, user: User | None, line: Line) -> Steps:
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
