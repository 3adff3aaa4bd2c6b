"""One line of IRC, read and written: what is formatted is read back, however odd, and nothing makes the reader raise.

The sentences are those of RFC 1459 section 2.3, modern.ircdocs.horse and IRCv3 (message-tags).
"""

from __future__ import annotations

import random
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.changes import Called, Described, Invited, Inviting, Moded, Presented, Rested, Tagged
from chat.events import (
    Acted,
    Asked,
    Declined,
    Ended,
    Entered,
    Event,
    Gone,
    Identity,
    Left,
    Recalled,
    Renamed,
    Said,
    Told,
    Whispered,
)
from chat.text import clean
from tests.room import Guest, House
from wires.irc import House as IrcHouse
from wires.irc import connect
from wires.irc.irc import Irc
from wires.irc.lines import BODY, TAGS, Line, Unreadable, escape, parse, read_tags, write, write_tags
from wires.irc.multiline import Batch
from wires.irc.text import cut, parts

NO_END = st.characters(blacklist_characters="\r\n\0", blacklist_categories=["Cs"])
MIDDLE = st.text(NO_END.filter(lambda letter: letter != " "), min_size=1, max_size=20).filter(
    lambda word: not word.startswith(":")
)
LAST = st.text(NO_END, max_size=40)
COMMAND = st.from_regex(r"[A-Z]{1,12}|[0-9]{3}", fullmatch=True)
TAG = st.from_regex(r"\+?[a-z0-9-]{1,10}(/[a-z]{1,5})?", fullmatch=True)
VALUE = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=20)


# ---- the reader and the writer


@settings(deadline=None)
@given(COMMAND, st.lists(MIDDLE, max_size=5), LAST, st.dictionaries(TAG, VALUE, max_size=4))
def test_what_is_written_is_read_back(command: str, middle: list[str], last: str, tags: dict[str, str]) -> None:
    line = write("", command, *middle, last)
    whole = f"@{write_tags(tags)} {line}" if tags else line
    if len(line.encode()) > BODY or len(write_tags(tags).encode()) > TAGS:
        with pytest.raises(Unreadable):
            parse(whole.encode())
    elif last == last.rstrip(" ") or not last:
        assert parse(whole.encode()) == Line(command, (*middle, last), tags)
    else:
        assert parse(whole.encode()) is not None


@settings(deadline=None)
@given(st.text(), st.lists(st.text(), max_size=4), st.text())
def test_a_line_that_is_written_is_one_line(source: str, params: list[str], text: str) -> None:
    """Whatever a field holds: no CR, no LF and no NUL can come out (modern.ircdocs.horse, Messages)."""
    assert not set(write(source, "PRIVMSG", *params, text)) & set("\r\n\0")


@settings(deadline=None)
@given(VALUE)
def test_the_value_of_a_tag_is_escaped_and_read_back(value: str) -> None:
    assert not set(escape(value)) & set("; \r\n")
    assert read_tags(f"x={escape(value)}") == {"x": value}


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        (b"", None),
        (b"   ", None),
        (b"\r", None),
        (b":source", None),
        (b"@a=b", None),
        (b"ping", Line("PING")),
        (b"PRIVMSG  #a   :b  c", Line("PRIVMSG", ("#a", "b  c"))),
        (b":me!u@h PRIVMSG #a b", Line("PRIVMSG", ("#a", "b"))),
        (b"TOPIC #a :", Line("TOPIC", ("#a", ""))),
        (b"TOPIC #a ::)", Line("TOPIC", ("#a", ":)"))),
        (b"A b:c :d :e", Line("A", ("b:c", "d :e"))),
        (b"@a=1;a=2;b;+c=x\\:y\\s\\\\\\r\\n\\z\\ PING", Line("PING", (), {"a": "2", "b": "", "+c": "x;y \\\r\nz"})),
        ("NICK zoë".encode(), Line("NICK", ("zoë",))),
    ],
)
def test_lines_as_the_standard_has_them(raw: bytes, line: Line | None) -> None:
    assert parse(raw) == line


