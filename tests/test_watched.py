"""Watched over: the log, /metrics, /healthz, and what systemd and we say to each other, by its own protocol."""

from __future__ import annotations

import http.client
import json
import os
import re
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support import PATIENCE, ROOT, JsonClient, LineClient, PlainClient, Server, needs, wait_until
from wires.datagram import Code, frame

StartServer = Callable[..., Server]
SAMPLE = re.compile(r'(chat_[a-z_]+)(?:\{[a-z]+="([^"]*)"\})? ([0-9.e+-]+)')


def _get(server: Server, path: str, host: str = "127.0.0.1", **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(host, server.port, timeout=PATIENCE)
    try:
        connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def _figures(server: Server) -> dict[str, float]:
    """Return the figures by name, those with a label as name:label."""
    status, text = _get(server, "/metrics")
    assert status == 200
    found = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            sample = SAMPLE.fullmatch(line)
            assert sample, line
            found[":".join(filter(None, sample.group(1, 2)))] = float(sample[3])
    return found


# ---- /metrics and /healthz


def test_the_figures_follow_what_happens(start_server: StartServer, tmp_path: Path) -> None:
    server = start_server("--data", tmp_path, "--room", "Weather")
    with PlainClient(server, "bob") as bob, JsonClient(server, "ann") as ann:
        before = _figures(server)
        assert (before["chat_people"], before["chat_rooms"], before["chat_store_healthy"]) == (2, 2, 1)
        assert before["chat_connections:plain"] == before["chat_connections:json"] == 1
        for _ in range(3):
            ann.request("say", text="x" * 1_000)
        bob.send_line("/me waves")
        bob.send_line("/msg ann psst")
        bob.send_line("/nonsense")
        bob.wait_for("There is no command")
        server.type("KICK bob")
        bob.wait_for("kicked")
        wait_until(lambda: _figures(server)["chat_people"] == 1)
        now = _figures(server)
        assert now["chat_messages_total:said"] == before["chat_messages_total:said"] + 3
        assert now["chat_messages_total:acted"] == now["chat_messages_total:private"] == 1
        assert now["chat_kicks_total"] == now["chat_ended_total:kicked"] == 1
        assert now["chat_refused_total:unknown_command"] == 1
        assert now["chat_received_bytes_total"] >= before["chat_received_bytes_total"] + 3_000
        assert now["chat_sent_bytes_total"] >= before["chat_sent_bytes_total"] + 3_000
        assert 0 < now["chat_loop_stall_seconds"] < 5 and 0 < before["chat_loop_stall_seconds"] < 5


def test_prometheus_own_reader_understands_every_figure(start_server: StartServer, tmp_path: Path) -> None:
    """And `promtool check metrics` has nothing to say, where it is installed: `make test` tries to fetch it."""
    text = _get(start_server("--data", tmp_path), "/metrics")[1]
    promtool = shutil.which("promtool", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if promtool:
        done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout + done.stderr) == (0, "")
    families = list(text_string_to_metric_families(text))
    assert all(family.documentation and family.type != "unknown" for family in families)
    samples = [(sample.name, tuple(sample.labels.items())) for family in families for sample in family.samples]
    assert len(samples) == len(set(samples)) > 10
    assert all(family.name.startswith("chat_") for family in families)


def test_others_do_not_learn_that_there_are_figures(start_server: StartServer) -> None:
    server = start_server("--host", "")
    assert _get(server, "/metrics")[0] == 200
    for header in ("Forwarded", "X_Forwarded_For", "X_Real_IP", "Via"):
        assert _get(server, "/metrics", **{header: "127.0.0.1"}) == (404, "There is nothing here.\n")
    assert _get(server, "/nowhere") == (404, "There is nothing here.\n")
    if not server.host.startswith("127."):
        assert _get(server, "/metrics", server.host)[0] == 404
        trusting = start_server("--host", "", "--metrics-from", f"{server.host}/32")
        assert _get(trusting, "/metrics", server.host)[0] == 200


def test_health_is_that_of_the_store(start_server: StartServer, tmp_path: Path) -> None:
    server = start_server("--data", tmp_path)
    assert _get(server, "/healthz") == (200, "ok\n")
    (tmp_path / "chat.db").rename(tmp_path / "away")
    server.type("is this kept?")
    server.wait_for("What is said cannot be stored")
    assert _get(server, "/healthz") == (503, "What is said cannot be stored.\n")
    (tmp_path / "away").rename(tmp_path / "chat.db")
    server.wait_for("What is said is stored again")
    assert _get(server, "/healthz") == (200, "ok\n")


def test_handshakes_are_counted(start_server: StartServer, tmp_path: Path) -> None:
    from tests.tls import issue  # it needs trustme

    papers = issue(tmp_path / "papers")
    server = start_server(*papers.options)
    with PlainClient(server, "bob", tls=papers.trust), LineClient(server) as broken:
        broken.send(b"\x16\x03\x01\x00\x05hello")
        wait_until(lambda: _figures(server)["chat_tls_handshakes_total:broken_off"] == 1)
        assert _figures(server)["chat_tls_handshakes_total:done"] == 1


# ---- the log


def test_the_log_has_what_happened_and_nothing_that_was_said(start_server: StartServer, tmp_path: Path) -> None:
    log = tmp_path / "logs" / "chat.log"
    server = start_server("--log", log, "--data", tmp_path / "data")
    with JsonClient(server, "ann") as ann:
        ann.request("say", text="my dear diary")
        assert ann.request("register", password="quite a secret")["event"] == "told"
        ann.request("msg", to="Host", text="psst")
        server.type("RESET ann")
        server.wait_for("The password of ann is now")
        server.type("KICK ann")
        ann.wait_for("left")
    server.stop()
    text = log.read_text()
    assert re.search(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d INFO room: ann is on line from 127", text)
    assert "ann is off line: kicked by Host." in text and "The host has closed the room." in text
    for never in ("diary", "secret", "psst", "password"):
        assert never not in text
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_the_log_as_json_and_from_a_level_on(start_server: StartServer, tmp_path: Path) -> None:
    everything, grave = tmp_path / "everything", tmp_path / "grave"
    for log, level in ((everything, "info"), (grave, "warning")):
        folder = tmp_path / level
        server = start_server("--data", folder, "--log", log, "--log-json", "--log-level", level)
        (folder / "chat.db").unlink()
        server.type("hello")
        server.wait_for("cannot be stored")
        server.stop()
    levels = [[json.loads(line)["level"] for line in log.read_text().splitlines()] for log in (everything, grave)]
    assert set(levels[0]) == {"info", "warning"} and set(levels[1]) == {"warning"}
    assert "cannot be stored" in grave.read_text()


def test_a_log_that_is_too_large_is_begun_anew(tmp_path: Path) -> None:
    import logging

    from net.journal import Journal

    journal = Journal(str(tmp_path / "log"), "info", False, size=2_000)
    for number in range(100):
        journal.handle(logging.LogRecord("room", logging.INFO, "", 0, "line %s\nforged", (number,), None))
    journal.finish(PATIENCE)
    found = sorted(path.name for path in tmp_path.iterdir())
    assert found == ["log", "log.1", "log.2"] and all(path.stat().st_size <= 2_000 for path in tmp_path.iterdir())
    text = "".join((tmp_path / name).read_text() for name in reversed(found))
    assert re.findall(r"room: line (\d+) / forged\n", text) == [str(number) for number in range(100)]


def test_a_log_that_nobody_can_write_stops_the_start(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("pipe", "link", "."):
        command = [sys.executable, str(ROOT / "chat_server.py"), "--port", "0", "--log", str(tmp_path / name)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
        assert done.returncode == 2 and "cannot be written" in done.stderr
    assert not (tmp_path / "elsewhere").exists()


def test_a_disk_that_hangs_keeps_nobody_waiting(tmp_path: Path) -> None:
    """A record more than the queue has room for is counted, and not waited for."""
    import logging

    from net import journal

    full = journal.Journal(str(tmp_path / "log"), "info", False)
    record = logging.LogRecord("room", logging.INFO, "", 0, "line", (), None)
    full._file.acquire()  # as if the thread hung in write()
    try:
        for _ in range(journal.WAITING + 100):
            full.handle(record)
        assert full.lost >= 98
    finally:
        full._file.release()
    full.finish(PATIENCE)


# ---- systemd


class Supervisor:
    """The socket that systemd would listen on."""

    def __init__(self) -> None:
        name = uuid.uuid4().hex
        self.address = f"@{name}"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"\0{name}")
        self._socket.settimeout(PATIENCE)

    def hear(self, wanted: str) -> str:
        """Return the next message that has `wanted` in it."""
        while wanted not in (said := self._socket.recv(4_096).decode()):
            pass
        return said

    def silent(self) -> bool:
        return not select.select([self._socket], [], [], 0)[0]

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    """Return what systemd would be."""
    found = Supervisor()
    yield found
    found.close()


def test_it_tells_that_it_is_ready_reloading_and_stopping(start_server: StartServer, supervisor: Supervisor) -> None:
    server = start_server(env={**os.environ, "NOTIFY_SOCKET": supervisor.address})
    assert "STATUS=0 people · 1 room" in supervisor.hear("READY=1")
    server.process.send_signal(signal.SIGHUP)
    assert re.search(r"^MONOTONIC_USEC=\d+$", supervisor.hear("RELOADING=1"), re.MULTILINE)
    supervisor.hear("READY=1")
    with PlainClient(server, "bob"):
        supervisor.hear("STATUS=1 person")
    server.type("EXIT 60")
    supervisor.hear("closes at ")
    server.process.terminate()
    supervisor.hear("STOPPING=1")
    assert server.wait() == 0


def test_it_shows_signs_of_life_while_the_loop_turns(start_server: StartServer, supervisor: Supervisor) -> None:
    watched = {**os.environ, "NOTIFY_SOCKET": supervisor.address, "WATCHDOG_USEC": "400000"}
    server = start_server(env=watched)
    supervisor.hear("READY=1")
    for _ in range(3):
        supervisor.hear("WATCHDOG=1")
    server.process.send_signal(signal.SIGSTOP)
    wait_until(lambda: "T" in Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()[0])
    while not supervisor.silent():
        supervisor.hear("")
    assert not select.select([supervisor._socket], [], [], 0.6)[0], "a stopped server must be missed"
    server.process.send_signal(signal.SIGCONT)
    supervisor.hear("WATCHDOG=1")
    other = {**watched, "WATCHDOG_PID": "1"}
    start_server(env=other)
    supervisor.hear("READY=1")


LAUNCHER = """
import os, sys
for target, fd in enumerate(map(int, sys.argv[1].split(",")), 3):
    os.dup2(fd, target)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(target - 2))
os.execv(sys.executable, [sys.executable, "-X", "dev", "-W", "error", *sys.argv[2:]])
"""


def test_it_takes_the_sockets_that_systemd_holds(tmp_path: Path) -> None:
    """The listening socket outlives the server: who connects while it starts anew is not refused."""
    with socket.create_server(("127.0.0.1", 0)) as door, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.bind(door.getsockname())
        high = [os.dup(sock.fileno()) for sock in (door, datagrams)]
        script = [str(ROOT / "chat_server.py"), "--port", "1", "--data", str(tmp_path)]
        command = [sys.executable, "-c", LAUNCHER, ",".join(map(str, high)), *script]

        def launch() -> subprocess.Popen[bytes]:
            return subprocess.Popen(command, pass_fds=high, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)

        address = door.getsockname()
        early = socket.create_connection(address)
        for _ in range(2):
            server = launch()
            try:
                early.settimeout(PATIENCE)
                early.sendall(b"bob\n")
                assert early.recv(3) == b"OK\n"
                early.close()
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as eve:
                    eve.settimeout(PATIENCE)
                    eve.sendto(frame(Code.LOGIN_REQ, "eve"), address)
                    assert eve.recv(100)
            finally:
                server.terminate()
                out, _ = server.communicate(timeout=PATIENCE)
            assert server.returncode == 0 and re.search(rf"^Chat running \S+:{address[1]}$", out.decode(), re.MULTILINE)
            early = socket.create_connection(address)
        early.close()
        for fd in high:
            os.close(fd)


def test_sockets_meant_for_another_process_are_left_alone(start_server: StartServer) -> None:
    server = start_server(env={**os.environ, "LISTEN_PID": "1", "LISTEN_FDS": "3"})
    with PlainClient(server, "bob") as bob:
        assert bob.users == ["Host", "bob"]


def test_systemd_finds_no_fault_with_the_units(tmp_path: Path) -> None:
    """`systemd-analyze verify`, with this Python and these sources in the places where the units expect them."""
    needs("systemd-analyze")
    for unit in ("chat.service", "chat.socket"):
        text = (ROOT / "deploy" / unit).read_text(encoding="utf-8")
        text = text.replace("/opt/chat-room/.venv/bin/python", sys.executable).replace("/opt/chat-room", str(ROOT))
        (tmp_path / unit).write_text(text, encoding="utf-8")
    units = [str(tmp_path / unit) for unit in ("chat.service", "chat.socket")]
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
    found = [line for line in done.stderr.splitlines() if "chat." in line]
    assert (done.returncode, found) == (0, [])
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--threshold=20", units[0]],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
