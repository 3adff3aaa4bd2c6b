"""A room written down and read again, between any two bytes that somebody sends: nobody can tell that it was.

Without sockets. What the server itself hands over, and how, is for test_upgrade.py.
"""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
import zlib
from collections.abc import Callable
from enum import Enum
from queue import SimpleQueue
from typing import Any

import pytest

import commands
import snapshot
from chat.events import Place
from chat.flow import Flow
from chat.limits import Ledger, ledger
from chat.turn import User
from record import entity, field, record
from snapshot import Frozen, Unwritten, freeze
from tests.room import Guest, House
from tests.support import ROOT
from tests.web_client import CONT, PING, TEXT, frame
from wires import http
from wires.classroom import Classroom
from wires.datagram import Datagram
from wires.http import Http, Site
from wires.irc import VERBS, connect
from wires.irc.client import House as IrcHouse
from wires.irc.client import Verbs
from wires.jsonl import Jsonl
from wires.plain import Plain
from wires.websocket import WebSocket
from wires.wire import Wire

OWN: dict[type, Callable[[Any], object]] = {
    commands.Table: lambda _: "table",
    SimpleQueue: lambda _: "news",
    Verbs: lambda _: "verbs",
    Ledger: lambda _: "ledger",
    Site: lambda _: "site",
}
TABLE = commands.load()
NAMED: dict[str, Any] = {"table": TABLE, "news": SimpleQueue(), "verbs": VERBS, "ledger": ledger, "site": http._NOTHING}


def again(**roots: Any) -> dict[str, Any]:
    """Return what is read of what was written of `roots`."""
    frozen = Frozen(freeze(roots, OWN), NAMED.__getitem__)
    frozen.fill()
    frozen.check()
    return frozen.roots


# ---- any two bytes


def nobody() -> int:
    return 0


def unseen(address: str) -> str:
    return "somewhere"


def place(name: str) -> Place:
    return Place(name, name, "", 2)


HEAD = (
    b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:3001\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
)
DEFLATE = b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"


def asked(**values: object) -> bytes:
    return json.dumps(values).encode()


def deflated(data: bytes) -> list[bytes]:
    """Return a compressed message in three fragments, with an empty one and a ping between them."""
    maker = zlib.compressobj(wbits=-12)
    packed = (maker.compress(data) + maker.flush(zlib.Z_SYNC_FLUSH))[:-4]
    pieces = packed[:9], packed[9:20], packed[20:]
    return [
        frame(TEXT, pieces[0], fin=False, first=0x40),
        frame(PING, b"there?"),
        frame(CONT, b"", fin=False),
        frame(CONT, pieces[1], fin=False),
        frame(CONT, pieces[2]),
    ]


LOGIN = frame(TEXT, asked(do="login", name="ann"))
STREAMS: dict[str, tuple[Callable[[House], Wire], list[bytes]]] = {
    "plain": (lambda _: Plain(), [
        b"ann\r\n", "schön\n/me waves\r\n".encode(), b"/msg bob psst\n/color on\n/quit\n"]),
    "telnet": (lambda _: Plain(), [
        b"\xff\xfb\x01ann\r\0", b"hi\xff\xf6 there\b\b\r\0", b"\xff\xfa\x18x\xff\xf0bye\r\n"]),
    "json": (lambda _: Jsonl(), [asked(do="login", name="ann") + b"\n", asked(do="say", text="hü", ref=7) + b"\n" * 2,
                                 b"{bad\n", asked(do="msg", to=["bob", "x"], text="y") + b"\n"]),
    "classroom": (lambda _: Classroom(), [b"ADD ann\n", b"MESSAGE hi\n", b"PRIVATE bob\nsecret\n", b"QUIT\n"]),
    "irc": (lambda house: connect(IrcHouse(house.hub, strangers=nobody)), [
        b"CAP LS 302\r\nNICK ann\r\nUSER a 0 * :Ann\r\n",
        b"CAP REQ :batch labeled-response echo-message draft/multiline message-tags\r\nCAP END\r\n",
        b"@label=x1 JOIN #lobby\r\n@label=x2;+a=b PRIVMSG #lobby :hello\r\n@label=x3 WHO #lobby\r\n",
        b"@label=m BATCH +1 draft/multiline #lobby\r\n@batch=1 PRIVMSG #lobby :a\r\n",
        b"@batch=1 PRIVMSG #lobby :b\r\nBATCH -1\r\nQUIT :bye\r\n"]),
    "websocket": (lambda _: Http(), [HEAD + b"\r\n", LOGIN, frame(TEXT, asked(do="say", text="a" * 200)),
                                     frame(TEXT, b'{"do":"say",', fin=False), frame(PING, b"?"),
                                     frame(CONT, b'"text":"b"}')]),
    "deflate": (lambda _: Http(), [HEAD + DEFLATE + b"\r\n", LOGIN,
                                   *deflated(asked(do="say", text="squeezed, squeezed, and once more squeezed")),
                                   frame(TEXT, asked(do="say", text="plainly"))]),
}  # fmt: skip


