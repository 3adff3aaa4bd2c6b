"""Accounts: keeping a name, proving it, being on line once, and guessing; with the real store, and a clock that stands.

Hashing is made quick here, but for one test: what argon2 costs is not what these are about.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat import passwords
from chat.accounts import BLOCKED, GUESSERS, TRIES, Account, Guard
from chat.events import Refused, Request
from chat.states import State
from tests.room import Guest, House, Later, hash_quickly
from wires.jsonl import Jsonl

ELSEWHERE = "198.51.100.9"
Open = Callable[..., House]


@pytest.fixture(autouse=True)
def in_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    hash_quickly(monkeypatch)


@pytest.fixture
def open_house(tmp_path: Path) -> Iterator[Open]:
    """`open_house()`: the house whose store is in this test's folder; the one before is closed."""
    opened: list[House] = []

    def open_(**hub: object) -> House:
        if opened:
            opened.pop().close()
        opened.append(House(tmp_path, **hub))
        return opened[-1]

    yield open_
    for house in opened:
        house.close()


@pytest.fixture
def house(open_house: Open) -> House:
    """A house in which kim has registered, with the password `sesame`, and gone."""
    house = open_house()
    guest = house.guest(b"Kim\n/register sesame\n/quit\n")
    told = "[=] The name Kim is registered, and yours: it takes your password from now on."
    assert guest.lines()[2:] == [told, "[.] Goodbye."]
    assert house.hub.accounts.find("kim")
    return house


def refusals(guest: Guest) -> list[str]:
    return [found["code"] for found in guest.objects() if found["event"] == "refused"]


def log_in(house: House, name: str, password: str = "", host: str = "192.0.2.7") -> str:
    """Return what becomes of a login on the JSON wire: `welcome`, or the code of the refusal. Whoever came has gone."""
    guest = house.program(name, password, host)
    answer = guest.objects()[0]
    guest.session.end("closed the connection")
    house.settle()
    return str(answer.get("code", answer["event"]))


# ---- registering


def test_a_registered_name_takes_its_password_from_then_on(open_house: Open) -> None:
    house = open_house()
    ann = house.guest(b"ann\n")
    ann.take()
    ann.send(b"/register open sesame\n")
    assert ann.lines() == ["[=] The name ann is registered, and yours: it takes your password from now on."]
    ann.session.end("closed the connection")
    for _ in range(2):
        assert log_in(house, "ANN") == "registered"
        assert log_in(house, "ann", "open sesame") == "welcome"
        assert log_in(house, "Ann", "open") == "wrong_password"
        house = open_house()  # it survives the end of the server


def test_the_answer_comes_when_it_is_on_the_disk(open_house: Open) -> None:
    house = open_house()
    ann = house.program("ann")
    ann.take()
    ann._hear(b'{"do":"register","password":"sesame","ref":1}\n{"do":"say","text":"hi","ref":2}\n')
    turn = house.hub.take()
    house_kept = turn.when_kept
    turn.when_kept = []
    house._deliver(turn)
    assert ann.objects() == []
    for action in house_kept:
        action()
    house.settle()
    told, accepted = ann.objects()
    assert (told["event"], told["about"], told["ref"]) == ("told", "register", 1)
    assert (accepted["event"], accepted["ref"]) == ("accepted", 2), "what came behind it waited for the answer"


@pytest.mark.parametrize(
    "password", ["abc", "é" * 3, "x" * 1_025, "é" * 513, "a\x00bc", "a\nbcd", "a\x1b[2J", "abc\ud800"]
)
def test_what_cannot_be_a_password_is_refused(open_house: Open, password: str) -> None:
    house = open_house()
    ann, _ = house.enter("ann")
    for verb in ("register", "password"):
        ann.account = None if verb == "register" else Account("ann", "ann", "", 0.0, 0.0)
        with pytest.raises(Refused) as caught:
            house.table.run(house.hub, ann, Request(verb, "", {"password": password}))
        assert caught.value.code == "password_bad"


@pytest.mark.parametrize(
    "password", ["abcd", "x" * 1_024, "é" * 512, "pass word", "密码密码", "'; DROP TABLE accounts"]
)
def test_what_can_be_one_lets_in_and_nothing_else_does(open_house: Open, password: str) -> None:
    house = open_house()
    assert passwords.check(password) == password
    house.program("ann").send(f'{{"do":"register","password":"{password}"}}\n'.encode())
    house = open_house()
    for wrong in (password + "x", password[:-1], password.upper() + "\u0301"):
        assert log_in(house, "ann", wrong, host=ELSEWHERE) in ("wrong_password", "blocked")
    assert log_in(house, "ann", password) == "welcome"


