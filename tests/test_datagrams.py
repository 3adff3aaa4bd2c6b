"""The UDP channel protocol (X4): every code, every error, what repeats, what is forged, and what it may cost others."""

from __future__ import annotations

import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest

from chat.events import Entered, Place, Refused, Request, Said, Told
from net.datagrams import INBOX, Bounds, Datagrams, Peer
from net.listener import bind_beside
from net.loop import Loop
from tests.foreign import TextbookClient, UdpClient
from tests.support import PATIENCE, ROOT, JsonClient, PlainClient, Server, needs, wait_until
from wires.datagram import OURS, TEXT, Datagram, frame
from wires.door import MOST, Door

Join = Callable[..., UdpClient]
STARTED_ELSEWHERE = "127.0.0.2"
ROOMS = ("--room", "Weather: Talk about the weather", "--room", "Current Events: News", "--room", "Pets")


@pytest.fixture
def server(start_server: Callable[..., Server]) -> Server:
    return start_server(*ROOMS)


@pytest.fixture
def udp(server: Server) -> Iterator[Join]:
    opened: list[UdpClient] = []

    def visit(nick: str = "", where: Server = server, source: str = "127.0.0.1") -> UdpClient:
        opened.append(UdpClient(where, nick, source))
        return opened[-1]

    yield visit
    for client in opened:
        client.close()


# ---- every code


def test_login_and_logoff(udp: Join, join_plain: Callable[..., PlainClient]) -> None:
    bob = join_plain("bob")
    ann = udp()
    assert ann.request(20, "ann") == (30, "ann")
    assert "[*] ann entered." in bob.read_line()
    ann.send(40, "ann")
    assert "[*] ann exited." in bob.read_line()
    assert ann.request(90, "x") == (10, "please log in")
    assert ann.request(20, "ann") == (30, "ann"), "the name is free again"


def test_join_and_part(udp: Join) -> None:
    ann = udp("ann")
    assert ann.request(50, "wEATHER") == (60, "Weather 2 Talk about the weather")
    assert ann.request(50, "Current Events") == (60, "Current-Events 2 News")
    assert ann.request(50, "current-events") == (60, "Current-Events 2 News"), "joined once, acknowledged again"
    assert ann.request(70) == (80, "Current-Events 1 News")
    assert ann.read() == (60, "Weather 2 Talk about the weather")
    assert ann.request(70, "weather") == (80, "Weather 1 Talk about the weather")
    assert ann.read() == (60, "Lobby 2")


def test_a_room_that_is_not_there_is_made_where_the_host_allows_it(
    udp: Join, start_server: Callable[..., Server]
) -> None:
    ann = udp("ann")
    assert ann.request(50, "Hobbies") == (60, "Hobbies 1")
    assert ann.request(70, "hobbies") == (80, "Hobbies 0")
    assert ann.read() == (60, "Lobby 2")
    fixed = start_server("--fixed-rooms")
    assert udp("ann", fixed).request(50, "Hobbies") == (10, "no channel named Hobbies")


def test_what_is_said_reaches_all_members_and_the_sender(udp: Join) -> None:
    ann, bob, eve = udp("ann"), udp("bob"), udp("eve")
    bob.wait_for(140, "Lobby eve")
    ann.wait_for(140, "Lobby eve")
    assert bob.request(50, "weather") == (60, "Weather 2 Talk about the weather")
    assert ann.request(50, "weather") == (60, "Weather 3 Talk about the weather")
    assert bob.read() == (140, "Weather ann")
    assert ann.request(90, "rain  again") == (100, "Weather ann rain  again")
    assert bob.read() == (100, "Weather ann rain  again")
    ann.send(40)
    assert {bob.read(), bob.read()} == {(150, "Weather ann"), (150, "Lobby ann")}
    assert eve.read() == (150, "Lobby ann"), "and nothing of the weather"


def test_private_messages(udp: Join) -> None:
    ann, bob, eve = udp("ann"), udp("bob"), udp("eve")
    eve.send(120, "BOB just for you")
    assert bob.wait_for(130) == "eve just for you"
    eve.send(120, "bob,zed,ann for two")
    assert eve.read() == (10, "zed: not logged in"), "and nothing about those whom it reached"
    assert (ann.wait_for(130), bob.read()) == ("eve for two", (130, "eve for two"))


