"""The options: on the command line, in chat.toml, in the environment; and --check."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import options
from chat.limits import rows
from options import Options, parse, shown
from tests.support import ROOT, PlainClient, Server, free_port

GOOD = {
    "host": '"127.0.0.1"', "port": "4000", "room_name": '"The \\"Big\\" Room"', "room": '["Weather: Rain", "Tea"]',
    "fixed_rooms": "true", "data": '"/tmp/somewhere else"', "no_store": "true", "recover": "true",
    "selector": '"poll"', "login_timeout": "5", "ping_after": "1234567.25", "silent_limit": "0.00001",
    "stall_limit": "7.5", "idle_limit": "0", "return_limit": "3", "request_timeout": "4",
    "allow_origin": '["https://chat.example.org"]', "udp_trust": '["192.168.1.0/24"]',
    "no_udp": "true", "no_classroom": "true", "tls_cert": '"/tmp/cert.pem"', "tls_key": '"/tmp/key.pem"',
    "log": '"/tmp/chat.log"', "log_level": '"warning"', "log_json": "true", "metrics_from": '["10.0.0.0/8"]',
    "no_irc": "true", "password": '"open sesame"', "operator": '["root: a long password"]', "motd": '"one\\ntwo"',
    "server_name": '"chat.example.org"', "limit_exempt": '["192.0.2.1"]', "no_flood_limit": "true",
    "ban": '["192.0.2.0/24: spam", "bob"]',
}  # fmt: skip
GOOD |= {limit.name: f"{getattr(Options(), limit.name) + 1}" for limit in rows() if limit.name not in GOOD}


SECRET = {"password", "operator"}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the tests away from the host's own files and settings."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PORT", raising=False)


def check(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the server with --check."""
    command = [
        sys.executable,
        "-X",
        "dev",
        "-W",
        "error",
        str(ROOT / "chat_server.py"),
        "--check",
        *map(str, arguments),
    ]
    env = {**os.environ, **environment}
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=30)


def file(tmp_path: Path, text: str) -> Path:
    """Write a chat.toml."""
    path = tmp_path / "chat.toml"
    path.write_text(text, encoding="utf-8")
    return path


