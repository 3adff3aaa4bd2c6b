"""The host's screen: the status below the prompt, colours, and what scrolls by."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Callable

from tests.support import PATIENCE, JsonClient, LineClient, PlainClient, Server, Terminal, free_port, wait_until

StartServer = Callable[..., Server]
Open = Callable[..., Terminal]


def _host(open_terminal: Open, *options: str, rows: int = 30, columns: int = 100) -> tuple[Terminal, tuple[str, int]]:
    port = free_port()
    script = ("chat_server.py", "--host", "127.0.0.1", "--port", port, "--no-store", *options)
    host = open_terminal(sys.executable, *script, columns=columns, rows=rows)
    host.wait_for(re.compile(r"> *$", re.MULTILINE))
    return host, ("127.0.0.1", port)


class Place:
    """Where a server listens."""

    def __init__(self, place: tuple[str, int]) -> None:
        self.host, self.port = place


def test_the_status_follows_what_happens_and_stays_out_of_the_way(open_terminal: Open) -> None:
    host, place = _host(open_terminal, "--room", "Weather")
    host.wait_for("0 people · 2 rooms · 0 messages/s")
    host.type("half a li")
    with JsonClient(Place(place), "bob") as bob:
        host.wait_for("1 person · 2 rooms · 0 messages/s")
        for number in range(20):
            bob.tell("say", text=f"number {number}")
        host.wait_for(re.compile(r"1 person · 2 rooms · [1-9]\d* messages/s"))
        host.wait_for("1 person · 2 rooms · 0 messages/s")
    host.wait_for("0 people · 2 rooms · 0 messages/s")
    screen = host.screen().rstrip("\n").splitlines()
    assert screen[-2].endswith("Host > half a li") and screen[-1] == "0 people · 2 rooms · 0 messages/s"
    assert host.screen().count(" rooms · ") == 1, "no trace of an earlier one is left"
    host.type("ne")
    host.press("Enter")
    host.wait_for("Host > half a line")
    host.enter("EXIT 60")
    host.wait_for(re.compile(r"rooms · 0 messages/s · closes at \d\d:\d\d"))
    host.enter("EXIT")
    host.wait_for("The host has closed the room.")
    wait_until(lambda: "rooms ·" not in host.screen())


def test_events_and_talk_are_told_apart_by_colour(open_terminal: Open) -> None:
    host, place = _host(open_terminal, "--room", "Weather")
    with JsonClient(Place(place), "bob") as bob:
        bob.request("join", room="weather")
        bob.request("say", text="a > b")
        bob.request("me", text="waves")
        bob.request("msg", to="Host", text="psst")
        host.enter("KICK nobody")
        host.wait_for("There is nobody")
        lines = host.screen(colours=True).splitlines()
    for code, text in (
        ("36", "[*] bob entered."),
        ("36", "#weather [*] bob entered."),
        ("31", "[!] There is nobody called nobody here."),
        ("1", "#weather bob >"),
        ("1", "#weather * bob"),
        ("1", "bob ->"),
    ):
        painted = re.compile(rf"\x1b\[(?:0;)?{code}m(?:\x1b\[\d+m)*{re.escape(text)}")
        assert any(painted.search(line) for line in lines), (text, lines[-12:])


def test_words_are_completed_by_what_a_verb_takes(open_terminal: Open) -> None:
    host, place = _host(open_terminal, "--room", "Weather")
    with JsonClient(Place(place), "walter"):
        host.wait_for("walter entered")
        for typed, completed in (
            ("HELP ban", "HELP BAN"),
            ("SHOW w", "SHOW weather"),
            ("LOCK d", "LOCK door"),
            ("EXIT c", "EXIT cancel"),
            ("KICK w", "KICK walter"),
            ("hello w", "hello walter"),
            ("WAT", "WATCH"),
        ):
            host.type(typed)
            host.press("Tab")
            host.wait_for(re.compile(rf"Host > {completed}\s*$", re.MULTILINE))
            host.press("C-u")
        host.enter("BAN 192.0.2.7 10m")
        host.wait_for("Banned: address 192.0.2.7")
        host.type("UNBAN 1")
        host.press("Tab")
        host.wait_for("Host > UNBAN 192.0.2.7")


def test_help_fits_on_80_columns(open_terminal: Open) -> None:
    """Each verb on a line of its own; HELP VERB says more."""
    host, _ = _host(open_terminal, columns=80, rows=60)
    host.enter("HELP")
    host.wait_for("HELP KICK says more of one.")
    rows = re.findall(r"^(\S+).{16,}", host.screen().partition("> HELP\n")[2], re.MULTILINE)
    assert {"KICK", "REMOVE", "STATS", "/join-link"} < set(rows), "no line goes on in the next"
    host.enter("HELP REMOVE")
    host.wait_for("REMOVE [id] [reason]     take back a message by its id; your own for five")


def test_a_small_terminal_has_no_room_for_it(open_terminal: Open) -> None:
    host, _ = _host(open_terminal, rows=7)
    host.enter("hello")
    host.wait_for("Host > hello")
    assert "people ·" not in host.screen()


def test_a_narrow_terminal_shows_what_fits(open_terminal: Open) -> None:
    host, _ = _host(open_terminal, columns=24)
    host.wait_for("0 people · 1 room · 0 …")


def test_show_chooses_what_scrolls_by(start_server: StartServer) -> None:
    server = start_server("--room", "Weather")
    with PlainClient(server, "bob") as bob, PlainClient(server, "ann") as ann:
        ann.send_line("/join weather")
        ann.wait_for("Weather")
        server.wait_for("#weather [*] ann entered.")

        def said(line: str) -> None:
            bob.send_line(f"lobby {line}")
            ann.send_line(f"weather {line}")

        server.type("SHOW weather")
        server.wait_for("only Weather is shown")
        said("one")
        server.wait_for("ann > weather one")
        server.type("SHOW none")
        server.wait_for("Only answers and warnings are shown.")
        said("two")
        with LineClient(server) as cat:
            cat.send_line("cat")
            cat.wait_for("OK")
        bob.send_line("/msg Host are you there?")
        server.wait_for("bob -> Host: are you there?")
        server.type("LIST_USERS")
        server.wait_for("USERS: [Host,bob,ann")
        server.type("SHOW nowhere")
        server.wait_for("[!] There is no room called nowhere.")
        server.type("SHOW all")
        server.wait_for("Everything is shown.")
        said("three")
        server.wait_for("lobby three")
    assert server.output is not None
    text = server.output.text
    assert "lobby one" not in text and "two" not in text and "cat" not in text


def test_a_flood_on_a_screen_that_nobody_reads_slows_nobody(open_terminal: Open) -> None:
    """The terminal is stopped, as by a dead ssh; the room goes on, and the screen then shows the newest."""
    host, place = _host(open_terminal)
    os.kill(host._server, signal.SIGSTOP)
    try:
        _flood(place)
    finally:
        os.kill(host._server, signal.SIGCONT)
    host.wait_for("9999 xxx")
    host.wait_for("lines left out", history=True)
    host.enter("hello")
    host.wait_for("Host > hello")


def _flood(place: tuple[str, int]) -> None:
    with PlainClient(Place(place), "bob") as bob, PlainClient(Place(place), "ann") as ann:
        began = time.monotonic()
        for start in range(0, 10_000, 100):
            for number in range(start, start + 100):
                bob.send_line(f"{number} " + "x" * 100)
            ann.wait_for(f"> {start + 99} xxx")
        assert time.monotonic() - began < 2 * PATIENCE
