"""The hub, as values: who may come in, who is told what, and that everyone leaves exactly once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chat.events import Acted, Ended, Entered, Event, Left, Noted, Refused, Renamed, Said, Welcomed, Whispered
from chat.hub import ROSTER, Hub
from chat.mail import whisper
from chat.naming import rename
from chat.turn import User
from tests.room import House


def refusal(action: Callable[..., object], *values: object) -> str:
    with pytest.raises(Refused) as caught:
        action(*values)
    assert caught.value.text.endswith("."), "a refusal is a sentence for the person"
    return caught.value.code


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def hub(house: House) -> Hub:
    return house.hub


def guest(house: House, name: str) -> User:
    user, _ = house.enter(name)
    house.posted()
    return user


def count(hub: Hub) -> int:
    return len(hub.rooms.lobby.members)


def log(hub: Hub) -> list[str]:
    return [post.event.text for post in hub.take().posts if isinstance(post.event, Noted)]


# ---- coming in


def test_entering_tells_the_room_and_welcomes_the_newcomer(house: House) -> None:
    house.enter("alice")
    entered, welcomed = house.posted()
    assert isinstance(entered, Entered) and isinstance(welcomed, Welcomed)
    assert (entered.name, entered.room, entered.here, entered.count) == ("alice", "lobby", ("Host", "alice"), 2)
    assert (welcomed.name, welcomed.title, welcomed.here) == ("alice", "Lobby", ("Host", "alice"))


def test_the_host_is_told_who_is_on_line_from_where(hub: Hub) -> None:
    user = hub.enter("alice", None, address="192.0.2.7:4711", wire="plain")
    hub.leave(user, "connection reset by peer")
    assert log(hub) == [
        "alice is on line from 192.0.2.7:4711 (plain).",
        "alice is off line: connection reset by peer.",
    ]


@pytest.mark.parametrize("name", ["", "  ", "\t"])
def test_no_name(hub: Hub, name: str) -> None:
    assert refusal(hub.enter, name, None) == "name_missing"


@pytest.mark.parametrize("name", ["a b", "a\x00", "a\x1b[2J", "\u202eevil", "a\u200b", "x" * 33, "x" * 1000,
                                  "a,b", "{a",
                                  "&a", "a>b", "*", "[*]", "#a", "/a", "\ud800", "a\u00a0b", "a\nb"])  # fmt: skip
def test_no_such_name(house: House, hub: Hub, name: str) -> None:
    assert refusal(hub.enter, name, None) == "name_bad"
    assert count(hub) == 1
    assert house.posted() == []


@pytest.mark.parametrize("name", ["Host", "host", "HOST", "hOSt", "Ｈｏｓｔ", " Host "])
def test_the_same_as_host(hub: Hub, name: str) -> None:
    assert refusal(hub.enter, name, None) in ("name_taken", "name_bad")


@pytest.mark.parametrize("name", ["H0st", "H0ST", "НОЅТ", "Ηοst", "Hоst", "Hos\u03c4", "h0sт"])
def test_looks_like_host(hub: Hub, name: str) -> None:
    assert refusal(hub.enter, name, None) in ("name_looks", "name_bad")


@pytest.mark.parametrize("name", ["alice", "ALICE", "Alice", "ａｌｉｃｅ"])
def test_a_taken_name_in_any_case_and_width(house: House, hub: Hub, name: str) -> None:
    guest(house, "alice")
    assert refusal(hub.enter, name, None) in ("name_taken", "name_bad")
    assert count(hub) == 2
    assert house.posted() == [], "the holder is not disturbed"


@pytest.mark.parametrize(("name", "other"), [("alice", "a1ice"), ("alice", "aIice"), ("сор", "cop"), ("m", "rn")])
def test_looks_like_someone_here(house: House, hub: Hub, name: str, other: str) -> None:
    guest(house, name)
    assert refusal(hub.enter, other, None) == "name_looks"


def test_a_name_is_free_again_when_its_holder_has_left(house: House, hub: Hub) -> None:
    first = guest(house, "alice")
    hub.leave(first, "x")
    second = guest(house, "Alice")
    hub.leave(first, "once more, too late")
    assert hub.find("alice") is second
    assert refusal(hub.enter, "a1ice", None) == "name_looks"


def test_nobody_comes_in_while_the_room_closes(hub: Hub) -> None:
    hub.close("The host has closed the room.")
    assert refusal(hub.enter, "late", None) == "closing"


# ---- going


def test_the_count_is_right_just_after_each_leave(house: House, hub: Hub) -> None:
    people = [guest(house, name) for name in ("alice", "bob", "carol")]
    for rest, user in zip((3, 2, 1), people, strict=True):
        hub.leave(user, "x", "tea")
        (left,) = house.posted()
        assert isinstance(left, Left)
        assert (left.name, left.reason, left.kicked, left.count, len(left.here)) == (
            user.name,
            "tea",
            False,
            rest,
            rest,
        )
        assert user.name not in left.here
        assert count(hub) == len(hub) == rest


def test_exactly_one_exit_event_however_often_leave_is_called(house: House, hub: Hub) -> None:
    user = guest(house, "alice")
    for _ in range(3):
        hub.leave(user, "x")
    assert [type(event) for event in house.posted()] == [Left]
    hub.leave(user, "x")
    assert not hub.take().posts


def test_leaving_after_quit_kick_and_rename_is_still_one_exit(house: House, hub: Hub) -> None:
    quitter, kicked, renamed = (guest(house, name) for name in ("alice", "bob", "carol"))
    hub.leave(quitter, "said goodbye")
    hub.end(quitter, "quit", "Goodbye.")
    hub.kick(kicked, house.host)
    rename(hub, renamed, "caro")
    for user in (quitter, kicked, renamed):
        hub.leave(user, "closed the connection")
    lefts = [post.event for post in hub.take().posts if isinstance(post.event, Left) and post.room is hub.rooms.lobby]
    assert [(left.name, left.kicked, left.count) for left in lefts] == [
        ("alice", False, 3),
        ("bob", True, 2),
        ("caro", False, 1),
    ]


def test_a_long_list_of_who_is_here_is_cut_and_the_count_is_not(house: House, hub: Hub) -> None:
    people = [guest(house, f"user-{number}") for number in range(2 * ROSTER)]
    hub.leave(people[0], "x")
    (left,) = house.posted()
    assert isinstance(left, Left)
    assert len(left.here) == ROSTER
    assert left.count == 2 * ROSTER


# ---- kicking


def test_kick(house: House, hub: Hub) -> None:
    alice, bob = guest(house, "alice"), guest(house, "bob")
    hub.kick(bob, house.host, "spam")
    posts = [post for post in hub.take().posts if not isinstance(post.event, Noted)]
    left, ended = posts[0].event, posts[-1].event
    assert isinstance(left, Left) and isinstance(ended, Ended)
    assert [(post.event, post.room, post.to) for post in posts] == [
        (left, hub.rooms.lobby, ()),
        (left, None, (bob,)),
        (ended, None, (bob,)),
    ]
    assert (left.name, left.kicked, left.reason, left.here) == ("bob", True, "spam", ("Host", "alice"))
    assert ended.code == "kicked" and "spam" in ended.text
    assert hub.find("bob") is None and hub.find("alice") is alice


def test_kick_of_host_of_oneself_and_by_a_guest(house: House, hub: Hub) -> None:
    alice, bob = guest(house, "alice"), guest(house, "bob")
    assert refusal(hub.kick, house.host, house.host) == "yourself"
    assert refusal(hub.kick, alice, alice) == "yourself"
    assert refusal(hub.kick, house.host, alice) == "not_allowed"
    assert refusal(hub.kick, bob, alice) == "not_allowed"
    assert count(hub) == 3
    assert house.posted() == []


def test_kick_of_someone_gone(house: House, hub: Hub) -> None:
    alice = guest(house, "alice")
    hub.leave(alice, "x")
    assert refusal(hub.kick, alice, house.host) == "not_here"


def test_the_later_requests_of_a_kicked_person_do_nothing(house: House) -> None:
    ear = house.guest(b"ear\n")
    bob = house.guest(b"bob\n")
    ear.take(), bob.take()
    house.hub.kick(house.hub.get("bob"), house.host)
    bob._hear(b"one\n/msg ear two\n/me three\n/nick rob\n/users\n/quit\n")
    house.settle()
    bob.send(b"four\n")
    heard = ear.take().decode().split("\n")
    assert len(heard) == 2 and heard[0].endswith("[*] bob has been kicked out.")
    assert bob.take().decode().count("\n") == 2, "that he has been kicked, and goodbye"
    assert bob.hung_up == 1


# ---- renaming


def test_rename_tells_everyone_him_too(house: House, hub: Hub) -> None:
    alice, bob = guest(house, "alice"), guest(house, "bob")
    rename(hub, bob, "rob", 7)
    (post,) = hub.take().posts
    assert isinstance(post.event, Renamed)
    assert (post.event.old, post.event.new, post.event.here) == ("bob", "rob", ("Host", "alice", "rob"))
    assert set(post.to) == {house.host, alice, bob}
    assert hub.find("bob") is None and hub.find("ROB") is bob


def test_rename_refusals_leave_everything_as_it_was(house: House, hub: Hub) -> None:
    guest(house, "alice")
    bob = guest(house, "bob")
    for name, code in (
        ("Alice", "name_taken"),
        ("a1ice", "name_looks"),
        ("H0st", "name_looks"),
        ("bob", "name_taken"),
        ("", "name_missing"),
        ("a b", "name_bad"),
    ):
        assert refusal(rename, hub, bob, name) == code
        assert hub.find("bob") is bob
    assert refusal(rename, hub, house.host, "God") == "not_allowed"
    assert house.posted() == []


def test_rename_to_another_case_or_look_of_ones_own_name(house: House, hub: Hub) -> None:
    alice = guest(house, "alice")
    for name in ("ALICE", "a1ice", "Alice"):
        rename(hub, alice, name)
        assert hub.get(name) is alice
    hub.leave(alice, "x")
    for name in ("alice", "a1ice"):
        assert hub.find(name) is None
    guest(house, "aIice")


# ---- talking


def test_say_and_act(house: House, hub: Hub) -> None:
    alice = guest(house, "alice")
    hub.say(alice, "hi", 1)
    hub.act(alice, "waves", 2)
    said, acted = hub.take().posts
    assert isinstance(said.event, Said) and isinstance(acted.event, Acted)
    assert (said.event.room, said.event.sender, said.event.text) == ("lobby", "alice", "hi")
    assert (said.room, said.author, said.ref, acted.ref) == (hub.rooms.lobby, alice, 1, 2)


def test_whisper_reaches_those_who_are_here_and_names_the_others(house: House, hub: Hub) -> None:
    alice, bob, carol = (guest(house, name) for name in ("alice", "bob", "carol"))
    whisper(hub, alice, ["BOB", "carol", "bob", "dave", "dave"], "psst", 3)
    (post,) = hub.take().posts
    assert isinstance(post.event, Whispered)
    assert (post.event.to, post.event.away) == (("bob", "carol"), ("dave",))
    assert post.to == (bob, carol, alice) and post.author is alice and post.room is None


def test_whisper_refusals(house: House, hub: Hub) -> None:
    alice = guest(house, "alice")
    guest(house, "bob")
    assert refusal(whisper, hub, alice, ["dave"], "x") == "not_here"
    assert refusal(whisper, hub, alice, ["alice"], "x") == "yourself"
    assert refusal(whisper, hub, alice, ["bob", "ALICE"], "x") == "yourself"
    assert house.posted() == []


@pytest.mark.parametrize("name", ["", "\ud800", "a b", "\x00", "x" * 100_000, "²", "%s", "\u0301"])
def test_looking_up_odd_names(hub: Hub, name: str) -> None:
    assert hub.find(name) is None
    assert refusal(hub.get, name) == "not_here"


# ---- order, and the end


def test_ids_grow_in_the_order_of_the_posts(house: House, hub: Hub) -> None:
    alice, bob = guest(house, "alice"), guest(house, "bob")
    hub.say(alice, "1")
    rename(hub, bob, "rob")
    whisper(hub, bob, ["alice"], "2")
    hub.leave(alice, "x")
    hub.kick(bob, house.host)
    ids = [post.event.id for post in hub.take().posts]
    assert ids == sorted(ids)


def test_times_are_those_of_the_clock(house: House, hub: Hub) -> None:
    alice = guest(house, "alice")
    house.clock.now += 90.5
    hub.say(alice, "x")
    assert hub.take().posts[0].event.at == house.clock.now
    assert [(who.name, who.seconds, who.rooms) for who in hub.people(hub.rooms.lobby.members, alice)] == [
        ("Host", 90, ("lobby",)),
        ("alice", 90, ("lobby",)),
    ]


def test_closing_tells_everyone_once_and_nobody_of_the_others(house: House, hub: Hub) -> None:
    people = [guest(house, name) for name in ("alice", "bob")]
    hub.close("The host has closed the room.")
    turn = hub.take()
    told: list[tuple[User, Event]] = [(user, post.event) for post in turn.posts for user in post.to]
    assert [(user.name, type(event)) for user, event in told if user is not house.host] == [
        ("alice", Ended),
        ("bob", Ended),
    ]
    assert turn.gone == people
    for user in people:
        hub.leave(user, "x")
    assert not hub.take().posts
    assert len(hub) == 1


def test_closing_an_empty_room_stands_in_the_log(hub: Hub) -> None:
    hub.close("The host has closed the room.")
    assert log(hub) == ["The host has closed the room."]


def test_a_room_remembers_so_many_characters_and_no_more() -> None:
    """Two hundred long messages in each of a thousand rooms would be gigabytes."""
    house = House()
    ann, _ = house.enter("ann")
    bob, _ = house.enter("bob")
    room = ann.room
    for number in range(40):
        house.hub.say(ann, f"{number} " + "x" * 16_000)
        whisper(house.hub, ann, ["bob"], f"{number} " + "x" * 16_000)
        house.settle()
    assert [event.text[:3] for event in room.scrollback] == [f"{number} " for number in range(28, 40)]
    assert [event.text[:3] for event in bob.private] == [f"{number} " for number in range(28, 40)]