def told(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """See the options refused with code 2; return what is said."""
    with pytest.raises(SystemExit) as end:
        parse([*map(str, arguments)])
    assert end.value.code == 2
    return capsys.readouterr().err.splitlines()[-1]


# ---- the file


def test_every_option_has_a_key_of_the_same_name_and_a_word_on_the_command_line(tmp_path: Path) -> None:
    words = {action.dest for action in options._parser()._actions} - {"help", "check", "config", "send"}
    assert set(Options.__match_args__) == words == GOOD.keys()
    chosen = parse(["--config", str(file(tmp_path, "".join(f"{key} = {value}\n" for key, value in GOOD.items())))])
    assert chosen.room == ("Weather: Rain", "Tea") and chosen.room_name == 'The "Big" Room'
    assert [name for name in GOOD if getattr(chosen, name) == getattr(Options(), name)] == ["idle_limit"]


@pytest.mark.parametrize("name", sorted(GOOD.keys() - SECRET))
def test_what_check_prints_is_a_file_that_gives_the_same(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("tls_cert", "tls_key") if name.startswith("tls_") else (name,)  # those two go together
    chosen = parse(["--config", str(file(tmp_path, "".join(f"{each} = {GOOD[each]}\n" for each in names)))])
    printed = shown(chosen)
    assert parse(["--config", str(file(tmp_path, printed))]) == chosen
    with pytest.raises(SystemExit) as end:
        parse(["--config", str(tmp_path / "chat.toml"), "--check"])
    assert (end.value.code, capsys.readouterr().out) == (0, printed)


def test_check_hides_passwords(tmp_path: Path) -> None:
    text = 'password = "open sesame"\noperator = ["root: a long word"]\n'
    for given in (["--config", file(tmp_path, text)], ["--password", "open sesame", "--operator", "root: a long word"]):
        found = check(*given, "--data", tmp_path)
        assert found.returncode == 0
        assert "# operator is set, and not shown\n# password is set, and not shown\n" in found.stdout
        assert "sesame" not in found.stdout + found.stderr and "long word" not in found.stdout + found.stderr


@pytest.mark.parametrize(("given", "words"), [
    (["--password", " x"], "no blank at its ends"), (["--password", "x" * 201], "at most 200"),
    (["--ban", "b b"], "a name, an address or a network"), (["--ban", "1.2.3.4/99"], "network"),
    (["--operator", "root"], "a name and a password"), (["--operator", "a b: secret"], "a name and a password"),
    (["--operator", "root: "], "a name and a password"),
])  # fmt: skip
def test_a_password_that_will_not_do_is_said_without_showing_it(
    capsys: pytest.CaptureFixture[str], given: list[str], words: str
) -> None:
    said = told(capsys, *given)
    assert words in said and "secret" not in said


def test_the_file_is_looked_for_in_the_data_folder(tmp_path: Path) -> None:
    home = tmp_path / "home" / "chat-room" / "3001"
    home.mkdir(parents=True)
    file(home, 'room_name = "At Home"')
    file(tmp_path, 'room_name = "Named"')
    assert parse([]).room_name == "At Home"
    assert parse(["--port", "3002"]).room_name == "Lobby"
    assert parse(["--data", str(tmp_path)]).room_name == "Named"
    assert parse(["--config", str(tmp_path / "chat.toml")]).room_name == "Named"
    assert parse(["--no-store"]).room_name == "Lobby"


def test_the_command_line_wins(tmp_path: Path) -> None:
    path = file(tmp_path, "".join(f"{key} = {value}\n" for key, value in GOOD.items()))
    given = ["--port=4001", "--room=Only: This", "--login-timeout=6", "--data=/tmp/x", "--selector=select"]
    chosen = parse(["--config", str(path), *given])
    assert (chosen.port, chosen.room, chosen.login_timeout) == (4001, ("Only: This",), 6)
    assert (chosen.data, chosen.selector, chosen.stall_limit) == ("/tmp/x", "select", 7.5)
    assert (chosen.no_store, chosen.fixed_rooms, chosen.recover) == (True, True, True)
    chosen = parse(["--config", str(path), "--store", "--no-fixed-rooms", "--no-recover"])
    assert (chosen.no_store, chosen.fixed_rooms, chosen.recover) == (False, False, False)


def test_the_environment_is_between_the_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(file(tmp_path, "port = 4000"))
    monkeypatch.setenv("PORT", "4002")
    assert parse(["--config", path]).port == 4002
    assert parse(["--config", path, "--port", "4001"]).port == 4001
    monkeypatch.setenv("PORT", "")
    assert parse(["--config", path]).port == 4000


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("colour = true", 1, "there is no option colour; there are host, port, "),
        ("port = 1\n\n# colour = 2\n  colour = 2", 4, "there is no option colour"),
        ('host = ""\n[server]\nport = 1', 2, "there is no option server"),
        ("a.b = 1", 1, "there is no option a"),
        ('port = 1\n"odd key" = 1', 2, "there is no option odd key"),
        ("config = 1", 1, "there is no option config"),
        ("check = true", 1, "there is no option check"),
        ("\n\nport = 70000", 3, "port: 70000 is no port"),
        ("port = true", 1, "is no port"),
        ('port = "http"', 1, "is no port"),
        ("host = 1", 1, "host: give a text"),
        ('room_name = ""', 1, "1 to 100 printable characters"),
        ('room_name = "a\\u001bb"', 1, "printable characters"),
        ('room = "Weather"', 1, "give a list"),
        ('room = ["Weather", ":"]', 1, "':' is no room"),
        ("room = [1]", 1, "give a text"),
        ("no_store = 1", 1, "true or false"),
        ('fixed_rooms = "yes"', 1, "true or false"),
        ('selector = "kqueue"', 1, "select, poll, epoll"),
        ("selector = [1]", 1, "select, poll, epoll"),
        ('port = 1\nidle_limit = "soon"', 2, "no number of seconds"),
        ("idle_limit = nan", 1, "no number of seconds"),
        ("idle_limit = true", 1, "no number of seconds"),
        ("ping_after = -1", 1, "no number of seconds"),
        ("port = 1\nlogin_timeout = 0", 2, "0 would put everyone out"),
        ('room_name = "a"\nroom-name = "b"', 2, "room_name is set twice"),
        ("port = 1\nport = 2\n", 2, "overwrite"),
        ("port 1", 1, "Expected '='"),
    ],
)
def test_a_wrong_line_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, line: int, why: str
) -> None:
    path = file(tmp_path, text)
    said = told(capsys, "--config", path)
    assert str(path) in said and re.search(rf"line {line}\b", said) and why in said


