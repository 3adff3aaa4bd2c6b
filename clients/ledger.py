"""What a client has asked, heard and not heard: with it, whoever comes back misses nothing and says nothing twice.

It knows no connection. It is told what is sent and what comes; of what follows a login with a token it finds out
whether one has come back, or has come anew because the server knows the token no more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chat.text import clean
from clients.people import word

HEARD = 10_000  # messages of which is known that they came; a server repeats at most 4,050
HEAD = 1000  # objects held back until it is clear whether one has come back
A_ROOM, PRIVATE = 200, 50  # so many messages a server repeats: where these come, some may be missing
HIGHEST = 10**15  # an id beyond this is no id
PROBE = "back"  # the ref of the ping whose answer comes after everything that was missed
UNSURE = "The connection was lost before the server confirmed this."
BEHIND = "This was not sent: what was asked for before it is not confirmed."

NO_ANSWER = frozenset({"ping", "pong", "quit"})
_TALK = {"said": "say", "acted": "me", "whispered": "msg"}
_ALIASES = {"tell": "msg", "w": "msg"}
_HARMLESS = frozenset({"users", "whoelse", "whois", "wholast", "stats", "channels", "history", "help", "join"})
"""What may be asked twice: it changes nothing, or comes to the same."""

Found = dict[str, Any]
Request = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request that is not answered, its number, and the newest event when it was sent."""

    request: Request
    number: int
    newest: int


