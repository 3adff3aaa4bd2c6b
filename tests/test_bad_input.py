"""Bad input: what a person, a program or a wrong start may send, and what must not happen then."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import time
from collections.abc import Callable

import pytest

from tests.gauges import memory, within
from tests.support import PATIENCE, JsonClient, LineClient, PlainClient, Program, Server, free_port, wait_until

MIB = 1 << 20

Join = Callable[..., PlainClient]
JoinJson = Callable[..., JsonClient]
Connect = Callable[..., LineClient]
StartServer = Callable[..., Server]
Start = Callable[..., Program]


# ---- lines and bytes


@pytest.mark.parametrize("start", [b"alice\n", b'{"do":"login","name":"alice"}\n', b""])
def test_a_line_without_end_takes_no_memory_and_the_next_one_works(
    start_server: StartServer, join_plain: Join, connect: Connect, start: bytes
) -> None:
    """Of a 1 GiB line 48 MiB show it as well: what is kept has a bound."""
    server = start_server(dev=False)
    bob = join_plain("bob", server)
    visitor = connect(server)
    visitor.send(start or b"alice")
    if start:
        bob.wait_for("alice entered.")
    before = memory(server.pid)
    piece = b"x" * MIB
    for _ in range(48):
        visitor.send(piece)
    assert memory(server.pid) - before < 16 * MIB
    bob.send_line("/users")
    bob.wait_for(" in lobby:")
    if start.startswith(b"{"):
        visitor.send(b'\n{"do":"say","text":"next"}\n')
    else:
        visitor.send(b"\nnext\n" if start else b"\nalice\nnext\n")
    bob.wait_for("alice > next")
    assert memory(server.pid) - before < 16 * MIB


def test_nul_and_other_controls_reach_nobody(server: Server, join_plain: Join, join_json: JoinJson) -> None:
    """No control byte comes out on any wire or on the console, but the end of the line."""
    alice, bob, robot = join_plain("alice"), join_plain("bob"), join_json("robot")
    bob.wait_for("robot entered.")
    controls = bytes([*range(0x0A), *range(0x0B, 0x20), 0x7F]) + "\x80\x85\x9b31m\u2028\u2029\u202e".encode()
    alice.send(b"a" + controls + b"z\n")
    heard = bob.read_line()
    assert heard.partition(" > ")[2].startswith("a") and heard.endswith("z")
    told = robot.wait_for("said")["text"]
    server.wait_for(re.compile(r"alice > a.*z\n"))
    assert server.output is not None
    for text in (heard, told, server.output.text):
        assert not re.search("[\0-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e]", text)


@pytest.mark.parametrize(
    "attack",
    ["\x1b[2J\x1b[1;1H", "\x1b]0;owned\x07", "\x9b31m", "\x1bPq\x1b\\", "\rHost > fake", "\x1b]8;;http://x\x07"],
)
def test_a_terminal_escape_reaches_neither_the_clients_nor_the_hosts_console(
    server: Server, join_plain: Join, join_json: JoinJson, attack: str
) -> None:
    alice, bob = join_plain("alice"), join_plain("bob")
    robot = join_json("robot")
    bob.wait_for("robot entered.")
    robot.request("say", text=f"json{attack}\nsecond line")
    alice.send_line(f"before{attack}after")
    alice.send_line(f"/me {attack}waves")
    alice.send_line(f"/msg bob {attack}psst")
    alice.send_line(f"/quit {attack}bye")
    heard = [bob.wait_for(word) for word in ("json", "before", "waves", "psst", "exited.")]
    server.wait_for("second line")
    server.wait_for("alice exited.")
    assert server.output is not None
    for text in (*heard, server.output.text):
        assert not re.search("[\x07\x1b\x80-\x9f\r]", text)


def test_a_newline_in_a_programs_text_forges_nothing(server: Server, join_plain: Join, join_json: JoinJson) -> None:
    """What broke the originals: newlines forged events."""
    bob, robot = join_plain("bob"), join_json("robot")
    bob.wait_for("robot entered.")
    robot.request("say", text="hi\n[12:00:00] [*] bob exited.\n[12:00:00] Host > fake\rx")
    assert bob.read_line().count("robot > hi [12:00:00] [*] bob exited.") == 1
    assert bob.pending == b""
    server.wait_for("robot > hi\n    [12:00:00] [*] bob exited.\n    [12:00:00] Host > fake")
    robot.tell("quit", reason="x\nUSERS: [nobody]")
    server.wait_for(re.compile(r"\[\*\] robot exited\. \(x\n    USERS: \[nobody\]\)\nUSERS: \[Host,bob\]"))


def test_half_a_character_and_then_silence_delays_nobody(server: Server, join_plain: Join, connect: Connect) -> None:
    alice, bob = join_plain("alice"), join_plain("bob")
    alice.wait_for("bob entered.")
    alice.send("müde".encode()[:2])
    connect().send("ü".encode()[:1])
    bob.send_line("hello")
    assert alice.read_line().endswith("bob > hello")
    alice.close()
    bob.wait_for("alice exited.")


def test_ten_thousand_lines_in_one_packet_all_arrive_in_order(join_plain: Join) -> None:
    alice, bob = join_plain("alice"), join_plain("bob")
    alice.wait_for("bob entered.")
    alice.send("".join(f"line {number:05}\n" for number in range(10_000)))
    for number in range(10_000):
        assert bob.read_line().endswith(f"alice > line {number:05}")
    bob.send_line("the end")
    assert alice.read_line().endswith("bob > the end")


def test_a_burst_of_tiny_lines_puts_no_listener_out(join_plain: Join) -> None:
    """65,536 bytes of one-letter lines become 1.6 MB for everyone: more than an outbox holds, but never in one turn."""
    author = join_plain("a" * 32)
    listeners = [join_plain(f"listener{number}") for number in range(3)]
    author.send(b"x\n" * 32_768)
    wanted = [32_768] * 3
    deadline = time.monotonic() + 2 * PATIENCE
    while any(wanted):
        assert time.monotonic() < deadline, f"still missing: {wanted}"
        ready, _, _ = select.select([listener.socket for listener in listeners], [], [], 1)
        for number, listener in enumerate(listeners):
            if listener.socket in ready:
                piece = listener.socket.recv(1 << 20)
                assert piece, "put out"
                wanted[number] -= piece.count(b"x\n")
    listeners[0].send_line("/users")
    listeners[0].wait_for("5 in lobby:")


def test_ten_thousand_commands_in_one_packet_delay_the_others_little(server: Server, join_plain: Join) -> None:
    """Who floods may be put out; nobody else notices."""
    flooder, alice, bob = join_plain("flooder"), join_plain("alice"), join_plain("bob")
    flooder.send("/help\n" * 10_000)
    for _ in range(30):
        with within(1.0, server.pid):
            alice.send_line("ping")
            bob.wait_for("alice > ping")


@pytest.mark.parametrize("junk", [os.urandom(200_000), bytes(range(256)) * 400, b"\xff" * 100_000, b"\n" * 100_000])
def test_random_bytes_harm_nobody(server: Server, join_plain: Join, connect: Connect, junk: bytes) -> None:
    """Another server of this build died of random bytes in 0.2 s."""
    alice, bob = join_plain("alice"), join_plain("bob")
    stranger = connect()
    stranger.send(junk)
    alice.send(b"\xff\xf1" + junk.replace(b"/", b"") + b"\n")
    bob.send_line("/users")
    bob.wait_for(" in lobby:")
    server.type("LIST_USERS")
    server.wait_for("Host,alice,bob")


# ---- programs


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"{", "not_json"), (b"{}", "bad_request"), (b'{"do":7}', "bad_request"), (b'{"do":""}', "bad_request"),
        (b'{"do":null}', "bad_request"), (b'{"do":"say","text":NaN}', "not_json"),
        (b'{"do":"say","text":{"a":1}}', "bad_request"), (b'{"do":"say","text":true}', "bad_request"),
        (b'{"do":"say","text":""}', "empty"), (b'{"do":"say"}', "empty"), (b'{"do":"frobnicate"}', "unknown_command"),
        (b'{"do":"__class__"}', "unknown_command"), (b'{"do":"../say"}', "unknown_command"),
        (b'{"do":"kick","name":"Host"}', "not_op"), (b'{"do":"exit"}', "not_allowed"),
        (b'{"do":"msg","to":"nobody","text":"x"}', "not_here"), (b'{"do":"msg","to":"robot","text":"x"}', "yourself"),
        (b'{"do":"msg","to":"bob"}', "empty"), (b'{"do":"msg","text":"x"}', "missing"),
        (b'{"do":"say","text":"x","ref":{}}', "bad_request"), (b'{"do":"say","text":"x","ref":1e400}', "bad_request"),
        (b'{"do":"say","text":"x","ref":' + b"9" * 100_000 + b"}", "not_json"), (b"[" * 100_000, "not_json"),
        (b'{"a":' * 10_000, "not_json"), (b"hello", "not_json"), (b"[1]", "bad_request"), (b"\xff\xfe", "not_json"),
        (b'{"do":"login","name":"other"}', "logged_in"),
    ],
)  # fmt: skip
def test_a_programs_bad_request_is_refused_with_a_code_and_the_next_one_works(
    join_plain: Join, join_json: JoinJson, line: bytes, code: str
) -> None:
    bob, robot = join_plain("bob"), join_json("robot")
    robot.send(line + b"\n")
    refused = robot.wait_for("refused")
    assert refused["code"] == code, refused
    assert len(refused["text"]) > 10
    assert robot.request("say", text="still here")["event"] == "accepted"
    bob.wait_for("robot > still here")


def test_lone_surrogates_and_odd_keys_in_a_programs_text_are_harmless(join_plain: Join, join_json: JoinJson) -> None:
    bob, robot, other = join_plain("bob"), join_json("robot"), join_json("other")
    robot.send(b'{"do":"say","text":"a\\ud800b","colour":"red","text2":[1,{}]}\n')
    assert bob.wait_for("robot > a").endswith("b")
    assert other.wait_for("said")["text"].encode() in (b"ab", "a\ufffdb".encode())


def test_a_programs_over_long_line_is_refused_whole(join_plain: Join, join_json: JoinJson) -> None:
    bob, robot = join_plain("bob"), join_json("robot")
    robot.tell("say", text="x" * 200_000)
    assert robot.wait_for("refused")["code"] == "too_long"
    robot.tell("say", text="y" * 20_000)
    assert robot.wait_for("refused")["code"] == "too_long"
    assert robot.request("say", text="fits")["event"] == "accepted"
    assert bob.wait_for(" > ").endswith("robot > fits")


# ---- coming without a name, and in other languages


def test_who_says_nothing_is_told_after_the_login_time_and_closed(start_server: StartServer, connect: Connect) -> None:
    server = start_server("--login-timeout", "1")
    began = time.monotonic()
    visitor = connect(server)
    assert "No name came within 1 seconds." in visitor.read_to_end()
    assert 0.9 <= time.monotonic() - began < 15, "20 s are the default"
    server.wait_for("left without a name: No name came within 1 seconds.")


@pytest.mark.parametrize("drip", [b"x", b"{", b"\xff\xf1", b"a b\n"])
def test_dripping_bytes_do_not_prolong_the_login_time(start_server: StartServer, connect: Connect, drip: bytes) -> None:
    """They are closed at the login deadline, on every wire."""
    server = start_server("--login-timeout", "1")
    visitor = connect(server)
    began = time.monotonic()
    visitor.send(b'{"do":' if drip == b"{" else b"\xff\xf1" if drip == b"x" else b"")
    if drip == b"x":
        visitor.read_until("What is your name?\n")  # who was asked is a person, and may type slowly
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        while time.monotonic() - began < 15:
            visitor.send(drip)
            time.sleep(0.05)  # the pace of the dripper
    assert time.monotonic() - began < 15, "20 s are the default"


@pytest.mark.parametrize(
    ("first", "answer"),
    [
        ("NICK joe\r\n", "ERROR :"),
        ("cap ls\r\n", "ERROR :"),
        ("ADD joe\n", "MESSAGE Host\n"),
        ("\x16\x03\x01\x02\x00", "\x15\x03\x01"),
    ],
)
def test_x1_wires_that_are_not_served_are_told_so_in_their_own_language(
    start_server: StartServer, connect: Connect, join_plain: Join, first: str, answer: str
) -> None:
    """With --no-irc and --no-classroom; and TLS, where there is no certificate."""
    server = start_server("--no-irc", "--no-classroom")
    visitor = connect(server)
    visitor.send(first)
    assert visitor.read_to_end().startswith(answer)
    assert join_plain("alice", server).users == ["Host", "alice"]


# ---- starting


def test_a_busy_port_says_who_holds_it_and_what_to_do(server: Server, start: Start) -> None:
    second = start("chat_server.py", "--host", "127.0.0.1", "--port", server.port)
    assert second.wait() == 2
    assert re.search(rf"port {server.port}: \S*python.* \(pid {server.pid}\) listens there already", second.errors())
    assert "--port N" in second.errors()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--port", "65536"], "'65536' is no port"), (["--port", "-1"], "is no port"), (["--port", "x"], "is no port"),
        (["--port", "1" * 5000], "is no port"), (["--port", "²"], "is no port"), (["--selector", "kqueue"], "epoll"),
        (["--room-name", ""], "1 to 100 printable characters"), (["--room-name", "x\x1b[2J"], "printable"),
        (["--idle-limit", "soon"], "no number of seconds"), (["--stall-limit", "nan"], "no number of seconds"),
        (["--silent-limit", "-1"], "no number of seconds"), (["--silent-limit", "0"], "0 would put everyone out"),
        (["--host", "no such host"], "no address called"), (["--host", "203.0.113.7"], "cannot be opened"),
        (["--frobnicate"], "unrecognized arguments"), (["extra"], "unrecognized arguments"),
    ],
)  # fmt: skip
def test_a_wrong_option_is_explained_and_the_exit_code_is_2(start: Start, options: list[str], sentence: str) -> None:
    program = start("chat_server.py", "--port", "0", *options)
    assert program.wait() == 2
    assert sentence in program.errors()


def test_help_lists_every_option_and_ends_with_0(start: Start) -> None:
    program = start("chat_server.py", "--help")
    assert program.wait() == 0
    program.wait_for("Exit codes")
    for word in ("--host", "--port", "--selector", "--room-name", "--login-timeout", "--ping-after", "--silent-limit",
                 "--stall-limit", "--idle-limit", "PORT", "NO_COLOR"):  # fmt: skip
        assert program.output is not None
        assert word in program.output.text


def test_the_port_may_come_from_the_environment(start: Start) -> None:
    port = free_port()
    program = start("chat_server.py", "--host", "127.0.0.1", env={**os.environ, "PORT": str(port)})
    program.wait_for(f"Chat running 127.0.0.1:{port}")
    program.process.terminate()
    assert program.wait() == 0


def test_an_option_wins_over_the_environment(start_server: StartServer) -> None:
    assert start_server(env={**os.environ, "PORT": "1"}).port > 1


def test_a_wrong_port_in_the_environment_is_explained(start: Start) -> None:
    program = start("chat_server.py", env={**os.environ, "PORT": "http"})
    assert program.wait() == 2
    assert "environment variable PORT: 'http' is no port" in program.errors()


# ---- who is not there any more


@pytest.mark.parametrize("stage", [b"", b"ali", b"alice\n", b"alice\nhello", b'{"do":"login"', b"GET / HT"])
def test_a_reset_at_any_stage_harms_nobody(server: Server, connect: Connect, join_plain: Join, stage: bytes) -> None:
    """What broke the originals: RST during recv ended the server; RST poisoned the room for every later speaker."""
    bob = join_plain("bob")
    for _ in range(3):
        visitor = connect()
        visitor.send(stage)
        visitor.reset()
    if b"\n" in stage:
        bob.wait_for("alice exited.")
    alicia = join_plain("alicia")
    bob.wait_for("alicia entered.")
    bob.send_line("hello")
    assert alicia.wait_for(" > ").endswith("bob > hello")
    server.type("LIST_USERS")
    server.wait_for("USERS: [Host,bob,alicia]")


def test_dead_peers_during_a_broadcast_are_told_once_and_everyone_else_hears_all(join_plain: Join) -> None:
    """What broke the originals: a dead peer during a broadcast ended the server (dict changed size)."""
    alice, bob = join_plain("alice"), join_plain("bob")
    dying = [join_plain(f"dying{number}") for number in range(10)]
    bob.wait_for("dying9 entered.")
    for number, client in enumerate(dying):
        alice.send_line(f"message {number}")
        client.reset()
    alice.send_line("the end")
    heard: list[str] = []
    while len(heard) < 21:
        heard.append(bob.read_line()[11:])
    assert [line for line in heard if " > " in line] == [
        *[f"alice > message {number}" for number in range(10)], "alice > the end"
    ]  # fmt: skip
    assert sorted(line for line in heard if "exited" in line) == [f"[*] dying{number} exited." for number in range(10)]


def test_kick_racing_that_users_own_data_harms_nobody(server: Server, join_plain: Join) -> None:
    """What broke the originals. After the kick nothing of his is heard."""
    alice = join_plain("alice")
    for round_number in range(10):
        bob = join_plain("bob")
        bob.send("".join(f"talk {number}\n" for number in range(200)))
        server.type("KICK bob")
        bob.send("/quit now\n" + "late\n" * 100) if round_number % 2 else bob.reset()
        heard = alice.wait_for(re.compile(r"bob (exited|has been kicked out)\."))
        assert " > " not in heard
    alice.send_line("/users")
    assert " > " not in alice.read_line()
    server.type("LIST_USERS")
    server.wait_for("USERS: [Host,alice]\n")


def test_a_descriptor_reused_by_the_next_visitor_gets_nothing_of_the_last(server: Server, join_plain: Join) -> None:
    watcher = join_plain("watcher")
    for number in range(30):
        guest = join_plain(f"guest{number}")
        guest.send("/whoelse\n" * 3)
        guest.reset()
        assert join_plain(f"heir{number}").pending == b""
        watcher.wait_for(f"heir{number} entered.")
    wait_until(lambda: "guest29 is off line" in (server.output.text if server.output else ""))


def test_the_console_survives_what_names_and_texts_hold(server: Server, join_plain: Join, join_json: JoinJson) -> None:
    robot = join_json("robot")
    for text in ("%s %n {} {0}", "\\x1b[31m", "x" * 16_000, "\u0300" * 500, "👩‍👩‍👧‍👦" * 100, json.dumps({"a": 1})):
        assert robot.request("say", text=text)["event"] == "accepted"
    server.type("LIST_USERS")
    server.wait_for("USERS: [Host,robot]")
