"""HTTP: the page and its files, what is refused, and what a stranger's page or a hostile request comes to."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.gauges import cpu_seconds, memory
from tests.support import ROOT, Connection, JsonClient, LineClient, PlainClient, Program, Server
from tests.web_client import Answer, answered, asking, fetch, get, upgrading
from wires.http import HEAD, Http, Site
from wires.origin import Trust
from wires.pages import KINDS, load

StartServer = Callable[..., Server]
Start = Callable[..., Program]
Connect = Callable[..., LineClient]
JoinPlain = Callable[..., PlainClient]
JoinJson = Callable[..., JsonClient]


def is_guarded(answer: Answer) -> bool:
    """Every answer says that it is the last, is taken for nothing else, and loads nothing from elsewhere."""
    policy = answer.headers["content-security-policy"]
    return (
        answer.headers["connection"].startswith("close")
        and answer.headers["x-content-type-options"] == "nosniff"
        and answer.headers["referrer-policy"] == "no-referrer"
        and policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        and "unsafe" not in policy
        and "set-cookie" not in answer.headers
    )


# ---- the page


def test_every_file_of_the_page_is_served_as_what_it_is(server: Server) -> None:
    files = [path for path in (ROOT / "web").rglob("*") if path.suffix in KINDS]
    assert files
    for path in files:
        answer = get(server, f"/{path.relative_to(ROOT / 'web').as_posix()}")
        assert answer.status == 200 and is_guarded(answer)
        assert answer.headers["content-type"] == KINDS[path.suffix]
        assert int(answer.headers["content-length"]) == path.stat().st_size
    index = (ROOT / "web" / "index.html").read_text(encoding="utf-8")
    assert get(server, "/").body == get(server, "/?room=weather").body == index


def test_only_known_kinds_within_the_folder_are_taken(tmp_path: Path) -> None:
    folder = tmp_path / "web"
    (folder / "parts").mkdir(parents=True)
    for name in ("index.html", "parts/a.js", "notes.txt", "x.py", ".hidden.js", "b.js.bak"):
        (folder / name).write_text(name, encoding="utf-8")
    (tmp_path / "secret.js").write_text("secret", encoding="utf-8")
    (folder / "way-out.js").symlink_to(tmp_path / "secret.js")
    assert load(folder).keys() == {"/", "/index.html", "/parts/a.js"}
    assert load(tmp_path / "nothing") == {}


def test_head_gets_the_head_alone(server: Server) -> None:
    """RFC 9110 section 9.3.2."""
    page, head = get(server), get(server, verb="HEAD")
    page.headers.pop("date"), head.headers.pop("date")
    assert head.body == "" and head.headers == page.headers and int(head.headers["content-length"]) > 0
    missing = get(server, "/nothing", verb="HEAD")
    assert missing.status == 404 and missing.body == ""


def test_a_page_that_has_not_changed_is_not_sent_again(server: Server) -> None:
    """RFC 9110 section 13.1.2: weak comparison, a list of tags."""
    tag = get(server).headers["etag"]
    for known in (tag, f'"x", W/{tag}', "*"):
        answer = get(server, If_None_Match=known)
        assert answer.status == 304 and answer.body == "" and answer.headers["etag"] == tag and is_guarded(answer)
    assert get(server, If_None_Match='"x"').status == 200


def test_nothing_is_cached_that_is_not_the_same_for_everyone(server: Server) -> None:
    assert get(server).headers["cache-control"] == "no-cache"
    for path in ("/healthz", "/nothing", "/ws"):
        assert get(server, path).headers["cache-control"] == "no-store"


def test_the_policy_names_the_websocket_of_this_host(server: Server) -> None:
    place = f"{server.host}:{server.port}"
    assert f"connect-src 'self' ws://{place} wss://{place};" in get(server).headers["content-security-policy"]
    other = get(server, Host="[::1]:3001").headers["content-security-policy"]
    assert "connect-src 'self';" in other


def test_healthz(server: Server) -> None:
    answer = get(server, "/healthz")
    assert (answer.status, answer.body) == (200, "ok\n") and is_guarded(answer)


# ---- what is refused


HOSTILE = """
/../chat_server.py /..%2fchat_server.py /%2e%2e/chat_server.py /%2e%2e%2fchat_server.py /..;/chat_server.py
/./index.html //index.html ///etc/passwd /etc/passwd /web/index.html /web/../web/index.html /index.html/
/index.html%00.js /index.html%20 /index.html. /INDEX.HTML /%69ndex.html /index.html/../../README.md /app.css/..
/..\\chat_server.py /..%5cchat_server.py /%5c..%5cchat_server.py /file:///etc/passwd file:///etc/passwd
/.git/config /.gitignore /.env /web /web/ /ws/ /ws/../ws /WS /healthz/ /%77s /proc/self/environ /chat.toml
/chat.sqlite /%c0%ae%c0%ae/chat_server.py /%252e%252e/chat_server.py * / /?/../../etc/passwd
""".split()


def test_no_path_leads_out(server: Server) -> None:
    for path in HOSTILE:
        answer = get(server, path)
        if path.partition("?")[0] == "/":
            assert answer.status == 200 and "<html" in answer.body, path
        else:
            assert answer.status == 404 and answer.body == "There is nothing here.\n" and is_guarded(answer), path


def test_other_verbs_are_refused(server: Server) -> None:
    for verb in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "PROPFIND"):
        for path in ("/", "/ws"):
            answer = get(server, path, verb=verb)
            assert answer.status == 405 and answer.headers["allow"] == "GET, HEAD" and is_guarded(answer), verb


def test_a_form_with_chat_lines_in_it_says_nothing(server: Server, join_plain: JoinPlain) -> None:
    """A page from anywhere can make a browser send this: nothing of it may reach the room."""
    bob = join_plain("bob")
    lines = 'mallory\n/msg bob psst\nhello\n{"do":"login","name":"mallory"}\n{"do":"say","text":"hi"}\n'
    length = {"Host": "127.0.0.1", "Content-Type": "text/plain", "Content-Length": str(len(lines))}
    answer = fetch(server, asking("/", "POST", length) + lines)
    assert answer.status == 405
    bob.send_line("/users")
    assert "mallory" not in bob.wait_for(" in lobby:")


BAD_REQUESTS = {
    "a body": (413, "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"),
    "a body in pieces": (411, "GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
    "two ideas of a body": (
        413,
        "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    "a strange length": (400, "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: +0\r\n\r\n"),
    "a strange coding": (400, "GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: \x0bchunked\r\n\r\n"),
    "no host": (400, "GET / HTTP/1.1\r\n\r\n"),
    "two hosts": (400, "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: 127.0.0.1\r\n\r\n"),
    "an impossible host": (400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
    "a host with a user": (400, "GET / HTTP/1.1\r\nHost: me@127.0.0.1\r\n\r\n"),
    "no version": (400, "GET /\r\n"),
    "the preface of HTTP/2": (505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "a strange version": (400, "GET / HTTP/1.1x\r\n\r\n"),
    "another version": (505, "GET / HTTP/2.0\r\nHost: x\r\n\r\n"),
    "an old version": (505, "GET / HTTP/0.9\r\nHost: x\r\n\r\n"),
    "two blanks": (400, "GET  / HTTP/1.1\r\nHost: x\r\n\r\n"),
    "no path": (400, "GET  HTTP/1.1\r\nHost: x\r\n\r\n"),
    "a path with a control": (400, "GET /\x01 HTTP/1.1\r\nHost: x\r\n\r\n"),
    "a path beyond ASCII": (400, "GET /ü HTTP/1.1\r\nHost: x\r\n\r\n"),
    "bare line feeds": (400, "GET / HTTP/1.1\nHost: x\n\n"),
    "a bare line feed among headers": (400, "GET / HTTP/1.1\r\nHost: x\nX: y\r\n\r\n"),
    "a header without a colon": (400, "GET / HTTP/1.1\r\nHost\r\n\r\n"),
    "a header with a blank before its colon": (400, "GET / HTTP/1.1\r\nHost : x\r\n\r\n"),
    "a folded header": (400, "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n"),
    "a header with NUL": (400, "GET / HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n"),
    "a header bomb": (431, "GET / HTTP/1.1\r\nHost: x\r\n" + "A: b\r\n" * 2000 + "\r\n"),
    "many short headers": (431, "GET / HTTP/1.1\r\nHost: x\r\n" + "A:\r\n" * 1000 + "\r\n"),
    "one long header": (431, "GET / HTTP/1.1\r\nHost: x\r\nA: " + "b" * HEAD + "\r\n\r\n"),
    "a long path": (414, "GET /" + "a" * HEAD + " HTTP/1.1\r\nHost: x\r\n\r\n"),
}


def test_a_bad_request_is_refused_in_a_sentence(server: Server) -> None:
    for what, (status, request) in BAD_REQUESTS.items():
        answer = fetch(server, request)
        assert answer.status == status and is_guarded(answer), what
        assert answer.body.endswith(".\n"), what


def test_a_request_may_be_just_as_long_as_is_said(server: Server) -> None:
    rest = "GET / HTTP/1.1\r\nHost: x\r\nA: \r\n\r\n"
    for extra, status in ((0, 200), (1, 431)):
        answer = fetch(server, rest.replace("A: ", "A: " + "b" * (HEAD - len(rest) + extra)))
        assert answer.status == status


def test_what_follows_a_request_is_left_out(server: Server) -> None:
    """No pipelining and no smuggling: one answer, whatever comes behind the request."""
    one = asking("/healthz", "GET", {"Host": "127.0.0.1"})
    for rest in (one, one * 50, "POST / HTTP/1.1\r\n\r\n", '{"do":"login","name":"m"}\n', "\0" * 100_000):
        with Connection(server) as visitor:
            visitor.send(one + rest)
            assert visitor.read_to_end().count("HTTP/1.1 ") == 1


def test_a_target_may_name_the_host(server: Server) -> None:
    """RFC 9112 section 3.2.2: then the Host header does not count."""
    assert get(server, "http://127.0.0.1/healthz", Host="evil.example").status == 200
    assert get(server, "HTTP://127.0.0.1", Host="x").status == 200
    assert get(server, "http://evil.example/healthz").status == 421


def test_http_1_0_needs_no_host(server: Server) -> None:
    assert fetch(server, "GET /healthz HTTP/1.0\r\n\r\n").status == 200
    assert fetch(server, upgrading(server).replace("HTTP/1.1", "HTTP/1.0")).status == 505


# ---- time


def test_half_a_request_is_closed_at_its_deadline_with_408(start_server: StartServer) -> None:
    server = start_server("--request-timeout", 1)
    began = time.monotonic()
    with Connection(server) as half, Connection(server) as dripping:
        half.send("GET / HTTP/1.1\r\nHost: x\r\n")
        dripping.send("GET /ws HTTP/1.1\r\nA: ")
        while not dripping._receive(0.05):
            dripping.send("b")
            assert time.monotonic() - began < 9, "10 s are the default"
        for visitor in (half, dripping):
            answer = answered(visitor.read_to_end())
            assert answer.status == 408 and "within 1 seconds" in answer.body and is_guarded(answer)
    assert 0.9 < time.monotonic() - began < 9
    server.wait_for("left without a name: No whole request came within 1 seconds.")


def test_a_slow_request_that_comes_to_its_end_is_answered(server: Server) -> None:
    with Connection(server) as visitor:
        for byte in asking("/healthz", "GET", {"Host": "127.0.0.1"}):
            visitor.send(byte)
        assert answered(visitor.read_to_end()).status == 200


def test_who_said_nothing_at_first_is_understood_later(connect: Connect, server: Server) -> None:
    """A browser opens connections before it needs them; a program's first packet may be lost, and come late."""
    browser, program, person = connect(), connect(), connect()
    for visitor in (browser, program, person):
        assert visitor.read_line() == "What is your name?"
    browser.send(asking("/healthz", "GET", {"Host": "127.0.0.1"}))
    assert answered(browser.read_to_end()).status == 200
    program.send_line('{"do":"login","name":"robot","ref":1}')
    assert '"event":"welcome"' in program.read_line()
    person.send_line("ann")
    assert person.read_line() == "OK"


