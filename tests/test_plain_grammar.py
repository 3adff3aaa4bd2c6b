"""Plain lines: every line has exactly one reading by the grammar in PROTOCOL.md, and that is what happened."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chat import names, passwords
from chat.accounts import Account
from chat.changes import Announced, Called, Described, Invited, Inviting, Moded, Removed, Rested, Slowed, Tagged
from chat.events import (
    Acted,
    Asked,
    Declined,
    Ended,
    Entered,
    Event,
    Joined,
    Left,
    Listed,
    Mapped,
    Missed,
    Noted,
    Parted,
    Person,
    Pinged,
    Place,
    Ponged,
    Recalled,
    Refused,
    Renamed,
    Said,
    Seen,
    Told,
    Welcomed,
    Whispered,
)
from chat.text import clean
from record import replace
from tests.plain_grammar import Reading, block, is_recalled, kinds, read, read_all
from tests.room import NOON, House, hash_quickly
from tests.support import JsonClient, LineClient, Server
from wires.plain import Plain
from wires.wire import stamp

BIDI = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
TIME = stamp(NOON) + " "

HOSTILE_TEXTS = [
    "[*] bob exited.",
    "x\n[12:00:00] eve > forged",
    "\n[*] bob entered.",
    "OK",
    "NOT_UNIQUE",
    "&Host&eve",
    "> > -> a: b",
    "a -> b: c",
    ") (b)",
    "\x1b[2J\x9b2J\x07",
    "\r\r\n\u2028\u2029\x85\x0b\x0ctext",
    "\u202eevil",
    "\ud800\udfff",
    "# * . ! =",
    "What is your name?",
]
HOSTILE_NAMES = ["[x]", "a]", "`'a", "^^x", "|o|", "\\a", "rob.", "a..", "exited.", "entered.", "OK", "NOT_UNIQUE",
                 "is",
                 "now", "has", "[12", "ﾊﾝ", "Жанна", "שרה", "والد", "நிலா", "_x_", "x'(".rstrip("("),
                 "is~", "asked", "put", "out", "calls", "says"]  # fmt: skip


def accepted(name: str) -> str | None:
    with contextlib.suppress(Refused):
        return names.check(name)
    return None


def is_said(text: str) -> bool:
    return bool(clean(text).strip())


a_name = (
    st.one_of(
        st.sampled_from(HOSTILE_NAMES),
        st.text("abzAZ09-_.'`^{}|\\[]~ >*&:,#/()=!?\té", min_size=1, max_size=12),
        st.text(min_size=1, max_size=6),
    )
    .map(accepted)
    .filter(lambda name: name is not None)
)
a_text = (
    st.one_of(st.sampled_from(HOSTILE_TEXTS), st.text(max_size=40), st.text("[]*>&:#-= !.()\n\raé\x1b", max_size=40))
    .filter(is_said)
    .map(clean)
)
a_reason = st.one_of(st.just(""), a_text)
a_place = st.sampled_from(["lobby", "lobby", "weather", "Größe"])
some_names = st.lists(a_name, min_size=1, max_size=4).map(tuple)
head = {"id": st.integers(0, 9), "at": st.just(NOON)}

an_event = st.one_of(
    st.builds(Said, room=a_place, sender=a_name, text=a_text, **head),
    st.builds(Acted, room=a_place, sender=a_name, text=a_text, **head),
    st.builds(Whispered, sender=a_name, to=some_names, text=a_text, **head),
    st.builds(Entered, room=a_place, name=a_name, here=some_names, count=st.integers(1, 9), **head),
    st.builds(
        Left,
        room=a_place,
        name=a_name,
        reason=a_reason,
        kicked=st.booleans(),
        here=some_names,
        by=st.one_of(st.just(""), a_name),
        gone=st.booleans(),
        **head,
    ),
    st.builds(Described, room=a_place, by=a_name, text=a_reason, **head),
    st.builds(Moded, room=a_place, by=a_name, changes=a_text, **head),
    st.builds(Inviting, room=a_place, by=a_name, name=a_name, **head),
    st.builds(Announced, sender=a_name, text=a_text, **head),
    st.builds(Slowed, room=a_place, by=a_name, seconds=st.integers(0, 3600), **head),
    st.builds(Removed, room=a_place, message=st.integers(1, 9), sender=a_name, by=a_name, **head),
    st.builds(Called, sender=a_name, text=a_text, **head),
    st.builds(Renamed, old=a_name, new=a_name, **head),
)


def flat(text: str) -> str:
    return text.replace("\n", " ")


def room(name: str) -> str | None:
    return None if name == "lobby" else name


def left(event: Left) -> Reading:
    if event.kicked and event.by and not event.gone:
        return "removed", (TIME, room(event.room), event.by, event.name, flat(event.reason) or None)
    return "kicked" if event.kicked else "exited", (TIME, room(event.room), event.name, flat(event.reason) or None)


READINGS: dict[type[Event], Callable[..., Reading]] = {
    Said: lambda e: ("said", (TIME, room(e.room), e.sender, flat(e.text))),
    Acted: lambda e: ("acted", (TIME, room(e.room), e.sender, flat(e.text))),
    Whispered: lambda e: ("whispered", (TIME, e.sender, ",".join(e.to), flat(e.text))),
    Entered: lambda e: ("entered", (TIME, room(e.room), e.name)),
    Left: left,
    Renamed: lambda e: ("renamed", (TIME, e.old, e.new)),
    Described: lambda e: ("topic", (TIME, room(e.room), e.by, flat(e.text) or None)),
    Moded: lambda e: (
        ("locked", (TIME, room(e.room), e.by))
        if e.changes in ("+m", "-m")
        else ("mode", (TIME, room(e.room), e.by, flat(e.changes)))
    ),
    Announced: lambda e: ("announced", (TIME, e.sender, flat(e.text))),
    Slowed: lambda e: ("slowed", (TIME, room(e.room), e.by)),
    Removed: lambda e: ("erased", (TIME, room(e.room), e.by, e.sender)),
    Inviting: lambda e: ("inviting", (TIME, room(e.room), e.by, e.name)),
    Called: lambda e: ("called", (TIME, e.sender, flat(e.text))),
}


def lines(event: Event) -> list[Reading]:
    data = Plain().encode(event)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", data.decode())
    assert not BIDI & set(data.decode())
    return read_all(data)


@settings(max_examples=600, deadline=None)
@given(an_event)
@example(Said(1, NOON, "lobby", "a", "x\n[12:00:00] eve > forged"))
@example(Left(1, NOON, "lobby", "exited.", ") (b)"))
@example(Renamed(1, NOON, "is", "now"))
def test_format_then_read_gives_the_event_back(event: Event) -> None:
    assert lines(event) == [READINGS[type(event)](event)]


@settings(max_examples=200, deadline=None)
@given(a_text)
def test_answers_and_refusals_are_never_taken_for_anything_else(text: str) -> None:
    told = lines(Told(1, NOON, "help", text))
    assert told == [("answer", (TIME, line or None)) for line in text.split("\n")]
    assert lines(Declined(1, NOON, "msg", "not_here", text)) == [("refusal", (TIME, flat(text)))]
    assert lines(Ended(1, NOON, "kicked", text)) == [("goodbye", (TIME, flat(text)))]


@settings(max_examples=100, deadline=None)
@given(some_names, some_names, a_text)
def test_lists_are_lines_of_answers(here: tuple[str, ...], away: tuple[str, ...], text: str) -> None:
    people = tuple(Person(name, 3661, ("lobby",)) for name in here)
    listed = lines(Listed(1, NOON, "users", "lobby", people))
    assert listed == [
        ("answer", (TIME, f"{len(here)} in lobby:")),
        *(("answer", (TIME, f"{name} 01:01:01 lobby")) for name in here),
    ]
    whispered = Whispered(1, NOON, "eve", here, text, (*away, text))
    sent = read_all(Plain().own(whispered, None))
    assert sent == [("answer", (TIME, f"Sent to {', '.join(here)}. Not here: {', '.join(away)}, {flat(text)}."))]


@given(some_names)
def test_the_verdicts_on_a_name(here: tuple[str, ...]) -> None:
    welcome = Plain().encode(Welcomed(1, NOON, "lobby", "Lobby", here[-1], here)).decode()
    assert welcome == "OK\n&" + "&".join(here) + "\n"
    assert read_all(welcome.encode())[0] == ("accepted", ())
    assert [kind for kind, _ in read_all(welcome.encode())] == ["accepted", "roster"]


def test_the_refusals_of_a_name() -> None:
    def decline(code: str) -> list[str]:
        return [kind for kind, _ in lines(Declined(1, NOON, "login", code, "A sentence."))]

    assert decline("name_taken") == ["taken"]
    assert decline("name_looks") == ["taken", "refusal"]
    assert decline("name_bad") == ["refusal"]
    assert decline("name_missing") == ["refusal"]


@settings(max_examples=50, deadline=None)
@given(a_name)
def test_the_question(name: str) -> None:
    house = House()
    house.enter(name if name.lower() != "host" else "x")
    silent = house.guest()
    silent.pause()
    assert read_all(silent.take()) == [("question", (None,))]
    silent.send(name.encode() + b"\n")
    assert read_all(silent.take()) == [("taken", ()), ("question", (name,))]


def test_what_has_no_word_on_this_wire() -> None:
    silent = Rested(1, NOON, "a", "lunch"), Tagged(1, NOON, "lobby", "a", "", "+typing=active")
    for event in (
        *silent, Pinged(1, NOON), Ponged(1, NOON), Noted(1, NOON, "x"), Declined(1, NOON, "say", "empty", "x")
    ):  # fmt: skip
        assert Plain().encode(event) == b""
    assert Plain().own(Said(1, NOON, "lobby", "a", "x"), 1) == b""


def test_an_empty_command_is_answered_although_an_empty_line_is_not() -> None:
    guest = House().guest(b"bob\n")
    guest.take()
    guest.send(b"\n", b"   \n", b"\t\n")
    assert guest.take() == b""
    guest.send(b"/me\n", b"/msg Host\n", b"/me   \n")
    assert [kind for kind, _ in read_all(guest.take())] == ["refusal"] * 3


def test_every_rule_of_a_line_is_met_in_these_tests() -> None:
    met = {"accepted", "taken", "roster", "question", "password", "answer", "refusal", "goodbye"}
    met |= {READINGS[kind](event)[0] for kind, event in SAMPLES.items()} | {"kicked", "removed", "locked"}
    assert met == set(kinds())


SAMPLES: dict[type[Event], Event] = {
    Said: Said(1, NOON, "lobby", "a", "x"),
    Acted: Acted(1, NOON, "lobby", "a", "x"),
    Whispered: Whispered(1, NOON, "a", ("b",), "x"),
    Entered: Entered(1, NOON, "lobby", "a"),
    Left: Left(1, NOON, "lobby", "a"),
    Renamed: Renamed(1, NOON, "a", "b"),
    Described: Described(1, NOON, "den", "a", "x"),
    Moded: Moded(1, NOON, "den", "a", "+o b"),
    Inviting: Inviting(1, NOON, "den", "a", "b"),
    Announced: Announced(1, NOON, "a", "x"),
    Slowed: Slowed(1, NOON, "den", "a", 30),
    Removed: Removed(1, NOON, "den", 7, "b", "a"),
    Called: Called(1, NOON, "a", "x"),
}


def test_a_lock_is_told_in_words() -> None:
    for changes in ("+m", "-m"):
        assert lines(Moded(1, NOON, "den", "a", changes)) == [("locked", (TIME, "den", "a"))]


def test_kicked_is_not_exited() -> None:
    event = SAMPLES[Left]
    assert isinstance(event, Left)
    assert lines(event) == [("exited", (TIME, None, "a", None))]
    assert lines(replace(event, kicked=True, reason="bye")) == [("kicked", (TIME, None, "a", "bye"))]
    assert lines(replace(event, kicked=True, by="b")) == [("removed", (TIME, None, "b", "a", None))]
    off_line = replace(event, kicked=True, by="b", gone=True)
    assert lines(off_line) == [("kicked", (TIME, None, "a", None))]


a_line = st.one_of(
    st.text("[]0123456789:*>&#-=.!? ab()", max_size=30),
    st.builds(lambda rest: f"[12:00:00] {rest}", st.text("[]*>&#-=.!? ab():,\\", max_size=20)),
    st.builds(lambda kind, rest: f"[12:00:00] {kind} {rest}", st.sampled_from("[*] [=] [!] [.] * #a a".split()),
              st.text("[]*>-=.!ab():, ", max_size=20)),
)  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(a_line)
@example("[12:00:00] [.] > hello")
@example("[12:00:00] * > x")
@example("[12:00:00] a -> a: > b")
@example("[12:00:00] [*] a exited. (b) (c)")
@example("[12:00:00] #a a > b")
@example("[12:00:00] [*] a has put b out of the room. (c) has asked d in.")
@example("[12:00:00] [*] a says what this room is about: b calls: c")
def test_no_line_has_two_readings(line: str) -> None:
    try:
        read(line)
    except AssertionError as error:
        assert "has 0 readings" in str(error)


def test_whatever_a_guest_sends_others_get_lines_of_the_grammar() -> None:
    house = House()
    listener = house.guest(b"ear\n")
    evil = house.guest(b'{"do":"login","name":"evil"}\n')
    listener.take()
    for text in HOSTILE_TEXTS:
        word = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
        for request in ({"do": "say", "text": word}, {"do": "me", "text": word},
                        {"do": "msg", "to": "ear", "text": word}):  # fmt: skip
            evil.send(_json(request))
            found = read_all(listener.take())
            assert [kind for kind, _ in found] in (
                [],
                [{"say": "said", "me": "acted", "msg": "whispered"}[request["do"]]],
            )
            assert all("evil" in fields for _, fields in found)
    evil.send(_json({"do": "quit", "reason": HOSTILE_TEXTS[1]}))
    assert read_all(listener.take()) == [("exited", (TIME, None, "evil", flat(HOSTILE_TEXTS[1])))]


def _json(request: dict[str, str]) -> bytes:
    import json

    return json.dumps(request).encode() + b"\n"


# ---- the page, run


def test_the_session_on_the_page(
    server: Server, connect: Callable[..., LineClient], join_json: Callable[..., JsonClient]
) -> None:
    """Bob's lines are sent; whatever alice does on the page she does on the JSON wire; all lines come as printed."""
    alice, bob = join_json("alice"), connect()
    recalled = False
    for line in block("session").strip().split("\n"):
        if line.startswith(">> "):
            bob.send_line(line[3:])
            if re.match(">> ([^/]|//)", line) and line != ">> bob":
                assert alice.wait_for("said", from_="bob")["text"] == re.sub("^//", "/", line[3:])
            continue
        recalled = "said before" in line.lower() or (recalled and "[=]" not in line)
        if not recalled:
            _act(alice, line)
        shown = bob.read_line()
        assert _timeless(shown) == _timeless(line)
        read(shown)
    assert bob.read_to_end() == ""


