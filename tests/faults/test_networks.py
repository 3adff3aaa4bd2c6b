"""Faults: networks that lose, double, delay, stall, cut and fall silent; the witnesses notice nothing."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.foreign import UdpClient
from tests.support import JsonClient, LineClient, PlainClient, Server, needs
from tests.support.networks import Namespace
from tests.support.rough import RoughAir, RoughRoad

StartServer = Callable[..., Server]
Unaffected = Callable[..., AbstractContextManager[Server]]

FAR_AWAY = """
import socket, sys, time
made = []
for data in sys.argv[3:]:
    made.append(socket.create_connection((sys.argv[1], int(sys.argv[2])), 10))
    made[-1].sendall(data.encode().decode("unicode_escape").encode())
    time.sleep(0.3)
    made[-1].recv(4096)
print("in", flush=True)
time.sleep(600)
"""
"""A program over there: connects once for each argument, sends that, and says nothing any more."""


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    """A computer whose link can be cut."""
    needs("ip")
    if os.geteuid():
        pytest.skip("needs root, for networks of its own")
    made = Namespace()
    yield made
    made.close()


@pytest.mark.parametrize(
    ("silent", "dead"),
    [(3, 1), pytest.param(120, 30, marks=[pytest.mark.long, pytest.mark.limit(200)])],
    ids=["lowered", "shipped"],
)
def test_the_link_goes_down(
    start_server: StartServer, unaffected: Unaffected, namespace: Namespace, silent: int, dead: int
) -> None:
    """Gone after `silent` seconds without a word, after `dead` with data in flight; what is sent meanwhile is kept."""
    lowered = ("--silent-limit", silent, "--ping-after", silent / 2, "--dead-limit", dead)
    server = start_server(
        "--host", "0.0.0.0", "--data", Path(os.environ["XDG_DATA_HOME"]) / "kept", *lowered, dev=False
    )
    server.host = "127.0.0.1"
    with PlainClient(server, "kim") as kim:
        kim.send_line("/register a good password")
        kim.wait_for("is registered, and yours")
    arguments = [
        '{"do":"login","name":"idle"}\\n',
        "busy\\n",
        '{"do":"login","name":"kim","password":"a good password"}\\n',
    ]
    code = [sys.executable, "-c", FAR_AWAY, namespace.host, str(server.port), *arguments]
    with subprocess.Popen(["ip", "netns", "exec", namespace.name, *code], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None and process.stdout.readline() == b"in\n"
            with JsonClient(server, "ann") as ann:
                with unaffected(server):
                    namespace.link("down")
                    began = time.monotonic()
                    ann.send_line('{"do":"msg","to":"busy,kim","text":"before anybody knows"}')
                    gone = {name: _gone(server, name, began, silent + 5) for name in ("busy", "kim", "idle")}
                assert gone["busy"] <= dead + 4 and gone["idle"] <= silent + 5, gone
                answer = ann.request("msg", to="kim", text="after that")
                assert answer["kept"] == ["kim"], answer
        finally:
            process.kill()
    with LineClient(server) as back:
        back.send_line("kim\na good password\n/inbox")
        back.wait_for("ann -> kim: after that")


def test_who_sits_still_outlives_a_lost_probe(start_server: StartServer, namespace: Namespace) -> None:
    """The kernel asks who says nothing whether he is there; that one such question is lost is no reason to end it."""
    server = start_server("--host", "0.0.0.0", "--ping-after", 8, "--dead-limit", 4, dev=False)
    server.host = "127.0.0.1"
    code = [sys.executable, "-c", FAR_AWAY, namespace.host, str(server.port), "still\\n"]
    with subprocess.Popen(["ip", "netns", "exec", namespace.name, *code], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None and process.stdout.readline() == b"in\n"
            time.sleep(7)  # this is how long he sits still
            namespace.swallow(True)
            time.sleep(1.5)
            namespace.swallow(False)
            time.sleep(4)  # as long as who does not answer is waited for
            with PlainClient(server, "ann") as ann:
                ann.send_line("/users")
                ann.wait_for("still")
            assert server.output is not None and "still is off line" not in server.output.text
        finally:
            process.kill()


def _gone(server: Server, name: str, began: float, within: float) -> float:
    """Wait until somebody is off line; return after how long."""
    deadline = began + within
    while not (found := re.search(rf"\[-\] {name} is off line", server.output.text if server.output else "")):
        assert time.monotonic() < deadline, f"{name} is not gone"
        time.sleep(0.05)
    assert found
    return time.monotonic() - began


# ---- UDP: what is lost is lost, and nothing is doubled --------------------------------------------------------


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.long)])
def test_datagrams_are_lost_doubled_and_out_of_order(
    start_server: StartServer, unaffected: Unaffected, seed: int
) -> None:
    """Each line is heard at most once by those whose own road is good; what the server got, all of them heard."""
    server = start_server(dev=False)
    with unaffected(server), RoughAir(server, seed=seed, lost=0.1, doubled=0.3, late=0.3) as air:
        with PlainClient(server, "bob") as bob, UdpClient(server, "cat") as cat, UdpClient(air) as eve:
            for _ in range(20):  # as the original client does: again until it is answered
                eve.send(20, "eve")
                with contextlib.suppress(AssertionError):
                    if eve.read(0.4) == (30, "eve"):
                        break
            for number in range(150):
                eve.send(90, f"line {number};")
                time.sleep(0.005)  # this is the pace
            time.sleep(0.3)  # not for luck: the latest is a fifth of a second behind
            with PlainClient(server, "end") as end:
                end.send_line("the end")
            heard = [int(number) for number in re.findall(r"eve > line (\d+);", _until(bob, "end > the end"))]
            same = []
            while (got := cat.read()) != (100, "Lobby end the end"):
                same += [int(number) for number in re.findall(r"line (\d+);", got[1])]
        assert air.repeated > 20 and air.delayed > 20 and air.dropped > 10
    assert len(heard) == len(set(heard)), sorted(n for n in set(heard) if heard.count(n) > 1)
    assert heard == same
    assert 110 <= len(heard) < 150


def _until(client: PlainClient, end: str) -> str:
    """Return all lines up to that one."""
    return client.read_until(end)


# ---- TCP ------------------------------------------------------------------------------------------------------

SESSIONS = {
    "plain": "{name}\nfirst\n/msg ann psst\nsecond\n/quit\n",
    "json": '{{"do":"login","name":"{name}"}}\n{{"do":"say","text":"first"}}\n{{"do":"say","text":"second"}}\n',
    "irc": "NICK {name}\r\nUSER x 0 * :x\r\nJOIN #lobby\r\nPRIVMSG #lobby :first\r\nPRIVMSG #lobby :second\r\n",
    "textbook": "ADD {name}\nMESSAGE first\nMESSAGE second\nQUIT\n",
    "web": "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
}


QUICK = {("plain", "cut")}


@pytest.mark.parametrize(
    ("wire", "end"),
    [
        pytest.param(wire, end, marks=[] if (wire, end) in QUICK else [pytest.mark.long])
        for wire in SESSIONS
        for end in ("cut", "half")
    ],
)
def test_cut_after_any_byte(start_server: StartServer, unaffected: Unaffected, wire: str, end: str) -> None:
    """Every way in, broken off at every few bytes: nobody stays behind, nothing is heard by halves."""
    server = start_server("--login-timeout", 1, "--request-timeout", 1, dev=False)
    with unaffected(server), PlainClient(server, "ann") as ann, RoughRoad(server, seed=3) as road:
        session = SESSIONS[wire].format(name="x00")
        cuts = range(1, len(session), max(1, len(session) // 25))
        for number, cut in enumerate(cuts):
            road.cut_after, road.half_close_after = (cut, 0) if end == "cut" else (0, cut)
            with LineClient(road) as client, contextlib.suppress(OSError):
                client.send(session.replace("x00", f"x{number:02}"))
                if end == "cut":
                    client.read_to_end()
        ann.send_line("/me is done")
        server.wait_for("* ann is done")
        _nobody_but(ann)
        said = re.findall(r"x\d\d > (\w+)", ann.pending.decode())
        assert set(said) <= {"first", "second"} or wire == "plain", said


def _nobody_but(ann: PlainClient) -> None:
    """Wait until nobody is here but ann and the witnesses."""
    deadline = time.monotonic() + 10
    while True:
        ann.send_line("/whoelse")
        if not re.search(r"x\d\d", ann.wait_for(re.compile(r"\[=\] .*in lobby|\[=\] \d+ ")) + ann.pending.decode()):
            return
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.mark.long
def test_a_slow_road_delivers_everything_in_order(start_server: StartServer, unaffected: Unaffected) -> None:
    """Pieces of a few bytes, each late, and a stall of a second."""
    server = start_server(dev=False)
    with (
        unaffected(server),
        RoughRoad(server, seed=5, delay=0.01) as road,
        PlainClient(road, "far") as far,
        PlainClient(server, "near") as near,
    ):
        for number in range(60):
            far.send_line(f"there {number};")
            near.send_line(f"back {number};")
            if number == 30:
                road.stalled = True
                time.sleep(1)  # this is the stall
                road.stalled = False
        far.send_line("/msg near the end")
        text = near.read_until("the end", 20)
        assert re.findall(r"far > there (\d+);", text) == [str(number) for number in range(60)]
        near.send_line("/msg far the end")
        assert re.findall(r"near > back (\d+);", far.read_until("the end", 20)) == [str(n) for n in range(60)]