def test_the_room_closes_on_half_a_request(start_server: StartServer) -> None:
    server = start_server()
    with Connection(server) as visitor:
        visitor.send("GET / HTTP/1.1\r\n")
        assert get(server, "/healthz").status == 200  # so the half one has been read, too
        server.process.terminate()
        assert answered(visitor.read_to_end()).status == 503
    assert server.wait() == 0


def test_five_hundred_pages_leave_nothing_behind(server: Server) -> None:
    get(server)
    before, used = memory(server.pid), cpu_seconds(server.pid)
    for _ in range(500):
        assert get(server).status == 200
    assert memory(server.pid) - before < 4 << 20
    assert cpu_seconds(server.pid) - used < 10


# ---- names and pages from elsewhere


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("127.0.0.1", True), ("192.168.1.5:3001", True), ("[::1]:3001", True), ("[fe80::1]", True),
        ("localhost:3001", True), ("LOCALHOST", True), ("localhost.", True), ("box", True), ("box.local:3001", True),
        ("a.internal", True), ("server.home.arpa", True), ("lab7.example.edu", True), ("chat.example.org", True),
        ("chat.example.org:8443", False), ("evil.example", False), ("127.0.0.1.evil.example", False),
        ("box.local.evil.example", False), ("evil.example.", False), ("localhost.evil.example:3001", False),
        ("[::1].evil.example", False), ("local", True), ("evil.notlocal", False), ("1.2.3", False), ("[zz]", False),
        ("", False), ("a b", False), ("x:y", False), ("x:123456", False), ("me@x", False), ("127.0.0.1\n", False),
    ],
)  # fmt: skip
def test_a_name_that_a_stranger_could_own_is_not_ours(host: str, known: bool) -> None:
    """DNS rebinding: the stranger's name leads here, and his page is then of the same origin."""
    trust = Trust(frozenset({"lab7.example.edu"}), frozenset({"https://chat.example.org"}))
    assert trust.knows(host) is known


