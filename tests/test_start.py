"""The start of the client where something is missing: an old Python, a package, a server. A sentence says each."""

from __future__ import annotations

import ast
import re
import socket
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.support import ROOT, Terminal, free_port

OLD = "import runpy, sys; sys.version_info, sys.version = (3, 9, 2), '3.9.2 (main)'; runpy.run_path('chat_client.py')"


def start(*command: object) -> subprocess.CompletedProcess[str]:
    """Run Python to its end, with nothing to read."""
    line = (sys.executable, *map(str, command))
    return subprocess.run(line, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def test_any_python_can_read_that_it_is_too_old() -> None:
    ast.parse((ROOT / "chat_client.py").read_text("ascii"), feature_version=(3, 4))
    done = start("-c", OLD)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "chat_client.py needs Python 3.11 or newer; this is Python 3.9.2.\n"


def test_help_needs_no_package() -> None:
    done = start("-S", "chat_client.py", "--help")
    assert done.returncode == 0, done.stderr
    assert "exit codes:" in done.stdout


@pytest.mark.parametrize("options", [["-c", "tls://127.0.0.1:1", "bob"], []], ids=["tls", "window"])
def test_what_is_missing_is_named(options: list[str]) -> None:
    done = start("-S", "chat_client.py", *options)
    assert done.returncode == 2
    assert re.search("needs (platformdirs|sv-ttk|tkinter)", done.stderr)
    assert "install" in done.stderr and done.stderr.count("\n") == 1


def test_a_terminal_without_its_package(open_terminal: Callable[..., Terminal]) -> None:
    terminal = open_terminal(sys.executable, "-S", "chat_client.py", "-c", "127.0.0.1", "1", "bob")
    assert terminal.exit_code() == 2
    assert "The client needs prompt_toolkit: `python -m pip install -r requirements.txt`" in terminal.screen()


def test_another_kind_of_server_is_recognised() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with (
            subprocess.Popen(
                [sys.executable, "chat_client.py", "-c", "127.0.0.1", f"{port}", "bob"],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            ) as client,
            listener.accept()[0] as peer,
        ):
            peer.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")
            _, errors = client.communicate(timeout=20)
    assert errors == (
        f"chat_client.py: Gave up on 127.0.0.1:{port}: what answers there is not a chat server of this kind. "
        "Is this the right port (most rooms are at 3001)?\n"
    )
    assert client.returncode == 1


def test_where_nobody_listens_one_is_told_what_to_look_at(open_terminal: Callable[..., Terminal]) -> None:
    port = free_port()
    terminal = open_terminal(sys.executable, "chat_client.py", "-c", "127.0.0.1", port, "bob")
    terminal.wait_for(f"127.0.0.1:{port}: nobody listens there. Trying again in")
    terminal.wait_for(f"Gave up on 127.0.0.1:{port}: nobody listens there. Is the server running there", seconds=40)
    assert terminal.exit_code() == 1