def _timeless(line: str) -> str:
    return re.sub(r"^\[..:..:..\]|since ....-..-.. ..:..", "", line)


def _act(alice: JsonClient, line: str) -> None:
    """Let alice do what leads to this line, if she does."""
    try:
        kind, fields = read(line)
    except AssertionError:
        return
    if kind == "said" and fields[2] == "alice":
        alice.tell("say", text=fields[3])
    elif kind == "acted" and fields[2] == "alice":
        alice.tell("me", text=fields[3])
    elif kind == "whispered":
        alice.tell("msg", to="bob", text=fields[3])
    elif kind == "entered" and fields[1]:
        alice.tell("join", room=fields[1])
    elif kind == "exited":
        alice.tell("quit", reason=fields[3])


@pytest.mark.parametrize("line", [line for line in block("session").split("\n") if line and not line.startswith(">>")])
def test_each_line_of_the_page_has_one_reading(line: str) -> None:
    read(line)


def test_each_asked_name_event_reads_as_a_question() -> None:
    assert lines(Asked(1, NOON, "name", "What is your name?")) == [("question", (None,))]


@pytest.mark.parametrize("name", ["bob", "Жанна", "x?", *HOSTILE_NAMES])
def test_the_question_for_a_password(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if accepted(name) is None:
        return
    hash_quickly(monkeypatch)
    secret = passwords.secret("sesame")
    house = House(accounts=[Account(name, names.key(name), secret, NOON, NOON)])
    guest = house.guest(name.encode() + b"\n")
    assert read_all(guest.take()) == [("password", (name,))]
    guest.send(b"wrong\n")
    assert [kind for kind, _ in read_all(guest.take())] == ["refusal", "password"]
    guest.send(b"\n")
    assert [kind for kind, _ in read_all(guest.take())] == ["refusal", "question"]
    guest.send(name.encode() + b"\nsesame\n")
    assert [kind for kind, _ in read_all(guest.take())] == ["password", "accepted", "roster", "answer"]


# ---- rooms, and what was said before


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(
    st.builds(Said, room=a_place, sender=a_name, text=a_text, **head),
    st.builds(Acted, room=a_place, sender=a_name, text=a_text, **head),
    st.builds(Whispered, sender=a_name, to=some_names, text=a_text, **head)), min_size=1, max_size=5))  # fmt: skip
