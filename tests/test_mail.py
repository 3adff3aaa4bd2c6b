"""Private talk, the inbox, blocks and history, as they are kept: with the real store, and a clock that stands."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chat.limits import Limits
from chat.turn import User
from tests.plain_grammar import read_all
from tests.room import Ear, Guest, House, deliver, hash_quickly, weather

Open = Callable[..., House]
INBOX = Limits().inbox


@pytest.fixture(autouse=True)
def in_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    hash_quickly(monkeypatch)


@pytest.fixture
def open_house(tmp_path: Path) -> Iterator[Open]:
    """`open_house()`: the house whose store is in this test's folder; the one before is closed."""
    opened: list[House] = []

    def open_() -> House:
        if opened:
            opened.pop().close()
        opened.append(House(tmp_path, rooms=[weather()]))
        return opened[-1]

    yield open_
    for house in opened:
        house.close()


@pytest.fixture
def house(open_house: Open) -> House:
    """A house in which kim and lee have registered, and gone."""
    house = open_house()
    for name in ("kim", "lee"):
        house.guest(f"{name}\n/register sesame\n/quit\n".encode())
    house.clock.now += 60
    return house


def come(house: House, name: str, password: str = "") -> Guest:
    """Let someone come in on plain lines, and read all there is."""
    guest = house.guest(f"{name}\n{password}\n".encode())
    guest.take()
    return guest


def type_(guest: Guest, *lines: str) -> list[str]:
    """Return what comes of these lines, which arrive together."""
    guest.send("".join(f"{line}\n" for line in lines).encode())
    return guest.lines()


def told(lines: list[str]) -> list[str]:
    """Return the messages among these lines: of private talk, and of the rooms."""
    return [line for line in lines if re.match("[^[]+ -?> ", line)]


# ---- whom it reaches, and what the sender learns


def test_to_a_list_and_the_sender_learns_of_each(house: House) -> None:
    ann, bob, cat = come(house, "ann"), come(house, "bob"), come(house, "cat")
    ann.take(), bob.take()
    assert type_(ann, "/msg BOB,cat,Lee,KIM,zoe,bob,kim psst") == [
        "[=] Sent to bob, cat. Kept for lee, kim, to be delivered at the next login. Not here: zoe."]  # fmt: skip
    assert bob.lines() == cat.lines() == ["ann -> bob,cat: psst"]


def test_a_program_learns_the_same(house: House) -> None:
    ann, bob = house.program("ann"), house.program("bob")
    ann.take(), bob.take()
    ann.send(b'{"do":"msg","to":["BOB","kim","zoe"],"text":"psst","ref":1}\n')
    (accepted,) = ann.objects()
    assert {key: accepted[key] for key in ("event", "do", "to", "kept", "away", "text", "ref")} == {
        "event": "accepted", "do": "msg", "to": ["bob"], "kept": ["kim"], "away": ["zoe"], "text": "psst", "ref": 1,
    }  # fmt: skip
    (whispered,) = bob.objects()
    assert (whispered["to"], whispered["id"]) == (["bob"], accepted["id"]) and "kept" not in whispered


def test_nobody_at_all(house: House) -> None:
    ann = come(house, "ann")
    assert type_(ann, "/msg zoe,yan psst") == [
        "[!] There is nobody called zoe or yan here; the message was not sent."]  # fmt: skip


def test_to_oneself_also_by_the_registered_name(house: House) -> None:
    kim = come(house, "kim", "sesame")
    for line in ("/msg kim x", "/msg Host,KIM x", "/block kim"):
        assert "yourself" in type_(kim, line)[0]
    type_(kim, "/nick zed")
    for line in ("/msg kim x", "/msg zed x", "/msg lee,kim x", "/block kim", "/block zed"):
        assert "yourself" in type_(kim, line)[0]
    assert type_(kim, "/inbox") == ["[=] Nothing is waiting for you."]


# ---- the inbox


