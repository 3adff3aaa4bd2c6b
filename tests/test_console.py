"""The host's console: on a real terminal, and on whatever else may stand in its place. See console_demo.py."""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import pty
import re
import signal
import socket
import struct
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from net.backlog import Backlog
from net.keys import Key, Keys
from net.plain import LINE, TOO_LONG, Lines
from tests.support import PATIENCE, ROOT, Program, Terminal, wait_until

DEMO = "tests/console_demo.py"
PROMPT = re.compile(r"\[\d\d:\d\d:\d\d\] Host > ?")

Start = Callable[..., Program]


class Demo:
    """The test's end of the line to console_demo.py."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(PATIENCE)
        self.port = self._listener.getsockname()[1]
        self._socket: socket.socket | None = None

    def connected(self) -> Demo:
        """Wait until the program has called."""
        self._socket, _ = self._listener.accept()
        self._socket.settimeout(PATIENCE)
        self._reader = self._socket.makefile("rb")
        return self

    def do(self, **what: Any) -> None:
        assert self._socket
        self._socket.sendall(json.dumps(what).encode() + b"\n")

    def show(self, text: str) -> None:
        self.do(show=text)

    def news(self) -> dict[str, Any]:
        """Return the next thing it tells."""
        told: dict[str, Any] = json.loads(self._reader.readline())
        return told

    def line(self) -> str:
        """Return the next line that was entered."""
        line: str = self.news()["line"]
        return line

    def turns(self) -> int:
        """Return how many turns the loop has made, which proves that it turns."""
        self.do(ask="busy")
        turns: int = self.news()["turns"]
        return turns

    def assert_idle(self) -> None:
        """See that nothing spins: asking is all that turns the loop."""
        before = self.turns()
        time.sleep(0.3)  # not for luck: what spins has this long to show itself
        assert self.turns() - before <= 5

    def close(self) -> None:
        if self._socket:
            self._reader.close()
            self._socket.close()
        self._listener.close()


class Pty:
    """A terminal that is read when the test says so."""

    def __init__(self) -> None:
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        os.set_blocking(self.master, False)
        self.seen = ""

    def type(self, data: bytes) -> None:
        os.write(self.master, data)

    def read(self) -> str:
        """Read what is there."""
        try:
            while piece := os.read(self.master, 65536):
                self.seen += piece.decode("utf-8", "replace")
        except OSError:
            pass
        return self.seen

    def wait_for(self, wanted: str) -> None:
        wait_until(lambda: wanted in self.read(), what=f"{wanted!r}")

    def hang_up(self) -> None:
        for fd in (self.master, self.slave):
            if fd >= 0:
                os.close(fd)
        self.master = self.slave = -1


@pytest.fixture
def demo() -> Iterator[Demo]:
    it = Demo()
    yield it
    it.close()


@pytest.fixture
def terminal(demo: Demo, open_terminal: Callable[..., Terminal]) -> Terminal:
    """The demo in a terminal of 60 columns, with its prompt drawn."""
    it = open_terminal(sys.executable, DEMO, demo.port, columns=60, rows=12)
    demo.connected()
    it.wait_for(PROMPT)
    return it


@pytest.fixture
def a_pty() -> Iterator[Pty]:
    it = Pty()
    yield it
    it.hang_up()


@pytest.fixture
def on_pty(demo: Demo, a_pty: Pty, start: Start) -> Program:
    """The demo on `a_pty`, with its prompt drawn."""
    program = start(DEMO, demo.port, stdin=a_pty.slave, stdout=a_pty.slave, env={**os.environ, "TERM": "xterm"})
    demo.connected()
    a_pty.wait_for("Host > ")
    return program


def last_row(terminal: Terminal) -> str:
    return terminal.screen().rpartition("\n")[2]


# ---- a terminal -----------------------------------------------------------------------------------------------


def test_half_typed_line_survives_what_is_shown(demo: Demo, terminal: Terminal) -> None:
    terminal.type("hal")
    terminal.wait_for("Host > hal")
    demo.show("[*] alice entered.\nUSERS: [Host,alice]")
    terminal.wait_for(re.compile(r"\[\*\] alice entered\.\nUSERS: \[Host,alice\]\n\[[\d:]+\] Host > hal$"))
    terminal.enter("f done")
    assert demo.line() == "half done"
    terminal.wait_for(re.compile(r"Host > half done\n\[[\d:]+\] Host >$"))


def test_many_lines_in_one_turn_are_all_there_in_order(demo: Demo, terminal: Terminal) -> None:
    for number in range(500):
        demo.show(f"line {number} of 500")
    terminal.wait_for("line 499 of 500")
    shown = re.findall(r"^line (\d+) of 500$", terminal.screen(history=True), re.MULTILINE)
    assert shown == [str(number) for number in range(500)]


def test_arrows_edit_and_history_comes_back(demo: Demo, terminal: Terminal) -> None:
    terminal.enter("first")
    terminal.type("seond")
    terminal.press("Left", "Left", "Left")
    terminal.type("c")
    terminal.press("Home", "Delete", "End", "BSpace", "C-a")
    terminal.type("S")
    terminal.press("Enter", "Up", "Up")
    terminal.wait_for(re.compile(r"> first$"))
    terminal.press("Down", "Enter")
    assert [demo.line() for _ in range(3)] == ["first", "Secon", "Secon"]


def test_typed_anew_after_history_is_not_lost(demo: Demo, terminal: Terminal) -> None:
    terminal.enter("old")
    terminal.type("new")
    terminal.press("Up", "Down", "Enter")
    assert [demo.line(), demo.line()] == ["old", "new"]


def test_tab_completes(demo: Demo, terminal: Terminal) -> None:
    terminal.type("l")
    terminal.press("Tab")
    terminal.wait_for(re.compile(r"> LIST_USERS ?$"))
    terminal.press("C-u")
    terminal.type("ki")
    terminal.press("Tab")
    terminal.wait_for(re.compile(r" {4}KICK  KICKBOX\n.*> KICK$"))
    terminal.type(" zo")
    terminal.press("Tab", "Enter")
    assert demo.line() == "KICK Zoë "


def test_tab_in_the_middle_keeps_what_follows(demo: Demo, terminal: Terminal) -> None:
    terminal.type("KICK al now")
    terminal.press("Left", "Left", "Left", "Left", "Tab", "Enter")
    assert demo.line() == "KICK alice  now"


def test_wide_characters_and_graphemes_take_their_cells(demo: Demo, terminal: Terminal) -> None:
    terminal.type("日本")
    terminal.wait_for("日本")
    start = terminal.cursor()[0] - 4
    terminal.press("Left")
    wait_until(lambda: terminal.cursor()[0] == start + 2, what="the cursor one wide character to the left")
    terminal.press("BSpace", "End")
    terminal.type("e\u0301a")
    terminal.press("Left", "Left", "Delete", "Enter")
    assert demo.line() == "本a"


def test_long_line_scrolls_sideways_in_its_row(demo: Demo, terminal: Terminal) -> None:
    text = " ".join(str(number) for number in range(100))
    terminal.type(text)
    wait_until(lambda: last_row(terminal).endswith(text[-20:]), what="the end of the line")
    assert len(terminal.screen().split("\n")) == 2, terminal.screen()
    assert "> …" in last_row(terminal)
    terminal.press("Home")
    wait_until(lambda: "> 0 1 2 3" in last_row(terminal) and last_row(terminal).endswith("…"), what="its beginning")
    terminal.press("Enter")
    assert demo.line() == text


def test_resized_terminal_shows_one_prompt(demo: Demo, terminal: Terminal) -> None:
    terminal.type("abc " * 12)
    wait_until(lambda: last_row(terminal).endswith("abc"), what="the typed line")
    terminal.resize(30, 12)
    wait_until(lambda: len(last_row(terminal)) <= 30, what="the narrow row")
    terminal.resize(100, 12)
    wait_until(lambda: "Host > " + "abc " * 11 in last_row(terminal), what="the whole line")
    assert len(PROMPT.findall(terminal.screen())) == 1, terminal.screen()
    terminal.press("Enter")
    assert demo.line() == "abc " * 12


def test_pasted_lines_are_lines_and_pasted_controls_nothing(demo: Demo, on_pty: Program, a_pty: Pty) -> None:
    a_pty.type(b"\x1b[200~one\rtwo\x03\x1b[A\x1b[31m\ttabbed\nthr\x1b[201~ee\r")
    assert [demo.line() for _ in range(3)] == ["one", "two[A[31m tabbed", "three"]


def test_huge_paste_is_bounded_and_left_out_whole(demo: Demo, on_pty: Program, a_pty: Pty) -> None:
    paste = b"\x1b[200~" + b"x" * 300_000 + b"\rshort\r\x1b[201~"
    began = time.monotonic()
    while paste:
        try:
            paste = paste[os.write(a_pty.master, paste) :]
        except BlockingIOError:
            a_pty.read()
    assert demo.line() == "short"
    a_pty.wait_for(TOO_LONG)
    assert time.monotonic() - began < PATIENCE


def test_lone_escape_does_not_swallow_the_next_key(demo: Demo, on_pty: Program, a_pty: Pty) -> None:
    a_pty.type(b"a\x1b")
    a_pty.wait_for("> a")
    time.sleep(0.2)  # what makes an ESC lone is time
    demo.turns()  # and the program has seen that it has passed
    demo.turns()
    a_pty.type(b"b\r")
    assert demo.line() == "ab"


def test_character_split_between_reads_is_joined(demo: Demo, on_pty: Program, a_pty: Pty) -> None:
    for byte in "é日".encode():
        a_pty.type(bytes([byte]))
        demo.turns()
    a_pty.type(b"\r")
    assert demo.line() == "é日"


def test_control_c_interrupts_and_control_d_closes_nothing(demo: Demo, terminal: Terminal) -> None:
    terminal.press("C-d")
    terminal.wait_for("Type EXIT to close the room.")
    terminal.press("C-s", "C-z", "C-\\")
    terminal.press("C-c")
    assert demo.news() == {"interrupt": True}


def test_control_l_clears_the_screen(terminal: Terminal) -> None:
    terminal.type("kept")
    terminal.press("C-l")
    terminal.wait_gone("Chat running")
    terminal.wait_for(re.compile(r"^\[[\d:]+\] Host > kept$"))


def test_nothing_shown_can_move_the_cursor(demo: Demo, on_pty: Program, a_pty: Pty) -> None:
    a_pty.seen = ""
    demo.show("begin\x1b[2J\x9b31m\r\b\x07\u202e\u2028\ud800|end")
    a_pty.wait_for("begin[2J31m\ufffd|end\r\n")


def test_colours_are_used_where_wanted(demo: Demo, open_terminal: Callable[..., Terminal]) -> None:
    terminal = open_terminal("env", "COLOUR=1", sys.executable, DEMO, demo.port)
    demo.connected().show("[*] alice entered.\n[12:00:00] alice > hi")
    terminal.wait_for("alice > hi")
    coloured = terminal.screen(colours=True)
    assert "\x1b[36m" in coloured
    assert "\x1b[2m[12:00:00]" in coloured.replace("\x1b[39m", "")


def test_no_color_is_honoured(demo: Demo, open_terminal: Callable[..., Terminal]) -> None:
    terminal = open_terminal("env", "COLOUR=1", "NO_COLOR=1", sys.executable, DEMO, demo.port)
    demo.connected().show("[*] alice entered.")
    terminal.wait_for("alice entered")
    assert "\x1b" not in terminal.screen(colours=True)


def test_fault_in_a_line_is_told_and_the_console_goes_on(demo: Demo, on_pty: Program, a_pty: Pty) -> None:
    on_pty.expect_trouble()
    for _ in range(6):
        a_pty.type(b"FAULT\r")
        assert demo.line() == "FAULT"
    a_pty.wait_for("That met a fault")
    a_pty.type(b"again\r")
    assert demo.line() == "again"


def test_idle_terminal_costs_nothing(demo: Demo, terminal: Terminal) -> None:
    terminal.type("x")
    terminal.wait_for("> x")
    demo.assert_idle()


# ---- a terminal that is stopped, gone, or another's -----------------------------------------------------------


@pytest.mark.parametrize("end", ["leave", "crash"])
def test_terminal_is_left_as_it_was(demo: Demo, on_pty: Program, a_pty: Pty, end: str) -> None:
    if end == "crash":
        on_pty.expect_trouble()
    during = termios.tcgetattr(a_pty.slave)
    demo.do(ask=end)
    on_pty.wait()
    after = termios.tcgetattr(a_pty.slave)
    assert not during[3] & termios.ECHO
    assert after[3] & termios.ECHO
    fresh = Pty()
    assert after == termios.tcgetattr(fresh.slave)
    fresh.hang_up()


def test_flag_is_not_shared_with_the_shell(demo: Demo, on_pty: Program, a_pty: Pty) -> None:
    demo.turns()
    assert os.get_blocking(a_pty.slave)


def test_terminal_that_is_not_read_delays_nobody(demo: Demo, on_pty: Program, a_pty: Pty) -> None:
    for number in range(4000):
        demo.show(f"line {number} " + "x" * 200)
    demo.turns()
    demo.assert_idle()
    a_pty.wait_for("line 3999 ")
    left_out = re.findall(r"\.\.\. (\d+) lines left out \.\.\.", a_pty.seen)
    assert sum(map(int, left_out)) + a_pty.seen.count("x\r\n") == 4000
    demo.assert_idle()


def test_terminal_that_is_not_read_does_not_delay_the_end(demo: Demo, on_pty: Program, a_pty: Pty) -> None:
    for _ in range(4000):
        demo.show("x" * 200)
    demo.turns()
    began = time.monotonic()
    demo.do(ask="leave")
    assert on_pty.wait() == 0
    assert time.monotonic() - began < PATIENCE / 2, "nobody ever reads it"


@pytest.mark.parametrize("room", range(8))
def test_full_terminal_never_spins_whatever_is_left_of_its_room(
    demo: Demo, on_pty: Program, a_pty: Pty, room: int
) -> None:
    demo.show("x" * room)
    for _ in range(60):
        demo.show("y\n" * 1000)
    demo.turns()
    for _ in range(3):
        os.read(a_pty.master, 1 + room)
        demo.assert_idle()


def test_terminal_that_is_gone_ends_nothing(demo: Demo, on_pty: Program, a_pty: Pty) -> None:
    a_pty.hang_up()
    os.kill(on_pty.pid, signal.SIGHUP)
    demo.show("into nothing\n" * 100)
    demo.assert_idle()


def test_stopped_and_continued(demo: Demo, on_pty: Program, a_pty: Pty) -> None:
    os.kill(on_pty.pid, signal.SIGSTOP)
    a_pty.type(b"meanwhile\r")
    os.kill(on_pty.pid, signal.SIGCONT)
    assert demo.line() == "meanwhile"


def test_background_job_leaves_the_terminal_alone_until_it_is_fetched(
    demo: Demo, open_terminal: Callable[..., Terminal]
) -> None:
    script = f"set -m; {sys.executable} {DEMO} {demo.port} & read answer; echo got $answer; fg"
    terminal = open_terminal("bash", "-c", script)
    demo.connected().show("from behind")
    terminal.wait_for("from behind")
    assert not PROMPT.search(terminal.screen())
    demo.assert_idle()
    terminal.enter("this is mine")
    terminal.wait_for("got this is mine")

    def came_back() -> object:
        demo.show("still here")
        return PROMPT.search(terminal.screen())

    wait_until(came_back, what="the prompt, once in front")
    terminal.enter("hello")
    assert demo.line() == "hello"


@pytest.mark.parametrize("setting", ["TERM=dumb", "TERM="])
def test_dumb_terminal_gets_plain_lines(demo: Demo, open_terminal: Callable[..., Terminal], setting: str) -> None:
    terminal = open_terminal("env", setting, sys.executable, DEMO, demo.port)
    demo.connected()
    terminal.wait_for(PROMPT)
    terminal.enter("hello")
    assert demo.line() == "hello"


# ---- no terminal ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("selector", ["select", "poll", "epoll"])
def test_pipe_gives_all_its_lines_and_its_end_ends_nothing(demo: Demo, start: Start, selector: str) -> None:
    program = start(DEMO, demo.port, env={**os.environ, "SELECTOR": selector})
    demo.connected()
    program.wait_for(re.compile(r"Chat running\n\[[\d:]+\] Host > \n"))
    program.type("one\ntwo\r\n\n   \nbäd")
    assert program.process.stdin
    program.process.stdin.write(b"\xff\x1b[2J\nlast")
    program.end_input()
    assert [demo.line() for _ in range(5)] == ["one", "two", "bäd", "\ufffd[2J", "last"]
    demo.show("[*] alice entered.")
    program.wait_for("[*] alice entered.\n")
    demo.assert_idle()
    assert program.output
    assert program.output.text.endswith("alice entered.\n"), "no prompt where nobody can answer"


def test_prompt_stands_below_each_block_while_there_is_input(demo: Demo, start: Start) -> None:
    program = start(DEMO, demo.port)
    demo.connected()
    program.wait_for(PROMPT)
    demo.show("a\nb")
    program.wait_for(re.compile(r"\na\nb\n\[[\d:]+\] Host > \n$"))


@pytest.mark.parametrize("selector", ["select", "poll", "epoll"])
def test_file_as_input(demo: Demo, start: Start, tmp_path: Path, selector: str) -> None:
    script = tmp_path / "script"
    script.write_text("".join(f"line {number}\n" for number in range(3000)) + "x" * 5000 + "\nlast")
    with script.open("rb") as stdin:
        program = start(DEMO, demo.port, stdin=stdin, env={**os.environ, "SELECTOR": selector})
    demo.connected()
    assert [demo.line() for _ in range(3001)] == [*(f"line {number}" for number in range(3000)), "last"]
    program.wait_for(TOO_LONG)
    demo.assert_idle()


@pytest.mark.parametrize("selector", ["select", "poll", "epoll"])
def test_dev_null_as_input(demo: Demo, start: Start, selector: str) -> None:
    with open(os.devnull, "rb") as stdin:  # noqa: PTH123
        program = start(DEMO, demo.port, stdin=stdin, env={**os.environ, "SELECTOR": selector})
    demo.connected().show("still here")
    program.wait_for("still here")
    demo.assert_idle()


def test_what_follows_exit_does_not_count(demo: Demo, start: Start) -> None:
    program = start(DEMO, demo.port)
    demo.connected()
    program.type("EXIT\nafter")
    assert program.wait() == 0
    assert demo.line() == "EXIT"
    with pytest.raises(json.JSONDecodeError):
        demo.news()


def test_socket_as_input_and_output(demo: Demo, start: Start) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        start(DEMO, demo.port, stdin=theirs, stdout=theirs)
        demo.connected()
        ours.sendall(b"one\ntwo\n")
        assert [demo.line(), demo.line()] == ["one", "two"]
        for _ in range(2000):
            demo.show("x" * 1000)
        demo.assert_idle()
        assert os.get_blocking(theirs.fileno())


@pytest.mark.parametrize("closed", ["<&-", ">&-", "<&- >&-", "<&- >&- 2>&-"])
def test_closed_descriptors(demo: Demo, start: Start, tmp_path: Path, closed: str) -> None:
    trampoline = tmp_path / "trampoline.py"
    trampoline.write_text(
        f"import os, sys\nos.execvp('sh', ['sh', '-c', 'exec {sys.executable} {ROOT / DEMO} {demo.port} {closed}'])"
    )
    program = start(str(trampoline))
    demo.connected().show("hello")
    demo.assert_idle()
    demo.do(ask="leave")
    assert program.wait() == 0


def test_full_pipe_as_output_delays_nobody(demo: Demo, start: Start) -> None:
    out, into = os.pipe()
    with os.fdopen(out, "rb") as reader, os.fdopen(into, "wb") as writer:
        start(DEMO, demo.port, stdout=writer)
        demo.connected()
        for number in range(4000):
            demo.show(f"line {number} " + "x" * 200)
        demo.turns()
        demo.assert_idle()
        assert os.get_blocking(writer.fileno())
        seen = ""
        while "line 3999" not in seen:
            seen += reader.read1(65536).decode()
        left_out = re.findall(r"\.\.\. (\d+) lines left out \.\.\.", seen)
        demo.turns()
        assert sum(map(int, left_out)) + len(re.findall(r"^line", seen, re.MULTILINE)) == 4000


def test_closed_pipe_as_output_ends_nothing(demo: Demo, start: Start) -> None:
    out, into = os.pipe()
    with os.fdopen(out, "rb") as reader, os.fdopen(into, "wb") as writer:
        program = start(DEMO, demo.port, stdout=writer)
        demo.connected()
        reader.read1(1)
    demo.show("into nothing")
    program.type("hello")
    assert demo.line() == "hello"
    demo.assert_idle()


def test_full_disk_as_output_ends_nothing(demo: Demo, start: Start) -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        program = start(DEMO, demo.port, stdout=full)
    demo.connected().show("into nothing")
    program.type("hello")
    assert demo.line() == "hello"
    demo.assert_idle()


# ---- bytes to keys --------------------------------------------------------------------------------------------

SESSION = (
    "héllo 日\x1b[A\x1b[1;5C\x1bOB\x1bb\x7f\t\x1b[3~"
    "\x1b[200~pasted\r\nlines\x1b[\x1b[201~\x1b[99;9z\x1b]0;title\x07x\r\n"
).encode()
KEYS = [
    *"héllo 日",
    *("KEY_UP", "KEY_CTRL_RIGHT", "KEY_DOWN", "KEY_CTRL_LEFT", "KEY_BACKSPACE", "KEY_TAB", "KEY_DELETE"),
    *"pasted",
    "KEY_ENTER",
    *"lines[",
    "x",
    "KEY_ENTER",
]


def flat(keys: list[Key]) -> list[str]:
    return [piece for key in keys for piece in ([key.name] if key.name else key.text)]


def test_keys_are_the_same_however_they_are_cut() -> None:
    for cut in range(len(SESSION) + 1):
        keys = Keys()
        assert flat(keys.feed(SESSION[:cut]) + keys.feed(SESSION[cut:])) == KEYS
    keys = Keys()
    assert flat(list(itertools.chain(*(keys.feed(SESSION[at : at + 1]) for at in range(len(SESSION)))))) == KEYS
    assert keys.patience is None


def test_lone_escape_is_a_key_once_nothing_follows() -> None:
    keys = Keys()
    assert keys.feed(b"\x1b") == []
    assert keys.patience
    assert flat(keys.expire()) == ["KEY_ESCAPE"]
    assert flat(keys.feed(b"b")) == ["b"]


def test_half_a_sequence_is_void_once_nothing_follows() -> None:
    for half in (b"\x1b[", b"\x1b[12;", b"\x1bO", b"\x1b]title", b"\x1b[[", b"\x1bP\x1b"):
        keys = Keys()
        assert keys.feed(half) == []
        assert keys.expire() == []
        assert flat(keys.feed(b"A")) == ["A"]


def test_paste_without_an_end_is_over_in_time() -> None:
    keys = Keys()
    assert flat(keys.feed(b"\x1b[200~ab\x03\x1b[20")) == ["a", "b"]
    assert keys.expire() == []
    assert flat(keys.feed(b"\x03")) == ["KEY_CTRL_C"]


@pytest.mark.parametrize("opening", [b"", b"\x1b[", b"\x1b]", b"\x1b[200~", b"\x1bP\x1b", b"\x1b[1;\x1b"])
def test_a_megabyte_of_anything_is_decoded_in_bounded_memory_and_time(opening: bytes) -> None:
    keys = Keys()
    began = time.process_time()
    keys.feed(opening)
    for _ in range(256):
        keys.feed(b"1;\x1b[" * 1024)
        assert len(keys._held) < 8192
    assert time.process_time() - began < 15


def test_no_byte_becomes_a_harmful_character() -> None:
    keys = Keys()
    found = keys.feed(bytes(range(256)) * 4 + "\u202e\u2028\x9b".encode()) + keys.expire()
    assert all(key.text.isprintable() for key in found)


# ---- lines ----------------------------------------------------------------------------------------------------


def test_lines_are_the_same_however_they_are_cut() -> None:
    data = b"one\r\ntwo \xc3\xa9\n\n\x00three\x1b[2J" + b"\nfour"
    for cut in range(len(data) + 1):
        lines = Lines()
        found = [*lines.feed(data[:cut]), *lines.feed(data[cut:]), *lines.end()]
        assert found == ["one", "two é", "", "three[2J", "four"]


@pytest.mark.parametrize("size", [LINE - 1, LINE, LINE + 1, 2 * LINE, 200_000])
@pytest.mark.parametrize("step", [1000, 4096, 200_001])
def test_line_that_is_too_long_is_left_out_whole(size: int, step: int) -> None:
    lines = Lines()
    data = b"x" * size + b"\nnext\n"
    found = [line for at in range(0, len(data), step) for line in lines.feed(data[at : at + step])]
    assert found == ["x" * size if size <= LINE else None, "next"]


def test_backlog_keeps_the_newest_and_says_how_many_are_missing() -> None:
    backlog = Backlog(limit=100)
    for number in range(50):
        backlog.add(f"line {number}")
    kept = backlog.take().split("\n")[:-1]
    assert kept[0] == f"... {50 - len(kept) + 1} lines left out ..."
    assert kept[-1] == "line 49"
    assert not backlog
    backlog.add("next")
    assert backlog.take() == "next\n"


def test_backlog_bounds_a_single_line_too() -> None:
    backlog = Backlog(limit=100)
    backlog.add("x" * 1000)
    assert backlog.take() == "x" * 99 + "\n"


@given(st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=8), max_size=30), st.integers(1, 60))
def test_backlog_gives_out_whole_lines_in_their_order(blocks: list[list[int]], size: int) -> None:
    """However they came, and in whatever pieces they are taken; where they are too many the oldest are missing."""
    backlog = Backlog(limit=200)
    lines = [
        f"{number} ".ljust(length + 4, "x") for number, length in enumerate(it for block in blocks for it in block)
    ]
    added = iter(lines)
    for block in blocks:
        backlog.add("\n".join([next(added) for _ in block]))
    taken = "".join(iter(lambda: backlog.take(size), "")).split("\n")[:-1]
    if taken and taken[0].startswith("..."):
        assert taken.pop(0) == f"... {len(lines) - len(taken)} lines left out ..."
        assert sum(len(line) + 1 for line in taken) > 200 - 35 - 1, "no more is left out than has to be"
    assert taken == lines[len(lines) - len(taken) :]
    assert sum(len(line) + 1 for line in taken) <= 200
