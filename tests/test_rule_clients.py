"""What a person sees of the host's acts: the terminal, the window and the page, and the last word to the banned."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import DESKTOP, PATIENCE, Guest
from tests.support import JsonClient, Server, Terminal

Join = Callable[..., JsonClient]


@pytest.fixture
def bob(open_terminal: Callable[..., Terminal], server: Server) -> Terminal:
    """Someone at a terminal."""
    terminal = open_terminal(sys.executable, "chat_client.py", "-c", server.host, server.port, "bob")
    terminal.wait_for("You are bob")
    return terminal


def test_a_removed_message_leaves_the_screen_of_a_terminal(bob: Terminal, server: Server, join_json: Join) -> None:
    ann = join_json("ann")
    ann.request("say", text="good morning")
    number = ann.request("say", text="RUDE WORDS")["id"]
    ann.request("say", text="good night")
    bob.wait_for("good night")
    bob.type("half a line")
    bob.wait_for("> half a line")
    server.type(f"REMOVE {number}")
    bob.wait_for(re.compile(r"\(removed by Host\)(.|\n)*Host has removed a message of ann\.\n> half a line"))
    shown = bob.screen()
    assert "RUDE WORDS" not in shown
    assert re.search(r"ann > good morning\n.*\(removed by Host\)\n.*ann > good night\n", shown)
    assert shown.count("You are bob") == 1 and "half a line" in shown


def test_announcements_reach_a_terminal(bob: Terminal, server: Server) -> None:
    server.type("ANNOUNCE the break is over")
    bob.wait_for("[*] Host announces: the break is over")
    server.type("SLOW 5")
    bob.wait_for("Host has slowed this room down: one message each in 5 s.")


def test_a_terminal_of_the_banned_says_why_and_ends(
    bob: Terminal, server: Server, open_terminal: Callable[..., Terminal]
) -> None:
    server.type("BAN bob 10m spam")
    assert bob.exit_code() == 4
    assert "banned for 10 min: spam" in bob.screen()
    again = open_terminal(sys.executable, "chat_client.py", "-c", server.host, server.port, "bob")
    assert again.exit_code() == 4
    assert re.search(r"The name bob is banned for (10 min|9 min 5\d s): spam", again.screen())
    assert "Another name" not in again.screen()


# ---- the page


@pytest.fixture
def alice(browser: Browser, server: Server) -> Iterator[Guest]:
    """Someone with a browser, at the door."""
    width, height = DESKTOP
    context = browser.new_context(viewport={"width": width, "height": height})
    context.set_default_timeout(PATIENCE)
    guest = Guest(context.new_page(), server, "")
    yield guest
    trouble = guest.trouble
    context.close()
    assert not trouble


def test_a_removed_message_leaves_the_page(alice: Guest, server: Server, join_json: Join) -> None:
    alice.joined("alice")
    bob = join_json("bob")
    number = bob.request("say", text="RUDE WORDS")["id"]
    alice.sees("RUDE WORDS")
    alice.say("mine was wrong")
    own = bob.wait_for("said", from_="alice")["id"]
    server.type(f"REMOVE {number}")
    expect(alice.log.locator(".note", has_text="Host has removed a message of bob.")).to_have_count(1)
    expect(alice.log.get_by_text("RUDE WORDS")).to_have_count(0)
    alice.say(f"/remove {own}")
    assert bob.wait_for("removed", message=own)["by"] == "alice"
    expect(alice.log.get_by_text("mine was wrong")).to_have_count(0)
    server.type("ANNOUNCE the break is over")
    expect(alice.log.locator(".announcement", has_text="Host announces: the break is over")).to_have_count(1)


def test_the_page_of_the_banned_says_why_and_does_not_come_back(alice: Guest, server: Server) -> None:
    alice.joined("alice")
    server.type("BAN alice 10m spam")
    expect(alice.page.locator("#farewell")).to_contain_text("banned for 10 min: spam")
    alice.page.locator("#again").click()
    expect(alice.page.locator("#trouble")).to_contain_text(re.compile("The name alice is banned for"))
    expect(alice.page.locator("#enter")).to_be_enabled()
