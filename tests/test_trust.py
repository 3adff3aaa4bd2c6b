"""TLS in the clients: whom they trust, what they ask, and that everything gets through. The front is ours."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from clients.place import Place, read_place
from clients.trust import MOST, Pins, Trust, read_fingerprint
from clients.visit import Patience
from tests.identity import Identity
from tests.link_helpers import Listener, Visitor
from tests.support import PATIENCE, Between, JsonClient, Program, Server, Terminal

Join = Callable[..., JsonClient]
Start = Callable[..., Program]
Visit = Callable[..., Visitor]
SOON = Patience(pause=0.05, longest=0.1, farewell=0.1)


Know = Callable[[Identity], None]


@pytest.fixture(scope="module")
def identity() -> Identity:
    """Whom the front shows."""
    return Identity()


@pytest.fixture
def front(server: Server, identity: Identity) -> Iterator[Between]:
    """Leads to the server by TLS."""
    with Between(server, identity.context) as between:
        yield between


@pytest.fixture
def pins(tmp_path: Path) -> Pins:
    return Pins(tmp_path / "deep" / "known_servers")


@pytest.fixture
def secure(visit: Visit, pins: Pins) -> Visit:
    """`secure(port, given="SHA256:…")`: bob, by TLS."""

    def begin(port: int, given: str = "", **how: Any) -> Visitor:
        return visit(port, tls=True, trust=Trust(given, pins), **{"patience": SOON, **how})

    return begin


@pytest.fixture
def know(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Identity], None]:
    """`know(identity)` makes its authority one of the system's."""

    def run(identity: Identity) -> None:
        identity.authority.cert_pem.write_to_path(tmp_path / "authorities.pem")
        monkeypatch.setenv("SSL_CERT_FILE", f"{tmp_path / 'authorities.pem'}")

    return run


# ---- whom one trusts ------------------------------------------------------------------------------------------


def test_a_stranger_is_shown_and_remembered(front: Between, identity: Identity, secure: Visit, pins: Pins) -> None:
    bob = secure(front.port)
    asked = bob.wait_for(event="link", state="stranger")
    assert asked["fingerprint"] == identity.fingerprint
    bob.link.confirm("SHA256:something else")
    bob.link.confirm(asked["fingerprint"])
    bob.wait_for(event="welcome")
    assert pins.path.read_text() == f"127.0.0.1:{front.port} {identity.fingerprint}\n"
    assert stat.S_IMODE(pins.path.stat().st_mode) == 0o600
    bob.link.close()
    assert bob.link.join(PATIENCE)
    again = secure(front.port)
    assert [again.news.get(timeout=PATIENCE).get("state") for _ in range(2)] == ["connecting", "connected"]


def test_before_one_has_confirmed_nothing_is_sent(front: Between, secure: Visit, join_json: Join) -> None:
    alice, bob = join_json("alice"), secure(front.port)
    bob.wait_for(state="stranger")
    bob.link.send({"do": "say", "text": "secret", "ref": 1})
    assert bob.wait_for(event="refused", ref=1)["code"] == "not_connected"
    bob.link.close()
    assert bob.wait_for(state="closed")
    alice.tell("users")
    assert [row["name"] for row in alice.wait_for("listed")["users"]] == ["Host", "alice"]


def test_a_changed_certificate_is_refused(front: Between, identity: Identity, secure: Visit, pins: Pins) -> None:
    pins.keep(f"127.0.0.1:{front.port}", identity.fingerprint)
    bob = secure(front.port)
    bob.wait_for(event="welcome")
    other = Identity()
    front.change(other.context)
    front.cut()
    words = bob.wait_for(state="gave_up")["text"]
    assert "listening in" in words
    assert other.fingerprint in words
    assert f"{pins.path}" in words


def test_a_given_fingerprint_decides_alone(
    front: Between, identity: Identity, secure: Visit, pins: Pins, know: Know
) -> None:
    secure(front.port, identity.fingerprint).wait_for(event="welcome")
    know(identity)
    wrong = secure(front.port, Identity().fingerprint)
    assert "not the one that was given" in wrong.wait_for(state="gave_up")["text"]
    assert not pins.path.exists()


def test_whom_an_authority_vouches_for_is_trusted_without_a_question(
    front: Between, identity: Identity, secure: Visit, pins: Pins, know: Know
) -> None:
    know(identity)
    secure(front.port).wait_for(event="welcome")
    assert not pins.path.exists()


