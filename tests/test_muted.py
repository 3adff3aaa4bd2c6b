"""Who is muted puts no text of his before others, whatever way he tries; he hears, and can write to the host."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.room import House, ask
from tests.support import JsonClient, Server
from tests.support.speakers import WIRES, IrcSpeaker, Speaker

REFUSED = (
    {"do": "say", "text": "EVIL"},
    {"do": "me", "text": "EVIL"},
    {"do": "topic", "text": "EVIL"},
    {"do": "msg", "to": "ann", "text": "EVIL"},
    {"do": "msg", "to": "ann,Host", "text": "EVIL"},
    {"do": "nick", "name": "EVIL"},
    {"do": "setname", "realname": "EVIL"},
    {"do": "away", "reason": "EVIL"},
    {"do": "tag", "tags": "+a=EVIL"},
    {"do": "tag", "query": "EVIL", "to": "ann"},
    {"do": "join", "room": "EVIL"},
    {"do": "invite", "name": "ann", "room": "den"},
    {"do": "mode", "changes": "+k EVIL", "room": "den"},
    {"do": "topic", "text": "EVIL", "room": "den"},
)


def test_the_muted_hear_and_write_to_the_host_only() -> None:
    house = House()
    ann, bob = house.program("ann"), house.program("bob")
    bob.send(b'{"do":"join","room":"den"}\n', b'{"do":"join","room":"lobby"}\n')
    ask(house, "MUTE bob 10m noise")
    assert "You are muted for 10 min: noise." in bob.objects()[-1]["text"]
    for request in REFUSED:
        bob.send(json.dumps(request).encode() + b"\n")
        assert bob.objects()[-1]["code"] == "muted", request
    bob.send(b'{"do":"msg","to":"Host","text":"why?"}\n')
    assert "why?" in house.console.take().decode()
    assert b"EVIL" not in ann.take()
    ann.send(b'{"do":"say","text":"hello"}\n')
    assert bob.objects()[-1]["text"] == "hello"
    ask(house, "UNMUTE bob")
    bob.send(b'{"do":"say","text":"thank you"}\n')
    assert ann.objects()[-1]["text"] == "thank you"


def test_he_leaves_without_a_word() -> None:
    house = House()
    ann, bob = house.program("ann"), house.program("bob")
    for guest in (ann, bob):
        guest.send(b'{"do":"join","room":"den"}\n')
    bob.send(b'{"do":"say","text":"oops"}\n')
    number = bob.objects()[-1]["id"]
    ask(house, "MUTE bob 10m")
    ann.take()
    bob.send(json.dumps({"do": "remove", "id": number, "reason": "EVIL"}).encode() + b"\n")
    bob.send(b'{"do":"part","room":"den","reason":"EVIL"}\n', b'{"do":"quit","reason":"EVIL"}\n')
    heard = ann.objects()
    assert [event["event"] for event in heard] == ["removed", "left", "left"]
    assert "EVIL" not in json.dumps(heard)


def test_what_he_says_of_himself_when_he_comes_is_not_shown() -> None:
    house = House()
    ann = house.program("ann")
    ask(house, "MUTE 192.0.2.66 10m")
    login = {"do": "login", "name": "bob", "ident": "EVIL", "realname": "EVIL EVIL"}
    for host, shown in (("192.0.2.66", False), ("192.0.2.67", True)):
        bob = house.guest(json.dumps(login).encode() + b"\n", host=host)
        assert ("EVIL" in ask(house, "WHOIS bob")) is shown
        bob.send(b'{"do":"quit"}\n')
    assert "EVIL" not in ann.take().decode()


def test_nobody_who_is_here_takes_a_muted_name() -> None:
    house = House()
    ann = house.program("ann")
    ask(house, "MUTE bob 10m noise")
    ann.send(b'{"do":"nick","name":"b0b"}\n')
    assert "The name bob is muted for 10 min: noise." in ann.objects()[-1]["text"]
    bob = house.program("bob")
    bob.send(b'{"do":"say","text":"x"}\n')
    assert bob.objects()[-1]["code"] == "muted"


def test_the_longest_mute_counts() -> None:
    house = House()
    bob = house.program("bob", host="192.0.2.7")
    say = b'{"do":"say","text":"x"}\n'
    ask(house, "MUTE 192.0.2.7 2h"), ask(house, "MUTE bob 10m")
    house.clock.now += 900
    bob.send(say)
    assert bob.objects()[-1]["code"] == "muted"
    ask(house, "MUTE bob 10m")
    ask(house, "UNMUTE bob")
    bob.send(say)
    assert bob.objects()[-1]["code"] == "muted"
    ask(house, "UNMUTE 192.0.2.7")
    assert bob.objects()[-1]["text"] == "You may speak again."
    bob.send(say)
    assert bob.objects()[-1]["event"] == "accepted"


def test_an_operator_who_is_muted_cannot_help_himself(server: Server, join_json: Callable[..., JsonClient]) -> None:
    bob, ann = join_json("bob"), join_json("ann")
    server.type("OPER bob")
    bob.wait_for("told", about="oper")
    server.type("MUTE bob")
    bob.wait_for("told", about="mute")
    assert bob.request("unmute", who="bob")["code"] == "yourself"
    for verb in ("announce", "wallops"):
        assert bob.request(verb, text="EVIL")["code"] == "muted"
    bob.request("kick", name="ann", reason="EVIL")
    left = ann.wait_for("left")
    assert (left["by"], left["reason"]) == ("bob", "")


@pytest.mark.parametrize("kind", WIRES)
def test_on_every_wire(server: Server, join_json: Callable[..., JsonClient], kind: type[Speaker]) -> None:
    """He is refused in words, nobody hears him, and the host does."""
    ann, bob = join_json("ann"), kind(server)
    bob.enter("bob")
    server.type("MUTE bob 10m noise")
    server.wait_for("Muted: name bob, for 10 min: noise.")
    bob.send(bob.say("EVIL words"))
    bob.wait_for("refused")
    asked = [("me", {"text": "EVIL"}), ("msg", {"to": "ann", "text": "EVIL"}), ("nick", {"name": "EVIL"})]
    for verb, values in asked:
        bob.send(bob.ask(verb, **values))
        bob.wait_for("refused")
    tricks = ["away EVIL", "setname EVIL", "topic EVIL", "join EVIL"]
    if isinstance(bob, IrcSpeaker):
        tricks = ["AWAY :EVIL", "SETNAME :EVIL", "TOPIC #lobby :EVIL", "JOIN #EVIL", "NOTICE #lobby :EVIL"]
    for line in tricks:
        bob.send(f"{line}\r\n".encode() if isinstance(bob, IrcSpeaker) else bob.say(f"/{line}"))
    bob.send(bob.ask("msg", to="Host", text="may I?"))
    server.wait_for("may I?")
    bob.send(bob.ask("quit", **({} if kind.__name__ == "UdpSpeaker" else {"reason": "EVIL"})))
    heard = [ann.read()]
    while heard[-1]["event"] != "left":
        heard.append(ann.read())
    assert "EVIL" not in json.dumps(heard), heard
    bob.close()