def said(cut: int, make: Callable[[House], Wire], pieces: list[bytes], *, renewed: bool) -> list[bytes]:
    """Return what Ann, Bob and the host get when Ann pauses after so many bytes; the server may be renewed then."""
    house = House(cloak=unseen)
    house.table = TABLE
    house.enter("bob")
    ann = Visitor(house, make(house))
    stream = b"".join(pieces)
    ann.send(stream[:cut])
    if renewed:
        found = again(house=house, ann=ann)
        house, ann = found["house"], found["ann"]
    ann.send(stream[cut:])
    bob = house.hub.find("bob")
    assert bob is not None
    return [re.sub(rb"\r\nDate: [^\r]*", b"", ann.take()), bob.listener.take(), house.console.take()]


class Visitor(Guest):
    """A guest whose wire may lead to another one."""

    def _requests(self, data: bytes) -> None:
        super()._requests(data)
        if self.wire.successor is not None:
            rest = self.wire.rest
            self._become(self.wire.successor)
            super()._requests(rest)


@pytest.mark.parametrize("kind", STREAMS)
def test_a_renewal_between_any_two_bytes_changes_nothing(kind: str) -> None:
    make, pieces = STREAMS[kind]
    for cut in range(len(b"".join(pieces)) + 1):
        found = said(cut, make, pieces, renewed=True)
        assert all(found) and found == said(cut, make, pieces, renewed=False), f"renewed after {cut} bytes"


def test_a_renewal_between_any_two_datagrams_changes_nothing() -> None:
    sent = [
        b"\0\x14ann",
        b"\0\x14ann",
        b"\0\x5ahello",
        b"\0\x5ahello",
        b"\0\x32Weather",
        b"\0\x78bob psst",
        b"\0\x28ann",
    ]

    def told(cut: int) -> list[bytes]:
        house = House(cloak=unseen)
        house.enter("bob")
        ann = Visitor(house, Datagram(place, house.clock.monotonic))
        for number, data in enumerate(sent):
            if number == cut:
                found = again(house=house, ann=ann)
                house, ann = found["house"], found["ann"]
            ann.send(data)
        bob = house.hub.find("bob")
        assert bob is not None
        return [ann.take(), bob.listener.take()]

    unbroken = told(-1)
    assert all(unbroken)
    for cut in range(len(sent)):
        assert told(cut) == unbroken, f"renewed before datagram {cut}"