def test_an_authority_vouches_for_a_name_and_no_other(server: Server, secure: Visit, know: Know) -> None:
    elsewhere = Identity("chat.example.org")
    know(elsewhere)
    with Between(server, elsewhere.context) as front:
        assert "not valid for '127.0.0.1'" in secure(front.port).wait_for(state="stranger")["text"]


def test_where_it_cannot_be_written_down_one_is_told(front: Between, secure: Visit, pins: Pins) -> None:
    pins.path.mkdir(parents=True)
    bob = secure(front.port)
    bob.link.confirm(bob.wait_for(state="stranger")["fingerprint"])
    assert "could not be written down" in bob.wait_for(event="told")["text"]
    bob.wait_for(event="welcome")
    front.cut()
    bob.wait_for(event="welcome")  # for now it is trusted
    assert [path.name for path in pins.path.parent.iterdir()] == [pins.path.name]


def test_the_file_is_bounded_and_what_is_odd_in_it_counts_nothing(pins: Pins, identity: Identity) -> None:
    pins.path.parent.mkdir()
    good = identity.fingerprint
    lines = [f"h{number}:1 {good}" for number in range(2 * MOST)]
    pins.path.write_text("\n".join(["", "nonsense", "a:1 SHA256:00", f"b:1 {good} x", *lines]), encoding="utf-8")
    assert (pins.find("a:1"), pins.find("b:1"), pins.find("H9:1")) == ("", "", good)
    pins.keep("New:1", good)
    kept = pins.path.read_text().splitlines()
    assert len(kept) == MOST
    assert kept[-1] == f"new:1 {good}"
    pins.path.write_bytes(b"\xff" * 1_000_000)
    assert pins.find("new:1") == ""


def test_a_fingerprint_is_written_as_openssl_does(identity: Identity) -> None:
    command = ["openssl", "x509", "-noout", "-fingerprint", "-sha256"]
    told = subprocess.run(command, input=identity.pem, capture_output=True, check=True).stdout.decode()
    assert identity.fingerprint == "SHA256:" + told.strip().partition("=")[2]
    assert read_fingerprint(identity.fingerprint.lower().replace(":", "").replace("sha256", "sha256:")) == (
        identity.fingerprint
    )
    for bad in ("", "SHA256:", "SHA256:" + "0" * 63, "SHA256:" + "g" * 64, "SHA1:" + "0" * 64):
        with pytest.raises(ValueError, match="no fingerprint"):
            read_fingerprint(bad)


# ---- what gets through ----------------------------------------------------------------------------------------


def test_large_messages_both_ways_at_once(front: Between, identity: Identity, secure: Visit) -> None:
    """Many records at once: more than one read takes, and more than one send does."""
    people = [secure(front.port, identity.fingerprint, name=name) for name in ("alice", "bob")]
    for person in people:
        person.wait_for(event="welcome")
    texts = [f"{number} " + "日" * 12_000 for number in range(20)]
    for ref, text in enumerate(texts):
        for person in people:
            person.link.send({"do": "say", "text": text, "ref": ref})
    for person in people:
        heard: dict[str, list[str]] = {"said": [], "accepted": []}
        while not all(len(each) == len(texts) for each in heard.values()):
            found = person.news.get(timeout=PATIENCE)
            heard.get(found["event"], []).append(found.get("text", ""))
        assert heard == {"said": texts, "accepted": texts}


def test_coming_back_by_tls(front: Between, identity: Identity, secure: Visit, join_json: Join) -> None:
    alice, bob = join_json("alice"), secure(front.port, identity.fingerprint)
    bob.wait_for(event="welcome")
    front.stall()
    bob.link.send({"do": "say", "text": "mine", "ref": 1})
    bob.taken()
    alice.request("say", text="missed")
    front.cut()
    front.flow()
    assert bob.wait_for(event="said")["text"] == "missed"
    bob.wait_for(event="accepted", ref=1)
    assert alice.wait_for("said")["text"] == "mine"


# ---- servers that fail ----------------------------------------------------------------------------------------


def test_a_server_without_tls(listener: Listener, secure: Visit) -> None:
    bob, peer = secure(listener.port), listener.accept()
    peer.send_raw(b"What is your name?\n")
    assert "does not speak TLS" in bob.wait_for(state="gave_up")["text"]


def test_a_handshake_has_a_deadline(listener: Listener, secure: Visit) -> None:
    bob = secure(listener.port, attempts=2, patience=Patience(connect=0.3, pause=0.05))
    assert "no answer" in bob.wait_for(state="gave_up")["text"]