class Ledger:
    """One for all the connections of a visit. `begin` each with it, then hand it what is sent and what comes.

    `again` are requests to be sent at once. While it is not `settled` what of one's own was said, nothing else may be.
    """

    def __init__(self) -> None:
        self.settled = False
        self.again: list[Request] = []
        self._token = ""
        self._names: set[str] = set()
        self._newest = 0
        self._heard: dict[int, None] = {}
        self._open: dict[str | int, _Asked] = {}
        self._count = 0
        self._head: list[Found] | None = None
        self._reached = 0
        self._repeated: Counter[str] = Counter()

    @property
    def waits(self) -> bool:
        """Is something asked and not answered?"""
        return bool(self._open)

    @property
    def hopes(self) -> bool:
        """Is there a token, so that what is not answered may still be settled?"""
        return bool(self._token)

    def begin(self) -> Found:
        """A connection begins: return what the login carries for coming back."""
        self.settled, self._reached = False, 0
        self.again.clear()
        self._repeated.clear()
        self._head = [] if self._token else None
        since = min([self._newest, *(asked.newest for asked in self._open.values())])
        return {"token": self._token} | ({"since": since} if self._token else {})

    def sent(self, request: Request) -> None:
        """Remember what is asked, until it is answered."""
        ref = request.get("ref")
        if isinstance(ref, (str, int)) and request.get("do") not in NO_ANSWER:
            self._count += 1
            self._open.pop(ref, None)
            self._open[ref] = _Asked(request, self._count, self._newest)

    def give_up(self) -> list[Found]:
        """The server does not know one any more: return a refusal for each request that will not be answered."""
        asked = list(self._open.values())
        self._open.clear()
        self._heard.clear()
        self._newest, self._token = 0, ""
        return [refusal(each.request, "unconfirmed", UNSURE) for each in asked]

    def sort(self, found: Found) -> Iterator[Found]:
        """Take what came; yield what is to be heard now, and nothing of it a second time.

        The `welcome` and the `joined` of who has come back are marked `"resumed": true`; one's own messages whose
        acknowledgement was lost are acknowledged.
        """
        found.pop("resumed", None)
        event = word(found, "event")
        is_probe = event == "pong" and found.get("ref") == PROBE
        if self._head is None:
            if not is_probe:
                yield from self._hear(found)
        elif len(self._head) < HEAD and event == ("joined" if self._head else "welcome"):
            self._head.append(found)
            self.again += [{"do": "ping", "ref": PROBE}] * (len(self._head) == 1)
        elif self._head:
            yield from self._decide(self._head, found)
            if not is_probe:
                yield from self._hear(found)
        else:
            yield found

    def _decide(self, head: list[Found], found: Found) -> Iterator[Found]:
        """Something came that tells whether one has come back: let go what was held back until then."""
        event, number, first = word(found, "event"), _number(found), _number(head[0])
        missed = (event in _TALK or event == "removed") and "history" not in found and 0 < number < first
        self._head = None
        if missed or event == "resumed":
            for each in head:
                self._enter(each)
                yield {**each, "resumed": True}
            return
        lost = self.give_up()
        for each in head:
            yield from self._hear(each)
        yield from lost

    def _enter(self, welcome: Found) -> None:
        """Take the token and the name out of a welcome, and the id of anything."""
        self._newest = max(self._newest, _number(welcome))
        if welcome.get("event") == "welcome":
            self._token = word(welcome, "token")
            welcome.pop("token", None)
            self._names.add(word(welcome, "name"))

    def _hear(self, found: Found) -> Iterator[Found]:
        event, number = word(found, "event"), _number(found)
        self._answer(found)
        if event == "welcome":
            self._names.clear()
            self._enter(found)
            self.settled = True
        elif event == "renamed" and word(found, "old") in self._names:
            self._names.add(word(found, "new"))
        elif event in _TALK and not self.settled:
            self._repeated[word(found, "room")] += 1
            if number in self._heard:
                return
            found = self._acknowledged(found)
        if number and (event in _TALK or event == "accepted"):
            self._remember(number)
        self._newest = max(self._newest, number)
        yield found
        if event == "resumed" and not self.settled:
            yield from self._settle(cut=found.get("cut") is True)

    def _answer(self, found: Found) -> None:
        ref = found.get("ref")
        if isinstance(ref, (str, int)):
            self._open.pop(ref, None)

    def _remember(self, number: int) -> None:
        self._heard[number] = None
        if len(self._heard) > HEARD:
            del self._heard[next(iter(self._heard))]

    def _acknowledged(self, found: Found) -> Found:
        """Return the acknowledgement where `found` is a message of one's own that had none."""
        if word(found, "from") not in self._names:
            return found
        meant = _TALK[word(found, "event")], _flat(word(found, "text"))
        for ref, asked in self._open.items():
            if asked.number > self._reached and _meant(asked.request) == meant:
                self._reached = asked.number
                del self._open[ref]
                return {**found, "event": "accepted", "do": meant[0], "ref": ref}
        return found

    def _settle(self, *, cut: bool) -> Iterator[Found]:
        """Decide about what is still not answered: it is sent again, or else yield a refusal.

        The server has read what was sent in order, up to some point. A message that it does not repeat was not said,
        and may be sent again; but nothing may overtake what changes something, and perhaps was done.
        """
        self.settled = True
        asked = list(self._open.values())
        self._open.clear()
        is_cut = cut or any(count >= (A_ROOM if room else PRIVATE) for room, count in self._repeated.items())
        is_stuck = False
        for each in asked:
            verb = _meant(each.request)[0]
            if is_stuck:
                yield refusal(each.request, "not_sent", BEHIND)
            elif verb in _HARMLESS or (verb in _TALK.values() and not is_cut):
                self.again.append(each.request)
            else:
                yield refusal(each.request, "unconfirmed", UNSURE)
                is_stuck = each.number > self._reached


def refusal(request: Request, code: str, text: str) -> Found:
    """Return what a server would answer had it refused `request`."""
    return {"event": "refused", "code": code, "text": text} | ({"ref": request["ref"]} if "ref" in request else {})


def _number(found: Found) -> int:
    """Return the id of an event, 0 where it has none."""
    number = found.get("id")
    return number if isinstance(number, int) and 0 < number < HIGHEST else 0


def _meant(request: Request) -> tuple[str, str]:
    """Return the verb of a request, and the text of a message, as the server understands them."""
    verb, text = word(request, "do"), word(request, "text")
    if verb == "line":
        line = word(request, "line")
        verb, text = "say", line.removeprefix("/") if line.startswith("//") else line
        if line.startswith("/") and not line.startswith("//"):
            verb, _, text = line[1:].partition(" ")
            verb = _ALIASES.get(verb.lower(), verb.lower())
            text = (text.split(None, 1) + [""] * 2)[1] if verb == "msg" else text
    return verb, _flat(text)


def _flat(text: str) -> str:
    """Return a text as it compares: servers clean it, and may do so to its blanks."""
    return " ".join(clean(text).split())