def test_what_is_too_long_or_no_utf8_is_unreadable() -> None:
    for raw, why in (
        (b"x" * (BODY + 1), "long"),
        (b"@" + b"x" * (TAGS + 1) + b" PING", "long"),
        (b"PING \xff", "encoding"),
    ):
        with pytest.raises(Unreadable) as raised:
            parse(raw)
        assert raised.value.why == why
    assert parse(b"PING " + b"x" * (BODY - 5)) is not None
    assert parse(b"@" + b"x" * TAGS + b" PING") is not None


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=600))
def test_no_bytes_make_the_reader_raise(raw: bytes) -> None:
    try:
        line = parse(raw)
    except Unreadable as error:
        assert error.why in ("long", "encoding")
    else:
        assert line is None or (line.command and " " not in line.command)


# ---- long texts


@settings(deadline=None)
@given(st.text(max_size=300), st.integers(20, 100))
def test_a_text_is_cut_without_losing_a_letter(text: str, most: int) -> None:
    line = text.replace("\n", " ")
    found = list(cut(line, most))
    assert "".join(found) == line
    assert all(len(part.encode()) <= most for part in found)


@pytest.mark.parametrize(
    "grapheme",
    [
        "e\u0301",
        "👩\u200d🔬",
        "👍🏽",
        "🇨🇭",
        "❤\ufe0f",
        "👨\u200d👩\u200d👧\u200d👦",
        "नि",
        "a\u0308\u0323",
        "🏴\U000e0067\U000e0062\U000e007f",
    ],
    ids=ascii,
)
@pytest.mark.parametrize("shift", range(4))
def test_a_text_is_cut_at_graphemes(grapheme: str, shift: int) -> None:
    """Lines too long for IRC's 512 bytes are split at graphemes, never torn."""
    text = "x" * shift + grapheme * 60
    found = [part.text for part in parts(text, 100)]
    assert "".join(found) == text and len(found) > 1
    for number, part in enumerate(found):
        assert len(part.encode()) <= 100
        rest = part[shift:] if number == 0 else part
        assert rest == grapheme * (len(rest) // len(grapheme)), f"torn: {rest[:5]!a} … {rest[-5:]!a}"


def test_a_pile_of_marks_is_cut_all_the_same() -> None:
    found = list(cut("a" + "\u0301" * 500, 50))
    assert sum(map(len, found)) == 501
    assert all(len(part.encode()) <= 50 for part in found)
    assert unicodedata.combining(found[1][0])


# ---- one event is one line


def wire(*caps: str) -> Irc:
    house = House()
    irc = connect(IrcHouse(house.hub))
    irc.client.nick = "me"
    irc.client.set_caps(frozenset(caps))
    return irc


def guest_of(house: House, login: bytes) -> Guest:
    guest = Guest(house, connect(IrcHouse(house.hub)))
    guest.send(login)
    guest.take()
    return guest


EVIL = "x\r\n:ann!a@b QUIT :forged\r\n\0\x01VERSION\x01 \x1b[2J\u2028end"
WHO = Identity("ident", "host.chat", "account", EVIL)
EVENTS: list[Event] = [
    Said(1, 0.0, "lobby", "ann", EVIL, WHO),
    Acted(1, 0.0, "lobby", "ann", EVIL, WHO),
    Whispered(1, 0.0, "ann", ("me",), EVIL, who=WHO),
    Entered(1, 0.0, "lobby", "ann", who=WHO),
    Left(1, 0.0, "lobby", "ann", EVIL, who=WHO),
    Left(1, 0.0, "lobby", "ann", EVIL, True, who=WHO, by="bob"),
    Left(1, 0.0, "lobby", "ann", EVIL, who=WHO, gone=True),
    Gone(1, 0.0, "ann", EVIL, who=WHO),
    Renamed(1, 0.0, "ann", "bea", who=WHO),
    Described(1, 0.0, "lobby", "ann", EVIL, WHO),
    Moded(1, 0.0, "lobby", "ann", "+k " + EVIL, WHO),
    Invited(1, 0.0, "lobby", EVIL, "ann", "me", WHO),
    Inviting(1, 0.0, "lobby", "ann", "me", WHO),
    Rested(1, 0.0, "ann", EVIL, WHO),
    Presented(1, 0.0, "ann", WHO),
    Presented(1, 0.0, "me", WHO, True),
    Called(1, 0.0, "ann", EVIL, WHO),
    Tagged(1, 0.0, "lobby", "ann", "", "", WHO, EVIL),
    Told(1, 0.0, "help", EVIL),
    Asked(1, 0.0, "name", EVIL),
    Declined(1, 0.0, "say", "empty", EVIL),
    Ended(1, 0.0, "kicked", EVIL),
    Recalled(1, 0.0, "", (Said(1, 0.0, "lobby", "ann", EVIL, WHO),)),
]
ALL = ("message-tags", "server-time", "account-tag", "extended-join", "setname", "away-notify", "account-notify",
       "invite-notify", "echo-message", "standard-replies", "batch")  # fmt: skip


@pytest.mark.parametrize("caps", [(), ALL], ids=["bare", "all"])
@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_is_lines_of_its_own_whatever_a_field_holds(event: Event, caps: tuple[str, ...]) -> None:
    """Every line begins as one of the server's, ends in CR LF, has neither in it, and is no longer than 512 bytes."""
    data = wire(*caps).encode(event)
    assert data == b"" or data.endswith(b"\r\n")
    for line in data.split(b"\r\n")[:-1]:
        assert not set(line) & set(b"\r\n\0")
        body = line.partition(b" ")[2] if line.startswith(b"@") else line
        assert body.startswith((b":ann!", b":bob!", b":me", b":chat.server ", b":NickServ!", b"ERROR ", b"BATCH ")), (
            line
        )
        assert len(body) <= BODY


def test_texts_are_cleaned_before_they_are_events() -> None:
    """What the table of commands passes on holds no controls but line feeds, which IRC says line by line."""
    text = clean(EVIL)
    lines = wire().encode(Said(1, 0.0, "lobby", "ann", text, WHO)).split(b"\r\n")[:-1]
    assert [line.partition(b" :")[2] for line in lines] == [b"x", b":ann!a@b QUIT :forged", b"VERSION [2J end"]


def test_random_lines_never_raise() -> None:
    """Lines that look like IRC, mixed at random, through the reader and the verbs, before and after the login."""
    source = random.Random(5)
    house = House()
    words = [
        *"""
        PRIVMSG JOIN #lobby #a,#b :x MODE +ovk-l ann WHO %tcuihsnfdlaor,1 CAP LS 302 REQ :batch BATCH +1 -1
        draft/multiline CHATHISTORY LATEST * 50 AUTHENTICATE PLAIN = MONITOR + AWAY TOPIC KICK INVITE NICK
        USER 0 LIST >0 WHOIS WHOWAS STATS u OPER KILL HELP TAGMSG NAMES PART @label=x @+a=b ISON
        timestamp=2026-01-01T00:00:00.000Z msgid=1 BETWEEN REGISTER NS SETNAME : ² MARKREAD TARGETS
        99999999999999999999 zoë @#lobby WALLOPS USERHOST LINKS INFO TIME
        """.split(),
        "", " ", "\x01ACTION", "\x01", "\ud7ff", ":x y",
    ]  # fmt: skip
    for login in (b"", b"NICK ann\r\nUSER a 0 * :A\r\nJOIN #lobby\r\n"):
        guest = guest_of(house, login)
        for _ in range(4000):
            line = " ".join(source.choices(words, k=source.randrange(1, 7))).encode()
            if source.random() < 0.1:
                at = source.randrange(len(line) + 1)
                line = line[:at] + source.randbytes(3) + line[at:]
            guest.send(line.replace(b"\n", b"") + b"\r\n")
            for said in guest.take().split(b"\r\n")[:-1]:
                assert not set(said) & set(b"\r\n\0"), said
            if guest.hung_up:
                guest = guest_of(house, login)
    house.close()


@pytest.mark.parametrize(
    ("text", "count", "concat", "fault"),
    [
        ("x" * 400, 41, False, "MULTILINE_MAX_BYTES"),
        ("x" * 400, 41, True, "MULTILINE_MAX_BYTES"),
        ("x", 201, False, "MULTILINE_MAX_LINES"),
        ("x", 200, False, ""),
        ("x", 201, True, ""),
    ],
)
def test_a_message_of_several_lines_has_its_bounds(text: str, count: int, concat: bool, fault: str) -> None:
    """draft/multiline: max-bytes=16384 and max-lines=200, and what goes over them."""
    batch = Batch("1", "#lobby", {})
    for _ in range(count):
        batch.add("PRIVMSG", "#lobby", text, concat)
    assert (batch.fault[:1] or ("",)) == (fault,)
    assert len(batch.text) <= 16_384
