"""Rooms: coming, going and talking in several of them, who hears what, the limits, and what a newcomer is shown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from chat.events import Said
from chat.hub import REPLAY, REPLAY_CHARACTERS
from chat.rooms import MOST, PER_PERSON
from chat.scrollback import RECENT
from chat.turn import Room
from tests.room import NOON, Guest, House, weather
from wires.jsonl import Jsonl


@pytest.fixture
def house() -> House:
    return House(rooms=[weather()])


def people(house: House, *names: str) -> list[Guest]:
    """Let these come in, on plain lines; each has read all there was."""
    found = [house.guest(f"{name}\n".encode()) for name in names]
    for guest in found:
        guest.take()
    return found


def type_(guest: Guest, *lines: str) -> list[str]:
    """Return what comes of these lines, which arrive together."""
    guest.send("".join(f"{line}\n" for line in lines).encode())
    return guest.lines()


def past(room: str, count: int, text: str = "old") -> list[Said]:
    return [Said(number, NOON - 60, room, "zoe", f"{text} {number}") for number in range(1, count + 1)]


def recalled(lines: Sequence[str]) -> list[str]:
    """Return the messages between the two lines that tell what was said before; there is at most one such block."""
    starts = [place for place, line in enumerate(lines) if line.startswith("[=] Said before")]
    ends = [place for place, line in enumerate(lines) if line == "[=] End of what was said before."]
    assert len(starts) == len(ends) <= 1
    return list(lines[starts[0] + 1 : ends[0]]) if starts else []


# ---- coming and going


@pytest.mark.parametrize("typed", ["weather", "Weather", "WEATHER", "#weather", "#wEATHER", " weather "])
def test_join_in_any_case_welcomes_in_words(house: House, typed: str) -> None:
    ann, bob = people(house, "ann", "bob")
    assert type_(ann, "/join weather")[0] == "[=] Welcome to the Weather Channel (2 users)"
    assert type_(bob, f"/join {typed}") == [
        "[=] Welcome to the Weather Channel (3 users)",
        "[=] Talk about the weather",
        "[=] Here: Host, ann, bob",
    ]
    assert ann.lines() == ["#weather [*] bob entered."]


def test_a_room_is_found_by_its_title_too() -> None:
    house = House(rooms=[Room("big-room", "Big Room")])
    (ann,) = people(house, "ann")
    assert type_(ann, "/join big  ROOM")[0] == "[=] Welcome to the Big Room Channel (2 users)"
    assert type_(ann, "/part Big Room") == ["[=] You have left Big Room; you are in Lobby now."]


def test_the_room_joined_last_is_current_and_part_falls_back_to_the_one_before(house: House) -> None:
    ann, bob, cat = people(house, "ann", "bob", "cat")
    type_(bob, "/join weather", "/join den"), type_(cat, "/join weather"), bob.take()
    assert type_(ann, "/join weather", "/join den", "to the den")[-1].startswith("[=] Here: ")
    assert [line for line in bob.lines() if "ann >" in line] == ["#den ann > to the den"]
    assert type_(ann, "/part", "to the weather") == ["[=] You have left den; you are in Weather now."]
    assert type_(ann, "/part WEATHER", "to the lobby") == ["[=] You have left Weather; you are in Lobby now."]
    assert [line for line in bob.lines() if "ann >" in line] == ["#weather ann > to the weather", "ann > to the lobby"]
    assert [line for line in cat.lines() if "ann" in line] == [
        "#weather [*] ann entered.",
        "#weather ann > to the weather",
        "#weather [*] ann exited.",
        "ann > to the lobby",
    ]


def test_parting_from_another_room_leaves_the_current_one(house: House) -> None:
    (ann,) = people(house, "ann")
    type_(ann, "/join weather", "/join den")
    assert type_(ann, "/part lobby") == ["[=] You have left Lobby; you are in den now."]
    assert type_(ann, "/part") == ["[=] You have left den; you are in Weather now."]
    assert type_(ann, "/part") == ["[!] Weather is the only room you are in. /quit leaves altogether."]


def test_to_join_again_is_to_talk_there_again(house: House) -> None:
    ann, bob = people(house, "ann", "bob")
    type_(bob, "/join weather", "rain"), type_(ann, "/join weather", "/join lobby")
    bob.take()
    assert type_(ann, "/join weather", "sun") == [
        "[=] Welcome to the Weather Channel (3 users)",
        "[=] Talk about the weather",
        "[=] Here: Host, bob, ann",
    ], "what was said before is not shown twice"
    assert bob.lines() == ["#weather ann > sun"], "nobody has entered"


def test_an_unknown_room_is_made_where_users_may(house: House) -> None:
    ann, bob = people(house, "ann", "bob")
    assert type_(ann, "/join Den") == ["[=] Welcome to the Den Channel (1 user)", "[=] Here: ann"]
    assert type_(bob, "/channels") == [
        "[=] * Lobby (3 users)",
        "[=]   Weather (1 user) - Talk about the weather",
        "[=]   Den (1 user)",
    ]


def test_with_fixed_rooms_an_unknown_one_is_refused() -> None:
    house = House(rooms=[weather()], fixed_rooms=True)
    (ann,) = people(house, "ann")
    assert type_(ann, "/join den") == ["[!] There is no room called den. /channels lists them."]
    assert type_(ann, "/join weather")[0] == "[=] Welcome to the Weather Channel (2 users)"
    assert [room.name for room in house.hub.rooms] == ["lobby", "weather"]


def test_a_room_of_users_own_ends_with_its_last_leaver_and_its_history_stays(house: House) -> None:
    ann, bob = people(house, "ann", "bob")
    type_(ann, "/join Den", "remember this")
    for leaving in ("/part", "/quit"):
        type_(bob, "/join DEN"), type_(ann, leaving)
        assert "den" in [room.name for room in house.hub.rooms], "bob is still there"
        type_(bob, "/part")
        assert [room.name for room in house.hub.rooms] == ["lobby", "weather"]
        (ann,) = people(house, "ann2") if leaving == "/quit" else [ann]
        assert recalled(type_(ann, "/join dEN")) == ["#den ann > remember this"]
    ann.session.end("connection reset by peer")
    house.settle()
    assert [room.name for room in house.hub.rooms] == ["lobby", "weather"]


def test_a_lasting_room_stays_when_it_is_empty(house: House) -> None:
    house.console.take()
    house.table.run(house.hub, house.host, house.table.read(house.host, "/part weather"))
    house.settle()
    assert house.hub.rooms.get("weather").members == {}
    (ann,) = people(house, "ann")
    assert type_(ann, "/join weather")[0] == "[=] Welcome to the Weather Channel (1 user)"


# ---- limits


def test_nobody_is_in_more_than_so_many_rooms(house: House) -> None:
    (ann,) = people(house, "ann")
    type_(ann, *(f"/join room{number}" for number in range(PER_PERSON - 1)))
    for typed in ("weather", "one-more"):
        assert type_(ann, f"/join {typed}") == [f"[!] You are in {PER_PERSON} rooms already. /part leaves one."]
    assert "one-more" not in [room.name for room in house.hub.rooms], "the refused room is not left behind"
    assert type_(ann, "/join room0")[0] == "[=] Welcome to the room0 Channel (1 user)", "she is in that one"
    type_(ann, "/part")
    assert type_(ann, "/join weather")[0].startswith("[=] Welcome")


def test_there_are_no_more_than_so_many_rooms(house: House) -> None:
    made = 2
    while made < MOST:
        (guest,) = people(house, f"guest{made}")
        count = min(PER_PERSON - 1, MOST - made)
        type_(guest, *(f"/join room{made + number}" for number in range(count)))
        made += count
    (ann,) = people(house, "ann")
    assert type_(ann, "/join more") == [f"[!] There are {MOST} rooms already, and no more can be made."]
    assert type_(ann, "/join room2")[0] == "[=] Welcome to the room2 Channel (2 users)"
    assert "[=] Welcome to the more Channel (1 user)" in type_(guest, "/part", "/join more"), "one has ended"


def test_the_ended_rooms_that_are_remembered_are_bounded(house: House) -> None:
    (ann,) = people(house, "ann")
    for number in range(MOST + 10):
        type_(ann, f"/join room{number}", "x", "/part")
    assert len(house.hub.rooms._past) <= MOST
    assert recalled(type_(ann, f"/join room{MOST + 9}")) == [f"#room{MOST + 9} ann > x"]
    assert recalled(type_(ann, "/join room0")) == []


# ---- who hears what


def test_only_members_hear_a_room_and_its_comings_and_goings(house: House) -> None:
    ann, bob, cat = people(house, "ann", "bob", "cat")
    type_(ann, "/join weather"), type_(bob, "/join weather"), ann.take(), cat.take()
    type_(bob, "rain", "/me shivers", "/part", "/join den", "quiet", "/part", "/join weather", "sun", "/quit tea")
    assert ann.lines() == [
        "#weather bob > rain",
        "#weather * bob shivers",
        "#weather [*] bob exited.",
        "#weather [*] bob entered.",
        "#weather bob > sun",
        "[*] bob exited. (tea)",
        "#weather [*] bob exited. (tea)",
    ]
    assert cat.lines() == ["[*] bob exited. (tea)"]


def test_a_new_name_is_told_once_to_whoever_shares_a_room(house: House) -> None:
    ann, bob, cat, dan = people(house, "ann", "bob", "cat", "dan")
    type_(ann, "/join weather"), type_(bob, "/join weather")
    type_(cat, "/join weather", "/part lobby"), type_(dan, "/join den", "/part lobby")
    for guest in (ann, bob, cat, dan):
        guest.take()
    type_(ann, "/nick anna")
    assert bob.lines() == cat.lines() == ["[*] ann is now anna."]
    assert dan.lines() == []


def test_who_is_kicked_goes_out_of_all_his_rooms(house: House) -> None:
    ann, bob, cat = people(house, "ann", "bob", "cat")
    type_(cat, "/join weather", "/part lobby")
    type_(bob, "/join weather"), ann.take(), cat.take()
    house.hub.kick(house.hub.get("bob"), house.host, "spam")
    house.settle()
    assert ann.lines() == ["[*] bob has been kicked out. (spam)"]
    assert cat.lines() == ["#weather [*] bob has been kicked out. (spam)"]
    assert bob.lines() == [
        "#weather [*] bob has been kicked out. (spam)",
        "[.] You have been kicked out: spam.",
    ]


def test_the_host_is_in_lasting_rooms(house: House) -> None:
    ann, _ = people(house, "ann", "bob")
    type_(ann, "/join weather", "rain", "/join den", "secret")
    house.console.take()
    type_(ann, "/part den", "sun")
    shown = house.console.take().decode()
    assert "#weather ann > sun" in shown and "den" not in shown
    house.table.run(house.hub, house.host, house.table.read(house.host, "hello, all"))
    house.settle()
    assert ann.lines() == ["Host > hello, all"], "his current room is the lobby"
    house.table.run(house.hub, house.host, house.table.read(house.host, "/join den"))
    house.settle()
    assert house.console.take().decode().startswith("Welcome to the den Channel (1 user)\nSaid before, since ")


def test_lists_show_rooms_the_current_one_first(house: House) -> None:
    ann, _ = people(house, "ann", "bob")
    house.clock.now += 3_661
    type_(ann, "/join weather", "/join den", "/join lobby")
    assert type_(ann, "/users") == [
        "[=] 3 in lobby:",
        "[=] Host 01:01:01 lobby weather",
        "[=] ann 01:01:01 lobby den weather",
        "[=] bob 01:01:01 lobby",
    ]
    assert type_(ann, "/join weather", "/whoelse")[-2:] == ["[=] 1 in weather:", "[=] Host 01:01:01 lobby weather"]
    program = house.program("cat")
    program.send(b'{"do":"join","room":"WEATHER","ref":1}\n{"do":"users","ref":2}\n{"do":"part","ref":3}\n')
    joined, listed, parted = [found for found in program.objects() if "ref" in found]
    assert (joined["event"], joined["room"], joined["users"], joined["count"]) == (
        "joined", "weather", ["Host", "ann", "cat"], 3)  # fmt: skip
    assert listed["users"][1]["rooms"] == ["weather", "lobby", "den"]
    assert (parted["event"], parted["room"], parted["current"]) == ("parted", "weather", "lobby")


# ---- what a newcomer is shown


def test_the_numbers_that_are_promised() -> None:
    assert (REPLAY, PER_PERSON, MOST) == (50, 20, 500), "PROTOCOL.md and the README say so"


@pytest.mark.parametrize("count", [0, 1, REPLAY - 1, REPLAY, REPLAY + 1, RECENT, RECENT + 50])
def test_a_newcomer_sees_the_last_messages_once_in_order_before_anything_live(count: int) -> None:
    house = House(rooms=[weather()], first_id=1_000,
                  past={"lobby": past("lobby", count), "weather": past("weather", count, "rain")})  # fmt: skip
    (ann,) = people(house, "ann")
    bob = Guest(house)
    type_(ann, "/join weather")
    bob._hear(b"bob\n/join weather\n")
    ann._hear(b"live\n")
    house.settle()
    lines = bob.lines()
    first = max(1, count - REPLAY + 1)
    assert [line for line in lines if "zoe" in line] == [
        *(f"zoe > old {number}" for number in range(first, count + 1)),
        *(f"#weather zoe > rain {number}" for number in range(first, count + 1)),
    ]
    assert lines[:2] == ["OK", "&Host&ann&bob"] and lines[-1] == "#weather ann > live"
    said_before = [line for line in lines if line.startswith("[=] Said before, since 2027-01-1")]
    assert len(said_before) == (2 if count else 0)


def test_original_times_and_ids_are_kept() -> None:
    house = House(first_id=1_000, past={"lobby": past("lobby", 3)})
    welcome, *before, end = house.program("bob").objects()
    assert welcome["event"] == "welcome"
    assert [(found["id"], found["time"], found["history"]) for found in before] == [
        (number, "2027-01-15T07:59:00.000Z", True) for number in (1, 2, 3)]  # fmt: skip
    assert (end["event"], end["room"], end["count"]) == ("history", "lobby", 3)
    assert end["id"] > welcome["id"] > 1_000


def test_what_is_recalled_is_bounded_in_length_too() -> None:
    long = [Said(number, NOON, "lobby", "zoe", "x" * 16_000 + f" {number}") for number in range(30)]
    house = House(first_id=1_000, past={"lobby": long})
    guest = house.guest(b"bob\n")
    size = sum(len(line) for line in recalled(guest.lines()))
    assert REPLAY_CHARACTERS - 20_000 < size <= REPLAY_CHARACTERS + 1_000


def test_a_room_remembers_so_many_messages_in_memory(house: House) -> None:
    (ann,) = people(house, "ann")
    type_(ann, *(f"line {number}" for number in range(RECENT + 100)))
    assert len(house.hub.rooms.lobby.scrollback) == RECENT
    assert [line for line in type_(ann, "/history 500") if "line" in line] == [
        f"ann > line {number}" for number in range(100, RECENT + 100)]  # fmt: skip


def test_who_comes_in_the_midst_of_talk_misses_nothing_and_sees_nothing_twice(house: House) -> None:
    """The same turn holds talk before the coming, the coming, and talk after it."""
    (ann,) = people(house, "ann")
    for number in range(30):
        ann._hear(f"line {number}a\nline {number}b\n".encode())
        bob = Guest(house, Jsonl())
        bob._hear(b'{"do":"login","name":"bob%d"}\n' % number)
        ann._hear(f"line {number}c\n".encode())
        house.settle()
        objects = bob.objects()
        texts = [found["text"] for found in objects if found["event"] == "said"]
        everything = [f"line {each}{letter}" for each in range(number + 1) for letter in "abc"]
        assert texts == everything[-REPLAY - 1 :]
        assert [found["text"] for found in objects if found["event"] == "said" and "history" not in found] == [
            f"line {number}c"]  # fmt: skip


# ---- who makes a room runs it


def program(house: House, name: str) -> Guest:
    found = house.program(name)
    found.take()
    return found


def ask(guest: Guest, **request: str) -> list[dict[str, Any]]:
    """Return what comes of a program's request."""
    guest.send(json.dumps(request).encode() + b"\n")
    return guest.objects()


