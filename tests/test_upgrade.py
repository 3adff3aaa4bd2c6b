"""UPGRADE, through the real server: everybody stays, nothing is lost or doubled, and bad code changes nothing.

That a wire can be carried between any two bytes is shown in test_snapshot.py.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.store_helpers import rows
from tests.support import PATIENCE, ROOT, JsonClient, LineClient, PlainClient, Program, Server, Terminal, wait_until
from tests.support.crowd import CLEAR, Crowd
from tests.support.speakers import WIRES, Foreign, IrcSpeaker, Speaker
from tests.test_errands import send
from tests.tls import Papers, issue
from tests.web_client import CONT, TEXT, WebClient, frame, get

StartServer = Callable[..., Server]
SLOWEST = 60.0
DONE = re.compile(r"Upgraded: ([\d,]+) (?:person|people), ([\d,]+) ms\.")
CODE = ("chat", "commands", "net", "store", "web", "wires")


def upgrade(server: Server, people: int | None = None) -> int:
    """Have new code take over; return how many milliseconds the room stood still."""
    server.type("UPGRADE")
    found = server.wait_for(re.compile(rf"{DONE.pattern}|Nothing has changed: .*"), SLOWEST)
    assert found[1], found[0]
    assert people is None or int(found[1]) == people, found[0]
    return int(found[2].replace(",", ""))


def refused(server: Server) -> str:
    """Have new code take over that does not start; return why."""
    server.type("UPGRADE")
    return server.wait_for(re.compile(r"Nothing has changed: (.*)"), SLOWEST)[1]


class Copied(Server):
    """A server that runs from a copy of the code, in which a test may change what it likes."""

    def __init__(self, code: Path, *options: object) -> None:
        for source in ROOT.glob("*.py"):
            shutil.copy(source, code)
        for part in CODE:
            shutil.copytree(ROOT / part, code / part, ignore=shutil.ignore_patterns("__pycache__"))
        self.code = code
        self._nursery = None
        command = code / "chat_server.py", "--host", "127.0.0.1", "--port", 0, *options
        Program.__init__(self, *map(str, command), cwd=code)
        self._read_banner()

    def change(self, file: str, old: str, new: str) -> None:
        """Change the code on the disk."""
        text = (self.code / file).read_text(encoding="utf-8")
        assert old in text
        (self.code / file).write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def nursery() -> None:
    """Have servers started as people do it: new code is executed the way the old one was."""


@pytest.fixture
def start_copied(tmp_path: Path) -> Iterator[Callable[..., Copied]]:
    started: list[Copied] = []

    def run(*options: object) -> Copied:
        (tmp_path / "code").mkdir()
        started.append(Copied(tmp_path / "code", *options))
        return started[-1]

    yield run
    for server in started:
        server.stop()
        server.finish()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


def processor_time(server: Server) -> float:
    """Return the seconds of processor time that the server has had."""
    fields = Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def everyone(stack: ExitStack, server: Server) -> list[Speaker]:
    """Return somebody on each wire, who has seen all others come."""
    found: list[Speaker] = []
    for number, kind in enumerate(WIRES):
        speaker = kind(server)
        stack.callback(speaker.close)
        speaker.enter(f"user{number}")
        for before in found:
            before.wait_for("entered", f"user{number}")
        found.append(speaker)
    return found


# ---- everybody stays


@pytest.mark.limit(120)
def test_half_a_line_before_and_the_other_half_after_on_every_wire(start_server: StartServer, folder: Path) -> None:
    server = start_server("--data", folder)
    with ExitStack() as stack:
        people = everyone(stack, server)
        halves: dict[Speaker, tuple[bytes, bytes]] = {}
        for each in (each for each in people if not isinstance(each, Foreign)):  # whose words need no end
            said = each.say(f"from {each.name}, schön")
            halves[each] = said[: len(said) // 2], said[len(said) // 2 :]
            each.send(halves[each][0])
        pid = server.pid
        upgrade(server, len(people))
        assert server.pid == pid and server.process.poll() is None
        for each, (_, rest) in halves.items():
            each.send(rest)
            for other in people:
                if other is not each or each.echoes:
                    other.hears("said", each.name, f"from {each.name}, schön")
        for each in people:
            each.nothing_else()


@pytest.mark.limit(180)
def test_numbered_lines_of_all_wires_come_once_in_order(start_server: StartServer, folder: Path) -> None:
    server = start_server("--data", folder)
    with ExitStack() as stack:
        people = everyone(stack, server)
        server.type("UPGRADE")
        for number in range(30):
            for each in people:
                each.send(each.say(f"line {number}"))
            time.sleep(0.05)  # the traffic's own pace
        server.wait_for(DONE, SLOWEST)
        for each in people:
            heard: dict[str, list[str]] = {other.name: [] for other in people if other is not each or each.echoes}
            while any(len(lines) < 30 for lines in heard.values()):
                kind, *what = each.hear()
                if kind == "said":
                    heard[what[0]].append(what[1])
            assert all(lines == [f"line {number}" for number in range(30)] for lines in heard.values())
            each.nothing_else()


@pytest.mark.limit(180)
def test_a_hundred_people_of_all_wires_talk_on_through_two_upgrades(start_server: StartServer, folder: Path) -> None:
    server = start_server("--data", folder)
    with Crowd(server, 100) as crowd:
        crowd.talk()
        crowd.go_on(30)
        for _ in range(2):
            upgrade(server, 100)
            crowd.go_on(30)
        report = crowd.rest(SLOWEST)
        print(f"{report.lines} lines, each to 99 others; the slowest took {report.slowest:.2f} s")
        assert not report.wrong, report.wrong[:20]


@pytest.mark.limit(180)
def test_a_crowd_of_which_some_speak_tls_misses_nothing(
    start_server: StartServer, folder: Path, tmp_path: Path
) -> None:
    papers: Papers = issue(tmp_path)
    server = start_server(*papers.options)
    returns = "json+tls", "web+tls"
    with Crowd(server, 32, tls=papers.trust, wires=[*CLEAR, *returns], returns=returns) as crowd:
        crowd.talk()
        crowd.go_on(30)
        upgrade(server, 32)
        crowd.go_on(30)
        report = crowd.rest(SLOWEST)
        assert not report.wrong, report.wrong[:20]
        assert len(report.returned) == 8


@pytest.mark.limit(120)
def test_who_reads_slowly_gets_every_byte_once_and_in_order(start_server: StartServer) -> None:
    server = start_server("--stall-limit", "50")
    with PlainClient(server, "slow", receive_buffer=4096) as slow, JsonClient(server, "ann") as ann:
        for number in range(60):
            assert ann.request("say", text=f"{number} {'x' * 10_000}")["event"] == "accepted"
        upgrade(server, 2)
        assert ann.request("say", text="the last")["event"] == "accepted"
        for number in range(60):
            assert slow.wait_for("ann > ").endswith(f" {number} {'x' * 10_000}")
        assert slow.read_line().endswith("ann > the last")


@pytest.mark.limit(120)
def test_a_websocket_with_deflate_goes_on_in_the_midst_of_a_message(start_server: StartServer) -> None:
    server = start_server()
    headers = {"Sec_WebSocket_Extensions": "permessage-deflate; client_max_window_bits"}
    with WebClient(server, "ann", headers) as ann, JsonClient(server, "bob") as bob:
        assert "permessage-deflate" in ann.handshake.headers["sec-websocket-extensions"]
        whole = frame(TEXT, b'{"do":"say",', fin=False) + frame(CONT, b'"text":"in two"}')
        ann.send(whole[:20])
        upgrade(server, 2)
        ann.send(whole[20:])
        assert bob.wait_for("said")["text"] == "in two"
        bob.request("say", text="x" * 3_000)
        first, payload = ann.read_raw()
        while first != 0xC1:
            first, payload = ann.read_raw()
        assert len(payload) < 1_000, "compressed, as agreed before"


@pytest.mark.limit(120)
def test_what_people_and_the_host_have_decided_stays(start_server: StartServer, folder: Path) -> None:
    server = start_server("--data", folder)
    with ExitStack() as stack:
        ann, bob, eve = (stack.enter_context(JsonClient(server, name)) for name in ("ann", "bob", "eve"))
        irc = IrcSpeaker(server)
        stack.callback(irc.close)
        irc.enter("irv")
        ann.request("register", password="a good password")
        ann.request("join", room="den")
        ann.request("topic", text="Old films")
        ann.request("away", reason="lunch")
        ann.request("say", text="before")
        bob.request("block", name="eve")
        bob.request("watch", name="zoe")
        bob.request("say", text="remembered")
        for line in ("MUTE eve 10m loud", "BAN 192.0.2.0/24 1d", "SLOW 100", "LOCK door", "EXIT 600", "SHOW none"):
            server.type(line)
        bob.wait_for("told", about="closing")
        newest = int(bob.request("say", text="newest")["id"])
        upgrade(server, 4)
        assert bob.request("say", text="next")["event"] == "refused", "the room is slow still"
        assert eve.request("say", text="psst")["code"] == "muted"
        assert ann.request("whois", name="ann")["event"] == "told"
        assert "Old films" in json.dumps(ann.request("channels"))
        assert "lunch" in json.dumps(ann.request("users"))
        bob.tell("history", n="10")
        told: list[str] = []
        while (found := bob.read())["event"] != "history":
            told.append(found.get("text", ""))
        assert [text for text in told if text in ("remembered", "newest")] == ["remembered", "newest"]
        server.type("BANS")
        server.wait_for("192.0.2.0/24")
        server.type("SLOW 0")
        server.type("UNLOCK door")
        with JsonClient(server, "zoe"):
            bob.wait_for("seen", name="zoe")
        assert int(bob.request("say", text="later")["id"]) > newest
        server.type("EXIT cancel")
        bob.wait_for("told", text="The room stays open.")
        eve.request("msg", to="bob", text="blocked")
        irc.send(b"PRIVMSG #lobby :still here\r\n")
        assert bob.wait_for("said")["text"] == "still here"
        server.type("AUDIT 30")
        server.wait_for("UPGRADE")


@pytest.mark.limit(120)
def test_nothing_is_doubled_on_the_disk_and_ids_go_on(start_server: StartServer, folder: Path) -> None:
    server = start_server("--data", folder)
    with JsonClient(server, "ann") as ann:
        numbers = [int(ann.request("say", text=f"line {number}")["id"]) for number in range(20)]
        upgrade(server)
        numbers += [int(ann.request("say", text=f"line {number}")["id"]) for number in range(20, 40)]
        upgrade(server)
        numbers += [int(ann.request("say", text=f"line {number}")["id"]) for number in range(40, 60)]
    assert numbers == sorted(set(numbers))
    server.stop()
    found = rows(folder, "SELECT id, text FROM messages WHERE text LIKE 'line %' ORDER BY id")
    assert found == [(number, f"line {index}") for index, number in enumerate(numbers)]


@pytest.mark.limit(180)
def test_200_people_wait_for_less_than_a_second(start_server: StartServer, folder: Path) -> None:
    server = start_server("--data", folder, dev=False)
    with ExitStack() as stack:
        kinds = [PlainClient, JsonClient, WebClient]
        people = [stack.enter_context(kinds[number % 3](server, f"u{number}")) for number in range(200)]
        used = processor_time(server)
        pauses = [upgrade(server, 200) for _ in range(3)]
        used = processor_time(server) - used
        print(f"200 people: the room stood still for {pauses} ms, {used / 3:.2f} s of processor time each")
        people[1].send(b'{"do":"say","text":"still here"}\n')
        for each in people[3::3]:
            assert isinstance(each, PlainClient)
            each.wait_for("u1 > still here")
    assert used / 3 < 0.8
    if os.getloadavg()[0] < 1.5:  # others would be measured, too
        assert min(pauses) < 1_000


@pytest.mark.limit(120)
def test_descriptors_threads_and_memory_do_not_grow(start_server: StartServer, folder: Path) -> None:
    server = start_server("--data", folder)
    with PlainClient(server, "ann"):
        upgrade(server)
        wait_until(lambda: send(folder, " ")[0] == 0)
        before = sorted(Path(f"/proc/{server.pid}/fd").iterdir())
        for _ in range(3):
            upgrade(server)
        wait_until(lambda: len([*Path(f"/proc/{server.pid}/fd").iterdir()]) <= len(before))
        children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text()
        assert not children


# ---- code that does not start, and code that does


@pytest.mark.limit(180)
def test_bad_code_changes_nothing_and_good_code_is_seen(start_copied: Callable[..., Copied]) -> None:
    server = start_copied()
    with PlainClient(server, "ann") as ann:
        server.change("commands/whoelse.py", "def run(", "def run((")
        assert re.fullmatch(
            r"the new code does not start: commands/whoelse\.py, line \d+: SyntaxError: .*", refused(server)
        )
        server.change("commands/whoelse.py", "def run((", "def run(")
        server.change("server.py", "from seat import", "from seats import")
        assert "No module named 'seats'" in refused(server)
        server.change("server.py", "from seats import", "from seat import")
        for file in ("chat/turn.py", "chat/presence.py"):
            server.change(file, "Watchers", "Waiters")
        assert "Can't get attribute 'Watchers'" in refused(server)
        for file in ("chat/turn.py", "chat/presence.py"):
            server.change(file, "Waiters", "Watchers")
        server.change("net/gatekeeper.py", "        self._all = 0\n", "        self._all = self._more = 0\n")
        assert "Gatekeeper needs _more" in refused(server)
        server.change("net/gatekeeper.py", "        self._all = self._more = 0\n", "        self._all = 0\n")
        ann.send_line("still here")
        server.wait_for("ann > still here")
        server.change("chat/hub.py", "is off line: {why}.", "has left us: {why}.")
        server.change("chat/turn.py", "    named: float = 0.0\n", "    named: float = 0.0\n    shoe_size: int = 42\n")
        upgrade(server, 1)
    server.wait_for("ann has left us: closed the connection.")


@pytest.mark.limit(120)
def test_code_that_hangs_is_given_up(start_copied: Callable[..., Copied]) -> None:
    server = start_copied()
    server.change("seat.py", "\n\nclass HostSeat", "\n\n__import__('time').sleep(99)\n\n\nclass HostSeat")
    with PlainClient(server, "ann") as ann:
        server.type("UPGRADE")
        server.type("UPGRADE")
        server.wait_for("New code is being tried out already.")
        ann.send_line("meanwhile")
        server.wait_for("ann > meanwhile")
        server.wait_for("the new code does not start: it did not within 10 seconds", SLOWEST)


@pytest.mark.limit(120)
def test_from_another_working_directory_and_a_bad_file_of_settings(
    start_server: StartServer, folder: Path, tmp_path: Path
) -> None:
    folder.mkdir()
    (folder / "chat.toml").write_text('room_name = "One"\n')
    server = start_server("--data", folder, cwd=tmp_path)
    with PlainClient(server, "ann") as ann:
        (folder / "chat.toml").write_text("room_name = 7\n")
        assert "chat.toml, line 1" in refused(server)
        (folder / "chat.toml").write_text('room_name = "Two"\nroom = ["Den: Quiet"]\nport = 9999\n')
        upgrade(server, 1)
        ann.send_line("/channels")
        ann.wait_for("Two")
        ann.wait_for("Den")
        PlainClient(server, "bob").close()


def start_with_a_python_that_vanishes(
    start_copied: Callable[..., Copied], tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Copied:
    """Return a server whose interpreter is removed at an UPGRADE, when everything has been stopped already."""
    python = tmp_path / "python"
    python.symlink_to(Path(sys.executable).resolve())
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if "site-packages" in path))
    monkeypatch.setattr(sys, "executable", str(python))
    server = start_copied("--data", folder)
    server.change("inheritance.py", "    return 0\n", "    os.unlink(sys.executable)\n    return 0\n")
    return server


@pytest.mark.limit(120)
def test_what_fails_after_the_trial_has_gone_well_changes_nothing(
    start_copied: Callable[..., Copied], tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store opens again, and all go on."""
    server = start_with_a_python_that_vanishes(start_copied, tmp_path, folder, monkeypatch)
    with JsonClient(server, "ann") as ann, PlainClient(server, "bob") as bob:
        assert "No such file or directory" in refused(server)
        assert ann.request("say", text="kept")["event"] == "accepted"
        bob.wait_for("ann > kept")
        with PlainClient(server, "cat"):
            bob.wait_for("cat entered")
    server.stop()
    assert rows(folder, "SELECT text FROM messages WHERE text = 'kept'") == [("kept",)]


