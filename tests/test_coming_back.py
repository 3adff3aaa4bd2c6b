"""The clients lose their connection and come back: nothing missed, nothing twice, and nobody saw them go."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from clients.visit import Patience
from tests.link_helpers import Listener, Peer, Visitor
from tests.support import PATIENCE, Between, JsonClient, Server, Terminal

Join = Callable[..., JsonClient]
Visit = Callable[..., Visitor]
StartServer = Callable[..., Server]
CALM = Patience(pause=0.05, longest=0.1, farewell=0.1)
"""For a link that comes back soon, and waits for an answer as long as a busy machine takes."""


@pytest.fixture
def cable(server: Server) -> Iterator[Between]:
    """What leads to the server, and can be pulled."""
    with Between(server) as between:
        yield between


def until(person: JsonClient, text: str) -> list[dict[str, Any]]:
    """Return what is told someone up to this text."""
    told = [person.read()]
    while told[-1].get("text") != text:
        told.append(person.read())
    return told


def told_until(bob: Visitor, **wanted: object) -> list[dict[str, Any]]:
    """Return what is told bob up to what has these values."""
    told = [bob.news.get(timeout=PATIENCE)]
    while not wanted.items() <= told[-1].items():
        told.append(bob.news.get(timeout=PATIENCE))
    return told


def texts(told: list[dict[str, Any]], *events: str) -> list[str]:
    return [each["text"] for each in told if each["event"] in (events or ("said", "acted", "whispered"))]


def comings(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for each in told if each["event"] in ("entered", "left")]


# ---- against our server ---------------------------------------------------------------------------------------


def test_packets_are_dropped_while_a_hundred_messages_flow(
    server: Server, cable: Between, join_json: Join, visit: Visit
) -> None:
    alice, bob = join_json("alice"), visit(cable.port, patience=CALM)
    alice.wait_for("entered", name="bob")
    bob.link.send({"do": "join", "room": "attic", "ref": 1})
    bob.wait_for(event="joined", ref=1)
    alice.request("say", text="before")
    bob.wait_for(event="said", text="before")
    cable.stall()
    for number in range(50):
        alice.request("say", text=f"m{number}")
    cable.cut()
    bob.wait_for(event="link", state="retrying")
    for number in range(50, 100):
        alice.request("say", text=f"m{number}")
    alice.tell("msg", to="bob", text="psst")
    cable.flow()
    told = told_until(bob, text="psst")
    assert texts(told) == [*(f"m{number}" for number in range(100)), "psst"]
    again = [each for each in told if each["event"] in ("welcome", "joined")]
    assert [(each["room"], each["resumed"]) for each in again] == [("lobby", True), ("attic", True)]
    assert not [each for each in told if "token" in each]
    bob.link.send({"do": "say", "text": "still in the attic", "ref": 2})
    assert bob.wait_for(event="accepted", ref=2)["room"] == "attic"
    bob.link.send({"do": "msg", "to": "alice", "text": "I was never gone"})
    assert comings(until(alice, "I was never gone")) == []


LINES = ["hello", "hello", "/me  waves", "//help", "/users", "/join attic", "hello attic", "/MSG alice,nobody psst"]


def test_what_was_on_its_way_is_said_exactly_once(
    server: Server, cable: Between, join_json: Join, visit: Visit
) -> None:
    """Whether the messages themselves were lost or only what acknowledges them, again and again."""
    alice, bob = join_json("alice"), visit(cable.port, patience=CALM)
    alice.request("join", room="attic")
    bob.wait_for(event="welcome")
    for answers_alone in (True, False, True, False):
        cable.stall(answers=answers_alone)
        for ref, line in enumerate(LINES):
            bob.link.send({"do": "line", "line": line, "ref": ref})
        bob.taken()
        told = until(alice, "psst") if answers_alone else []
        cable.cut()
        cable.flow()
        answers: dict[object, str] = {}
        while len(answers) < len(LINES):
            found = bob.news.get(timeout=PATIENCE)
            answers |= {found["ref"]: found["event"]} if "ref" in found else {}
        assert [answers[ref] for ref in range(len(LINES))] == [*["accepted"] * 4, "listed", "joined", *["accepted"] * 2]
        bob.link.send({"do": "msg", "to": "alice", "text": "done"})
        bob.link.send({"do": "part", "ref": 100})
        bob.wait_for(event="parted")
        told += until(alice, "done")
        assert texts(told) == ["hello", "hello", "waves", "/help", "hello attic", "psst", "done"]


def test_a_server_that_knows_one_no_more_is_entered_anew(
    start_server: StartServer, join_json: Join, visit: Visit
) -> None:
    """Too late, as after a restart: into the same rooms, and what is uncertain is told."""
    server = start_server("--return-limit", "0")
    with Between(server) as cable:
        alice, bob = join_json("alice", server), visit(cable.port, patience=CALM)
        bob.link.send({"do": "join", "room": "attic", "ref": 1})
        bob.wait_for(event="joined", ref=1)
        cable.stall()
        bob.link.send({"do": "say", "text": "lost", "ref": 2})
        bob.taken()
        cable.cut()
        alice.wait_for("left", name="bob")
        cable.flow()
        told = told_until(bob, event="joined")
        assert [each["event"] for each in told[-3:]] == ["welcome", "refused", "joined"]
        assert told[-2]["code"] == "unconfirmed"
        assert told[-1]["room"] == "attic"
        assert "resumed" not in told[-1]


# ---- against servers played by the tests ----------------------------------------------------------------------

LOBBY = {"room": "lobby", "title": "Lobby", "users": ["bob"], "count": 1}


@pytest.fixture
def come_in(listener: Listener, visit: Visit) -> tuple[Visitor, Peer]:
    """Bob, let in with the token `one` by an event 10; he has heard up to 11."""
    bob, peer = visit(listener.port, patience=CALM), listener.accept()
    assert peer.read() == {"do": "login", "name": "bob", "token": ""}
    peer.send(event="welcome", id=10, name="bob", token="one", **LOBBY)
    peer.send(event="said", id=11, room="lobby", from_="alice", text="hi")
    bob.wait_for(event="said")
    return bob, peer


def come_back(
    listener: Listener, peer: Peer, since: int, *missed: dict[str, Any], token: str = "one", cut: bool = False
) -> Peer:
    """Lose him, and let him come back; his next request is what he sends again."""
    peer.hang_up()
    peer = listener.accept()
    assert peer.read() == {"do": "login", "name": "bob", "token": token, "since": since}
    peer.send(event="welcome", id=900, name="bob", token="two", **LOBBY)
    for each in missed:
        peer.send(**{"room": "lobby", "from": "alice", **each})
    peer.send(event="resumed", id=901, count=len(missed), cut=cut)
    assert peer.read() == {"do": "ping", "ref": "back"}
    peer.send(event="pong", ref="back")
    return peer


def ask(bob: Visitor, peer: Peer, *requests: dict[str, Any]) -> None:
    for ref, request in enumerate(requests):
        bob.link.send({**request, "ref": ref})
        assert peer.read()["ref"] == ref


def test_he_asks_from_what_he_had_heard_when_the_first_unanswered_was_sent(
    listener: Listener, come_in: tuple[Visitor, Peer]
) -> None:
    """A message gets its id at once and its acknowledgement late: what came in between proves nothing."""
    bob, peer = come_in
    ask(bob, peer, {"do": "say", "text": "mine"})
    peer.send(event="said", id=20, room="lobby", from_="alice", text="later")
    bob.wait_for(text="later")
    mine = {"event": "said", "id": 15, "from": "bob", "text": "mine"}
    later = {"event": "said", "id": 20, "text": "later"}
    peer = come_back(listener, peer, 11, mine, later, {"event": "said", "id": 30, "text": "new"})
    told = told_until(bob, event="resumed")
    assert texts(told, "said", "accepted") == ["mine", "new"]
    assert next(each for each in told if each["event"] == "accepted")["ref"] == 0
    come_back(listener, peer, 901, token="two")


def test_nothing_overtakes_what_is_uncertain(listener: Listener, come_in: tuple[Visitor, Peer]) -> None:
    bob, peer = come_in
    ask(bob, peer, {"do": "say", "text": "a"}, {"do": "nick", "name": "rob"}, {"do": "say", "text": "b"})
    peer = come_back(listener, peer, 11)
    assert peer.read() == {"do": "say", "text": "a", "ref": 0}
    refused = [bob.wait_for(event="refused") for _ in range(2)]
    assert [(each["ref"], each["code"]) for each in refused] == [(1, "unconfirmed"), (2, "not_sent")]


def test_what_was_said_after_it_proves_that_it_was_read(listener: Listener, come_in: tuple[Visitor, Peer]) -> None:
    bob, peer = come_in
    ask(bob, peer, {"do": "watch", "name": "eve"}, {"do": "say", "text": "a"}, {"do": "say", "text": "b"})
    peer = come_back(listener, peer, 11, {"event": "said", "id": 12, "from": "bob", "text": "a"})
    assert peer.read() == {"do": "say", "text": "b", "ref": 2}
    assert bob.wait_for(event="accepted")["ref"] == 1
    assert bob.wait_for(event="refused")["ref"] == 0


def test_where_a_server_may_have_left_some_out_nothing_is_said_again(
    listener: Listener, come_in: tuple[Visitor, Peer]
) -> None:
    bob, peer = come_in
    ask(bob, peer, {"do": "say", "text": "mine"})
    peer = come_back(listener, peer, 11, *({"event": "said", "id": 12 + at, "text": "x"} for at in range(200)))
    assert bob.wait_for(event="refused", ref=0)["code"] == "unconfirmed"
    bob.link.send({"do": "say", "text": "next", "ref": 1})
    assert peer.read()["text"] == "next"


def test_where_a_server_says_that_it_has_left_some_out_nothing_is_said_again(
    listener: Listener, come_in: tuple[Visitor, Peer]
) -> None:
    bob, peer = come_in
    ask(bob, peer, {"do": "say", "text": "mine"})
    peer = come_back(listener, peer, 11, {"event": "said", "id": 12, "text": "x"}, cut=True)
    assert bob.wait_for(event="refused", ref=0)["code"] == "unconfirmed"
    bob.link.send({"do": "say", "text": "next", "ref": 1})
    assert peer.read()["text"] == "next"


def test_it_breaks_again_while_he_comes_back(listener: Listener, come_in: tuple[Visitor, Peer]) -> None:
    bob, peer = come_in
    ask(bob, peer, {"do": "say", "text": "a"}, {"do": "say", "text": "b"})
    peer.hang_up()
    peer = listener.accept()
    assert peer.read()["since"] == 11
    peer.send(event="welcome", id=90, name="bob", token="two", **LOBBY)
    mine = {"event": "said", "id": 12, "room": "lobby", "from": "bob", "text": "a"}
    peer.send(**mine)
    assert bob.wait_for(event="accepted")["ref"] == 0
    peer = come_back(listener, peer, 11, mine, {"event": "said", "id": 91, "text": "new"}, token="two")
    assert peer.read() == {"do": "say", "text": "b", "ref": 1}
    assert texts(told_until(bob, event="resumed")) == ["new"]


def test_nothing_new_is_sent_before_all_is_settled(listener: Listener, come_in: tuple[Visitor, Peer]) -> None:
    bob, peer = come_in
    ask(bob, peer, {"do": "say", "text": "old"})
    peer.hang_up()
    peer = listener.accept()
    peer.read()
    peer.send(event="welcome", id=90, name="bob", token="two", **LOBBY)
    assert peer.read()["do"] == "ping"
    bob.link.send({"do": "say", "text": "new", "ref": 5})
    peer.send(event="resumed", id=91, count=0)
    assert [peer.read()["text"] for _ in range(2)] == ["old", "new"]


def test_the_end_tells_what_was_not_confirmed(listener: Listener, come_in: tuple[Visitor, Peer]) -> None:
    bob, peer = come_in
    ask(bob, peer, {"do": "say", "text": "old"})
    peer.hang_up()
    bob.wait_for(event="link", state="retrying")
    bob.link.close()
    assert [each.get("code") or each.get("state") for each in bob.rest()][-2:] == ["unconfirmed", "closed"]


def test_silence_after_a_question_is_noticed_soon(listener: Listener, visit: Visit) -> None:
    bob = visit(listener.port, patience=Patience(answer=0.3, unanswered=1.5))
    peer = listener.welcome()
    bob.link.send({"do": "say", "text": "hello?", "ref": 1})
    assert peer.read()["do"] == "say"
    assert peer.read()["do"] == "ping"
    assert "said nothing" in bob.wait_for(state="lost")["text"]


def test_a_long_wait_is_told_once(visit: Visit, listener: Listener) -> None:
    """Who was let in once comes back for longer than a newcomer tries."""
    bob = visit(listener.port, returns=9, patience=CALM)
    listener.welcome()
    bob.wait_for(event="welcome")
    listener.close()
    told = told_until(bob, state="gave_up")
    retries = [each for each in told if each.get("state") == "retrying"]
    assert len(retries) == 8
    assert sum(not each["again"] for each in retries) <= 2


# ---- at a terminal --------------------------------------------------------------------------------------------


def test_a_terminal_shows_what_was_missed_once(
    open_terminal: Callable[..., Terminal], cable: Between, join_json: Join
) -> None:
    alice = join_json("alice")
    bob = open_terminal(sys.executable, "chat_client.py", "-c", cable.host, cable.port, "bob", rows=200)
    alice.wait_for("entered", name="bob")
    bob.wait_for("Lobby · 3 people")
    bob.type("half")
    cable.stall()
    for number in range(50):
        alice.request("say", text=f"m{number}")
    cable.cut()
    for number in range(50, 100):
        alice.request("say", text=f"m{number}")
    bob.wait_for("trying again")
    cable.flow()
    bob.wait_for("alice > m99")
    shown = bob.screen(history=True)
    assert re.findall(r"alice > (\w+)", shown) == [f"m{number}" for number in range(100)]
    assert shown.count("You are bob") == 1
    bob.wait_for(re.compile(r"^> half$", re.MULTILINE))
    bob.press("Enter")
    assert comings(until(alice, "half")) == []
