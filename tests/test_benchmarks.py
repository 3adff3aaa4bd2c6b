"""The benchmark counts right: every kind of workload for a moment, and servers that lose, swap or change a message.

Nothing here asks how fast anything is.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks import chart, machine, publish, tables
from benchmarks.bench import Bench, written
from benchmarks.curves import curve
from benchmarks.figures import Figures
from benchmarks.goals import Goal
from benchmarks.run import measure
from benchmarks.servers import LIMIT, LOAD, PEERS, Contender, Failed, build, is_installed, ours
from benchmarks.stall import stalls
from benchmarks.start import newcomers, start_up
from benchmarks.workloads import BROWSERS, MIXED, Pace, Workload
from tests.support import ROOT, alive, wait_until

BRIEF = Pace(repetitions=1, seconds=0.1, warm=0.05, idle=0.1, starts=1, newcomers=2)
OURS = ours(ROOT / "chat_server.py")
HERE = [LIMIT, OURS, *(peer for peer in PEERS if is_installed(peer))]
SMALL = Workload("small", receivers=10, senders=2, window=8)
ROOMS = Workload("rooms", receivers=32, senders=8, window=4, rooms=16, each=4)
KINDS = (
    Workload("mixed", 30, 3, 8, speech=MIXED),
    Workload("browsers", 10, 2, 8, speech=BROWSERS, sit=True),
    Workload("idle", 5, 5, 8, idle=10, quiet=5),
    Workload("slow", 9, 2, 64, slow=1),
    Workload("stored", 10, 2, 8, stored=50),
)


@pytest.fixture(scope="module", autouse=True)
def programs() -> None:
    build()


@pytest.mark.parametrize("contender", HERE, ids=lambda contender: contender.name)
def test_everybody_s_deliveries_are_counted(contender: Contender) -> None:
    work, audience = (SMALL, 9) if contender is LIMIT else (ROOMS, 7)  # the limit has one room
    found = measure(contender, work, BRIEF)
    assert found["messages"] > 0
    assert found["joined"] == found["people"] == work.receivers
    assert found["all_deliveries"] == audience * found["said"]


@pytest.mark.parametrize("work", KINDS, ids=lambda work: work.key)
def test_each_kind_of_workload_loses_nothing(work: Workload) -> None:
    found = measure(OURS, work, BRIEF)
    assert found["all_deliveries"] == (work.receivers - 1) * found["said"] > 0
    assert found["stored"] == work.stored + found["said"]
    assert found["server_cpu_seconds"] > 0
    assert found["stall"] > 0


def test_the_crowds_of_a_curve_talk_in_turn() -> None:
    points = [Workload("few", 10, 2, 8), Workload("many", 10, 2, 8, idle=5, quiet=5, stored=20)]
    runs = curve(OURS, points, replace(BRIEF, rounds=2))
    assert [run["workload"] for run in runs] == ["few", "many", "few", "many"]
    assert all(run["all_deliveries"] == 9 * run["said"] and run["server_cpu_seconds"] > 0 for run in runs)
    assert runs[2]["said"] > runs[0]["said"] and runs[2]["lost"] == 0


# ---- servers at fault


class Faulty:
    """A room that treats the fourth line of its first guest otherwise than it should."""

    def __init__(self, fault: str, guests: int = 3) -> None:
        self._fault, self._guests = fault, guests
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = self._door.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with self._door:
            guests = [self._door.accept()[0] for _ in range(self._guests)]
        for guest in guests:
            guest.recv(100)
            guest.sendall(b"OK\n")
        with guests[0].makefile("rb") as lines:
            said = [b"[12:00:00] u0000 > " + next(lines) for _ in range(8)]
        told = b"".join(self._spoilt(said))
        for guest in guests[1:]:
            guest.sendall(told)
        for guest in guests:
            guest.recv(1)
            guest.close()

    def _spoilt(self, said: list[bytes]) -> list[bytes]:
        spoilt = {
            "none": said,
            "lost": said[:3] + said[4:],
            "twice": said[:4] + said[3:],
            "swapped": [*said[:3], said[4], said[3], *said[5:]],
            "changed": [*said[:3], said[3][:-5] + b"9999\n", *said[4:]],
        }
        return spoilt[self._fault]

    def close(self) -> None:
        self._thread.join(10)


@pytest.fixture
def load() -> Iterator[Any]:
    rooms: list[Faulty] = []

    def run(fault: str) -> tuple[int, dict[str, Any]]:
        rooms.append(Faulty(fault))
        options = ["--receivers=3", "--senders=1", "--window=8", "--messages=8", "--speech=bare", "--seconds=5"]
        done = subprocess.run(
            [LOAD, f"--port={rooms[-1].port}", *options], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False
        )
        return done.returncode, json.loads(done.stdout.splitlines()[1])

    yield run
    for room in rooms:
        room.close()


@pytest.mark.parametrize(
    ("fault", "lost", "out_of_order", "garbled"),
    [("none", 0, 0, 0), ("lost", 2, 0, 0), ("twice", 0, 2, 0), ("swapped", 2, 2, 0), ("changed", 2, 0, 2)],
)
def test_a_server_at_fault_is_found_out(load: Any, fault: str, lost: int, out_of_order: int, garbled: int) -> None:
    code, found = load(fault)
    assert (found["lost"], found["out_of_order"], found["garbled"]) == (lost, out_of_order, garbled)
    assert code == (1 if fault != "none" else 0)


def test_who_does_not_start_fails_alone() -> None:
    broken = Contender("broken", (sys.executable, "-c", "print('no such luck')"))
    with pytest.raises(Failed, match="no such luck"):
        measure(broken, SMALL, BRIEF)
    bench = Bench(ROOT / "chat_server.py", [broken], BRIEF, "10/10/64")
    bench.run()
    assert [("error" in run, run["server"]) for run in bench.runs] == [
        (False, "ours"),
        (False, "limit"),
        (True, "broken"),
    ]


# ---- what is done once, and what is shown


@pytest.fixture(scope="module")
def results() -> dict[str, Any]:
    bench = Bench(ROOT / "chat_server.py", [], BRIEF, "10/10/64")
    bench.run()
    return {
        "machine": machine.about(),
        "versions": [],
        "missing": ["nats"],
        "pace": {"repetitions": 1, "seconds": 0.1},
        "start_up": start_up(OURS, BRIEF),
        "newcomers": newcomers(OURS, BRIEF, messages=200),
        "runs": bench.runs,
    }


def test_what_is_said_beside_the_hashing_of_passwords_is_all_heard_and_stored(results: dict[str, Any]) -> None:
    found = stalls(OURS, 0.3)
    assert all(stall["said"] > 0 and stall["stall"] > 0 for stall in found)
    assert "passwords waiting" in tables.text(tables.stalls(results | {"stalls": found}, Figures(results["runs"])))


def test_all_of_it_can_be_told(results: dict[str, Any]) -> None:
    shown = publish.parts(results)
    assert "| 10 listeners, 10 talking, 64 in flight |" in shown["summary"]
    assert "| longest stall, 10 listeners, 10 talking, 64 in flight | ≤ 20.0 ms |" in shown["goals"]
    assert "Not installed here: nats" in shown["where"]
    assert "last 50 messages, 200 in the store" in shown["single"]
    text = "# Speed\n<!-- figures: goals -->\nold\n<!-- end of figures -->\nmore\n"
    assert publish.filled(publish.filled(text, shown), shown).count("| goal |") == 1
    assert "old" not in publish.filled(text, shown)
    assert json.loads(written(results)) == results
    assert tables.text(tables.reached(results)).count("\n") == shown["goals"].count("\n")


def test_the_chart_is_a_picture(results: dict[str, Any]) -> None:
    picture = ET.fromstring(chart.draw(Figures(results["runs"]), "here & now"))
    bars = [it for it in picture.iter() if it.get("class") in ("ours", "limit")]
    assert len(bars) == 2
    wide = int(picture.get("width", "0"))
    assert all(float(bar.get("x", "")) + float(bar.get("width", "")) < wide for bar in bars)


def test_a_goal_tells_by_how_much_it_was_missed() -> None:
    assert Goal("share", 0.8, 0.9).verdict == "met"
    assert Goal("share", 0.8, 0.6).verdict == "missed by 25%"
    assert Goal("bytes", 2_560, 3_072, at_least=False).verdict == "missed by 20%"
    assert Goal("stall", 20, 50, at_least=False).verdict == "missed: 2.5 times as much"
    assert Goal("idle", 0.0, 0.1, at_least=False, unit=" %", digits=1).verdict == "missed by 0.1 %"


def test_the_readmes_have_places_for_the_figures() -> None:
    for readme in publish.READMES:
        assert publish.PLACE.search(readme.read_text(encoding="utf-8")), readme


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_broken_off_it_leaves_nothing_running(number: int, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.bench", "--no-peers", "--json", str(tmp_path / "figures")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, start_new_session=True) as bench:
        assert bench.stdout
        while b"1/" not in bench.stdout.readline():
            pass
        wait_until(lambda: _children(bench.pid), what="a server is started")
        children = _children(bench.pid)
        os.kill(bench.pid, number)
        assert bench.wait(15) in (130, 143)
        wait_until(lambda: not any(map(alive, children)), what="all that was started is gone")


def _children(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in re.findall(r"\d+", children)]
