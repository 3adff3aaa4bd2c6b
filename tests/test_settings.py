"""RELOAD and SIGHUP: settings, certificate and page read again while people are here, and nobody disconnected."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import JsonClient, LineClient, PlainClient, Server

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
        server.wait_for("Changed, and in force: room_name, room, fixed_rooms, password, operator, motd, idle_limit.")
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
        server.wait_for("Changed, and in force: room, fixed_rooms, password, operator, motd, idle_limit.")
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
