"""The page, met in a real browser: Chromium, driven by playwright, against the real server."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tests.browser import DESKTOP, PATIENCE, PHONE, Guest
from tests.support import JsonClient, Server

Open = Callable[..., Guest]


@pytest.fixture
def visit(browser: Browser, server: Server) -> Iterator[Open]:
    """`visit()`: somebody at the door of the server; `visit(other_server, size=PHONE, room="?room=weather")`.

    Every page is looked over at the end: no error, no request to a foreign origin, no violation of the policy.
    """
    opened: list[tuple[Guest, BrowserContext]] = []

    def open_page(at: Server = server, size: tuple[int, int] = DESKTOP, room: str = "", scheme: str = "light") -> Guest:
        width, height = size
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if scheme == "dark" else "light",
            locale="en-GB",
        )
        context.set_default_timeout(PATIENCE)
        guest = Guest(context.new_page(), at, room)
        opened.append((guest, context))
        return guest

    yield open_page
    trouble = [line for guest, _ in opened for line in guest.trouble]
    for _, context in opened:
        context.close()
    assert not trouble


# ---- talking --------------------------------------------------------------------------------------------------


def test_people_on_three_clients_talk(visit: Open, join_json: Callable[..., JsonClient]) -> None:
    bob = join_json("bob")
    alice, carol = visit().joined("alice"), visit().joined("carol")
    alice.say("Good morning 🌻")
    assert bob.wait_for("said")["text"] == "Good morning 🌻"
    carol.sees("Good morning 🌻")
    expect(alice.log.locator(".own .text", has_text="Good morning 🌻")).to_have_count(1)
    bob.request("say", text="Hello from a terminal")
    alice.sees("Hello from a terminal")
    carol.say("/me waves")
    assert bob.wait_for("acted")["text"] == "waves"
    alice.sees("carol waves")
    expect(alice.page.locator("#people-list bdi")).to_have_text(["alice", "bob", "carol", "Host"])
    expect(carol.page.locator("#count")).to_have_text("4")


def test_own_message_is_marked_until_the_server_has_it(visit: Open, server: Server) -> None:
    alice = visit().joined("alice")
    server.process.send_signal(signal.SIGSTOP)
    try:
        alice.say("Is this on its way?")
        expect(alice.log.locator(".pending", has_text="sending …")).to_be_visible()
    finally:
        server.process.send_signal(signal.SIGCONT)
    expect(alice.log.locator(".pending")).to_have_count(0)
    alice.sees("Is this on its way?")


def test_private_talk_reaches_one_person(visit: Open, join_json: Callable[..., JsonClient]) -> None:
    bob = join_json("bob")
    alice, carol = visit().joined("alice"), visit().joined("carol")
    bob.request("msg", to="alice", text="only for you")
    row = alice.sees("only for you")
    expect(row).to_have_class(re.compile("whispered"))
    expect(row).to_contain_text("private")
    alice.page.locator("#people-list").get_by_role("button", name="bob").click()
    expect(alice.entry).to_have_value("/msg bob ")
    expect(alice.page.locator("#hint")).to_have_text("Private, to bob only")
    alice.page.keyboard.type("and this for you")
    alice.page.keyboard.press("Enter")
    assert bob.wait_for("whispered")["text"] == "and this for you"
    alice.page.locator("#talk-list").get_by_role("button", name="bob").click()
    alice.say("a talk of our own")
    assert bob.wait_for("whispered")["text"] == "a talk of our own"
    expect(alice.log.locator(".text")).to_have_text(["only for you", "and this for you", "a talk of our own"])
    bob.request("say", text="to everyone")
    carol.sees("to everyone")
    expect(carol.log.locator(".whispered")).to_have_count(0)


def test_history_is_shown_as_history(visit: Open, join_json: Callable[..., JsonClient]) -> None:
    join_json("bob").request("say", text="yesterday’s words")
    alice = visit().joined("alice")
    expect(alice.sees("yesterday’s words")).to_have_class(re.compile("history"))
    expect(alice.sees("yesterday’s words").locator("time")).to_contain_text("today, ")
    alice.sees("Above is what was said before.")
    alice.say("said now")
    expect(alice.sees("said now")).not_to_have_class(re.compile("history"))


def test_scrolling_back_recalls_older_messages(visit: Open, join_json: Callable[..., JsonClient]) -> None:
    bob = join_json("bob")
    for number in range(120):
        bob.request("say", text=f"message {number}.")
    alice = visit().joined("alice")
    alice.sees("message 119.")
    expect(alice.log.get_by_text("message 3.")).to_have_count(0)
    alice.log.evaluate("log => { log.scrollTop = 0 }")
    expect(alice.log.get_by_text("message 3.", exact=True)).to_have_count(1)
    expect(alice.log.get_by_text("message 100.", exact=True)).to_have_count(1)


def test_scrolling_back_reaches_the_beginning(
    visit: Open, start_server: Callable[..., Server], join_json: Callable[..., JsonClient], tmp_path: Path
) -> None:
    server = start_server("--data", tmp_path, "--no-flood-limit")
    bob = join_json("bob", server)
    bob.request("join", room="den")
    for number in range(1300):
        bob.tell("say", text=f"message {number}.")
        if number % 50 == 0:
            bob.tell("say", text=f"elsewhere {number}.", room="lobby")
    bob.request("say", text="last")
    alice = visit(server, room="?room=den").joined("alice")
    alice.sees("last")
    first = alice.log.get_by_text("message 0.", exact=True)
    for _ in range(60):
        alice.log.evaluate("log => { log.scrollTop = 0 }")
        if first.count():
            break
        alice.page.wait_for_timeout(100)
    expect(first).to_have_count(1)
    shown = alice.log.locator(".said .text").all_inner_texts()
    numbers = [int(text.split()[1].rstrip(".")) for text in shown]
    assert numbers == list(range(len(numbers)))
    expect(alice.page.locator(".row.trouble")).to_have_count(0)


def test_scrolling_back_in_a_private_talk(
    visit: Open, start_server: Callable[..., Server], join_json: Callable[..., JsonClient], tmp_path: Path
) -> None:
    server = start_server("--data", tmp_path, "--no-flood-limit")
    bob, carol = join_json("bob", server), join_json("carol", server)
    alice = visit(server).joined("alice")
    alice.say("/register open sesame")
    alice.sees("and yours")
    bob.request("msg", to="alice", text="bob, first")
    for number in range(620):
        carol.tell("msg", to="alice", text=f"carol {number}")
    carol.request("msg", to="alice", text="carol, last")
    alice.page.get_by_role("button", name="Leave", exact=True).click()
    alice.join("alice")
    alice.page.locator("#trouble", has_text="registered").wait_for()
    alice.join("alice", "open sesame")
    bob.wait_for("entered", name="alice")
    bob.request("msg", to="alice", text="bob, last")
    alice.page.locator("#talk-list").get_by_role("button", name="bob").click()
    expect(alice.log.locator(".whispered .text")).to_have_text(["bob, first", "bob, last"])


def test_up_brings_back_no_password(visit: Open) -> None:
    alice = visit().joined("alice")
    alice.say("hello")
    for typed in ("/oper root sesame", "/identify sesame", "  /register abc", "/login sesame", "/pass sesame"):
        alice.entry.fill(typed)
        expect(alice.page.locator("#hint")).to_have_text("What you type now is not shown.")
        expect(alice.entry).to_have_class("secret")
        alice.entry.press("Enter")
        alice.log.locator(".trouble").last.wait_for()
        alice.entry.fill("")
    brought = []
    for _ in range(6):
        alice.entry.press("ArrowUp")
        brought.append(alice.entry.input_value())
    assert brought == ["/pass", "/login", "  /register", "/identify", "/oper root", "hello"]
    expect(alice.log.locator(".said")).to_have_count(1)


def test_a_long_text_does_not_push_the_others_off_the_screen(visit: Open, join_json: Callable[..., JsonClient]) -> None:
    bob, alice = join_json("bob"), visit().joined("alice")
    bob.request("say", text="before")
    bob.request("say", text="\n".join(f"line {number}." for number in range(200)))
    bob.request("say", text="after")
    alice.sees("after")
    expect(alice.log.get_by_text("before", exact=True)).to_be_in_viewport()
    alice.page.get_by_role("button", name="Show all 200 lines").click()
    expect(alice.log.get_by_text("before", exact=True)).to_be_in_viewport()
    expect(alice.log.locator(".folded, .fold")).to_have_count(0)
    alice.page.get_by_role("button", name="To the newest").click()
    expect(alice.log.get_by_text("after", exact=True)).to_be_in_viewport()


def test_who_leaves_a_room_and_who_goes_off_line(visit: Open, join_json: Callable[..., JsonClient]) -> None:
    bob, alice = join_json("bob"), visit().joined("alice")
    bob.request("msg", to="alice", text="psst")
    bob.request("join", room="den")
    bob.request("part", room="lobby")
    alice.sees("bob left the room.")
    bob.request("join", room="lobby")
    alice.sees("bob came in.")
    alice.page.locator("#talk-list").get_by_role("button", name="bob").click()
    bob.tell("quit")
    alice.sees("bob is off line.")
    join_json("bob")
    alice.sees("bob is here again.")
    alice.page.keyboard.press("Alt+ArrowDown")
    expect(alice.page.get_by_role("heading", name="Lobby")).to_be_visible()
    alice.sees("bob went.")


NOTICES = """
    window.notices = []
    const Real = Notification
    window.Notification = class extends Real {
        constructor(title, how) {
            super(title, how)
            window.notices.push(`${title}: ${how.body}`)
        }
    }
    document.hasFocus = () => false
