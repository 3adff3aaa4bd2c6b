"""Events as lines of IRC. What a whole room gets depends on nothing but the dialect; the rest names who gets it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from chat.changes import Called, Described, Invited, Inviting, Moded, Presented, Rested, Tagged
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
    Identity,
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
from wires.irc import greeting, labels
from wires.irc.lines import BODY, write
from wires.irc.numerics import Numeric
from wires.irc.text import Part, parts

if TYPE_CHECKING:
    from wires.irc.irc import Irc

Talk = Said | Acted | Whispered
_SILENT = frozenset({"away", "deoper", "invite", "setname", "unwatch", "watch", "welcome"})
"""Answers for which the scripts have numbers of their own."""


def encode(irc: Irc, event: Event) -> bytes:
    """Return the lines for an event."""
    writer = _WRITERS.get(type(event))
    return join(writer(irc, event)) if writer else b""


def own(irc: Irc, event: Event) -> bytes:
    """Return what the author of an event gets instead of it."""
    if isinstance(event, Renamed):
        irc.nick = event.new
        return encode(irc, event)
    if isinstance(event, Entered):
        return encode(irc, event)
    if isinstance(event, Whispered):
        return join(_delivered(irc, event))
    if isinstance(event, Said | Acted | Tagged):
        echo = encode(irc, event) if "echo-message" in irc.caps else b""
        if isinstance(event, Tagged) and event.to == irc.nick:
            echo += join(_to_oneself(irc, _sign(irc, event)))
        return echo
    return b""


def join(lines: Iterable[str | bytes]) -> bytes:
    """Return lines with their ends, and none within, whatever a field holds; marks of labels stand for themselves."""
    return b"".join([line if isinstance(line, bytes) else f"{_one_line(line)}\r\n".encode() for line in lines])


def mask(name: str, who: Identity) -> str:
    """Return name!user@host; of whom nothing is known, the name is all."""
    return f"{name}!{who.ident}@{who.host}" if who.ident else f"{name}!{name}@chat"


def target(room: str) -> str:
    """Return the name of a room as IRC has it."""
    return f"#{room}"


# -- tags


@lru_cache(maxsize=4)
def _second(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


def utc(at: float) -> str:
    """Return a time as the tag `time` has it (IRCv3 server-time)."""
    second = int(at)
    return f"{_second(second)}.{int((at - second) * 1000):03}Z"


def tagged(
    irc: Irc, event: Event, who: Identity, line: str, *, message: bool = True, more: str = "", batch: str = ""
) -> str:
    """Return a line behind the tags that this dialect has. A `message` has an id, `more` is what its client put on."""
    caps = irc.caps
    found = [f"batch={batch}"] if batch else []
    if "server-time" in caps:
        found.append(f"time={utc(event.at)}")
    if "message-tags" in caps and message:
        found.append(f"msgid={event.id}")
    if "account-tag" in caps and who.account:
        found.append(f"account={who.account}")
    if who.bot and "message-tags" in caps:
        found.append("bot")
    if more and "message-tags" in caps:
        found.append(more)
    return f"@{';'.join(found)} {line}" if found else line


# -- talk


def talk(irc: Irc, event: Talk, to: str, batch: str = "") -> Iterator[str]:
    """Yield the lines of a message to `to`: several where it is long, or has several lines."""
    source, command = mask(event.sender, event.who), "PRIVMSG"
    acts = isinstance(event, Acted)
    if event.form.notice:
        command = "NOTICE"
    most = BODY - len(f":{source} {command} {to} :".encode()) - (9 if acts else 0)
    found = [part for part in parts(event.text, most, event.form.cuts) if part.text] or [Part("")]
    if len(found) > 1 and {"draft/multiline", "batch"} <= irc.caps and not acts and not batch:
        yield from _multiline(irc, event, source, f"{command} {to}", most)
        return
    for index, part in enumerate(found):
        text = f"\1ACTION {part.text}\1" if acts else part.text
        line = f"{write(source, command, to)} :{text}"
        yield tagged(irc, event, event.who, line, message=index == 0, more=event.form.tags, batch=batch)


def _multiline(irc: Irc, event: Talk, source: str, head: str, most: int) -> Iterator[str]:
    """Yield a message of several lines as a batch (IRCv3 draft/multiline)."""
    name = f"m{event.id}"
    to = head.partition(" ")[2]
    yield tagged(irc, event, event.who, f":{source} BATCH +{name} draft/multiline {to}", more=event.form.tags)
    for part in parts(event.text, most, event.form.cuts):
        concat = ";draft/multiline-concat" if part.concat else ""
        yield f"@batch={name}{concat} :{source} {head} :{part.text}"
    yield f":{source} BATCH -{name}"


def _said(irc: Irc, event: Said | Acted) -> Iterator[str]:
    return talk(irc, event, event.form.sign + target(event.room))


def _whispered(irc: Irc, event: Whispered) -> Iterator[str]:
    return talk(irc, event, irc.nick)


def _delivered(irc: Irc, event: Whispered) -> Iterator[str]:
    """Yield what the sender of a private message learns of it, and its echo."""
    if "echo-message" in irc.caps:
        for name in (*event.to, *event.kept):
            yield from talk(irc, event, name)
    if irc.nick in event.to:
        yield from _to_oneself(irc, talk(irc, event, irc.nick))
    for name in event.to:
        other = irc.hub.find(name)
        if other is not None and other.away and not event.form.notice:
            yield irc.numeric(Numeric.RPL_AWAY, name, other.away)
    for name in event.kept:
        yield irc.numeric(Numeric.RPL_AWAY, name, "is not here; the message is kept until the next login")
    for name in event.away:
        yield irc.numeric(Numeric.ERR_NOSUCHNICK, name, "No such nick/channel")


def _to_oneself(irc: Irc, lines: Iterable[str]) -> Iterable[str]:
    """Return what someone has told himself; behind the answers to a labeled command, for it is none of them."""
    if not irc.labeled:
        return lines
    irc.later += lines
    return ()


def _sign(irc: Irc, event: Tagged) -> Iterator[str]:
    to = target(event.room) if event.room else event.to
    if event.query:
        line = write(mask(event.sender, event.who), "NOTICE" if event.reply else "PRIVMSG", to)
        yield tagged(irc, event, event.who, f"{line} :\1{event.query}\1", more=event.tags)
    elif "message-tags" in irc.caps:
        yield tagged(irc, event, event.who, write(mask(event.sender, event.who), "TAGMSG", to), more=event.tags)


# -- coming and going


def _entered(irc: Irc, event: Entered) -> Iterator[str]:
    params = [target(event.room)]
    if "extended-join" in irc.caps:
        params += [event.who.account or "*", event.who.realname]
    line = write(mask(event.name, event.who), "JOIN", *params)
    yield tagged(irc, event, event.who, _colon(line) if len(params) > 1 else line, message=False)


def _colon(line: str) -> str:
    """Return a JOIN whose last parameter, the real name, is marked as such even where it is one word."""
    head, _, last = line.rpartition(" ")
    return line if " :" in line else f"{head} :{last}"


def _left(irc: Irc, event: Left) -> Iterator[str]:
    room = target(event.room)
    if event.kicked:
        line = write(mask(event.by, event.by_who), "KICK", room, event.name, event.reason or event.by)
        yield tagged(irc, event, event.by_who, line, message=False)
    elif not event.gone:
        reason = [event.reason] if event.reason else []
        line = write(mask(event.name, event.who), "PART", room, *reason)
        yield tagged(irc, event, event.who, line, message=False)
    elif not event.again:
        yield tagged(irc, event, event.who, _quit(event), message=False)


def _gone(irc: Irc, event: Gone) -> Iterator[str]:
    yield tagged(irc, event, event.who, _quit(event), message=False)


def _quit(event: Left | Gone) -> str:
    reason = _one_line(f"Quit: {event.reason}" if event.reason else "Gone")
    return f"{write(mask(event.name, event.who), 'QUIT')} :{reason}"


def _renamed(irc: Irc, event: Renamed) -> Iterator[str]:
    yield tagged(irc, event, event.who, write(mask(event.old, event.who), "NICK", event.new), message=False)


def _described(irc: Irc, event: Described) -> Iterator[str]:
    line = f"{write(mask(event.by, event.who), 'TOPIC', target(event.room))} :{_one_line(event.text)}"
    yield tagged(irc, event, event.who, line, message=False)


def _moded(irc: Irc, event: Moded) -> Iterator[str]:
    line = write(mask(event.by, event.who), "MODE", target(event.room), *event.changes.split(" "))
    yield tagged(irc, event, event.who, line, message=False)


def _invited(irc: Irc, event: Invited) -> Iterator[str]:
    line = write(mask(event.by, event.who), "INVITE", irc.nick, target(event.room))
    yield tagged(irc, event, event.who, line, message=False)


def _inviting(irc: Irc, event: Inviting) -> Iterator[str]:
    if "invite-notify" in irc.caps:
        line = write(mask(event.by, event.who), "INVITE", event.name, target(event.room))
        yield tagged(irc, event, event.who, line, message=False)


def _called(irc: Irc, event: Called) -> Iterator[str]:
    yield f"{write(mask(event.sender, event.who), 'WALLOPS')} :{_one_line(event.text)}"


def _concerns(irc: Irc, name: str) -> bool:
    """Return whether someone's state is told here: to those who share a room, and to who watches (extended-monitor)."""
    me, other = irc.hub.find(irc.nick), irc.hub.find(name)
    shares = me is not None and other is not None and not me.rooms.keys().isdisjoint(other.rooms)
    return shares or name == irc.nick or "extended-monitor" in irc.caps


