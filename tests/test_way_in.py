"""The way in: the address on the host's screen, the code to scan, and links to pass on."""

from __future__ import annotations

import sys
from collections.abc import Callable
from urllib.parse import quote

import pytest
import segno

from chat.links import Front, picture
from tests.support import JsonClient, PlainClient, Program, Server, Terminal, free_port

StartServer = Callable[..., Server]
CODE = "█████████"


def _modules(rows: list[str]) -> list[list[bool]]:
    """Return the dark modules that a picture shows, read off as a phone would."""
    upper = {"█": False, "▀": False, "▄": True, " ": True}
    lower = {"█": False, "▀": True, "▄": False, " ": True}
    return [[half[sign] for sign in row] for row in rows for half in (upper, lower)]


@pytest.mark.parametrize("text", ["http://10.0.0.1:1/", "https://192.168.100.100:65535/?room=" + "x" * 60])
def test_the_picture_is_the_code(text: str) -> None:
    code = segno.make_qr(text)
    wanted = [[bool(module) for module in row] for row in code.matrix_iter(border=2)]
    shown = _modules(picture(text))
    assert shown[: len(wanted)] == wanted
    assert all(all(row) for row in shown[len(wanted) :]), "what fills the last line is the screen's own dark"


def test_a_link_keeps_any_name() -> None:
    front = Front("http://[::1]:3001/")
    assert front.link("böse & rot/?#") == "http://[::1]:3001/?room=" + quote("böse & rot/?#", safe="")


# ---- on a terminal


def _host(open_terminal: Callable[..., Terminal], columns: int, rows: int) -> Terminal:
    script = ("chat_server.py", "--host", "127.0.0.1", "--port", free_port(), "--no-store")
    return open_terminal(sys.executable, *script, columns=columns, rows=rows)


def test_a_large_terminal_shows_the_code(open_terminal: Callable[..., Terminal]) -> None:
    host = _host(open_terminal, 120, 50)
    host.wait_for(CODE)
    screen = host.screen().splitlines()
    assert screen[1].startswith("Chat running 127.0.0.1:") and screen[4].startswith("Open http://127.0.0.1:")
    address = screen[4].split()[1]
    assert [line.rstrip() for line in screen[5:20]] == [row.rstrip() for row in picture(address)]
    assert screen[-2].endswith("Host >") and screen[-1].startswith("0 people")


def test_at_80_by_24_the_banner_stays_and_qr_shows_the_code(open_terminal: Callable[..., Terminal]) -> None:
    host = _host(open_terminal, 80, 24)
    host.wait_for("QR shows a code to scan.")
    assert "Chat running" in host.screen() and CODE not in host.screen()
    host.enter("QR")
    host.wait_for(CODE)
    host.wait_for("http://127.0.0.1")
    host.enter("qr is only said")
    host.wait_for("qr is only said")


def test_too_small_a_terminal_gets_the_address_in_words(open_terminal: Callable[..., Terminal]) -> None:
    host = _host(open_terminal, 100, 12)
    host.wait_for("QR shows a code to scan.")
    host.enter("QR lobby")
    host.wait_for("/?room=lobby needs a terminal of 33 columns and 20 rows.")


# ---- off a terminal


def test_a_pipe_gets_a_line_and_no_code(server: Server, start: Callable[..., Program]) -> None:
    address = f"http://127.0.0.1:{server.port}/"
    server.wait_for(f"Open {address} in a browser.\n")
    server.type("QR")
    server.wait_for(f"[!] The code of {address} needs a terminal")
    server.type("QR nowhere")
    server.wait_for("[!] There is no room called nowhere.")
    assert server.output is not None
    assert "█" not in server.output.text


def test_join_link(start_server: StartServer, join_plain: Callable[..., PlainClient]) -> None:
    server = start_server("--room", "Big Büro: we work")
    address = f"http://127.0.0.1:{server.port}/?room="
    bob = join_plain("bob", server)
    for line, room in (
        ("/join-link", "lobby"),
        ("/join-link BIG büro", "big-b%C3%BCro"),
        ("/join-link #lobby", "lobby"),
    ):
        bob.send_line(line)
        assert bob.read_line().endswith(f"[=] {address}{room}")
    bob.send_line("/join big-büro")
    bob.wait_for("Here: ")
    bob.send_line("/join-link")
    bob.wait_for(f"{address}big-b%C3%BCro")
    bob.send_line("/join-link nowhere")
    bob.wait_for("[!] There is no room called nowhere.")
    bob.send_line("/qr")
    bob.wait_for("[!] Only the host may use /qr.")
    with JsonClient(server, "robot") as robot:
        assert robot.request("join-link", room="lobby")["text"] == f"{address}lobby"


def test_an_ipv6_address_stands_in_brackets(start: Callable[..., Program]) -> None:
    host = start("chat_server.py", "--host", "::1", "--port", port := free_port())
    host.wait_for(f"Chat running ::1:{port}\n")
    host.wait_for(f"Open http://[::1]:{port}/ in a browser.\n")
    host.type("EXIT")
    assert host.wait() == 0