def test_lists_come_one_datagram_each(udp: Join) -> None:
    ann = udp("ann")
    ann.request(50, "weather")
    items = [ann.request(160), ann.read(), ann.read(), ann.read()]
    assert items == [
        (170, "Lobby 2"), (170, "Weather 2 Talk about the weather"), (170, "Current-Events 1 News"), (170, "Pets 1"),
    ]  # fmt: skip
    rows = [ann.request(180), ann.read()]
    assert {code for code, _ in rows} == {190}
    assert re.fullmatch(r"Host \d+ Lobby Pets Current-Events Weather", rows[0][1])
    assert re.fullmatch(r"ann \d+ Weather Lobby", rows[1][1]), "the current room first"


def test_names_and_rooms_are_those_of_everybody(
    server: Server, udp: Join, join_plain: Callable[..., PlainClient]
) -> None:
    bob, ann = join_plain("bob"), udp("ann")
    bob.send_line("/me waves")
    assert ann.read() == (100, "Lobby bob * bob waves")
    bob.send_line("/nick rob")
    assert [ann.read(), ann.read()] == [(150, "Lobby bob"), (140, "Lobby rob")]
    assert ann.request(90, "/nick anna") == (30, "anna")
    bob.wait_for("ann is now anna")
    bob.send_line("/msg anna psst")
    assert ann.read() == (130, "rob psst")
    assert ann.request(90, "/nope") == (10, "There is no command /nope. /help lists them.")
    assert ann.request(90, "/help me")[1].startswith("Host [=] /me")
    server.type("KICK anna")
    assert [ann.read(), ann.read()] == [(150, "Lobby anna"), (10, "You have been kicked out.")]
    assert ann.request(200) == (10, "please log in")


def test_when_the_host_closes_the_room_everyone_is_told(server: Server, udp: Join) -> None:
    ann = udp("ann")
    server.type("EXIT")
    assert ann.read() == (10, "The host has closed the room.")
    assert server.wait() == 0
    assert ann.hears_nothing()


# ---- every error


def test_who_is_not_logged_in_is_told_so(udp: Join) -> None:
    visitor = udp()
    for code in (40, 50, 70, 90, 120, 160, 180, 200):
        assert visitor.request(code, "x") == (10, "please log in")


@pytest.mark.parametrize("nick", ["ann", "ANN", "host", "H0st"])
def test_a_name_in_use_is_refused(udp: Join, nick: str) -> None:
    udp("ann")
    second = udp()
    assert second.request(20, nick) == (10, "nickname already in use")
    assert second.request(20, "bob") == (30, "bob")


@pytest.mark.parametrize("nick", ["", " ", "\x00", "\n", "a b", "\x1b[31mred", "#room", "x" * 33, b"\xff\xfe"])
def test_a_name_that_cannot_be_is_refused(udp: Join, nick: str | bytes) -> None:
    visitor = udp()
    assert visitor.request(20, nick)[0] == 10
    assert visitor.request(90, "x") == (10, "please log in")


@pytest.mark.parametrize("data", [b"", b"\0", b"\0\7", b"\0\0x", b"\xff\xffhello", b"\0\x15ann"])
def test_an_unknown_code_is_unimplemented(udp: Join, data: bytes) -> None:
    for client in (udp(), udp("ann")):
        client.send_raw(data)
        assert client.read() == (10, "unimplemented event code")


def test_the_other_errors_are_in_the_originals_words(udp: Join) -> None:
    ann = udp("ann")
    assert ann.request(70, "Pets") == (10, "no channel named Pets")
    assert ann.request(70, "Nowhere at all") == (10, "no channel named Nowhere at all")
    assert ann.request(50, "a/b\nc") == (10, "no channel named a/b c")
    assert ann.request(70) == (10, "no current channel")
    assert ann.request(120) == (10, "no nickname given for recipient of private message")
    assert ann.request(120, "zed hi") == (10, "zed: not logged in")
    assert ann.request(20, "bob") == (10, "You are logged in already, as ann.")


# ---- what repeats