@pytest.mark.limit(120)
def test_what_fails_in_the_new_code_s_first_moment_costs_the_connections_and_not_the_room(
    start_copied: Callable[..., Copied], folder: Path
) -> None:
    server = start_copied("--data", folder)
    server.change(
        "inheritance.py", "    def settle_in(self", "    def settle_in(self, server): 1 / 0\n\n    def never(self"
    )
    with JsonClient(server, "ann") as ann:
        ann.request("say", text="kept all the same")
        server.type("UPGRADE")
        ann.read_to_end(SLOWEST)
    wait_until(lambda: "division by zero. The room begins anew." in server.errors())
    with PlainClient(server, "bob") as bob:
        bob.wait_for("ann > kept all the same")


@pytest.mark.limit(120)
def test_where_the_new_code_cannot_open_the_store_the_room_goes_on_without_it_and_the_host_is_told(
    start_server: StartServer, folder: Path
) -> None:
    server = start_server("--data", folder)
    with JsonClient(server, "ann") as ann, PlainClient(server, "bob") as bob:
        assert ann.request("say", text="kept")["event"] == "accepted"
        (folder / "chat.db.new").symlink_to(folder)
        upgrade(server, 2)
        server.wait_for("chat.db.new in it is a symbolic link")
        assert ann.request("say", text="said, and not kept")["event"] == "accepted"
        bob.wait_for("ann > said, and not kept")
        assert ann.request("register", password="a good password")["code"] == "no_store"
        assert get(server, "/healthz").status == 503
        (folder / "chat.db.new").unlink()
        upgrade(server, 2)
        assert ann.request("say", text="kept again")["event"] == "accepted"
        assert get(server, "/healthz").status == 200
    server.stop()
    assert rows(folder, "SELECT text FROM messages") == [("kept",), ("kept again",)]