"""  # what the browser was asked to show, and somebody who looks at another window


def test_who_looks_elsewhere_is_shown_what_is_meant_for_him(visit: Open, join_json: Callable[..., JsonClient]) -> None:
    bob, alice = join_json("bob"), visit().joined("alice")
    alice.page.context.grant_permissions(["notifications"])
    alice.page.get_by_role("button", name="Sound").click()
    alice.page.evaluate(NOTICES)
    for text in ("hello everybody", "and you, Alice?"):
        bob.request("say", text=text)
    bob.request("msg", to="alice", text="psst")
    alice.sees("psst")
    assert alice.page.evaluate("notices") == ["bob in Lobby: and you, Alice?", "bob, in private: psst"]


def test_rooms_and_what_is_unread_in_them(
    visit: Open, start_server: Callable[..., Server], join_json: Callable[..., JsonClient]
) -> None:
    server = start_server("--room", "Weather: rain and sun")
    bob, alice = join_json("bob", server), visit(server, room="?room=weather")
    expect(alice.page.locator("#login")).to_contain_text("You go to the room weather")
    alice.joined("alice")
    expect(alice.page.get_by_role("heading", name="Weather")).to_be_visible()
    bob.request("say", text="one for the lobby")
    bob.request("say", text="another one")
    expect(alice.page).to_have_title("(2) Weather · Chat")
    lobby = alice.page.locator("#room-list").get_by_role("button", name="Lobby")
    expect(lobby).to_contain_text("2")
    lobby.click()
    expect(alice.page).to_have_title("Lobby · Chat")
    alice.sees("New since you looked")
    expect(alice.sees("one for the lobby")).to_contain_text("New since you looked")
    bob.request("join", room="weather")
    bob.request("say", text="rain")
    expect(alice.page).to_have_title("(1) Lobby · Chat")


def test_many_rooms_leave_room_for_the_rest(visit: Open, start_server: Callable[..., Server]) -> None:
    rooms = [option for number in range(40) for option in ("--room", f"Room {number}: number {number}")]
    alice = visit(start_server(*rooms)).joined("alice")
    more = alice.page.get_by_role("button", name="28 more rooms")
    expect(more).to_be_in_viewport()
    expect(alice.page.get_by_role("button", name="Leave", exact=True)).to_be_in_viewport()
    more.click()
    expect(alice.page.locator("#room-list li")).to_have_count(41)
    expect(alice.page.get_by_role("button", name="Leave", exact=True)).to_be_in_viewport()
    expect(alice.page.get_by_role("button", name=re.compile(r"^Room 39\W+1 here\W+not joined$"))).to_have_count(1)


def test_title_counts_what_came_while_one_looked_elsewhere(visit: Open, join_json: Callable[..., JsonClient]) -> None:
    bob, alice = join_json("bob"), visit().joined("alice")
    alice.look_away()
    bob.request("say", text="are you there, Alice?")
    expect(alice.page).to_have_title("(1) Lobby · Chat")
    alice.look_away(False)
    expect(alice.page).to_have_title("Lobby · Chat")
    expect(alice.sees("are you there")).to_contain_text("New since you looked")
    expect(alice.log.locator("mark")).to_have_text("Alice")


def test_mention_is_a_whole_word(visit: Open, join_json: Callable[..., JsonClient]) -> None:
    bob, ann = join_json("bob"), visit().joined("ann")
    bob.request("say", text="Hanna, @ann: the planned annex of ANN.")
    ann.sees("Hanna")
    expect(ann.log.locator("mark")).to_have_text(["ann", "ANN"])


def test_links_lead_out_safely(visit: Open, join_json: Callable[..., JsonClient]) -> None:
    bob, alice = join_json("bob"), visit().joined("alice")
    bob.request("say", text="see (https://example.org/a_(b)?c=d). or javascript:alert(1) or http://x.example/y.")
    alice.sees("javascript:alert(1)")
    links = alice.log.locator("a")
    expect(links).to_have_text(["https://example.org/a_(b)?c=d", "http://x.example/y"])
    assert links.first.get_attribute("rel") == "noopener noreferrer"


# ---- writing --------------------------------------------------------------------------------------------------


def test_several_lines_are_one_message(visit: Open, join_json: Callable[..., JsonClient]) -> None:
    bob, alice = join_json("bob"), visit().joined("alice")
    alice.entry.evaluate(
        """entry => {
            const data = new DataTransfer()
            data.setData("text/plain", "first\\nsecond\\n/quit")
            entry.focus()
            const paste = new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true})
            if (entry.dispatchEvent(paste))
                document.execCommand("insertText", false, data.getData("text/plain"))
        }"""
    )
    expect(alice.entry).to_have_value("first\nsecond\n/quit")
    alice.entry.press("Shift+Enter")
    alice.page.keyboard.type("last")
    alice.entry.press("Enter")
    assert bob.wait_for("said")["text"] == "first\nsecond\n/quit\nlast"
    expect(alice.log.locator(".own .text")).to_have_text(["first\nsecond\n/quit\nlast"], use_inner_text=True)


def test_refused_text_comes_back(visit: Open) -> None:
    alice = visit().joined("alice")
    alice.say("/msg nobody a long thought")
    alice.sees("There is nobody called nobody here")
    expect(alice.entry).to_have_value("/msg nobody a long thought")
    expect(alice.log.locator(".own")).to_have_count(0)
    alice.say("/nonsense")
    alice.sees("There is no command /nonsense")
    expect(alice.entry).to_have_value("/nonsense")
    alice.say("x" * 16_385)
    expect(alice.page.locator("#hint")).to_contain_text("at most 16,384 characters")
    assert len(alice.entry.input_value()) == 16_385


def test_completes_commands_and_names(visit: Open, join_json: Callable[..., JsonClient]) -> None:
    join_json("Benedict")
    alice = visit().joined("alice")
    alice.entry.press_sequentially("/ms")
    expect(alice.page.get_by_role("option")).to_contain_text(["private, to one person"])
    alice.entry.press("Tab")
    expect(alice.entry).to_have_value("/msg ")
    alice.entry.press_sequentially("be")
    alice.entry.press("Tab")
    expect(alice.entry).to_have_value("/msg Benedict ")
    alice.entry.fill("")
    alice.entry.press_sequentially("be")
    alice.entry.press("Tab")
    expect(alice.entry).to_have_value("Benedict, ")


def test_keyboard_alone(visit: Open, server: Server, join_json: Callable[..., JsonClient]) -> None:
    bob = join_json("bob")
    alice = visit()
    keyboard = alice.page.keyboard
    expect(alice.page.get_by_label("Your name")).to_be_focused()
    keyboard.type("alice")
    keyboard.press("Enter")
    alice.sees("You are here as alice.")
    expect(alice.entry).to_be_focused()
    keyboard.type("/he")
    expect(alice.page.get_by_role("option")).to_have_count(1)
    keyboard.press("ArrowDown")
    keyboard.press("Enter")
    expect(alice.entry).to_have_value("/help ")
    keyboard.press("Enter")
    alice.sees("/wholast")
    keyboard.press("Shift+Tab")
    expect(alice.page.get_by_role("button", name="Emoji")).to_be_focused()
    keyboard.press("Enter")
    keyboard.press("Tab")
    keyboard.press("Enter")
    expect(alice.entry).to_be_focused()
    keyboard.press("Enter")
    assert bob.wait_for("said")["text"] == "😄"
    keyboard.press("Tab")
    keyboard.press("Tab")
    keyboard.press("Enter")
    expect(alice.entry).to_have_value("/msg bob ")
    alice.page.get_by_role("link", name="Skip to the entry").focus()
    keyboard.press("Enter")
    expect(alice.entry).to_be_focused()


# ---- text is text ---------------------------------------------------------------------------------------------


def test_forged_text_is_shown_as_text(visit: Open, join_json: Callable[..., JsonClient]) -> None:
    texts = [
        "[*] alice exited.",
        "<script>document.title = 'stolen'</script>",
        "<img src=x onerror=\"document.title='stolen'\"> &lt;b&gt;",
        "</li></ol><style>*{display:none}</style>",
    ]
    bob, alice = join_json("bob"), visit().joined("alice")
    for text in texts:
        bob.request("say", text=text)
    expect(alice.log.locator(".said .text")).to_have_text(texts)
    expect(alice.log.locator("script, style, img")).to_have_count(0)
    assert alice.people() == ["alice", "bob", "Host"]
    expect(alice.page).to_have_title("Lobby · Chat")


# ---- the door -------------------------------------------------------------------------------------------------


def test_name_is_remembered_and_refusals_are_explained(visit: Open, join_json: Callable[..., JsonClient]) -> None:
    join_json("bob")
    alice = visit()
    alice.join("bob")
    expect(alice.page.get_by_role("alert").first).to_contain_text("bob")
    expect(alice.page.get_by_label("Your name")).to_be_focused()
    alice.joined("alice")
    alice.page.reload()
    expect(alice.page.get_by_label("Your name")).to_have_value("alice")


def test_registered_name_takes_its_password(visit: Open, start_server: Callable[..., Server], tmp_path: Path) -> None:
    server = start_server("--data", tmp_path)
    alice = visit(server).joined("alice")
    alice.say("/register correct horse")
    alice.sees("The name alice is registered, and yours")
    alice.say("/quit")
    expect(alice.page.get_by_label("Your name")).to_be_focused()
    again = visit(server)
    again.join("alice")
    expect(again.page.get_by_label("Password of this name")).to_be_focused()
    again.join("alice", "wrong horse")
    expect(again.page.locator("#trouble")).to_contain_text("not the password")
    again.join("alice", "correct horse")
    again.sees("You are here as alice.")
    assert again.page.evaluate("JSON.stringify(localStorage)").count("horse") == 0


def test_who_comes_next_finds_nothing_of_the_one_before(visit: Open, join_json: Callable[..., JsonClient]) -> None:
    bob, guest = join_json("bob"), visit().joined("alice")
    bob.request("msg", to="alice", text="a secret")
    guest.sees("a secret")
    guest.page.get_by_role("button", name="Leave", exact=True).click()
    expect(guest.page.locator("#trouble")).to_have_text("Goodbye.")
    guest.joined("carol")
    guest.sees("You are here as carol.")
    assert "a secret" not in guest.page.content()
    guest.entry.press("ArrowUp")
    expect(guest.entry).to_have_value("")


def test_after_goodbye_it_says_why_and_offers_to_join_again(visit: Open, server: Server) -> None:
    alice = visit().joined("alice")
    server.type("/kick alice too loud")
    expect(alice.page.locator("#farewell")).to_have_text(re.compile("You have been kicked out: too loud."))
    alice.page.get_by_role("button", name="Join again").click()
    expect(alice.page.locator("#farewell")).to_be_hidden()
    alice.say("quietly now")
    expect(alice.log.locator(".own:not(.pending)", has_text="quietly now")).to_be_visible()


# ---- the look -------------------------------------------------------------------------------------------------


def test_phone_has_no_horizontal_scroll(visit: Open, join_json: Callable[..., JsonClient]) -> None:
    bob, alice = join_json("bob"), visit(size=PHONE).joined("alice")
    bob.request("say", text="w" * 400 + " https://example.org/" + "x" * 300)
    bob.request("msg", to="alice", text="y" * 200)
    alice.say("/help")
    alice.sees("/wholast")
    wide = "[document.documentElement, document.querySelector('#log')].map(part => part.scrollWidth - part.clientWidth)"
    assert alice.page.evaluate(wide) == [0, 0]
    expect(alice.page.locator("#people")).to_be_hidden()
    alice.page.get_by_role("button", name="People").click()
    alice.page.locator("#people-list").get_by_role("button", name="bob").click()
    expect(alice.entry).to_have_value("/msg bob ")
    expect(alice.page.locator("#people")).to_be_hidden()
    alice.page.get_by_role("button", name="Rooms").click()
    alice.page.keyboard.press("Escape")
    expect(alice.page.locator("#rooms")).to_be_hidden()
    expect(alice.page.get_by_role("button", name="Rooms")).to_be_focused()


def test_light_and_dark(visit: Open) -> None:
    alice = visit(scheme="dark").joined("alice")
    background = "getComputedStyle(document.querySelector('.pane')).backgroundColor"
    dark = alice.page.evaluate(background)
    alice.page.get_by_role("button", name="Dark colours").click()
    light = alice.page.evaluate(background)
    assert dark != light
    alice.page.reload()
    assert alice.page.evaluate(background) == light


def test_a_long_talk_stays_small_in_the_page(visit: Open, join_json: Callable[..., JsonClient]) -> None:
    bob, alice = join_json("bob"), visit().joined("alice")
    for start in range(0, 10_000, 500):
        lines = "".join(f'{{"do":"say","text":"line {start + number}."}}\n' for number in range(500))
        bob.send(lines)
        bob.request("ping")
    alice.sees("line 9999.")
    assert alice.log.locator("li").count() <= 450
    alice.page.wait_for_function(
        """log => {
            log.scrollTop = 0
            return [...log.querySelectorAll(".text")].some(text => text.textContent === "line 9000.")
        }""",
        arg=alice.log.element_handle(),
    )
    assert alice.log.locator("li").count() <= 450
    alice.page.get_by_role("button", name="newest").click()
    expect(alice.log.get_by_text("line 9999.", exact=True)).to_be_in_viewport()


# ---- rooms that change ----------------------------------------------------------------------------------------


def test_what_changes_in_a_room_is_told(visit: Open, join_json: Callable[..., JsonClient]) -> None:
    bob, alice = join_json("bob"), visit().joined("alice")
    bob.request("join", room="den")
    bob.request("invite", name="alice")
    alice.sees("bob asks you into den: type /join den")
    alice.say("/join den")
    alice.sees("You came into den.")
    bob.request("topic", text="Old films")
    alice.sees("bob says what this room is about: Old films")
    bob.request("away", reason="lunch")
    alice.sees("bob is away: lunch")
    bob.request("kick", name="alice", reason="spam")
    alice.sees("You were put out of den: spam")
    expect(alice.page.get_by_role("heading", name="Lobby")).to_be_visible()
    alice.say("still here")
    assert bob.wait_for("said")["room"] == "lobby"


def test_a_room_with_a_password_asks_for_it(visit: Open, start_server: Callable[..., Server], tmp_path: Path) -> None:
    server = start_server("--data", tmp_path, "--password", "open sesame")
    alice = visit(server)
    alice.join("alice")
    field = alice.page.get_by_label("Password of this room")
    expect(field).to_be_focused()
    field.fill("wrong")
    alice.join("alice")
    expect(alice.page.locator("#trouble")).to_contain_text("that is not it")
    field.fill("open sesame")
    alice.join("alice")
    alice.sees("You are here as alice.")
    alice.say("/register correct horse")
    alice.sees("The name alice is registered")
    alice.say("/quit")
    again = visit(server)
    again.join("alice")
    again.page.get_by_label("Password of this room").fill("open sesame")
    again.join("alice")
    expect(again.page.get_by_label("Password of this name")).to_be_focused()
    again.join("alice", "correct horse")
    again.sees("You are here as alice.")
    assert again.page.evaluate("JSON.stringify(localStorage) + JSON.stringify(sessionStorage)").count("sesame") == 0
