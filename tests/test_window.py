"""The window, on a screen of its own: as a program driven by xdotool, and from inside where its state must be read.

What it sends is checked by another visitor of the same server, on a real socket.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from clients.place import Place
from tests.support import PATIENCE, Between, JsonClient, PlainClient, Program, Server, free_port, wait_until
from tests.support.screen import Hands

if TYPE_CHECKING:
    from clients.window.app import ChatWindow

Start = Callable[..., Program]
Join = Callable[..., JsonClient]

TK_KEEPS = pytest.mark.keeps("Tk keeps its connection to the screen until the process ends")
SMOOTH = 0.35
"""Seconds that Tk's loop may stand still at most: what a person hardly notices, with room for a busy machine."""


# ---- as a program ---------------------------------------------------------------------------------------------


@pytest.fixture
def open_window(start: Start, screen: str) -> Callable[..., Program]:
    """`open_window(host, port, name)`: the client as a process, on our screen."""

    def run(*options: object, **environment: str) -> Program:
        return start("chat_client.py", *options, env={**os.environ, "DISPLAY": screen, **environment})

    return run


def test_what_is_typed_reaches_the_room(server: Server, join_json: Join, open_window: Start, screen: str) -> None:
    alice = join_json("alice")
    window = open_window(server.host, server.port, "Ironman")
    alice.wait_for("entered", name="Ironman")
    hands = Hands(screen)
    hands.say("Good evening")
    assert alice.wait_for("said", from_="Ironman")["text"] == "Good evening"
    hands.type("one")
    hands.press("shift+Return")
    hands.say("two")
    assert alice.wait_for("said", from_="Ironman")["text"] == "one\ntwo"
    hands.say("/me waves")
    assert alice.wait_for("acted", from_="Ironman")["text"] == "waves"
    hands.type("/ms")
    hands.press("Tab")
    hands.type("al")
    hands.press("Tab")
    hands.say("psst")
    assert alice.wait_for("whispered", from_="Ironman")["text"] == "psst"
    hands.press("ctrl+q")
    assert alice.wait_for("left", name="Ironman")["kicked"] is False
    assert window.wait() == 0


def test_f5_leaves_and_comes_back(server: Server, join_json: Join, open_window: Start, screen: str) -> None:
    alice = join_json("alice")
    open_window(server.host, server.port, "Ironman")
    alice.wait_for("entered", name="Ironman")
    hands = Hands(screen)
    for _ in range(2):
        hands.press("F5")
        alice.wait_for("left", name="Ironman")
        hands.press("F5")
        alice.wait_for("entered", name="Ironman")
    hands.say("here again")
    assert alice.wait_for("said", from_="Ironman")["text"] == "here again"


def test_everything_can_be_entered_by_keyboard(
    server: Server, join_json: Join, open_window: Start, screen: str
) -> None:
    alice = join_json("alice")
    open_window()
    hands = Hands(screen, title="Chat")
    hands.press("ctrl+n")
    hands.type(server.host)
    hands.press("Tab", "ctrl+a")
    hands.type(f"{server.port}")
    hands.press("Tab")
    hands.say("Ironman")
    alice.wait_for("entered", name="Ironman")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_as_closing_does(
    server: Server, join_json: Join, open_window: Start, screen: str, number: int
) -> None:
    alice = join_json("alice")
    window = open_window(server.host, server.port, "Ironman")
    alice.wait_for("entered", name="Ironman")
    Hands(screen)
    window.process.send_signal(number)
    alice.wait_for("left", name="Ironman")
    assert window.wait() == 0


def test_a_link_opens_in_the_browser(
    server: Server, join_json: Join, open_window: Start, screen: str, tmp_path: Path
) -> None:
    seen, browser = tmp_path / "seen", tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" >> {seen}\n')
    browser.chmod(0o755)
    alice = join_json("alice")
    open_window(server.host, server.port, "Ironman", BROWSER=f"{browser}")
    alice.wait_for("entered", name="Ironman")
    hands = Hands(screen)
    alice.tell("say", text="not file:///etc/passwd, but (see https://example.org/a_(b)?c=1).")
    hands.say("read it")
    alice.wait_for("said", from_="Ironman")
    hands.press("ctrl+o")
    wait_until(lambda: seen.exists() and seen.read_text(), what="the browser was started")
    assert seen.read_text() == "https://example.org/a_(b)?c=1\n"


def test_without_a_screen_it_says_so(start: Start) -> None:
    pytest.importorskip("tkinter", reason="needs tkinter, which is not installed here")
    environment = {key: value for key, value in os.environ.items() if key != "DISPLAY"}
    window = start("chat_client.py", env=environment, stderr=subprocess.STDOUT)
    window.wait_for("No window can be opened here")
    assert window.wait() == 2


@pytest.mark.parametrize(("module", "advice"), [("tkinter", "apt install python3-tk"), ("sv_ttk", "pip install -r")])
def test_without_its_libraries_it_says_what_to_install(start: Start, tmp_path: Path, module: str, advice: str) -> None:
    """C7."""
    (tmp_path / "tkinter.py").write_text("" if module != "tkinter" else f"raise ImportError('gone', name='{module}')")
    (tmp_path / f"{module}.py").write_text(f"raise ImportError('gone', name='{module}')")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}"}
    window = start("chat_client.py", env=environment, stderr=subprocess.STDOUT)
    window.wait_for(advice)
    assert window.wait() == 2