def test_who_makes_a_room_runs_it_from_plain_lines(house: House) -> None:
    ann, bob, cat = people(house, "ann", "bob", "cat")
    type_(ann, "/join den"), type_(bob, "/join den"), type_(ann, "/users")
    assert (
        type_(bob, "/topic mine", "/kick ann", "/mode +m", "/kick ann")
        == ["[!] That is for those who run den: who made it, and the host."] * 4
    )
    assert type_(ann, "/topic Old  films") == ["#den [*] ann says what this room is about: Old  films"]
    assert type_(ann, "/invite cat") == ["#den [*] ann has asked cat in."]
    assert cat.lines() == ["[=] ann asks you into den: /join den"]
    assert type_(ann, "/mode +m") == ["#den [*] ann has locked this room: only those with a voice speak here now."]
    assert bob.lines() == [
        "#den [*] ann says what this room is about: Old  films",
        "#den [*] ann has asked cat in.",
        "#den [*] ann has locked this room: only those with a voice speak here now.",
    ]
    assert type_(bob, "hello") == ["[!] Only those who were given a voice may speak in den now."]
    assert type_(ann, "/mode +v bob", "/kick bob spam") == [
        "#den [*] ann has changed who may do what: +v bob",
        "#den [*] ann has put bob out of the room. (spam)",
    ]
    assert bob.lines() == [
        "#den [*] ann has changed who may do what: +v bob",
        "#den [*] ann has put bob out of the room. (spam)",
        "[=] You have left den; you are in Lobby now.",
    ]
    assert type_(bob, "here again") == [] and cat.lines()[-1:] == ["bob > here again"]
    assert type_(cat, "/join den")[:2] == ["[=] Welcome to the den Channel (2 users)", "[=] Old  films"]