def test_a_repeated_login_is_acknowledged_again_and_counts_once(server: Server, udp: Join) -> None:
    witness = udp("witness")
    ann = udp("ann")
    for _ in range(4):
        assert ann.request(20, "ann") == (30, "ann")
    assert witness.read() == (140, "Lobby ann")
    assert ann.request(180)[1].startswith("Host")
    assert [ann.read()[1].split()[0] for _ in range(2)] == ["witness", "ann"]
    assert witness.hears_nothing()


def test_a_datagram_that_comes_twice_is_said_once(udp: Join) -> None:
    ann, bob = udp("ann"), udp("bob")
    for text in ("once", "once", "twice"):
        ann.send(90, text)
    assert [bob.read()[1] for _ in range(2)] == ["Lobby ann once", "Lobby ann twice"]
    for _ in range(2):
        ann.send(120, "bob psst")
    ann.send(90, "end")
    assert [bob.read()[1] for _ in range(2)] == ["ann psst", "Lobby ann end"]


def test_the_same_words_some_time_later_are_said_again() -> None:
    now = 10.0
    wire = Datagram(lambda name: Place(name, name, "", 0), lambda: now)
    said = b"\0\x5aagain"
    assert list(wire.receive(said)) == [Request("say", "again")]
    assert list(wire.receive(said)) == []
    now += 1.5
    assert list(wire.receive(said)) == [Request("say", "again")]


def test_what_has_come_is_remembered_within_bounds() -> None:
    """Whoever sends a thousand datagrams in a moment has the first of them forgotten."""
    wire = Datagram(lambda name: Place(name, name, "", 0), lambda: 0.0)
    sent = [b"\0\x5a%d" % number for number in range(1_000)]
    assert len([said for data in sent for said in wire.receive(data)]) == 1_000
    assert not [*wire.receive(sent[-1])]
    assert [*wire.receive(sent[0])]


# ---- who is silent


def test_who_is_silent_is_logged_out_on_an_idle_server_and_told(udp: Join, start_server: Callable[..., Server]) -> None:
    server = start_server("--silent-limit", "1")
    ann = udp("ann", server)
    assert ann.read() == (10, "No whole line came from you for 1 seconds.")
    assert ann.request(200) == (10, "please log in")
    server.wait_for("ann is off line: No whole line came from you for 1 seconds")


def test_who_says_that_he_is_still_here_stays(
    udp: Join, start_server: Callable[..., Server], join_json: Callable[..., JsonClient]
) -> None:
    server = start_server("--silent-limit", "3")
    ann, bob = udp("ann", server), udp("bob", server)
    witness = join_json("witness", server)
    ann.wait_for(140, "witness")
    while "bob" not in ann_hears(ann):
        ann.send(200)
    witness.wait_for("left", name="bob")
    assert ann.request(90, "here") == (100, "Lobby ann here")
    assert bob.wait_for(10, "No whole line came")


def ann_hears(ann: UdpClient) -> str:
    """Return what comes within a third of a second, if anything."""
    try:
        return ann.wait_for(150, seconds=0.3)
    except AssertionError:
        return ""


# ---- texts


def test_a_long_text_is_split_between_characters(udp: Join) -> None:
    ann, bob = udp("ann"), udp("bob")
    text = "Grüße, 你好, e\u0301! 👩\u200d🔬 " * 60
    ann.send(90, text)
    parts: list[str] = []
    while len("".join(parts)) < len(text):
        code, part = bob.read()
        assert code == 100 and part.startswith("Lobby ann ") and len(part.encode()) <= TEXT
        parts.append(part.removeprefix("Lobby ann "))
    assert "".join(parts) == text and len(parts) == 3
    assert not any(
        later.startswith(("\u0301", "\u200d")) or before.endswith("\u200d") for before, later in pairwise(parts)
    )


def test_a_text_too_long_is_refused_whole(udp: Join) -> None:
    ann = udp("ann")
    ann.send(90, "x" * 4096)
    assert sum(len(ann.read()[1]) for _ in range(5)) == 4096 + 5 * len("Lobby ann ")
    assert ann.request(90, "x" * 4097) == (10, "A text has at most 4096 bytes; yours was left out whole.")
    assert ann.request(90, "short") == (100, "Lobby ann short")


