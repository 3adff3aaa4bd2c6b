"""JSON lines, for programs: one object a line, both ways. PROTOCOL.md lists them.

Both sides of the wire stand here: `Jsonl` for the server, `read` and `write` for the clients.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from json.encoder import encode_basestring as _quote
from typing import Any

from chat.changes import Announced, Called, Described, Invited, Inviting, Moded, Removed, Rested, Slowed
from chat.events import (
    Acted,
    Asked,
    Declined,
    Ended,
    Entered,
    Event,
    Joined,
    Left,
    Listed,
    Mapped,
    Missed,
    Parted,
    Pinged,
    Ponged,
    Recalled,
    Ref,
    Refused,
    Renamed,
    Request,
    Resumed,
    Said,
    Seen,
    Told,
    Welcomed,
    Whispered,
)
from chat.limits import Limits, ledger
from wires.wire import CHANGES, Lines, Wire

LINE = Limits().frame  # bytes in a line: a message of 64 KiB, escaped; where nobody has set another limit
REF = 64  # characters in a reference
REF_DIGITS = 15

_encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def read(line: bytes) -> dict[str, Any]:
    """Return the object in `line`. Raises Refused `not_json` or `bad_request`, and nothing else."""
    try:
        found = _decoder.decode(line.decode())
    except (ValueError, RecursionError) as error:
        raise Refused("not_json", f"That line is not JSON: {_reason(error)}.") from None
    if not isinstance(found, dict):
        raise Refused("bad_request", "A line must hold one JSON object.")
    return found


def write(values: Mapping[str, Any]) -> bytes:
    """Return `values` as one line. Lone surrogates, which no UTF-8 can carry, become U+FFFD."""
    return _encoder.encode(values).encode("utf-8", "surrogatepass").decode("utf-8", "replace").encode() + b"\n"


class Jsonl(Wire):
    """One connection of a program."""

    name = "json"
    echoes = False
    pings = True
    acknowledges = True

    def __init__(self) -> None:
        self._lines = Lines(ledger.limits.frame, "frame")

    def receive(self, data: bytes) -> Iterator[Request | Refused]:
        """Yield the request in each line; blank lines are skipped."""
        for line in self._lines.cut(data):
            if line is None:
                yield Refused("too_long", f"A line has at most {self._lines.limit:,} bytes; yours was left out whole.")
            elif line.strip():
                yield parse(line)

    @property
    def unfinished(self) -> bool:
        """Return whether half a line waits for the rest."""
        return self._lines.unfinished

    def encode(self, event: Event) -> bytes:
        """Return one line; for what is recalled one per message, marked as history, and one that ends it."""
        if isinstance(event, (Recalled, Resumed)):
            return _recalled(event) if isinstance(event, Recalled) else _resumed(event)
        if isinstance(event, (Said, Acted)):
            return self.encode_all([event])
        write = _WRITERS.get(type(event))
        return _line(write(event)) if write else b""

    def encode_all(self, events: Sequence[Event]) -> bytes:
        """Return a line for each event; what is said is by far the most of it, and is put together without a detour."""
        return "".join([f"{line}\n" for line in talk(events)]).encode() or super().encode_all(events)

    def own(self, event: Event, ref: Ref) -> bytes:
        """Return what one has changed with the reference of the request; of what one said, `acknowledge` tells."""
        return _line({**_WRITERS[type(event)](event), **_ref(ref)}) if isinstance(event, CHANGES) else b""

    def acknowledge(self, event: Event, ref: Ref) -> bytes:
        """Return the acknowledgement of one's own message: from now on it outlives the server."""
        if isinstance(event, Whispered):
            to = {"to": event.to, "kept": event.kept, "away": event.away}
            return _line({**_head("accepted", event), "do": "msg", **to, "text": event.text, **_ref(ref)})
        if isinstance(event, (Said, Acted)):
            return f"{_accepted(event, ref)}\n".encode()
        return b""


def talk(events: Sequence[Event]) -> list[str]:
    """Return the lines, without their ends, for what one person has said to one room; none for other events."""
    first = events[0]
    if not isinstance(first, (Said, Acted)):
        return []
    word = "said" if isinstance(first, Said) else "acted"
    at, middle, found = -1.0, "", []
    for event in events:
        if event.at != at:
            at = event.at
            middle = f',"time":"{_utc(at)}","room":{_quote(first.room)},"from":{_quote(first.sender)},"text":'
        end = ',"notice":true}' if event.form.notice else "}"  # type: ignore[attr-defined]
        found.append(f'{{"event":"{word}","id":{event.id}{middle}{_quote(event.text)}{end}')  # type: ignore[attr-defined]
    return found


