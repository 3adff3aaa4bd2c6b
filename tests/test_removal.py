"""Taking messages back: gone from every screen, from what is replayed, the history and the disk, on every wire."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

import pytest

from tests.gauges import within
from tests.irc_client import IrcClient
from tests.room import Guest, House, ask
from tests.store_helpers import rows, stored
from tests.support import JsonClient, PlainClient, Server, wait_until
from tests.support.speakers import WIRES, IrcSpeaker, ModernIrcSpeaker, Speaker


@pytest.fixture
def server(start_server: Callable[..., Server], tmp_path: Path) -> Server:
    return start_server("--data", tmp_path)


def test_a_removed_message_is_gone_everywhere(server: Server, tmp_path: Path) -> None:
    """From the memory of the room, the history and the file; JSON and IRC clients take it off the screen."""
    bob, ann = JsonClient(server, "bob"), JsonClient(server, "ann")
    eve = IrcClient(server, "eve", "message-tags draft/message-redaction", lobby=True)
    nc = PlainClient(server, "nc")
    secret = "XYZZY-" * 300
    number = bob.request("say", text=secret)["id"]
    assert ann.wait_for("said", text=secret)["id"] == number
    eve.wait_for(f"msgid={number}")
    server.type(f"REMOVE {number} rude")
    removed = ann.wait_for("removed")
    assert (removed["message"], removed["room"], removed["from"], removed["by"], removed["reason"]) == (
        *(number, "lobby", "bob", "Host", "rude"),
    )
    assert eve.wait_for("REDACT").endswith(f"REDACT #lobby {number} rude")
    assert nc.wait_for("[*]").endswith("[*] Host has removed a message of bob.")
    server.wait_for(f"Message {number} of bob's is removed.")
    late = JsonClient(server, "late")
    answer = late.request("history", n=50)
    assert answer["event"] == "told" or answer["count"] == 0
    for path in filter(Path.is_file, tmp_path.iterdir()):
        assert b"XYZZY" not in path.read_bytes(), path
    assert f"message {number} of bob's, in lobby: rude" in (tmp_path / "audit.log").read_text(encoding="utf-8")
    for client in (bob, ann, eve, nc, late):
        client.close()


class Redacting(ModernIrcSpeaker):
    """IRC from a client that can take a message off the screen; others hear nothing of it."""

    caps = ModernIrcSpeaker.caps.replace("batch", "batch draft/message-redaction")


def test_it_is_gone_everywhere_within_a_second(server: Server, tmp_path: Path) -> None:
    """All who have read it are told, whoever comes does not read it, and the file has it no more; three times."""
    kinds: tuple[type[Speaker], ...] = (*(kind for kind in WIRES if not issubclass(kind, IrcSpeaker)), Redacting)

    def is_gone(text: str) -> bool:
        return not any(text.encode() in path.read_bytes() for path in tmp_path.iterdir() if path.is_file())

    with ExitStack() as stack:
        ann = stack.enter_context(JsonClient(server, "ann"))
        readers = [stack.enter_context(closing(kind(server))) for kind in kinds * 7]
        for number, reader in enumerate(readers):
            reader.enter(f"reader{number}")
        for number in range(300):
            ann.tell("say", text=f"{number} " + "x" * 1_000)
        for visitor in ("kim", "lea", "max"):
            secret = f"XYZZY-{visitor}"
            message = ann.request("say", text=secret)["id"]
            assert not is_gone(secret)
            with within(1.0, server.pid):
                server.type(f"REMOVE {message}")
                for reader in readers:
                    while not re.search("removed|REDACT", str(reader.read())):
                        pass
                with JsonClient(server, visitor) as late:
                    late.tell("history", n=200)
                    heard = ""
                    while heard.count('"event":"history"') < 2:  # what is shown to every newcomer, and what he asks for
                        heard += late.read_line()
                assert secret not in heard and "299 x" in heard
                wait_until(partial(is_gone, secret))


@pytest.mark.parametrize("kind", WIRES)
def test_on_every_wire(server: Server, join_json: Callable[..., JsonClient], kind: type[Speaker]) -> None:
    """Its author takes it back by his wire; it is in no replay and in no history then."""
    ann = join_json("ann")
    bob = kind(server)
    bob.enter("bob")
    bob.send(bob.say("XYZZY is no word"))
    number = ann.wait_for("said", text="XYZZY is no word")["id"]
    bob.send(bob.ask("remove", id=str(number)))
    removed = ann.wait_for("removed")
    assert (removed["message"], removed["by"]) == (number, "bob")
    bob.send(bob.say("after it"))
    ann.wait_for("said", text="after it")
    late = kind(server)
    late.enter("late")
    if not isinstance(late, IrcSpeaker):
        late.send(late.ask("history", n="50"))
    heard = ""
    while "after it" not in heard:
        heard += str(late.read())
    ann.request("say", text="the end of it")
    while "the end of it" not in heard:
        heard += str(late.read())
    assert "XYZZY" not in heard
    for each in (bob, late):
        each.close()


def test_its_author_takes_a_message_back_for_five_minutes() -> None:
    house = House()
    ann, bob = house.program("ann"), house.program("bob")
    ann.send(b'{"do":"say","text":"oops"}\n')
    number = ann.objects()[-1]["id"]
    remove = json.dumps({"do": "remove", "id": number}).encode() + b"\n"
    bob.send(remove)
    assert bob.objects()[-1]["code"] == "not_allowed"
    ann.send(b'{"do":"remove"}\n')
    assert ann.objects()[-1]["text"] == f"{number:>6}  ann: oops"
    house.clock.now += 301
    ann.send(remove)
    assert ann.objects()[-1]["code"] == "too_late"
    house.clock.now -= 2
    ann.send(remove)
    assert [event["event"] for event in ann.objects()] == ["removed", "told"]
    assert bob.objects()[-1]["message"] == number
    ann.send(remove)
    assert ann.objects()[-1]["code"] == "no_message"


def test_who_has_the_name_now_is_not_its_author() -> None:
    house = House()
    ann = house.program("ann")
    ann.send(b'{"do":"say","text":"mine"}\n')
    number = ann.objects()[-1]["id"]
    house.clock.now += 1
    ann.send(b'{"do":"nick","name":"anna"}\n')
    other = house.program("bob")
    other.send(b'{"do":"nick","name":"ann"}\n', json.dumps({"do": "remove", "id": number}).encode() + b"\n")
    assert other.objects()[-1]["code"] == "not_allowed"


def test_a_private_message_is_taken_back(tmp_path: Path) -> None:
    house = House(tmp_path)
    ann, bob = house.program("ann"), house.program("bob")
    bob.send(b'{"do":"register","password":"a long word"}\n')
    ann.send(b'{"do":"msg","to":"bob","text":"PLUGH"}\n')
    number = ann.objects()[-1]["id"]
    ann.send(json.dumps({"do": "remove", "id": number}).encode() + b"\n")
    removed = bob.objects()[-1]
    assert (removed["event"], removed["message"], removed["room"]) == ("removed", number, "")
    house.close()
    assert rows(tmp_path, "SELECT count(*) FROM messages") == [(0,)]


def test_what_is_long_ago_is_removed_by_operators(tmp_path: Path) -> None:
    house = House(tmp_path)
    ann = house.program("ann")
    for index in range(250):
        ann.send(json.dumps({"do": "say", "text": f"m{index}"}).encode() + b"\n")
    first = next(event["id"] for event in ann.objects() if event.get("text") == "m0")
    assert "is removed" in ask(house, f"REMOVE {first}")
    assert ann.objects()[-1]["message"] == first
    assert rows(tmp_path, "SELECT count(*) FROM messages WHERE text = 'm0'") == [(0,)]
    house.close()


def test_an_id_that_is_not_used_yet_is_nobody_s(tmp_path: Path) -> None:
    house = House(tmp_path)
    ann = house.program("ann")
    ann.send(b'{"do":"say","text":"the last one"}\n')
    number = ann.objects()[-1]["id"]
    for unused in (number + 1, 10**14):
        assert f"There is no message {unused}" in ask(house, f"REMOVE {unused}")
    assert stored(tmp_path) == [(number, "the last one")]
    house.close()


def test_who_comes_back_learns_what_was_removed() -> None:
    house = House()
    ann = house.program("ann")
    bob = house.guest(b'{"do":"login","name":"bob","token":""}\n')
    welcome = bob.objects()[0]
    ann.send(b'{"do":"say","text":"oops"}\n')
    number = ann.objects()[-1]["id"]
    ann.send(json.dumps({"do": "remove", "id": number}).encode() + b"\n")
    login = {"do": "login", "name": "bob", "token": welcome["token"], "since": number}
    back = _comes_back(house, bob, login)
    assert [(event["event"], event.get("message")) for event in back.objects()][1:] == [
        ("removed", number),
        ("resumed", None),
    ]


def _comes_back(house: House, gone: Guest, login: dict[str, object]) -> Guest:
    gone.retire = lambda: None  # type: ignore[attr-defined]
    return house.guest(json.dumps(login).encode() + b"\n")


def test_irc_takes_messages_back(server: Server) -> None:
    """IRCv3 draft/message-redaction: `REDACT <target> <msgid> [<reason>]`, and the failures it names."""
    ann = IrcClient(server, "ann", "message-tags echo-message draft/message-redaction", lobby=True)
    bob = IrcClient(server, "bob", "message-tags draft/message-redaction", lobby=True)
    ann.tell("PRIVMSG #lobby :oops")
    number = re.search(r"msgid=(\d+)", ann.wait_for("PRIVMSG"))
    assert number
    assert "FAIL REDACT REDACT_FORBIDDEN #lobby" in "".join(bob.answer(f"REDACT #lobby {number[1]}"))
    assert "FAIL REDACT UNKNOWN_MSGID #lobby nothing" in "".join(ann.answer("REDACT #lobby nothing"))
    assert "FAIL REDACT INVALID_TARGET #nowhere" in "".join(ann.answer(f"REDACT #nowhere {number[1]}"))
    ann.tell(f"REDACT #lobby {number[1]} :my mistake")
    assert re.search(rf":ann!\S+ REDACT #lobby {number[1]} :my mistake$", bob.wait_for("REDACT #lobby"))
    ann.wait_for(f"REDACT #lobby {number[1]}")
    ann.tell("PRIVMSG bob :oops")
    number = re.search(r"msgid=(\d+)", ann.wait_for("PRIVMSG bob"))
    assert number
    ann.tell(f"REDACT bob {number[1]}")
    for client in (ann, bob):
        client.wait_for(f" REDACT bob {number[1]}")
    for client in (ann, bob):
        client.close()


def test_nothing_of_what_was_removed_is_in_the_file(tmp_path: Path) -> None:
    """Also not in free pages and in the space between rows, when much has been said and removed around it."""
    house = House(tmp_path)
    ann = house.program("ann")
    sizes = (5, 40, 300, 2_000, 9_000)
    for index in range(200):
        text = f"<{index:03}>" * (sizes[index % 5] // 5)
        ann.send(json.dumps({"do": "say", "text": text}).encode() + b"\n")
    said = {event["text"][:5]: event["id"] for event in ann.objects() if event["event"] == "accepted"}
    gone = [f"<{index:03}>" for index in range(200) if index % 3 == 0 or 60 < index < 90]
    for mark in gone:
        ask(house, f"REMOVE {said[mark]}")
    found = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    assert [mark for mark in gone if mark.encode() in found] == []
    assert all(mark.encode() in found for mark in said if mark not in gone)
    house.close()