def test_a_hash_is_kept_and_never_the_password(open_house: Open, tmp_path: Path) -> None:
    house = open_house()
    ann, bob = house.program("ann"), house.guest(b"bob\n")
    for request in (b'"register","password":"open-sesame"', b'"password","password":"abracadabra"', b'"history"'):
        ann.send(b'{"do":%s}\n' % request)
    bob.send(b"/register open-sesame extra\n/password\n/history\n")
    house.program("ann", "open-sesame")
    house.guest(b"ann\nopen-sesame\nabracadabra\n")
    house.table.run(house.hub, house.host, house.table.read(house.host, "/history"))
    house.settle()
    written = b"".join([*ann.written, *bob.written, house.console.take()])
    written += b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"$argon2id$" in written
    assert b"open-sesame" not in written and b"abracadabra" not in written


def test_registering_twice(house: House) -> None:
    ann = house.program("ann")
    ann.take()
    ann.send(b'{"do":"register","password":"sesame"}\n{"do":"register","password":"other"}\n')
    assert refusals(ann) == ["registered"]
    house.hub.aside = later = Later()
    bob = house.program("bob")
    bob.send(b'{"do":"register","password":"first","ref":1}\n{"do":"register","password":"second","ref":2}\n')
    bob.take()
    later.finish()
    house.settle()
    answers = {found["ref"]: found.get("code", found["event"]) for found in bob.objects()}
    assert answers == {1: "told", 2: "registered"}, "each is answered"


def test_a_name_that_changes_or_goes_while_the_password_is_hashed_is_not_registered(house: House) -> None:
    house.hub.aside = later = Later()
    ann, bob = house.program("ann"), house.program("bob")
    for guest in (ann, bob):
        guest.send(b'{"do":"register","password":"sesame","ref":1}\n')
        guest.take()
    house.table.run(house.hub, house.host, Request("rename", "ann anna"))
    other = house.program("ann")
    bob.session.end("connection reset by peer")
    ann.take()
    later.finish()
    house.settle()
    assert [found["ref"] for found in ann.objects() if found.get("code") == "name_taken"] == [1]
    assert not house.hub.accounts.find("ann") and not house.hub.accounts.find("bob")
    assert other.session.user is house.hub.find("ann"), "the guest who has the name now keeps it"
    ann.send(b'{"do":"register","password":"sesame"}\n')
    later.finish()
    house.settle()
    assert house.hub.accounts.find("anna")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("kim", "registered"),
        ("KIM", "registered"),
        ("ｋｉｍ", "registered"),
        ("k1m", "name_looks"),
        ("kirn", "name_looks"),
        ("kіm", "name_bad"),
    ],
)
def test_guests_cannot_take_a_registered_name_or_one_that_looks_like_it(house: House, name: str, code: str) -> None:
    assert log_in(house, name) == code
    ann = house.program("ann")
    ann.take()
    ann.send(f'{{"do":"nick","name":"{name}"}}\n'.encode())
    assert refusals(ann) == [code]
    assert house.hub.find("ann")


def test_a_registered_person_may_take_another_name_and_his_own_back(house: House) -> None:
    kim = house.program("kim", "sesame")
    kim.take()
    for name in ("zed", "k1m", "KIM", "zed"):
        kim.send(f'{{"do":"nick","name":"{name}"}}\n'.encode())
        assert kim.objects()[-1]["new"] == name
    assert log_in(house, "kim") == "registered", "nobody takes it meanwhile"
    assert log_in(house, "k1m") == "name_looks"
    kim.send(b'{"do":"register","password":"other"}\n')
    assert "as Kim" in kim.objects()[0]["text"]


# ---- the login


def test_a_person_is_asked_for_the_password(house: House) -> None:
    guest = house.guest(b"kim\n")
    assert guest.lines() == ["Password for kim?"]
    guest.send(b"wrong\n")
    assert guest.lines() == ["[!] That is not the password of kim.", "Password for kim?"]
    guest.send(b"sesame\nhello\n")
    assert guest.lines() == ["OK", "&Host&Kim", "[=] Welcome, Kim. 2 people are here. /help lists what you can type."]
    assert house.hub.rooms.lobby.scrollback.last(1)[0].text == "hello"


def test_an_empty_line_instead_of_the_password_asks_for_another_name(house: House) -> None:
    guest = house.guest(b"kim\n", b"\n")
    assert guest.lines()[-1] == "What is your name?"
    guest.send(b"bob\n")
    assert guest.lines()[:2] == ["OK", "&Host&bob"]
    assert house.program("kim", "sesame").objects()[0]["event"] == "welcome", "it did not count as a wrong password"