def test_a_foreign_name_gets_nothing(server: Server, start_server: StartServer) -> None:
    for path in ("/", "/ws", "/healthz", "/nothing"):
        answer = get(server, path, Host="evil.example")
        assert answer.status == 421 and is_guarded(answer)
    allowing = start_server("--allow-origin", "https://Chat.Example.org/")
    assert get(allowing, Host="chat.example.org").status == 200
    assert get(allowing, Host="evil.example").status == 421


FOREIGN = ["null", "", "http://evil.example", "https://127.0.0.1", "http://127.0.0.1", "http://127.0.0.1:1", "file://",
           "http://127.0.0.1:{port}.evil.example", "http://evil.example/http://127.0.0.1:{port}", "ws://127.0.0.1:{port}",
           "chrome-extension://abc", "http://localhost:{port}", "*"]  # fmt: skip


def test_a_page_from_elsewhere_gets_no_websocket(server: Server) -> None:
    for origin in FOREIGN:
        head = upgrading(server).removesuffix("\r\n") + f"Origin: {origin.format(port=server.port)}\r\n\r\n"
        answer = fetch(server, head)
        assert answer.status == 403 and is_guarded(answer), origin
        assert "upgrade" not in answer.headers


def test_two_origins_are_none(server: Server) -> None:
    own = f"Origin: http://127.0.0.1:{server.port}\r\n"
    assert fetch(server, upgrading(server).removesuffix("\r\n") + own * 2 + "\r\n").status == 403


