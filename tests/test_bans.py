"""Bans by name, account, address and network, for a time or for ever: on every wire, over a restart, at their end."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.foreign import UdpClient
from tests.room import House, ask
from tests.store_helpers import rows
from tests.support import LineClient, PlainClient, Program, Server
from tests.support.speakers import WIRES, Speaker, UdpSpeaker, WebSpeaker
from tests.support.waiting import wait_until
from tests.tls import issue

StartServer = Callable[..., Server]
THERE = "127.0.0.2"
WAYS = [
    *((kind, False) for kind in WIRES if kind is not WebSpeaker),
    *((kind, True) for kind in WIRES if kind is not UdpSpeaker),
]
TIME = r"(?:10 min|9 min \d\d s)"


def all_of(speaker: Speaker, wanted: str) -> str:
    """Return what comes until the server closes; or, where nothing is closed, up to what is wanted."""
    if not isinstance(speaker, UdpSpeaker):
        return str(speaker.line.read_to_end())
    said = ""
    while not re.search(wanted, said):
        said += str(speaker.read())
    return said


@pytest.mark.parametrize(
    ("kind", "inside"), WAYS, ids=[f"{kind.__name__[:-7]}{'-tls' * inside}" for kind, inside in WAYS]
)
def test_the_banned_read_why_and_for_how_long(
    start_server: StartServer, tmp_path: Path, kind: type[Speaker], inside: bool
) -> None:
    """On every wire, in TLS and without: in the room, and when they try again."""
    papers = issue(tmp_path / "papers") if inside else None
    server = start_server("--udp-trust", "127.0.0.2/31", *(papers.options if papers else ()))
    tls = papers.trust if papers else None
    for whom, sort in (("bob", "name"), (THERE, "address"), ("127.0.0.3/31", "network")):
        here = kind(server, tls, THERE)
        here.enter("bob")
        server.wait_for("bob entered")
        server.type(f"BAN {whom} 10m spam")
        server.wait_for(re.compile(rf"Banned: {sort} \S+, for 10 min: spam\."))
        why = rf"{'The name bob is' if sort == 'name' else 'You are'} banned for {TIME}: spam"
        assert re.search(why, all_of(here, why))
        again = kind(server, tls, THERE)
        again.send(again.arrive("BOB" if sort == "name" else "bob"))
        assert re.search(why, all_of(again, why))
        server.type(f"UNBAN {whom}")
        server.wait_for("Not banned any more")
        for each in (here, again):
            each.line.close()
    with PlainClient(server, "carol", tls=tls) as carol:
        assert carol.users == ["Host", "carol"]


def test_irc_numbers_it(server: Server) -> None:
    """RFC 2812: 465 ERR_YOUREBANNEDCREEP, before ERROR."""
    server.type("BAN 127.0.0.2 2h spam")
    server.wait_for("Banned")
    with LineClient(server, source=THERE) as eve:
        eve.send("CAP LS 302\r\nNICK eve\r\nUSER a 0 * :a\r\nCAP END\r\n")
        *_, numbered, error = eve.read_to_end().splitlines()
    assert re.search(r" 465 eve :You are banned for .*: spam\.$", numbered)
    assert re.search(r"^ERROR :Closing link: \(You are banned for .*: spam\.\)$", error)


def test_over_udp_a_stranger_learns_it_once_he_has_proven_his_address(server: Server) -> None:
    server.type("BAN 127.0.0.2 2h spam")
    server.wait_for("Banned")
    with UdpClient(server, "eve", THERE) as eve:
        eve.send(90, " " * 40)
        proof = eve.wait_for(10, "say ")
        eve.send(90, proof.rpartition(" ")[2])
        assert re.search("You are banned for (2 h|1 h 59 min): spam", eve.wait_for(10, "banned"))
    server.type("LIST_USERS")
    server.wait_for("USERS: [Host]")


def test_before_the_login_nothing_but_the_reason_is_answered(server: Server) -> None:
    server.type("BAN 127.0.0.2/31 3d they know why")
    server.wait_for("Banned: network 127.0.0.2/31, for 3 days: they know why.")
    for source in (THERE, "127.0.0.3"):
        with LineClient(server, source=source) as visitor:
            visitor.send_line("anybody")
            assert re.search(
                r"\[!\] You are banned for (3 days|2 days 23 h): they know why\.$", visitor.wait_for("[!]")
            )
            assert visitor.wait_for("[.]").endswith("You are not let in.")
            assert visitor.read_to_end() == ""
    for first in ({"do": "login", "name": "dave", "ref": 1},
                  {"do": "authenticate", "name": "dave", "password": "x", "ref": 1}):  # fmt: skip
        with LineClient(server, source="127.0.0.3") as visitor:
            visitor.send(json.dumps(first) + "\n")
            refused, goodbye = (json.loads(line) for line in visitor.lines(2))
            assert (refused["event"], refused["code"], refused["ref"]) == ("refused", "banned", 1)
            assert (goodbye["event"], goodbye["code"]) == ("goodbye", "banned")
            assert visitor.read_to_end() == ""


def test_bans_of_all_kinds_hold_after_a_restart(start_server: StartServer, tmp_path: Path) -> None:
    server = start_server("--data", tmp_path)
    with LineClient(server) as kim:
        kim.send('{"do":"login","name":"kim"}\n{"do":"register","password":"a long word"}\n')
        kim.read_until("registered")
        for who in ("bob 2h spam", "127.0.0.2 3d", "127.0.0.6/31 ever noise", "kim 10m"):
            server.type(f"BAN {who}")
            server.wait_for("Banned: ")
    server.stop()
    server = start_server("--data", tmp_path)
    server.type("BANS")
    for row in (
        r"BAN +name +bob +by Host, for (2 h|1 h 59 min): spam",
        r"BAN +address +127\.0\.0\.2 +by Host, for (3 days|2 days 23 h)",
        r"BAN +network +127\.0\.0\.6/31 +by Host, for ever: noise",
        r"BAN +account +kim +by Host, for (10 min|9 min)",
    ):
        server.wait_for(re.compile(row))
    for name, source in (("bob", "127.0.0.1"), ("b0b", "127.0.0.1"), ("ann", THERE), ("ann", "127.0.0.7")):
        with LineClient(server, source=source) as visitor:
            visitor.send_line(name)
            assert " banned for " in visitor.wait_for("[!]")
            visitor.read_to_end()
    with LineClient(server) as kim:
        kim.send('{"do":"login","name":"kim","password":"a long word"}\n')
        assert json.loads(kim.read_line())["code"] == "banned"
    PlainClient(server, "ann", source="127.0.0.4").close()


def test_a_ban_ends_by_itself_while_the_server_runs(server: Server) -> None:
    server.type("BAN bob 2s")
    server.wait_for("Banned: name bob, for 2 s.")

    def comes_in() -> bool:
        with LineClient(server) as bob:
            bob.send_line("bob")
            return bob.read_line() == "OK"

    assert not comes_in()
    wait_until(comes_in, what="the end of the ban")
    server.type("BANS")
    server.wait_for("Nobody is banned")


def test_a_ban_survives_a_restart_and_ends_by_itself(tmp_path: Path) -> None:
    house = House(tmp_path)
    ask(house, "BAN bob 2h spam"), ask(house, "BAN 192.0.2.0/24"), ask(house, "MUTE eve 3d")
    house.close()
    house = House(tmp_path)
    house.clock.now += 3600
    assert house.program("bob", host="198.51.100.1").objects()[0]["text"] == "The name bob is banned for 1 h: spam."
    assert house.program("dan", host="192.0.2.9").objects()[0]["text"] == "You are banned for ever."
    eve = house.program("eve", host="198.51.100.1")
    eve.send(b'{"do":"say","text":"hi"}\n')
    assert eve.objects()[-1]["code"] == "muted"
    house.clock.now += 3601
    assert house.program("bob", host="198.51.100.1").objects()[0]["event"] == "welcome"
    house.clock.now += 3 * 86_400
    eve.send(b'{"do":"say","text":"hi"}\n')
    assert eve.objects()[-1]["event"] == "accepted"
    ask(house, "BANS")
    house.close()
    assert rows(tmp_path, "SELECT kind, shown FROM sanctions") == [("ban", "192.0.2.0/24")]


def test_a_banned_account_stays_out_under_every_name(tmp_path: Path) -> None:
    house = House(tmp_path)
    kim = house.program("kim")
    kim.send(b'{"do":"register","password":"a long word"}\n', b'{"do":"nick","name":"kit"}\n')
    ask(house, "BAN kit 10m")
    assert kim.objects()[-1]["code"] == "banned"
    assert house.program("kim", "a long word").objects()[0]["code"] == "banned"
    other = house.guest(
        b'{"do":"authenticate","name":"kim","password":"a long word"}\n', b'{"do":"login","name":"x"}\n'
    )
    assert other.objects()[-2]["code"] == "banned"
    assert "account kim" in ask(house, "UNBAN kim")
    assert house.program("kim", "a long word").objects()[0]["event"] == "welcome"
    house.close()


def test_nobody_takes_a_banned_name_or_one_that_looks_so() -> None:
    house = House()
    ask(house, "BAN bob")
    ann = house.program("ann")
    for name in ("bob", "BOB", "b0b"):
        ann.send(json.dumps({"do": "nick", "name": name}).encode() + b"\n")
        assert ann.objects()[-1]["code"] == "banned"


@pytest.mark.parametrize("word", ["192.0.2.7", "192.0.2.7:4711", "192.0.2.0/24"])
def test_an_address_is_banned_also_where_somebody_is_called_so(word: str) -> None:
    house = House()
    house.program("192.0.2.7", host="192.0.2.7")
    house.program("bob", host="192.0.2.7")
    assert "Banned: " in ask(house, f"BAN {word}")
    assert [user.name for user in house.hub] == ["Host"]
    assert house.program("eve", host="192.0.2.7").objects()[0]["code"] == "banned"
    ask(house, f"UNBAN {word}")
    assert house.program("eve", host="192.0.2.7").objects()[0]["event"] == "welcome"


@pytest.mark.parametrize(("banned", "host", "out"), [
    ("2001:db8::/64", "[2001:db8::5]", True), ("2001:db8::5", "[2001:db8::5]", True),
    ("2001:db8::5", "[2001:db8::6]", False), ("[2001:db8::5]:4711", "[2001:db8::5]", True),
    ("192.0.2.7", "[::ffff:192.0.2.7]", True), ("192.0.2.0/31", "192.0.2.2", False),
])  # fmt: skip
def test_addresses_of_both_kinds(banned: str, host: str, out: bool) -> None:
    house = House()
    ask(house, f"BAN {banned}")
    assert (house.program("eve", host=host).objects()[0].get("code") == "banned") is out


def test_the_settings_keep_people_out_and_let_them_in_again(start_server: StartServer, tmp_path: Path) -> None:
    """`ban` in chat.toml: in force at the start, read again by RELOAD, and nothing that UNBAN takes back."""
    config = tmp_path / "chat.toml"
    config.write_text('ban = ["127.0.0.2/31: they know why", "bob"]\n', encoding="utf-8")
    server = start_server("--data", tmp_path)

    def answer(name: str, source: str) -> str:
        with LineClient(server, source=source) as visitor:
            visitor.send_line(name)
            return visitor.read_line()

    assert "You are banned for ever: they know why." in answer("ann", "127.0.0.3")
    assert "The name bob is banned for ever." in answer("b0b", "127.0.0.1")
    server.type("UNBAN bob")
    server.wait_for("[!] bob is banned by the settings; take that out there, and RELOAD.")
    server.type("BANS")
    server.wait_for(re.compile(r"BAN +network 127\.0\.0\.2/31 +by the settings, for ever: they know why"))
    with PlainClient(server, "eve") as eve, PlainClient(server, "kim") as kim:
        config.write_text('ban = ["eve: spam", "b b"]\n', encoding="utf-8")
        server.type("RELOAD")
        server.wait_for(re.compile("Nothing has changed: .*line 1: ban: give a name, an address or a network"))
        config.write_text('ban = ["eve: spam"]\n', encoding="utf-8")
        server.type("RELOAD")
        server.wait_for("Changed, and in force: ban.")
        assert "The name eve is banned for ever: spam." in eve.read_to_end()
        kim.wait_for("eve has been kicked out. (spam)")
    assert answer("ann", "127.0.0.3") == answer("bob", "127.0.0.1") == "OK"
    server.stop()
    assert rows(tmp_path, "SELECT shown FROM sanctions") == []


def test_a_ban_in_the_settings_that_means_nobody_stops_the_start(start: Callable[..., Program]) -> None:
    program = start("chat_server.py", "--port", "0", "--ban", "no:name: spam", stderr=subprocess.STDOUT)
    program.wait_for("ban: no:name: A name cannot hold U+003A COLON")
    assert program.wait() == 2
