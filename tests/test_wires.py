"""Wires below their words: cutting the stream, telling the wire by its first bytes, telnet, and who is not served."""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.events import Refused, Request, singly
from tests.room import House
from tests.support import Connection, LineClient, PlainClient, Server
from wires.jsonl import Jsonl
from wires.plain import Plain
from wires.sniff import TABLE, choose
from wires.telnet import Telnet
from wires.unserved import ANSWERS, Unserved
from wires.wire import LINE, Lines

# ---- lines


def cut_all(lines: Lines, pieces: list[bytes]) -> list[bytes | None]:
    return [line for piece in pieces for line in lines.cut(piece)]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text("ab\r\n", max_size=6).map(str.encode), max_size=12))
def test_a_stream_gives_the_same_lines_however_it_is_cut(pieces: list[bytes]) -> None:
    whole, in_pieces, in_bytes = Lines(4), Lines(4), Lines(4)
    stream = b"".join(pieces)
    expected = whole.cut(stream)
    assert cut_all(in_pieces, pieces) == expected
    assert cut_all(in_bytes, [bytes([byte]) for byte in stream]) == expected
    assert whole.unfinished == in_pieces.unfinished == in_bytes.unfinished
    reference = [line.removesuffix(b"\r") for line in stream.split(b"\n")[:-1]]
    assert expected == [line if len(line) <= 4 else None for line in reference]


@given(st.lists(st.sampled_from([b"a", b"ab", b"abc", b"/", b"\r", b"\n", b"\r\n", b"\n\n"])), st.integers(1, 9))
def test_lines_in_one_are_the_lines_one_by_one(pieces: list[bytes], step: int) -> None:
    stream = b"".join(pieces)
    cut, together = Lines(4), Lines(4)
    for data in (stream[start : start + step] for start in range(0, len(stream), step)):
        block = together.block(data)
        found: list[bytes | None] = [*block.split(b"\n")] if block is not None else together.cut(data)
        assert found == cut.cut(data)
        assert (together.rest, together.unfinished) == (cut.rest, cut.unfinished)


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("step", [1, 100, 4096, 10_000_000])
@pytest.mark.parametrize("size", [LINE - 1, LINE, LINE + 1, 2 * LINE, 20_000])
def test_a_line_up_to_the_limit_comes_whole_and_a_longer_one_not_at_all(size: int, step: int, end: bytes) -> None:
    stream = b"x" * size + end + b"next" + end
    found = cut_all(Lines(), [stream[start : start + step] for start in range(0, len(stream), step)])
    assert found == [b"x" * size if size <= LINE else None, b"next"]


def test_a_line_without_end_keeps_no_memory() -> None:
    lines = Lines()
    for _ in range(80):
        assert lines.cut(b"x" * 65_536) == []
        assert len(lines.rest) <= LINE + 1
    assert lines.unfinished
    assert lines.cut(b"tail\nnext\n") == [None, b"next"], "its tail does not run as a command"
    assert not lines.unfinished


def test_ten_thousand_lines_in_one_packet() -> None:
    found = list(singly(Plain().receive(b"".join(b"line %d\n" % number for number in range(10_000)))))
    assert found == [Request("say", f"line {number}") for number in range(10_000)]


# ---- a whole session, cut everywhere

PLAIN_SESSION = (
    b"a b\r\nHost\nb\xc3\xb6b\r\nhello\n\n\xe4\xbd\xa0\xe5\xa5\xbd \xff\xfb\x18\xff\xfa\x18\x00a\nb\xff\xf0there\r\n"
    b"bad \xc3( utf-8 \x80\n/me waves\r\n/MSG ear psst\n//text\n/nope\n"
    b"/nick r\xc3\xb6b\n\x1b[31mred\x00\rcr\n/quit tea\nafter\n"
)
JSON_SESSION = (
    b'{"do":"login","name":"a b","ref":1}\n{"do":"login","name":"b\xc3\xb6b","ref":"x"}\r\n\n'
    b'{"do":"say","text":"hi\\nthere","ref":2}\n{"do":"msg","to":["ear","nobody"],"text":"\xe4\xbd\xa0","ref":3}\r\n'
    b'not json\n{"do":"line","line":"/me waves","ref":4}\n{"do":"say","text":"\xc3("}\n{"do":"users","ref":5}\n'
    b'{"do":"quit","reason":"tea"}\n{"do":"say","text":"after"}\n'
)
SESSIONS = pytest.mark.parametrize("session", [PLAIN_SESSION, JSON_SESSION], ids=["plain", "json"])


