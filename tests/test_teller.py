"""Telling: what is much takes several turns of the loop, in which others are served; nobody sees another order."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import net.loop
import options
import server as serving
import teller
import wires.fanout
from chat.changes import Coloured
from chat.turn import Turn
from net.loop import Loop
from tests.room import NOON, House
from tests.test_fanout import Play, Told, a_step, heard
from wires.fanout import Telling
from wires.plain import Plain

CROWD = 320
LAST = f"guest{CROWD - 1}"


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is never time for more than one part of a telling."""
    monkeypatch.setattr(net.loop, "SETTLING", -1.0)
    monkeypatch.setattr(net.loop, "LEAST", -1.0)


class Hall:
    """A server in this thread, turned by the test, with a crowd in it."""

    def __init__(self) -> None:
        self.server = serving.Server(options.parse(["--host", "127.0.0.1", "--port", "0", "--no-flood-limit"]))
        self.people: dict[str, Person] = {}

    def enter(self, *names: str, wire: str = "plain") -> Person:
        """Let people in, and all of them hear of it; returns the last one."""
        for name in names:
            self.people[name] = person = Person(self.server.port)
            login = json.dumps({"do": "login", "name": name, "token": ""}) if wire == "json" else name
            person.say(login)
        self.until(person, names[-1])
        self.quiet()
        return self.people[names[-1]]

    def until(self, person: Person, wanted: str) -> None:
        """Turn until somebody has heard something."""
        deadline = time.monotonic() + 20
        while wanted not in person.heard():
            assert time.monotonic() < deadline, f"{wanted!r} did not come, but {person.text!r}"
            self.server.loop.turn(0.02)

    def quiet(self) -> None:
        """Turn until nothing more is to be told; all forget what they have heard."""
        for _ in range(3):
            self.server.loop.turn(0.01)
            while self.server.loop.behind:
                self.server.loop.turn(0.01)
        for person in self.people.values():
            person.heard()
            person.text = ""

    def begin(self, name: str, line: str) -> None:
        """Have somebody say something to the crowd, of which the first have heard then."""
        self.people[name].say(line)
        while not self.server.loop.behind:
            self.server.loop.turn(0.02)

    def waiting(self, line: str) -> set[str]:
        """Return who has not heard it."""
        return {name for name, person in self.people.items() if line not in person.heard()}

    def close(self) -> None:
        self.server.hub.close("The test is over.")
        for person in self.people.values():
            person.socket.close()
        self.server.loop.catch_up()
        for _ in range(20):
            self.server.loop.turn(0.01)
        self.server.console.close()
        self.server.loop.close()