def _accepted(event: Said | Acted, ref: Ref) -> str:
    verb = "say" if isinstance(event, Said) else "me"
    end = "" if ref is None else f',"ref":{_encoder.encode(ref)}'
    head = f'{{"event":"accepted","id":{event.id},"time":"{_utc(event.at)}","do":"{verb}"'
    return f'{head},"room":{_quote(event.room)},"text":{_quote(event.text)}{end}}}'


def parse(line: bytes) -> Request | Refused:
    """Return the request in one line, or why there is none."""
    try:
        return _request(read(line))
    except Refused as refusal:
        return refusal


def _request(found: dict[str, Any]) -> Request:
    ref = found.pop("ref", None)
    if not _is_ref(ref):
        raise Refused(
            "bad_request",
            f"ref must be a string of at most {REF} printable characters or a number of {REF_DIGITS} digits.",
        )
    verb = found.pop("do", None)
    if not isinstance(verb, str) or not verb:
        raise Refused("bad_request", 'The object needs a "do" that names what to do.', ref)
    request = Request(verb.lower(), "", {key: _value(value) for key, value in found.items() if value is not None}, ref)
    return Request("line", request.field("line"), None, ref) if request.verb == "line" else request


def _value(value: object) -> str | None:
    """Return a value as the text it stands for; None where it is no text, for which nobody may have asked."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(entry, str) for entry in value):
        return ",".join(value)
    return f"{value}" if isinstance(value, int) and not isinstance(value, bool) else None


def _is_ref(ref: object) -> bool:
    if isinstance(ref, str):
        return len(ref) <= REF and ref.isprintable()
    return ref is None or (isinstance(ref, int) and not isinstance(ref, bool) and abs(ref) < 10**REF_DIGITS)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands in it twice")
    return found


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is no number")


_decoder = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_constant)


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg}, at character {error.pos + 1}"
    if isinstance(error, UnicodeDecodeError):
        return f"bad UTF-8 at byte {error.start + 1}"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return str(error) if "digits" not in str(error) else "a number in it is too long"


def _utc(at: float) -> str:
    """Return ISO 8601 in UTC with milliseconds."""
    second = int(at)
    return f"{_date(second)}.{int((at - second) * 1000):03}Z"


@lru_cache(maxsize=4)  # made once a second, not once a message
def _date(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


def _head(word: str, event: Event) -> dict[str, Any]:
    return {"event": word, "id": event.id, "time": _utc(event.at)}


def _recalled(event: Recalled) -> bytes:
    mark = _encoder.encode({"history": True, **_ref(event.ref)})[1:]
    lines = [f"{_past(told)[:-1]},{mark}\n".encode() for told in event.events]
    end = {**_head("history", event), "room": event.room, "count": len(event.events), **_ref(event.ref)}
    return b"".join(lines) + _line(end)


def _resumed(event: Resumed) -> bytes:
    lines = [f"{_past(told)}\n".encode() for told in event.events]
    return b"".join(lines) + _line({**_head("resumed", event), "count": len(event.events), "cut": event.cut})


def _ref(ref: Ref) -> dict[str, Any]:
    return {} if ref is None else {"ref": ref}


def _line(values: Mapping[str, Any]) -> bytes:
    return (_encoder.encode(values) + "\n").encode()


def _past(event: Event) -> str:
    """Return the line, without its end, for something that was told before."""
    return talk([event])[0] if isinstance(event, (Said, Acted)) else _encoder.encode(_WRITERS[type(event)](event))


def _whispered(event: Whispered) -> dict[str, Any]:
    talk = {**_head("whispered", event), "from": event.sender, "to": event.to, "text": event.text}
    return {**talk, "notice": True} if event.form.notice else talk


def _entered(event: Entered) -> dict[str, Any]:
    return {**_head("entered", event), "room": event.room, "name": event.name, "count": event.count}


def _left(event: Left) -> dict[str, Any]:
    how = {"reason": event.reason, "kicked": event.kicked, "gone": event.gone, "count": event.count}
    by = {"by": event.by} if event.by else {}
    return {**_head("left", event), "room": event.room, "name": event.name, **how, **by}


def _renamed(event: Renamed) -> dict[str, Any]:
    return {**_head("renamed", event), "old": event.old, "new": event.new}


def _welcomed(event: Welcomed) -> dict[str, Any]:
    place = {"name": event.name, "room": event.room, "title": event.title}
    return {
        **_head("welcome", event),
        **place,
        "users": event.here,
        "count": len(event.here),
        **_token(event),
        **_ref(event.ref),
    }


def _token(event: Welcomed) -> dict[str, Any]:
    return {"token": event.token} if event.token else {}


def _joined(event: Joined) -> dict[str, Any]:
    room = {"room": event.room, "title": event.title, "description": event.description}
    return {**_head("joined", event), **room, "users": event.here, "count": len(event.here), **_ref(event.ref)}


def _parted(event: Parted) -> dict[str, Any]:
    rooms = {"room": event.room, "title": event.title, "current": event.current, "current_title": event.current_title}
    return {**_head("parted", event), **rooms, **_ref(event.ref)}


def _mapped(event: Mapped) -> dict[str, Any]:
    places = [
        {"room": place.room, "title": place.title, "description": place.description, "count": place.count}
        for place in event.places
    ]
    return {**_head("channels", event), "current": event.current, "channels": places, **_ref(event.ref)}


def _described(event: Described) -> dict[str, Any]:
    return {**_head("topic", event), "room": event.room, "by": event.by, "text": event.text}


def _moded(event: Moded) -> dict[str, Any]:
    return {**_head("mode", event), "room": event.room, "by": event.by, "changes": event.changes}


def _invited(event: Invited) -> dict[str, Any]:
    return {**_head("invited", event), "room": event.room, "title": event.title, "by": event.by, "name": event.name}


def _inviting(event: Inviting) -> dict[str, Any]:
    return {**_head("inviting", event), "room": event.room, "by": event.by, "name": event.name}


def _rested(event: Rested) -> dict[str, Any]:
    return {**_head("away", event), "name": event.name, "text": event.text}


def _announced(event: Announced) -> dict[str, Any]:
    return {**_head("announced", event), "from": event.sender, "text": event.text}


def _slowed(event: Slowed) -> dict[str, Any]:
    return {**_head("slowed", event), "room": event.room, "by": event.by, "seconds": event.seconds}


def _removed(event: Removed) -> dict[str, Any]:
    found = {**_head("removed", event), "room": event.room, "message": event.message, "from": event.sender}
    return {**found, "by": event.by, "reason": event.reason}


def _called(event: Called) -> dict[str, Any]:
    return {**_head("called", event), "from": event.sender, "text": event.text}


def _seen(event: Seen | Missed) -> dict[str, Any]:
    return {**_head("seen" if isinstance(event, Seen) else "missed", event), "name": event.name}


def _asked(event: Asked) -> dict[str, Any]:
    return {**_head("asked", event), "about": event.about, "text": event.text}


def _told(event: Told) -> dict[str, Any]:
    return {**_head("told", event), "about": event.about, "text": event.text, **_ref(event.ref)}


def _listed(event: Listed) -> dict[str, Any]:
    people = [
        {"name": who.name, "seconds": who.seconds, "rooms": who.rooms, **({"away": who.away} if who.away else {})}
        for who in event.people
    ]
    return {**_head("listed", event), "about": event.about, "room": event.room, "users": people, **_ref(event.ref)}


def _declined(event: Declined) -> dict[str, Any]:
    return {**_head("refused", event), "code": event.code, "text": event.text, **_ref(event.ref)}


def _pinged(event: Pinged) -> dict[str, Any]:
    return {"event": "ping"}


def _ponged(event: Ponged) -> dict[str, Any]:
    return {"event": "pong", **_ref(event.ref)}


def _ended(event: Ended) -> dict[str, Any]:
    return {**_head("goodbye", event), "code": event.code, "text": event.text}


_WRITERS: dict[type[Event], Callable[[Any], dict[str, Any]]] = {
    Whispered: _whispered,
    Entered: _entered,
    Left: _left,
    Renamed: _renamed,
    Welcomed: _welcomed,
    Told: _told,
    Listed: _listed,
    Joined: _joined,
    Parted: _parted,
    Mapped: _mapped,
    Described: _described,
    Moded: _moded,
    Invited: _invited,
    Inviting: _inviting,
    Rested: _rested,
    Called: _called,
    Announced: _announced,
    Slowed: _slowed,
    Removed: _removed,
    Seen: _seen,
    Missed: _seen,
    Asked: _asked,
    Declined: _declined,
    Pinged: _pinged,
    Ponged: _ponged,
    Ended: _ended,
}