def transcript(pieces: list[bytes]) -> tuple[bytes, bytes, bytes]:
    """Return what the guest, as text and as telnet, and someone else in the room get."""
    house = House()
    ear = house.guest(b"ear\n")
    guest = house.guest()
    guest.send(*pieces)
    assert guest.hung_up == 1
    got = guest.take()
    negotiation = re.compile(rb"\xff[\xfc\xfe].", re.DOTALL)
    return negotiation.sub(b"", got), b"".join(negotiation.findall(got)), ear.take()


@SESSIONS
def test_the_transcript_does_not_depend_on_the_cuts(session: bytes) -> None:
    expected = transcript([session])
    assert b"after" not in expected[2]
    assert transcript([bytes([byte]) for byte in session]) == expected
    for place in range(1, len(session)):
        assert transcript([session[:place], session[place:]]) == expected, f"cut at {place}"
    at_ends = re.split(rb"(?<=\r)(?=\n)", session)
    assert len(at_ends) > 2
    assert transcript(at_ends) == expected


@SESSIONS
def test_what_the_session_is_about(session: bytes) -> None:
    own, telnet, other = transcript([session])
    text = (own + other).decode()
    assert "你" in text and "waves" in text and "psst" in text + "psst"
    assert "\x1b" not in text and "\x00" not in text and "\r" not in text
    assert telnet == (b"\xff\xfe\x18" if session is PLAIN_SESSION else b"")


@pytest.mark.limit(60)
@SESSIONS
def test_the_transcript_through_a_real_socket(start_server: Callable[..., Server], session: bytes) -> None:
    """Each in a room of its own: a second visitor would see what the first one said."""
    cuts = [
        [session],
        [bytes([byte]) for byte in session],
        re.split(rb"(?<=\r)(?=\n)", session),
        [session[:3], session[3:]],
        session.splitlines(keepends=True),
    ]
    assert len({_visit(start_server(), pieces) for pieces in cuts}) == 1


def _visit(server: Server, pieces: list[bytes]) -> tuple[str, str]:
    with PlainClient(server, "ear"), Connection(server) as visitor:
        for piece in pieces:
            visitor.send(piece)
        got = visitor.read_to_end()
    timeless = re.sub(r'\[\d\d:\d\d:\d\d\]|"id":\d+|"time":"[^"]+"|"seconds":\d+', "", got)
    return re.sub(r"\\xff\\xfe\x18", "", timeless), "".join(re.findall(r"\\xff\\xfe\x18", got))


# ---- which wire it is

ROWS: list[tuple[bytes, str]] = [
    (b"\x16\x03", "tls"),
    *(
        (verb + b" ", "http")
        for verb in (b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"CONNECT")
    ),
    *((word + b" ", "unserved") for word in (b"CAP", b"NICK", b"USER", b"PASS", b"cap", b"Nick", b"uSER", b"pass")),
    (b"ADD ", "classroom"),
    (b"{", "json"),
]


@pytest.mark.parametrize(("beginning", "wire"), ROWS, ids=str)
def test_the_first_bytes_tell_the_wire_in_any_cut(beginning: bytes, wire: str) -> None:
    for end in range(len(beginning)):
        assert choose(beginning[:end]) is None, "it could still become more than one"
    for more in (b"", b"x", b" bob\r\n", b"\xff" * 100):
        chosen = choose(beginning + more)
        assert chosen is not None and chosen.name == wire


def test_every_beginning_in_the_table_has_a_row_here() -> None:
    rows = {beginning for beginning, _ in ROWS} | {b"TRACE "}
    assert {beginning for beginnings, _, _ in TABLE for beginning in beginnings} <= rows