def test_own_pages_allowed_ones_and_programs_get_it(start_server: StartServer) -> None:
    server = start_server("--allow-origin", "https://chat.example.org", "--allow-origin", "http://other.example:8080")
    own = f"127.0.0.1:{server.port}"
    for origin in ("", f"http://{own}", f"HTTP://{own}", f"https://{own}", "https://chat.example.org",
                   "http://other.example:8080"):  # fmt: skip
        with Connection(server) as visitor:
            visitor.send(upgrading(server, Origin=origin))
            assert answered(visitor.read_until("\r\n\r\n")).status == 101


@pytest.mark.parametrize("origin", ["*", "null", "chat.example.org", "https://x/y", "ftp://x", "http://", "http://a b"])
def test_an_origin_that_is_none_does_not_start(start: Start, origin: str) -> None:
    program = start("chat_server.py", "--port", 0, "--allow-origin", origin)
    assert program.wait() == 2
    assert "such as https://chat.example.org" in program.errors()


def test_origins_in_the_file(start: Start, tmp_path: Path) -> None:
    (tmp_path / "chat.toml").write_text('allow_origin = ["https://chat.example.org"]\n', encoding="utf-8")
    program = start("chat_server.py", "--port", 0, "--data", tmp_path, "--check")
    program.wait_for('allow_origin = ["https://chat.example.org"]')
    assert program.wait() == 0


