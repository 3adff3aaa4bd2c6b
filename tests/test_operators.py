"""Operators, whom the host has named: who proves the password does what the host may, from his own client."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from chat import passwords
from tests.foreign import TextbookClient, UdpClient
from tests.room import House, hash_quickly
from tests.support import JsonClient, LineClient, PlainClient, Server

OPER = "root a long word"
Join = Callable[..., PlainClient]
JoinJson = Callable[..., JsonClient]


@pytest.fixture
def server(start_server: Callable[..., Server]) -> Server:
    return start_server("--operator", "root: a long word")


def test_from_plain_lines(server: Server, join_plain: Join, join_json: JoinJson) -> None:
    ann, bob = join_plain("ann"), join_json("bob")
    for refused in ("/kick bob", "/list_users", "/reset bob", "/wallops x"):
        ann.send_line(refused)
        assert ann.wait_for("[!] ")
    ann.send_line(f"/oper {OPER}")
    assert "[=] You are an operator now. /help lists what you can do." in ann.wait_for("operator now")
    server.wait_for("[-] ann is an operator now, as root.")
    ann.send_line("/list_users")
    assert ann.wait_for("[=] 3 in lobby:") and "bob" in ann.lines(3)[2]
    ann.send_line("/whois bob")
    assert "comes from 127.0.0.1:" in ann.wait_for("comes from")
    ann.send_line("/kick bob spam")
    assert "[*] bob has been kicked out. (spam)" in ann.wait_for("[*] bob")
    assert bob.wait_for("left")["by"] == "ann"
    assert bob.wait_for("goodbye")["code"] == "kicked"
    server.wait_for("[-] bob is off line: kicked by ann: spam.")
    ann.send_line("/kick Host")
    assert "[!] Host is the host; nobody can do that to the host." in ann.wait_for("[!]")
    ann.send_line("/exit")
    assert "[!] Only the host may use /exit." in ann.wait_for("[!]")


def test_from_json(server: Server, join_json: JoinJson) -> None:
    ann, bob, cat = join_json("ann"), join_json("bob"), join_json("cat")
    assert ann.request("kick", name="bob")["code"] == "not_op"
    assert ann.request("oper", name="root", password="wrong")["code"] == "oper_wrong"
    assert ann.request("oper", name="root", password="a long word")["about"] == "oper"
    assert {who["name"] for who in ann.request("list_users")["users"]} == {"Host", "ann", "bob", "cat"}
    left = ann.request("kick", name="bob", reason="spam")
    assert (left["event"], left["name"], left["by"], left["kicked"]) == ("left", "bob", "ann", True)
    assert bob.wait_for("goodbye")["code"] == "kicked"
    cat.request("join", room="den")
    cat.request("part", room="lobby")
    assert ann.request("kick", name="cat")["text"] == "cat has been kicked out.", "also where they share no room"
    assert ann.request("deoper")["event"] == "told"
    assert ann.request("list_users")["code"] == "not_allowed"


def test_from_telnet(server: Server, join_json: JoinJson) -> None:
    bob = join_json("bob")
    with LineClient(server) as ann:
        ann.send(b"\xff\xfd\x03ann\r\n")
        ann.wait_for("&Host&bob&ann")
        ann.send(f"/oper {OPER}\r\n/kick bob\r\n".encode())
        ann.wait_for("bob has been kicked out.")
        assert bob.wait_for("goodbye")["code"] == "kicked"


def test_from_the_textbook_and_udp(server: Server) -> None:
    with TextbookClient(server, "ann") as ann, UdpClient(server, "eve") as eve:
        ann.send(f"MESSAGE /oper {OPER}\n")
        while "operator now" not in str(ann.message()):
            pass
        eve.send(90, f"/oper {OPER}")
        assert "operator now" in eve.wait_for(130, "Host [=] You are an operator now. /help lists what you can do.")
        ann.send("MESSAGE /kick eve\n")
        while "eve is an operator as you are; only the host can do that." not in str(message := ann.message()):
            assert message[0] != "LEFT", "nobody acts on someone of the same standing"


def test_guessing_is_closed_to_the_address_for_a_minute(server: Server, join_json: JoinJson) -> None:
    ann, bob = join_json("ann"), join_json("bob", source="127.0.0.2")
    for code in ("oper_wrong", "oper_wrong", "oper_wrong", "blocked"):
        assert ann.request("oper", name="root", password="wrong")["code"] == code
    assert ann.request("oper", name="root", password="a long word")["code"] == "blocked"
    assert bob.request("oper", name="root", password="a long word")["event"] == "told"
    server.wait_for("ann tried to become the operator 'root', with a wrong password.")
    assert server.output is not None and "a long word" not in server.output.text


@pytest.mark.parametrize(("name", "password", "right"), [
    ("root", "a long word", True), ("root", "a long Word", False), ("ROOT", "a long word", False),
    ("nobody", "a long word", False), ("root", "", False), ("root", "\ud800", False),
])  # fmt: skip
@pytest.mark.parametrize("hashed", [False, True])
def test_only_the_password_itself_makes_one(
    monkeypatch: pytest.MonkeyPatch, name: str, password: str, right: bool, hashed: bool
) -> None:
    hash_quickly(monkeypatch)
    house = House()
    house.hub.operators = {"root": passwords.secret("a long word") if hashed else "a long word"}
    ann = house.program("ann")
    ann.take()
    ann.send(json.dumps({"do": "oper", "name": name, "password": password}).encode() + b"\n")
    (answer,) = ann.objects()
    assert (answer["event"] == "told") is right


def test_the_file_names_operators(start_server: Callable[..., Server], tmp_path: Path, join_json: JoinJson) -> None:
    (tmp_path / "chat.toml").write_text('operator = ["root: a long word", "eve: other"]\n', encoding="utf-8")
    ann = join_json("ann", start_server("--data", tmp_path))
    assert ann.request("oper", name="eve", password="other")["event"] == "told"
