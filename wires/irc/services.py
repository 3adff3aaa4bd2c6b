"""Accounts by the words IRC's people know: /msg NickServ, /NS, and REGISTER (IRCv3 draft/account-registration)."""

from __future__ import annotations

from chat import names
from chat.events import Refused, Request
from chat.turn import User
from wires.irc.irc import Irc, Rule, Steps
from wires.irc.lines import Line

SERVICE = frozenset({"nickserv"})
HELP = "REGISTER password keeps your nick for you; IDENTIFY password logs you in; so does SASL PLAIN."


def serve(irc: Irc, user: User, text: str) -> Steps:
    """Do what was said to NickServ."""
    words = text.split()
    verb = words[0].upper() if words else "HELP"
    try:
        if verb == "REGISTER" and len(words) > 1:
            yield Request("register", "", {"password": words[1]})
        elif verb == "IDENTIFY" and len(words) > 1:
            yield Request("identify", "", {"password": words[-1], **({"name": words[1]} if len(words) > 2 else {})})
        else:
            yield irc.service(HELP)
    except Refused as refusal:
        yield irc.service(refusal.text)


def nickserv(irc: Irc, user: User, line: Line) -> Steps:
    """Say something to NickServ."""
    yield from serve(irc, user, " ".join(line.params))


def register(irc: Irc, user: User | None, line: Line) -> Steps:
    """Register the nick as an account."""
    account, password = line.param(0), line.param(2)
    if user is None:
        yield irc.fail("REGISTER", "COMPLETE_CONNECTION_REQUIRED", account, "Please finish connecting first")
    elif account not in ("*", user.name) and names.key(account) != user.key:
        yield irc.fail("REGISTER", "ACCOUNT_NAME_MUST_BE_NICK", account, "The account has the name of your nick")
    else:
        try:
            irc.asked = "REGISTER"
            yield Request("register", "", {"password": password})
        except Refused as refusal:
            irc.asked = ""
            codes = {
                "registered": "ALREADY_AUTHENTICATED",
                "password_bad": "WEAK_PASSWORD",
                "busy": "TEMPORARILY_UNAVAILABLE",
            }
            yield irc.fail("REGISTER", codes.get(refusal.code, "TEMPORARILY_UNAVAILABLE"), user.name, refusal.text)


VERBS = {
    "NICKSERV": Rule(nickserv, 1),
    "NS": Rule(nickserv, 1),
    "REGISTER": Rule(register, 3, early=True),
}