# ---- the upgrade


BAD_UPGRADES = {
    "no upgrade": (426, {"Upgrade": ""}),
    "another upgrade": (426, {"Upgrade": "h2c"}),
    "no connection": (426, {"Connection": ""}),
    "an old version": (426, {"Sec_WebSocket_Version": "8"}),
    "no version": (426, {"Sec_WebSocket_Version": ""}),
    "no key": (400, {"Sec_WebSocket_Key": ""}),
    "a short key": (400, {"Sec_WebSocket_Key": "c2hvcnQ="}),
    "a strange key": (400, {"Sec_WebSocket_Key": "!"}),
}


def test_a_bad_upgrade_is_refused(server: Server) -> None:
    """RFC 6455 section 4.2.2, and RFC 9110 section 15.5.22: 426 says to what."""
    for what, (status, headers) in BAD_UPGRADES.items():
        answer = fetch(server, upgrading(server, **headers))
        assert answer.status == status and is_guarded(answer), what
        if status == 426:
            assert answer.headers["upgrade"] == "websocket" and "upgrade" in answer.headers["connection"]
            assert answer.headers["sec-websocket-version"] == "13"


SITE = Site({}, Trust())


def test_an_upgrade_cut_at_every_byte_is_the_same() -> None:
    head = asking("/ws", "GET", {"Host": "x", "Upgrade": "websocket", "Connection": "keep-alive, Upgrade",
                                 "Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ==",
                                 "Sec_WebSocket_Version": "13"}).encode()  # fmt: skip
    for cut in range(len(head) + 1):
        wire = Http(SITE)
        for piece in (head[:cut], head[cut:]):
            assert list(wire.receive(piece)) == []
            if piece is head[:cut] and cut < len(head):
                assert wire.unfinished and wire.replies() == b""
        assert wire.replies().startswith(b"HTTP/1.1 101 ") and wire.successor is not None and wire.rest == b""
        assert wire.successor.replies() == b""


def test_a_request_in_single_bytes_is_the_same() -> None:
    whole, pieces = Http(SITE), Http(SITE)
    head = asking("/healthz", "GET", {"Host": "x"}).encode()
    list(whole.receive(head + b"more"))
    for number in range(len(head)):
        list(pieces.receive(head[number : number + 1]))
    assert whole.over and pieces.over
    assert answered(whole.replies().decode()).body == answered(pieces.replies().decode()).body == "ok\n"