def _rested(irc: Irc, event: Rested) -> Iterator[str]:
    if "away-notify" in irc.caps and _concerns(irc, event.name):
        text = [event.text] if event.text else []
        yield tagged(irc, event, event.who, write(mask(event.name, event.who), "AWAY", *text), message=False)


def _presented(irc: Irc, event: Presented) -> Iterator[str]:
    if not _concerns(irc, event.name):
        return
    source = mask(event.name, event.who)
    if event.account and event.name == irc.nick:
        yield irc.numeric(
            Numeric.RPL_LOGGEDIN, source, event.who.account, f"You are now logged in as {event.who.account}"
        )
    if event.account and "account-notify" in irc.caps:
        yield tagged(irc, event, event.who, write(source, "ACCOUNT", event.who.account or "*"), message=False)
    elif not event.account and "setname" in irc.caps:
        line = f"{write(source, 'SETNAME')} :{_one_line(event.who.realname)}"
        yield tagged(irc, event, event.who, line, message=False)


# -- to one person


def _answered(irc: Irc, event: Answered) -> Iterable[str | bytes]:
    content: str | bytes | list[str] = event.content
    if isinstance(content, bytes):
        irc.labeled = content != labels.CLOSING
        later, irc.later = irc.later, []
        return [content, *later]
    return content if isinstance(content, list) else [content]