@pytest.mark.parametrize("line", ["/quit", " /quit "])
def test_quit_instead_of_the_password(house: House, line: str) -> None:
    guest = house.guest(b"kim\n", f"{line.strip()}\n".encode())
    assert guest.lines()[-1] == "[.] Goodbye."
    assert guest.hung_up == 1


@pytest.mark.parametrize("line", ["/help", "//x", "/login bob", "sesame ", " sesame", "SESAME", "\ufffd"])
def test_whatever_else_is_typed_there_is_a_password_and_nothing_more(house: House, line: str) -> None:
    guest = house.guest(b"kim\n", f"{line}\n".encode())
    assert guest.lines()[1:] == ["[!] That is not the password of kim.", "Password for kim?"]
    assert len(house.hub) == 1


def test_what_follows_in_the_same_packet_waits_until_the_password_is_checked(house: House) -> None:
    house.hub.aside = later = Later()
    ear = house.program("ear")
    ear.take()
    program = (
        b'{"do":"login","name":"kim","password":"sesame"}\n',
        b'{"do":"say","text":"one"}\n{"do":"me","text":"two"}\n',
    )
    for login in (b"".join(program), b"kim\nsesame\none\n/me two\n"):
        guest = house.guest(login)
        assert guest.session.state is State.CHECKING
        assert ear.take() == b""
        later.finish()
        house.settle()
        assert [found.get("text", found["event"]) for found in ear.objects()] == ["entered", "one", "two"]
        guest.session.end("closed the connection")
        house.settle()
        assert [found["event"] for found in ear.objects()] == ["left"]


def test_who_goes_while_his_password_is_checked_does_not_come_in(house: House) -> None:
    house.hub.aside = later = Later()
    guest = house.program("kim", "sesame")
    guest.session.end("connection reset by peer")
    later.finish()
    house.settle()
    assert len(house.hub) == 1 and guest.session.state is State.LEAVING


def test_who_is_checked_while_the_room_closes_does_not_come_in(house: House) -> None:
    house.hub.aside = later = Later()
    guest = house.program("kim", "sesame")
    house.hub.close("The host has closed the room.")
    later.finish()
    assert refusals(guest) == ["closing"]


@pytest.mark.parametrize("password", ["sesam", "sesame\u0000", "\ud800", "x" * 10_000, "\U0001f600" * 2_000, " "])
def test_odd_passwords_are_wrong_and_nothing_else(house: House, password: str) -> None:
    account = house.hub.accounts.find("kim")
    assert account is not None
    assert not passwords.matches(account.secret, password)
    assert not passwords.matches(None, password)
    assert not passwords.matches("no hash at all", password)


def test_unknown_and_known_names_answer_alike(house: House) -> None:
    for name in ("kim", "nobody"):
        answers = [house.program(name, "wrong").objects()[0] for _ in range(TRIES + 1)]
        texts = [answer["text"].replace(name, "NAME") for answer in answers]
        wait = f"Too many wrong passwords for that name from your address; wait {BLOCKED:g} s."
        assert texts == ["That is not the password of NAME."] * (TRIES - 1) + [wait] * 2
        assert [answer["code"] for answer in answers] == ["wrong_password"] * (TRIES - 1) + ["blocked"] * 2