def test_a_message_that_brings_nothing_for_long_is_not_kept_for_ever() -> None:
    """Fragments may unpack to nothing, without end; who sends such has to come anew."""
    house = House()
    ann = Visitor(house, Http())
    ann.send(HEAD + DEFLATE + b"\r\n")
    maker = zlib.compressobj(wbits=-12)
    ann.send(frame(TEXT, maker.compress(b"x") + maker.flush(zlib.Z_SYNC_FLUSH), fin=False, first=0x40))
    empty = frame(CONT, maker.flush(zlib.Z_FULL_FLUSH) * 1_000, fin=False)
    for _ in range(20 * ledger.limits.frame // len(empty)):
        ann.send(empty)
    assert isinstance(ann.wire, WebSocket)
    assert len(ann.wire._input.begun) < 10 * ledger.limits.frame
    wire = again(wire=ann.wire)["wire"]
    assert wire.over and b"please come back" in wire.replies()


# ---- what is written, and what is not


@entity
class Old:
    """As the code that runs has it."""

    name: str
    dropped: int = 0


@entity
class New:
    """As the code that comes has it."""

    name: str
    added: list[str] = field(default_factory=list)
    known: int = 7


@record
class Needing:
    """Has a field of which nobody knew, and for which nothing stands."""

    name: str
    added: int


class Plainly:
    """Without a record's help."""

    def __init__(self) -> None:
        self.first = 1

    def move(self) -> None:
        """Go on."""
        self.first += 1


class Mood(Enum):
    """One of a few."""

    GOOD = "good"


def renewed(monkeypatch: pytest.MonkeyPatch, old: str, new: type, thing: Any) -> Frozen:
    """Return what is read of `thing` by code in which the class `old` is `new`."""
    data = freeze({"it": thing}, OWN)
    monkeypatch.setattr(sys.modules[__name__], old, new)
    frozen = Frozen(data, NAMED.__getitem__)
    frozen.fill()
    return frozen


def test_new_fields_get_their_defaults_and_old_ones_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    found = renewed(monkeypatch, "Old", New, Old("ann", 5)).roots["it"]
    assert (found.name, found.added, found.known) == ("ann", [], 7)


def test_a_field_without_a_default_is_asked_for_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unwritten, match="Needing needs added"):
        renewed(monkeypatch, "Old", Needing, Old("ann", 5))


def test_what_a_constructor_would_have_given_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Plainer:
        def __init__(self) -> None:
            self.first = self.second = 1

    with pytest.raises(Unwritten, match="needs second"):
        renewed(monkeypatch, "Plainly", Plainer, Plainly()).check()


def test_a_class_that_is_gone_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    data = freeze({"it": Plainly()}, OWN)
    monkeypatch.delattr(sys.modules[__name__], "Plainly")
    with pytest.raises(Unwritten, match="Plainly"):
        Frozen(data, NAMED.__getitem__)


def test_what_cannot_be_carried_is_refused_when_it_is_written() -> None:
    with pytest.raises(Unwritten, match="lambda"):
        freeze({"it": lambda: None}, OWN)


def test_nothing_but_ours_is_made() -> None:
    data = freeze({"it": subprocess.Popen}, OWN)
    with pytest.raises(Unwritten, match=r"subprocess\.Popen is not to be handed over"):
        Frozen(data, NAMED.__getitem__)


def test_who_is_the_same_stays_the_same_and_values_stay_equal() -> None:
    thing = Plainly()
    found = again(one=thing, other=[thing], mood=Mood.GOOD, bound=thing.move)
    assert found["one"] is found["other"][0] and found["mood"] is Mood.GOOD
    assert found["bound"].__self__ is found["one"]


def test_however_many_know_each_other_nothing_nests_deeply() -> None:
    house = House(cloak=unseen)
    people = [house.enter(f"user{number}")[0] for number in range(600)]
    for one, other in itertools.pairwise(people):
        room = house.hub.rooms.get_or_make("lobby")
        one.noted().watched[other.key], one.rooms = other.name, (room,)
        house.hub.watchers.add(one, other.key)
    for number in range(400):
        room = house.hub.rooms.get_or_make(f"room{number}")
        for user in people[number : number + 2]:
            house.hub.come(user, room)
    house.settle()
    hub = again(house=house)["house"].hub
    assert [user.name for user in hub] == [user.name for user in house.hub]
    assert [*map(len, (room.members for room in hub.rooms))] == [*map(len, (room.members for room in house.hub.rooms))]


def test_all_top_level_modules_are_ours() -> None:
    assert {"chat", "wires", "net", "visit", "record"} <= snapshot._OURS
    assert (ROOT / "snapshot.py").exists() and User.__module__ == "chat.turn" and Flow.__module__ == "chat.flow"
