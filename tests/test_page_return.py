"""The page comes back after a lost connection: Chromium, and networks and servers that fail."""

from __future__ import annotations

import contextlib
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CalledProcessError

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import PATIENCE, Guest, chromium, launch
from tests.support import JsonClient, Namespace, Proxy, Server, free_port, needs

CUT = 20  # seconds without a network
TALK = ("said", "acted", "whispered")

Join = Callable[..., JsonClient]
StartServer = Callable[..., Server]


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of its own; at its end no error may have been in it."""
    context = browser.new_context(locale="en-GB")
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert not errors


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    proxy = Proxy(server)
    yield proxy
    proxy.close()


def heard(client: JsonClient, *kinds: str, end: str = "") -> list[str]:
    """Return the texts, or names, of all events of these kinds: up to the text `end`, or all that have come."""
    if not end:
        client.tell("ping", ref="now")
    found: list[str] = []
    while (event := client.read()).get("ref") != "now":
        if event["event"] in kinds:
            found.append(event["text"] if "text" in event else event["name"])
            if end and found[-1] == end:
                break
    return found


# ---- a cut ----------------------------------------------------------------------------------------------------


def test_takes_the_place_of_its_own_dead_connection(page: Page, proxy: Proxy, join_json: Join) -> None:
    bob = join_json("bob")
    bob.request("join", room="den")
    alice = Guest(page, proxy, "?room=den").joined("alice")
    alice.sees("You came into den.")
    bob.request("say", text="before")
    alice.sees("before")
    heard(bob)
    proxy.deaf = True
    for number in range(3):
        bob.tell("say", text=f"missed {number}")
    bob.tell("msg", to="alice", text="psst")
    proxy.cut()
    alice.sees("psst")
    bob.tell("say", text="after")
    alice.sees("after")
    expect(alice.log.locator(".said .text")).to_have_text(["before", "missed 0", "missed 1", "missed 2", "after"])
    expect(alice.log.locator(".whispered .text")).to_have_text(["psst"])
    expect(alice.log.locator(".divider")).to_have_count(1)
    assert heard(bob, "entered", "left") == []
    alice.say("here I am")
    assert bob.wait_for("said", text="here I am")["room"] == "den"


def test_what_was_on_its_way_reaches_everyone_once(page: Page, proxy: Proxy, join_json: Join) -> None:
    bob = join_json("bob")
    alice = Guest(page, proxy).joined("alice")
    proxy.deaf = True
    for text in ("arrived", "same", "/msg bob arrived, too", "/me arrives"):
        alice.say(text)
    assert heard(bob, *TALK, end="arrives") == ["arrived", "same", "arrived, too", "arrives"]
    proxy.dumb = True
    for text in ("same", "lost", "/msg bob lost, too"):
        alice.say(text)
    expect(alice.log.locator(".pending")).to_have_count(7)
    proxy.cut()
    assert heard(bob, *TALK, end="lost, too") == ["same", "lost", "lost, too"]
    expect(alice.log.locator(".pending, .failed")).to_have_count(0)
    own = ["arrived", "same", "arrived, too", "alice arrives", "same", "lost", "lost, too"]
    expect(alice.log.locator(".own .text")).to_have_text([re.compile(rf"^{text}(\d\d:\d\d)?$") for text in own])
    assert heard(bob, *TALK) == []


def test_more_was_missed_than_is_told_at_the_return(
    page: Page, start_server: StartServer, join_json: Join, tmp_path: Path
) -> None:
    server = start_server("--data", tmp_path)
    bob = join_json("bob", server)
    with contextlib.closing(Proxy(server)) as proxy:
        alice = Guest(page, proxy).joined("alice")
        proxy.deaf = True
        for number in range(250):
            bob.tell("say", text=f"message {number}.")
        heard(bob)
        proxy.cut()
        alice.sees("message 249.")
        alice.log.evaluate("log => { log.scrollTop = 0 }")
        wanted = [f"message {number}." for number in range(250)]
        expect(alice.log.locator(".said .text")).to_have_text(wanted)


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    needs("ip")
    try:
        namespace = Namespace()
    except CalledProcessError as error:
        pytest.skip(f"needs the right to make network namespaces: {error.stderr!r}")
    yield namespace
    namespace.close()


@pytest.fixture
def far_page(namespace: Namespace, browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """A page in a browser that runs in the namespace."""
    over_there = launch(browser.browser_type, namespace.program(chromium(), tmp_path))
    page = over_there.new_page(locale="en-GB")
    page.set_default_timeout(PATIENCE)
    yield page
    over_there.close()


@pytest.mark.parametrize("cut", [(CUT, True), (4, False)], ids=["and-another-address", "shortly"])
def test_a_hundred_messages_while_the_link_is_down_come_once_in_order(
    cut: tuple[float, bool], namespace: Namespace, far_page: Page, start_server: StartServer, join_json: Join
) -> None:
    """With another address the connection is dead, and made again; a short cut it may outlive."""
    seconds, moves = cut
    server = start_server("--host", namespace.host)
    bob = join_json("bob", server)
    alice = Guest(far_page, server).joined("alice")
    bob.tell("say", text="before")
    alice.sees("before")
    heard(bob)
    namespace.link("down")
    began = time.monotonic()
    for number in range(100):
        bob.tell("say", text=f"message {number}.")
        far_page.wait_for_timeout(max(0.0, 1000 * (began + seconds * number / 100 - time.monotonic())))
    expect(alice.log.get_by_text("message 99.")).to_have_count(0)
    if moves:
        namespace.move()
    namespace.link("up")
    alice.log.get_by_text("message 99.").wait_for(timeout=2 * PATIENCE)
    if moves:
        server.wait_for("alice is back")
    bob.tell("say", text="after")
    alice.sees("after")
    wanted = ["before", *(f"message {number}." for number in range(100)), "after"]
    expect(alice.log.locator(".said .text")).to_have_text(wanted)
    expect(alice.log.locator(".divider")).to_have_count(1)
    assert heard(bob, "entered", "left") == []
    assert not alice.trouble


# ---- a page that is closed, or loaded anew ---------------------------------------------------------------------


def test_a_page_loaded_anew_was_not_seen_to_go(page: Page, server: Server, join_json: Join) -> None:
    bob = join_json("bob")
    alice = Guest(page, server, "?room=den").joined("alice")
    alice.sees("You came into den.")
    bob.request("join", room="den")
    alice.say("/me sits down")
    bob.request("say", text="before")
    bob.request("msg", to="alice", text="psst")
    alice.sees("psst")
    bob.request("join", room="lobby")
    bob.request("say", text="unread")
    expect(page).to_have_title("(1) den · Chat")
    alice.entry.fill("half a sent")
    heard(bob)
    page.reload()
    expect(alice.log.locator(".text")).to_have_text([re.compile("alice sits down"), "before", "psst"])
    expect(alice.log.locator(".own")).to_have_count(1)
    expect(alice.log.locator(".history")).to_have_count(0)
    expect(alice.entry).to_have_value("half a sent")
    expect(page).to_have_title("(1) den · Chat")
    expect(page.locator("#people-list bdi")).to_have_text(["alice", "bob"])
    alice.entry.press("Enter")
    assert bob.wait_for("said")["text"] == "half a sent"
    page.locator("#room-list").get_by_role("button", name="Lobby").click()
    expect(alice.sees("unread")).to_contain_text("New since you looked")
    assert heard(bob, "entered", "left") == []
    alice.entry.press("/")
    expect(page.locator("#choices li").first).to_be_visible()


def test_a_link_to_a_room_in_the_same_tab_leads_there(page: Page, server: Server, join_json: Join) -> None:
    bob = join_json("bob")
    alice = Guest(page, server).joined("alice")
    page.goto(f"{alice.home}?room=den")
    expect(page.get_by_role("heading", name="den", exact=True)).to_be_visible()
    assert heard(bob, "left") == []


def test_a_password_that_is_half_typed_is_not_left_behind(page: Page, server: Server) -> None:
    alice = Guest(page, server).joined("alice")
    alice.entry.fill("/oper root open ses")
    page.reload()
    page.locator("#me", has_text="alice").wait_for(state="attached")
    expect(alice.entry).to_have_value("")
    assert page.evaluate("JSON.stringify({...localStorage, ...sessionStorage})") == '{"chat.name":"alice"}'


def test_what_was_left_long_ago_lets_nobody_in(page: Page, server: Server) -> None:
    alice = Guest(page, server)
    page.evaluate("""sessionStorage.setItem("chat.note", '{"name":"alice","token":"x","at":1}')""")
    page.reload()
    expect(page.get_by_label("Your name")).to_be_focused()
    expect(page.get_by_label("Your name")).to_be_visible()
    alice.joined("bob")


def test_whoever_closes_the_page_has_left_soon(page: Page, start_server: StartServer, join_json: Join) -> None:
    server = start_server("--reload-limit", "0.5")
    bob = join_json("bob", server)
    Guest(page, server).joined("alice")
    bob.wait_for("entered")
    page.goto("about:blank")
    assert bob.wait_for("left", name="alice")["gone"] is True


def test_whoever_leaves_by_the_button_has_left_at_once(page: Page, start_server: StartServer, join_json: Join) -> None:
    server = start_server("--reload-limit", "600")
    bob = join_json("bob", server)
    Guest(page, server).joined("alice")
    page.get_by_role("button", name="Leave", exact=True).click()
    bob.wait_for("left", name="alice")
    page.reload()
    page.get_by_label("Your name").wait_for()


def test_a_new_tab_takes_the_place_of_one_that_was_closed(page: Page, server: Server, join_json: Join) -> None:
    bob = join_json("bob")
    Guest(page, server).joined("alice")
    bob.request("say", text="before")
    other = page.context.new_page()
    second = Guest(other, server)
    second.join("alice")
    expect(other.locator("#trouble")).to_contain_text("alice is taken")
    page.close(run_before_unload=True)
    server.wait_for("alice has lost the connection")
    second.joined("alice").sees("before")
    assert heard(bob, "left") == []


def test_a_page_loaded_anew_while_the_server_began_anew(page: Page, start_server: StartServer, tmp_path: Path) -> None:
    options = ("--port", free_port(), "--data", tmp_path)
    server = start_server(*options)
    alice = Guest(page, server).joined("alice")
    alice.say("before")
    expect(alice.log.locator(".own:not(.pending)", has_text="before")).to_be_visible()
    server.kill()
    start_server(*options)
    page.reload()
    alice.sees("before")
    alice.say("after")
    expect(alice.log.locator(".own:not(.pending)", has_text="after")).to_be_visible()


# ---- a server that has begun anew -----------------------------------------------------------------------------


def test_comes_back_to_a_server_that_was_killed(
    page: Page, start_server: StartServer, join_json: Join, tmp_path: Path
) -> None:
    options = ("--port", free_port(), "--data", tmp_path, "--room", "Weather: rain")
    server = start_server(*options)
    alice = Guest(page, server, "?room=weather").joined("alice")
    alice.say("before")
    expect(alice.log.locator(".own:not(.pending)", has_text="before")).to_be_visible()
    server.kill()
    expect(alice.page.locator("#banner")).to_contain_text("trying again")
    alice.say("meanwhile")
    expect(alice.page.locator("#hint")).to_contain_text("Not connected")
    expect(alice.entry).to_have_value("meanwhile")
    server = start_server(*options)
    expect(alice.page.locator("#banner")).to_be_hidden()
    bob = join_json("bob", server)
    bob.request("join", room="weather")
    alice.sees("bob came in.")
    alice.entry.press("Enter")
    said = bob.wait_for("said", text="meanwhile")
    assert (said["from"], said["room"]) == ("alice", "weather")
    expect(alice.log.get_by_text("before", exact=True)).to_have_count(1)


def test_lost_message_can_be_sent_again(page: Page, start_server: StartServer) -> None:
    port = free_port()
    server = start_server("--port", port)
    alice = Guest(page, server).joined("alice")
    server.process.send_signal(signal.SIGSTOP)
    alice.say("into the void")
    expect(alice.log.locator(".pending")).to_have_count(1)
    server.kill()
    start_server("--port", port)
    alice.page.get_by_role("button", name="Send again").click()
    expect(alice.log.locator(".own:not(.pending):not(.failed)", has_text="into the void")).to_have_count(1)
