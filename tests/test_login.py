"""Accounts through real sockets: rows N4, N6 and N7, and the classes "guessing" and "hashing" of the faults."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.gauges import cpu_seconds, within
from tests.support import Connection, JsonClient, LineClient, PlainClient, Server

StartServer = Callable[..., Server]
Join = Callable[..., PlainClient]
JoinJson = Callable[..., JsonClient]
Connect = Callable[..., LineClient]

SECRET = "correct horse battery"


@pytest.fixture
def server(start_server: StartServer, tmp_path: Path) -> Server:
    """A server that keeps things, with one registered name: bob. Who comes has as long as a busy machine takes."""
    server = start_server("--data", tmp_path, "--login-timeout", 200)
    with JsonClient(server, "bob") as bob:
        assert bob.request("register", password=SECRET)["event"] == "told"
        bob.tell("quit")
        bob.read_to_end()
    return server


def log_in(client: JsonClient, password: str, name: str = "bob") -> dict[str, Any]:
    """Try to log in; return the answer."""
    return client.request("login", name=name, password=password)


# ---- N4


def test_n4_a_registered_name_asks_for_its_password(server: Server, connect: Connect) -> None:
    bob = connect()
    bob.send_line("BOB")
    assert bob.read_line() == "Password for BOB?"
    bob.send_line(SECRET)
    assert bob.lines(2) == ["OK", "&Host&bob"]


def test_n4_programs_log_in_with_the_password(server: Server, join_json: JoinJson) -> None:
    client = join_json("")
    assert client.request("login", name="bob")["code"] == "registered"
    assert log_in(client, SECRET)["name"] == "bob"


def test_n4_the_whole_login_in_one_packet(server: Server, connect: Connect, join_plain: Join) -> None:
    alice = join_plain("alice")
    connect().send(f"bob\n{SECRET}\nhello\n/me waves\n")
    assert [line[11:] for line in alice.lines(3)] == ["[*] bob entered.", "bob > hello", "* bob waves"]


def test_n4_the_oldest_clients_end_neither_name_nor_password_with_a_newline(server: Server, connect: Connect) -> None:
    bob = connect()
    bob.send("bob")
    assert bob.read_line() == "Password for bob?"
    bob.send(SECRET)
    assert bob.read_line() == "OK"


@pytest.mark.parametrize(
    "guess", [SECRET[:-1], SECRET + "y", SECRET.upper(), SECRET + "\0", SECRET * 1000, "\ud800", "x" * 60_000]
)
def test_n4_only_the_password_itself_opens(server: Server, join_json: JoinJson, guess: str) -> None:
    client = join_json("")
    answer = log_in(client, guess)
    assert (answer["event"], answer["code"]) == ("refused", "wrong_password")
    assert log_in(client, SECRET)["event"] == "welcome"


def test_n4_the_longest_password_counts_to_its_last_byte(server: Server, join_json: JoinJson) -> None:
    alice, longest = join_json("alice"), "x" * 1024
    assert alice.request("register", password=longest + "x")["code"] == "password_bad"
    assert alice.request("register", password=longest)["event"] == "told"
    alice.tell("quit")
    alice.read_to_end()
    for guess in (longest + "x", longest[:-1]):
        assert log_in(join_json(""), guess, "alice")["code"] == "wrong_password"
    assert log_in(join_json(""), longest, "alice")["event"] == "welcome"


@pytest.mark.parametrize("password", ["", "abc", "tab\tbed", "nul\0nul", "\ud800\ud800\ud800\ud800", "é" * 513])
def test_n4_what_will_not_do_as_a_password_is_refused(server: Server, join_json: JoinJson, password: str) -> None:
    assert join_json("alice").request("register", password=password)["code"] in ("password_bad", "missing")


def test_n4_a_password_is_changed_by_its_owner_and_by_the_host(server: Server, join_json: JoinJson) -> None:
    bob = join_json("")
    log_in(bob, SECRET)
    assert bob.request("password", password="another one")["event"] == "told"
    assert log_in(join_json(""), SECRET)["code"] == "wrong_password"
    server.type("RESET bob")
    given = server.wait_for(re.compile(r"The password of bob is now (\S+)"))[1]
    other = join_json("")
    assert log_in(other, "another one")["code"] == "wrong_password"
    assert log_in(other, given)["event"] == "welcome"
    server.type("RESET nobody")
    server.wait_for("[!] There is no registered name nobody.")


def test_n4_a_registered_name_is_nobody_elses(server: Server, join_json: JoinJson) -> None:
    guest = join_json("guest")
    assert guest.request("nick", name="bob")["code"] == "registered"
    assert guest.request("nick", name="B0B")["code"] in ("registered", "name_looks")
    assert guest.request("password", password=SECRET)["code"] == "not_registered"
    assert guest.request("register", password=SECRET)["event"] == "told"
    assert guest.request("register", password=SECRET)["code"] == "registered"


def test_n4_what_follows_a_registration_waits_for_it(server: Server, join_json: JoinJson) -> None:
    alice = join_json("alice")
    alice.tell("register", password=SECRET, ref="r")
    alice.tell("nick", name="ally")
    assert alice.wait_for(ref="r")["event"] == "told"
    assert alice.wait_for("renamed")["new"] == "ally"
    assert join_json("").request("login", name="alice")["code"] == "registered"


@pytest.mark.parametrize("end", ["/quit\n", ""])
def test_n4_a_script_may_end_with_what_takes_its_time(server: Server, connect: Connect, end: str) -> None:
    script = connect()
    script.send(f"carol\n/register {SECRET}\n/history\n{end}")
    script.half_close()
    lines = [line[11:] for line in script.read_to_end().splitlines()[2:]]
    told = "[=] The name carol is registered, and yours: it takes your password from now on."
    assert lines == [told, "[=] Nothing has been said yet.", *["[.] Goodbye."] * bool(end)]
    again = connect()
    again.send_line("carol")
    assert again.read_line() == "Password for carol?"


def test_n4_a_password_stands_nowhere_in_clear(server: Server, join_json: JoinJson, tmp_path: Path) -> None:
    witness, bob = join_json("witness"), join_json("")
    log_in(bob, "wrong-and-secret")
    log_in(bob, SECRET)
    bob.request("password", password="third-and-secret")
    bob.request("line", line="/password fourth-and-secret")
    bob.request("login", name="bob", password="fifth-and-secret")
    history, said = bob.request("history", n=500), [bob.request("help"), bob.request("help", command="password")]
    bob.request("say", text="the end")
    heard = []
    while (it := witness.read()).get("text") != "the end":
        heard.append(it)
    raw = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    assert server.output is not None and b"argon2id" in raw
    shown = "".join([server.output.text, server.errors(), repr(raw), repr([heard, history, said])])
    for secret in (SECRET, "and-secret"):
        assert secret not in shown


# ---- N6


def test_n6_three_wrong_block_that_name_from_that_address_for_a_minute(server: Server, join_json: JoinJson) -> None:
    client = join_json("")
    codes = [log_in(client, f"guess {number}")["code"] for number in range(3)]
    assert codes == ["wrong_password", "wrong_password", "blocked"]
    answer = log_in(join_json(""), SECRET)
    assert answer["code"] == "blocked"
    seconds = re.search(r"wait (\d+) s\.", answer["text"])
    assert seconds and 50 <= int(seconds[1]) <= 60
    assert join_json("alice").welcome["name"] == "alice", "another name is free to come"
    assert log_in(join_json("", server, source="127.0.0.2"), SECRET)["event"] == "welcome"


def test_n6_a_person_is_told_too(server: Server, connect: Connect) -> None:
    bob = connect()
    bob.send_line("bob")
    for _ in range(2):
        assert bob.read_line() == "Password for bob?"
        bob.send_line("guess")
        assert bob.read_line().endswith("[!] That is not the password of bob.")
    assert bob.read_line() == "Password for bob?"
    bob.send_line("guess")
    assert re.search(r"\[!\] Too many wrong passwords for that name from your address; wait \d+ s\.$", bob.read_line())
    assert bob.read_line() == "What is your name?"
    bob.send_line("bob")
    assert "Too many wrong passwords" in bob.read_line()
    bob.wait_for("What is your name?")
    bob.send_line("guest")
    bob.wait_for("&Host&guest")


def test_n6_guesses_side_by_side_are_no_way_around_it(server: Server, join_json: JoinJson) -> None:
    clients = []
    for number in range(8):
        clients.append(client := join_json(""))
        client.tell("login", name="bob", password=SECRET if number == 7 else f"guess {number}", ref=1)
    codes = [client.wait_for(ref=1).get("code") for client in clients]
    assert codes.count("wrong_password") <= 3 and codes[7] == "blocked"


def test_n6_known_and_unknown_names_answer_alike_in_text_and_time(server: Server, join_json: JoinJson) -> None:
    took = {"bob": 0.0, "nob": 0.0}
    texts = set()
    for number in range(2, 9):
        for name in took:
            client = join_json("", server, source=f"127.0.0.{number}")
            before = cpu_seconds(server.pid)  # a clock would measure what others do at the same time
            answer = log_in(client, "guess", name)
            took[name] += cpu_seconds(server.pid) - before
            texts.add((answer["code"], answer["text"].replace(name, "NAME")))
    assert texts == {("wrong_password", "That is not the password of NAME.")}
    assert 0.5 < took["bob"] / took["nob"] < 2, took


# ---- N7


@pytest.mark.parametrize("silent", [False, True])
def test_n7_who_logs_in_again_takes_the_place_of_an_earlier_connection(
    server: Server, join_json: JoinJson, join_plain: Join, connect: Connect, silent: bool
) -> None:
    """Also where the earlier connection is dead, and nobody knows it yet."""
    alice = join_plain("alice")
    first = join_json("", server, receive_buffer=4096 if silent else 0)
    log_in(first, SECRET)
    alice.wait_for("bob entered.")
    second = connect()
    second.send(f"bob\n{SECRET}\n")
    assert second.wait_for("&Host&alice&bob")
    assert [line[11:] for line in alice.lines(2)] == ["[*] bob exited.", "[*] bob entered."]
    if not silent:
        assert first.wait_for("goodbye")["code"] == "replaced"
        first.read_to_end()
    second.send_line("here I am")
    assert alice.read_line().endswith("bob > here I am")
    server.wait_for("bob is off line: logged in again from elsewhere.")
    server.wait_for("[*] bob entered.\nUSERS: [Host,alice,bob]\n")


def test_n7_also_under_another_name(server: Server, join_json: JoinJson) -> None:
    first = join_json("")
    log_in(first, SECRET)
    first.request("nick", name="robert")
    second = join_json("")
    assert log_in(second, SECRET)["users"] == ["Host", "bob"]
    assert first.wait_for("goodbye")["code"] == "replaced"


# ---- while a password is checked


def _keep_busy(server: Server, join_json: JoinJson, count: int) -> list[JsonClient]:
    """Have so many passwords checked, one after the other; each takes about a tenth of a second."""
    clients = []
    for number in range(count):
        clients.append(client := join_json("", server))
        client.tell("login", name=f"nobody{number}", password=SECRET, ref=1)
    return clients


def test_what_comes_meanwhile_is_kept_whole_and_in_order(
    server: Server, connect: Connect, join_plain: Join, join_json: JoinJson
) -> None:
    alice = join_plain("alice")
    busy = _keep_busy(server, join_json, 12)
    bob = connect()
    bob.send(f"bob\n{SECRET}\n" + "".join(f"line {number}\n" for number in range(500)) + "the first half")
    busy[7].wait_for("refused")  # half a second and more has passed, in which nothing came
    bob.send(" and the second\n")
    alice.wait_for("bob entered.")
    said = [line[11:] for line in alice.lines(501)]
    assert said == [f"bob > line {number}" for number in range(500)] + ["bob > the first half and the second"]


def test_what_comes_meanwhile_is_bounded(server: Server, connect: Connect, join_json: JoinJson) -> None:
    busy = _keep_busy(server, join_json, 12)
    bob = connect()
    bob.send(f"bob\n{SECRET}\n")
    bob.socket.setblocking(False)
    sent = 0
    with contextlib.suppress(BlockingIOError):
        while sent < 64 << 20:
            sent += bob.socket.send(b"x" * 1000 + b"\n")
    assert sent < 16 << 20
    assert not busy[-1].pending


def test_who_goes_meanwhile_was_never_there(
    server: Server, connect: Connect, join_plain: Join, join_json: JoinJson
) -> None:
    alice = join_plain("alice")
    busy = _keep_busy(server, join_json, 3)
    bob = connect()
    bob.send(f"bob\n{SECRET}\n")
    assert bob.read_line() == "Password for bob?"
    bob.reset()
    busy[-1].wait_for("refused")
    assert log_in(join_json(""), SECRET)["event"] == "welcome"
    rest = [alice.wait_for("bob entered."), *_until_quiet(alice)]
    assert sum("bob entered." in line for line in rest) - sum("bob exited." in line for line in rest) == 1


def _until_quiet(client: PlainClient) -> list[str]:
    """Return what has come, up to the answer to a question."""
    client.send_line("/users")
    found = [client.read_line()]
    while " in lobby:" not in found[-1]:
        found.append(client.read_line())
    return found


@pytest.mark.limit(240)
def test_a_hundred_logins_at_once_are_checked_or_refused_and_nobody_waits(
    server: Server, join_json: JoinJson, join_plain: Join
) -> None:
    """64 passwords may wait; who comes then is told so, and the talk goes on as if nothing were."""
    alice, witness = join_plain("alice"), join_plain("witness")
    crowd = _keep_busy(server, join_json, 100)
    for number in range(200):
        with within(1.0, server.pid):
            alice.send_line(f"{number}")
            witness.wait_for(f"alice > {number}")
    codes = [client.wait_for(ref=1, seconds=100)["code"] for client in crowd]
    assert set(codes) == {"wrong_password", "busy"}
    assert 64 <= codes.count("wrong_password") < 100
    assert log_in(join_json(""), SECRET)["event"] == "welcome"


def test_who_waits_for_our_check_is_not_put_out_for_being_late(start_server: StartServer, join_json: JoinJson) -> None:
    server = start_server("--login-timeout", 1)
    busy = _keep_busy(server, join_json, 14)
    assert {client.wait_for(ref=1, seconds=60)["code"] for client in busy} == {"wrong_password"}
    assert busy[-1].wait_for("goodbye")["code"] == "login_timeout"


def test_the_room_closes_while_passwords_wait(server: Server, join_json: JoinJson) -> None:
    crowd: list[Connection] = [*_keep_busy(server, join_json, 20)]
    assert join_json("alice").request("ping")["event"] == "pong"  # so all of them have been let in
    server.process.terminate()
    assert server.wait() == 0
    for client in crowd:
        assert '"goodbye"' in client.read_to_end()