def test_who_makes_a_room_runs_it_from_json(house: House) -> None:
    ann, bob = program(house, "ann"), program(house, "bob")
    ask(ann, do="join", room="den"), ask(bob, do="join", room="den"), ann.take()
    for request in ({"do": "topic", "text": "x"}, {"do": "kick", "name": "ann"}, {"do": "mode", "changes": "+m"}):
        assert [found["code"] for found in ask(bob, **request)] == ["not_op"]
    (topic,) = ask(ann, do="topic", text="films", ref="1")
    assert (topic["event"], topic["by"], topic["text"], topic["ref"]) == ("topic", "ann", "films", "1")
    (mode,) = ask(ann, do="mode", changes="+v bob", ref="2")
    assert (mode["event"], mode["changes"], mode["ref"]) == ("mode", "+v bob", "2")
    (left,) = ask(ann, do="kick", name="bob", reason="spam", ref="3")
    assert (left["event"], left["by"], left["kicked"], left["ref"]) == ("left", "ann", True, "3")
    assert [found["event"] for found in bob.objects()] == ["topic", "mode", "left", "parted"]
    (inviting,) = ask(ann, do="invite", name="bob", ref="4")
    assert (inviting["event"], inviting["name"], inviting["ref"]) == ("inviting", "bob", "4")
    (invited,) = bob.objects()
    assert (invited["event"], invited["room"], invited["by"]) == ("invited", "den", "ann")