def _welcomed(irc: Irc, event: Welcomed) -> Iterator[str]:
    irc.nick = event.name
    if not irc.greeted:
        irc.greeted = True
        yield from greeting.lines(irc)


def _recalled(irc: Irc, event: Recalled) -> Iterator[str]:
    """Yield what was said before, where it was asked for; who joins a room is shown it by the script that joins."""
    if not event.room:
        yield from history(irc, event.events, irc.nick, f"h{event.id}")


def history(irc: Irc, events: Iterable[Talk], to: str, name: str) -> Iterator[str]:
    """Yield messages of the past: in a batch where the client knows batches, else each behind the time it was said."""
    batches = "batch" in irc.caps
    if batches:
        yield irc.say("BATCH", f"+{name}", "chathistory", to)
    for event in events:
        place = target(event.room) if not isinstance(event, Whispered) else (event.to or event.kept or (irc.nick,))[0]
        lines = talk(irc, event, place, name if batches else "")
        yield from lines if "server-time" in irc.caps else (_dated(event, line) for line in lines)
    if batches:
        yield irc.say("BATCH", f"-{name}")


def _dated(event: Talk, line: str) -> str:
    """Return a line of the past with its time in the text, for clients that show no other."""
    head, colon, text = line.partition(" :")
    when = time.strftime("[%d %b %H:%M] ", time.localtime(event.at))
    return f"{head}{colon}\1ACTION {when}{text[8:]}" if text.startswith("\1ACTION ") else f"{head}{colon}{when}{text}"


