"""`--send`: a script has the host's server do something, over a socket in the data folder."""

from __future__ import annotations

import os
import re
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import ROOT, JsonClient, PlainClient, Server

StartServer = Callable[..., Server]


def send(folder: Path, line: str, typed: str = "") -> tuple[int, str, str]:
    """Run `chat_server.py --send`; return its exit code, and what stands on its two outputs."""
    command = [sys.executable, str(ROOT / "chat_server.py"), "--data", str(folder), "--send", line]
    done = subprocess.run(command, input=typed, capture_output=True, text=True, check=False, timeout=30)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a data folder whose name is longer than a Unix socket's may be."""
    return tmp_path / ("a long way down " * 8)


def test_a_line_is_done_as_if_typed_and_answered_as_on_the_console(start_server: StartServer, folder: Path) -> None:
    server = start_server("--data", folder)
    with PlainClient(server, "bob") as bob, PlainClient(server, "alice") as alice:
        server.wait_for("alice entered")
        assert send(folder, "good evening") == (0, "", "")
        bob.wait_for("Host > good evening")
        server.wait_for(re.compile(r"Host > good evening\n"))
        said = send(folder, "TOPIC all about cats")[1]
        assert said.count("cats") == 1 and said.startswith("[*] ")
        code, said, _ = send(folder, "LIST_USERS")
        assert code == 0 and said.startswith("USERS: [Host,bob,alice]\n") and "127.0.0.1" in said
        code, said, _ = send(folder, "KICK bob spam")
        assert code == 0 and "[*] bob has been kicked out. (spam)\nUSERS: [Host,alice]\n" in said
        bob.wait_for("You have been kicked out: spam.")
        server.wait_for("[*] bob has been kicked out. (spam)")
        assert send(folder, "KICK bob") == (1, "[!] There is nobody called bob here.\n", "")
        assert send(folder, "/nonsense")[:2] == (1, "[!] There is no command /nonsense. HELP lists them.\n")
        alice.send_line("still here")
        server.wait_for("alice > still here")


def test_an_answer_that_takes_its_time_is_waited_for(start_server: StartServer, folder: Path) -> None:
    server = start_server("--data", folder)
    with JsonClient(server, "alice") as alice:
        alice.request("register", password="once upon a time")
    assert re.fullmatch(
        r"The password of alice is now \w{10} - /password changes it\.\n", send(folder, "RESET alice")[1]
    )
    assert "once upon" not in send(folder, "/history 5")[1]


def test_lines_from_standard_input_are_done_in_order(start_server: StartServer, folder: Path) -> None:
    server = start_server("--data", folder)
    with PlainClient(server, "bob") as bob:
        assert send(folder, "-", "one\n\ntwo\nthree") == (0, "", "")
        for word in ("one", "two", "three"):
            assert bob.wait_for("Host > ").endswith(word)
        code, said, _ = send(folder, "-", "KICK nobody\nfour\n" + "x" * 5_000 + "\nfive\n")
        assert code == 1 and said.splitlines() == [
            "[!] There is nobody called nobody here.",
            "[!] A line of more than 4096 bytes was left out.",
        ]
        assert [bob.wait_for("Host > ")[-4:] for _ in range(2)] == ["four", "five"]


def test_exit_is_answered_before_the_end(start_server: StartServer, folder: Path) -> None:
    server = start_server("--data", folder)
    with PlainClient(server, "bob") as bob:
        code, said, _ = send(folder, "EXIT good night")
        assert code == 0 and "The host has closed the room: good night." in said
        bob.wait_for("good night")
    assert server.wait() == 0
    assert not (folder / "chat.sock").exists()
    code, said, why = send(folder, "hello")
    assert (code, said) == (2, "") and why == f"Nothing was sent: no server runs in {folder}.\n"


def test_the_socket_is_the_host_s_own(start_server: StartServer, folder: Path) -> None:
    start_server("--data", folder)
    found = (folder / "chat.sock").stat()
    assert stat.S_ISSOCK(found.st_mode) and stat.S_IMODE(found.st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_what_a_dead_server_left_is_replaced(start_server: StartServer, folder: Path) -> None:
    server = start_server("--data", folder)
    server.kill()
    assert (folder / "chat.sock").exists()
    assert send(folder, "hello")[0] == 2
    start_server("--data", folder)
    assert send(folder, "hello") == (0, "", "")


def test_a_link_in_its_place_is_refused_at_both_ends(start_server: StartServer, folder: Path, tmp_path: Path) -> None:
    folder.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as other:
        place = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
        other.bind(f"/proc/self/fd/{place}/other")
        os.close(place)
        other.listen()
        (folder / "chat.sock").symlink_to(tmp_path / "other")
        server = start_server("--data", folder)
        server.wait_for("There is no --send: chat.sock in it is a symbolic link")
        assert send(folder, "hello")[2] == f"Nothing was sent: chat.sock in {folder} is no socket.\n"
    server.stop()
    assert (folder / "chat.sock").is_symlink()


def test_a_server_that_keeps_nothing_is_not_found() -> None:
    command = [sys.executable, str(ROOT / "chat_server.py"), "--port", "0", "--send", "hello"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 2 and "keeps nothing" in done.stderr


def test_a_script_that_sends_without_end_keeps_nobody_waiting(start_server: StartServer, folder: Path) -> None:
    server = start_server("--data", folder)
    place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    with socket.socket(socket.AF_UNIX) as script, PlainClient(server, "bob") as bob, PlainClient(server, "ann") as ann:
        script.connect(f"/proc/self/fd/{place}/chat.sock")
        os.close(place)
        script.setblocking(False)
        sent = 0
        try:
            while sent < 1 << 26:
                sent += script.send(b"no end of it " * 1_000)
        except BlockingIOError:
            pass
        bob.send_line("hello")
        ann.wait_for("bob > hello")
        assert send(folder, "hello") == (0, "", "")