@pytest.mark.parametrize("name", ["GETbob", "Nick", "NICK", "nick", "CAPtain", "user", "PASSport", "ADDy", "ADD",
                                  "HEAD", "get",
                                  "POSTman", "add", "G", "bob", "\u4f60", "PUT\t", "Å"])  # fmt: skip
def test_what_only_begins_like_another_wire_is_a_name(name: str) -> None:
    stream = f"{name}\n".encode()
    for pieces in ([stream], [bytes([byte]) for byte in stream], [stream[:2], stream[2:]]):
        guest = House().guest(*pieces)
        assert guest.take().decode() == f"OK\n&Host&{name.strip()}\n"


@pytest.mark.parametrize("name", ["GET", "NICK", "ca", "ADD", "O"])
def test_half_a_beginning_and_then_silence_is_a_name(name: str) -> None:
    guest = House().guest(*(bytes([byte]) for byte in name.encode()))
    assert guest.take() == b""
    guest.pause()
    assert guest.take().decode() == f"OK\n&Host&{name}\n"
    guest.send(b"{}\n")
    assert isinstance(guest.wire, Plain)


@pytest.mark.parametrize(
    ("opening", "kind"), [(b"nick bob\r\nUSER bob 0 * :Bob\r\n", "irc"), (b"ADD bob\n", "classroom")]
)
def test_who_is_not_served_is_told_so_in_his_own_language_and_let_go(
    start_server: Callable[..., Server], opening: bytes, kind: str
) -> None:
    server = start_server("--no-irc", "--no-classroom")
    for pieces in ([opening], [bytes([byte]) for byte in opening[:6]]):
        with Connection(server) as visitor:
            for piece in pieces:
                visitor.send(piece)
            assert visitor.read_to_end().encode() == ANSWERS[kind]
    with PlainClient(server, "bob") as bob:
        assert bob.users == ["Host", "bob"], "nobody else has come in"


def test_a_tls_client_gets_an_alert(server: Server) -> None:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with Connection(server) as visitor, pytest.raises(ssl.SSLError, match=r"(?i)handshake.failure"):
        context.wrap_socket(visitor.socket, do_handshake_on_connect=True)


@pytest.mark.parametrize("kind", ANSWERS)
def test_an_unserved_wire_asks_for_nothing_and_answers_once(kind: str) -> None:
    wire = Unserved(kind)
    assert list(wire.receive(b"x" * 1000)) == []
    assert wire.over
    assert (wire.replies(), wire.replies()) == (ANSWERS[kind], b"")


# ---- silence, and names without a line end


def test_who_says_nothing_is_asked(server: Server, connect: Callable[..., LineClient]) -> None:
    person = connect()
    assert person.read_line() == "What is your name?"
    person.send("bob\r\n")
    assert person.lines(2) == ["OK", "&Host&bob"]
    assert "/help" in person.read_line()


def test_the_oldest_clients_send_no_line_end(server: Server, connect: Callable[..., LineClient]) -> None:
    first = connect()
    first.send("bob")
    assert first.lines(2) == ["OK", "&Host&bob"]
    second = connect()
    second.send("BOB")
    assert second.read_line() == "NOT_UNIQUE"
    second.send("GET")
    assert second.lines(2) == ["OK", "&Host&bob&GET"]
    first.send("hi\n")
    assert second.wait_for("bob > hi")


def test_a_telnet_client_that_negotiates_first_is_asked_too(server: Server, connect: Callable[..., LineClient]) -> None:
    """PuTTY opens with its options and then waits to be asked."""
    person = connect()
    person.send(b"\xff\xfb\x1f\xff\xfb\x20\xff\xfd\x03")
    person.read_until(b"\xff\xfe\x1f\xff\xfe\x20\xff\xfc\x03")
    assert person.read_line(2) == "What is your name?"
    person.send("bob\r\n")
    assert person.lines(2) == ["OK", "&Host&bob"]