def test_who_was_away_is_told_at_login_and_reads_it_once(house: House, open_house: Open) -> None:
    ann = come(house, "ann")
    type_(ann, "/msg kim,lee first", "to the room", "/msg kim second: a -> b")
    house = open_house()
    assert house.guest(b"kim\nsesame\n").lines()[-2] == "[=] Private messages waiting for you: 2. /inbox shows them."
    house = open_house()
    kim = come(house, "kim", "sesame")
    kim.send(b"/inbox\n")
    data = kim.take()
    read_all(data)
    kim.written = [data]
    lines = kim.lines()
    assert lines[0].startswith("[=] Said before, since 2027-01-15 ") and lines[0].endswith(": 2")
    assert lines[1:] == ["ann -> kim,lee: first", "ann -> kim: second: a -> b", "[=] End of what was said before."]
    assert type_(kim, "/inbox") == ["[=] Nothing is waiting for you."]
    assert "ann -> kim: second: a -> b" in type_(kim, "/history"), "it stays in the history"
    house = open_house()
    assert "waiting" not in house.guest(b"kim\nsesame\n").take().decode()


def test_to_ask_twice_at_once_shows_it_once(house: House) -> None:
    type_(come(house, "ann"), "/msg kim one", "/msg kim two")
    kim = come(house, "kim", "sesame")
    lines = type_(kim, "/inbox", "/inbox")
    assert told(lines) == ["ann -> kim: one", "ann -> kim: two"]
    assert lines[-1] == "[=] Nothing is waiting for you."
    account = house.hub.accounts.find("kim")
    assert account is not None and account.inbox == 0


def test_a_full_inbox_is_told_to_the_sender(house: House, open_house: Open) -> None:
    ann = come(house, "ann")
    lines = type_(ann, *(f"/msg kim line {number}" for number in range(INBOX + 10)))
    assert lines == [
        *["[=] Kept for kim, to be delivered at the next login."] * INBOX,
        *["[!] The inbox of kim is full; the message was not kept."] * 10,
    ]
    assert type_(ann, "/msg kim,lee one more") == [
        "[=] Kept for lee, to be delivered at the next login. Not here: kim."]  # fmt: skip
    house = open_house()
    assert type_(come(house, "ann"), "/msg kim again") == ["[!] The inbox of kim is full; the message was not kept."]
    kim = come(house, "kim", "sesame")
    assert told(type_(kim, "/inbox")) == [f"ann -> kim: line {number}" for number in range(INBOX)]
    kim.session.end("closed the connection")
    assert type_(come(house, "bob"), "/msg kim again") == ["[=] Kept for kim, to be delivered at the next login."]


def test_what_is_too_long_for_one_answer_comes_in_several(house: House) -> None:
    ann = house.program("ann")
    texts = [f"{number} " + "x" * 16_000 for number in range(30)]
    for text in texts:
        ann.send(json.dumps({"do": "msg", "to": "kim", "text": text}).encode() + b"\n")
    kim = house.program("kim", "sesame")
    kim.take()
    shown: list[str] = []
    while len(shown) < len(texts):
        kim.send(b'{"do":"inbox"}\n')
        *messages, end, last = kim.objects()
        if last["event"] == "told":
            assert last["text"] == f"More is waiting: {30 - len(shown) - len(messages)}. /inbox shows it."
        else:
            messages.append(end)
        shown += [message["text"] for message in messages]
        assert 0 < len(messages) <= 12
    assert shown == texts, "each once, the oldest first"
    kim.send(b'{"do":"history","n":30}\n')
    *messages, _ = kim.objects()
    assert [message["text"] for message in messages] == texts[-len(messages) :] and len(messages) == 12


def test_what_came_while_one_was_here_is_not_in_the_inbox(house: House) -> None:
    kim = come(house, "kim", "sesame")
    type_(come(house, "ann"), "/msg kim psst")
    assert told(kim.lines()) == ["ann -> kim: psst"]
    assert type_(kim, "/inbox") == ["[=] Nothing is waiting for you."]


# ---- blocks


def test_a_blocked_sender_learns_nothing(house: House) -> None:
    """Whether the one he writes to is here, away, or one of several: what he reads is the same as before."""
    bob, kim = come(house, "bob"), come(house, "kim", "sesame")
    bob.take()
    before = type_(bob, "/msg kim psst", "/msg kim,Host psst")
    type_(kim, "/block bob")
    assert type_(bob, "/msg kim psst", "/msg kim,Host psst", "hello", "/users")[:2] == before
    assert told(kim.lines()) == []
    type_(kim, "/quit")
    bob.take()
    assert type_(bob, "/msg kim psst") == ["[=] Kept for kim, to be delivered at the next login."]
    kim = come(house, "kim", "sesame")
    assert type_(kim, "/inbox") == ["[=] Nothing is waiting for you."]
    type_(kim, "/unblock bob")
    assert told(type_(kim, "/history")) == ["bob -> kim: psst", "bob -> kim,Host: psst", "bob > hello"], "as before"