def _told(irc: Irc, event: Told) -> Iterator[str]:
    if event.about in _SILENT:
        return
    if event.about == "oper":
        yield irc.numeric(Numeric.RPL_YOUREOPER, "You are now an IRC operator")
        yield f":{irc.nick} MODE {irc.nick} +o"
        return
    if event.about in ("register", "identify"):
        yield _accepted(irc, event)
        return
    for line in event.text.split("\n"):
        for part in parts(line, 400):
            yield irc.notice(part.text)


def _accepted(irc: Irc, event: Told) -> str:
    """Return that an account is made, or logged in to, in the words of the verb that has asked for it."""
    asked, irc.asked = irc.asked, ""
    if asked == "REGISTER":
        return irc.say("REGISTER", "SUCCESS", irc.nick, "Account created")
    if asked == "AUTHENTICATE":
        return irc.numeric(Numeric.RPL_SASLSUCCESS, "SASL authentication successful")
    return irc.service(event.text)


def _listed(irc: Irc, event: Listed) -> Iterator[str]:
    yield irc.notice(f"{len(event.people)} in {event.room}: {' '.join(who.name for who in event.people)}")


def _mapped(irc: Irc, event: Mapped) -> Iterator[str]:
    for place in event.places:
        yield irc.notice(f"#{place.room} ({place.count}) {place.title} {place.description}".rstrip())


def _seen(irc: Irc, event: Seen) -> Iterator[str]:
    other = irc.hub.find(event.name)
    yield irc.numeric(Numeric.RPL_MONONLINE, mask(event.name, other.who if other else NOBODY))


def _missed(irc: Irc, event: Missed) -> Iterator[str]:
    yield irc.numeric(Numeric.RPL_MONOFFLINE, event.name)


def _proven(irc: Irc, event: Proven) -> Iterator[str]:
    yield irc.numeric(Numeric.RPL_LOGGEDIN, irc.nick, event.account, f"You are now logged in as {event.account}")
    yield irc.numeric(Numeric.RPL_SASLSUCCESS, "SASL authentication successful")


def _declined(irc: Irc, event: Declined) -> Iterator[str]:
    asked, irc.asked = irc.asked, ""
    if event.about == "authenticate" or asked == "AUTHENTICATE":
        yield irc.numeric(Numeric.ERR_SASLFAIL, "SASL authentication failed")
    elif event.about == "oper":
        yield irc.numeric(Numeric.ERR_PASSWDMISMATCH, event.text)
    elif event.about == "login":
        yield irc.numeric(Numeric.ERR_PASSWDMISMATCH, event.text)
        yield from irc.close(event.text)
    elif event.about in ("register", "identify"):
        yield irc.service(event.text)
    else:
        yield irc.refused(event.about.upper() or "*", Refused(event.code, event.text))


def _ended(irc: Irc, event: Ended) -> Iterator[str]:
    yield irc.error("Quit" if event.code == "quit" else _one_line(event.text))


def _one_line(text: str) -> str:
    return text.replace("\n", " ").replace("\r", " ").replace("\0", "")


_WRITERS: dict[type[Event], Callable[[Irc, Any], Iterable[str | bytes]]] = {
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
    Asked: lambda irc, event: [irc.notice(event.text)],
    Pinged: lambda irc, event: [write("", "PING", irc.house.server)],
}