def test_what_was_said_before_is_lines_between_two_answers(before: list[Said | Acted | Whispered]) -> None:
    data = Plain().encode(Recalled(9, NOON, "", tuple(before)))
    assert is_recalled(data.decode())
    first, *told, last = read_all(data)
    assert first[0] == last[0] == "answer"
    assert (first[1][1] or "").endswith(f": {len(before)}")
    assert told == [READINGS[type(event)](event) for event in before]


@given(st.lists(a_name, min_size=1, max_size=3, unique=True).map(tuple), a_text)
def test_answers_about_rooms(here: tuple[str, ...], text: str) -> None:
    count = "1 user" if len(here) == 1 else f"{len(here)} users"
    assert lines(Joined(1, NOON, "weather", "Weather", text, here)) == [
        ("answer", (TIME, f"Welcome to the Weather Channel ({count})")), ("answer", (TIME, flat(text))),
        ("answer", (TIME, f"Here: {', '.join(here)}"))]  # fmt: skip
    assert lines(Parted(1, NOON, "weather", "Weather", "lobby", "Lobby")) == [
        ("answer", (TIME, "You have left Weather; you are in Lobby now."))]  # fmt: skip
    places = (Place("lobby", "Lobby", "", 1), Place("weather", "Weather", flat(text), 2))
    assert lines(Mapped(1, NOON, places, "weather")) == [
        ("answer", (TIME, "  Lobby (1 user)")), ("answer", (TIME, f"* Weather (2 users) - {flat(text)}"))]  # fmt: skip
    assert lines(Seen(1, NOON, here[0])) == [("answer", (TIME, f"{here[0]} is here."))]
    assert lines(Missed(1, NOON, here[0])) == [("answer", (TIME, f"{here[0]} is not here any more."))]
    asked = lines(Invited(1, NOON, "den", "Den", here[0], "a"))
    assert asked == [("answer", (TIME, f"{here[0]} asks you into Den: /join den"))]


