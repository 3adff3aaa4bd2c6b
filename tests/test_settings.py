"""RELOAD and SIGHUP: settings, certificate and page read again while people are here, and nobody disconnected."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.support import PATIENCE, ROOT, JsonClient, LineClient, PlainClient, Program, Server, free_port

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
    server = start_server("--config", config)
    with PlainClient(server, "bob") as bob:
        _write(config, "idle_limit = 4")
        server.process.send_signal(signal.SIGHUP)
        server.wait_for("[-] Changed, and in force: idle_limit.")
        _write(config, "idle_limit = x")
        server.process.send_signal(signal.SIGHUP)
        server.wait_for("[-] Nothing has changed: ")
        bob.send_line("/users")
        bob.wait_for("bob")


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


@pytest.mark.limit(120)
def test_a_hundred_people_notice_nothing(start_server: StartServer, config: Path) -> None:
    """Of several wires, while they talk: a bad file, a good one, and what is said is heard once and in order."""
    server = start_server("--config", config)
    with ExitStack() as stack:
        plain = [stack.enter_context(PlainClient(server, f"plain{number}")) for number in range(40)]
        json = [stack.enter_context(JsonClient(server, f"json{number}")) for number in range(40)]
        irc = [stack.enter_context(LineClient(server)) for _ in range(20)]
        for number, client in enumerate(irc):
            client.send(f"NICK irc{number}\r\nUSER a 0 * :a\r\nJOIN #lobby\r\n".encode())
            client.wait_for(" 366 ")
        said = 0
        for text, answer in (
            ("idle_limit = soon", "[!] Nothing has changed: "),
            ('motd = "x"\nroom = ["Tea"]', "Changed, and in force: room, motd."),
            ("colour = 1", "[!] Nothing has changed: "),
            ("", "Changed, and in force: room, motd."),
        ):
            _write(config, text)
            for number in range(20):
                plain[0].send_line(f"message {said + number}")
                if number == 10:
                    server.type("RELOAD")
            server.wait_for(answer)
            for client in (*plain[1:], *irc):
                heard = [client.wait_for("message ").rpartition(" ")[2] for _ in range(20)]
                assert heard == [str(said + number) for number in range(20)]
            for program in json:
                assert [program.wait_for("said")["text"] for _ in range(20)] == [
                    f"message {said + number}" for number in range(20)
                ]
            said += 20
        assert "is off line" not in (server.output.text if server.output else "")


def test_a_limit_counts_from_now_on(start_server: StartServer, config: Path) -> None:
    server = start_server("--config", config)
    _write(config, "name = 5")
    with JsonClient(server, "a-long-name"):
        server.type("RELOAD")
        server.wait_for("Changed, and in force: name.")
        with JsonClient(server) as other:
            assert other.request("login", name="another-name")["code"] == "name_bad"
            assert other.request("login", name="cat")["event"] == "welcome"