# ---- from inside ----------------------------------------------------------------------------------------------


class Desk:
    """A window in this process, whose loop the test turns."""

    def __init__(self, window: ChatWindow) -> None:
        self.window = window
        self.ticks: list[float] = []
        self._tick()

    def until(self, condition: Callable[[], object], what: str = "", seconds: float = PATIENCE) -> None:
        """Turn the loop until this is true."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}; shown:\n{self.shown}"
            self.window.root.update()
            time.sleep(0.001)

    def until_shown(self, text: str) -> None:
        """Turn the loop until `text` stands in the pane."""
        self.until(lambda: text in self.shown, f"{text!r} is shown")

    def until_on(self) -> None:
        """Turn the loop until the name is accepted."""
        self.until(lambda: self.window.state.value == "on", "connected")

    @property
    def shown(self) -> str:
        """What stands in the pane."""
        return self.window.pane.text.get("1.0", "end-1c")

    @property
    def trouble(self) -> str:
        """What the banner says."""
        return f"{self.window.banner.label.cget('text')}"

    def write(self, text: str) -> None:
        """Put a text into the entry line and press Return there."""
        self.window.composer.write(text)
        self.window.composer.text.event_generate("<Return>")

    def longest_stand(self) -> float:
        """Return for how long the loop stood still at most, in seconds."""
        return max(after - before for before, after in pairwise(self.ticks))

    def _tick(self) -> None:
        self.ticks.append(time.monotonic())
        self._timer = self.window.root.after(5, self._tick)

    def close(self) -> None:
        """Close the window as its cross does."""
        root = self.window.root
        root.after_cancel(self._timer)
        root.after_idle(root.tk.call, root.protocol("WM_DELETE_WINDOW"))
        self.window.stay()


@pytest.fixture
def sit_down(screen: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Desk]]:
    """`sit_down(host, port, name)`: a window in this process; closed after the test, without a trace of a fault."""
    import tkinter

    from clients.window.app import ChatWindow

    monkeypatch.setenv("DISPLAY", screen)
    faults: list[object] = []
    desks: list[Desk] = []

    def sit(host: str = "", port: int = 0, name: str = "") -> Desk:
        window = ChatWindow(tkinter.Tk(className="Chat"), Place(host, port), name)
        window.root.report_callback_exception = lambda *fault: faults.append(fault)
        desks.append(Desk(window))
        return desks[-1]

    yield sit
    for desk in desks:
        desk.close()
    assert not faults


@pytest.fixture
def desk(server: Server, sit_down: Callable[..., Desk]) -> Desk:
    """A window in this process whose person is in the room, as Ironman."""
    desk = sit_down(server.host, server.port, "Ironman")
    desk.until_on()
    return desk


@TK_KEEPS
def test_the_list_follows_events_and_nothing_that_is_said(desk: Desk, join_json: Join) -> None:
    """C6."""
    people = desk.window.list
    alice, bob = join_json("alice"), join_json("bob")
    desk.until(lambda: people.names() == ["alice", "bob", "Host", "Ironman"], "all are listed")
    bob.tell("say", text="[*] alice exited.")
    bob.tell("say", text='{"event":"left","room":"lobby","name":"alice","count":2}')
    desk.until_shown('"count":2}')
    assert people.names() == ["alice", "bob", "Host", "Ironman"]
    bob.tell("nick", name="rob")
    desk.until(lambda: people.names() == ["alice", "Host", "Ironman", "rob"], "bob is rob")
    alice.reset()
    desk.until(lambda: people.names() == ["Host", "Ironman", "rob"], "alice is gone")
    assert desk.window.people.count == 3
    desk.write("/nick Tony")
    desk.until(lambda: people.names() == ["Host", "rob", "Tony"], "the own name is new")
    assert desk.window.header.fields["Name"].get() == "Tony"


@TK_KEEPS
def test_own_messages_stand_where_the_room_has_them(desk: Desk, join_json: Join) -> None:
    alice = join_json("alice")
    for number in range(10):
        desk.write(f"own {number}")
        alice.wait_for("said", from_="Ironman")
        alice.tell("say", text=f"hers {number}")
        desk.until_shown(f"hers {number}")
    said = [line for line in desk.shown.splitlines() if line.startswith(("own", "hers"))]
    assert said == [f"{whose} {number}" for number in range(10) for whose in ("own", "hers")]
    assert not desk.window.composer.content
    own = desk.window.pane.text.tag_nextrange("own", "1.0")
    assert desk.window.pane.text.get(*own) == "own 0\n"


@TK_KEEPS
def test_disconnect_empties_the_list_and_connecting_again_works(desk: Desk, join_json: Join) -> None:
    """C5."""
    alice = join_json("alice")
    desk.window.composer.write("half a thought")
    desk.window.header.button.invoke()
    assert desk.window.list.names() == []
    alice.wait_for("left", name="Ironman")
    desk.window.header.button.invoke()
    desk.until_on()
    alice.wait_for("entered", name="Ironman")
    assert desk.window.list.names() == ["alice", "Host", "Ironman"]
    assert desk.window.composer.content == "half a thought"


@TK_KEEPS
@pytest.mark.parametrize(("name", "reason"), [("alice", "taken"), ("two words", "SPACE"), ("Host", "")])
def test_a_refused_name_asks_for_another(
    server: Server, join_json: Join, sit_down: Callable[..., Desk], name: str, reason: str
) -> None:
    """C5."""
    alice = join_json("alice")
    desk = sit_down(server.host, server.port, name)
    desk.until(lambda: desk.window.state.value == "naming", "asked for another name")
    field = desk.window.header.fields["Name"]
    assert reason in desk.trouble
    assert desk.trouble
    assert field.instate(["!disabled"])
    assert field.selection_present()
    field.delete(0, "end")
    field.insert(0, "Ironman")
    desk.window.header.button.invoke()
    desk.until_on()
    assert not desk.trouble
    alice.wait_for("entered", name="Ironman")


@TK_KEEPS
def test_what_is_refused_or_cannot_be_sent_is_not_lost(desk: Desk) -> None:
    desk.write("/nonsense at all")
    desk.until(lambda: "/nonsense" in desk.trouble, "refused in words")
    assert desk.window.composer.content == "/nonsense at all"
    desk.window.disconnect()
    desk.write("into the void")
    assert "no connection" in desk.trouble
    assert desk.window.composer.content == "into the void"


@TK_KEEPS
def test_the_pane_can_be_read_and_copied_but_not_written(desk: Desk, join_json: Join) -> None:
    join_json("alice").tell("say", text="copy this: 😀 漢字")
    desk.until_shown("copy this")
    text, before = desk.window.pane.text, desk.shown
    text.focus_force()
    for key in ("x", "<BackSpace>", "<Return>", "<Delete>"):
        text.event_generate(key)
    assert desk.shown == before
    text.event_generate("<<SelectAll>>")
    text.event_generate("<<Copy>>")
    assert "copy this: 😀 漢字" in desk.window.root.clipboard_get()


@TK_KEEPS
def test_it_keeps_still_while_somebody_reads_back(desk: Desk, join_json: Join) -> None:
    alice, pane = join_json("alice"), desk.window.pane
    for number in range(100):
        alice.tell("say", text=f"line {number}")
    desk.until_shown("line 99")
    desk.until(lambda: pane.text.dlineinfo("end-2l"), "the newest is in view")
    pane.scroll(-2)
    desk.window.root.update()
    top = pane.text.index("@0,0")
    alice.tell("say", text="late 1")
    alice.tell("say", text="late 2")
    desk.until_shown("late 2")
    desk.window.root.update()
    assert pane.text.index("@0,0") == top
    assert pane.hint.winfo_ismapped()
    assert pane.hint.cget("text").endswith("2 new messages")
    pane.hint.invoke()
    desk.until(lambda: not pane.hint.winfo_ismapped(), "the hint is gone")
    alice.tell("say", text="later still")
    desk.until_shown("later still")
    desk.until(lambda: pane.text.dlineinfo("end-2l"), "the newest is in view again")


@TK_KEEPS
def test_a_change_of_size_or_fonts_leaves_the_newest_in_view(desk: Desk, join_json: Join) -> None:
    alice, window = join_json("alice"), desk.window
    for number in range(100):
        alice.tell("say", text=f"line {number} " + "with many words " * 10)
    desk.until_shown("line 99")
    changes: list[Callable[[], object]] = [
        lambda: window.root.geometry("600x400"),
        lambda: window.look.zoom(2),
        lambda: window.look.use(True),
        lambda: window.look.zoom(-4),
        lambda: window.root.geometry("1000x700"),
    ]
    for change in changes:
        change()
        for _ in range(5):
            window.root.update()
        desk.until(lambda: window.pane.text.dlineinfo("end-2l"), "the newest is in view")
        assert not window.pane.hint.winfo_ismapped()


@TK_KEEPS
def test_unread_messages_are_counted_in_the_title(desk: Desk, join_json: Join) -> None:
    import tkinter

    alice, root = join_json("alice"), desk.window.root
    desk.until(root.winfo_viewable, "it is on the screen")
    other = tkinter.Tk()
    other.focus_force()

    def is_elsewhere() -> bool:
        other.update()
        return not root.tk.call("focus")

    desk.until(is_elsewhere, "another window has the keyboard")
    alice.tell("say", text="are you there?")
    alice.tell("msg", to="Ironman", text="hello?")
    desk.until(lambda: root.title().startswith("(2) Lobby"), "two are unread")
    root.focus_force()
    desk.until(lambda: root.title().startswith("Lobby"), "they are read")
    other.destroy()


@TK_KEEPS
def test_tab_completes_and_up_brings_back(desk: Desk, join_json: Join) -> None:
    join_json("alice")
    join_json("albert")
    desk.until(lambda: len(desk.window.list.names()) == 4, "both are here")
    composer = desk.window.composer
    composer.text.focus_force()

    def press(key: str) -> str:
        composer.text.event_generate(key)
        desk.window.root.update()
        return composer.content

    composer.write("AL")
    assert press("<Tab>") == "albert: "
    assert press("<Tab>") == "alice: "
    composer.write("😀 hello ali")
    assert press("<Tab>") == "😀 hello alice "
    desk.until(lambda: "/msg " in desk.window.vocabulary.complete("/", ""), "the commands are known")
    composer.write("/ms")
    assert press("<Tab>") == "/msg "
    desk.write("first")
    desk.write("second\nof two lines")
    composer.write("draft")
    assert press("<Up>") == "second\nof two lines"
    composer.text.mark_set("insert", "1.0")
    assert press("<Up>") == "first"
    assert press("<Down>") == "second\nof two lines"
    assert press("<Down>") == "draft"


@TK_KEEPS
def test_the_entry_grows_and_shrinks(desk: Desk) -> None:
    composer = desk.window.composer
    heights = []
    for lines in (1, 3, 50, 1):
        composer.write("\n".join(["line"] * lines))
        for _ in range(3):
            desk.window.root.update()
        heights.append(composer.text.cget("height"))
    assert heights == [1, 3, 6, 1]


@TK_KEEPS
def test_a_double_click_on_a_name_begins_a_private_message(desk: Desk, join_json: Join) -> None:
    alice = join_json("alice")
    people = desk.window.list
    desk.until(lambda: "alice" in people.names(), "alice is listed")
    people.take_focus()
    people.tree.event_generate("<Return>")
    assert desk.window.composer.content == "/msg alice "
    desk.write("/msg alice psst")
    assert alice.wait_for("whispered")["text"] == "psst"
    desk.until_shown("privately to alice")


@TK_KEEPS
def test_light_and_dark(desk: Desk) -> None:
    pane = desk.window.pane.text
    light = pane.cget("background")
    assert pane.tag_names(None).index("link") > pane.tag_names(None).index("said"), "a link has its own colour"
    desk.window.header.toggle_dark()
    desk.until(lambda: pane.cget("background") not in ("", light), "it is dark")
    desk.window.header.toggle_dark()
    desk.until(lambda: pane.cget("background") == light, "it is light again")


@TK_KEEPS
def test_a_flood_does_not_freeze_it_and_is_trimmed(desk: Desk, join_plain: Callable[..., PlainClient]) -> None:
    from clients.window.pane import LINES, SPARE

    join_plain("alice").send("".join(f"flood {number}\n" for number in range(7000)))
    desk.until_shown("flood 6999")
    assert desk.longest_stand() < SMOOTH
    assert len(desk.shown.splitlines()) <= LINES + SPARE
    numbers = [int(line.split()[1]) for line in desk.shown.splitlines() if line.startswith("flood")]
    assert numbers == list(range(numbers[0], 7000))


@TK_KEEPS
def test_a_silent_server_does_not_freeze_it(sit_down: Callable[..., Desk]) -> None:
    """C4."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        desk = sit_down("127.0.0.1", silent.getsockname()[1], "Ironman")
        end = time.monotonic() + 1
        desk.until(lambda: time.monotonic() > end)
        assert desk.longest_stand() < SMOOTH
        assert desk.window.state.value == "trying"
        desk.window.header.button.invoke()
        assert desk.window.state.value == "off"