def test_what_a_blocked_person_says_reaches_one_nowhere(house: House) -> None:
    ann, bob, kim = come(house, "ann"), come(house, "bob"), come(house, "kim", "sesame")
    type_(bob, "/msg kim earlier", "before the block")
    type_(kim, "/block BOB", "/join weather")
    kim.take()
    type_(ann, "/join weather", "and I?"), type_(bob, "/join weather", "rain", "/me rains", "/msg kim psst")
    assert told(kim.lines()) == ["#weather ann > and I?"]
    for line in ("/history", "/history 3"):
        assert told(type_(kim, line)) == ["#weather ann > and I?"]
    type_(kim, "/quit")
    again = house.guest(b"kim\nsesame\n/join weather\n")
    assert told(again.lines()) == ["#weather ann > and I?"], "nor is it shown to him as a newcomer"


def test_what_waits_from_someone_blocked_meanwhile_is_not_shown(house: House) -> None:
    ann, bob = come(house, "ann"), come(house, "bob")
    type_(ann, "/msg kim from ann"), type_(bob, "/msg kim from bob")
    kim = come(house, "kim", "sesame")
    type_(kim, "/block bob")
    assert told(type_(kim, "/inbox")) == ["ann -> kim: from ann"]
    type_(bob, "/msg lee from bob")
    lee = come(house, "lee", "sesame")
    assert type_(lee, "/block bob", "/inbox")[-1] == "[=] Nothing is waiting for you."
    assert type_(lee, "/unblock bob", "/inbox")[-1] == "[=] Nothing is waiting for you.", "it has been read"


def test_a_block_holds_from_the_moment_it_is_set_and_no_new_name_helps(house: House) -> None:
    """All in one turn: what was said before the block is heard, what was said under the blocked name is not."""
    ann, bob = come(house, "ann"), come(house, "bob")
    ann.take()
    bob._hear(b"one\n")
    ann._hear(b"/block bob\n")
    bob._hear(b"two\n/nick rob\n")
    house.settle()
    assert [line for line in ann.lines() if not line.startswith("[=]")] == ["bob > one", "[*] bob is now rob."]
    bob._hear(b"three\n/nick bob\n")
    bob._hear(b"four\n")
    ann._hear(b"/unblock bob\n")
    bob._hear(b"five\n")
    house.settle()
    assert told(ann.lines()) == ["rob > three", "bob > five"]


def test_a_registered_person_is_blocked_under_any_name_if_by_the_registered_one(house: House) -> None:
    ann, kim = come(house, "ann"), come(house, "kim", "sesame")
    type_(ann, "/block kim")
    type_(kim, "/nick zed", "hello", "/msg ann psst")
    assert told(ann.lines()) == []


def test_the_host_cannot_be_blocked(house: House) -> None:
    ann = come(house, "ann")
    assert type_(ann, "/block HOST") == ["[!] The host cannot be blocked."]


# ---- history


def test_history_is_of_ones_rooms_and_ones_private_talk_only(house: House, open_house: Open) -> None:
    kim, lee, ann = come(house, "kim", "sesame"), come(house, "lee", "sesame"), come(house, "ann")
    type_(kim, "/join weather", "rain"), type_(kim, "/part", "lobby"), type_(lee, "/msg kim for kim")
    type_(ann, "/msg kim,lee for both", "/msg lee for lee", "/join den", "secret")
    for _ in range(2):
        for guest in (kim, lee, ann):
            guest.take()
        assert told(type_(kim, "/history")) == ["kim > lobby", "lee -> kim: for kim", "ann -> kim,lee: for both"]
        assert told(type_(kim, "/history 1")) == ["ann -> kim,lee: for both"]
        assert told(type_(lee, "/history 2")) == ["ann -> kim,lee: for both", "ann -> lee: for lee"]
        house = open_house()
        kim, lee, ann = come(house, "kim", "sesame"), come(house, "lee", "sesame"), come(house, "bob")
        assert told(type_(ann, "/history")) == ["kim > lobby"]


