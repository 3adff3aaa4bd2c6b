"""Fan-out: over whole histories of comings, goings and talk, everyone hears exactly what he should, once, in order.

The model is simple: a list per person, to which each event is added at once for whoever is there at that moment.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chat.events import Event, Noted, Ref, Request, Said
from chat.hub import REPLAY
from chat.mail import whisper
from chat.scrollback import RECENT
from chat.turn import User
from tests.plain_grammar import Reading, read_all
from tests.room import NOON, Ear, House, deliver, weather
from wires.crowds import Crowd, Way, by_dialect
from wires.jsonl import Jsonl
from wires.plain import Plain
from wires.wire import Wire

NAMES = ["ann", "bob", "cat", "dan", "eve"]
ROOMS = ["weather", "den", "attic", "lobby", "DEN"]
LASTING = ("lobby", "weather")
PAST = {
    "lobby": [Said(number, NOON, "lobby", "zoe", f"old {number}") for number in range(1, 61)],
    "weather": [Said(number, NOON, "weather", "ann", f"old {number}") for number in range(61, 109)],
}

Heard = tuple[Any, ...]
"""What a person hears, in the same words for every wire: `("said", "lobby", "ann", "text")`."""


class Told:
    """Someone in the model: what he must have heard, his rooms (the current one last), and whom he does not hear."""

    def __init__(self, name: str, json: bool) -> None:
        self.name = name
        self.json = json
        self.heard: list[Heard] = []
        self.rooms: list[str] = []
        self.blocked: set[str] = set()
        self.lost = False
        self.settled = 0  # how much of it was told by the last turn in which he was here

    def has_heard(self, found: list[Heard]) -> bool:
        """Return whether this is it; of the turn in which his connection broke, he may have heard all or nothing."""
        return found == self.heard or (self.lost and found == self.heard[: self.settled])

    def own(self, verb: str, text: str, **more: Any) -> None:
        """Note the acknowledgement that a program gets for its own message."""
        if self.json:
            self.heard.append(("accepted", verb, text, more.get("to")))

    def recall(self, messages: list[Heard]) -> None:
        """Note what was said before, but by those he has blocked."""
        heard = tuple(message for message in messages if message[2] not in self.blocked)
        if heard:
            self.heard.append(("recalled", heard))


class Model:
    """Who is here, in which rooms, what was said there, and who has heard what."""

    def __init__(self) -> None:
        self.here: dict[str, Told] = {}
        self.ever: list[Told] = []
        self.members: dict[str, list[Told]] = {room: [Told("Host", json=False)] for room in LASTING}
        self.titles = {"lobby": "Lobby", "weather": "Weather"}
        self.past: list[Heard] = [
            ("said", room, event.sender, event.text) for room in LASTING for event in PAST[room]
        ]  # in the order in which it was said

    def all(self, room: str, *heard: Any, but: Told | None = None) -> None:
        for told in self.members.get(room, ()):
            if told is not but:
                told.heard.append(heard)

    def said_in(self, *rooms: str) -> list[Heard]:
        """Return what these rooms remember, in order."""
        remembered = {room: [message for message in self.past if message[1] == room][-RECENT:] for room in rooms}
        return [message for message in self.past if message in remembered.get(message[1], ())]

    def enter(self, name: str, json: bool) -> Told:
        self.here[name] = told = Told(name, json)
        self.ever.append(told)
        self._come(told, "lobby")
        told.heard.append(("welcome", tuple(member.name for member in self.members["lobby"])))
        told.recall(self.said_in("lobby")[-REPLAY:])
        return told

    def join(self, name: str, typed: str) -> None:
        told, room = self.here[name], typed.lower()
        if room not in self.members:
            self.titles[room] = typed
        fresh = room not in told.rooms
        if fresh:
            self._come(told, room)
        else:
            told.rooms.remove(room)
            told.rooms.append(room)
        told.heard.append(("joined", self.titles[room], tuple(member.name for member in self.members[room])))
        if fresh:
            told.recall(self.said_in(room)[-REPLAY:])

    def part(self, name: str, room: str) -> None:
        told = self.here[name]
        self._go(told, room, kicked=False)
        told.heard.append(("parted", self.titles[room], self.titles[told.rooms[-1]]))

    def leave(self, name: str, how: str) -> None:
        told = self.here.pop(name)
        told.lost = how == "lost"
        current = told.rooms[-1]
        for room in tuple(told.rooms):
            self._go(told, room, how == "kicked")
        if how == "kicked":
            told.heard.append(("left", current, name, True))
        if how != "lost":
            told.heard.append(("goodbye",))

    def rename(self, old: str, new: str) -> None:
        told = self.here[old]
        for other in {id(other): other for room in told.rooms for other in self.members[room]}.values():
            other.heard.append(("renamed", old, new))
        self.here = {new if name == old else name: value for name, value in self.here.items()}
        told.name = new

    def talk(self, verb: str, name: str, text: str) -> None:
        room = self.here[name].rooms[-1]
        self.past.append((verb, room, name, text))
        for told in self.members[room]:
            if told.name == name:
                told.own("say" if verb == "said" else "me", text)
            elif name not in told.blocked:
                told.heard.append((verb, room, name, text))

    def whisper(self, name: str, to: list[str], text: str) -> None:
        for other in to:
            if name not in self.here[other].blocked:
                self.here[other].heard.append(("whispered", name, tuple(to), text))
        self.here[name].own("msg", text, to=tuple(to))
        if not self.here[name].json:
            self.here[name].heard.append(("answer", f"Sent to {', '.join(to)}."))

    def history(self, name: str, count: int) -> None:
        told = self.here[name]
        told.recall([message for message in self.said_in(*told.rooms) if message[2] not in told.blocked][-count:])

    def _come(self, told: Told, room: str) -> None:
        self.members.setdefault(room, []).append(told)
        told.rooms.append(room)
        self.all(room, "entered", room, told.name, but=told)

    def _go(self, told: Told, room: str, kicked: bool) -> None:
        self.members[room].remove(told)
        told.rooms.remove(room)
        self.all(room, "left", room, told.name, kicked)
        if not self.members[room]:
            del self.members[room]


def ways(crowd: Crowd) -> dict[object, list[Way]]:
    """Return who hears, by dialect."""
    return {dialect: group.ways for dialect, group in crowd.items()}


class Play:
    """One history, played to the real hub and to the model."""

    def __init__(self) -> None:
        self.house = House(rooms=[weather()], past=PAST, first_id=1_000)
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
        elif what in ("join", "part") and here:
            getattr(self, f"_{what}")(here[first % len(here)], ROOMS[second])
        elif here:
            self.number += 1
            name, other = here[first % len(here)], here[second % len(here)]
            getattr(self, f"_{what}")(name, other, f"text {self.number}")

    def turn(self) -> None:
        turn = self.house.hub.take()
        before = {id(ear): len(ear.written) for _, ear in self.ears}
        deliver(turn, crowds=self.house.crowds)
        for _, ear in self.ears:
            assert len(ear.written) - before[id(ear)] in (0, 1), "one write a turn for each person"
        for room in self.house.hub.rooms:
            assert ways(self.house.crowds.of(room)) == ways(by_dialect(room.members)), "what is remembered is as it is"
        for told in self.model.here.values():
            told.settled = len(told.heard)

    def _ask(self, name: str, verb: str, rest: str) -> None:
        self.house.table.run(self.house.hub, self.users[name], Request(verb, rest, None, 1))

    def _enter(self, name: str, json: bool) -> None:
        if name in self.model.here:
            return
        self.users[name], ear = self.house.enter(name, Jsonl() if json else Plain())
        self.ears.append((self.model.enter(name, json), ear))

    def _join(self, name: str, room: str) -> None:
        self._ask(name, "join", room)
        self.model.join(name, room)

    def _part(self, name: str, room: str) -> None:
        rooms = self.model.here[name].rooms
        if room.isupper():  # without a name: the current one
            self._part(name, rooms[-1])
        elif room in rooms and len(rooms) > 1:
            self._ask(name, "part", room if room != rooms[-1] else "")
            self.model.part(name, room)

    def _say(self, name: str, _other: str, text: str) -> None:
        self._ask(name, "say", text)
        self.model.talk("said", name, text)

    def _act(self, name: str, _other: str, text: str) -> None:
        self._ask(name, "me", text)
        self.model.talk("acted", name, text)

    def _whisper(self, name: str, other: str, text: str) -> None:
        if name == other:
            return
        to = [each for each in self.model.here if each == other or (len(text) % 2 and each not in (name, other))]
        whisper(self.house.hub, self.users[name], to, text, 1)
        self.model.whisper(name, to, text)

    def _nick(self, name: str, other: str, text: str) -> None:
        new = f"x{text.removeprefix('text ')}"
        self._ask(name, "nick", new)
        self.users[new] = self.users.pop(name)
        self.model.rename(name, new)

    def _block(self, name: str, other: str, _text: str) -> None:
        told = self.model.here[name]
        if name == other:
            return
        if other in told.blocked:
            self._ask(name, "unblock", other)
            told.blocked.remove(other)
            told.heard.append(("answer", f"You hear {other} again."))
        else:
            self._ask(name, "block", other)
            told.blocked.add(other)
            told.heard.append(("answer", f"You hear nothing from {other} any more. /unblock {other} ends that."))

    def _history(self, name: str, other: str, _text: str) -> None:
        count = 1 + 3 * len(other)
        if not all(message[2] in self.model.here[name].blocked
                   for message in self.model.said_in(*self.model.here[name].rooms)):  # fmt: skip
            self._ask(name, "history", f"{count}")
            self.model.history(name, count)

    def _lose(self, name: str, _other: str, _text: str) -> None:
        self.house.hub.leave(self.users[name], "connection reset by peer")
        self.model.leave(name, "lost")

    def _quit(self, name: str, _other: str, _text: str) -> None:
        self._ask(name, "quit", "")
        self.model.leave(name, "quit")

    def _kick(self, name: str, _other: str, _text: str) -> None:
        self.house.hub.kick(self.users[name], self.house.host)
        self.model.leave(name, "kicked")


def heard(ear: Ear) -> list[Heard]:
    data = b"".join(ear.written)
    return list(_from_json(data) if isinstance(ear.wire, Jsonl) else _from_plain(iter(read_all(data)), data))


KEYS = {
    "said": ("room", "from", "text"),
    "acted": ("room", "from", "text"),
    "entered": ("room", "name"),
    "left": ("room", "name", "kicked"),
    "renamed": ("old", "new"),
    "goodbye": (),
}


def _from_json(data: bytes) -> Iterator[Heard]:
    last = 0
    recalled: list[dict[str, Any]] = []
    for line in data.split(b"\n")[:-1]:
        found = json.loads(line)
        kind = found["event"]
        if found.get("history"):
            recalled.append(found)
            continue
        assert found["id"] > last, "in the order of the hub, each once"
        last = found["id"]
        if kind == "history":
            ids = [before["id"] for before in recalled]
            assert ids == sorted(set(ids)) and ids[-1] < last and found["count"] == len(ids)
            yield "recalled", tuple((each["event"], each["room"], each["from"], each["text"]) for each in recalled)
            recalled = []
        elif kind == "welcome":
            yield kind, tuple(found["users"])
        elif kind == "joined":
            yield kind, found["title"], tuple(found["users"])
        elif kind == "parted":
            yield kind, found["title"], found["current_title"]
        elif kind == "told":
            yield "answer", found["text"]
        elif kind == "whispered":
            yield kind, found["from"], tuple(found["to"]), found["text"]
        elif kind == "accepted":
            yield kind, found["do"], found["text"], tuple(found["to"]) if "to" in found else None
        else:
            yield kind, *(found[key] for key in KEYS[kind])
        assert not recalled, "what was said before comes in one piece"


def _from_plain(readings: Iterator[Reading], data: bytes) -> Iterator[Heard]:
    rosters = iter([line for line in data.decode().split("\n") if line.startswith("&")])
    for kind, fields in readings:
        texts = [field for field in fields[1:] if field is not None]
        if kind == "roster":
            yield "welcome", tuple(next(rosters).split("&")[1:])
        elif kind in ("said", "acted", "entered"):
            yield _placed(kind, fields)
        elif kind in ("exited", "kicked"):
            yield *_placed("left", fields[:3]), kind == "kicked"
        elif kind == "whispered":
            yield kind, texts[0], tuple(texts[1].split(",")), texts[2]
        elif kind == "answer":
            yield _from_answer(texts[0], readings)
        elif kind == "goodbye":
            yield (kind,)
        elif kind != "accepted":
            yield kind, *texts


def _placed(kind: str, fields: tuple[str | None, ...]) -> Heard:
    return kind, fields[1] or "lobby", *fields[2:]


def _from_answer(text: str, readings: Iterator[Reading]) -> Heard:
    """Return what an answer means; the lines that belong to it are taken along."""
    if text.startswith("Said before, since "):
        count = int(text.rpartition(" ")[2])
        recalled = [_placed(kind, fields) for kind, fields in (next(readings) for _ in range(count))]
        assert next(readings)[1][1] == "End of what was said before."
        return "recalled", tuple(recalled)
    if text.startswith("Welcome to the "):
        title, _, users = text.removeprefix("Welcome to the ").partition(" Channel (")
        if title == "Weather":
            assert next(readings)[1][1] == "Talk about the weather"
        here = (next(readings)[1][1] or "").removeprefix("Here: ").split(", ")
        assert users == f"{len(here)} user{'s' if len(here) > 1 else ''})"
        return "joined", title, tuple(here)
    if text.startswith("You have left "):
        left, _, current = text.removeprefix("You have left ").removesuffix(" now.").partition("; you are in ")
        return "parted", left, current
    return "answer", text


a_step = st.tuples(
    st.sampled_from(
        "turn turn enter enter enter join join join part say say say act whisper block block nick history "
        "lose quit kick".split()
    ),
    st.integers(0, 4),
    st.integers(0, 4),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(a_step, max_size=40))
@example([("enter", 0, 0), ("enter", 1, 0), ("turn", 0, 0), ("say", 0, 0), ("block", 1, 0), ("say", 0, 0),
          ("block", 1, 0), ("nick", 0, 0), ("say", 0, 0)])  # fmt: skip
@example([("enter", 0, 0), ("join", 0, 1), ("say", 0, 0), ("part", 0, 1), ("join", 0, 1), ("turn", 0, 0),
          ("part", 0, 4), ("say", 0, 0), ("join", 0, 4)])  # fmt: skip
@example([("enter", 0, 0), ("nick", 0, 0), ("turn", 0, 0), ("enter", 0, 0), ("lose", 0, 0)])
def test_everyone_hears_exactly_what_he_should(steps: list[tuple[str, int, int]]) -> None:
    """Over all interleavings of comings, goings, rooms, talk, blocks, names, and what is recalled."""
    play = Play()
    for what, first, second in steps:
        play.step(what, first, second)
    play.turn()
    for told, ear in play.ears:
        assert told.has_heard(heard(ear)), (heard(ear), told.heard)


class CountingPlain(Plain):
    """Plain lines that count what they encode."""

    echoes = True  # asked for the author's own version, though it is empty
    encoded: ClassVar[Counter[int]] = Counter()
    owned: ClassVar[Counter[int]] = Counter()
    encode_all = Wire.encode_all

    def encode(self, event: Event) -> bytes:
        self.encoded[event.id] += 1
        return super().encode(event)

    def own(self, event: Event, ref: Ref) -> bytes:
        self.owned[event.id] += 1
        return super().own(event, ref)


class CountingJson(Jsonl):
    """JSON lines that count what they encode."""

    encoded: ClassVar[Counter[int]] = Counter()

    def encode_all(self, events: Sequence[Event]) -> bytes:
        self.encoded.update(event.id for event in events)
        return super().encode_all(events)


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
    _, recalled, said = heard(ear)
    assert recalled == ("recalled", (("said", "lobby", "user-0", "before"),))
    assert said == ("said", "lobby", "user-0", "after")


def test_in_and_out_within_one_turn() -> None:
    house, users, (old,) = crowd([CountingPlain])
    brief, ear = house.enter("brief", Plain())
    house.hub.say(users[0], "hello")
    house.hub.leave(brief, "x")
    house.hub.say(users[0], "not for brief")
    again, second = house.enter("brief", Plain())
    house.settle()
    hello, not_for_brief = (("said", "lobby", "user-0", text) for text in ("hello", "not for brief"))
    assert heard(ear) == [("welcome", ("Host", "user-0", "brief")), hello]
    assert heard(second) == [("welcome", ("Host", "user-0", "brief")), ("recalled", (hello, not_for_brief))]
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


# ---- a fault of ours in one person's wire


class Broken(Jsonl):
    """A wire with a fault in it, at one of its ends."""

    echoes = True

    def __init__(self, where: str) -> None:
        super().__init__()
        self.where = where
        self.dialect = type(self), where

    def encode_all(self, events: Sequence[Event]) -> bytes:
        if self.where == "encode" and isinstance(events[0], Said):
            raise RuntimeError("broken")
        return super().encode_all(events)

    def own(self, event: Event, ref: Ref) -> bytes:
        if self.where == "own":
            raise RuntimeError("broken")
        return super().own(event, ref)

    def acknowledge(self, event: Event, ref: Ref) -> bytes:
        if self.where == "acknowledge":
            raise RuntimeError("broken")
        return super().acknowledge(event, ref)

    def join(self, pieces: list[bytes]) -> bytes:
        if self.where == "join":
            raise RuntimeError("broken")
        return super().join(pieces)


@pytest.mark.parametrize("lasts", [False, True])
@pytest.mark.parametrize("where", ["encode", "own", "acknowledge", "join"])
def test_a_fault_in_one_wire_costs_nobody_else_a_word(where: str, lasts: bool) -> None:
    house = House()
    (ann, _), (_, bob), (_, cat) = house.enter("ann"), house.enter("bob"), house.enter("cat", Jsonl())
    (dan, broken), (eve, other) = house.enter("dan", Broken("")), house.enter("eve", Broken(""))
    house.settle()
    for ear in (bob, cat, broken, other):
        ear.take()
    assert isinstance(broken.wire, Broken)
    broken.wire.where, broken.wire.dialect = where, (Broken, where)
    hub = house.hub
    hub.say(ann, "one")
    hub.say(dan, "two")
    hub.say(eve, "three")
    turn = hub.take()
    turn.lasts = lasts
    failed: list[tuple[object, str]] = []
    acknowledgements = deliver(turn, lambda listener, error: failed.append((listener, str(error))))
    assert failed == [(broken, "broken")]
    assert [line[11:] for line in bob.take().decode().split("\n")[:-1]] == ["ann > one", "dan > two", "eve > three"]
    for ear in (cat, other):
        said = [json.loads(line) for line in ear.take().splitlines()]
        assert [found["text"] for found in said if found["event"] == "said"][:2] == ["one", "two"]
    assert (other, b"") not in acknowledgements and lasts is any(ear is other for ear, _ in acknowledgements)


def test_without_anybody_to_tell_a_fault_is_raised() -> None:
    house = House()
    house.enter("dan", Broken("encode"))
    house.settle()
    house.hub.say(house.host, "one")
    with pytest.raises(RuntimeError, match="broken"):
        deliver(house.hub.take())
