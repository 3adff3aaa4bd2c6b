"""Events as lines of IRC. What a whole room gets depends on nothing but the dialect; the rest names who gets it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from chat.changes import (
    Announced,
    Called,
    Described,
    Invited,
    Inviting,
    Moded,
    Presented,
    Removed,
    Rested,
    Slowed,
    Tagged,
)
from chat.events import (
    NOBODY,
    Acted,
    Answered,
    Asked,
    Declined,
    Ended,
    Entered,
    Event,
    Gone,
    Left,
    Listed,
    Mapped,
    Missed,
    Pinged,
    Proven,
    Recalled,
    Refused,
    Renamed,
    Said,
    Seen,
    Told,
    Welcomed,
    Whispered,
)
from wires import words
from wires.irc import greeting, labels
from wires.irc.client import Client
from wires.irc.lines import BODY, write
from wires.irc.messages import history, mask, tagged, talk, target
from wires.irc.numerics import Numeric
from wires.irc.text import packed, parts
from wires.wire import CHANGES

_SILENT = frozenset({"away", "deoper", "invite", "kick", "mode", "setname", "topic", "unwatch", "watch", "welcome"})
"""Answers for which the scripts have numbers of their own."""


def encode(client: Client, event: Event) -> bytes:
    """Return the lines for an event."""
    return encode_all(client, [event])


def encode_all(client: Client, events: Sequence[Event]) -> bytes:
    """Return the lines for several events of one kind."""
    writer = _WRITERS.get(type(events[0]))
    return join([line for event in events for line in writer(client, event)]) if writer else b""


def own(client: Client, event: Event) -> bytes:
    """Return what the author of an event gets instead of it."""
    if isinstance(event, Renamed):
        client.nick = event.new
        return encode(client, event)
    if isinstance(event, (Entered, *CHANGES)):
        return encode(client, event)
    if isinstance(event, Whispered):
        return join(_delivered(client, event))
    if isinstance(event, Said | Acted | Tagged):
        echo = encode(client, event) if "echo-message" in client.caps else b""
        if isinstance(event, Tagged) and event.to == client.nick:
            echo += join(_to_oneself(client, _sign(client, event)))
        return echo
    return b""


def join(lines: Iterable[str | bytes]) -> bytes:
    """Return lines with their ends, and none within, whatever a field holds; marks of labels stand for themselves."""
    found = [line if isinstance(line, bytes) else f"{_one_line(line)}\r\n".encode() for line in lines]
    if found and max(map(len, found)) > BODY + 2:
        found = [_shortened(line) for line in found]
    return b"".join(found)


def _shortened(line: bytes) -> bytes:
    """Return a line without what is too much for IRC; behind a source, however long, half a line has room."""
    start = line.find(b" ") + 1 if line.startswith(b"@") else 0
    end = start + max(BODY, line.find(b" ", start) - start + BODY // 2)
    if len(line) <= end + 2:
        return line
    return line[:end].decode("utf-8", "ignore").encode() + b"\r\n"


# -- talk


def _said(client: Client, event: Said | Acted) -> Iterator[str]:
    return talk(client, event, event.form.sign + target(event.room))


def _whispered(client: Client, event: Whispered) -> Iterator[str]:
    return talk(client, event, client.nick)


def _delivered(client: Client, event: Whispered) -> Iterator[str]:
    """Yield what the sender of a private message learns of it, and its echo."""
    if "echo-message" in client.caps:
        for name in (*event.to, *event.kept):
            yield from talk(client, event, name)
    if client.nick in event.to:
        yield from _to_oneself(client, talk(client, event, client.nick))
    for name in event.to:
        other = client.hub.find(name)
        if other is not None and other.away and not event.form.notice:
            yield client.numeric(Numeric.RPL_AWAY, name, other.away)
    for name in event.kept:
        yield client.numeric(Numeric.RPL_AWAY, name, "is not here; the message is kept until the next login")
    for name in event.away:
        yield client.numeric(Numeric.ERR_NOSUCHNICK, name, "No such nick/channel")


def _to_oneself(client: Client, lines: Iterable[str]) -> Iterable[str]:
    """Return what someone has told himself; behind the answers to a labeled command, for it is none of them."""
    if not client.labeled:
        return lines
    client.later += lines
    return ()


def _sign(client: Client, event: Tagged) -> Iterator[str]:
    to = target(event.room) if event.room else event.to
    if event.query:
        line = write(mask(event.sender, event.who), "NOTICE" if event.reply else "PRIVMSG", to)
        yield tagged(client, event, event.who, f"{line} :\1{event.query}\1", more=event.tags)
    elif "message-tags" in client.caps:
        yield tagged(client, event, event.who, write(mask(event.sender, event.who), "TAGMSG", to), more=event.tags)


# -- coming and going


def _entered(client: Client, event: Entered) -> Iterator[str]:
    params = [target(event.room)]
    if "extended-join" in client.caps:
        params += [event.who.account or "*", event.who.realname]
    line = write(mask(event.name, event.who), "JOIN", *params)
    yield tagged(client, event, event.who, _colon(line) if len(params) > 1 else line, message=False)


def _colon(line: str) -> str:
    """Return a JOIN whose last parameter, the real name, is marked as such even where it is one word."""
    head, _, last = line.rpartition(" ")
    return line if " :" in line else f"{head} :{last}"


def _left(client: Client, event: Left) -> Iterator[str]:
    room = target(event.room)
    if event.kicked:
        line = write(mask(event.by, event.by_who), "KICK", room, event.name, event.reason or event.by)
        yield tagged(client, event, event.by_who, line, message=False)
    elif not event.gone:
        reason = [event.reason] if event.reason else []
        line = write(mask(event.name, event.who), "PART", room, *reason)
        yield tagged(client, event, event.who, line, message=False)
    elif not event.again:
        yield tagged(client, event, event.who, _quit(event), message=False)


def _gone(client: Client, event: Gone) -> Iterator[str]:
    yield tagged(client, event, event.who, _quit(event), message=False)


def _quit(event: Left | Gone) -> str:
    reason = _one_line(f"Quit: {event.reason}" if event.reason else "Gone")
    return f"{write(mask(event.name, event.who), 'QUIT')} :{reason}"


def _renamed(client: Client, event: Renamed) -> Iterator[str]:
    yield tagged(client, event, event.who, write(mask(event.old, event.who), "NICK", event.new), message=False)


def _described(client: Client, event: Described) -> Iterator[str]:
    line = f"{write(mask(event.by, event.who), 'TOPIC', target(event.room))} :{_one_line(event.text)}"
    yield tagged(client, event, event.who, line, message=False)


def _moded(client: Client, event: Moded) -> Iterator[str]:
    line = write(mask(event.by, event.who), "MODE", target(event.room), *event.changes.split(" "))
    yield tagged(client, event, event.who, line, message=False)


def _invited(client: Client, event: Invited) -> Iterator[str]:
    line = write(mask(event.by, event.who), "INVITE", client.nick, target(event.room))
    yield tagged(client, event, event.who, line, message=False)


def _inviting(client: Client, event: Inviting) -> Iterator[str]:
    if "invite-notify" in client.caps:
        line = write(mask(event.by, event.who), "INVITE", event.name, target(event.room))
        yield tagged(client, event, event.who, line, message=False)


def _announced(client: Client, event: Announced) -> Iterator[str]:
    for part in parts(event.text, 380):
        yield client.notice(f"*** {event.sender} announces: {part.text}")


def _slowed(client: Client, event: Slowed) -> Iterator[str]:
    yield f":{client.house.server} NOTICE {target(event.room)} :{words.slowed(event)}"


def _removed(client: Client, event: Removed) -> Iterator[str]:
    """Yield what takes a message off the screen, for clients that know it (IRCv3 draft/message-redaction)."""
    if "draft/message-redaction" in client.caps:
        reason = [event.reason] if event.reason else []
        private = event.to[0] if event.to and event.sender == client.nick else client.nick
        to = target(event.room) if event.room else private
        line = write(mask(event.by, event.who), "REDACT", to, f"{event.message}", *reason)
        yield tagged(client, event, event.who, line, message=False)


def _called(client: Client, event: Called) -> Iterator[str]:
    yield f"{write(mask(event.sender, event.who), 'WALLOPS')} :{_one_line(event.text)}"


def _concerns(client: Client, name: str) -> bool:
    """Return whether someone's state is told here: to those who share a room, and to who watches (extended-monitor)."""
    me, other = client.hub.find(client.nick), client.hub.find(name)
    shares = me is not None and other is not None and me.shares(other)
    return shares or name == client.nick or "extended-monitor" in client.caps


