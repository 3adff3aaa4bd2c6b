"""RELOAD and SIGHUP: settings, certificate and page read again while people are here, and nobody disconnected."""

from __future__ import annotations

import re
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.support import PATIENCE, ROOT, JsonClient, LineClient, PlainClient, Program, Server, free_port
from tests.support.crowd import Crowd
from tests.tls import issue

StartServer = Callable[..., Server]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return where a chat.toml will be."""
    (tmp_path / "chat.toml").touch()
    return tmp_path / "chat.toml"


def _write(config: Path, *lines: str) -> None:
    config.write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_a_good_file_says_what_changed_and_is_in_force(start_server: StartServer, config: Path) -> None:
    server = start_server("--config", config)
    with PlainClient(server, "bob") as bob, JsonClient(server, "ann") as ann:
        _write(
            config,
            'room_name = "Class 7b"',
            'room = ["Weather: Talk about the weather"]',
            "fixed_rooms = true",
            'password = "open sesame"',
            'operator = ["root: a long password"]',
            'motd = "Hello"',
            "idle_limit = 5000",
            "port = 4000",
            'selector = "poll"',
        )
        server.type("RELOAD")
        server.wait_for("Changed, and in force: idle_limit, room_name, room, fixed_rooms, password, operator, motd.")
        server.wait_for("Changed, but it needs a restart: selector.")  # the port was given on the command line
        bob.send_line("/join weather")
        bob.wait_for("Weather")
        bob.send_line("/join elsewhere")
        bob.wait_for("There is no room called elsewhere")
        assert ann.request("login", name="x")["code"] == "logged_in"
        ann.tell("oper", name="root", password="a long password")
        ann.wait_for("told")
        with LineClient(server) as cat:
            cat.send_line("cat")
            cat.wait_for("This room has a password")
        server.type("hello")
        ann.wait_for("said", text="hello")
        _write(config, 'room_name = "Class 7b"')
        server.type("RELOAD")
        server.wait_for("Changed, and in force: idle_limit, room, fixed_rooms, password, operator, motd.")
        bob.send_line("/join elsewhere")
        bob.wait_for("elsewhere")
        server.type("RELOAD")
        server.wait_for("nothing has changed")
        assert ann.request("channels")["current"] == "lobby"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('motd = "x"\nidle_limit = "soon"', "line 3: idle_limit: 'soon' is no number of seconds"),
        ('motd = "x"\ncolour = true', "line 3: there is no option colour"),
        ('motd = "x"\n\nport 1', "(at line 4, "),
        ('motd = "x"\ntls_cert = "nothing.pem"\ntls_key = "nothing.pem"', "nothing.pem cannot be read"),
        ('motd = "x"\ntls_cert = "nothing.pem"', "--tls-cert and --tls-key go together"),
    ],
)
def test_a_bad_file_changes_nothing_and_names_the_line(
    start_server: StartServer, config: Path, text: str, why: str
) -> None:
    server = start_server("--config", config)
    _write(config, 'room_name = "New"', text)
    server.type("RELOAD")
    server.wait_for("[!] Nothing has changed: ")
    server.wait_for(why)
    with JsonClient(server, "bob") as bob:
        assert bob.welcome["title"] == "Lobby"


def test_sighup_does_the_same(start_server: StartServer, config: Path) -> None:
    server = start_server("--config", config, "--data", config.parent)
    with PlainClient(server, "bob") as bob:
        _write(config, "idle_limit = 4")
        server.process.send_signal(signal.SIGHUP)
        server.wait_for("[-] Changed, and in force: idle_limit.")
        _write(config, "idle_limit = x")
        server.process.send_signal(signal.SIGHUP)
        server.wait_for("[-] Nothing has changed: ")
        bob.send_line("/users")
        bob.wait_for("bob")
    server.stop()
    trail = (config.parent / "audit.log").read_text(encoding="utf-8").splitlines()
    assert [line.partition("Z ")[2] for line in trail] == [
        "Host RELOAD by SIGHUP: Changed, and in force: idle_limit.",
        "Host EXIT by Ctrl-C or a signal",
    ]


def test_an_operator_may_and_a_guest_may_not(start_server: StartServer, config: Path) -> None:
    _write(config, 'operator = ["root: a long password"]')
    server = start_server("--config", config)
    with JsonClient(server, "ann") as ann:
        assert ann.request("reload")["code"] == "not_allowed"
        ann.request("oper", name="root", password="a long password")
        _write(config, 'operator = ["root: a long password"]', 'motd = "x"')
        assert ann.request("reload")["text"] == "Changed, and in force: motd."
        _write(config, "motd = 3")
        assert "line 1: motd" in ann.request("reload")["text"]


def test_the_page_is_read_again(start: Callable[..., Program], tmp_path: Path) -> None:
    """A copy of the program, whose page is another one after RELOAD; who is here stays."""
    copy = tmp_path / "copy"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".git", "tests", "__pycache__", ".venv", "docs"))
    port = free_port()
    server = start(copy / "chat_server.py", "--host", "127.0.0.1", "--port", port, "--no-store")
    server.wait_for("Open http")
    address = f"http://127.0.0.1:{port}/"
    assert b"a new page" not in urlopen(address, timeout=PATIENCE).read()
    (copy / "web" / "index.html").write_text("a new page")
    server.type("RELOAD")
    server.wait_for("The page has changed")
    assert urlopen(address, timeout=PATIENCE).read() == b"a new page"


@pytest.mark.limit(150)
def test_a_hundred_people_of_all_wires_notice_nothing(start_server: StartServer, config: Path) -> None:
    """Bad files and good ones, by RELOAD and SIGHUP, while they talk: every line is heard once and in order by all."""
    papers = issue(config.parent / "papers")
    tls = [f'tls_cert = "{papers.certificate}"', f'tls_key = "{papers.key}"']
    _write(config, *tls)
    server = start_server("--config", config)
    before = papers.fingerprint
    with Crowd(server, 100, tls=papers.trust) as crowd:
        crowd.talk()
        for text, why in (
            ("idle_limit = soon", "(at line 3, "),
            ("colour = 1", "line 3: there is no option colour"),
            ('tls_cert = "nothing.pem"', "line 3"),
        ):
            _write(config, *tls, text)
            _again(server, crowd, f"Nothing has changed: .*{re.escape(why)}")
        issue(config.parent / "papers")
        assert papers.fingerprint != before
        _write(config, *tls, 'motd = "Good evening"', 'room = ["Tea"]', "idle_limit = 5000")
        _again(server, crowd, "Changed, and in force: idle_limit, room, motd.")
        server.wait_for(papers.fingerprint)
        _write(config, *tls)
        _again(server, crowd, "Changed, and in force: idle_limit, room, motd.", by_signal=True)
        report = crowd.rest()
        assert report.wrong == [] and report.lines > 100
        assert server.output and " is off line: " not in server.output.text


def _again(server: Server, crowd: Crowd, answer: str, *, by_signal: bool = False) -> None:
    """Have the settings read again in the middle of the talk."""
    crowd.go_on(10)
    if by_signal:
        server.process.send_signal(signal.SIGHUP)
    else:
        server.type("RELOAD")
    server.wait_for(re.compile(answer))
    crowd.go_on(10)


def test_a_limit_counts_from_now_on(start_server: StartServer, config: Path) -> None:
    server = start_server("--config", config)
    _write(config, "name = 5")
    with JsonClient(server, "a-long-name"):
        server.type("RELOAD")
        server.wait_for("Changed, and in force: name.")
        with JsonClient(server) as other:
            assert other.request("login", name="another-name")["code"] == "name_bad"
            assert other.request("login", name="cat")["event"] == "welcome"