def test_control_characters_and_newlines_forge_nothing(
    udp: Join, join_plain: Callable[..., PlainClient], join_json: Callable[..., JsonClient]
) -> None:
    ann, bob, eve = udp("ann"), join_plain("bob"), join_json("eve")
    ann.wait_for(140, "eve")
    ann.send(90, "hi\n[12:00:00] Host > free\x1b[2J beer\x00\x07\r\n\0")
    assert re.fullmatch(r"\[.{8}\] ann > hi \[12:00:00\] Host > free\[2J beer", bob.wait_for("hi"))
    assert ann.read() == (100, "Lobby ann hi [12:00:00] Host > free[2J beer")
    eve.tell("say", text="a\nb\u2028c\x85\x9bd")
    assert ann.read() == (100, "Lobby eve a b cd")
    assert ann.request(90, b"\xff\xc3(") == (100, "Lobby ann \ufffd\ufffd(")


def test_every_event_is_datagrams_no_longer_than_the_originals_read() -> None:
    wire = Datagram(lambda name: Place(name, "T" * 32, "d" * 900, 5), lambda: 0.0)
    for event in (Said(1, 0.0, "t" * 32, "\u4f60" * 32, "\u4f60" * 9000), Told(2, 0.0, "help", "x" * 5000 + "\ny")):
        data = wire.encode(event)
        while data:
            size = int.from_bytes(data[:2], "big")
            assert 2 <= size <= 1024
            data[2 : 2 + size].decode("latin-1")
            data = data[2 + size :]
    assert wire.encode(Entered(3, 0.0, "lobby", "ann")) == frame(140, "lobby ann")


# ---- what is forged


def test_another_address_changes_nothing(udp: Join) -> None:
    ann, eve = udp("ann"), udp(source=STARTED_ELSEWHERE)
    for code in (*range(0, 210, 10), 65535):
        eve.send(code, "ann")
    other_port = udp()
    assert other_port.request(40, "ann") == (10, "please log in")
    assert ann.request(90, "still here") == (100, "Lobby ann still here")


def test_a_forged_logoff_puts_out_nobody_who_is_there(udp: Join, join_json: Callable[..., JsonClient]) -> None:
    """Outside the trusted networks a LOGOFF waits for what may follow it: here it comes from the address itself."""
    bob, ann = join_json("bob"), udp("ann", source=STARTED_ELSEWHERE)
    _, asked = ann.request(90, "hello, is anybody here?")
    assert ann.request(90, asked.removeprefix("say ")) == (30, "ann")
    bob.wait_for("entered", name="ann")
    ann.send(40, "ann")
    assert ann.request(90, "still here") == (100, "Lobby ann still here")
    assert bob.read()["event"] == "said", "and not left"


def test_a_logoff_that_may_be_forged_counts_when_nothing_follows_it() -> None:
    wire = Datagram(lambda name: Place(name, name, "", 0), lambda: 0.0, trusted=False)
    assert (list(wire.receive(b"\0\x28ann")), wire.unfinished, wire.patience) == ([], True, 40.0)
    assert list(wire.receive(b"\0\xc8")) == [Request("pong")], "STILL_HERE"
    assert (list(wire.pause(False)), wire.unfinished) == ([], False)
    assert list(wire.receive(b"\0\x28")) == []
    assert list(wire.pause(False)) == [Request("quit")]


def test_codes_of_servers_are_never_answered(udp: Join) -> None:
    visitor, ann = udp(), udp("ann")
    for client in (visitor, ann):
        for code in sorted(OURS):
            client.send(code, "please log in")
    assert ann.request(90, "end") == (100, "Lobby ann end")
    assert visitor.request(90, "end") == (10, "please log in")
    assert visitor.hears_nothing()


def test_a_registered_name_cannot_be_taken_without_its_password(
    udp: Join, start_server: Callable[..., Server], join_json: Callable[..., JsonClient], tmp_path: Any
) -> None:
    server = start_server("--data", tmp_path)
    owner = join_json("ann", server)
    owner.request("register", password="correct horse battery")
    owner.tell("quit")
    owner.read_to_end()
    eve = udp("", server)
    assert eve.request(20, "ann") == (10, "nickname already in use")
    assert eve.request(20, "ann wrong password") == (10, "That is not the password of ann.")
    assert eve.request(20, "ann correct horse battery") == (30, "ann")
    assert eve.request(20, "ann") == (30, "ann")


