"""The host's console on a real terminal: what is shown stands above one line that is being typed.

It never waits for the terminal: not for keys, not for room to write. In the background (`server &`) it reads nothing
and draws no prompt; it looks whether it has come to the foreground whenever it has something to show.

The prompt and the typed line always take exactly one row; what is longer scrolls sideways. It knows nothing of what
the lines mean.
"""

from __future__ import annotations

import os
import re
from typing import Any

from net.backlog import Backlog, clean_line
from net.editor import Editor, cells, fit
from net.ends import READ_SIZE, Outlet, open_end
from net.keys import Key, Keys
from net.loop import READ, Loop, Timer
from net.plain import FAULTS, LINE, SHORT, TOO_LONG, Host
from net.terminal import Terminal
from record import entity

CANDIDATES = 100
NARROW = 10
LOW = 8  # rows of a terminal below which all of them are for what is said

_PASTES_ON, _PASTES_OFF = "\x1b[?2004h", "\x1b[?2004l"
_WIPE, _CLEAR = "\r\x1b[J", "\x1b[H\x1b[2J"
_DIM, _PLAIN = "\x1b[2m", "\x1b[0m"
_TALK = re.compile(r"(\[\d\d:\d\d:\d\d\] )((?:#\S+ )?(?:\* )?\S+(?: ->?| >)?)?")
_ROOM = re.compile(r"^#\S+ (?=\[\*\] )")
_TALKER, _WARNING = "\x1b[1m", "\x1b[33m"
_PICTURE = re.compile("[█▀▄ ]{20,}")  # a code to scan: light on dark, whatever colours the terminal has
_LIGHT_ON_DARK = "\x1b[38;5;231;48;5;16m"
_COLOURS = {"[*] ": "\x1b[36m", "USERS: ": _DIM, "[-] ": _DIM, "[!] ": "\x1b[31m"}


@entity
class _Drawn:
    """The row that stands below the shown lines: where its cursor is, and what has become of it since."""

    cursor: int = 0
    rows_above: int = 0
    clear: bool = False


