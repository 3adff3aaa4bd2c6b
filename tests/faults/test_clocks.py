"""Faults: time that jumps or stands still. Nobody is put out for it, and what was said keeps its order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.faults.witness import Witness
from tests.support import Connection, JsonClient, PlainClient, Server, wait_until

StartServer = Callable[..., Server]
Unaffected = Callable[..., AbstractContextManager[Server]]


class Clock:
    """The wall clock of a server, which can be set; its monotonic clock goes on as it does."""

    def __init__(self, folder: Path) -> None:
        if not (found := sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))):
            pytest.skip("needs libfaketime (apt install faketime)")
        self._file = folder / "clock"
        self.set("+0")
        self.env = {
            **os.environ,
            "LD_PRELOAD": str(found[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, offset: str) -> None:
        """Let it show another time, such as +3600 or -3600 seconds from now."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{offset}\n", encoding="ascii")
        new.replace(self._file)


@pytest.mark.parametrize(
    "jumps",
    [("+3600", "-3600", "+0"), pytest.param(("-3600", "+3600", "-7200"), marks=pytest.mark.long)],
    ids=["forth", "back"],
)
def test_the_wall_clock_jumps(
    start_server: StartServer, unaffected: Unaffected, tmp_path: Path, jumps: tuple[str, ...]
) -> None:
    clock = Clock(tmp_path)
    server = start_server("--data", tmp_path / "kept", "--talk-burst", 500, dev=False, env=clock.env)
    with unaffected(server), JsonClient(server, "ann") as ann, JsonClient(server, "bob") as bob:
        times, ids = [], []
        for number, jump in enumerate(("+0", *jumps)):
            clock.set(jump)
            for part in range(3):
                said = ann.request("say", text=f"{number}.{part}")
                assert said["event"] == "accepted"
                times.append(said["time"])
                ids.append(said["id"])
            time.sleep(0.3)  # not for luck: timers that mind the wall clock would be due
        assert ids == sorted(ids)
        assert times != sorted(times)
        wanted = [f"{number}.{part}" for number in range(len(jumps) + 1) for part in range(3)]
        heard = [bob.wait_for("said", from_="ann")["text"] for _ in wanted]
        assert heard == wanted
        ann.tell("history", n=400)
        told = _history(ann)
        assert [each["id"] for each in told] == sorted(each["id"] for each in told)
        assert [each["text"] for each in told if each["from"] == "ann"] == wanted
        assert ann.request("ping")["event"] == bob.request("ping")["event"] == "pong"


def _history(ann: JsonClient) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    while (found := ann.read())["event"] != "history":
        if found.get("history"):
            told.append(found)
    return told


def test_sanctions_outlast_a_clock_that_jumps_and_end_when_it_is_time(
    start_server: StartServer, tmp_path: Path
) -> None:
    clock = Clock(tmp_path)
    server = start_server("--data", tmp_path / "kept", dev=False, env=clock.env)
    with PlainClient(server, "ann") as ann, PlainClient(server, "bob") as bob:
        server.type("MUTE bob 10m enough")
        server.type("BAN eve")
        bob.wait_for("muted for 10 min")
        for jump, muted in (("-3600", True), ("+0", True), ("+3600", False)):
            clock.set(jump)
            bob.send_line(f"may I speak at {jump}?")
            if muted:
                bob.wait_for("[!]")
            else:
                ann.wait_for(f"bob > may I speak at {jump}?")
            with Connection(server) as eve:
                eve.send("eve\n")
                eve.read_until("banned")
        server.type("BANS")
        server.wait_for("eve")


@pytest.mark.parametrize("seconds", [7, pytest.param(60, marks=[pytest.mark.long, pytest.mark.limit(150)])])
def test_the_server_is_stopped_and_goes_on(start_server: StartServer, seconds: int) -> None:
    """SIGSTOP: nobody is put out for what he could not help, and what he said meanwhile is heard, once."""
    limits = ("--silent-limit", 6, "--ping-after", 2, "--stall-limit", 5, "--login-timeout", 6) if seconds < 10 else ()
    server = start_server(*limits, dev=False)
    people = [Witness(wire, number, server) for number, wire in enumerate(("plain", "json", "web", "irc", "udp"))]
    try:
        with Connection(server) as newcomer:
            newcomer.send("late")
            for each in people:
                each.show_life()
            server.process.send_signal(signal.SIGSTOP)
            for each in people:
                each.say(f"w{each.number}n0;")
            newcomer.send("comer\n")
            time.sleep(seconds)  # this is the fault
            server.process.send_signal(signal.SIGCONT)
            newcomer.read_until("OK\n")
        _hear_each_other(people)
    finally:
        for each in people:
            each.socket.close()
    server.type("LIST_USERS")
    server.wait_for("console  here")


def _hear_each_other(people: list[Witness]) -> None:
    """Wait until everybody has heard all the others once; meanwhile they show that they are there."""
    heard: dict[int, list[int]] = {each.number: [] for each in people}

    def all_have() -> bool:
        for each in people:
            each.show_life()
            heard[each.number] += [who for who, _ in each.lines() if who != each.number]
        time.sleep(0.1)  # not for luck: so often is enough
        return all(len(heard[each.number]) >= len(people) - 1 for each in people)

    wait_until(all_have, what="all hear one another")
    assert all(sorted([each, *found]) == list(range(len(people))) for each, found in heard.items()), heard


@pytest.mark.long
@pytest.mark.limit(90)
def test_clients_are_stopped_and_go_on(start_server: StartServer, unaffected: Unaffected) -> None:
    """Twenty clients get SIGSTOP while the room talks; those who go on in time have missed nothing."""
    server = start_server("--stall-limit", 3, dev=False)
    code = (
        "import socket, sys\n"
        "made = [socket.create_connection((sys.argv[1], int(sys.argv[2]))) for _ in range(20)]\n"
        "for number, each in enumerate(made): each.sendall(b'stopped%d\\n' % number)\n"
        "ends = [each.makefile('rb') for each in made]\n"
        "print(all(any(b'the end' in line for line in end) for end in ends), flush=True)\n"
    )
    command = [sys.executable, "-c", code, server.host, str(server.port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            server.wait_for("stopped19 is on line")
            with unaffected(server), JsonClient(server, "loud") as loud:
                process.send_signal(signal.SIGSTOP)
                for number in range(30):
                    assert loud.request("say", text=f"{number} " + "x" * 2_000)["event"] == "accepted"
                time.sleep(1.5)  # this is the fault
                process.send_signal(signal.SIGCONT)
                assert loud.request("say", text="the end")["event"] == "accepted"
                assert process.communicate(timeout=20)[0] == "True\n"
        finally:
            process.kill()