def test_nothing_is_amplified_to_an_address_that_is_not_proven(udp: Join, join_json: Callable[..., JsonClient]) -> None:
    """Not even in the sum: whatever a forger sends, the forged address gets no more bytes than came in its name."""
    bob = join_json("bob")
    forged = udp(source=STARTED_ELSEWHERE)
    for data in (
        b"",
        b"\0",
        b"\0\x14",
        b"\0\x14eve",
        b"\0\x14bob",
        b"\0\xa0",
        b"\0\xb4",
        b"\0\x32Weather",
        b"\0\x5ahi",
        b"\xff",
    ):
        for _ in range(20):
            forged.send_raw(data)
            bob.request("say", text="something long that everyone in the room hears")
            while not forged.hears_nothing():
                pass
            assert forged.received <= forged.sent, data


def test_who_gives_the_number_back_is_proven(udp: Join, join_json: Callable[..., JsonClient]) -> None:
    """The originals' client works unchanged: the number is asked for in an ERROR, and said like any other words."""
    bob = join_json("bob")
    ann = udp("ann", source=STARTED_ELSEWHERE)
    bob.request("say", text="before")
    code, asked = ann.request(90, "hello, is anybody here?")
    assert code == 10 and re.fullmatch(r"say \d{6}", asked)
    assert ann.request(90, asked.removeprefix("say ")) == (30, "ann")
    assert bob.wait_for("entered", name="ann")
    bob.request("say", text="welcome")
    assert ann.read() == (100, "Lobby bob welcome"), "and nothing of what was said before"
    assert len([ann.request(160), ann.read(), ann.read(), ann.read()]) == 4


def test_a_wrong_number_makes_it_void(udp: Join) -> None:
    ann = udp("ann", source=STARTED_ELSEWHERE)
    _, asked = ann.request(90, "hello, is anybody here?")
    number = int(asked.removeprefix("say "))
    assert ann.request(90, f"{(number + 1) % 1_000_000:06}" + " " * 20) == (10, "please log in")
    assert ann.request(90, f"{number:06}" + " " * 20) == (10, "please log in")
    assert ann.request(20, "ann") == (30, "ann")
    assert ann.request(90, "hello, is anybody here?")[1].startswith("say ")


def test_whom_the_host_trusts_needs_no_number(udp: Join, start_server: Callable[..., Server]) -> None:
    server = start_server("--udp-trust", "127.0.0.0/8")
    assert udp("ann", server, STARTED_ELSEWHERE).request(160) == (170, "Lobby 2")


def test_a_door_forgets_who_was_not_heard_for_longest() -> None:
    door = Door([], lambda most: 7)
    for number in range(MOST + 10):
        assert door.knock("192.0.2.1", f"192.0.2.1:{number}", b"\0\x14ann") == (b"\0\x1eann", b"")
    assert door.knock("192.0.2.1", "192.0.2.1:1", b"\0\x5a000007") == (b"", b"")
    assert door.knock("192.0.2.1", "192.0.2.1:500", b"\0\x5a000007") == (b"", b"\0\x14ann")


# ---- the socket


def test_it_listens_where_tcp_does_on_ipv6_too(start_server: Callable[..., Server]) -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as client:
        try:
            client.bind(("::1", 0))
        except OSError:
            pytest.skip("no IPv6 here")
        server = start_server("--host", "::1")
        client.settimeout(PATIENCE)
        client.sendto(b"\0\x14ann", ("::1", server.port))
        assert client.recv(100) == b"\0\x1eann"


def test_it_can_be_switched_off(start_server: Callable[..., Server]) -> None:
    server = start_server("--no-udp")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.bind((server.host, server.port))