def test_a_sender_finds_his_own_again_with_who_got_it(house: House) -> None:
    kim = house.program("kim", "sesame")
    kim.take()
    kim.send(b'{"do":"msg","to":["lee","Host","zoe"],"text":"psst"}\n{"do":"history","ref":1}\n')
    kim.send(b'{"do":"history","ref":2}\n')
    found = [found for found in kim.objects() if found.get("ref") == 2]
    assert (found[0]["event"], found[0]["from"], found[0]["text"]) == ("whispered", "kim", "psst")
    assert sorted(found[0]["to"]) == ["Host", "lee"]


def test_history_that_is_read_while_people_talk_shows_nothing_twice_and_misses_nothing(house: House) -> None:
    ann, bob = house.program("ann"), house.program("bob")
    said = 0
    ids: list[int] = []
    for _ in range(20):
        bob.take()
        for _ in range(3):
            ann._hear(b'{"do":"say","text":"%d"}\n' % said)
            said += 1
        bob._hear(b'{"do":"history","n":500,"ref":1}\n')
        ann._hear(b'{"do":"say","text":"%d"}\n' % said)
        said += 1
        house.settle()
        objects = [found for found in bob.objects() if found["event"] == "said"]
        before = [int(found["text"]) for found in objects if "history" in found]
        live = [int(found["text"]) for found in objects if "history" not in found]
        assert live == list(range(said - 4, said))
        assert before == list(range(len(before))) and said - 4 <= len(before) <= said
        ids = [found["id"] for found in objects if "history" in found]
        assert ids == sorted(set(ids))


# ---- kept for good


def test_a_message_is_acknowledged_only_when_it_is_on_the_disk(house: House) -> None:
    ann, bob = house.program("ann"), house.program("bob")
    ann.take(), bob.take()
    ann._hear(b'{"do":"say","text":"one","ref":1}\n{"do":"ping","ref":2}\n{"do":"me","text":"two","ref":3}\n'
              b'{"do":"msg","to":"bob","text":"three","ref":4}\n{"do":"nick","name":"anna","ref":5}\n')  # fmt: skip
    turn = house.hub.take()
    assert turn.lasts
    acknowledgements = deliver(turn)
    assert [found["ref"] for found in ann.objects()] == [2, 5]
    assert [found["event"] for found in bob.objects()] == ["said", "acted", "whispered", "renamed"]
    ((listener, data),) = acknowledgements
    assert listener is ann
    listener.way.write(data)
    assert [(found["event"], found["ref"]) for found in ann.objects()] == [("accepted", ref) for ref in (1, 3, 4)]


def test_where_nothing_is_kept_the_acknowledgement_stands_in_its_place() -> None:
    house = House()
    ann, bob = house.program("ann"), house.program("bob")
    ann.take(), bob.take()
    ann._hear(b'{"do":"say","text":"one"}\n')
    bob._hear(b'{"do":"say","text":"two"}\n')
    ann._hear(b'{"do":"say","text":"three"}\n{"do":"nick","name":"anna"}\n')
    house.settle()
    objects = ann.objects()
    assert [(found["event"], found.get("text")) for found in objects] == [
        ("accepted", "one"), ("said", "two"), ("accepted", "three"), ("renamed", None)]  # fmt: skip
    assert len(ann.written) == 0 and [found["id"] for found in objects] == sorted(found["id"] for found in objects)


def test_people_who_only_block_cost_nobody_else_his_shared_bytes() -> None:
    """Only who does not hear something of this turn is told piece by piece."""
    house = House()
    pairs: list[tuple[User, Ear]] = [house.enter(f"user-{number}") for number in range(10)]
    zoe, _ = house.enter("zoe")
    house.settle()
    for user, ear in pairs:
        house.table.run(house.hub, user, house.table.read(user, "/block zoe"))
        house.settle()
        ear.take()
    house.hub.say(pairs[0][0], "hello")
    house.settle()
    assert len({id(ear.written[0]) for _, ear in pairs[1:]}) == 1
    house.hub.say(zoe, "hello?")
    house.settle()
    assert all(len(ear.written) == 1 for _, ear in pairs[1:])