def test_who_was_asked_and_types_in_a_raw_terminal_is_given_time() -> None:
    guest = House().guest()
    guest.pause()
    guest.take()
    guest.send(b"b", b"o")
    guest.pause()
    assert guest.take() == b""
    guest.send(b"b\r\n")
    assert guest.take().startswith(b"OK\n&Host&bob\n")


# ---- telnet


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from([b"\xff\xfb\x01", b"\xff\xfd\x03", b"\xff\xfc\x01", b"\xff\xfe\x01", b"\xff\xf1",
                                 b"\xff\xff",
                                 b"\xff\xfa\x18\x01\xff\xff\xff\xf0", b"text", b"\n", b"\xc3\xa9"])),
                                 st.integers(1, 5))  # fmt: skip
def test_telnet_is_taken_out_in_any_cut(parts: list[bytes], step: int) -> None:
    stream = b"".join(parts)
    whole = Telnet().strip(stream)
    telnet = Telnet()
    pieces = [telnet.strip(stream[start : start + step]) for start in range(0, len(stream), step)]
    assert (b"".join(text for text, _ in pieces), b"".join(answer for _, answer in pieces)) == whole
    words = {b"\xff\xff": b"\xff", b"text": b"text", b"\n": b"\n", b"\xc3\xa9": b"\xc3\xa9"}
    assert whole[0] == b"".join(words.get(part, b"") for part in parts)
    asked = {b"\xff\xfb\x01": b"\xff\xfe\x01", b"\xff\xfd\x03": b"\xff\xfc\x03"}
    assert whole[1] == b"".join(asked.get(part, b"") for part in parts)
    assert not telnet


def test_two_sides_that_answer_each_other_come_to_an_end() -> None:
    _, answers = Telnet().strip(b"\xff\xfb\x01" * 10_000)
    assert len(answers) == 64 * 3


# ---- requests of the plain wire


@pytest.mark.parametrize(
    ("line", "request_"),
    [
        (b"hi", Request("say", "hi")),
        (b"", Request("say", "")),
        (b"/me waves", Request("line", "/me waves")),
        (b"//x", Request("line", "//x")),
        (b"\xff\xff\xc3(", Request("say", "\ufffd\ufffd(")),
        (b"half \xe4\xbd", Request("say", "half \ufffd")),
        (b'{"do":"say"}', Request("say", '{"do":"say"}')),
    ],
)
def test_what_a_plain_line_asks_for(line: bytes, request_: Request) -> None:
    assert list(singly(Plain().receive(line + b"\n"))) == [request_]


def test_a_line_too_long_is_refused_on_each_wire_and_the_next_counts() -> None:
    for wire, line in ((Plain(), b"hi"), (Jsonl(), b'{"do":"say","text":"hi"}')):
        found = list(wire.receive(b"x" * 200_000 + b"\n" + line + b"\n"))
        refused, said = found
        assert isinstance(refused, Refused) and refused.code == "too_long"
        assert isinstance(said, Request) and said.verb == "say"


def noise() -> Iterator[bytes]:
    import random

    source = random.Random(4)
    for _ in range(200):
        yield source.randbytes(source.randrange(1, 3000))
        yield bytes(source.choices(b'{}[]",:\\u0truefalsn/ \n\r\xff\xfb\xfa\xf0d8', k=source.randrange(1, 500)))


@pytest.mark.parametrize(
    "opening", [b"bob\n", b'{"do":"login","name":"bob"}\n', b""], ids=["plain", "json", "newcomer"]
)
def test_random_bytes_raise_nothing_and_keep_the_room(opening: bytes) -> None:
    house = House()
    ear = house.guest(b"ear\n")
    for data in noise():
        guest = house.guest(*([opening] if opening else []))
        guest.send(data)
        guest.pause()
        guest.session.end("closed the connection")
        house.settle()
    assert [user.name for user in house.hub] == ["Host", "ear"]
    assert not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", ear.take())


def test_json_objects_are_cut_like_lines() -> None:
    wire = Jsonl()
    stream = json.dumps({"do": "say", "text": "x"}).encode() + b"\r\n"
    assert [request for byte in stream for request in wire.receive(bytes([byte]))] == [
        Request("say", "", {"text": "x"})
    ]
    assert not wire.unfinished
