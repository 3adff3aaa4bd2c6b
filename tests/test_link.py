"""The link that both clients share, against servers played by the tests and against ours."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from queue import Queue
from typing import Any

import pytest

from clients.link import REQUESTS, Link
from clients.place import Place
from clients.visit import Patience, harmless
from tests.link_helpers import HASTE, Listener, Visitor
from tests.support import PATIENCE, JsonClient, Server, free_port, wait_until

Visit = Callable[..., Visitor]


# ---- a visit that goes well -----------------------------------------------------------------------------------


def test_it_talks_with_our_server(server: Server, visit: Visit, join_json: Callable[..., JsonClient]) -> None:
    ann, bob = join_json("ann"), visit(server.port)
    bob.wait_for(event="link", state="connected")
    assert bob.wait_for(event="welcome")["users"] == ["Host", "ann", "bob"]
    bob.link.send({"do": "say", "text": "hällo\nthere", "ref": 1})
    assert bob.wait_for(event="accepted", ref=1)["text"] == "hällo\nthere"
    assert ann.wait_for("said", from_="bob")["text"] == "hällo\nthere"
    ann.tell("say", text="hi")
    assert bob.wait_for(event="said")["from"] == "ann"
    bob.link.close("lunch")
    assert bob.wait_for(event="goodbye")["code"] == "quit"
    assert bob.rest()[-1]["state"] == "closed"
    assert ann.wait_for("left", name="bob")["reason"] == "lunch"


def test_a_ping_is_answered_and_not_delivered(listener: Listener, visit: Visit) -> None:
    bob, peer = visit(listener.port), listener.welcome()
    peer.send(event="ping")
    assert peer.read() == {"do": "pong"}
    peer.send(event="goodbye", code="closing", text="Bye.")
    bob.wait_for(event="welcome")
    assert [found["event"] for found in bob.rest()] == ["goodbye", "link"]


def test_what_comes_in_many_pieces_or_all_at_once_is_the_same(listener: Listener, visit: Visit) -> None:
    bob, peer = visit(listener.port), listener.welcome()
    line = '{"event":"said","from":"ann","text":"日本"}\r\n'.encode()
    for byte in line:
        peer.send_raw(bytes([byte]))
    peer.send_raw(line * 100)
    for _ in range(101):
        assert bob.wait_for(event="said")["text"] == "日本"


def test_what_a_server_sends_can_be_shown() -> None:
    hostile = "a\x1b[31m\x9b\u202eb\ud800\nc"
    found = harmless({"text": hostile, "from": hostile, hostile: [hostile, {"name": hostile}], "count": 3, "no": None})
    assert found == {
        "text": "a[31mb\ufffd\nc",
        "from": "a[31mb\ufffd c",
        "a[31mb\ufffd c": ["a[31mb\ufffd c", {"name": "a[31mb\ufffd c"}],
        "count": 3,
        "no": None,
    }


def test_what_a_server_nests_too_deeply_is_cut() -> None:
    deep: Any = "x"
    for _ in range(900):
        deep = {"a": [deep]}
    assert harmless(deep) == {"a": [{"a": [{"a": []}]}]}


# ---- names ----------------------------------------------------------------------------------------------------


def test_a_refused_name_waits_for_another(server: Server, visit: Visit, join_json: Callable[..., JsonClient]) -> None:
    ann, bob = join_json("ann"), visit(server.port, "ANN")
    assert bob.wait_for(event="refused")["code"] == "name_taken"
    bob.link.login("a b")
    assert bob.wait_for(event="refused")["code"] == "name_bad"
    bob.link.login("bob")
    assert bob.wait_for(event="welcome")["name"] == "bob"
    assert ann.wait_for("entered")["name"] == "bob"


def test_it_comes_back_with_the_name_it_had_last(listener: Listener, visit: Visit) -> None:
    bob = visit(listener.port, patience=HASTE)
    peer = listener.welcome()
    peer.send(event="renamed", old="bob", new="rob")
    peer.send(event="renamed", old="ann", new="bob")
    bob.wait_for(event="renamed", old="ann")
    peer.hang_up()
    bob.wait_for(event="link", state="lost")
    bob.wait_for(event="link", state="retrying")
    listener.welcome("rob")
    assert "again" in bob.wait_for(event="link", state="connected")["text"]


def test_ones_own_ghost_is_waited_out(listener: Listener, visit: Visit) -> None:
    bob = visit(listener.port, patience=HASTE)
    listener.welcome().hang_up()
    bob.wait_for(event="link", state="retrying")
    for _ in range(2):
        ghost = listener.accept()
        ghost.read()
        ghost.send(event="refused", code="name_taken", text="The name bob is taken.")
        assert "still held" in bob.wait_for(event="link", state="retrying")["text"]
    listener.welcome()
    bob.wait_for(event="link", state="connected")


def test_a_name_that_is_really_taken_meanwhile_is_asked_for_at_last(listener: Listener, visit: Visit) -> None:
    bob = visit(listener.port, attempts=3, patience=HASTE)
    listener.welcome().hang_up()
    for _ in range(2):
        ghost = listener.accept()
        ghost.read()
        ghost.send(event="refused", code="name_taken", text="The name bob is taken.")
    bob.wait_for(event="refused", code="name_taken")
    bob.link.login("rob")
    listener.welcome("rob")
    bob.wait_for(event="link", state="connected")


# ---- servers that fail ----------------------------------------------------------------------------------------


def test_nobody_listens(visit: Visit) -> None:
    bob = visit(free_port(), attempts=3, patience=HASTE)
    texts = [found["text"] for found in bob.rest() if found["state"] in ("retrying", "gave_up")]
    assert len(texts) == 3
    assert "nobody listens there" in texts[0]
    assert "(2 of 3)" in texts[0]
    assert texts[-1].startswith("Gave up on 127.0.0.1")


def test_a_server_that_does_not_accept(visit: Visit) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", port))
        bob = visit(port, attempts=2, patience=Patience(connect=0.3, pause=0.02))
        assert "no answer" in bob.wait_for(state="gave_up")["text"]
        for sock in waiting:
            sock.close()


def test_a_server_that_says_nothing_to_the_login(listener: Listener, visit: Visit) -> None:
    bob = visit(listener.port, attempts=2, patience=Patience(login=0.3, pause=0.02))
    assert "said nothing" in bob.wait_for(state="retrying")["text"]
    assert "said nothing" in bob.wait_for(state="gave_up")["text"]


def test_a_server_that_falls_silent_is_asked_and_then_given_up(listener: Listener, visit: Visit) -> None:
    bob = visit(listener.port, patience=Patience(ping=0.3, silent=1.5, pause=0.02))
    peer = listener.welcome()
    assert peer.read() == {"do": "ping"}
    peer.send(event="pong")
    assert peer.read() == {"do": "ping"}
    assert "said nothing" in bob.wait_for(state="lost")["text"]


def test_something_that_is_no_chat_server_is_given_up_at_once(listener: Listener, visit: Visit) -> None:
    bob = visit(listener.port)
    listener.accept().send_raw(b"SSH-2.0-OpenSSH_9.2p1\r\n")
    assert "not a chat server" in bob.wait_for(state="gave_up")["text"]


def test_an_address_that_does_not_exist_is_given_up_at_once() -> None:
    news: Queue[dict[str, Any]] = Queue()
    for host in ("no.such.host.invalid", "a..b", "x" * 70):
        link = Link(Place(host, 3001), "bob", news.put)
        link.start()
        assert link.join(PATIENCE)
        assert news.get()["state"] == "connecting"
        assert news.get()["state"] == "gave_up"


def test_the_attempts_are_not_counted_anew_for_a_server_that_drops_everybody(listener: Listener, visit: Visit) -> None:
    bob = visit(listener.port, returns=3, patience=HASTE)
    for _ in range(3):
        listener.welcome().hang_up()
    assert bob.wait_for(state="gave_up")


def test_after_goodbye_it_does_not_come_back(listener: Listener, visit: Visit) -> None:
    bob = visit(listener.port, patience=HASTE)
    listener.welcome().send(event="goodbye", code="kicked", text="You have been kicked out.")
    assert bob.wait_for(event="link", state="closed")["text"] == "You have been kicked out."
    assert bob.rest() == []
    listener.socket.settimeout(0)
    with pytest.raises(BlockingIOError):
        listener.socket.accept()


# ---- requests that do not get through -------------------------------------------------------------------------


def test_what_was_not_confirmed_is_told(listener: Listener, visit: Visit) -> None:
    bob, peer = visit(listener.port, patience=HASTE), listener.welcome()
    for ref in (1, 2):
        bob.link.send({"do": "say", "text": "hi", "ref": ref})
        assert peer.read()["ref"] == ref
    peer.send(event="accepted", do="say", text="hi", ref=1)
    bob.wait_for(event="accepted", ref=1)
    peer.hang_up()
    assert bob.wait_for(event="refused")["ref"] == 2


def test_what_cannot_be_sent_is_refused(visit: Visit) -> None:
    bob = visit(free_port(), patience=Patience(pause=PATIENCE))
    bob.wait_for(state="retrying")
    bob.link.send({"do": "say", "text": "hi", "ref": 1})
    assert bob.wait_for(event="refused", ref=1)["code"] == "not_connected"


def test_a_server_that_does_not_read_blocks_nobody(listener: Listener, visit: Visit) -> None:
    bob = visit(listener.port)
    listener.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    listener.welcome()
    began = time.monotonic()
    for ref in range(200):
        assert bob.link.send({"do": "say", "text": "x" * 60_000, "ref": ref})
    assert time.monotonic() - began < PATIENCE, "nothing of it is read, ever"
    assert bob.wait_for(event="refused")["code"] == "not_sent"


def test_too_long_a_request_is_refused_here(listener: Listener, visit: Visit) -> None:
    bob, peer = visit(listener.port), listener.welcome()
    bob.link.send({"do": "say", "text": "x" * 200_000, "ref": 1})
    assert bob.wait_for(event="refused", ref=1)["code"] == "too_long"
    bob.link.send({"do": "say", "text": "\ud800"})
    assert set(peer.read()["text"]) == {"\ufffd"}


# ---- the end --------------------------------------------------------------------------------------------------


def test_close_does_not_wait_for_a_mute_server(listener: Listener, visit: Visit) -> None:
    bob, peer = visit(listener.port), listener.welcome()
    bob.wait_for(event="welcome")
    began = time.monotonic()
    bob.link.close("lunch")
    bob.link.close()
    assert peer.read() == {"do": "quit", "reason": "lunch"}
    assert bob.wait_for(event="link")["state"] == "closed"
    assert bob.link.join(PATIENCE)
    assert time.monotonic() - began < PATIENCE


@pytest.mark.parametrize("state", ["connecting", "retrying", "refused"])
def test_close_in_any_state_ends_at_once(listener: Listener, visit: Visit, state: str) -> None:
    port = free_port() if state == "retrying" else listener.port
    bob = visit(port, patience=Patience(pause=PATIENCE))
    bob.wait_for(event="link", state="retrying" if state == "retrying" else "connecting")
    if state == "refused":
        listener.accept().send(event="refused", code="name_bad", text="No.")
        bob.wait_for(event="refused")
    bob.link.close()
    assert bob.wait_for(state="closed")
    assert bob.link.join(PATIENCE / 3), "before it would have tried again"


def test_close_from_the_links_own_thread() -> None:
    news: Queue[dict[str, Any]] = Queue()

    def deliver(found: dict[str, Any]) -> None:
        news.put(found)
        link.close()
        link.join()

    link = Link(Place("127.0.0.1", free_port()), "bob", deliver)
    link.start()
    wait_until(lambda: link.join(0))
    assert [news.get()["state"] for _ in range(news.qsize())] == ["connecting", "closed"]


def test_requests_that_nobody_takes_are_not_gathered_without_end() -> None:
    link = Link(Place("127.0.0.1", 3001), "bob", print)
    assert all(link.send({"do": "ping"}) for _ in range(REQUESTS))
    assert not link.send({"do": "ping"})
    link.close()


def test_a_link_that_was_never_started_can_be_closed() -> None:
    link = Link(Place("::1", 3001), "bob", print)
    link.close()
    link.send({"do": "say"})
    assert link.join()
    assert link.server == "[::1]:3001"


# ---- passwords and rooms --------------------------------------------------------------------------------------


def test_a_password_goes_with_the_login_and_on_coming_back(listener: Listener, visit: Visit) -> None:
    bob = visit(listener.port, patience=HASTE)
    first = listener.accept()
    assert first.read() == {"do": "login", "name": "bob", "token": ""}
    first.send(event="refused", code="registered", text="The name bob is registered.")
    bob.wait_for(event="refused", code="registered")
    bob.link.login("bob", "sesame")
    for _ in range(2):
        peer = listener.accept()
        assert peer.read() == {"do": "login", "name": "bob", "password": "sesame", "token": ""}
        peer.send(event="welcome", name="bob", room="lobby", users=["bob"], count=1)
        peer.send(event="renamed", old="bob", new="rob")  # the account is still bob's
        bob.wait_for(event="renamed")
        peer.hang_up()


def test_a_new_password_is_the_one_to_come_back_with(listener: Listener, visit: Visit) -> None:
    bob, peer = visit(listener.port, patience=HASTE), listener.welcome()
    for ref, verb, password in ((1, "register", "sesame"), (2, "password", "refused"), (3, "password", "better")):
        bob.link.send({"do": verb, "password": password, "ref": ref})
        assert peer.read()["password"] == password
        answer = {"event": "refused", "code": "password_bad"} if ref == 2 else {"event": "told"}
        peer.send(**answer, ref=ref)
        bob.wait_for(ref=ref)
    peer.hang_up()
    assert listener.accept().read() == {"do": "login", "name": "bob", "password": "better", "token": ""}


def test_it_goes_back_into_its_rooms(listener: Listener, visit: Visit) -> None:
    bob, peer = visit(listener.port, patience=HASTE), listener.welcome()
    for room in ("attic", "cellar", "weather", "attic"):
        peer.send(event="joined", room=room)
    peer.send(event="parted", room="cellar", current="attic")
    bob.wait_for(event="parted")
    peer.hang_up()
    again = listener.welcome()
    assert [again.read(), again.read()] == [{"do": "join", "room": "weather"}, {"do": "join", "room": "attic"}]


def test_a_busy_server_is_tried_again(listener: Listener, visit: Visit) -> None:
    bob = visit(listener.port, patience=HASTE)
    peer = listener.accept()
    peer.read()
    peer.send(event="refused", code="busy", text="Too many are logging in.")
    assert "busy" in bob.wait_for(event="link", state="retrying")["text"]
    listener.welcome()


def test_no_password_is_told_to_anybody(listener: Listener, visit: Visit) -> None:
    bob, peer = visit(listener.port, patience=HASTE), listener.welcome()
    bob.link.send({"do": "register", "password": "sesame", "ref": 1})
    peer.read()
    peer.hang_up()
    refused = bob.wait_for(event="refused", ref=1)
    assert "sesame" not in f"{refused}{bob.link!r}{vars(bob.link)['_thread']}"
