"""Who loses the connection and comes back with his token: nothing missed, nothing twice, and the others see nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.support import JsonClient, Server
from tests.web_client import CLOSE, WebClient, frame

Join = Callable[..., JsonClient]
StartServer = Callable[..., Server]


@contextmanager
def returning(
    server: Server, name: str, token: str, since: int = 0
) -> Iterator[tuple[JsonClient, list[dict[str, Any]]]]:
    """Come back; yield the client and what was told it between its welcome and the end of what it missed."""
    with JsonClient(server) as client:
        client.tell("login", name=name, token=token, since=since)
        told: list[dict[str, Any]] = []
        while not told or told[-1]["event"] != "resumed":
            told.append(client.read())
        yield client, told


def enter(server: Server, name: str) -> tuple[JsonClient, dict[str, Any]]:
    """Log in asking for a token; return the connection and the welcome."""
    client = JsonClient(server)
    client.tell("login", name=name, token="")
    return client, client.wait_for("welcome")


def texts(told: list[dict[str, Any]]) -> list[str]:
    return [each["text"] for each in told if each["event"] in ("said", "acted", "whispered")]


def test_a_hundred_messages_missed_come_once_in_order_and_nobody_saw_him_go(server: Server, join_json: Join) -> None:
    alice = join_json("alice")
    bob, welcome = enter(server, "bob")
    alice.request("say", text="before")
    last = bob.wait_for("said")["id"]
    alice.tell("ping", ref="start")
    alice.wait_for("pong")
    bob.reset()
    server.wait_for("bob has lost the connection")
    for number in range(100):
        alice.tell("say", text=f"m{number}")
    alice.tell("msg", to="bob", text="psst", ref="last")
    heard = [alice.read()]
    while heard[-1].get("ref") != "last":
        heard.append(alice.read())
    assert not [each for each in heard if each["event"] in ("entered", "left")]
    with returning(server, "bob", welcome["token"], last) as (client, told):
        assert texts(told) == [*(f"m{number}" for number in range(100)), "psst"]
        assert told[0]["users"] == ["Host", "alice", "bob"]
        alice.request("say", text="after")
        assert client.wait_for("said")["text"] == "after"
        alice.tell("ping", ref="end")
        seen = [alice.read()]
        while seen[-1]["event"] != "pong":
            seen.append(alice.read())
        assert not [each for each in seen if each["event"] in ("entered", "left")]


def test_who_comes_back_while_the_old_connection_still_stands_takes_its_place(server: Server, join_json: Join) -> None:
    alice = join_json("alice")
    bob, welcome = enter(server, "bob")
    with returning(server, "bob", welcome["token"]) as (client, told):
        assert told[0]["token"] != welcome["token"]
        assert bob.read_to_end() is not None
        client.tell("say", text="it is me")
        assert alice.wait_for("said")["text"] == "it is me"
    bob.close()


def test_rooms_are_kept(server: Server, join_json: Join) -> None:
    bob, welcome = enter(server, "bob")
    bob.tell("join", room="zoo")
    bob.wait_for("joined")
    bob.reset()
    server.wait_for("bob has lost the connection")
    with returning(server, "bob", welcome["token"]) as (client, told):
        assert [each["room"] for each in told if each["event"] in ("welcome", "joined")] == ["lobby", "zoo"]
        client.tell("say", text="still here")
        assert client.wait_for("accepted")["room"] == "zoo"


def test_who_does_not_come_back_leaves_once(start_server: StartServer, join_json: Join) -> None:
    server = start_server("--return-limit", "0.3")
    alice = join_json("alice", server)
    bob, _ = enter(server, "bob")
    bob.reset()
    assert alice.wait_for("left")["name"] == "bob"
    server.wait_for("bob is off line: did not come back")
    join_json("bob", server)


@pytest.mark.parametrize("token", ["", "nonsense", "x" * 60])
def test_a_wrong_token_is_no_way_in(server: Server, token: str) -> None:
    bob, _ = enter(server, "bob")
    with JsonClient(server) as thief:
        thief.tell("login", name="bob", token=token)
        assert thief.wait_for("refused")["code"] == "name_taken"
    bob.close()


def test_who_says_goodbye_is_not_waited_for(server: Server, join_json: Join) -> None:
    alice = join_json("alice")
    bob, welcome = enter(server, "bob")
    bob.tell("quit")
    assert alice.wait_for("left")["name"] == "bob"
    with JsonClient(server) as again:
        again.tell("login", name="bob", token=welcome["token"])
        assert "resumed" not in again.wait_for("welcome")
    bob.close()


def test_a_kick_meanwhile_ends_it(server: Server, join_json: Join) -> None:
    alice = join_json("alice")
    bob, welcome = enter(server, "bob")
    bob.reset()
    server.wait_for("bob has lost the connection")
    server.type("KICK bob")
    assert alice.wait_for("left")["kicked"] is True
    with JsonClient(server) as again:
        again.tell("login", name="bob", token=welcome["token"])
        assert again.wait_for("welcome")["token"] != welcome["token"]


def close_page(server: Server, code: int) -> dict[str, Any]:
    """Come in as bob by WebSocket, asking for a token, and close it with this code; return the welcome."""
    with WebClient(server) as page:
        page.tell("login", name="bob", token="")
        welcome = page.wait_for("welcome")
        page.send(frame(CLOSE, code.to_bytes(2, "big")))
        assert page.read_close() == (code, "")
    return welcome


def test_who_loads_a_page_anew_was_not_seen_to_go(server: Server, join_json: Join) -> None:
    alice = join_json("alice")
    token = close_page(server, 1001)["token"]
    alice.wait_for("entered", name="bob")
    alice.tell("say", text="meanwhile", ref=1)
    alice.wait_for("accepted")
    with returning(server, "bob", token) as (_, told):
        assert texts(told) == ["meanwhile"]
        alice.tell("ping")
        assert alice.read()["event"] == "pong"


def test_who_closes_a_page_has_left_soon(start_server: StartServer, join_json: Join) -> None:
    server = start_server("--reload-limit", "0.3")
    alice = join_json("alice", server)
    close_page(server, 1001)
    assert alice.wait_for("left", name="bob")["gone"] is True
    server.wait_for("bob is off line: did not come back")


def test_who_closes_for_good_has_left_at_once(start_server: StartServer, join_json: Join) -> None:
    server = start_server("--reload-limit", "600")
    alice = join_json("alice", server)
    close_page(server, 1000)
    alice.wait_for("left", name="bob")
    server.wait_for("bob is off line: closed the connection")


def test_of_very_much_only_the_end_is_told_and_that_it_is(server: Server, join_json: Join) -> None:
    alice = join_json("alice")
    bob, welcome = enter(server, "bob")
    bob.reset()
    server.wait_for("bob has lost the connection")
    for number in range(150):
        alice.request("say", text=f"{number} " + 8000 * "ä")
    with returning(server, "bob", welcome["token"]) as (client, told):
        numbers = [int(text.split()[0]) for text in texts(told)]
        assert 0 < len(numbers) < 150
        assert numbers == list(range(150))[-len(numbers) :]
        assert told[-1]["event"] == "resumed" and told[-1]["cut"] is True
        alice.request("say", text="after")
        assert client.wait_for("said")["text"] == "after"
