"""TLS on the port of all: every wire in it, odd ways to begin and to end, and another certificate while people talk."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.gauges import descriptors, processor_waits, stretched
from tests.support import PATIENCE, ROOT, Connection, JsonClient, LineClient, PlainClient, Server, wait_until
from tests.tls import HandMade, Papers, careless, fingerprint, issue
from tests.web_client import WebClient, asking, fetch, get, upgrading

StartServer = Callable[..., Server]
JoinPlain = Callable[..., PlainClient]
JoinJson = Callable[..., JsonClient]


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    """A good certificate."""
    return issue(tmp_path_factory.mktemp("papers"))


@pytest.fixture
def server(start_server: StartServer, papers: Papers) -> Server:
    """A server that has it."""
    return start_server(*papers.options)


@pytest.fixture
def make_by_hand(server: Server, papers: Papers) -> Iterator[Callable[..., HandMade]]:
    """`make_by_hand(step=1)`: a client whose bytes the test sends."""
    with contextlib.ExitStack() as opened:
        yield lambda **how: opened.enter_context(HandMade(server, papers.trust, **how))


# ---- every wire


def test_every_wire_over_tls_and_in_clear_on_one_port(server: Server, papers: Papers) -> None:
    """Plain, JSON, WebSocket and textbook, each in TLS, and two without: all in one room."""
    with contextlib.ExitStack() as stack:
        alice = stack.enter_context(PlainClient(server, "alice"))
        bob = stack.enter_context(PlainClient(server, "bob", tls=papers.trust))
        carol = stack.enter_context(JsonClient(server, "carol", tls=papers.trust))
        dan = stack.enter_context(JsonClient(server, "dan"))
        eve = stack.enter_context(WebClient(server, "eve", tls=papers.trust))
        joe = stack.enter_context(LineClient(server, tls=papers.trust))
        joe.send("ADD joe\n")
        joe.wait_for("NEW joe")
        for plain in (alice, bob):
            plain.wait_for("joe entered.")
            plain.send_line(f"{plain.name} speaks")
        for program in (carol, dan, eve):
            program.wait_for("entered", name="joe")
            program.tell("say", text=f"{program.name} speaks")
        joe.send("MESSAGE joe speaks\n")
        names = {"alice", "bob", "carol", "dan", "eve", "joe"}
        for plain in (alice, bob):
            heard = {re.sub(r".*\] (\w+) > .*", r"\1", plain.wait_for(" speaks")) for _ in range(5)}
            assert heard == names - {plain.name}
        for program in (carol, dan, eve):
            heard = {program.wait_for("said")["from"] for _ in range(5)}
            assert heard == names - {program.name}
        assert {joe.wait_for("MESSAGE ").split()[1] for _ in range(6)} == names


def test_who_says_nothing_is_asked_inside_tls(server: Server, papers: Papers) -> None:
    with LineClient(server, tls=papers.trust) as visitor:
        assert visitor.read_line() == "What is your name?"
        visitor.send_line("bob")
        assert visitor.lines(2) == ["OK", "&Host&bob"]


def test_tls_inside_tls_gets_the_alert(server: Server, papers: Papers) -> None:
    with Connection(server, tls=papers.trust) as visitor:
        visitor.send(b"\x16\x03\x01\x00\x05hello")
        assert visitor.read_to_end().startswith("\x15\x03\x01\x00\x02\x02")


def test_what_follows_a_password_waits_inside_tls(start_server: StartServer, papers: Papers, tmp_path: Path) -> None:
    """While it is checked nothing is read; what was decrypted already is not lost, and keeps its order."""
    server = start_server(*papers.options, "--data", tmp_path / "kept")
    with JsonClient(server, "ann") as ann:
        assert ann.request("register", password="long enough")["event"] == "told"
    server.wait_for("ann is off line")
    lines = [{"do": "login", "name": "ann", "password": "long enough"}, *({"do": "ping", "ref": n} for n in range(500))]
    with JsonClient(server, tls=papers.trust) as again:
        again.send("".join(json.dumps(line) + "\n" for line in lines))
        assert again.wait_for("welcome")["name"] == "ann"
        assert [again.wait_for("pong")["ref"] for _ in range(500)] == list(range(500))


@pytest.mark.parametrize("selector", ["select", "poll"])
def test_other_selectors(start_server: StartServer, papers: Papers, selector: str) -> None:
    server = start_server(*papers.options, "--selector", selector)
    with PlainClient(server, "bob", tls=papers.trust) as bob:
        assert bob.users == ["Host", "bob"]


def test_tls_1_2_is_spoken_and_nothing_older(server: Server, papers: Papers) -> None:
    for version, spoken in ((ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")):
        with PlainClient(server, "bob", tls=careless(version)) as bob:
            assert isinstance(bob.socket, ssl.SSLSocket)
            assert (bob.socket.version(), bob.socket.compression()) == (spoken, None)
        server.wait_for("bob is off line")
    with Connection(server) as old:  # a ClientHello of TLS 1.1
        body = b"\x03\x02" + bytes(32) + b"\x00" + b"\x00\x04\xc0\x13\x00\x2f" + b"\x01\x00"
        hello = b"\x01" + len(body).to_bytes(3, "big") + body
        old.send(b"\x16\x03\x01" + len(hello).to_bytes(2, "big") + hello)
        assert old.read_to_end().encode("latin-1", "replace")[5:7] == b"\x02F", "alert 70, protocol_version"


# ---- cut, stopped, garbage


def test_the_stream_cut_at_every_byte_the_handshake_too(make_by_hand: Callable[..., HandMade]) -> None:
    bob = make_by_hand(step=1)
    bob.shake_hands()
    bob.say("bob\nhellö\n/quit\n".encode())
    assert b"OK\n&Host&bob\n" in bob.hear(b"Goodbye.\n")


def test_the_first_flight_cut_in_two_anywhere(server: Server, papers: Papers) -> None:
    cuts = [*range(1, 12), *range(12, 500, 60)]
    for cut in cuts:
        with HandMade(server, papers.trust) as visitor:
            hello = visitor.flight()
            visitor.send(hello[:cut])
            visitor.send(hello[cut:])
            visitor.take_in()
            visitor.shake_hands()
            visitor.say(b"x y\n")
            visitor.hear(b"[!]")


def test_the_first_message_with_the_last_of_the_handshake(make_by_hand: Callable[..., HandMade]) -> None:
    """OpenSSL has then decrypted what no selector will report."""
    bob = make_by_hand()
    bob.push(bob.flight())
    while not (last := bob.flight()):
        bob.take_in()
    bob.tls.write(b"bob\n")
    bob.tls.write(b"/me waves\n/quit\n")
    bob.push(last + bob.flight())
    assert b"OK\n&Host&bob\n" in bob.hear(b"Goodbye.\n")


@pytest.mark.parametrize("size", [2, 6, 100])
def test_who_stops_in_the_handshake_is_put_out(start_server: StartServer, papers: Papers, size: int) -> None:
    server = start_server(*papers.options, "--request-timeout", "0.7")
    with HandMade(server, papers.trust) as visitor:
        began = time.monotonic()
        visitor.push(visitor.flight()[:size])
        assert visitor.read_to_end() == "", "nothing is said in clear"
        assert 0.5 < time.monotonic() - began < 9, "10 s are the default"
    server.wait_for("left without a name: No whole TLS handshake came within 0.7 seconds.")


def test_who_stops_before_its_end_is_put_out(start_server: StartServer, papers: Papers) -> None:
    server = start_server(*papers.options, "--request-timeout", "0.7")
    with HandMade(server, papers.trust) as visitor:
        visitor.push(visitor.flight())
        while visitor.take_in():
            pass
    server.wait_for("No whole TLS handshake came within 0.7 seconds.")


def test_within_tls_the_time_for_a_name_counts_anew(start_server: StartServer, papers: Papers) -> None:
    server = start_server(*papers.options, "--request-timeout", "1.5", "--login-timeout", "2.5")
    with LineClient(server, tls=papers.trust) as visitor:
        visitor.wait_for("No name came within 2.5 seconds.")


@pytest.mark.parametrize(
    "garbage",
    [b"\x16\x03garbage, and no TLS at all" * 20, b"\x16\x03\x01\x00\x00" * 50, b"\x16\x03\x01\xff\xff" + b"x" * 70_000,
     b"\x16\x03\x01\x00\x04\x01\xff\xff\xff" + b"\x16\x03\x01\x40\x00" + b"x" * 0x4000],
)  # fmt: skip
def test_garbage_after_the_first_bytes(server: Server, papers: Papers, garbage: bytes) -> None:
    with Connection(server) as visitor, PlainClient(server, "bob", tls=papers.trust) as bob:
        with contextlib.suppress(ConnectionError):
            visitor.send(garbage)
        assert visitor.read_to_end()[:1] == "\x15", "an alert"
        server.wait_for("left without a name: TLS: ")
        bob.send_line("/me is still here")
        server.wait_for("* bob is still here")


def test_garbage_within_tls(make_by_hand: Callable[..., HandMade], server: Server) -> None:
    bob = make_by_hand()
    bob.shake_hands()
    bob.say(b"bob\n")
    bob.hear(b"&bob\n")
    bob.send(b"\x17\x03\x03\x00\x20" + b"x" * 32)
    while bob.take_in():
        pass
    server.wait_for("bob is off line: TLS: ")
    server.wait_for("[*] bob exited.")


def test_a_tls_client_where_there_is_none(start_server: StartServer, papers: Papers) -> None:
    with pytest.raises(ssl.SSLError, match="HANDSHAKE_FAILURE"):
        Connection(start_server(), tls=papers.trust)


# ---- ends


def test_the_servers_goodbye_ends_tls_too(server: Server, papers: Papers) -> None:
    """Without its close_notify `read_to_end` would raise SSLEOFError."""
    with PlainClient(server, "bob", tls=papers.trust) as bob:
        bob.send_line("/quit")
        assert bob.read_to_end().endswith("Goodbye.\n")


def test_the_end_of_the_room_ends_tls_too(server: Server, papers: Papers) -> None:
    with PlainClient(server, "bob", tls=papers.trust) as bob, Connection(server, tls=papers.trust) as nobody:
        nobody.read_until("What is your name?\n")
        server.type("EXIT")
        assert bob.read_to_end().endswith("The host has closed the room.\n")
        assert nobody.read_to_end().endswith("The host has closed the room.\n")
    assert server.wait() == 0


def test_the_peer_says_goodbye_and_hears_the_answers(server: Server) -> None:
    """`echo … | openssl s_client`: close_notify right after the last line, in one piece with it."""
    with HandMade(server, careless(ssl.TLSVersion.TLSv1_2)) as bob:  # where the kinds of records can be seen
        bob.shake_hands()
        bob.tls.write(b"bob\nlast words\n")
        with pytest.raises(ssl.SSLWantReadError):
            bob.tls.unwrap()
        bob.push(bob.flight())
        server.wait_for("bob > last words")
        server.wait_for("bob is off line: closed the connection.")
        while bob._receive(PATIENCE):
            pass
        kinds, rest = [], bob.pending
    while rest:
        kinds.append(rest[0])
        rest = rest[5 + int.from_bytes(rest[3:5], "big") :]
    assert kinds in ([23, 21], [23, 23, 21]), "data, then the alert close_notify"


def test_a_peer_that_only_closes_has_closed(server: Server, papers: Papers) -> None:
    bob = PlainClient(server, "bob", tls=papers.trust)
    socket.socket.shutdown(bob.socket, socket.SHUT_WR)
    assert bob.read_to_end() == "", "and it hears the close_notify"
    bob.close()
    server.wait_for("bob is off line: closed the connection.")
    server.wait_for("[*] bob exited.")


@pytest.mark.parametrize("stage", range(6))
def test_a_reset_at_each_stage(server: Server, papers: Papers, stage: int) -> None:
    before = descriptors(server.pid)
    visitor = HandMade(server, papers.trust)
    hello = visitor.flight()
    if stage > 0:
        visitor.push(hello[: (0, 1, 2, 100, len(hello), len(hello))[stage]])
    if stage == 5:
        visitor.take_in()
        visitor.shake_hands()
        visitor.say(b"half a na")
    visitor.reset()
    server.wait_for("left without a name: ")
    wait_until(lambda: descriptors(server.pid) == before, what="the descriptor is given back")
    with PlainClient(server, "bob", tls=papers.trust) as bob:
        assert bob.users == ["Host", "bob"]


# ---- much, and slow


def test_a_megabyte_through_a_slow_reader(server: Server, papers: Papers) -> None:
    with (
        JsonClient(server, "slow", tls=papers.trust, receive_buffer=4096) as slow,
        JsonClient(server, "ann", tls=papers.trust) as ann,
    ):
        slow.wait_for("entered")
        for number in range(300):
            ann.request("say", text=f"{number} " + "x" * 3500)
            if number >= 150:
                assert slow.wait_for("said")["text"].startswith(f"{number - 150} ")
        for number in range(150, 300):
            assert slow.wait_for("said")["text"].startswith(f"{number} ")


def test_who_does_not_read_is_put_out(start_server: StartServer, papers: Papers) -> None:
    server = start_server(*papers.options, "--stall-limit", "0.6")
    with (
        PlainClient(server, "deaf", tls=papers.trust, receive_buffer=4096),
        PlainClient(server, "ann", tls=papers.trust) as ann,
    ):
        for _ in range(300):
            ann.send_line("x" * 4000)
        server.wait_for("deaf is off line: Your connection is too slow")
        ann.wait_for("deaf exited.")


def test_a_long_answer_comes_whole(server: Server, papers: Papers) -> None:
    text = "".join(f"{number:07}" for number in range(2300))
    with JsonClient(server, "ann", tls=papers.trust) as ann, JsonClient(server, "bob", tls=papers.trust) as bob:
        ann.wait_for("entered")
        for _ in range(20):
            ann.request("say", text=text)
            assert bob.wait_for("said")["text"] == text


def test_200_handshakes_at_once_keep_nobody_waiting(server: Server, papers: Papers) -> None:
    """One step of one handshake a turn: whoever talks meanwhile waits for one, not for all."""
    with JsonClient(server, "ann") as ann, contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(HandMade(server, papers.trust)) for _ in range(200)]
        flights = [visitor.flight() for visitor in crowd]
        waits: list[float] = []
        done = threading.Event()

        def talk() -> None:
            while not done.is_set():
                began = time.monotonic()
                ann.request("ping")
                waits.append(time.monotonic() - began)

        began, before = time.monotonic(), [processor_waits(each) for each in (server.pid, "self")]
        talking = threading.Thread(target=talk)
        talking.start()
        try:
            for visitor, hello in zip(crowd, flights, strict=True):
                visitor.send(hello)
            for visitor in crowd:
                visitor.take_in()
            took = time.monotonic() - began
        finally:
            done.set()
            talking.join()
        after = [processor_waits(each) for each in (server.pid, "self")]
        stretch = max(map(stretched, before, after))
        assert max(waits) < max(0.25 * stretch, took / 4), "all of them together take longer"


# ---- the certificate


def test_the_console_shows_the_fingerprint(server: Server, papers: Papers) -> None:
    server.wait_for(f"Open https://127.0.0.1:{server.port}/ in a browser.\n")
    server.wait_for(f"TLS: SHA256:{papers.fingerprint}, good until ")


def _shown(server: Server, trust: ssl.SSLContext) -> str:
    """Return the fingerprint of the certificate that a newcomer gets."""
    with Connection(server, tls=trust) as visitor:
        assert isinstance(visitor.socket, ssl.SSLSocket)
        der = visitor.socket.getpeercert(binary_form=True)
    return fingerprint(der or b"")


def test_sighup_brings_a_new_certificate_and_disturbs_nobody(start_server: StartServer, tmp_path: Path) -> None:
    old = issue(tmp_path / "papers")
    server = start_server(*old.options)
    first = old.fingerprint
    with PlainClient(server, "bob", tls=old.trust) as bob, PlainClient(server, "ann") as ann:
        new = issue(tmp_path / "papers", rsa=True)
        assert new.fingerprint != first
        server.process.send_signal(signal.SIGHUP)
        server.wait_for(f"TLS from now on: SHA256:{new.fingerprint}, good until ")
        assert _shown(server, new.trust) == new.fingerprint
        ann.send_line("hello")
        bob.wait_for("ann > hello")
        bob.send_line("hello yourself")
        ann.wait_for("bob > hello yourself")


def test_sighup_with_a_bad_file_changes_nothing(start_server: StartServer, tmp_path: Path) -> None:
    papers = issue(tmp_path / "papers")
    server = start_server(*papers.options)
    first = papers.fingerprint
    papers.key.write_text("nonsense")
    server.process.send_signal(signal.SIGHUP)
    server.wait_for(f"Nothing has changed: there is no private key in {papers.key}")
    papers.certificate.unlink()
    server.process.send_signal(signal.SIGHUP)
    server.wait_for("Nothing has changed: ")
    assert _shown(server, papers.trust) == first


def test_sighup_without_a_certificate_ends_nothing(start_server: StartServer) -> None:
    server = start_server()
    server.process.send_signal(signal.SIGHUP)
    with PlainClient(server, "bob") as bob:
        assert bob.users == ["Host", "bob"]


def _refused(*options: object) -> str:
    """See the server refuse to start, and --check say the same; return what is said."""
    said = []
    for more in ([], ["--check"]):
        command = [sys.executable, str(ROOT / "chat_server.py"), "--no-store", *map(str, options), *more]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=30, stdin=subprocess.DEVNULL
        )
        assert done.returncode == 2 and "running" not in done.stdout
        said.append(done.stderr.splitlines()[-1])
    assert said[0] == said[1]
    return said[0]


def test_a_certificate_that_will_not_do_stops_the_start(papers: Papers, tmp_path: Path) -> None:
    other, old = issue(tmp_path / "other"), issue(tmp_path / "old", expired=True)
    locked = tmp_path / "locked.pem"
    subprocess.run(["openssl", "pkey", "-in", papers.key, "-aes256", "-passout", "pass:x", "-out", locked], check=True)
    certificate, key = papers.certificate, papers.key
    for given, said in (
        ((certificate, ""), "--tls-cert and --tls-key go together: give both, or neither"),
        ((tmp_path / "nowhere", key), f"{tmp_path / 'nowhere'} cannot be read: no such file or directory"),
        ((tmp_path, key), f"{tmp_path} cannot be read: is a directory"),
        ((key, key), f"there is no certificate in {key}; it has to be a PEM file"),
        ((certificate, certificate), f"there is no private key in {certificate}; it has to be a PEM file"),
        ((certificate, other.key), f"the key in {other.key} does not belong to the certificate in {certificate}"),
        ((certificate, locked), "the key is protected by a password; give one without"),
        ((old.certificate, old.key), f"the certificate in {old.certificate} will not do: certificate has expired"),
    ):
        found = _refused("--tls-cert", given[0], "--tls-key", given[1])
        assert f"error: {said}" in found, found


def test_paths_in_the_file_are_relative_to_it(start_server: StartServer, tmp_path: Path) -> None:
    papers = issue(tmp_path / "papers")
    (tmp_path / "chat.toml").write_text('tls-cert = "papers/cert.pem"\ntls-key = "papers/key.pem"\n')
    server = start_server("--config", tmp_path / "chat.toml", cwd=ROOT)
    assert _shown(server, papers.trust) == papers.fingerprint


# ---- browsers


def test_pages_in_clear_lead_to_https(server: Server) -> None:
    """308, and neither kept by the browser nor made strict: the host may go back."""
    for path in ("/", "/app.js", "/?room=den"):
        for verb in ("GET", "HEAD"):
            found = get(server, path, verb)
            assert (found.status, found.headers["location"]) == (308, f"https://127.0.0.1:{server.port}{path}")
            assert found.headers["cache-control"] == "no-store"
            assert "strict-transport-security" not in found.headers
    assert get(server, "/nothing").status == 404
    assert get(server, "//evil.example/").status == 404
    assert get(server, "/healthz").body == "ok\n"
    assert get(server, Host="evil.example").status == 421, "nobody is sent anywhere under a name that is not ours"
    assert fetch(server, "GET / HTTP/1.0\r\n\r\n").status == 400
    found = fetch(server, upgrading(server))
    assert (found.status, found.body) == (403, "This room speaks to browsers over TLS: wss, not ws.\n")


def test_pages_by_https(server: Server, papers: Papers) -> None:
    found = get(server, tls=papers.trust)
    assert found.status == 200 and "<html" in found.body
    policy = found.headers["content-security-policy"]
    assert f" wss://127.0.0.1:{server.port};" in policy and "ws://" not in policy.replace("wss://", "")
    assert "strict-transport-security" not in found.headers
    assert get(server, "/healthz", tls=papers.trust).body == "ok\n"
    whole = asking(f"https://127.0.0.1:{server.port}/healthz", "GET", {"Host": "x"})
    assert fetch(server, whole, papers.trust).status == 200


def test_the_websocket_over_tls_is_for_pages_that_came_by_https(server: Server, papers: Papers) -> None:
    origin = f"//127.0.0.1:{server.port}"
    found = fetch(server, upgrading(server, Origin=f"http:{origin}"), papers.trust)
    assert (found.status, found.body) == (403, "Pages from elsewhere may not talk to this room.\n")
    with WebClient(server, "eve", {"Origin": f"https:{origin}"}, tls=papers.trust) as eve:
        assert eve.welcome["name"] == "eve"
