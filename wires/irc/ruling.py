"""What operators do by the words of the host's console, such as BAN, and REDACT: taking a message back."""

from __future__ import annotations

from chat.events import Refused, Request
from chat.turn import User
from wires.irc import rooms
from wires.irc.client import Client, Rule, Steps
from wires.irc.lines import Line
from wires.irc.numerics import Numeric

WORDS = (
    "ANNOUNCE", "AUDIT", "BAN", "BANS", "DEOPER", "DOOR", "EXIT", "LIMITS", "LIST_USERS", "LOCK", "MUTE", "QR",
    "RELOAD", "REMOVE", "RENAME", "RESET", "ROOM", "SHOW", "SLOW", "UNBAN", "UNLOCK", "UNMUTE", "UNROOM", "UPGRADE",
)  # fmt: skip


def rule(client: Client, user: User, line: Line) -> Steps:
    """Do what an operator asks for in the words of the console; who may not is told why (RFC 2812 section 5.2)."""
    try:
        yield Request(line.command.lower(), " ".join(line.params))
    except Refused as refusal:
        if refusal.code != "not_allowed":
            raise
        yield client.numeric(Numeric.ERR_NOPRIVILEGES, refusal.text)


def redact(client: Client, user: User, line: Line) -> Steps:
    """Take a message back (IRCv3 draft/message-redaction)."""
    target, number = line.param(0), line.param(1)
    room = rooms.find(client, target)
    if room is None and client.hub.find(target) is None:
        yield client.fail("REDACT", "INVALID_TARGET", rooms.shown(target), "There is no such room or person")
        return
    try:
        if room is not None and not any(f"{event.id}" == number for event in room.scrollback):
            raise Refused("no_message", "There is no such message there.")
        yield Request("remove", "", {"id": number, "reason": line.param(2)[:390]})
    except Refused as refusal:
        code = {"not_allowed": "REDACT_FORBIDDEN", "too_late": "REDACT_WINDOW_EXPIRED"}.get(
            refusal.code, "UNKNOWN_MSGID"
        )
        window = ["300"] if refusal.code == "too_late" else []
        shown = [rooms.shown(target), rooms.shown(number), *window]
        yield client.fail("REDACT", code, *shown, refusal.text)


VERBS = {"REDACT": Rule(redact, 2), **{word: Rule(rule) for word in WORDS}}