@pytest.mark.limit(120)
def test_where_nothing_has_changed_and_the_store_cannot_be_opened_again_the_room_goes_on_without_it(
    start_copied: Callable[..., Copied], tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = start_with_a_python_that_vanishes(start_copied, tmp_path, folder, monkeypatch)
    with JsonClient(server, "ann") as ann:
        (folder / "chat.db.new").symlink_to(folder)
        server.type("UPGRADE")
        server.wait_for("chat.db.new in it is a symbolic link", SLOWEST)
        server.wait_for("Nothing has changed: [Errno 2]")
        assert ann.request("say", text="said, and not kept")["event"] == "accepted"
        assert get(server, "/healthz").status == 503


def test_what_cannot_be_read_costs_the_connections_and_not_the_room(tmp_path: Path) -> None:
    """As if the code had been changed once more after it was tried out."""
    with socket.socket() as listening, socket.socket() as client:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        client.connect(listening.getsockname())
        theirs, _ = listening.accept()
        with theirs, (tmp_path / "handed").open("w+b") as file:
            first = {"format": 1, "listening": [listening.fileno()], "others": [theirs.fileno()]}
            file.write(json.dumps(first).encode() + b"\nnothing that anybody could read")
            file.seek(0)
            numbers = file.fileno(), listening.fileno(), theirs.fileno()
            env = {**os.environ, "CHAT_HANDOVER": str(file.fileno())}
            command = [sys.executable, str(ROOT / "chat_server.py"), "--port", "0", "--no-udp"]
            pipe = subprocess.PIPE
            server = subprocess.Popen(command, env=env, pass_fds=numbers, stdin=pipe, stdout=pipe, stderr=pipe)
        assert client.recv(1) == b""
        with socket.create_connection(listening.getsockname()) as other:
            listening.close()
            other.sendall(b"ann\n")
            assert other.recv(3) == b"OK\n"
        assert server.stdin
        _, said = server.communicate(b"EXIT\n", PATIENCE)
    assert b"cannot be used" in said and b"The room begins anew." in said and server.returncode == 0


# ---- in the midst of something


@pytest.mark.limit(120)
def test_while_somebody_logs_in_with_a_password(start_server: StartServer, folder: Path) -> None:
    server = start_server("--data", folder)
    for name in ("ann", "bob", "cat"):
        with JsonClient(server, name) as client:
            client.request("register", password=f"the password of {name}")
    with ExitStack() as stack:
        people = [stack.enter_context(JsonClient(server)) for _ in range(3)]
        server.type("UPGRADE")
        for client, name in zip(people, ("ann", "bob", "cat"), strict=True):
            client.tell("login", name=name, password=f"the password of {name}", ref=name)
            client.tell("say", text=f"{name} is here")
        server.wait_for(DONE, SLOWEST)
        for client, name in zip(people, ("ann", "bob", "cat"), strict=True):
            assert client.wait_for("welcome")["name"] == name
            client.wait_for("accepted")


@pytest.mark.limit(120)
def test_who_is_about_to_come_in_or_to_come_back_goes_on(start_server: StartServer) -> None:
    server = start_server()
    with ExitStack() as stack:
        asked, program, browser, lost = (stack.enter_context(LineClient(server)) for _ in range(4))
        cat = stack.enter_context(JsonClient(server, "cat"))
        asked.wait_for("What is your name?")
        program.send("CAP LS 302\r\nNICK bob\r\nUS")
        browser.send("GET /healthz HTTP/1.1\r\nHo")
        lost.send_line('{"do":"login","name":"eve","token":""}')
        welcome = json.loads(lost.wait_for("welcome"))
        lost.reset()
        server.wait_for("eve has lost the connection")
        cat.request("say", text="missed by eve")
        upgrade(server)
        asked.send("ann\r\n")
        asked.wait_for("Welcome, ann.")
        program.send("ER b 0 * :Bob\r\nCAP END\r\n")
        program.wait_for(" 001 bob ")
        browser.send(f"st: 127.0.0.1:{server.port}\r\n\r\n")
        browser.wait_for("200 OK")
        with JsonClient(server) as again:
            again.tell("login", name="eve", token=welcome["token"], since=welcome["id"])
            assert again.wait_for("said")["text"] == "missed by eve"


@pytest.mark.limit(120)
def test_what_is_delayed_because_somebody_talks_too_fast_comes_all_the_same(start_server: StartServer) -> None:
    server = start_server()
    with PlainClient(server, "fast", source="127.0.0.2") as fast, PlainClient(server, "ann") as ann:
        fast.send("".join(f"line {number}\n" for number in range(40)))
        ann.wait_for("fast > line 10")
        upgrade(server, 2)
        for number in range(11, 40):
            assert ann.wait_for("fast > ", SLOWEST).endswith(f"line {number}")
        fast.wait_for("You send fast")


@pytest.mark.limit(120)
def test_the_console_off_a_terminal_the_figures_and_the_log_go_on(start_server: StartServer, tmp_path: Path) -> None:
    server = start_server("--log", tmp_path / "log")
    assert server.process.stdin
    with PlainClient(server, "ann") as ann:
        for number in range(5):
            ann.send_line(f"line {number}")
        server.wait_for("line 4")
        server.process.stdin.write(b"UPGRADE\nhalf of ")
        server.process.stdin.flush()
        server.wait_for(DONE, SLOWEST)
        server.type("a line")
        ann.wait_for("Host > half of a line")
        figures = get(server, "/metrics").body
        assert 'messages_total{kind="said"} 6' in figures.replace("chat_", ""), figures
        PlainClient(server, "bob").close()
        wait_until(lambda: "bob is on line" in (tmp_path / "log").read_text())
        assert (tmp_path / "log").read_text().count("ann is on line") == 1


@pytest.mark.limit(120)
def test_by_a_script(start_server: StartServer, folder: Path) -> None:
    server = start_server("--data", folder)
    with PlainClient(server, "ann") as ann:
        code, said, _ = send(folder, "-", "UPGRADE\nafterwards\n")
        assert code == 0 and DONE.search(said), said
        ann.wait_for("Host > afterwards")
        assert send(folder, "hello")[0] == 0
        server.type("/oper ann")
        server.type("OPER ann")

        ann.wait_for("You are an operator now")
        ann.send_line("/upgrade")
        ann.wait_for("Only the host may use /upgrade.")


@pytest.mark.limit(120)
def test_under_systemd(start_server: StartServer, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(str(tmp_path / "notify"))
        supervisor.settimeout(PATIENCE)
        env = {**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "2000000"}
        server = start_server(env=env)

        def hear(word: str) -> str:
            while word not in (said := supervisor.recv(4096).decode()):
                continue
            return said

        hear("READY=1")
        upgrade(server)
        assert "MONOTONIC_USEC=" in hear("RELOADING=1")
        hear("READY=1")
        hear("WATCHDOG=1")


@pytest.mark.limit(120)
def test_a_terminal_keeps_the_half_typed_line(open_terminal: Callable[..., Terminal]) -> None:
    screen = open_terminal(sys.executable, "chat_server.py", "--host", "127.0.0.1", "--port", "0")
    screen.wait_for("messages/s")
    screen.enter("good evening")
    screen.wait_for("Host > good evening")
    screen.enter("UPGRADE")
    screen.type("half a line, schön")
    screen.press("Left", "Left")
    screen.wait_for(DONE, SLOWEST)
    screen.wait_for(re.compile(r"Host > half a line, schön$", re.MULTILINE))
    screen.type("XY")
    screen.wait_for("half a line, schXYön")
    screen.press("C-u", "C-k")
    screen.press("Up", "Up")
    screen.wait_for(re.compile(r"Host > good evening$", re.MULTILINE))
    screen.press("C-u")
    screen.enter("EXIT")
    screen.wait_for("closed")


@pytest.mark.limit(120)
def test_who_speaks_tls_comes_back_by_his_token_or_is_told(start_server: StartServer, tmp_path: Path) -> None:
    papers: Papers = issue(tmp_path)
    server = start_server(*papers.options)
    with ExitStack() as stack:
        ann = stack.enter_context(JsonClient(server, tls=papers.trust))
        ann.tell("login", name="ann", token="")
        welcome = ann.wait_for("welcome")
        bob = stack.enter_context(PlainClient(server, "bob", tls=papers.trust))
        cat = stack.enter_context(JsonClient(server, "cat"))
        server.type("UPGRADE")
        assert "goodbye" not in ann.read_to_end(SLOWEST), "so that every client comes back by itself"
        bob.wait_for("The server is being renewed; please come back at once.")
        with JsonClient(server, tls=papers.trust) as again:  # it waits at the door until the new code opens
            again.tell("login", name="ann", token=welcome["token"], since=welcome["id"])
            again.wait_for("resumed")
            server.wait_for(DONE, SLOWEST)
            cat.wait_for("left", name="bob")
            cat.request("say", text="together again")
            assert again.wait_for("said")["text"] == "together again"


@pytest.mark.limit(120)
def test_what_the_kernel_still_holds_is_read_afterwards(start_server: StartServer) -> None:
    """Somebody sends all the time: not a line of it is lost, whatever stands in which buffer."""
    server = start_server()
    with PlainClient(server, "ann") as ann, PlainClient(server, "bob") as bob:
        done = threading.Event()

        def talk() -> None:
            for number in range(2_000):
                ann.send_line(f"line {number}")
                time.sleep(0.001)
            done.set()

        talker = threading.Thread(target=talk)
        talker.start()
        try:
            upgrade(server, 2)
            for number in range(2_000):
                assert bob.wait_for("ann > ").endswith(f"line {number}")
        finally:
            talker.join()
        assert done.is_set()