def test_a_udp_port_that_is_taken_is_told_and_the_room_opens(start_server: Callable[..., Server]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        server = start_server("--port", port, "--no-store")
        server.wait_for(f"There is no UDP on port {port}: address already in use. --no-udp does without.")
        PlainClient(server, "bob").close()


def test_clients_that_vanish_end_nothing(udp: Join, server: Server) -> None:
    """Their kernel answers each of our datagrams with ICMP, which must not reach anybody else."""
    ann = udp("ann")
    for number in range(20):
        udp(f"ghost{number}").close()
    for number in range(50):
        ann.send(90, f"line {number}")
    for number in range(50):
        assert ann.wait_for(100) == f"Lobby ann line {number}"


class Owner:
    """Whoever owns a peer, and what happened to him."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.heard_all: list[bytes] = []
        self.end: list[str] = []

    def heard(self, data: bytes) -> None:
        self.heard_all.append(data)
        if data.endswith(b"fault"):
            raise RuntimeError("a fault of ours")
        self.peer.queue(frame(100, f"{len(self.heard_all)}"))

    def ended(self, why: str) -> None:
        self.end.append(why)

    def stalled(self, limit: str, why: str) -> None: ...

    def failed(self, why: str) -> None:
        self.peer.queue(frame(10, why))


class Yard:
    """A UDP socket under a loop, its door open, in this process."""

    def __init__(self, bounds: Bounds) -> None:
        self.host = "127.0.0.1"
        self.loop = Loop()
        with socket.create_server((self.host, 0)) as tcp:
            self.port: int = tcp.getsockname()[1]
            [self.sock] = bind_beside([tcp])
        self.owners: list[Owner] = []
        self.datagrams = Datagrams(self.loop, self.sock, Door(["127.0.0.1"], lambda most: 0), self.welcome, bounds)

    def welcome(self, peer: Peer) -> Owner:
        self.owners.append(Owner(peer))
        return self.owners[-1]

    def turn_until(self, condition: Callable[[], object]) -> None:
        def turned() -> object:
            self.loop.turn(0.01)
            return condition()

        wait_until(turned)


@pytest.fixture
def yard() -> Iterator[Callable[..., Yard]]:
    opened: list[Yard] = []

    def open_one(**bounds: Any) -> Yard:
        opened.append(Yard(Bounds(**bounds)))
        return opened[-1]

    yield open_one
    for each in opened:
        each.datagrams.shut()
        each.loop.close()


def test_peers_are_bounded(yard: Callable[..., Yard]) -> None:
    place = yard(peers=2)
    with UdpClient(place) as ann, UdpClient(place) as bob, UdpClient(place) as eve:
        for client in (ann, bob, eve):
            client.send(20, "x")
        place.turn_until(lambda: len(place.owners) == 2)
        assert eve.read() == (10, "the room is full")
        place.owners[0].peer.hang_up()
        place.turn_until(lambda: place.owners[0].end == ["hung up"])
        eve.send(20, "eve")
        place.turn_until(lambda: len(place.owners) == 3)


def test_little_is_kept_of_what_comes_while_a_peer_is_held(yard: Callable[..., Yard]) -> None:
    place = yard()
    with UdpClient(place) as ann:
        ann.send(20, "ann")
        place.turn_until(lambda: place.owners)
        peer = place.owners[0].peer
        peer.hold(True)
        ann.send(90, "x" * 60_000)
        for number in range(INBOX + 10):
            ann.send(90, f"{number}")
        place.turn_until(lambda: len(peer.inbox) == INBOX)
        peer.hold(False)
        place.turn_until(lambda: len(place.owners[0].heard_all) == 1 + INBOX)
        assert max(map(len, place.owners[0].heard_all)) < 10


def test_a_fault_ends_one_peer_and_no_other(yard: Callable[..., Yard], caplog: pytest.LogCaptureFixture) -> None:
    place = yard()
    with UdpClient(place) as ann, UdpClient(place) as bob:
        ann.send(20, "ann")
        bob.send(20, "bob")
        ann.send(90, "fault")
        place.turn_until(lambda: len(place.owners) == 2 and b"\0\x5afault" in place.owners[0].heard_all)
        place.loop.turn(0)
        assert "a fault in the server" in ann.wait_for(10), "the owner takes leave, in his time"
        place.owners[0].peer.hang_up()
        place.turn_until(lambda: place.owners[0].end == ["hung up"])
        assert bob.read() == (100, "1")
        bob.send(90, "more")
        place.turn_until(lambda: len(place.owners[1].heard_all) == 2)
        place.loop.turn(0)
        assert bob.read() == (100, "2")
        assert len(place.datagrams) == 1
    assert "RuntimeError" in caplog.text


def test_what_the_kernel_does_not_take_is_kept_within_bounds(
    yard: Callable[..., Yard], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full send buffer cannot be made on loopback: the socket says so by itself here."""
    place = yard(outbox=100)
    full = True

    class Sock:
        def __getattr__(self, name: str) -> Any:
            return getattr(place.sock, name)

        def sendto(self, data: bytes, address: Any) -> int:
            if full:
                raise BlockingIOError
            return place.sock.sendto(data, address)

    with UdpClient(place) as ann:
        ann.send(20, "ann")
        monkeypatch.setattr(place.datagrams, "_sock", Sock())
        place.turn_until(lambda: place.owners)
        peer = place.owners[0].peer
        for number in range(100):
            peer.write(frame(100, f"{number:08}"))
        assert peer.waiting <= 100 and len(peer.outbox) == 10
        full = False
        place.turn_until(lambda: not peer.outbox)
        assert [ann.read()[1] for _ in range(10)] == ["1", *(f"{number:08}" for number in range(9))]
        assert ann.hears_nothing() and peer.waiting == 0


def test_nothing_raises_for_any_datagram() -> None:
    import random

    source = random.Random(5)
    wire = Datagram(lambda name: Place(name, name, "", 0), lambda: 0.0)
    for _ in range(3000):
        data = source.choice([b"", b"\0"]) + source.randbytes(source.randrange(60))
        assert all(isinstance(request, (Request, Refused)) for request in wire.receive(data))


# ---- real clients, and all together


def test_a_perl_client_written_from_the_table_works(
    server: Server, udp: Join, join_plain: Callable[..., PlainClient]
) -> None:
    needs("perl")
    bob = join_plain("bob")
    command = ["perl", str(ROOT / "tests/data/udp_client.pl"), server.host, f"{server.port}", "larry"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as perl:
        assert perl.stdin and perl.stdout

        def does(line: str, *shown: str) -> None:
            assert perl.stdin and perl.stdout
            perl.stdin.write(line + "\n")
            assert [perl.stdout.readline().rstrip("\n") for _ in shown] == list(shown)

        assert perl.stdout.readline() == "Log in successful. Welcome larry.\n"
        bob.wait_for("larry entered")
        does("hello", "Lobby [larry]: hello")
        assert "larry > hello" in bob.wait_for("hello")
        does("/join weather", "Welcome to the Weather Channel (2 users)")
        does("rain", "Weather [larry]: rain")
        does("/users", "user Host, on Lobby Pets Current-Events Weather", "user larry, on Weather Lobby")
        does("/list", "channel Lobby, 3 users", "channel Weather, 2 users", "channel Current-Events, 1 users",
             "channel Pets, 1 users")  # fmt: skip
        does("/part", "You have left Weather.", "Welcome to the Lobby Channel (3 users)")
        does("/msg nobody hi", "! nobody: not logged in")
        bob.send_line("/msg larry psst")
        assert perl.stdout.readline() == "bob [**private**]: psst\n"
        perl.stdin.write("/logoff\n")
        assert perl.wait(PATIENCE) == 0
    bob.wait_for("larry exited")


def test_four_wires_in_one_room_hear_each_other_once_and_in_one_order(
    server: Server, udp: Join, join_plain: Callable[..., PlainClient], join_json: Callable[..., JsonClient]
) -> None:
    plain, program, eve = join_plain("plain"), join_json("json"), udp("udp")
    with TextbookClient(server, "book") as book:
        for turn in range(5):
            plain.send(f"plain{turn}\n")
            program.tell("say", text=f"json{turn}")
            book.send(f"MESSAGE book{turn}\n")
            eve.send(90, f"udp{turn}")
        said = sorted(f"{who}{turn}" for who in ("plain", "json", "book", "udp") for turn in range(5))
        heard = [found[2] for found in book_messages(book, 20)]
        assert sorted(heard) == said
        assert [eve.wait_for(100).split()[2] for _ in said] == heard
        words = [plain.wait_for(" > ").partition(" > ")[2] for _ in range(15)]
        assert words == [text for text in heard if not text.startswith("plain")]
        assert [program.wait_for("said")["text"] for _ in range(15)] == [
            text for text in heard if not text.startswith("json")
        ]


def book_messages(book: TextbookClient, count: int) -> list[tuple[str, ...]]:
    """Return the next messages, those who come left out."""
    found: list[tuple[str, ...]] = []
    while len(found) < count:
        message = book.message()
        found += [message] if message[0] == "MESSAGE" else []
    return found