def test_a_file_that_cannot_be_read_is_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "No such file" in told(capsys, "--config", tmp_path / "none.toml")
    assert "Is a directory" in told(capsys, "--config", tmp_path)
    (tmp_path / "chat.toml").write_bytes(b"\xff\xfe")
    assert "cannot be read" in told(capsys, "--config", tmp_path / "chat.toml")
    (tmp_path / "chat.toml").unlink()
    (tmp_path / "chat.toml").mkdir()
    assert "Is a directory" in told(capsys, "--data", tmp_path)


@pytest.mark.parametrize(
    ("room", "fine"),
    [("Weather: Talk about the weather", True), ("Tea", True), ("Café 2: été", True), ("Wetter-Ecke", True),
     ("", False), (":", False), (": about nothing", False), ("-x: y", False), ("a/b", False), ("#x", False),
     ("x" * 33, False), ("x: " + "y" * 400, False), ("x: a\nb", False)],
)  # fmt: skip
def test_what_may_be_a_room(capsys: pytest.CaptureFixture[str], room: str, fine: bool) -> None:
    if fine:
        assert parse([f"--room={room}"]).room == (room,)
    else:
        assert "--room" in told(capsys, f"--room={room}")


# ---- where things are kept


def test_a_folder_does_not_depend_on_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the command line a relative one is meant from here; in a file, from where the file is."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/ann")
    (tmp_path / "etc").mkdir()
    path = str(file(tmp_path / "etc", 'data = "kept"'))
    assert parse(["--data", "kept"]).folder == tmp_path / "kept"
    assert parse(["--config", path]).folder == tmp_path / "etc" / "kept"
    assert parse(["--config", "etc/chat.toml"]).folder == tmp_path / "etc" / "kept"
    assert parse(["--data", "~/chat"]).folder == Path("/home/ann/chat")
    assert parse([]).folder == tmp_path / "home" / "chat-room" / "3001"
    assert parse(["--port", "0"]).folder is None
    assert parse(["--no-store", "--data", "kept"]).folder is None
    assert "no home folder" in told(capsys, "--data", "~nobody-at-all/x")


# ---- the program


def test_check_says_what_is_in_force_and_starts_nothing(tmp_path: Path) -> None:
    path = file(tmp_path, 'room_name = "Ours"\nport = 4711\n')
    done = check("--config", path, "--idle-limit", "90")
    assert (done.returncode, done.stderr) == (0, "")
    found = tomllib.loads(done.stdout)
    assert (found["room_name"], found["port"], found["idle_limit"]) == ("Ours", 4711, 90)
    assert done.stdout.endswith(f"# kept in: {tmp_path}/home/chat-room/4711\n")
    assert [entry.name for entry in tmp_path.iterdir()] == ["chat.toml"]
    assert "# kept in: nowhere" in check("--no-store").stdout


def test_check_finds_what_is_wrong(tmp_path: Path) -> None:
    path = file(tmp_path, "port = 1\nprot = 2\n")
    for done in (check("--config", path), check("--data", tmp_path), check("--port", "x"), check(PORT="x")):
        assert (done.returncode, done.stdout) == (2, "")
    assert f"{path}, line 2: there is no option prot" in check("--config", path).stderr


def test_the_server_does_what_the_file_says(tmp_path: Path) -> None:
    port = free_port()
    path = file(tmp_path, f'port = {port}\nhost = "127.0.0.1"\nroom = ["Tea: Milk first"]\ndata = "kept"\n')
    server = Server("--config", path, "--port", port)
    try:
        with PlainClient(server, "alice") as alice:
            alice.send_line("/channels")
            assert alice.wait_for("Tea").endswith("Tea (1 user) - Milk first")
    finally:
        server.stop()
        server.finish()
    assert (tmp_path / "kept" / "chat.db").exists()