class Screen:
    """A terminal under the loop."""

    def __init__(self, loop: Loop, host: Host, backlog: Backlog, *, colour: bool) -> None:
        self._loop = loop
        self._host = host
        self._backlog = backlog
        self._colour = colour
        self._input = open_end(0, os.O_RDONLY)
        self._outlet = Outlet(loop, open_end(1, os.O_WRONLY), lambda: loop.mark(self))
        self._terminal = Terminal(self._input)
        self._editor = Editor(LINE)
        self._keys = Keys()
        self._timer: Timer | None = None
        self._prompt = ""
        self._drawn = _Drawn()
        self._bell = self._stale = self._too_long = self._closed = False
        self._faults = 0

    def open(self) -> None:
        """Take the terminal, if we are in the foreground, and draw."""
        self._loop.mark(self)

    def fileno(self) -> int:
        """Return the descriptor that is read."""
        return self._input.fileno()

    def ready(self, _events: int) -> None:
        """Read the keys that were pressed. End of file or an error: the window was closed, or the line dropped."""
        if not self._terminal.ours:
            self.resumed()
            return
        try:
            data = self._input.read(READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._press(self._keys.feed(data))
        else:
            self.close()

    def flush(self) -> None:
        """Draw everything new in one piece, unless the terminal still owes us room for the piece before."""
        if not self._terminal.taken:
            self._wake()
        if self._outlet.idle and (self._backlog or self._stale):
            self._outlet.send(self._frame().encode())
        if self._outlet.gone:
            self.close()
        elif self._outlet.idle and self._backlog:
            self._loop.call_soon(lambda: self._loop.mark(self))
        self._faults = 0

    def fail(self, why: str) -> None:
        """Tell that a line met a fault, and go on: the host keeps the console, unless it cannot even be drawn."""
        self._faults += 1
        if self._faults > FAULTS:
            self.close()
            return
        self._backlog.add(f"[!] That met {why}.")
        self._redraw(fresh=True)

    @property
    def size(self) -> tuple[int, int]:
        """Return the columns and rows of the terminal."""
        return self._terminal.columns, self._terminal.rows

    def resized(self) -> None:
        """Draw for the terminal's new size. One that reflows may have broken our row in several: they go."""
        if self._terminal.taken:
            self._drawn.rows_above = self._drawn.cursor // self._terminal.columns
            self._redraw()

    def refresh(self) -> None:
        """Draw the status anew."""
        if self._terminal.taken:
            self._redraw()

    def resumed(self) -> None:
        """Leave the terminal to the job that has it now; if that is us, take it anew."""
        self._terminal.forget()
        self._loop.unwatch(self)
        self._cancel_timer()
        self._loop.mark(self)

    def close(self) -> None:
        """Show what is left for at most 0.5 s, and leave the terminal as it was; twice is harmless."""
        if self._closed:
            return
        self._closed = True
        self._finish(0.5)
        self._terminal.give_back()
        self._loop.unwatch(self)
        self._cancel_timer()
        self._outlet.close()
        self._input.close()

    def hand_over(self) -> dict[str, Any]:
        """Let go of the terminal as it is, with the typed line on it; return what the code that takes over needs."""
        self._closed = True
        self._outlet.finish(self._loop.clock.monotonic() + SHORT)
        state = {"editor": self._editor.hand_over(), "keys": self._keys.hand_over(), "drawn": self._drawn}
        state["unsent"] = self._outlet.unsent
        self._terminal.give_back()
        self._loop.unwatch(self)
        self._cancel_timer()
        self._outlet.close()
        self._input.close()
        return state

    def take_over(self, state: dict[str, Any]) -> None:
        """Go on where earlier code has ended, before it is opened."""
        self._outlet.send(state["unsent"])
        if "editor" in state:
            self._editor.take_over(*state["editor"])
            self._keys.take_over(*state["keys"])
            self._drawn = state["drawn"]

    def _wake(self) -> None:
        if self._closed:
            return
        self._terminal.take()
        if self._terminal.taken:
            self._loop.watch(self, READ)
            self._outlet.send(_PASTES_ON.encode())
            self._redraw(fresh=True)

    def _press(self, keys: list[Key]) -> None:
        for key in keys:
            if not self._closed:  # what was typed after EXIT does not count
                self._press_one(key)
        self._cancel_timer()
        if self._keys.patience is not None and not self._closed:
            self._timer = self._loop.call_later(self._keys.patience, self._expire)

    def _expire(self) -> None:
        self._press(self._keys.expire())

    def _press_one(self, key: Key) -> None:
        self._redraw()
        if key.text:
            self._insert(key)
        elif key.name == "KEY_TAB":
            self._complete()
        elif key.name == "KEY_CTRL_L":
            self._drawn.clear = True
            self._redraw(fresh=True)
        else:
            self._edit(key)

    def _insert(self, key: Key) -> None:
        if not self._editor.insert(key.text):
            self._bell = True
            self._too_long |= key.pasted or len(key.text) > 1  # a person hears the bell, a paste does not

    def _edit(self, key: Key) -> None:
        result = self._editor.feed_key(key)
        if result.interrupt:
            self._too_long = False
            self._host.on_interrupt()
        elif result.eof:
            self._backlog.add("Type EXIT to close the room.")
        elif result.line is not None:
            self._enter(result.line)

    def _enter(self, line: str) -> None:
        self._redraw(fresh=True)
        too_long, self._too_long = self._too_long, False
        if too_long:
            self._backlog.add(TOO_LONG)
        elif line.strip():
            self._backlog.add(self._host.prompt() + line)
            self._host.on_line(line)

    def _complete(self) -> None:
        word = self._editor.word
        found = self._host.complete(word, self._editor.line)
        beginning = os.path.commonprefix(found)  # noqa: RUF071 -- letters are meant, not folders
        if len(found) == 1:
            self._editor.replace_word(beginning + " ")
        elif len(beginning) >= len(word):
            self._editor.replace_word(beginning)
        if len(found) > 1:
            more = f"  ... and {len(found) - CANDIDATES} more" if len(found) > CANDIDATES else ""
            self._backlog.add("    " + "  ".join(found[:CANDIDATES]) + more)
        self._bell = not found

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _redraw(self, *, fresh: bool = False) -> None:
        """Draw before the loop sleeps; `fresh` asks for the prompt anew, with the time of now."""
        self._stale = True
        if fresh:
            self._prompt = ""
        self._loop.mark(self)

    def _frame(self) -> str:
        """Return what turns the screen as it is into the screen as it shall be."""
        lines = self._backlog.take()
        if lines or not self._prompt:
            self._prompt = clean_line(self._host.prompt())
        shown = "".join([self._paint(line) + "\n" for line in lines.split("\n")[:-1]])
        bell = "\a" * self._bell
        self._stale = self._bell = False
        if not self._terminal.taken:
            return shown
        return self._wipe() + shown + self._row() + bell

    def _wipe(self) -> str:
        drawn, self._drawn = self._drawn, _Drawn()
        if drawn.clear:
            return _CLEAR
        return f"\x1b[{drawn.rows_above}A{_WIPE}" if drawn.rows_above else _WIPE

    def _row(self) -> str:
        """Return the prompt and the part of the typed line that can be seen, with the cursor in its place."""
        room = self._terminal.columns - 1
        prompt = self._prompt if cells(self._prompt) + NARROW <= room else "> "
        text, cursor = self._editor.window(room - cells(prompt))
        self._drawn.cursor = cells(prompt) + cursor
        return f"{self._dim(prompt)}{text}{self._status(room)}\r\x1b[{self._drawn.cursor}C"

    def _status(self, room: int) -> str:
        """Return what stands below the row that is typed in, and the way back up; nothing on a terminal of few rows."""
        text = fit(clean_line(self._host.status()), room)
        if not text or self._terminal.rows < LOW:
            return ""
        calm, mark, warning = text.partition("! ")
        return f"\n{self._dim(calm)}{self._tint(_WARNING, mark + warning)}\x1b[A"

    def _dim(self, text: str) -> str:
        return self._tint(_DIM, text)

    def _tint(self, colour: str, text: str) -> str:
        return f"{colour}{text}{_PLAIN}" if self._colour and text else text

    def _paint(self, line: str) -> str:
        if not self._colour:
            return line
        if talk := _TALK.match(line):
            return self._dim(talk[1]) + self._tint(_TALKER, talk[2]) + line[talk.end() :]
        if _PICTURE.fullmatch(line):
            return f"{_LIGHT_ON_DARK}{line}{_PLAIN}"
        event = _ROOM.sub("", line)
        colour = next((colour for mark, colour in _COLOURS.items() if event.startswith(mark)), "")
        return self._tint(colour, line) if colour else line

    def _finish(self, seconds: float) -> None:
        """Show what waits and take the prompt away, within `seconds`."""
        deadline = self._loop.clock.monotonic() + seconds
        self._outlet.finish(deadline)
        while self._outlet.idle and self._backlog:
            self._outlet.send(self._frame().encode())
            self._outlet.finish(deadline)
        if self._terminal.taken:
            self._outlet.send((_WIPE + _PASTES_OFF).encode())
