"""Messages as lines of IRC, now and from before: who said it, the tags of a dialect, and texts longer than a line."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from functools import lru_cache

from chat.events import Acted, Event, Identity, Said, Whispered
from wires.irc.client import Client
from wires.irc.lines import BODY
from wires.irc.text import Part, parts

LEAST = 64  # bytes of text in a line: where a name leaves less room, the line is longer than IRC has it

Talk = Said | Acted | Whispered


def mask(name: str, who: Identity) -> str:
    """Return name!user@host; of whom nothing is known, the name is all."""
    return f"{name}!{who.ident}@{who.host}" if who.ident else f"{name}!{name}@chat"


def target(room: str) -> str:
    """Return the name of a room as IRC has it."""
    return f"#{room}"


@lru_cache(maxsize=4)
def _second(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


def utc(at: float) -> str:
    """Return a time as the tag `time` has it (IRCv3 server-time)."""
    second = int(at)
    return f"{_second(second)}.{int((at - second) * 1000):03}Z"


def tagged(
    client: Client, event: Event, who: Identity, line: str, *, message: bool = True, more: str = "", batch: str = ""
) -> str:
    """Return a line behind the tags that this dialect has. A `message` has an id, `more` is what its client put on."""
    caps = client.caps
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


def talk(client: Client, event: Talk, to: str, batch: str = "") -> Iterator[str]:
    """Yield the lines of a message to `to`: several where it is long, or has several lines."""
    who, form = event.who, event.form
    words, acts = _deed(event)
    source, command = mask(event.sender, who), "NOTICE" if form.notice else "PRIVMSG"
    head = f":{source} {command} {to} :"
    most = BODY - len(head.encode()) - (9 if acts else 0)
    if len(words.encode()) <= most and not ("\n" in words or form.cuts):
        found = [Part(words)]
    else:
        most = max(LEAST, most)
        found = [part for part in parts(words, most, form.cuts) if part.text] or [Part("")]
    if len(found) > 1 and {"draft/multiline", "batch"} <= client.caps and not acts and not batch:
        yield from _multiline(client, event, source, f"{command} {to}", most)
        return
    for index, part in enumerate(found):
        text = f"\1ACTION {part.text}\1" if acts else part.text
        yield tagged(client, event, who, head + text, message=index == 0, more=form.tags, batch=batch)


def _deed(event: Talk) -> tuple[str, bool]:
    """Return what is said or done, and which: in private, what someone does is told as everywhere, `* alice waves`."""
    does = f"* {event.sender} "
    if isinstance(event, Whispered) and event.text.startswith(does) and event.text != does:
        return event.text[len(does) :], True
    return event.text, isinstance(event, Acted)


def _multiline(client: Client, event: Talk, source: str, head: str, most: int) -> Iterator[str]:
    """Yield a message of several lines as a batch (IRCv3 draft/multiline)."""
    name = f"m{event.id}"
    to = head.partition(" ")[2]
    yield tagged(client, event, event.who, f":{source} BATCH +{name} draft/multiline {to}", more=event.form.tags)
    for part in parts(event.text, most, event.form.cuts):
        concat = ";draft/multiline-concat" if part.concat else ""
        yield f"@batch={name}{concat} :{source} {head} :{part.text}"
    yield f":{source} BATCH -{name}"


def history(client: Client, events: Iterable[Talk], to: str, name: str) -> Iterator[str]:
    """Yield messages of the past: in a batch where the client knows batches, else each behind the time it was said."""
    batches = "batch" in client.caps
    if batches:
        yield client.say("BATCH", f"+{name}", "chathistory", to)
    for event in events:
        place = (
            target(event.room) if not isinstance(event, Whispered) else (event.to or event.kept or (client.nick,))[0]
        )
        lines = talk(client, event, place, name if batches else "")
        yield from lines if "server-time" in client.caps else (_dated(event, line) for line in lines)
    if batches:
        yield client.say("BATCH", f"-{name}")


def _dated(event: Talk, line: str) -> str:
    """Return a line of the past with its time in the text, for clients that show no other."""
    head, colon, text = line.partition(" :")
    when = time.strftime("[%d %b %H:%M] ", time.localtime(event.at))
    return f"{head}{colon}\1ACTION {when}{text[8:]}" if text.startswith("\1ACTION ") else f"{head}{colon}{when}{text}"
