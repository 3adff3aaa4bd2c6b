"""Fan-out: over whole histories of comings, goings and talk, everyone hears exactly what he should, once, in order.

The model is simple: a list per person, to which each event is added at once for whoever is there at that moment.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, ClassVar

from hypothesis import given, settings
from hypothesis import strategies as st

from chat.events import Event, Noted, Ref
from chat.mail import whisper
from chat.turn import User
from tests.plain_grammar import read_all
from tests.room import Ear, House
from wires.fanout import deliver
from wires.jsonl import Jsonl
from wires.plain import Plain
from wires.wire import Wire

NAMES = ["ann", "bob", "cat", "dan", "eve"]

Heard = tuple[Any, ...]
"""What a person hears, in the same words for every wire: `("said", "ann", "text")`."""


class Told:
    """Someone in the model: what he must have heard."""

    def __init__(self, name: str, json: bool) -> None:
        self.name = name
        self.json = json
        self.heard: list[Heard] = []

    def own(self, verb: str, text: str, **more: Any) -> None:
        """Note the acknowledgement that a program gets for its own message."""
        if self.json:
            self.heard.append(("accepted", verb, text, more.get("to")))


class Model:
    """Who is here, and who has heard what."""

    def __init__(self) -> None:
        self.here: dict[str, Told] = {}
        self.ever: list[Told] = []

    def all(self, *heard: Any, but: str = "") -> None:
        for name, told in self.here.items():
            if name != but:
                told.heard.append(heard)

    def enter(self, name: str, json: bool) -> Told:
        self.here[name] = told = Told(name, json)
        self.ever.append(told)
        self.all("entered", name, but=name)
        told.heard.append(("welcome", ("Host", *self.here)))
        return told

    def leave(self, name: str, how: str) -> None:
        told = self.here.pop(name)
        if how == "kicked":
            told.heard.append(("left", name, True))
        if how != "lost":
            told.heard.append(("goodbye",))
        self.all("left", name, how == "kicked")

    def rename(self, old: str, new: str) -> None:
        self.all("renamed", old, new)
        told = self.here[old]
        self.here = {new if name == old else name: value for name, value in self.here.items()}
        told.name = new

    def talk(self, verb: str, name: str, text: str) -> None:
        for other, told in self.here.items():
            if other == name:
                told.own("say" if verb == "said" else "me", text)
            else:
                told.heard.append((verb, name, text))

    def whisper(self, name: str, to: list[str], text: str) -> None:
        for other in to:
            self.here[other].heard.append(("whispered", name, tuple(to), text))
        self.here[name].own("msg", text, to=tuple(to))
        if not self.here[name].json:
            self.here[name].heard.append(("answer", f"Sent to {', '.join(to)}."))


class Play:
    """One history, played to the real hub and to the model."""

    def __init__(self) -> None:
        self.house = House()
        self.model = Model()
        self.users: dict[str, User] = {}
        self.ears: list[tuple[Told, Ear]] = []
        self.number = 0

    def step(self, what: str, first: int, second: int) -> None:
        here = list(self.model.here)
        if what == "turn":
            self.turn()
        elif what == "enter":
            self._enter(NAMES[first], json=bool(second % 2))
        elif here:
            self.number += 1
            name, other = here[first % len(here)], here[second % len(here)]
            getattr(self, f"_{what}")(name, other, f"text {self.number}")

    def turn(self) -> None:
        turn = self.house.hub.take()
        before = {id(ear): len(ear.written) for _, ear in self.ears}
        deliver(turn)
        for _, ear in self.ears:
            assert len(ear.written) - before[id(ear)] in (0, 1), "one write a turn for each person"

    def _enter(self, name: str, json: bool) -> None:
        if name in self.model.here:
            return
        self.users[name], ear = self.house.enter(name, Jsonl() if json else Plain())
        self.ears.append((self.model.enter(name, json), ear))

    def _say(self, name: str, _other: str, text: str) -> None:
        self.house.hub.say(self.users[name], text, 1)
        self.model.talk("said", name, text)

    def _act(self, name: str, _other: str, text: str) -> None:
        self.house.hub.act(self.users[name], text, 1)
        self.model.talk("acted", name, text)

    def _whisper(self, name: str, other: str, text: str) -> None:
        if name == other:
            return
        to = [each for each in self.model.here if each == other or (len(text) % 2 and each not in (name, other))]
        whisper(self.house.hub, self.users[name], to, text, 1)
        self.model.whisper(name, to, text)

    def _nick(self, name: str, other: str, text: str) -> None:
        new = f"x{text.removeprefix('text ')}"
        self.house.hub.rename(self.users[name], new, 1)
        self.users[new] = self.users.pop(name)
        self.model.rename(name, new)

    def _lose(self, name: str, _other: str, _text: str) -> None:
        self.house.hub.leave(self.users[name], "connection reset by peer")
        self.model.leave(name, "lost")

    def _quit(self, name: str, _other: str, _text: str) -> None:
        self.house.hub.leave(self.users[name], "said goodbye")
        self.house.hub.end(self.users[name], "quit", "Goodbye.")
        self.model.leave(name, "quit")

    def _kick(self, name: str, _other: str, _text: str) -> None:
        self.house.hub.kick(self.users[name], self.house.host)
        self.model.leave(name, "kicked")


def heard(ear: Ear) -> list[Heard]:
    data = b"".join(ear.written)
    return list(_from_json(data) if isinstance(ear.wire, Jsonl) else _from_plain(data))


def _from_json(data: bytes) -> Iterator[Heard]:
    last = 0
    for line in data.splitlines():
        found = json.loads(line)
        assert found["id"] > last, "in the order of the hub, each once"
        last = found["id"]
        kind = found["event"]
        keys = {
            "said": ("from", "text"),
            "acted": ("from", "text"),
            "entered": ("name",),
            "left": ("name", "kicked"),
            "renamed": ("old", "new"),
            "goodbye": (),
        }.get(kind)
        if kind == "welcome":
            yield kind, tuple(found["users"])
        elif kind == "whispered":
            yield kind, found["from"], tuple(found["to"]), found["text"]
        elif kind == "accepted":
            yield kind, found["do"], found["text"], tuple(found["to"]) if "to" in found else None
        else:
            assert keys is not None, kind
            yield kind, *(found[key] for key in keys)


def _from_plain(data: bytes) -> Iterator[Heard]:
    lines = data.decode().split("\n")
    for line, (kind, fields) in zip(lines, read_all(data), strict=False):
        texts = [field for field in fields[1:] if field is not None]
        if kind == "roster":
            yield "welcome", tuple(line.split("&")[1:])
        elif kind in ("exited", "kicked"):
            yield "left", texts[0], kind == "kicked"
        elif kind == "whispered":
            yield kind, texts[0], tuple(texts[1].split(",")), texts[2]
        elif kind == "goodbye":
            yield (kind,)
        elif kind != "accepted":
            yield kind, *texts


a_step = st.tuples(
    st.sampled_from("turn turn enter enter enter say say say act whisper nick lose quit kick".split()),
    st.integers(0, 4),
    st.integers(0, 4),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(a_step, max_size=40))
def test_everyone_hears_exactly_what_he_should(steps: list[tuple[str, int, int]]) -> None:
    play = Play()
    for what, first, second in steps:
        play.step(what, first, second)
    play.turn()
    for told, ear in play.ears:
        assert heard(ear) == told.heard


class CountingPlain(Plain):
    """Plain lines that count what they encode."""

    encoded: ClassVar[Counter[int]] = Counter()
    owned: ClassVar[Counter[int]] = Counter()

    def encode(self, event: Event) -> bytes:
        self.encoded[event.id] += 1
        return super().encode(event)

    def own(self, event: Event, ref: Ref) -> bytes:
        self.owned[event.id] += 1
        return super().own(event, ref)


class CountingJson(Jsonl):
    """JSON lines that count what they encode."""

    encoded: ClassVar[Counter[int]] = Counter()

    def encode(self, event: Event) -> bytes:
        self.encoded[event.id] += 1
        return super().encode(event)


def crowd(wires: list[type[Wire]]) -> tuple[House, list[User], list[Ear]]:
    house = House()
    pairs = [house.enter(f"user-{number}", wire()) for number, wire in enumerate(wires)]
    house.settle()
    for _, ear in pairs:
        ear.take()
    for counter in (CountingPlain.encoded, CountingPlain.owned, CountingJson.encoded):
        counter.clear()
    return house, [user for user, _ in pairs], [ear for _, ear in pairs]


def test_encoded_once_per_dialect_written_once_per_person() -> None:
    house, users, ears = crowd([CountingPlain, CountingJson] * 50)
    for user in users[:10]:
        for number in range(5):
            house.hub.say(user, f"line {number}")
    house.settle()
    assert set(CountingPlain.encoded.values()) == set(CountingJson.encoded.values()) == {1}
    assert len(CountingPlain.encoded) == len(CountingJson.encoded) == 50
    assert sum(CountingPlain.owned.values()) == 25, "the five authors on plain lines, five lines each"
    assert [len(ear.written) for ear in ears] == [1] * 100


def test_those_who_only_listen_get_the_same_bytes_object() -> None:
    house, users, ears = crowd([CountingPlain] * 20)
    house.hub.say(users[0], "one")
    house.hub.say(users[1], "two")
    house.settle()
    assert len({id(ear.written[0]) for ear in ears[2:]}) == 1
    assert len(ears[0].written[0].splitlines()) == len(ears[1].written[0].splitlines()) == 1


def test_a_silent_turn_writes_nothing() -> None:
    house, users, ears = crowd([CountingPlain] * 3)
    house.settle()
    whisper(house.hub, users[0], ["user-1"], "psst")
    house.settle()
    assert [len(ear.written) for ear in ears] == [1, 1, 0]


def test_what_is_said_in_the_turn_of_a_coming_is_heard_from_the_coming_on() -> None:
    house, users, _ = crowd([CountingPlain])
    house.hub.say(users[0], "before")
    _, ear = house.enter("late", Plain())
    house.hub.say(users[0], "after")
    house.settle()
    kinds = [kind for kind, _ in read_all(ear.take())]
    assert kinds == ["accepted", "roster", "said"]


def test_in_and_out_within_one_turn() -> None:
    house, users, (old,) = crowd([CountingPlain])
    brief, ear = house.enter("brief", Plain())
    house.hub.say(users[0], "hello")
    house.hub.leave(brief, "x")
    house.hub.say(users[0], "not for brief")
    again, second = house.enter("brief", Plain())
    house.settle()
    assert [kind for kind, _ in read_all(ear.take())] == ["accepted", "roster", "said"]
    assert [kind for kind, _ in read_all(second.take())] == ["accepted", "roster"]
    assert [kind for kind, _ in read_all(old.take())] == ["entered", "exited", "entered"]
    assert house.hub.find("brief") is again


def test_the_host_hears_it_all_in_his_own_words() -> None:
    house = House()
    bob, _ = house.enter("bob")
    house.hub.say(bob, "one\n[*] ann exited.")
    house.hub.kick(bob, house.host, "spam")
    house.settle()
    shown = house.console.take().decode().split("\n")
    assert shown[1:3] == ["[*] bob entered.", "USERS: [Host,bob]"]
    assert shown[3].endswith(" bob > one") and shown[4] == "    [*] ann exited.", (
        "indented: it cannot pass for an event"
    )
    assert shown[6:8] == ["[*] bob has been kicked out. (spam)", "USERS: [Host]"]
    assert not [post for post in house.hub.take().posts if isinstance(post.event, Noted)]