@TK_KEEPS
def test_a_look_up_that_hangs_does_not_freeze_it(
    sit_down: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one thing that is put in place of the real: no name server here can be told to keep silent."""
    answer = threading.Event()

    def hang(*_question: object, **_kind: object) -> list[object]:
        answer.wait(PATIENCE)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    desk = sit_down("chat.example", 3001, "Ironman")
    end = time.monotonic() + 0.5
    desk.until(lambda: time.monotonic() > end)
    assert desk.longest_stand() < SMOOTH
    answer.set()
    desk.until(lambda: desk.trouble, "it says that this did not work")


@TK_KEEPS
def test_a_broken_connection_is_told_and_made_again(
    start_server: Callable[..., Server], sit_down: Callable[..., Desk]
) -> None:
    port = free_port()
    first = start_server("--port", port)
    desk = sit_down(first.host, port, "Ironman")
    desk.until_on()
    first.kill()
    desk.until_shown("is lost")
    assert desk.window.list.names() == []
    start_server("--port", port)
    desk.until_on()
    assert desk.window.list.names() == ["Host", "Ironman"]


@TK_KEEPS
def test_what_was_missed_is_shown_once_and_nobody_saw_one_go(
    server: Server, sit_down: Callable[..., Desk], join_json: Join
) -> None:
    alice = join_json("alice")
    with Between(server) as cable:
        desk = sit_down(cable.host, cable.port, "Ironman")
        desk.until_on()
        desk.write("/join attic")
        desk.until(lambda: desk.window.people.room == "attic", "in the attic")
        alice.request("say", text="m0")
        desk.until(lambda: [place.unread for place in desk.window.people.elsewhere] == [1], "one is unread")
        cable.stall()
        for number in range(1, 51):
            alice.request("say", text=f"m{number}")
        cable.cut()
        desk.until(lambda: desk.window.state.value == "trying", "the loss is seen")
        for number in range(51, 100):
            alice.request("say", text=f"m{number}")
        cable.flow()
        desk.until(lambda: [place.unread for place in desk.window.people.elsewhere] == [100], "all is there")
        assert desk.shown.count("Welcome to the attic Channel") == 1
        desk.write("/join lobby")
        desk.until_shown("m99")
        assert re.findall(r"^m(\d+)$", desk.shown, re.MULTILINE) == [f"{number}" for number in range(100)]
        desk.write("never gone")
        heard = [alice.read()]
        while heard[-1].get("text") != "never gone":
            heard.append(alice.read())
        assert [each["event"] for each in heard if each["event"] in ("entered", "left")].count("left") == 0
        assert not desk.trouble


@TK_KEEPS
def test_a_stranger_is_trusted_only_on_purpose(server: Server, sit_down: Callable[..., Desk]) -> None:
    from tests.identity import Identity

    identity = Identity()
    with Between(server, identity.context) as front:
        desk = sit_down()
        desk.window.header.fill(Place(f"tls://127.0.0.1:{front.port}", 1), "Ironman")
        row, button = desk.window.stranger, desk.window.header.button
        button.invoke()
        desk.until(row.winfo_ismapped, "asked")
        assert row.fingerprint.cget("text").replace("\n", "").replace(" ", "") == identity.fingerprint
        desk.until(lambda: desk.window.root.focus_get() is row.cancel, "Return alone trusts nobody")
        row.cancel.event_generate("<Return>")
        desk.until(lambda: desk.window.state.value == "off", "refused")
        assert not row.winfo_manager()
        button.invoke()
        desk.until(row.winfo_ismapped, "asked again")
        row.button.invoke()
        desk.until_on()
        assert not row.winfo_manager()
        assert "by TLS" in desk.window.status.label.cget("text")
        desk.window.disconnect()
        button.invoke()
        desk.until_on()
        fields = [desk.window.header.fields[name].get() for name in ("Server", "Port", "Name")]
        assert fields == ["127.0.0.1", f"{front.port}", "Ironman"]


@TK_KEEPS
def test_nobody_listens_is_said_in_words(sit_down: Callable[..., Desk]) -> None:
    """C8."""
    desk = sit_down("127.0.0.1", free_port(), "Ironman")
    desk.until(lambda: "nobody listens there" in desk.trouble, "said in words")
    assert "2 of 5" in desk.trouble


@TK_KEEPS
@pytest.mark.parametrize(
    ("fields", "sentence"),
    [(("", "3001", "bob"), "server"), (("here", "x", "bob"), "port"), (("here", "0", "bob"), "port"),
     (("here", "70000", "bob"), "port"), (("here", "3001", " "), "name")],
)  # fmt: skip
def test_what_is_missing_in_the_fields_is_said(
    sit_down: Callable[..., Desk], fields: tuple[str, ...], sentence: str
) -> None:
    desk = sit_down()
    for entry, value in zip(desk.window.header.fields.values(), fields, strict=True):
        entry.delete(0, "end")
        entry.insert(0, value)
    desk.window.header.button.invoke()
    assert sentence in desk.trouble
    assert desk.window.state.value == "off"


HOSTILE: list[dict[str, Any]] = [
    {"event": "said", "from": 5, "text": ["x"], "time": "yesterday"},
    {"event": "said", "from": "eve\ud800", "text": "half \ud83d a pair", "time": "9999-12-31T23:59:59Z"},
    {"event": "said", "from": "eve", "text": "\u202eleft\x1b[31m\x00"},
    {"event": "entered", "room": "lobby", "name": {"a": 1}, "count": -3},
    {"event": "entered", "room": "lobby", "name": "{brace [x] $y", "count": 10**30},
    {"event": "left", "name": "nobody", "count": "x"},
    {"event": "listed", "users": [1, {"name": 2, "seconds": True}], "ref": [1]},
    {"event": "accepted", "to": 7, "away": {}, "do": "msg", "ref": 4.5},
    {"event": "refused", "ref": {}, "text": None},
    {"event": ["said"]},
]


@TK_KEEPS
def test_no_server_can_break_it(sit_down: Callable[..., Desk]) -> None:
    welcome = {"event": "welcome", "name": "Ironman", "room": "lobby", "title": "[exit]", "users": ["a b", 3, "a b"]}
    with socket.create_server(("127.0.0.1", 0)) as listener:
        desk = sit_down("127.0.0.1", listener.getsockname()[1], "Ironman")
        with listener.accept()[0] as peer:
            for found in [welcome, *HOSTILE, {"event": "said", "from": "eve", "text": "the end"}]:
                peer.sendall(json.dumps(found).encode() + b"\n")
            desk.until_shown("the end")
            assert "half \ufffd a pair" in desk.shown
            assert "left[31m" in desk.shown


# ---- passwords, rooms and what was said before ----------------------------------------------------------------

PASSWORD, OTHER = "open sesame", "another-one"


@pytest.fixture
def keeper(start_server: Callable[..., Server], tmp_path: Path) -> Server:
    """A server that keeps things, with a room for the weather, and the registered name dave."""
    server = start_server("--data", tmp_path, "--room", "Weather: Talk about the weather")
    with JsonClient(server, "dave") as dave:
        dave.request("register", password=PASSWORD)
    return server


@pytest.fixture
def kept_desk(keeper: Server, sit_down: Callable[..., Desk]) -> Desk:
    """A window in this process whose person is in a room that keeps things, as Ironman."""
    desk = sit_down(keeper.host, keeper.port, "Ironman")
    desk.until_on()
    return desk


def enter_secret(desk: Desk, *passwords: str) -> None:
    """Put passwords into the fields of the row that asks for them, and press its button."""
    row = desk.window.secret
    assert row.asks
    for field, password in zip(row.fields, passwords, strict=False):
        field.insert(0, password)
    row.button.invoke()


def test_a_password_is_typed_in_the_window(keeper: Server, open_window: Start, screen: str, join_json: Join) -> None:
    ann = join_json("ann", keeper)
    open_window(keeper.host, keeper.port, "dave")
    Hands(screen, title="Chat", masked=True).say(PASSWORD)
    ann.wait_for("entered", name="dave")
    hands = Hands(screen)
    hands.say("/password")
    hands.say(OTHER)  # Return goes on to the second field
    hands.say(OTHER)
    hands.say("/join weather")
    hands.say("/msg ann done")
    heard = [ann.read()]
    while heard[-1]["event"] != "whispered":
        heard.append(ann.read())
    assert "weather" not in f"{heard[:-1]}"
    assert OTHER not in f"{heard}"


@TK_KEEPS
def test_a_registered_name_asks_for_its_password(keeper: Server, sit_down: Callable[..., Desk]) -> None:
    desk = sit_down(keeper.host, keeper.port, "dave")
    row = desk.window.secret
    desk.until(lambda: row.asks, "the password is asked for")
    assert "The name dave is registered" in row.label.cget("text")
    assert row.fields[0].cget("show") == "•"
    assert not row.fields[1].winfo_ismapped()
    enter_secret(desk, OTHER)
    desk.until(lambda: "not the password" in desk.trouble and row.asks, "told, and asked again")
    enter_secret(desk, PASSWORD)
    desk.until_on()
    assert not row.asks
    assert [field.get() for field in row.fields] == ["", ""]
    assert not desk.trouble


@TK_KEEPS
def test_the_password_of_the_room_is_asked_for(
    start_server: Callable[..., Server], sit_down: Callable[..., Desk], keeper: Server, tmp_path: Path
) -> None:
    server = start_server("--password", PASSWORD)
    desk = sit_down(server.host, server.port, "Ironman")
    row = desk.window.secret
    desk.until(lambda: row.asks, "the password is asked for")
    assert row.label.cget("text") == "This room has a password."
    assert desk.window.root.focus_get() in (row.fields[0], None)
    enter_secret(desk, OTHER)
    desk.until(lambda: "that is not it" in row.label.cget("text"), "asked again")
    enter_secret(desk, PASSWORD)
    desk.until_on()
    assert not row.asks
    desk.window.disconnect()
    desk.window.header.button.invoke()
    desk.until(lambda: row.asks, "asked again: it is kept nowhere")


@TK_KEEPS
def test_an_operator_s_password_is_asked_for_and_not_kept(kept_desk: Desk) -> None:
    desk, composer = kept_desk, kept_desk.window.composer
    desk.write(f"/oper root {PASSWORD}")
    desk.until(lambda: "of an operator" in desk.trouble, "refused")
    composer.text.event_generate("<Up>")
    assert composer.content == "/oper root"
    desk.write("/oper root")
    assert desk.window.secret.label.cget("text") == "Password of the operator root:"
    enter_secret(desk, OTHER)
    desk.until(lambda: "of an operator" in desk.trouble, "refused again")
    assert not composer.content


@TK_KEEPS
def test_who_reads_back_comes_to_the_beginning(keeper: Server, sit_down: Callable[..., Desk], join_json: Join) -> None:
    ann = join_json("ann", keeper)
    for number in range(170):
        ann.tell("say", text=f"m{number}.")
    ann.request("say", text="the last one")
    desk = sit_down(keeper.host, keeper.port, "Ironman")
    desk.until_shown("the last one")
    assert "m3." not in desk.shown
    text = desk.window.pane.text

    def read_back() -> bool:
        desk.window.pane.scroll(-1)
        desk.window.root.update()
        return "m0." in desk.shown

    desk.until(read_back, "read back to the beginning")
    assert re.findall(r"^m(\d+)\.$", desk.shown, re.MULTILINE) == [f"{number}" for number in range(170)]
    assert text.yview()[0] > 0.0, "what is read stays where it is"
    ann.request("say", text="RUDE")
    desk.until_shown("RUDE")
    desk.write("/history older")
    desk.until(lambda: not desk.window.composer.content, "taken")
    assert "Nothing was said" not in desk.shown


@TK_KEEPS
def test_what_was_trimmed_is_read_back_without_a_hole(
    keeper: Server, sit_down: Callable[..., Desk], join_json: Join
) -> None:
    ann = join_json("ann", keeper)
    desk = sit_down(keeper.host, keeper.port, "Ironman")
    desk.until_on()
    for number in range(5800):
        ann.tell("say", text=f"m{number}.")
        if number % 200 == 199:
            ann.request("ping")
            desk.window.root.update()
    desk.until_shown("m5799.")
    first = int(desk.shown.partition("\nm")[2].partition(".")[0])
    assert first > 100, "trimmed"

    def read_back() -> bool:
        desk.window.pane.scroll(-60)
        desk.window.root.update()
        return f"m{first - 100}." in desk.shown

    desk.until(read_back, "read back beyond what was trimmed")
    shown = [int(number) for number in re.findall(r"^m(\d+)\.$", desk.shown, re.MULTILINE)]
    assert shown == list(range(shown[0], 5800))


@TK_KEEPS
def test_ones_own_name_stands_out(desk: Desk, join_json: Join) -> None:
    ann, text = join_json("ann"), desk.window.pane.text
    ann.request("say", text="ironman: not Ironmanly, but IRONMAN.")
    desk.until_shown("not Ironmanly")
    ranges = list(map(str, text.tag_ranges("mention")))
    assert [text.get(*pair) for pair in zip(ranges[::2], ranges[1::2], strict=True)] == ["ironman", "IRONMAN"]
    desk.write("I am Ironman")
    desk.until_shown("I am Ironman")
    assert len(text.tag_ranges("mention")) == 4


@TK_KEEPS
def test_register_alone_asks_twice(kept_desk: Desk) -> None:
    desk, row = kept_desk, kept_desk.window.secret
    desk.window.composer.text.focus_force()
    desk.write("/register")
    assert desk.window.root.focus_get() is row.fields[0], "at once: what is typed next is the password"
    enter_secret(desk, PASSWORD, OTHER)
    assert "not the same" in row.label.cget("text")
    enter_secret(desk, PASSWORD, PASSWORD)
    desk.until_shown("The name Ironman is registered, and yours")
    assert not row.asks
    assert PASSWORD not in desk.shown


@TK_KEEPS
def test_a_password_behind_its_command_is_not_shown(kept_desk: Desk) -> None:
    desk, composer = kept_desk, kept_desk.window.composer
    composer.write(f"/register {PASSWORD[:3]}")
    desk.window.root.update()
    shown = composer.text.count("1.0", "end-1c", "displaychars")
    assert (shown[0] if isinstance(shown, tuple) else shown) == len("/register ")
    composer.text.event_generate("<Return>")
    desk.until(lambda: "at least 4 characters" in desk.trouble, "refused")
    desk.until(lambda: not composer.content, "and not brought back")
    desk.write(f"/register {PASSWORD}")
    desk.until_shown("The name Ironman is registered, and yours")
    composer.text.focus_force()
    composer.text.event_generate("<Up>")
    assert composer.content == "/register"
    assert PASSWORD[:3] not in desk.shown


@TK_KEEPS
def test_rooms_keep_their_talk_and_say_where_something_is_new(kept_desk: Desk, keeper: Server, join_json: Join) -> None:
    desk, window, ann = kept_desk, kept_desk.window, join_json("ann", keeper)
    desk.until(lambda: window.list.names() == ["ann", "Host", "Ironman"], "all are listed")
    desk.write("/join weather")
    desk.until_shown("Welcome to the Weather Channel (2 users)")
    assert window.rooms.titles() == ["Lobby", "Weather"]
    assert window.list.names() == ["Host", "Ironman"]
    assert "Weather" in window.root.title()
    ann.tell("say", text="one")
    ann.tell("me", text="waves")
    desk.until(lambda: window.rooms.titles() == ["Lobby (2)", "Weather"], "two are new in the lobby")
    assert "one" not in desk.shown
    desk.write("it rains")
    ann.tell("join", room="weather")
    window.rooms.step(1)
    desk.until_shown("* ann waves")
    assert window.rooms.titles()[0] == "Lobby"
    assert "Welcome" not in desk.shown
    assert "You are in Lobby now" not in desk.shown
    ann.tell("say", text="it does")
    desk.until(lambda: window.rooms.titles() == ["Lobby", "Weather (1)"], "one is new about the weather")
    window.rooms.step(-1)
    desk.until_shown("it does")
    assert "it rains" in desk.shown
    desk.write("/part")
    desk.until_shown("You have left Weather; you are in Lobby now.")
    assert window.rooms.titles() == ["Lobby"]


@TK_KEEPS
def test_a_click_goes_to_a_room(kept_desk: Desk) -> None:
    desk, window = kept_desk, kept_desk.window
    desk.write("/join weather")
    desk.until(lambda: window.people.room == "weather", "there")
    window.root.update()
    tree = window.rooms.tree
    x, y, *_ = map(int, tree.bbox(tree.get_children()[0]))
    for event in ("<Button-1>", "<ButtonRelease-1>"):
        tree.event_generate(event, x=x + 5, y=y + 5)
    desk.until(lambda: window.people.room == "lobby", "back in the lobby")


@TK_KEEPS
def test_what_was_said_before_stands_apart_and_once(keeper: Server, sit_down: Callable[..., Desk]) -> None:
    with JsonClient(keeper, "ann") as ann:
        for number in range(3):
            ann.request("say", text=f"line {number}")
        desk = sit_down(keeper.host, keeper.port, "Ironman")
        desk.until_shown("— new since you came —")
        assert [line for line in desk.shown.split("\n") if "line" in line] == ["line 0", "line 1", "line 2"]
        text = desk.window.pane.text
        assert "past" in text.tag_names(text.search("line 1", "1.0"))
        assert not desk.window.root.title().startswith("(")
        desk.window.header.button.invoke()
        ann.wait_for("left")
        ann.request("say", text="missed")
        desk.window.header.button.invoke()
        desk.until_shown("missed")
        assert desk.shown.count("line 1") == 1
        desk.write("/history 1")
        desk.until_shown("End of what was said before.")
        assert desk.shown.count("missed") == 2


@TK_KEEPS
def test_what_is_kept_for_somebody_is_said(kept_desk: Desk) -> None:
    kept_desk.write("/msg dave,erin psst")
    kept_desk.until_shown("Kept for dave, to be delivered at the next login.\nNot here: erin.")


@TK_KEEPS
def test_what_is_on_the_way_is_said(sit_down: Callable[..., Desk]) -> None:
    head = {"time": "2026-11-21T00:00:00.000Z", "room": "lobby"}
    with socket.create_server(("127.0.0.1", 0)) as listener:
        desk = sit_down("127.0.0.1", listener.getsockname()[1], "Ironman")
        with listener.accept()[0] as peer:

            def send(**found: object) -> None:
                peer.sendall(json.dumps({**head, **found}).encode() + b"\n")

            send(event="welcome", id=1, name="Ironman", title="Lobby", users=["Ironman"], count=1)
            desk.until_on()
            desk.write("mine")
            assert "1 on the way" in desk.window.status.label.cget("text")
            send(event="said", id=3, **{"from": "ann", "text": "hers"})
            desk.until_shown("hers")  # also while the disk hangs
            desk.write("second")
            send(event="said", id=5, **{"from": "ann", "text": "again"})
            send(event="accepted", id=2, do="say", text="mine", ref=1)
            send(event="accepted", id=4, do="say", text="second", ref=2)
            desk.until_shown("again")
            desk.until(lambda: "on the way" not in desk.window.status.label.cget("text"), "all has arrived")
            talk = [line for line in desk.shown.split("\n") if line in ("mine", "hers", "second", "again")]
            assert talk == ["hers", "mine", "second", "again"]


# ---- without a screen -----------------------------------------------------------------------------------------


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["LIGHT", "DARK"])
def test_every_text_can_be_read(theme: str) -> None:
    """WCAG 2.2, 1.4.3: a contrast of at least 4.5 to 1."""
    for module in ("tkinter", "sv_ttk"):
        pytest.importorskip(module, reason=f"needs {module}, which is not installed here")
    from clients.window import look

    colours: look.Colours = getattr(look, theme)
    pairs = [(name, ground) for name in colours.names for ground in (colours.pane, colours.ground)]
    pairs += [(colours.text, ground) for ground in (colours.own, colours.private, colours.reply, colours.marked)]
    pairs += [(colours.dim, ground) for ground in (colours.own, colours.private, colours.reply)]
    pairs += [(colours.link, ground) for ground in (colours.pane, colours.own, colours.private)]
    pairs += [(colours.dim, colours.pane), (colours.dim, colours.ground), (colours.error, colours.pane)]
    pairs += [(colours.error, colours.error_field), (colours.good, colours.ground), (colours.waiting, colours.ground)]
    assert {pair: _contrast(*pair) for pair in pairs if _contrast(*pair) < 4.5} == {}


# ---- what the host does ---------------------------------------------------------------------------------------


@TK_KEEPS
def test_a_removed_message_leaves_the_pane(desk: Desk, server: Server, join_json: Join) -> None:
    alice = join_json("alice")
    alice.request("say", text="good morning")
    number = alice.request("say", text="RUDE WORDS")["id"]
    alice.request("say", text="good night")
    desk.until(lambda: "good night" in desk.shown, "all is shown")
    server.type(f"REMOVE {number}")
    desk.until(lambda: "RUDE WORDS" not in desk.shown, "it is gone")
    assert re.search(r"good morning\n\(removed by Host\)\n.*good night\n", desk.shown)
    server.type("ANNOUNCE the break is over")
    desk.until(lambda: "Host announces: the break is over" in desk.shown, "the announcement")


@TK_KEEPS
def test_a_window_of_the_banned_says_why_and_stays_off(desk: Desk, server: Server) -> None:
    server.type("BAN Ironman 10m spam")
    desk.until(lambda: desk.window.state.value == "off", "put out")
    assert "banned for 10 min: spam" in desk.trouble
    desk.window.header.button.invoke()
    desk.until(lambda: "The name Ironman is banned for" in desk.trouble, "refused")
    desk.until(lambda: desk.window.state.value == "off", "it does not try again")
    assert "The name Ironman is banned for" in desk.trouble
