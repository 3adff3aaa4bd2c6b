"""About the server: LUSERS, MOTD, VERSION, TIME, INFO and the like. And for its operators: OPER, KILL, WALLOPS."""

from __future__ import annotations

import time

from chat.events import Refused, Request
from chat.gate import fits
from chat.moderation import is_operator
from chat.turn import User
from wires.irc import greeting, rooms
from wires.irc.client import Client, Rule, Steps
from wires.irc.lines import Line
from wires.irc.numerics import Numeric
from wires.irc.ruling import WORDS

ABOUT = (
    "A chat room that anyone can host with one command.",
    "People in a browser, in a terminal, on IRC and by telnet are in the same rooms.",
)


def elsewhere(client: Client, line: Line) -> str:
    """Return that there is no such server, where one is named that is not this one."""
    name = line.param(0)
    if not name or fits(name, client.house.server) or client.hub.find(name) is not None:
        return ""
    return client.numeric(Numeric.ERR_NOSUCHSERVER, rooms.shown(name), "No such server")


def lusers(client: Client, user: User, line: Line) -> Steps:
    """Tell how many are here."""
    yield list(greeting.lusers(client))


def motd(client: Client, user: User, line: Line) -> Steps:
    """Tell the message of the day."""
    yield elsewhere(client, line) or list(greeting.motd(client))


def version(client: Client, user: User, line: Line) -> Steps:
    """Tell what runs here, and what it can do."""
    yield elsewhere(client, line) or [
        client.numeric(Numeric.RPL_VERSION, greeting.VERSION, client.house.server, "a chat room for everyone"),
        *greeting.isupport(client),
    ]


def clock(client: Client, user: User, line: Line) -> Steps:
    """Tell the time."""
    now = client.hub.clock.time()
    shown = time.strftime("%A %B %d %Y -- %H:%M:%S +00:00", time.gmtime(now))
    yield elsewhere(client, line) or client.numeric(Numeric.RPL_TIME, client.house.server, f"{int(now)}", "0", shown)


def info(client: Client, user: User, line: Line) -> Steps:
    """Tell about the program."""
    lines = [client.numeric(Numeric.RPL_INFO, text) for text in ABOUT]
    yield elsewhere(client, line) or [*lines, client.numeric(Numeric.RPL_ENDOFINFO, "End of INFO list")]


def admin(client: Client, user: User, line: Line) -> Steps:
    """Tell who runs this."""
    yield elsewhere(client, line) or [
        client.numeric(Numeric.RPL_ADMINME, client.house.server, "Administrative info"),
        client.numeric(Numeric.RPL_ADMINLOC1, client.house.network),
        client.numeric(Numeric.RPL_ADMINEMAIL, "/msg Host reaches whoever runs this room"),
    ]


def links(client: Client, user: User, line: Line) -> Steps:
    """Tell which servers there are: this one."""
    server = client.house.server
    yield client.numeric(Numeric.RPL_LINKS, server, server, f"0 {client.house.network}")
    yield client.numeric(Numeric.RPL_ENDOFLINKS, line.param(0) or "*", "End of LINKS list")


def stats(client: Client, user: User, line: Line) -> Steps:
    """Tell how long this has been running; operators how the room does, or how much someone takes part."""
    if is_operator(user) and len(line.param(0)) != 1:
        yield Request("stats", line.param(0))
        return
    if line.param(0) == "u":
        seconds = int(client.hub.clock.time() - client.house.started)
        up = f"Server Up {seconds // 86400} days {seconds // 3600 % 24}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        yield client.numeric(Numeric.RPL_STATSUPTIME, up)
    yield client.numeric(Numeric.RPL_ENDOFSTATS, rooms.shown(line.param(0) or "*"), "End of /STATS report")


def help_(client: Client, user: User, line: Line) -> Steps:
    """Tell which verbs there are."""
    subject = line.param(0)
    if subject.upper() in WORDS and is_operator(user):
        yield Request("help", subject)
        return
    if subject and subject.upper() not in client.verbs:
        yield client.numeric(Numeric.ERR_HELPNOTFOUND, rooms.shown(subject), "There is no help on that")
        return
    texts = _verbs(client) if not subject else [(client.verbs[subject.upper()].run.__doc__ or "").partition("\n")[0]]
    shown = rooms.shown(subject or "*")
    yield client.numeric(Numeric.RPL_HELPSTART, shown, "What can be sent here")
    for text in texts:
        yield client.numeric(Numeric.RPL_HELPTXT, shown, text)
    yield client.numeric(Numeric.RPL_ENDOFHELP, shown, "End of /HELP")


def _verbs(client: Client) -> list[str]:
    words = sorted(client.verbs)
    return [" ".join(words[start : start + 12]) for start in range(0, len(words), 12)]


# -- operators


def oper(client: Client, user: User, line: Line) -> Steps:
    """Become an operator."""
    try:
        yield Request("oper", "", {"name": line.param(0), "password": line.param(1)})
    except Refused as refusal:
        yield client.numeric(Numeric.ERR_PASSWDMISMATCH, refusal.text)


def kill(client: Client, user: User, line: Line) -> Steps:
    """Put someone off line."""
    if not is_operator(user):
        yield client.numeric(Numeric.ERR_NOPRIVILEGES, "Permission Denied- You're not an IRC operator")
        return
    try:
        yield Request("kick", "", {"name": line.param(0), "reason": line.param(1)[:390]})
    except Refused as refusal:
        if refusal.code == "not_here":
            yield client.numeric(Numeric.ERR_NOSUCHNICK, rooms.shown(line.param(0)), "No such nick/channel")
        else:
            yield client.refused("KILL", refusal)


def wallops(client: Client, user: User, line: Line) -> Steps:
    """Tell something to all who want to hear it (+w)."""
    if not is_operator(user):
        yield client.numeric(Numeric.ERR_NOPRIVILEGES, "Permission Denied- You're not an IRC operator")
        return
    yield Request("wallops", "", {"text": line.param(0)})


VERBS = {
    "ADMIN": Rule(admin),
    "HELP": Rule(help_),
    "HELPOP": Rule(help_),
    "INFO": Rule(info),
    "KILL": Rule(kill, 1),
    "LINKS": Rule(links),
    "LUSERS": Rule(lusers),
    "MOTD": Rule(motd),
    "OPER": Rule(oper, 2),
    "STATS": Rule(stats),
    "TIME": Rule(clock),
    "VERSION": Rule(version),
    "WALLOPS": Rule(wallops, 1),
}
