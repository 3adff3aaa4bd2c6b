"""JSON lines: what is refused and how, and that PROTOCOL.md says all that is spoken, and nothing else."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.events import Asked, Event, Pinged, Refused, Request
from tests.plain_grammar import chapter
from tests.room import NOON, Guest, House, weather
from tests.support import ROOT, JsonClient, Server
from wires import jsonl
from wires.jsonl import Jsonl, parse, read, write

LOGIN = b'{"do":"login","name":"bob"}\n'


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def bob(house: House) -> Guest:
    guest = house.guest(LOGIN)
    guest.take()
    return guest


def refused(line: bytes) -> Refused:
    found = parse(line)
    assert isinstance(found, Refused), found
    assert found.text.isprintable() and found.text.endswith(".")
    return found


# ---- what is no request

NOT_JSON = {
    "words": b"hello",
    "half an object": b'{"do":"say"',
    "two objects": b'{"do":"ping"}{"do":"ping"}',
    "single quotes": b"{'do':'ping'}",
    "a trailing comma": b'{"do":"ping",}',
    "depth": b"[" * 100_000,
    "depth in an object": b'{"do":' + b'{"a":' * 20_000,
    "closed depth": b'{"do":"say","text":' + b"[" * 60_000 + b"]" * 60_000 + b"}",
    "NaN": b'{"do":"say","text":NaN}',
    "Infinity": b'{"do":"say","text":-Infinity}',
    "digits": b'{"do":"say","text":' + b"9" * 100_000 + b"}",
    "digits in ref": b'{"do":"ping","ref":-' + b"9" * 100_000 + b"}",
    "duplicate keys": b'{"do":"say","text":"a","text":"b"}',
    "duplicate keys within": b'{"do":"say","x":{"a":1,"a":2}}',
    "bad UTF-8": b'{"do":"say","text":"\xc3("}',
    "a raw surrogate": b'{"do":"say","text":"\xed\xa0\x80"}',
    "overlong UTF-8": b'{"do":"say","text":"\xc0\xaf"}',
    "a byte order mark": b'\xef\xbb\xbf{"do":"ping"}',
    "UTF-16": '{"do":"ping"}'.encode("utf-16"),
    "a control character": b'{"do":"say","text":"a\x00b"}',
}
BAD_REQUEST = {
    "an array": b'["do"]',
    "a string": b'"do"',
    "a number": b"1",
    "null": b"null",
    "no do": b"{}",
    "do is null": b'{"do":null}',
    "do is empty": b'{"do":""}',
    "do is a number": b'{"do":1}',
    "do is a list": b'{"do":["say"]}',
    "do is an object": b'{"do":{}}',
    "ref is true": b'{"do":"ping","ref":true}',
    "ref is a float": b'{"do":"ping","ref":1.5}',
    "ref is 1e400": b'{"do":"ping","ref":1e400}',
    "ref is a list": b'{"do":"ping","ref":[1]}',
    "ref is an object": b'{"do":"ping","ref":{}}',
    "ref has 16 digits": b'{"do":"ping","ref":1000000000000000}',
    "ref has 65 characters": b'{"do":"ping","ref":"' + b"x" * 65 + b'"}',
    "ref has a control character": b'{"do":"ping","ref":"\\u001b"}',
    "ref is a lone surrogate": b'{"do":"ping","ref":"\\ud800"}',
    "line is a number with a fraction": b'{"do":"line","line":1.5}',
    "line is an object": b'{"do":"line","line":{}}',
}


@pytest.mark.parametrize(("line", "code"), [
    *(pytest.param(line, "not_json", id=name) for name, line in NOT_JSON.items()),
    *(pytest.param(line, "bad_request", id=name) for name, line in BAD_REQUEST.items()),
])  # fmt: skip
def test_what_is_refused(line: bytes, code: str) -> None:
    assert refused(line).code == code


def test_the_connection_lives_after_each_of_them(server: Server, join_json: Callable[..., JsonClient]) -> None:
    bob = join_json("bob")
    for code, lines in (("not_json", NOT_JSON), ("bad_request", BAD_REQUEST)):
        for name, line in lines.items():
            bob.send(line + b"\n")
            assert bob.read()["code"] == code, name
            assert bob.request("ping")["event"] == "pong", name


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60) | st.text('{}[]",:\\u0do1trsay ', max_size=60).map(str.encode))
def test_no_bytes_raise_anything(line: bytes) -> None:
    assert isinstance(parse(line), (Request, Refused))


WRONG = ["1.5", "true", "false", "{}", "[1]", "[[]]", '{"a":"b"}', "[null]", "1e400"]
FIELDS = [("say", "text"), ("me", "text"), ("msg", "to"), ("msg", "text"), ("nick", "name"), ("help", "command"),
          ("quit", "reason"), ("line", "line")]  # fmt: skip


@pytest.mark.parametrize(("verb", "field"), FIELDS)
def test_every_field_of_a_wrong_type_is_refused_by_its_name(house: House, bob: Guest, verb: str, field: str) -> None:
    whole = {"to": '"Host"', "text": '"x"'} if verb == "msg" else {}
    for value in WRONG:
        fields = ",".join(f'"{key}":{text}' for key, text in {**whole, field: value}.items())
        bob.send(f'{{"do":"{verb}",{fields},"ref":7}}\n'.encode())
        (answer,) = bob.objects()
        assert (answer["event"], answer["code"], answer["ref"]) == ("refused", "bad_request", 7), value
        assert answer["text"].startswith(f"{field} must be")


def test_a_name_of_a_wrong_type_is_refused(house: House) -> None:
    guest = house.guest()
    for value in WRONG:
        guest.send(f'{{"do":"login","name":{value},"ref":1}}\n'.encode())
        (answer,) = guest.objects()
        assert (answer["code"], answer["ref"]) == ("bad_request", 1)
    guest.send(b'{"do":"login","ref":2}\n{"do":"login","name":null}\n{"do":"login","name":[]}\n')
    assert [answer["code"] for answer in guest.objects()] == ["name_missing"] * 3
    guest.send(b'{"do":"login","name":7}\n')
    assert guest.objects()[0]["name"] == "7"


def test_unknown_keys_are_ignored_whatever_they_hold(bob: Guest) -> None:
    for value in [*WRONG, "null", '"x"', "[]"]:
        bob.send(f'{{"do":"say","text":"hi","x":{value},"":{value},"rest":{value},"ref":1}}\n'.encode())
        assert bob.objects()[0]["event"] == "accepted", value


def test_a_number_and_a_list_of_names_are_text_too() -> None:
    assert parse(b'{"do":"say","text":5}') == Request("say", "", {"text": "5"})
    assert parse(b'{"do":"msg","to":["a","b"],"text":-1}') == Request("msg", "", {"to": "a,b", "text": "-1"})
    assert parse(b'{"do":"say","text":null,"x":1.5}') == Request("say", "", {"x": None})


@pytest.mark.parametrize("verb", ["say", "SAY", "Say"])
def test_do_in_any_case(verb: str) -> None:
    assert parse(f'{{"do":"{verb}","text":"x"}}'.encode()) == Request("say", "", {"text": "x"})
    assert parse(b'{"do":"LINE","line":"/me x"}') == Request("line", "/me x")


@pytest.mark.parametrize("ref", [0, 1, -1, 999_999_999_999_999, -999_999_999_999_999, "", "x", "x" * 64, "é\U0001f600"])
def test_every_answer_carries_the_ref(house: House, ref: int | str) -> None:
    guest = house.guest()
    house.guest(b"ear\n")
    requests: list[dict[str, Any]] = [
        {"do": "ping"}, {"do": "nope"}, {"do": "login", "name": ""}, {}, {"do": "login", "name": "bob"},
        {"do": "login", "name": "b"}, {"do": "say", "text": "x"}, {"do": "me", "text": "x"}, {"do": "say"},
        {"do": "ping"},
        {"do": "msg", "to": "ear", "text": "x"}, {"do": "msg", "to": "no", "text": "x"}, {"do": "users"},
        {"do": "whoelse"},
        {"do": "help"}, {"do": "nope"}, {"do": "kick", "name": "ear"}, {"do": "nick", "name": "rob"},
        {"do": "nick", "name": "Host"}, {"do": "line", "line": "/me x"}, {"do": "line", "line": "x"},
        {"do": "line", "line": "/help"}, {"do": "line", "line": "/nope"}, {"do": "line", "line": ""}, {},
        {"do": "msg", "to": ["a"] * 30, "text": "x"}, {"do": "line", "line": 1.5},
    ]  # fmt: skip
    for request in requests:
        guest.send(json.dumps({**request, "ref": ref}).encode() + b"\n")
        (answer,) = guest.objects()
        assert answer.get("ref", "none") == ref, (request, answer)


def test_without_ref_no_ref(bob: Guest) -> None:
    bob.send(b'{"do":"say","text":"x"}\n{"do":"ping"}\n{"do":"nope"}\n{"do":"say","text":"x","ref":null}\n')
    assert not [answer for answer in bob.objects() if "ref" in answer]


def test_ones_own_message_is_acknowledged_with_the_id_and_time_that_others_see(house: House, bob: Guest) -> None:
    ear = house.guest(b'{"do":"login","name":"ear"}\n')
    ear.take(), bob.take()
    bob.send(
        b'{"do":"say","text":"a\\nb","ref":1}\n{"do":"me","text":"c"}\n{"do":"msg","to":"EAR,no","text":"d","ref":2}\n'
    )
    own, others = bob.objects(), ear.objects()
    assert [(o["event"], o["do"], o["text"]) for o in own] == [
        ("accepted", "say", "a\nb"), ("accepted", "me", "c"), ("accepted", "msg", "d")]  # fmt: skip
    assert [o["event"] for o in others] == ["said", "acted", "whispered"]
    assert [(o["id"], o["time"]) for o in own] == [(o["id"], o["time"]) for o in others]
    assert (own[2]["to"], own[2]["away"], others[2]["to"]) == (["ear"], ["no"], ["ear"])
    assert others[0]["text"] == "a\nb"


def test_time_is_utc_with_milliseconds(house: House, bob: Guest) -> None:
    for now, shown in ((NOON + 0.0625, "2027-01-15T08:00:00.062Z"), (0.9999, "1970-01-01T00:00:00.999Z")):
        house.clock.now = now
        bob.send(b'{"do":"say","text":"x"}\n')
        assert bob.objects()[0]["time"] == shown


def test_text_is_made_harmless_and_lone_surrogates_become_replacements(house: House, bob: Guest) -> None:
    bob.send(b'{"do":"say","text":"\\ud800a\\u001b[2J\\u0000\\u202eb\\r\\nc"}\n')
    assert bob.objects()[0]["text"] == "\ufffda[2Jb\nc"
    for request in (b'{"do":"\\ud800"}', b'{"do":"line","line":"/\\udfff x"}',
                    b'{"do":"msg","to":"\\ud800","text":"x"}', b'{"do":"help","command":"\\ud800"}',
                    b'{"do":"nick","name":"\\ud800"}',
                    b'{"do":"msg","to":["a\\nb"],"text":"x"}'):  # fmt: skip
        bob.send(request + b"\n")
        assert bob.objects()[0]["event"] == "refused"


def test_a_message_may_have_16384_characters(bob: Guest) -> None:
    for size, event in ((16_384, "accepted"), (16_385, "refused")):
        for character in ("x", "\U0001f600"):
            text = character * size
            bob.send(json.dumps({"do": "say", "text": text}, ensure_ascii=False).encode() + b"\n")
            (answer,) = bob.objects()
            assert answer["event"] == event
            assert answer.get("text") == text or answer["code"] == "too_long"


# ---- both ends of the wire


json_values = st.dictionaries(
    st.text(max_size=5), st.text(max_size=9) | st.integers(-9, 10**12) | st.none(), max_size=5
)


@settings(max_examples=200, deadline=None)
@given(json_values)
def test_write_and_read_are_each_others_inverse(values: dict[str, Any]) -> None:
    line = write(values)
    assert line.count(b"\n") == 1 and line.endswith(b"\n")
    expected = json.loads(json.dumps(values, ensure_ascii=False).encode("utf-8", "replace")) if _clean(values) else None
    if expected is not None:
        assert read(line[:-1]) == expected


def _clean(values: dict[str, Any]) -> bool:
    try:
        json.dumps(values, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def test_write_survives_lone_surrogates() -> None:
    assert set(read(write({"text": "a\ud800b"})[:-1])["text"]) == set("a\ufffdb")


# ---- the page and the source agree

PAGE = chapter("JSON lines")
ROWS = [json.loads(row.replace('"time":T', '"time":"T"'))
        for cell in re.findall(r"^\| (`\{.*?\}`(?:, `\{.*?\}`)*) \|", PAGE, re.MULTILINE)
        for row in re.findall(r"`(\{.*?\})`(?=,| |$)", cell)]  # fmt: skip
EVENT_ROWS = [row for row in ROWS if "event" in row]
REQUEST_ROWS = [row for row in ROWS if "do" in row and "event" not in row]

Shape = tuple[str, frozenset[str]]


def shape(found: dict[str, Any]) -> Shape:
    """Return the event with its verb, if that makes a difference, and its keys but `ref`."""
    word = f"{found['event']} {found['do']}" if "do" in found else found["event"]
    return word.replace("accepted me", "accepted say"), frozenset(found) - {"ref", "history"}


def everything_said() -> Iterator[dict[str, Any]]:
    """Yield what a server says in a visit in which everything happens."""
    house = House(rooms=[weather()])
    bob, eve = house.program("bob"), house.program("eve")
    for request in REQUEST_ROWS[2:]:
        if request["do"] != "quit":
            bob.send(json.dumps(request).encode() + b"\n")
    bob.send(b'{"do":"watch","name":"carol"}\n')
    carol, den = house.program("carol"), house.program("den")
    carol.send(b'{"do":"quit"}\n')
    den.send(b'{"do":"join","room":"den"}\n')
    bob.send(b'{"do":"umode","change":"+w"}\n{"do":"join","room":"den"}\n')
    den.send(b'{"do":"topic","text":"x"}\n{"do":"mode","changes":"+m"}\n{"do":"invite","name":"eve"}\n')
    den.send(b'{"do":"away","reason":"lunch"}\n{"do":"kick","name":"rob","reason":"x"}\n')
    house.table.run(house.hub, house.host, house.table.read(house.host, "/wallops x"))
    for line in ("ANNOUNCE x", "SLOW 30", "SLOW 0"):
        house.table.run(house.hub, house.host, house.table.read(house.host, line))
    eve.send(b'{"do":"say","text":"x","notice":"1"}\n{"do":"msg","to":"rob","text":"x","notice":"1"}\n')
    eve.send(
        b'{"do":"say","text":"x"}\n{"do":"me","text":"x"}\n{"do":"msg","to":"rob","text":"x"}\n{"do":"nick","name":"eva"}\n'
    )
    newest = house.hub.rooms.lobby.scrollback.last(1)[0].id
    house.table.run(house.hub, house.host, house.table.read(house.host, f"REMOVE {newest} x"))
    bob.send(b'{"do":"msg","to":"eva","text":"x"}\n{"do":"nope"}\n')
    eve.send(b'{"do":"quit"}\n')
    bob.answer(Pinged(0, 0.0))
    bob.answer(Asked(0, 0.0, "name", "What is your name?"))
    bob.send(b'{"do":"quit","reason":"lunch"}\n')
    yield from (*bob.objects(), *eve.objects())


def test_the_page_has_rows() -> None:
    assert len(REQUEST_ROWS) >= 12 and len(EVENT_ROWS) >= 15


def test_every_event_has_exactly_the_keys_on_the_page_and_the_page_knows_no_other() -> None:
    assert {shape(found) for found in everything_said()} == {shape(row) for row in EVENT_ROWS}


def test_every_value_is_of_the_type_on_the_page() -> None:
    rows = {shape(row): row for row in EVENT_ROWS}
    for found in everything_said():
        row = rows[shape(found)]
        assert {key: type(found[key]) for key in shape(found)[1]} == {key: type(row[key]) for key in shape(row)[1]}
    for event, key in (("listed", "users"), ("channels", "channels")):
        said = next(found for found in everything_said() if found["event"] == event)[key]
        shown = next(row for row in EVENT_ROWS if row["event"] == event)[key]
        assert {key: type(value) for key, value in said[0].items()} == {
            key: type(value) for key, value in shown[0].items()
        }


def test_what_was_said_before_is_marked_and_ended(house: House) -> None:
    ann = house.program("ann")
    ann.send(b'{"do":"say","text":"one"}\n{"do":"me","text":"two"}\n')
    live = [(found["id"], found["time"], found["text"]) for found in ann.objects()[1:]]
    house.clock.now += 60
    bob = house.program("bob")
    _, *recalled, end = bob.objects()
    assert [found["event"] for found in recalled] == ["said", "acted"]
    assert [(found["id"], found["time"], found["text"]) for found in recalled] == live
    assert all(found["history"] is True and "ref" not in found for found in recalled)
    assert (end["event"], end["room"], end["count"]) == ("history", "lobby", 2)
    bob.send(b'{"do":"history","n":1,"ref":7}\n')
    last, end = bob.objects()
    assert (last["text"], last["ref"]) == ("two", 7)
    assert (end["event"], end["room"], end["count"], end["ref"]) == ("history", "", 1, 7)


def test_the_page_knows_every_writer() -> None:
    words = {found["event"] for found in everything_said()}
    assert words == {row["event"] for row in EVENT_ROWS}
    assert len(jsonl._WRITERS) == len(words - {"accepted", "history", "said", "acted"})
    assert all(issubclass(kind, Event) for kind in jsonl._WRITERS)


@pytest.mark.parametrize("row", REQUEST_ROWS, ids=json.dumps)
def test_every_request_on_the_page_is_one(row: dict[str, Any]) -> None:
    request = parse(json.dumps(row).encode())
    assert isinstance(request, Request)
    table = House().table
    command = table._verbs.get(request.verb)
    assert command or request.verb in ("login", "ping", "pong", "line")
    if command:
        assert set(request.fields or {}) <= {*command.names, *command.more.split()}


def _codes(title: str) -> set[str]:
    paragraph = PAGE.partition(f"`{title}` codes:")[2].partition("`goodbye` codes:" if title == "refused" else "\n\n")[
        0
    ]
    return set(re.findall(r"`([a-z_]+)`", paragraph)) - {"goodbye"}


def _calls() -> Iterator[tuple[str, list[set[str]]]]:
    """Yield each call in the source: its name, and for each argument the strings that it may be."""
    parts = ("chat", "wires", "commands", "net", "store")
    files = [path for part in parts for path in (ROOT / part).rglob("*.py")]
    for path in [*files, *ROOT.glob("*.py")]:
        tree = ast.parse(path.read_bytes())
        named: dict[str, set[str]] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                named.setdefault(node.targets[0].id, set()).update(_strings(node.value, {}))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                yield called, [_strings(argument, named) for argument in node.args]


def _strings(node: ast.expr, named: dict[str, set[str]]) -> set[str]:
    if isinstance(node, ast.IfExp):
        return _strings(node.body, named) | _strings(node.orelse, named)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return {node.value}
    return named.get(node.id, set()) if isinstance(node, ast.Name) else set()


def test_the_refusal_codes_on_the_page_are_those_of_the_source() -> None:
    raised = {code for called, arguments in _calls() if called == "Refused" and arguments for code in arguments[0]}
    assert raised == _codes("refused")


def test_the_goodbye_codes_on_the_page_are_those_of_the_source() -> None:
    places = {"dismiss": 0, "come_anew": 0, "_put_out": 1, "end": 1}
    said = {
        code
        for called, arguments in _calls()
        if called in places and len(arguments) > places[called]
        for code in arguments[places[called]]
    }
    assert said == _codes("goodbye")


def test_a_line_of_a_program_is_at_most_as_long_as_the_page_says() -> None:
    assert f"{jsonl.LINE:,} bytes" in PAGE
    wire = Jsonl()
    head, tail = b'{"do":"ping","x":"', b'"}'
    for size, kind in ((jsonl.LINE, Request), (jsonl.LINE + 1, Refused)):
        line = head + b"x" * (size - len(head) - len(tail)) + tail
        assert [type(found) for found in wire.receive(line + b"\r\n")] == [kind]