def test_a_server_that_hangs_up_in_the_handshake_is_tried_again(listener: Listener, secure: Visit) -> None:
    bob = secure(listener.port, attempts=2)
    for _ in range(2):
        peer = listener.accept()
        peer.socket.recv(1)
        peer.hang_up()
    bob.wait_for(state="gave_up")


def test_garbage_in_the_middle_is_a_loss(listener: Listener, identity: Identity, secure: Visit) -> None:
    bob = secure(listener.port, identity.fingerprint, returns=1)
    peer = listener.accept()
    with identity.context.wrap_socket(peer.socket, server_side=True) as tls:
        tls.sendall(b'{"event":"welcome","name":"bob","room":"lobby"}\n')
        bob.wait_for(event="welcome")
        os.write(tls.fileno(), b"\x17\x03\x03\x00\x20" + b"x" * 32)
        assert "TLS failed there" in bob.wait_for(state="lost")["text"]
        bob.wait_for(state="gave_up")


def test_close_in_a_handshake_ends_at_once(listener: Listener, secure: Visit) -> None:
    bob = secure(listener.port, patience=Patience())
    listener.accept()
    bob.link.close()
    assert bob.wait_for(state="closed")


# ---- at a terminal and off one --------------------------------------------------------------------------------


def test_at_a_terminal_one_is_asked_once(
    open_terminal: Callable[..., Terminal], front: Between, identity: Identity, join_json: Join
) -> None:
    alice = join_json("alice")
    for is_new in (True, False):
        command = (sys.executable, "chat_client.py", "-c", f"tls://127.0.0.1:{front.port}", "bob")
        bob = open_terminal(*command, columns=140)
        if is_new:
            bob.wait_for(identity.fingerprint)
            bob.press("Enter")
            bob.enter("perhaps")
            bob.wait_gone("perhaps")
            bob.wait_for("Trust it (yes, no)?")
            bob.enter("yes")
        bob.wait_for("You are bob")
        bob.enter("hello")
        assert alice.wait_for("said")["text"] == "hello"
        bob.wait_for(f"connected · tls://127.0.0.1:{front.port}")
        bob.enter("/quit")
        assert bob.exit_code() == 0


@pytest.mark.parametrize(("answer", "code"), [("n", 1), ("C-c", 0)])
def test_at_a_terminal_one_can_refuse(
    open_terminal: Callable[..., Terminal], front: Between, answer: str, code: int
) -> None:
    bob = open_terminal(sys.executable, "chat_client.py", "-c", "--tls", front.host, front.port, "bob")
    bob.wait_for("Trust it (yes, no)?")
    bob.press(answer, *["Enter"] * (answer == "n"))
    assert bob.exit_code() == code


def test_off_a_terminal_a_stranger_is_refused_unless_his_fingerprint_is_given(
    start: Start, front: Between, identity: Identity, join_json: Join
) -> None:
    alice = join_json("alice")
    bob = start("chat_client.py", "-c", "--tls", front.host, front.port, "bob")
    assert bob.wait() == 1
    assert identity.fingerprint in bob.errors()
    assert "--tls-fingerprint" in bob.errors()
    bob = start("chat_client.py", "-c", "--tls-fingerprint", identity.fingerprint, front.host, front.port, "bob")
    bob.type("hello")
    bob.end_input()
    assert bob.wait() == 0
    assert alice.wait_for("said")["text"] == "hello"


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--tls-fingerprint", "SHA256:00", "h", "3001", "bob"], "no fingerprint"),
        (["tls://h:99999", "bob"], "no port"),
        (["tls://h:1", "3001", "bob"], "already"),
        (["h", "x", "bob"], "no port"),
    ],
)
def test_wrong_options(start: Start, options: list[str], complaint: str) -> None:
    bob = start("chat_client.py", "-c", *options)
    assert bob.wait() == 2
    assert complaint in bob.errors()


def test_where_a_server_is() -> None:
    assert read_place(" chat.local ") == Place("chat.local")
    assert read_place("::1") == Place("::1")
    assert read_place("TLS://chat.local/") == Place("chat.local", 0, tls=True)
    assert read_place("tls://chat.local:3001") == Place("chat.local", 3001, tls=True)
    assert read_place("tls://[::1]:3001") == Place("::1", 3001, tls=True)
    assert read_place("tls://[::1]") == read_place("tls://::1") == Place("::1", 0, tls=True)
    assert f"{Place('::1', 3001, tls=True)}" == "tls://[::1]:3001"
    for bad in ("tls://chat.local:0", "tls://", "tls://:3001"):
        with pytest.raises(ValueError, match=r"no port|no host"):
            read_place(bad)
