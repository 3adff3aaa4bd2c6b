"""The window as a whole: it joins the link to a server with the parts one sees, and decides what happens when.

Everything here runs in Tk's thread and never waits.
"""

from __future__ import annotations

import signal
import sys
import tkinter
import traceback
from enum import Enum
from tkinter import ttk
from typing import Any

from clients.people import People, word
from clients.window.completion import Vocabulary
from clients.window.composer import Composer
from clients.window.header import Header, Incomplete
from clients.window.keys import Keys
from clients.window.line import Line, Object
from clients.window.look import Look, desktop_is_dark
from clients.window.notice import Banner, Standing, Status
from clients.window.pane import SPOKEN, Pane
from clients.window.roster import PeopleList
from clients.words import Entry, entry, note

HOST, PORT = "127.0.0.1", 3001  # what the fields hold when nobody said otherwise
SMALLEST, USUAL = (560, 360), (920, 620)  # pixels, on a screen of 96 dots an inch
LEARNING = "commands"  # the ref of the question which commands there are
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class State(Enum):
    """How far one is."""

    OFF = "off"
    TRYING = "trying"
    NAMING = "naming"
    ON = "on"


class ChatWindow:
    """What stands in the window `root`. Empty values are asked for; with all of them it connects at once."""

    def __init__(self, root: tkinter.Tk, host: str, port: int, name: str) -> None:
        self.root = root
        self.root.withdraw()
        self.root.report_callback_exception = self._report_fault
        self.root.tk.createcommand("bgerror", self._report_error)  # Tk itself would open a dialog
        self.look = Look(self.root, desktop_is_dark())
        self.state = State.OFF
        self.people = People()
        self.vocabulary = Vocabulary(self.people)
        self._unread = 0
        self._goodbye = ""
        self._build()
        self.line = Line(root, self._take)
        self._bind()
        self._begin(host, port, name)

    def stay(self) -> None:
        """Serve the window until it is closed."""
        try:
            self.root.mainloop()
        finally:
            for number in SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            self.line.close()

    # ---- what a person does -----------------------------------------------------------------------------------

    def connect(self) -> None:
        """Connect to what is in the fields, or try the other name where one is asked for."""
        try:
            address = self.header.read()
        except Incomplete as incomplete:
            self.banner.show(f"{incomplete}")
            return
        self.banner.clear()
        self._enter(State.TRYING)
        self.line.connect(address)

    def disconnect(self) -> None:
        """Leave the room; what is written stays."""
        if self.state is State.ON:
            self.pane.show([note("You have left.")])
        self.line.hang_up()
        self.people.hear({"event": "link", "state": "closed"})
        self._show_people()
        self._enter(State.OFF)
        self.status.show(Standing.OFF, "Not connected")

    def send(self, text: str) -> bool:
        """Send what was written, a command or something said; False, and it stays, where that cannot be."""
        if self.state is not State.ON:
            self.banner.show("There is no connection, so nothing was sent. Your text stays where it is.")
            return False
        if not self.line.say(text):
            self.banner.show("The server takes nothing at the moment. Your text stays where it is.")
            return False
        self.banner.clear()
        self.pane.go_down()
        return True

    def leave(self) -> None:
        """Close the window: say quit, and end."""
        self.root.quit()

    # ---- how it is made ---------------------------------------------------------------------------------------

    def _build(self) -> None:
        pixels = self.look.pixels
        frame = ttk.Frame(self.root, padding=(pixels(14), pixels(10), pixels(14), pixels(6)))
        frame.pack(fill="both", expand=True)
        frame.columnconfigure(0, weight=1)
        frame.rowconfigure(2, weight=1)
        self.header = Header(frame, self.look, self._act)
        self.banner = Banner(frame, self.look)
        middle = ttk.Panedwindow(frame, orient="horizontal")
        self.list = PeopleList(middle, self.look, lambda name: self.composer.begin(f"/msg {name} "))
        right = ttk.Frame(middle)
        self.pane = Pane(right, self.look)
        self.composer = Composer(right, self.look, self.send, self.vocabulary.complete)
        self.status = Status(frame, self.look)
        self.pane.pack(fill="both", expand=True)
        self.composer.pack(side="bottom", fill="x", pady=(pixels(10), 0), before=self.pane)
        middle.add(self.list)
        middle.add(right, weight=1)
        for row, part in enumerate((self.header, self.banner, middle)):
            part.grid(row=row, column=0, sticky="nsew", pady=(0, pixels(8)))
        self.status.grid(row=3, column=0, sticky="ew")
        self.banner.clear()
        self.keys = Keys(
            root=self.root,
            look=self.look,
            header=self.header,
            banner=self.banner,
            people=self.list,
            pane=self.pane,
            composer=self.composer,
        )

    def _act(self) -> None:
        if self.state in (State.OFF, State.NAMING):
            self.connect()
        else:
            self.disconnect()

    def _bind(self) -> None:
        self.root.protocol("WM_DELETE_WINDOW", self.leave)
        self.root.bind_all("<Control-q>", lambda _event: self.leave())
        self.root.bind_all("<F5>", lambda _event: self._act())
        self.root.bind("<FocusIn>", lambda _event: self._read(), add="+")
        for number in SIGNALS:
            signal.signal(number, lambda _number, _frame: self.leave())

    def _begin(self, host: str, port: int, name: str) -> None:
        self.header.fill(host or HOST, port or PORT, name)
        self._enter(State.OFF)
        self.status.show(Standing.OFF, "Not connected")
        self.root.minsize(*map(self.look.pixels, SMALLEST))
        self.root.geometry("{}x{}".format(*map(self.look.pixels, USUAL)))
        self._retitle()
        self.root.deiconify()
        self.root.wait_visibility(self.composer.text)  # what is typed from now on finds its way there
        self.header.ask("Name" if host else "Server")
        if host and name:
            self.connect()

    # ---- what the link delivers -------------------------------------------------------------------------------

    def _take(self, batch: list[Object]) -> None:
        """Take in what came, and show it at once."""
        told = []
        changed = False
        for found in batch:
            changed |= self.people.hear(found)
            told += self._hear(found)
        if told:
            self.pane.show(told)
            self._count_unread(told)
        if changed:
            self._show_people()

    def _hear(self, found: Object) -> list[Entry]:
        """Do what one object asks for; return what the pane is to show of it."""
        event = word(found, "event")
        if found.get("ref") == LEARNING:
            self.vocabulary.learn(word(found, "text"))
            return []
        if event == "link":
            return self._hear_link(found)
        if event == "refused":
            return self._hear_refusal(found)
        if event == "welcome":
            self._welcome()
        elif event == "goodbye":
            self._goodbye = word(found, "code")
        self.line.answered(found)
        shown = entry(found, self.people.me)
        return [shown] if shown else []

    def _hear_link(self, found: Object) -> list[Entry]:
        state, text = word(found, "state"), word(found, "text")
        if state in ("closed", "gave_up"):
            self._end(text)
        elif state != "connected":
            self._enter(State.TRYING)
            self.status.show(Standing.WAITING, text)
        if state == "retrying":
            self.banner.show(text)
        shown = entry(found, self.people.me) if state in ("lost", "gave_up") else None
        return [shown] if shown else []

    def _welcome(self) -> None:
        self._goodbye = ""
        self._enter(State.ON)
        self.banner.clear()
        self.line.ask("help", LEARNING)
        self.composer.text.focus_set()

    def _end(self, text: str) -> None:
        self.line.hang_up()
        self._enter(State.OFF)
        self.status.show(Standing.OFF, "Not connected")
        if self._goodbye != "quit":
            self.banner.show(text)

    def _hear_refusal(self, found: Object) -> list[Entry]:
        """Say why; bring back what was not granted, so that it can be mended."""
        text = word(found, "text")
        if self.state is State.TRYING and "ref" not in found:
            self._enter(State.NAMING)
            self.status.show(Standing.WAITING, "Choose another name")
            self.header.ask("Name")
        self.banner.show(text)
        line = self.line.answered(found)
        if line and not self.composer.content:
            self.composer.write(line)
            return []
        shown = entry({**found, "text": f"{text}\n{line}"}, self.people.me) if line else None
        return [shown] if shown else []

    # ---- what is shown ----------------------------------------------------------------------------------------

    def _enter(self, state: State) -> None:
        self.state = state
        editable = state in (State.OFF, State.NAMING)
        self.header.offer("Cancel" if state is State.TRYING else "Connect" if editable else "Disconnect", editable)
        self._show_standing()

    def _show_people(self) -> None:
        self.list.show(self.people.names, self.people.count, self.people.me)
        self._show_standing()

    def _show_standing(self) -> None:
        people = self.people
        if self.state is State.ON:
            self.header.rename(people.me)
            host, port = self.line.place
            self.status.show(Standing.GOOD, f"{people.me} in {people.title}, at {host} port {port}")
        self.composer.hint(f"Write to {people.title}" if self.state is State.ON else "Connect to talk")
        self._retitle()

    def _count_unread(self, told: list[Entry]) -> None:
        if not self.root.tk.call("focus"):  # another window has it
            self._unread += sum(each.kind in SPOKEN and not each.own for each in told)
            self._retitle()

    def _read(self) -> None:
        self._unread = 0
        self._retitle()

    def _retitle(self) -> None:
        title = f"{self.people.title} - Chat" if self.state is State.ON else "Chat"
        self.root.title(f"({self._unread}) {title}" if self._unread else title)

    def _report_fault(self, kind: Any, error: Any, trace: Any) -> None:
        """A fault of ours: say so in the window, and leave the details where they are looked for."""
        traceback.print_exception(kind, error, trace, file=sys.stderr)
        self._report_error(f"{kind.__name__}: {error}")

    def _report_error(self, what: str) -> None:
        print(what, file=sys.stderr)
        self.banner.show(f"Something went wrong in this window ({what}). You can go on.")