def test_unknown_and_known_names_cost_the_same_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the hashing that is shipped: 64 MiB, 3 passes, 1 lane, for the one and for the other."""
    monkeypatch.undo()
    for secret in (passwords.secret("sesame"), passwords._decoy()):
        assert secret.startswith("$argon2id$v=19$m=65536,t=3,p=1$")
    assert passwords.matches(passwords.secret("sesame"), "sesame")
    assert not passwords.matches(None, "nobody's password")


# ---- guessing


def test_three_wrong_passwords_close_the_name_to_the_address_for_a_minute(house: House) -> None:
    assert [log_in(house, "kim", "wrong") for _ in range(TRIES)] == ["wrong_password", "wrong_password", "blocked"]
    assert log_in(house, "KIM", "sesame") == "blocked", "the right one too"
    assert log_in(house, "kim", "sesame", host=ELSEWHERE) == "welcome"
    assert log_in(house, "bob") == "welcome", "another name from there"
    house.clock.now += BLOCKED - 1
    assert log_in(house, "kim", "sesame") == "blocked"
    house.clock.now += 1
    assert log_in(house, "kim", "sesame") == "welcome"
    assert [log_in(house, "kim", "wrong") for _ in range(TRIES)] == ["wrong_password", "wrong_password", "blocked"]


def test_a_person_is_told_how_long(house: House) -> None:
    guest = house.guest(b"kim\none\ntwo\nthree\n")
    assert guest.lines()[-2:] == [
        "[!] Too many wrong passwords for that name from your address; wait 60 s.", "What is your name?"]  # fmt: skip
    house.clock.now += 30
    guest.send(b"kim\n")
    assert guest.lines()[0].endswith("wait 30 s.")
    guest.send(b"bob\n")
    assert guest.lines()[0] == "OK"


def test_the_right_password_forgets_the_wrong_ones(house: House) -> None:
    for _ in range(3):
        assert [log_in(house, "kim", word) for word in ("wrong", "wrong", "sesame")] == [
            "wrong_password", "wrong_password", "welcome"]  # fmt: skip


def test_after_the_minute_the_count_begins_anew(house: House) -> None:
    for _ in range(TRIES):
        log_in(house, "kim", "wrong")
    house.clock.now += BLOCKED
    assert log_in(house, "kim", "wrong") == "wrong_password"
    assert log_in(house, "kim", "sesame") == "welcome"


def test_many_at_once_check_no_more_than_three(house: House) -> None:
    house.hub.aside = later = Later()
    guests = [house.program("kim", f"guess {number}") for number in range(20)]
    assert len(later.waiting) == TRIES
    assert [guest.session.state for guest in guests].count(State.CHECKING) == TRIES
    later.finish()
    house.settle()
    assert {code for guest in guests for code in refusals(guest)} == {"blocked"}


def test_the_right_one_among_many_at_once_lets_in(house: House) -> None:
    house.hub.aside = later = Later()
    guests = [house.program("kim", word) for word in ("wrong", "sesame", "wrong")]
    later.finish()
    assert [guest.session.user is not None for guest in guests] == [False, True, False]


def test_what_is_not_checked_for_lack_of_time_does_not_count(house: House) -> None:
    house.hub.aside = later = Later()
    later.full = True
    for _ in range(2 * TRIES):
        guest = house.program("kim", "sesame")
        assert refusals(guest) == ["busy"]
        assert guest.session.state is State.NAMING
    later.full = False
    guest.send(b'{"do":"login","name":"kim","password":"sesame"}\n')
    later.finish()
    house.settle()
    assert guest.objects()[0]["event"] == "welcome"
    guest.send(b'{"do":"say","text":"still here"}\n')
    later.full = True
    guest.send(b'{"do":"password","password":"other"}\n')
    assert refusals(guest) == ["busy"]


def test_what_is_remembered_of_guessers_is_bounded() -> None:
    guard = Guard()
    for number in range(GUESSERS + 100):
        guard.count(f"name{number}", "a", 0.0)
    assert len(guard._tries) == GUESSERS


# ---- on line once


def test_a_new_login_takes_the_place_of_the_earlier_one(house: House) -> None:
    ear = house.program("ear")
    first = house.program("kim", "sesame")
    first.take(), ear.take()
    second = house.program("kim", "sesame", host=ELSEWHERE)
    assert [(found["event"], found["code"]) for found in first.objects()] == [("goodbye", "replaced")]
    assert first.hung_up == 1
    assert [(found["event"], found["name"]) for found in ear.objects()] == [("left", "Kim"), ("entered", "Kim")]
    assert second.objects()[0]["users"] == ["Host", "ear", "Kim"]
    first.send(b'{"do":"say","text":"I am still here"}\n')
    first.session.end("closed the connection")
    house.settle()
    assert ear.objects() == [] and first.take() == b""
    assert house.hub.find("kim") is second.session.user and len(house.hub) == 3


def test_also_where_the_earlier_one_goes_by_another_name(house: House) -> None:
    first = house.program("kim", "sesame")
    first.send(b'{"do":"nick","name":"zed"}\n')
    first.take()
    second = house.program("kim", "sesame")
    assert first.objects()[-1]["code"] == "replaced"
    assert second.objects()[0]["users"] == ["Host", "Kim"] and house.hub.find("zed") is None


def test_a_wrong_password_disturbs_nobody(house: House) -> None:
    first = house.program("kim", "sesame")
    first.take()
    assert log_in(house, "kim", "wrong") == "wrong_password"
    assert log_in(house, "kim") == "registered"
    assert first.take() == b"" and first.session.user is house.hub.find("kim")


# ---- changing the password


def test_password(house: House, open_house: Open) -> None:
    kim = house.program("kim", "sesame")
    kim.take()
    kim.send(b'{"do":"password","password":"abracadabra","ref":3}\n')
    (told,) = kim.objects()
    assert (told["about"], told["text"], told["ref"]) == ("password", "Your password has been changed.", 3)
    kim.session.end("closed the connection")
    for _ in range(2):
        assert [log_in(house, "kim", word) for word in ("sesame", "abracadabra")] == ["wrong_password", "welcome"]
        house = open_house()


def test_reset(house: House, open_house: Open) -> None:
    ear = house.program("ear")
    ear.take(), house.console.take()
    house.table.run(house.hub, house.host, house.table.read(house.host, "RESET KIM"))
    house.settle()
    shown = house.console.take().decode()
    new = shown.partition("The password of Kim is now ")[2].partition(" - ")[0]
    assert len(new) == 10 and passwords.check(new)
    assert ear.take() == b""
    for _ in range(2):
        assert [log_in(house, "kim", word) for word in ("sesame", new)] == ["wrong_password", "welcome"]
        house = open_house()


# ---- what is remembered of a person


def test_how_much_one_takes_part_survives(house: House, open_house: Open) -> None:
    for _ in range(2):
        kim = house.guest(b"kim\nsesame\nhi\n/me waves\n")
        house.clock.now += 100
        kim.session.end("closed the connection")
        house = open_house()
    house.clock.now += 200
    ann = house.guest(b"ann\n")
    ann.take()
    ann.send(b"/stats kim\n/whois kim\n/wholast 5\n")
    assert ann.lines() == [
        "[=] Kim: 4 messages, 00:03:20 on line, last seen 1 min ago.",
        "[=] Kim is registered, and was last here 1 min ago.",
        "[=] Here: Host, ann.",
        "[=] Went within 5 min: Kim.",
    ]


def test_blocks_and_watches_survive(house: House, open_house: Open) -> None:
    ann, bob = house.guest(b"ann\n"), house.guest(b"bob\n")
    ann.send(b"/block bob\n/watch zoe\n/register sesame\n/watch yan\n/block kim\n/unblock kim\n/unwatch yan\n")
    house = open_house()
    ann, bob = house.guest(b"ann\nsesame\n"), house.guest(b"bob\n")
    ann.take()
    bob.send(b"can you hear me?\n/msg ann psst\n")
    house.guest(b"zoe\n")
    ann.send(b"/block\n/watch\n")
    assert ann.lines() == ["[*] zoe entered.", "[=] zoe is here.", "[=] Blocked: bob.", "[=] zoe: here"]


# ---- all at once

a_step = st.tuples(
    st.sampled_from("login login login register nick finish finish lose".split()),
    st.integers(0, 3),
    st.sampled_from(["kim", "KIM", "k1m", "ann", "bob"]),
    st.sampled_from(["", "sesame", "wrong"]),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(a_step, max_size=25))
def test_however_logins_registrations_and_new_names_race(steps: list[tuple[str, int, str, str]]) -> None:
    """Each name belongs to one, each account is on line once, and everyone is answered."""
    with TemporaryDirectory() as folder:
        house = House(Path(folder))
        house.hub.aside = later = Later()
        guests = [Guest(house, Jsonl()) for _ in range(4)]
        asked = [0] * 4
        for what, who, name, password in steps:
            if what == "finish":
                later.finish(1)
            elif what == "lose":
                guests[who].session.end("connection reset by peer")
                guests[who], asked[who] = Guest(house, Jsonl()), 0
            else:
                asked[who] += 1
                request = {"do": what, "name": name, "password": password or "sesame" * (what == "register")}
                guests[who]._hear(json.dumps({**request, "ref": asked[who]}).encode() + b"\n")
            house.settle()
            _look_over(house, guests)
        while later.waiting:
            later.finish()
            house.settle()
        for guest, count in zip(guests, asked, strict=True):
            answers = guest.objects()
            if not any(found["event"] == "goodbye" for found in answers):
                assert sorted(found["ref"] for found in answers if "ref" in found) == list(range(1, count + 1))
        _look_over(house, guests)
        house.close()


def _look_over(house: House, guests: list[Guest]) -> None:
    here = [user for user in house.hub if user is not house.host]
    assert here == [user for user in house.hub.rooms.lobby.members if user is not house.host]
    assert set(here) == {guest.session.user for guest in guests if guest.session.user and not guest.session.user.gone}
    owned = [user.account for user in here if user.account]
    assert len(owned) == len({account.key for account in owned}), "an account is on line once"
    looks = [look for user in house.hub for look in user.looks]
    assert len(looks) == len(set(looks)), "no two are called the same, or look the same"
    for user in here:
        assert house.hub.accounts.like(user.looks) in (None, user.account), "nobody has another's registered name"
