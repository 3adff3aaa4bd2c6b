"""The host and his console: rows H1 to H8, through the real process, its pipes, signals and exit code."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.gauges import calms_down
from tests.support import PATIENCE, ROOT, JsonClient, LineClient, PlainClient, Program, Server, free_port

STAMP = r"\[\d\d:\d\d:\d\d\] "
PROMPT = re.compile(f"{STAMP}Host > \\n")

Join = Callable[..., PlainClient]
JoinJson = Callable[..., JsonClient]
StartServer = Callable[..., Server]


# ---- H1, H3


def test_h1_h3_the_banner_stands_between_two_rules_and_the_prompt_follows(start_server: StartServer) -> None:
    server = start_server("--port", port := free_port())
    server.wait_for(PROMPT)
    rule = "#" * 66
    assert server.output is not None
    assert server.output.text.startswith(f"{rule}\nChat running 127.0.0.1:{port}\n{rule}\n\n")


def test_h1_every_address_is_served_where_none_was_chosen(start_server: StartServer) -> None:
    """IPv4 and IPv6 on the same port; the banner shows an address by which others reach it."""
    server = start_server("--host", "")
    assert server.host not in ("", "0.0.0.0", "::")
    for family, host in [(socket.AF_INET, "127.0.0.1"), *([(socket.AF_INET6, "::1")] if _has_ipv6() else [])]:
        with socket.socket(family) as visitor:
            visitor.settimeout(PATIENCE)
            visitor.connect((host, server.port))
            visitor.sendall(f"v{family.value}\n".encode())
            assert visitor.recv(3) == b"OK\n"
            server.wait_for(f"v{family.value} entered.")


def _has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


def test_h1_no_file_is_written_and_the_working_directory_does_not_matter(
    start_server: StartServer, tmp_path: Path
) -> None:
    server = start_server(cwd=tmp_path)
    server.type("LIST_USERS")
    server.wait_for("USERS: [Host]")
    assert list(tmp_path.iterdir()) == []


def test_h1_a_room_may_have_a_title(start_server: StartServer, join_json: JoinJson) -> None:
    server = start_server("--room-name", "Weather Channel")
    assert join_json("robot", server).welcome["title"] == "Weather Channel"


def test_h3_the_prompt_stands_again_after_every_output(server: Server, join_plain: Join) -> None:
    for name in ("alice", "bob"):
        join_plain(name)
        server.wait_for(f"[*] {name} entered.\n")
        server.wait_for(PROMPT)
    server.type("HELP")
    server.wait_for("KICK name")
    server.wait_for(PROMPT)


# ---- H4


def test_h4_every_event_is_tagged_and_followed_by_the_list(server: Server, join_plain: Join) -> None:
    alice, bob = join_plain("alice"), join_plain("bob")
    server.wait_for("[*] alice entered.\nUSERS: [Host,alice]\n")
    server.wait_for("[*] bob entered.\nUSERS: [Host,alice,bob]\n")
    alice.close()
    server.wait_for("[*] alice exited.\nUSERS: [Host,bob]\n")
    server.type("KICK bob")
    server.wait_for("[*] bob has been kicked out.\nUSERS: [Host]\n")
    assert "You have been kicked out." in bob.read_to_end()


# ---- H5


def test_h5_help_lists_every_command_of_the_host(server: Server) -> None:
    server.type("HELP")
    for verb in ("EXIT", "HELP", "KICK name [reason]", "LIST_USERS", "/me text", "/msg to text"):
        server.wait_for(re.compile(f"^{re.escape(verb)}", re.MULTILINE))
    assert server.output is not None
    assert "/quit" not in server.output.text, "what only guests can use is not offered"


def test_h5_kick_tells_the_one_kicked_and_everyone_the_reason(
    server: Server, join_plain: Join, join_json: JoinJson
) -> None:
    alice, robot, ironman = join_plain("alice"), join_json("robot"), join_plain("Ironman")
    server.type("KICK IRONMAN too loud")
    assert "[.] You have been kicked out: too loud." in ironman.read_to_end()
    assert alice.wait_for("kicked").endswith("[*] Ironman has been kicked out. (too loud)")
    left = robot.wait_for("left")
    assert (left["name"], left["kicked"], left["reason"], left["count"]) == ("Ironman", True, "too loud", 3)
    server.wait_for("Ironman is off line: kicked by Host: too loud.")
    server.type("KICK robot")
    assert robot.wait_for("goodbye")["code"] == "kicked"
    assert robot.read_to_end() == ""


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("KICK nobody", "[!] There is nobody called nobody here."),
        ("KICK Host", "[!] You are Host, and cannot kick yourself."),
        ("/kick hOST", "[!] You are Host, and cannot kick yourself."),
        ("KICK", "[!] KICK name [reason]: the name is missing."),
        ("/kick   ", "[!] KICK name [reason]: the name is missing."),
        ("/quit", "[!] /quit is for guests"),
        ("/nick Boss", "[!] /nick is for guests"),
        ("/frobnicate now", "[!] There is no command /frobnicate. HELP lists them."),
    ],
)
def test_h5_h6_what_cannot_be_done_is_refused_in_words_and_not_said(
    server: Server, join_plain: Join, line: str, answer: str
) -> None:
    """H5, H6; and what broke the originals: `KICK Host` closed the listener."""
    alice = join_plain("alice")
    server.type(line)
    server.wait_for(answer)
    server.type("still open")
    assert re.match(f"{STAMP}Host > still open$", alice.read_line())
    assert join_plain("bob").users == ["Host", "alice", "bob"]


# ---- H6


@pytest.mark.parametrize("verb", ["LIST_USERS", "/list_users", "/LIST_USERS", "/List_Users"])
def test_h6_a_verb_in_capitals_or_after_a_slash_in_any_case_is_a_command(
    server: Server, join_plain: Join, verb: str
) -> None:
    join_plain("alice")
    server.wait_for("USERS: [Host,alice]\n")
    server.type(verb)
    server.wait_for("USERS: [Host,alice]\n")


@pytest.mark.parametrize("text", ["hello all", "kick alice", "Help", "exit now", "EXITS", "  KICK alice", "日本語"])
def test_h6_anything_else_is_said_as_host(server: Server, join_plain: Join, text: str) -> None:
    alice = join_plain("alice")
    server.type(text)
    assert re.match(f"{STAMP}Host > {re.escape(text)}$", alice.read_line())


def test_h6_two_slashes_say_one(server: Server, join_plain: Join) -> None:
    alice = join_plain("alice")
    server.type("//exit is how I would leave")
    assert alice.read_line().endswith("Host > /exit is how I would leave")


def test_h6_many_lines_in_one_write_are_all_read(server: Server, join_plain: Join) -> None:
    alice = join_plain("alice")
    server.type("one\ntwo\r\nLIST_USERS\nthree")
    for text in ("one", "two", "three"):
        assert alice.read_line().endswith(f"Host > {text}")


# ---- H7


def _exit(server: Server) -> None:
    server.type("EXIT")


def _exit_with_a_reason(server: Server) -> None:
    server.type("/exit")


def _interrupt(server: Server) -> None:
    server.process.send_signal(signal.SIGINT)


def _terminate(server: Server) -> None:
    server.process.send_signal(signal.SIGTERM)


@pytest.mark.parametrize("end", [_exit, _exit_with_a_reason, _interrupt, _terminate])
def test_h7_everyone_is_told_the_exit_code_is_0_and_the_same_port_opens_again_at_once(
    start_server: StartServer, join_plain: Join, join_json: JoinJson, connect: Callable[..., LineClient],
    end: Callable[[Server], None],
) -> None:  # fmt: skip
    """H7: also with connections that the server closed first, and which are in TIME_WAIT."""
    server = start_server("--port", port := free_port())
    alice, bob, robot, unnamed = (
        join_plain("alice", server), join_plain("bob", server), join_json("robot", server), connect(server),
    )  # fmt: skip
    unnamed.read_until("What is your name?\n")
    end(server)
    assert alice.read_to_end().endswith("[.] The host has closed the room.\n")
    assert "exited" not in bob.read_to_end(), "at the end nobody is bothered with everybody's leave"
    assert robot.wait_for("goodbye")["code"] == "closing"
    assert unnamed.read_to_end().endswith("The host has closed the room.\n")
    for client in (alice, bob, robot, unnamed):
        client.close()
    assert server.wait() == 0
    assert _in_time_wait(port), "the test wants connections in TIME_WAIT"
    again = start_server("--port", port)
    assert join_plain("alice", again).users == ["Host", "alice"]


def _in_time_wait(port: int) -> bool:
    rows = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    return any(row.split()[3] == "06" and row.split()[1].endswith(f":{port:04X}") for row in rows)


@pytest.mark.parametrize("end", [_exit, _interrupt, _terminate])
def test_h7_an_empty_room_closes_too(start_server: StartServer, end: Callable[[Server], None]) -> None:
    server = start_server()
    server.wait_for(PROMPT)
    end(server)
    assert server.wait() == 0


def test_h7_someone_who_does_not_read_and_does_not_close_delays_the_end_for_seconds_only(
    start_server: StartServer, join_plain: Join
) -> None:
    """All within 5 s."""
    server = start_server()
    join_plain("deaf", server, receive_buffer=4096)
    talker = join_plain("talker", server)
    for _ in range(300):
        talker.send_line("x" * 4000)
    server.wait_for("x" * 4000)
    server.process.terminate()
    assert server.wait(9) == 0, "before he is put out for not reading"


def test_h7_what_follows_exit_does_not_count(start_server: StartServer, join_plain: Join) -> None:
    server = start_server()
    alice = join_plain("alice", server)
    server.type("EXIT\nthis is not said\nEXIT")
    assert alice.read_to_end().endswith("[.] The host has closed the room.\n")
    alice.close()
    assert server.wait() == 0


def test_h7_a_second_interrupt_ends_it_at_once(start_server: StartServer, join_plain: Join) -> None:
    server = start_server()
    alice = join_plain("alice", server)
    server.process.send_signal(signal.SIGINT)
    alice.wait_for("closed the room")
    server.process.send_signal(signal.SIGINT)
    assert server.wait() == 0


# ---- H8, and H2


def test_h8_the_log_names_who_came_from_where_and_who_is_off_line_and_why(
    server: Server, join_plain: Join, connect: Callable[..., LineClient]
) -> None:
    alice = join_plain("alice")
    host, port = alice.socket.getsockname()
    server.wait_for(f"alice is on line from {host}:{port} (plain).")
    alice.close()
    server.wait_for("alice is off line: closed the connection.")
    bob = join_plain("bob")
    server.wait_for("bob is on line from")
    bob.reset()
    server.wait_for("bob is off line: connection reset by peer.")
    visitor = connect()
    address = "{}:{}".format(*visitor.socket.getsockname())
    visitor.close()
    server.wait_for(f"{address} left without a name: closed the connection.")


def _file(tmp_path: Path) -> int:
    path = tmp_path / "commands"
    path.write_text("hello from a file\nLIST_USERS", encoding="utf-8")
    return os.open(path, os.O_RDONLY)


def _nothing(_tmp_path: Path) -> int:
    return os.open(os.devnull, os.O_RDONLY)


def _ended_pipe(_tmp_path: Path) -> int:
    reading, writing = os.pipe()
    os.write(writing, b"LIST_USERS\n")
    os.close(writing)
    return reading


@pytest.mark.parametrize("make", [_file, _nothing, _ended_pipe])
@pytest.mark.parametrize("selector", ["epoll", "select"])
def test_h8_the_server_serves_on_when_standard_input_is_no_terminal_and_ends(
    start_server: StartServer, join_plain: Join, tmp_path: Path, make: Callable[[Path], int], selector: str
) -> None:
    """H8, H2; what broke the originals: the end of stdin flooded every client, select with timeout 0 burnt a core."""
    stdin = make(tmp_path)
    server = start_server("--selector", selector, stdin=stdin)
    os.close(stdin)
    if make is not _nothing:
        server.wait_for("USERS: [Host]")
    alice, bob = join_plain("alice", server), join_plain("bob", server)
    if make is _file:
        bob.wait_for("End of what was said before.")
    alice.send_line("hello")
    assert " > hello" in bob.read_line(), "the end of input was told to the room"
    assert calms_down(server.pid, 0.03)


def test_h1_what_is_not_installed_is_named_and_who_can_do_without_comes_in() -> None:
    """A newcomer forgets `pip install`, or takes another Python than that of .venv."""
    command = [sys.executable, "-S", str(ROOT / "chat_server.py"), "--host", "127.0.0.1", "--port", "0"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            banner = next(line for line in process.stdout if line.startswith("Chat running"))
            missing = next(line for line in process.stdout if "Not installed" in line)
            assert "argon2" in missing and "websockets" in missing and "pip install -r requirements.txt" in missing
            with socket.create_connection(("127.0.0.1", int(banner.rpartition(":")[2])), 10) as visitor:
                visitor.sendall(b"alice\n")
                assert visitor.recv(3) == b"OK\n"
        finally:
            process.terminate()
            process.communicate(timeout=10)
    assert process.returncode == 0


def test_rings_of_dead_objects_are_looked_for_also_where_something_is_not_installed() -> None:
    """What is there at the start is not looked through again: it takes 20 ms, in which nobody is served."""
    script = (
        "import gc, ready; ready.LATER = ('not_there',); ready.prepare(lambda part: part(), print, dict);"
        "print(gc.get_freeze_count() > 1_000, gc.get_threshold() == (ready.YOUNG, *ready.OLDER))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0].startswith("Not installed: not_there;")
    assert done.stdout.splitlines()[1] == "True True"


def test_h8_the_server_serves_on_with_standard_input_closed(start: Callable[..., Program]) -> None:
    """H8: `chat_server.py <&-`; the descriptor number 0 must not become somebody's socket."""
    port = free_port()
    shell = f'exec "$0" "$@" --host 127.0.0.1 --port {port} <&-'
    script = start("chat_server.py", "--help")
    script.wait()
    command = [*script.process.args[:-1]]  # type: ignore[index]
    with subprocess.Popen(["sh", "-c", shell, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            while b"Chat running" not in (line := process.stdout.readline()):
                assert line
            assert not Path(f"/proc/{process.pid}/fd/0").readlink().name.startswith("socket")
            with socket.create_connection(("127.0.0.1", port), PATIENCE) as visitor:
                visitor.sendall(b"alice\n")
                assert visitor.recv(3) == b"OK\n"
            assert calms_down(process.pid, 0.03, 0.5)
        finally:
            process.terminate()
            process.communicate(timeout=PATIENCE)
        assert process.returncode == 0


def test_h2_an_idle_server_with_people_uses_no_processor(
    start_server: StartServer, join_plain: Join, connect: Callable[..., LineClient]
) -> None:
    """H2: idle CPU about 0, with people, and with people who have not logged in."""
    server = start_server(dev=False)
    for number in range(20):
        join_plain(f"guest{number}", server)
        connect(server)
    server.wait_for("guest19 entered.")
    time.sleep(0.7)  # until those without a name have been asked for it
    assert calms_down(server.pid, 0.01, 2.0)


def test_h2_silent_and_half_logged_in_connections_delay_nobody(
    server: Server, join_plain: Join, connect: Callable[..., LineClient]
) -> None:
    """What broke the originals: one silent connection froze everybody."""
    for start in (b"", b"half", b"{", b'{"do":', b"\xff\xfa", b"GE", b"CAP"):
        visitor = connect()
        visitor.send(start)
    alice, bob = join_plain("alice"), join_plain("bob")
    began = time.monotonic()
    for _ in range(20):
        alice.send_line("ping")
        bob.wait_for("alice > ping")
        bob.send_line("pong")
        alice.wait_for("bob > pong")
    assert time.monotonic() - began < PATIENCE
    server.type("LIST_USERS")
    server.wait_for("alice,bob")
