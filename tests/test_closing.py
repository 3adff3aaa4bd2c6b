"""EXIT, now and later: the countdown, and what everyone is told of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chat.countdown import Countdown, words
from chat.events import Refused
from tests.room import House
from tests.support import JsonClient, PlainClient, Server


class Timers:
    """Timers that run when a test moves the clock."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.waiting: list[Waiting] = []

    def later(self, seconds: float, action: Callable[[], None]) -> Waiting:
        self.waiting.append(Waiting(self.house.clock.now + seconds, action))
        return self.waiting[-1]

    def run(self, seconds: float) -> None:
        """Let time go by."""
        end = self.house.clock.now + seconds
        while due := sorted((it for it in self.waiting if it.action and it.when <= end), key=lambda it: it.when):
            self.house.clock.now = due[0].when
            action, due[0].action = due[0].action, None
            assert action
            action()
        self.house.clock.now = end


class Waiting:
    """One of them."""

    def __init__(self, when: float, action: Callable[[], None]) -> None:
        self.when = when
        self.action: Callable[[], None] | None = action

    def cancel(self) -> None:
        self.action = None


class Stage:
    """A room with bob in it, and a host who may set its end."""

    def __init__(self) -> None:
        self.house = House()
        self.timers = Timers(self.house)
        self.house.table.house.countdown = Countdown(self.house.hub, self.timers.later)
        self.bob = self.house.guest(b"bob\n")
        self.bob.lines()

    def type(self, line: str) -> None:
        request = self.house.table.read(self.house.host, line)
        self.house.table.run(self.house.hub, self.house.host, request)

    def heard(self) -> list[str]:
        """Return what bob was told since the last call, without marks."""
        self.house.settle()
        return [line.removeprefix("[=] ") for line in self.bob.lines()]


@pytest.fixture
def stage() -> Stage:
    """Return a room."""
    return Stage()


def test_it_is_told_at_sensible_moments(stage: Stage) -> None:
    stage.type("EXIT 12 lights out")
    told = stage.heard()
    for _ in range(12 * 60):
        stage.timers.run(1)
        told += stage.heard()
    assert told[:-1] == [
        f"The room closes in {when}: lights out"
        for when in ("12 minutes", "10 minutes", "5 minutes", "2 minutes", "1 minute", "30 seconds", "10 seconds")
    ]
    assert "The host has closed the room: lights out." in told[-1]
    assert stage.house.hub.closing == "The host has closed the room: lights out."


def test_another_time_takes_its_place(stage: Stage) -> None:
    stage.type("EXIT 10")
    stage.type("EXIT 2h tomorrow")
    assert stage.heard() == ["The room closes in 10 minutes.", "The room now closes in 2 hours: tomorrow"]
    stage.timers.run(3_599)
    assert stage.heard() == [] and stage.house.hub.closing is None
    stage.timers.run(1)
    assert stage.heard() == ["The room closes in 1 hour: tomorrow"]


def test_it_can_be_cancelled(stage: Stage) -> None:
    stage.type("EXIT 1")
    stage.type("EXIT cancel")
    assert stage.heard() == ["The room closes in 1 minute.", "The room stays open."]
    stage.timers.run(1_000)
    assert stage.heard() == [] and stage.house.hub.closing is None
    with pytest.raises(Refused, match="No end has been set"):
        stage.type("EXIT cancel")


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("EXIT", "The host has closed the room."),
        ("EXIT 0", "The host has closed the room."),
        ("EXIT tea time", "The host has closed the room: tea time."),
        ("EXIT cancel the party", "The host has closed the room: cancel the party."),
        ("EXIT 5x", "The host has closed the room: 5x."),
    ],
)
def test_without_a_time_it_is_now(stage: Stage, line: str, text: str) -> None:
    stage.type(line)
    assert stage.house.hub.closing == text


def test_longer_than_a_week_is_refused(stage: Stage) -> None:
    with pytest.raises(Refused, match="within 7 days"):
        stage.type("EXIT 169h")
    assert stage.heard() == []


def test_times_in_words() -> None:
    assert [words(it) for it in (1, 30, 60, 90, 120, 3_600, 5_400, 7_200, 2.5)] == [
        "1 second", "30 seconds", "1 minute", "90 seconds", "2 minutes", "1 hour", "90 minutes", "2 hours",
        "2.5 seconds",
    ]  # fmt: skip


def test_through_the_real_server(server: Server) -> None:
    with PlainClient(server, "bob") as bob, JsonClient(server, "ann") as ann:
        server.type("EXIT 2s good night")
        for wait in (bob.wait_for, server.wait_for):
            wait("The room closes in 2 seconds: good night")
        ann.wait_for("told", about="closing")
        bob.wait_for("The host has closed the room: good night.")
    assert server.wait() == 0
