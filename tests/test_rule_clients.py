"""What a person sees of the host's acts: the terminal, the window and the page, and the last word to the banned."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import DESKTOP, PATIENCE, Guest
from tests.support import Between, JsonClient, Proxy, Server, Terminal

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
    server.type(f"REMOVE {number}")
    bob.wait_for("Host has removed a message of ann.")
    bob.wait_for(re.compile(r"\(removed by Host\)(.*\n)*> half a line"))
    assert "RUDE WORDS" not in bob.screen(history=True)
    shown = bob.screen()
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


# ---- whose line was down meanwhile


@pytest.fixture
def cable(server: Server) -> Iterator[Between]:
    """A way to the server that can be cut."""
    with Between(server) as between:
        yield between


@pytest.fixture
def far(open_terminal: Callable[..., Terminal], cable: Between) -> Terminal:
    """Someone at a terminal, behind the cable."""
    terminal = open_terminal(sys.executable, "chat_client.py", "-c", cable.host, cable.port, "bob")
    terminal.wait_for("You are bob")
    return terminal


def test_a_terminal_learns_what_was_removed_while_its_line_was_down(
    far: Terminal, cable: Between, server: Server, join_json: Join
) -> None:
    ann = join_json("ann")
    seen = ann.request("say", text="RUDE WORDS")["id"]
    far.wait_for("RUDE WORDS")
    cable.stall()
    missed = ann.request("say", text="WORSE WORDS")["id"]
    ann.request("say", text="good night")
    for number in (seen, missed):
        server.type(f"REMOVE {number}")
        server.wait_for(f"Message {number} of ann's is removed.")
    cable.cut()
    cable.flow()
    far.wait_for("good night")
    far.wait_for("(removed by Host)")
    assert "WORDS" not in far.screen(history=True)


def test_a_terminal_that_is_banned_while_its_line_is_down_says_why_and_ends(
    far: Terminal, cable: Between, server: Server
) -> None:
    cable.stall()
    server.type("BAN bob 10m spam")
    server.wait_for("Banned: name bob")
    cable.cut()
    visits = cable.visits
    cable.flow()
    assert far.exit_code() == 4
    assert re.search(r"The name bob is banned for (10 min|9 min \d\d s): spam", far.screen())
    assert cable.visits <= visits + 3, "it does not try again and again"


def test_an_address_that_is_banned_ends_a_terminal(bob: Terminal, server: Server) -> None:
    server.type("BAN 127.0.0.1 2h spam")
    assert bob.exit_code() == 4
    assert "You are banned for 2 h: spam" in bob.screen()


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


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    """A way to the server that fails."""
    proxy = Proxy(server)
    yield proxy
    proxy.close()


@pytest.fixture
def faraway(browser: Browser, proxy: Proxy) -> Iterator[Guest]:
    """Someone with a browser, behind a network that fails."""
    context = browser.new_context()
    context.set_default_timeout(PATIENCE)
    yield Guest(context.new_page(), proxy, "")
    context.close()


def test_a_page_learns_what_was_removed_while_its_line_was_down(
    faraway: Guest, proxy: Proxy, server: Server, join_json: Join
) -> None:
    faraway.joined("alice")
    bob = join_json("bob")
    seen = bob.request("say", text="RUDE WORDS")["id"]
    faraway.sees("RUDE WORDS")
    proxy.deaf = True
    missed = bob.request("say", text="WORSE WORDS")["id"]
    bob.request("say", text="good night")
    for number in (seen, missed):
        server.type(f"REMOVE {number}")
        server.wait_for(f"Message {number} of bob's is removed.")
    proxy.cut()
    faraway.sees("good night")
    expect(faraway.log.get_by_text("WORDS")).to_have_count(0)


def test_a_page_that_is_banned_while_its_line_is_down_says_why_and_stays_out(
    faraway: Guest, proxy: Proxy, server: Server
) -> None:
    faraway.joined("alice")
    proxy.deaf = True
    server.type("BAN alice 10m spam")
    server.wait_for("Banned: name alice")
    proxy.cut()
    expect(faraway.page.locator("body")).to_contain_text(re.compile(r"banned for (10 min|9 min \d\d s): spam"))
    expect(faraway.page.locator("#enter")).to_be_enabled()


# ---- every end


@pytest.mark.parametrize(
    "end",
    [
        ((), "KICK {} rude", "kicked out: rude. You may come back, unless you are told otherwise.", 4),
        ((), "EXIT", "Connect again when the room is open.", 5),
        (("--idle-limit", "2"), "", "Nothing was heard from you for 2 seconds. Connect again whenever you like.", 1),
    ],
    ids=["kick", "exit", "idle"],
)
def test_each_end_says_what_one_can_do(
    end: tuple[tuple[str, ...], str, str, int],
    start_server: Callable[..., Server],
    open_terminal: Callable[..., Terminal],
    browser: Browser,
) -> None:
    options, act, words, code = end
    server = start_server(*options)
    context = browser.new_context()
    page = Guest(context.new_page(), server, "").joined("alice").page
    terminal = open_terminal(sys.executable, "chat_client.py", "-c", server.host, server.port, "bob")
    terminal.wait_for("You are")
    for name in ("alice", "bob") if act else ():
        server.type(act.format(name))
    assert terminal.exit_code() == code
    assert words in " ".join(terminal.screen().split())
    expect(page.locator("#farewell")).to_contain_text(words.replace("Connect again", "Join again"))
    expect(page.get_by_role("button", name="Join again")).to_be_focused()
    context.close()