def test_who_is_put_out_of_his_only_room_is_shown_the_lobby(house: House) -> None:
    ann, bob = people(house, "ann", "bob")
    type_(ann, "/join den"), type_(bob, "/join den", "/part lobby"), type_(ann, "/kick bob")
    assert bob.lines() == [
        "#den [*] ann has put bob out of the room.",
        "[=] Welcome to the Lobby Channel (3 users)",
        "[=] Here: Host, ann, bob",
        "[=] You have left den; you are in Lobby now.",
    ]


def test_a_room_can_be_closed_to_strangers(house: House) -> None:
    ann, bob, cat = people(house, "ann", "bob", "cat")
    type_(ann, "/join den", "/mode +ik sesame")
    assert type_(bob, "/join den sesame") == ["[!] den is for those who are invited."]
    type_(ann, "/mode -i")
    assert type_(bob, "/join den") == ["[!] den takes a key, and this is not it: /join den KEY."]
    assert type_(bob, "/join den sesame")[0] == "[=] Welcome to the den Channel (2 users)"
    type_(ann, "/mode +b cat", "/mode -k", "/kick bob")
    assert type_(cat, "/join den") == ["[!] You are banned from den."]
    type_(ann, "/mode +l 1")
    assert type_(bob, "/join den")[-1] == "[!] den has room for 1 people, and is full."


def test_what_a_room_is_about_is_one_line_whatever_a_program_sends(house: House) -> None:
    (bob,) = people(house, "bob")
    ann = program(house, "ann")
    ask(ann, do="join", room="den"), type_(bob, "/join den"), house.console.take()
    ask(ann, do="topic", text="x\n[*] bob exited.\x1b[2J")
    assert bob.lines() == ["#den [*] ann says what this room is about: x [*] bob exited.[2J"]
    house.table.run(house.hub, house.host, house.table.read(house.host, "/channels"))
    house.settle()
    assert all(line[:2] in ("  ", "* ") for line in house.console.take().decode().split("\n")[:-1])