def _rested(client: Client, event: Rested) -> Iterator[str]:
    if "away-notify" in client.caps and _concerns(client, event.name):
        text = [event.text] if event.text else []
        yield tagged(client, event, event.who, write(mask(event.name, event.who), "AWAY", *text), message=False)


def _presented(client: Client, event: Presented) -> Iterator[str]:
    if not _concerns(client, event.name):
        return
    source = mask(event.name, event.who)
    if event.account and event.name == client.nick:
        yield client.numeric(
            Numeric.RPL_LOGGEDIN, source, event.who.account, f"You are now logged in as {event.who.account}"
        )
    if event.account and "account-notify" in client.caps:
        yield tagged(client, event, event.who, write(source, "ACCOUNT", event.who.account or "*"), message=False)
    elif not event.account and "setname" in client.caps:
        line = f"{write(source, 'SETNAME')} :{_one_line(event.who.realname)}"
        yield tagged(client, event, event.who, line, message=False)


# -- to one person


def _answered(client: Client, event: Answered) -> Iterable[str | bytes]:
    content: str | bytes | list[str] = event.content
    if isinstance(content, bytes):
        client.labeled = content != labels.CLOSING
        later, client.later = client.later, []
        return [content, *later]
    return content if isinstance(content, list) else [content]


def _welcomed(client: Client, event: Welcomed) -> Iterator[str]:
    client.nick = event.name
    if not client.greeted:
        client.greeted = True
        yield from greeting.lines(client)


