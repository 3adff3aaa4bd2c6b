"""Accounts by the words IRC's people know: /msg NickServ, /NS, and REGISTER (IRCv3 draft/account-registration)."""

from __future__ import annotations

from chat import names
from chat.events import Refused, Request
from chat.turn import User
from wires.irc.client import Client, Rule, Steps
from wires.irc.lines import Line

SERVICE = frozenset({"nickserv"})
HELP = "REGISTER password keeps your nick for you; IDENTIFY password logs you in; so does SASL PLAIN."


def serve(client: Client, user: User, text: str) -> Steps:
    """Do what was said to NickServ."""
    words = text.split()
    verb = words[0].upper() if words else "HELP"
    try:
        if verb == "REGISTER" and len(words) > 1:
            yield Request("register", "", {"password": words[1]})
        elif verb == "IDENTIFY" and len(words) > 1:
            yield Request("identify", "", {"password": words[-1], **({"name": words[1]} if len(words) > 2 else {})})
        else:
            yield client.service(HELP)
    except Refused as refusal:
        yield client.service(refusal.text)


def nickserv(client: Client, user: User, line: Line) -> Steps:
    """Say something to NickServ."""
    yield from serve(client, user, " ".join(line.params))


def register(client: Client, user: User | None, line: Line) -> Steps:
    """Register the nick as an account."""
    account, password = line.param(0), line.param(2)
    if user is None:
        yield client.fail("REGISTER", "COMPLETE_CONNECTION_REQUIRED", account, "Please finish connecting first")
    elif account not in ("*", user.name) and names.key(account) != user.key:
        yield client.fail("REGISTER", "ACCOUNT_NAME_MUST_BE_NICK", account, "The account has the name of your nick")
    else:
        try:
            client.asked = "REGISTER"
            yield Request("register", "", {"password": password})
        except Refused as refusal:
            client.asked = ""
            codes = {
                "registered": "ALREADY_AUTHENTICATED",
                "password_bad": "WEAK_PASSWORD",
                "busy": "TEMPORARILY_UNAVAILABLE",
            }
            yield client.fail("REGISTER", codes.get(refusal.code, "TEMPORARILY_UNAVAILABLE"), user.name, refusal.text)


VERBS = {
    "NICKSERV": Rule(nickserv, 1),
    "NS": Rule(nickserv, 1),
    "REGISTER": Rule(register, 3, early=True),
}
