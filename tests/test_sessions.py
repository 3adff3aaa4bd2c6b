"""Sessions: what each state answers to each request, and that nobody without a name hears, or is heard of."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat import passwords
from chat.accounts import Account
from chat.events import Refused, Request
from chat.session import QUESTION
from chat.states import ACCEPTS, State
from tests.room import Guest, House, Later, hash_quickly
from tests.support import JsonClient, LineClient, PlainClient, Server
from wires.jsonl import Jsonl
from wires.plain import Plain

STATES = list(State)
REQUESTS: dict[str, Request | Refused] = {
    "login": Request("login", "bob", ref=1),
    "login with fields": Request("login", "", {"name": "bob"}, 1),
    "login without a name": Request("login", "", {}, 1),
    "login with a taken name": Request("login", "ear", ref=1),
    "login with a look-alike": Request("login", "H0st", ref=1),
    "login with a bad name": Request("login", "a b", ref=1),
    "login with no text": Request("login", "", {"name": None}, 1),
    "say": Request("say", "hi", ref=1),
    "say nothing": Request("say", "", ref=1),
    "line": Request("line", "hi", ref=1),
    "slash line": Request("line", "/users", ref=1),
    "typed login": Request("line", "/login bob", ref=1),
    "two slashes": Request("line", "//x", ref=1),
    "users": Request("users", "", {}, 1),
    "host's verb": Request("list_users", ref=1),
    "unknown": Request("nope", "", ref=1),
    "no verb": Request("", "", ref=1),
    "ping": Request("ping", ref=1),
    "pong": Request("pong", ref=1),
    "quit": Request("quit", ref=1),
    "login with a registered name": Request("login", "", {"name": "KIM"}, 1),
    "login with the password": Request("login", "", {"name": "kim", "password": "sesame"}, 1),
    "login with a wrong password": Request("login", "", {"name": "kim", "password": "wrong"}, 1),
    "login with a password nobody has set": Request("login", "", {"name": "bob", "password": "sesame"}, 1),
    "the password": Request("prove", "sesame", ref=1),
    "not json": Refused("not_json", "That line is not JSON.", 1),
    "too long": Refused("too_long", "A line has at most 4,096 bytes.", 1),
}

NAMING = {
    "login": "welcome", "login with fields": "welcome", "typed login": "welcome",
    "login without a name": "name_missing", "login with a taken name": "name_taken",
    "login with a look-alike": "name_looks", "login with a bad name": "name_bad", "login with no text": "bad_request",
    "login with a registered name": "registered", "login with the password": "welcome",
    "login with a wrong password": "wrong_password", "login with a password nobody has set": "wrong_password",
    "ping": "pong", "pong": "", "quit": "goodbye", "not json": "not_json", "too long": "too_long",
}  # fmt: skip
PRESENT = {
    **{name: "logged_in" for name in REQUESTS if "login" in name},
    "say": "accepted", "line": "accepted", "two slashes": "accepted", "say nothing": "empty", "slash line": "listed",
    "users": "listed", "host's verb": "not_allowed", "unknown": "unknown_command", "no verb": "unknown_command",
    "the password": "unknown_command",
    "ping": "pong", "pong": "", "quit": "goodbye", "not json": "not_json", "too long": "too_long",
}  # fmt: skip
ANSWERS: dict[State, dict[str, str]] = {
    State.NAMING: {name: NAMING.get(name, "not_logged_in") for name in REQUESTS},
    State.PROVING: {name: {**NAMING, "the password": "welcome"}.get(name, "not_logged_in") for name in REQUESTS},
    State.CHECKING: {name: {"not json": "not_json", "too long": "too_long"}.get(name, "not_logged_in")
                     for name in REQUESTS},
    State.PRESENT: PRESENT,
    State.LEAVING: dict.fromkeys(REQUESTS, ""),
}  # fmt: skip
"""The table: for each state, the event or the code that answers each request; empty where nothing does."""


def visitor(house: House, state: State) -> Guest:
    """Return someone on the JSON wire who is in this state, and has read all he got."""
    guest = Guest(house, Jsonl())
    if state in (State.PROVING, State.CHECKING):
        guest.session.plain_names = True  # only there is somebody asked for a password
        guest.session.handle(Request("login", "kim"))
        guest.session.plain_names = guest.session.greeted = False
    if state is State.CHECKING:
        house.hub.aside = Later()
        guest.session.handle(Request("prove", "sesame"))
    if state in (State.PRESENT, State.LEAVING):
        guest.session.handle(Request("login", "me"))
    if state is State.LEAVING:
        guest.session.handle(Request("quit"))
    house.settle()
    guest.take()
    assert guest.session.state is state or (guest.session.user is not None and guest.session.user.gone)
    return guest


def kim() -> Account:
    """Return the one who has registered."""
    return Account("kim", "kim", passwords.secret("sesame"), 0.0, 0.0)


@pytest.fixture(autouse=True)
def in_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    hash_quickly(monkeypatch)


@pytest.fixture
def house() -> House:
    return House(accounts=[kim()])


@pytest.fixture
def ear(house: House) -> Guest:
    return house.guest(b"ear\n")


@pytest.mark.parametrize(("state", "name"), list(product(STATES, REQUESTS)), ids=str)
def test_every_state_answers_every_request(house: House, ear: Guest, state: State, name: str) -> None:
    guest = visitor(house, state)
    ear.take()
    guest.session.handle(REQUESTS[name])
    house.settle()
    answers = guest.objects()
    said = [answer.get("code") if answer["event"] == "refused" else answer["event"] for answer in answers]
    expected = ANSWERS[state][name]
    assert said == ([expected] if expected else [])
    assert all(answer.get("ref", 1) == 1 for answer in answers)
    assert guest.session.state in STATES
    if state is not State.PRESENT and expected != "welcome":
        assert ear.take() == b"", "nobody hears of someone who is not in the room"
        assert house.hub.find("bob") is None


def test_each_state_has_a_line_in_the_table() -> None:
    assert set(ACCEPTS) == set(STATES) == set(ANSWERS)
    assert ANSWERS[State.PRESENT].keys() == REQUESTS.keys()


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(sorted(REQUESTS)), max_size=12))
def test_any_sequence_leaves_the_visitor_in_one_state_and_the_room_in_order(sequence: list[str]) -> None:
    house = House(accounts=[kim()])
    house.guest(b"ear\n")
    guest = Guest(house, Jsonl())
    for name in sequence:
        guest.session.handle(REQUESTS[name])
        house.settle()
        user = guest.session.user
        assert guest.session.state in STATES
        here = [each.name for each in house.hub]
        assert here == [each.name for each in house.hub.rooms.lobby.members]
        assert here == ["Host", "ear", *([user.name] if user and not user.gone else [])]
    guest.session.end("closed the connection")
    guest.session.end("closed the connection")
    assert len(house.hub) == 2
    assert guest.session.state is State.LEAVING


def test_the_second_login_changes_nothing(house: House) -> None:
    guest = house.guest(b'{"do":"login","name":"bob"}\n{"do":"login","name":"rob"}\n{"do":"login","name":"bob"}\n')
    answers = guest.objects()
    assert [answer.get("code") for answer in answers] == [None, "logged_in", "logged_in"]
    assert "bob" in answers[1]["text"]
    assert [user.name for user in house.hub] == ["Host", "bob"]


def test_quit_before_the_login_closes(house: House, ear: Guest) -> None:
    ear.take()
    guest = house.guest(b'{"do":"quit"}\n{"do":"login","name":"bob"}\n')
    assert [(answer["event"], answer["code"]) for answer in guest.objects()] == [("goodbye", "quit")]
    assert guest.hung_up == 1
    assert ear.take() == b""


def test_who_was_asked_is_asked_again_and_welcomed_in_words(house: House) -> None:
    guest = Guest(house, Plain())
    guest.session.greet()
    for line, count in ((b"a b\n", 2), (b"Host\n", 2), (b"H0st\n", 3), (b"\n", 2)):
        guest.take()
        guest.send(line)
        lines = guest.take().decode().splitlines()
        assert len(lines) == count and lines[-1].endswith(QUESTION)
    guest.send(b"bob\n")
    assert (
        guest.take()
        .decode()
        .splitlines()[2]
        .endswith("Welcome, bob. 2 people are here. /help lists what you can type.")
    )


def test_a_program_is_not_asked_in_words(house: House) -> None:
    guest = house.guest(b"Host\n")
    assert guest.take() == b"NOT_UNIQUE\n"
    guest.send(b"bob\n")
    assert guest.take() == b"OK\n&Host&bob\n"


def test_the_login_and_talk_in_one_packet(house: House, ear: Guest) -> None:
    ear.take()
    house.guest(b"bob\nhello\n/me waves\n/quit\n")
    lines = ear.take().decode().splitlines()
    assert [line.partition("] ")[2] for line in lines] == [
        "[*] bob entered.",
        "bob > hello",
        "* bob waves",
        "[*] bob exited.",
    ]


def test_nobody_without_a_name_hears_chat_or_is_announced(
    server: Server,
    connect: Callable[..., LineClient],
    join_plain: Callable[..., PlainClient],
    join_json: Callable[..., JsonClient],
) -> None:
    """N9, through real sockets: a silent one, a half name, a refused one, and one on JSON without a login."""
    silent, half, refused, program = connect(), connect(), connect(), connect()
    half.send("GE")
    refused.send_line("Host")
    program.send_line('{"do":"say","text":"psst"}')
    assert refused.read_line() == "NOT_UNIQUE"
    assert "not_logged_in" in program.read_line()
    silent.wait_for("name?")
    alice, bob = join_plain("alice"), join_json("bob")
    bob.tell("say", text="secret")
    alice.wait_for("bob > secret")
    assert alice.users[0] == "Host" and set(alice.users) <= {"Host", "GE", "alice"}
    here = {who["name"] for who in bob.request("users")["users"]}
    assert here - {"GE"} == {"Host", "alice", "bob"}
    for stranger in (silent, refused, program):
        stranger.half_close()
        heard = stranger.read_to_end()
        assert "secret" not in heard and "alice" not in heard
        stranger.close()
    bob.tell("say", text="second")
    said = alice.wait_for("> second")
    assert said.endswith("bob > second")
    bob.request("ping")
    assert bob.pending == b"", "their going is not announced either"