@given(some_names, some_names, some_names)
def test_the_sender_is_told_of_each(to: tuple[str, ...], kept: tuple[str, ...], away: tuple[str, ...]) -> None:
    event = Whispered(1, NOON, "eve", to, "x", away, kept)
    assert read_all(Plain().own(event, None)) == [("answer", (TIME, (
        f"Sent to {', '.join(to)}. Kept for {', '.join(kept)}, to be delivered at the next login. "
        f"Not here: {', '.join(away)}.")))]  # fmt: skip
    assert lines(event) == [("whispered", (TIME, "eve", ",".join(to), "x"))], "the rest is for the sender alone"


@pytest.mark.parametrize("room", ["Größe", "x" * 32, "a-b_c", "Ελλάδα", "ﬃ", "1", "İstanbul", "ŉ" * 16, "a\u0301"])
def test_every_room_that_can_be_made_has_a_place_in_the_grammar(room: str) -> None:
    house = House()
    guest = house.guest(b"ann\n")
    guest.take()
    guest.send(f"/join {room}\n/me waves\n".encode())
    other = house.guest(b"bob\n")
    other.take()
    other.send(f"/join {room.upper()}\n".encode())
    guest.send(b"hello\n")
    assert read_all(guest.take())[0][0] in ("answer", "refusal")
    read_all(other.take())
