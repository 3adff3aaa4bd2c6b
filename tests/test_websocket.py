"""The WebSocket: frames and messages, both ways of ending, talk with the other wires, and three foreign clients."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from websockets.frames import Frame, Opcode

from chat.events import Ended, Event, Listed, Person, Pinged, Recalled, Refused, Request, Said
from tests.gauges import memory
from tests.room import House
from tests.support import PATIENCE, ROOT, Connection, JsonClient, PlainClient, Server, needs
from tests.web_client import BINARY, CLOSE, CONT, PING, PONG, TEXT, WebClient, answered, asking, frame, upgrading
from wires.http import Http
from wires.jsonl import LINE, Jsonl
from wires.websocket import WebSocket, close

StartServer = Callable[..., Server]
JoinPlain = Callable[..., PlainClient]
JoinJson = Callable[..., JsonClient]
JoinWeb = Callable[..., WebClient]


@pytest.fixture
def join_web(request: pytest.FixtureRequest, start_server: object) -> Iterator[JoinWeb]:
    """`join_web("bob")`: someone on the WebSocket, logged in; without a name, nobody yet."""
    opened: list[WebClient] = []

    def visit(name: str = "", where: Server | None = None, **how: Any) -> WebClient:
        opened.append(WebClient(where or request.getfixturevalue("server"), name, **how))
        return opened[-1]

    yield visit
    for each in opened:
        each.close()


def padded(size: int, **fields: object) -> bytes:
    """Return a request of exactly this many bytes."""
    rest = json.dumps({"pad": "", **fields}).encode()
    return rest.replace(b'"pad": "', b'"pad": "' + b"x" * (size - len(rest)))


# ---- talk


def test_a_browser_a_person_and_a_program_talk(join_web: JoinWeb, join_plain: JoinPlain, join_json: JoinJson) -> None:
    ann, bob, robot = join_web("ann"), join_plain("bob"), join_json("robot")
    assert ann.welcome["users"] == ["Host", "ann"]
    ann.wait_for("entered", name="robot")
    assert ann.request("say", text="hällo\nworld")["event"] == "accepted"
    assert bob.wait_for("ann > ").endswith("hällo world")
    assert robot.wait_for("said", from_="ann")["text"] == "hällo\nworld"
    bob.send_line("hi, ann")
    assert ann.wait_for("said", from_="bob")["text"] == "hi, ann"
    robot.request("msg", to="ann", text="psst")
    assert ann.wait_for("whispered", from_="robot")["text"] == "psst"
    bob.close()
    ann.wait_for("left", name="bob")


def test_the_list_names_the_wire_of_a_browser(server: Server, join_web: JoinWeb) -> None:
    join_web("ann")
    server.type("LIST_USERS")
    server.wait_for("web")


def test_what_the_json_wire_writes_a_message_each(join_web: JoinWeb, join_json: JoinJson) -> None:
    ann, robot = join_web("ann"), join_json("robot")
    ann.wait_for("entered")
    for text in ("one", "two", "three"):
        robot.request("say", text=text)
    assert [ann.read()["text"] for _ in range(3)] == ["one", "two", "three"]


def test_not_json_is_refused_and_the_next_message_counts(join_web: JoinWeb) -> None:
    ann = join_web("ann")
    for message in ("", " ", "hello", "[]", '{"do":1}', "{" * 50_000, '{"do":"say","text":"a"'):
        ann.send_line(message)
        assert ann.read()["event"] == "refused"
    assert ann.request("ping")["event"] == "pong"


# ---- frames


def test_messages_of_every_length(join_web: JoinWeb) -> None:
    """RFC 6455 section 5.2: three ways to write a length."""
    ann = join_web("ann")
    for size in (125, 126, 127, 65_535, 65_536, LINE):
        ann.send(frame(TEXT, padded(size, do="ping", ref=size)))
        assert ann.wait_for(ref=size) == {"event": "pong", "ref": size}


def test_a_long_text_goes_through(join_web: JoinWeb, join_json: JoinJson) -> None:
    ann, robot = join_web("ann"), join_json("robot")
    ann.wait_for("entered")
    text = "ä€𝄞x" * 4000
    assert robot.request("say", text=text)["event"] == "accepted"
    assert ann.wait_for("said")["text"] == text
    assert ann.request("say", text=text)["event"] == "accepted"
    assert robot.wait_for("said")["text"] == text


def test_fragments_are_put_together_and_a_ping_among_them_is_answered(join_web: JoinWeb) -> None:
    """RFC 6455 section 5.4."""
    ann = join_web("ann")
    message = '{"do":"ping","ref":"ä"}'.encode()
    ann.send(frame(TEXT, b"", fin=False))
    for number in range(len(message)):
        ann.send(frame(CONT, message[number : number + 1], fin=False))
    ann.send(frame(PING, b"among"))
    assert ann.read_frame() == (PONG, b"among")
    ann.send(frame(CONT, b""))
    assert ann.read() == {"event": "pong", "ref": "ä"}


def test_a_session_in_single_bytes_is_the_same(join_web: JoinWeb) -> None:
    ann = join_web()
    for byte in frame(TEXT, b'{"do":"login","name":"ann"}') + frame(TEXT, b'{"do":"ping","ref":1}'):
        ann.send(bytes([byte]))
    assert ann.read()["event"] == "welcome" and ann.wait_for(ref=1)["event"] == "pong"


def test_what_came_with_the_upgrade_counts(server: Server) -> None:
    with Connection(server) as eager:
        eager.send(upgrading(server).encode() + frame(TEXT, b'{"do":"login","name":"ann","ref":1}') + frame(PING)[:1])
        assert answered(eager.read_until("\r\n\r\n")).status == 101
        assert '"event":"welcome"' in eager.read_until("}")


# ---- both ways of ending


def test_a_browser_that_closes_is_answered_and_has_left(join_web: JoinWeb, join_plain: JoinPlain) -> None:
    """RFC 6455 section 5.5.1: the answer has the same code, and nothing comes after it."""
    bob = join_plain("bob")
    for payload in (b"", b"\x03\xe8", b"\x03\xe9going", b"\x0c\x8aours", b"\x0f\xa0" + b"r" * 123):
        ann = join_web("ann")
        bob.wait_for("ann entered.")
        ann.send(frame(CLOSE, payload) + frame(TEXT, b'{"do":"say","text":"too late"}'))
        assert ann.read_frame() == (CLOSE, payload)
        assert ann.read_to_end() == ""
        assert bob.read_line().endswith("ann exited.")


def test_who_closes_with_1000_is_not_waited_for(start_server: Callable[..., Server], join_plain: JoinPlain) -> None:
    """Though he could come back by his token: a page that is loaded anew, or closed, says 1001."""
    server = start_server("--reload-limit", 1_000)
    bob = join_plain("bob", server)
    for name, payload in (("reloading", b"\x03\xe9"), ("leaving", b"\x03\xe8")):
        with WebClient(server) as ann:
            assert ann.request("login", name=name, token="")["token"]
            ann.send(frame(CLOSE, payload))
            ann.read_close()
    assert bob.wait_for("exited").endswith("leaving exited.")


FAULTS = {
    "not masked": (1002, frame(TEXT, b"{}", masked=False)),
    "an unknown opcode": (1002, frame(3)),
    "a reserved bit": (1002, frame(TEXT, b"{}", first=0x40)),
    "a continuation of nothing": (1002, frame(CONT, b"{}")),
    "a message within a message": (1002, frame(TEXT, b"{", fin=False) + frame(TEXT, b"}")),
    "a long ping": (1002, frame(PING, b"x" * 126)),
    "a ping in pieces": (1002, frame(PING, b"x", fin=False)),
    "half a close code": (1002, frame(CLOSE, b"\x03")),
    "a close code nobody may send": (1002, frame(CLOSE, b"\x03\xee")),
    "a close code of nobody": (1002, frame(CLOSE, b"\x03\xe7")),
    "a close reason that is not UTF-8": (1007, frame(CLOSE, b"\x03\xe8\xff")),
    "not UTF-8": (1007, frame(TEXT, b'"\xff"')),
    "a surrogate": (1007, frame(TEXT, b"\xed\xa0\x80")),
    "half a character": (1007, frame(TEXT, "ä".encode()[:1])),
    "not UTF-8, then a close": (1007, frame(TEXT, b"\xff") + frame(CLOSE, b"\x03\xe8")),
    "not UTF-8 over two fragments": (1007, frame(TEXT, b"\xc3", fin=False) + frame(CONT, b"\x28")),
    "bytes": (1003, frame(BINARY, b"{}")),
    "too long": (1009, frame(TEXT, padded(LINE + 1, do="ping"))),
    "said to be too long": (1009, frame(TEXT, b"x" * 65_536)[:2] + (1 << 62).to_bytes(8, "big")),
    "too long in fragments": (1009, frame(TEXT, b" " * LINE, fin=False) + frame(CONT, b" ")),
}


def test_a_fault_ends_the_connection_with_its_code(server: Server, join_web: JoinWeb, join_plain: JoinPlain) -> None:
    """RFC 6455 sections 5 and 7.4.1. The host is told why, and the others that ann has gone."""
    bob = join_plain("bob")
    for what, (code, data) in FAULTS.items():
        ann = join_web("ann")
        ann.send(data)
        assert ann.read_close()[0] == code, what
        bob.wait_for("ann exited.")
        server.wait_for("ann is off line: sent what no WebSocket sends: ")


def test_empty_fragments_take_no_memory(server: Server, join_web: JoinWeb) -> None:
    ann = join_web("ann")
    before = memory(server.pid)
    ann.send(frame(TEXT, b"{", fin=False) + frame(CONT, b"", fin=False) * 200_000)
    ann.send(frame(CONT, b'"do":"ping","ref":5}'))
    assert ann.wait_for(ref=5)["event"] == "pong"
    assert memory(server.pid) - before < 4 << 20


GOODBYES = [("quit", 1000), ("kicked", 1008), ("closing", 1001), ("login_timeout", 1008)]


@pytest.mark.parametrize(("code", "number"), GOODBYES)
def test_the_goodbye_is_followed_by_a_close_frame(
    start_server: StartServer, join_web: JoinWeb, code: str, number: int
) -> None:
    server = start_server("--login-timeout", 1)
    ann = join_web("" if code == "login_timeout" else "ann", server)
    if code == "quit":
        ann.tell("quit")
    elif code == "kicked":
        server.type("KICK ann")
    elif code == "closing":
        server.type("EXIT")
    assert ann.wait_for("goodbye")["code"] == code
    assert ann.read_close() == (number, code)


def test_all_that_was_asked_before_the_end_is_done(join_web: JoinWeb, join_json: JoinJson) -> None:
    robot, ann = join_json("robot"), join_web()
    said = b"".join(frame(TEXT, b'{"do":"say","text":"%d"}' % number) for number in range(20))
    ann.send(frame(TEXT, b'{"do":"login","name":"ann"}') + said + frame(CLOSE, b"\x03\xe8"))
    assert [robot.wait_for("said")["text"] for _ in range(20)] == [str(number) for number in range(20)]
    robot.wait_for("left", name="ann")


def test_a_cut_without_a_close_is_a_leave(join_web: JoinWeb, join_plain: JoinPlain) -> None:
    ann, eve, bob = join_web("ann"), join_web("eve"), join_plain("bob")
    ann.reset()
    bob.wait_for("ann exited.")
    eve.half_close()
    bob.wait_for("eve exited.")


# ---- life


def test_a_silent_browser_is_pinged_and_its_pong_counts(start_server: StartServer, join_web: JoinWeb) -> None:
    server = start_server("--ping-after", 0.5, "--silent-limit", 3)
    ann, mute = join_web("ann", server), join_web("mute", server)
    mute.mute = True
    for _ in range(5):
        opcode, payload = ann.read_frame()
        while opcode != PING:
            opcode, payload = ann.read_frame()
        ann.send(frame(PONG, payload))
    assert mute.wait_for("goodbye")["code"] == "timeout"
    assert mute.read_close() == (1008, "timeout")


def test_dripping_a_frame_keeps_nobody_alive(start_server: StartServer, join_web: JoinWeb) -> None:
    server = start_server("--ping-after", 0.3, "--silent-limit", 0.6)
    ann = join_web("ann", server)
    data = iter(frame(TEXT, b" " * 4000))
    while not ann._receive(0.05) or b"goodbye" not in ann.pending:
        ann.send(bytes([next(data)]))
    assert b'"code":"timeout"' in ann.pending


def test_a_name_must_come_within_its_time_after_the_upgrade(start_server: StartServer, join_web: JoinWeb) -> None:
    server = start_server("--request-timeout", 1.5, "--login-timeout", 2.5)
    with Connection(server) as late:
        late.send(upgrading(server))
        assert answered(late.read_until("\r\n\r\n")).status == 101
        late.read_until("No name came within 2.5 seconds")


# ---- compression

OFFER = {"Sec_WebSocket_Extensions": "permessage-deflate; client_max_window_bits"}


def deflated(data: bytes) -> bytes:
    """Return what RFC 7692 section 7.2.1 makes of a message."""
    deflater = zlib.compressobj(wbits=-12)
    return (deflater.compress(data) + deflater.flush(zlib.Z_SYNC_FLUSH)).removesuffix(b"\0\0\xff\xff")


def test_compression_keeps_no_context_either_way(join_web: JoinWeb) -> None:
    """RFC 7692 section 7.1: both sides begin anew with each message, with a window of 4 KiB."""
    chosen = join_web(headers=OFFER).handshake.headers["sec-websocket-extensions"]
    assert {part.strip() for part in chosen.split(";")} == {
        "permessage-deflate", "server_no_context_takeover", "client_no_context_takeover",
        "server_max_window_bits=12", "client_max_window_bits=12",
    }  # fmt: skip
    assert "sec-websocket-extensions" not in join_web().handshake.headers


def test_only_long_messages_are_compressed_and_only_for_those_who_take_them(
    join_web: JoinWeb, join_json: JoinJson
) -> None:
    narrow = {"Sec_WebSocket_Extensions": "permessage-deflate; server_max_window_bits=9"}
    ann, eve, sue = join_web("ann", headers=OFFER), join_web("eve"), join_web("sue", headers=narrow)
    robot = join_json("robot")
    for each in (ann, eve, sue):
        each.wait_for("entered", name="robot")
    robot.request("say", text="short")
    assert ann.wait_for("said")["text"] == "short"
    for _ in range(2):
        robot.request("say", text="long " * 1000)
        first, payload = ann.read_raw()
        assert first == 0xC1 and len(payload) < 500
        assert b'"text":"long long' in zlib.decompressobj(wbits=-12).decompress(payload)
    for each in (eve, sue):
        assert each.wait_for("said", text="long " * 1000)


def test_compressed_messages_are_read(join_web: JoinWeb) -> None:
    ann = join_web("ann", headers=OFFER)
    for number in (1, 2):
        data = deflated(b'{"do":"ping","ref":%d}' % number)
        ann.send(frame(TEXT, data[:3], fin=False, first=0x40) + frame(PING) + frame(CONT, data[3:]))
        assert ann.wait_for(ref=number)["event"] == "pong"


@pytest.mark.parametrize("in_one_frame", [True, False])
def test_a_deflate_bomb_is_put_out_before_it_unfolds(server: Server, join_web: JoinWeb, in_one_frame: bool) -> None:
    ann = join_web("ann", headers=OFFER)
    before = memory(server.pid)
    bomb = deflated(bytes(64 << 20))
    if in_one_frame:
        ann.send(frame(TEXT, bomb, first=0x40))
    else:
        ann.send(frame(TEXT, bomb[:500], fin=False, first=0x40) + frame(CONT, bomb[500:]))
    assert ann.read_close()[0] == 1009
    assert memory(server.pid) - before < 4 << 20


def test_rubbish_in_place_of_compressed_bytes(join_web: JoinWeb) -> None:
    ann = join_web("ann", headers=OFFER)
    ann.send(frame(TEXT, b"\xff" * 50, first=0x40))
    assert ann.read_close()[0] == 1002


# ---- one frame for all


def test_an_event_for_many_browsers_is_framed_once() -> None:
    """`fanout` asks one wire of a dialect, and all browsers are of one."""
    wires = [_shaken_hands() for _ in range(3)]
    assert len({wire.dialect for wire in wires}) == 1
    assert wires[0].dialect != Jsonl().dialect


def test_an_event_for_a_hundred_browsers_is_encoded_once() -> None:
    house = House()
    encoded: list[Event] = []

    class Counting(WebSocket):
        def encode_all(self, events: Sequence[Event]) -> bytes:
            encoded.extend(events)
            return super().encode_all(events)

    author, *crowd = [house.enter(f"user{number}", Counting(())) for number in range(101)]
    house.settle()
    for _, ear in crowd:
        ear.take()
    encoded.clear()
    for number in range(10):
        house.hub.say(author[0], f"line {number}")
    house.settle()
    assert len(encoded) == 10
    heard = {ear.take() for _, ear in crowd}
    assert len(heard) == 1 and heard.pop().count(b"line ") == 10


def _shaken_hands() -> WebSocket:
    http = Http()
    headers = {"Host": "x", "Upgrade": "websocket", "Connection": "Upgrade", "Sec_WebSocket_Version": "13"}
    list(http.receive(asking("/ws", "GET", {**headers, "Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ=="}).encode()))
    assert isinstance(http.successor, WebSocket)
    return http.successor


# ---- as values


def test_a_stream_cut_anywhere_asks_for_the_same() -> None:
    data = (
        frame(TEXT, b'{"do":"say",', fin=False) + frame(PING, b"!") + frame(CONT, '"text":"ä"}'.encode())
        + frame(TEXT, b"") + frame(PONG) + frame(TEXT, padded(130, do="ping", ref=1)) + frame(CLOSE, b"\x03\xe8")
    )  # fmt: skip
    whole = _shaken_hands()
    asked = list(whole.receive(data))
    assert [each.verb if isinstance(each, Request) else each.code for each in asked] == [
        "pong", "say", "not_json", "pong", "ping",
    ]  # fmt: skip
    replies = whole.replies()
    assert whole.over
    for cut in range(len(data)):
        wire = _shaken_hands()
        pieces = [*wire.receive(data[:cut]), *wire.receive(data[cut:])]
        assert [_comparable(each) for each in pieces] == [_comparable(each) for each in asked]
        assert wire.over and wire.replies() == replies


def _comparable(asked: Request | Refused) -> object:
    return asked if isinstance(asked, Request) else (asked.code, asked.text)


def test_what_was_recalled_is_a_message_each() -> None:
    event = Recalled(9, 0.0, "lobby", (Said(1, 0.0, "lobby", "a", "one\ntwo"), Said(2, 0.0, "lobby", "b", "x" * 200)))
    lines = Jsonl().encode(event).split(b"\n")[:-1]
    assert len(lines) == 3
    expected = b"".join(Frame(Opcode.TEXT, line).serialize(mask=False) for line in lines)
    assert _shaken_hands().encode(event) == expected


def test_pings_goodbyes_and_nothing() -> None:
    wire = _shaken_hands()
    assert wire.encode(Pinged(1, 0.0)) == bytes([0x89, 0])
    assert wire.encode(Ended(1, 0.0, "fault", "Sorry.")).endswith(close(1011, "fault"))
    assert wire.encode(Ended(1, 0.0, "slow", "Sorry.")).endswith(close(1008, "slow"))
    people = tuple(Person(f"user{number}", 1, ("lobby",)) for number in range(2000))
    assert wire.encode(Listed(1, 0.0, "users", "lobby", people))[:2] == b"\x81\x7f"
    assert wire.own(Said(1, 0.0, "lobby", "a", "b"), 1) == b""


# ---- three clients of others


def test_aiohttp(server: Server) -> None:
    aiohttp = pytest.importorskip("aiohttp")

    async def visit() -> list[object]:
        found: list[object] = []
        async with aiohttp.ClientSession() as session:
            async with session.ws_connect(f"http://127.0.0.1:{server.port}/ws", compress=15) as socket:
                for size in (125, 126, 65_535, 65_536):
                    await socket.send_str(padded(size, do="ping", ref=size).decode())
                    found.append((await socket.receive_json())["ref"])
                await socket.close(code=3210)
                found.append(socket.close_code)
            for bad in (b"\xff", b"x" * (LINE + 1)):
                async with session.ws_connect(f"http://127.0.0.1:{server.port}/ws") as socket:
                    await socket.send_frame(bad, aiohttp.WSMsgType.TEXT)
                    found.append((await socket.receive()).data)
            async with session.ws_connect(f"http://127.0.0.1:{server.port}/ws") as socket:
                await socket.send_json({"do": "login", "name": "ann"})
                await socket.send_json({"do": "quit"})
                found += [(await socket.receive_json())["event"] for _ in range(2)]
                found.append((await socket.receive()).data)
        return found

    expected = [125, 126, 65_535, 65_536, 3210, 1007, 1009, "welcome", "goodbye", 1000]
    assert asyncio.run(visit()) == expected


def test_websocket_client(server: Server) -> None:
    websocket = pytest.importorskip("websocket")
    url = f"ws://127.0.0.1:{server.port}/ws"
    found: list[object] = []
    socket = websocket.create_connection(url, timeout=PATIENCE)
    for size in (125, 126, 65_535, 65_536):
        socket.send(padded(size, do="ping", ref=size).decode())
        found.append(json.loads(socket.recv())["ref"])
    abnf = websocket.ABNF
    for fin, opcode, data in ((0, TEXT, '{"do":"pi'), (1, PING, "?"), (1, CONT, 'ng","ref":5}')):
        socket.send_frame(abnf.create_frame(data, opcode, fin))
    frames = [socket.recv_data_frame(control_frame=True) for _ in range(2)]
    found += sorted(opcode for opcode, _ in frames)
    socket.close()
    for bad in (b"\xff", b"x" * (LINE + 1)):
        socket = websocket.create_connection(url, timeout=PATIENCE)
        socket.send_frame(abnf(1, 0, 0, 0, abnf.OPCODE_TEXT, 1, bad))
        opcode, data = socket.recv_data(control_frame=True)
        found.append((opcode, int.from_bytes(data[:2], "big")))
        socket.shutdown()  # `close` leaves the socket open after a close frame
    assert found == [125, 126, 65_535, 65_536, TEXT, PONG, (CLOSE, 1007), (CLOSE, 1009)]


def test_npm_s_ws(server: Server) -> None:
    needs("node")
    env = {**os.environ, "NODE_PATH": "/usr/share/nodejs"}
    if subprocess.run(["node", "-e", "require('ws')"], env=env, capture_output=True, check=False).returncode:
        pytest.skip("needs npm's ws (Debian's node-ws), which is not installed here (`make test` installs it)")
    command = ["node", str(ROOT / "tests" / "ws_client.js"), str(server.port)]
    done = subprocess.run(command, env=env, capture_output=True, timeout=30, check=True)
    found = json.loads(done.stdout)
    assert sorted(found[:6]) == [*["pong"] * 5, "pong frame"]
    assert found[6:] == [3210, 1007, 1009, 1003, "goodbye", 1000]