def _recalled(client: Client, event: Recalled) -> Iterator[str]:
    """Yield what was said before, where it was asked for; who joins a room is shown it by the script that joins."""
    if not event.room:
        yield from history(client, event.events, client.nick, f"h{event.id}")


def _told(client: Client, event: Told) -> Iterator[str]:
    if event.about in _SILENT:
        return
    if event.about == "oper":
        yield client.numeric(Numeric.RPL_YOUREOPER, "You are now an IRC operator")
        yield f":{client.nick} MODE {client.nick} +o"
        return
    if event.about in ("register", "identify"):
        yield _accepted(client, event)
        return
    for line in event.text.split("\n"):
        for part in parts(line, 400):
            yield client.notice(part.text)


def _accepted(client: Client, event: Told) -> str:
    """Return that an account is made, or logged in to, in the words of the verb that has asked for it."""
    asked, client.asked = client.asked, ""
    if asked == "REGISTER":
        return client.say("REGISTER", "SUCCESS", client.nick, "Account created")
    if asked == "AUTHENTICATE":
        return client.numeric(Numeric.RPL_SASLSUCCESS, "SASL authentication successful")
    return client.service(event.text)


def _listed(client: Client, event: Listed) -> Iterator[str]:
    names = [f"{len(event.people)} in {event.room}:", *(who.name for who in event.people)]
    yield from (client.notice(some) for some in packed(names, 380))


def _mapped(client: Client, event: Mapped) -> Iterator[str]:
    for place in event.places:
        yield client.notice(f"#{place.room} ({place.count}) {place.title} {place.description}".rstrip())


def _seen(client: Client, event: Seen) -> Iterator[str]:
    other = client.hub.find(event.name)
    yield client.numeric(Numeric.RPL_MONONLINE, mask(event.name, other.who if other else NOBODY))


def _missed(client: Client, event: Missed) -> Iterator[str]:
    yield client.numeric(Numeric.RPL_MONOFFLINE, event.name)


def _proven(client: Client, event: Proven) -> Iterator[str]:
    yield client.numeric(Numeric.RPL_LOGGEDIN, client.nick, event.account, f"You are now logged in as {event.account}")
    yield client.numeric(Numeric.RPL_SASLSUCCESS, "SASL authentication successful")


def _declined(client: Client, event: Declined) -> Iterator[str]:
    asked, client.asked = client.asked, ""
    if event.about == "authenticate" or asked == "AUTHENTICATE":
        yield client.numeric(Numeric.ERR_SASLFAIL, "SASL authentication failed")
    elif event.about == "oper":
        yield client.numeric(Numeric.ERR_PASSWDMISMATCH, event.text)
    elif event.about == "login":
        yield client.numeric(Numeric.ERR_PASSWDMISMATCH, event.text)
        yield from client.close(event.text)
    elif event.about in ("register", "identify"):
        yield client.service(event.text)
    else:
        yield client.refused(event.about.upper() or "*", Refused(event.code, event.text))


def _ended(client: Client, event: Ended) -> Iterator[str]:
    yield client.error("Quit" if event.code == "quit" else _one_line(event.text))


def _one_line(text: str) -> str:
    return text.replace("\n", " ").replace("\r", " ").replace("\0", "")


_WRITERS: dict[type[Event], Callable[[Client, Any], Iterable[str | bytes]]] = {
    Said: _said,
    Acted: _said,
    Whispered: _whispered,
    Tagged: _sign,
    Entered: _entered,
    Left: _left,
    Gone: _gone,
    Renamed: _renamed,
    Described: _described,
    Moded: _moded,
    Invited: _invited,
    Inviting: _inviting,
    Rested: _rested,
    Called: _called,
    Announced: _announced,
    Slowed: _slowed,
    Removed: _removed,
    Presented: _presented,
    Answered: _answered,
    Welcomed: _welcomed,
    Recalled: _recalled,
    Told: _told,
    Listed: _listed,
    Mapped: _mapped,
    Seen: _seen,
    Missed: _missed,
    Proven: _proven,
    Declined: _declined,
    Ended: _ended,
    Asked: lambda client, event: [client.notice(event.text)],
    Pinged: lambda client, event: [write("", "PING", client.house.server)],
}