class Person:
    """A socket, and what has come through it."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self.socket.setblocking(False)
        self.text = ""

    def say(self, *lines: str) -> None:
        self.socket.send("".join(f"{line}\n" for line in lines).encode())

    def heard(self) -> str:
        with contextlib.suppress(BlockingIOError):
            self.text += self.socket.recv(1 << 20).decode()
        return self.text


@pytest.fixture
def hall(in_parts: None) -> Iterator[Hall]:
    made = Hall()
    try:
        made.enter("ann")
        made.enter(*(f"guest{number}" for number in range(CROWD)))
        yield made
    finally:
        made.close()


def test_others_are_served_while_a_crowd_is_told(hall: Hall) -> None:
    dan = hall.enter("dan")
    dan.say("/join den", "/part lobby")
    hall.until(dan, "You have left")
    hall.quiet()
    hall.begin("ann", "hello")
    dan.say("/wholast x")
    hall.until(dan, "will not do")
    late = hall.waiting("ann > hello") - {"dan", "ann"}
    assert late, "it was still under way when dan had his answer"
    hall.until(hall.people[LAST], "ann > hello")
    hall.server.loop.catch_up()
    assert hall.waiting("ann > hello") == {"dan", "ann"}


def test_who_is_answered_meanwhile_has_first_heard_what_was_said_before(hall: Hall) -> None:
    hall.begin("ann", "hello")
    last = hall.people[LAST]
    assert LAST in hall.waiting("ann > hello")
    last.say("/wholast x")
    hall.until(last, "will not do")
    assert last.text.index("ann > hello") < last.text.index("will not do")
    assert len(hall.waiting("ann > hello")) > 10, "nobody else was told before his turn"
    hall.server.loop.catch_up()
    assert last.heard().count("ann > hello") == 1


def test_who_leaves_meanwhile_has_heard_what_was_said_before(hall: Hall) -> None:
    for name, go in ((LAST, "/quit"), (f"guest{CROWD - 2}", "")):
        hall.quiet()
        hall.begin("ann", f"hello {name}")
        person = hall.people.pop(name)
        person.say(go) if go else person.socket.shutdown(socket.SHUT_WR)
        hall.until(person, f"hello {name}")
        hall.until(hall.people["guest0"], f"{name} exited")
        assert "exited" not in person.heard()
        person.socket.close()


def test_who_comes_back_meanwhile_hears_nothing_twice(hall: Hall) -> None:
    first = Person(hall.server.port)
    hall.people["eve"] = first
    first.say(json.dumps({"do": "login", "name": "eve", "token": ""}))
    hall.until(first, '"welcome"')
    welcome = next(json.loads(line) for line in first.text.split("\n") if '"welcome"' in line)
    hall.quiet()
    hall.begin("ann", "hello")
    assert "hello" not in first.heard()
    again = hall.people["again"] = Person(hall.server.port)
    again.say(json.dumps({"do": "login", "token": welcome["token"], "since": str(welcome["id"])}))
    hall.until(again, '"resumed"')
    hall.server.loop.catch_up()
    assert (first.heard() + again.heard()).count('"hello"') == 1


def test_nobody_is_heard_twice_before_it_is_told(hall: Hall) -> None:
    """So what is to be told next is bounded by how many talk, not by how fast."""
    hall.begin("ann", "hello")
    room = hall.server.hub.rooms.lobby
    for line in ("line 0", "line 1"):
        hall.people["guest7"].say(line)
        hall.server.loop.turn(0)
        assert room.scrollback.last(1)[0].text == "line 0"
    hall.server.loop.turn(0)
    assert hall.server.loop.untold and room.scrollback.last(1)[0].text == "line 0"
    last = hall.people[LAST]
    hall.until(last, "line 1")
    assert last.text.index("hello") < last.text.index("line 0") < last.text.index("line 1")


def test_who_takes_another_look_meanwhile_hears_it_once_and_so_do_the_others(hall: Hall) -> None:
    hall.begin("ann", "hello")
    last, other = hall.people[LAST], hall.people["guest7"]
    assert {LAST, "guest7"} <= hall.waiting("ann > hello")
    last.say("/color on")
    hall.until(last, "Colours are on")
    hall.server.loop.catch_up()
    assert hall.waiting("ann > hello") == {"ann"}
    assert all(person.text.count("hello") == 1 for name, person in hall.people.items() if name != "ann")
    hall.begin("ann", "and now")
    hall.server.loop.catch_up()
    assert "\x1b[" in last.heard().rpartition("\n[")[2] and "\x1b[" not in other.heard()


def _say_together(hall: Hall, *names: str) -> None:
    """Have them say something, and wait until all have heard it; what they say next may be waited for."""
    for name in names:
        hall.people[name].say("hello")
    hall.until(hall.people[LAST], f"{names[-1]} > hello")
    hall.server.loop.catch_up()


@pytest.fixture
def patient(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> Hall:
    """A hall in which each telling counts as one that took long, with all the time to wait for an answer."""
    for name, value in (("LONG", 0.0), ("WAIT", 1e6), ("MOST", 60.0)):
        monkeypatch.setattr(teller, name, value)
    return hall


def test_those_who_spoke_together_are_waited_for(patient: Hall) -> None:
    """Else they would be told by turns for ever, with as many writes for each."""
    patient.enter("bob")
    _say_together(patient, "ann", "bob")
    patient.people["ann"].say("one")
    for _ in range(20):
        patient.server.loop.turn(0.01)
    assert patient.server.loop.untold, "bob may have more to say"
    assert patient.waiting("one") == {*patient.people}
    patient.people["bob"].say("two")
    patient.until(patient.people[LAST], "bob > two")
    assert "ann > one" in patient.people[LAST].text


def test_who_speaks_alone_waits_for_nobody(patient: Hall) -> None:
    _say_together(patient, "ann")
    patient.begin("ann", "one")
    patient.until(patient.people[LAST], "ann > one")


def test_nobody_is_waited_for_too_long(patient: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teller, "MOST", 0.02)
    patient.enter("bob")
    _say_together(patient, "ann", "bob")
    patient.begin("ann", "one")
    patient.until(patient.people[LAST], "ann > one")


def test_a_crowd_that_is_gone_at_once_is_told_of_once_each(hall: Hall) -> None:
    crowd = [hall.people.pop(f"guest{number}") for number in range(CROWD)]
    for person in crowd:
        person.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        person.socket.close()
    ann = hall.people["ann"]
    deadline = time.monotonic() + 20
    while ann.heard().count("exited") < CROWD:
        assert time.monotonic() < deadline, ann.text
        hall.server.loop.turn(0.02)
    gone = [line.split()[-2] for line in ann.text.split("\n") if "exited" in line]
    assert sorted(gone) == sorted(f"guest{number}" for number in range(CROWD))
    assert [user.name for user in hall.server.hub] == ["Host", "ann"]


def test_an_upgrade_or_an_end_tells_all_of_it(hall: Hall) -> None:
    hall.begin("ann", "hello")
    assert hall.waiting("ann > hello")
    hall.server.loop.catch_up()
    assert hall.waiting("ann > hello") == {"ann"}
    hall.begin("ann", "farewell")
    hall.server.settle()
    assert hall.waiting("ann > farewell") == {"ann"}


class Bare:
    """As much of a server as something is told in."""

    def __init__(self, house: House) -> None:
        self.store = house.store
        self.hub = house.hub
        self.loop = Loop()
        self.overseer = self

    def see(self, turn: Turn) -> None:
        """Nobody looks."""


class PlayInParts(Play):
    """The same histories, told one person a turn. Who is `lost` hears no more of what is still to be told."""

    def __init__(self) -> None:
        super().__init__()
        self.bare = Bare(self.house)
        self.teller = teller.Teller(self.bare)
        self.lost: list[Told] = []

    def turn(self) -> None:
        self.teller.tell(lambda: True)

    def _lose(self, name: str, other: str, text: str) -> None:
        self.teller.bring(self.users[name])
        self.lost.append(self.model.here[name])
        super()._lose(name, other, text)


@settings(max_examples=300, deadline=None)
@given(st.lists(a_step, max_size=40))
def test_everyone_hears_exactly_what_he_should_also_in_parts(steps: list[tuple[str, int, int]]) -> None:
    with pytest.MonkeyPatch.context() as bounds:
        for module, name, value in (
            (wires.fanout, "SMALL", 1),
            (wires.fanout, "PART", 1),
            (wires.fanout, "FEW", 1),
            (teller, "FEW", 2),
        ):
            bounds.setattr(module, name, value)
        play = PlayInParts()
        try:
            for what, first, second in steps:
                play.step(what, first, second)
            play.teller.tell_all()
            assert not play.bare.loop.behind
        finally:
            play.bare.loop.close()
        for told, ear in play.ears:
            found = heard(ear)
            assert found == (told.heard[: len(found)] if told in play.lost else told.heard)


@pytest.mark.parametrize("who", [0, 149], ids=["the first", "the last"])
def test_who_changes_his_dialect_is_told_the_rest_in_the_new_one(who: int) -> None:
    """An IRC client that takes a capability away wants no more of it; the others go on as they were."""
    house = House()
    ears = [house.enter(f"guest{number}")[1] for number in range(150)]
    house.settle()
    for ear in ears:
        ear.take()
    house.hub.say_all(house.host, "hello")
    telling = Telling(house.hub.take())
    telling.go_on(lambda: True)
    changed = ears.pop(who)
    assert isinstance(changed.wire, Plain) and not changed.written
    changed.wire.encode(Coloured(1, NOON, on=True))
    while not telling.go_on(lambda: True):
        pass
    told = {ear.take() for ear in ears}
    assert b"\x1b[" in changed.take() and len(told) == 1 and b"\x1b[" not in told.pop()


@pytest.mark.parametrize(("lines", "parts"), [(1, 3), (100, 8), (1_000, 19)])
def test_the_more_is_told_the_more_parts_it_has(lines: int, parts: int) -> None:
    house = House()
    ears = [house.enter(f"guest{number}")[1] for number in range(150)]
    house.settle()
    for ear in ears:
        ear.take()
    house.hub.say_all(house.host, "\n".join(["hello"] * lines))
    telling = Telling(house.hub.take())
    steps = 1
    while not telling.go_on(lambda: True):
        steps += 1
    assert steps == 2 + parts, "the host, those who hear as he does, and the others"
    assert [ear.take().count(b"hello") for ear in ears] == [lines] * 150
