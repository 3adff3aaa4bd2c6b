"""The window as a whole: it joins the link to a server with the parts one sees, and decides what happens when.

Everything here runs in Tk's thread and never waits.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import tkinter
import traceback
from dataclasses import replace
from enum import Enum
from tkinter import ttk
from typing import Any

from clients.endings import advice
from clients.order import MOMENT, Order
from clients.past import Past, older
from clients.people import People, word
from clients.place import Place
from clients.secret import ASKING, DOOR, Secret, secret_in
from clients.window.attention import Attention
from clients.window.completion import Vocabulary
from clients.window.composer import Composer
from clients.window.header import Header, Incomplete
from clients.window.keys import Keys
from clients.window.line import Line, Object
from clients.window.look import Look, desktop_is_dark
from clients.window.notice import Banner, Standing, Status
from clients.window.pane import Pane
from clients.window.panes import Panes
from clients.window.rooms import RoomList
from clients.window.roster import PeopleList
from clients.window.secret import SecretRow
from clients.window.stranger import StrangerRow
from clients.words import Entry, entries, note, whole

USUALLY = Place("127.0.0.1", 3001)  # what the fields hold when nobody said otherwise
SMALLEST, USUAL = (560, 360), (920, 620)  # pixels, on a screen of 96 dots an inch
COMMANDS, ROOMS, GOING = "commands", "rooms", "going"  # the refs of what the window itself asks for
OLDER = "older "  # and, before the name of a room, of what was said there before
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class State(Enum):
    """How far one is."""

    OFF = "off"
    TRYING = "trying"
    NAMING = "naming"
    ON = "on"


class ChatWindow:
    """What stands in the window `root`. Empty values are asked for; with all of them it connects at once."""

    def __init__(self, root: tkinter.Tk, place: Place, name: str, fingerprint: str = "", *, rings: bool = True) -> None:
        self.root = root
        self.root.withdraw()
        self.root.report_callback_exception = self._report_fault
        self.root.tk.createcommand("bgerror", self._report_error)  # Tk itself would open a dialog
        self.look = Look(self.root, desktop_is_dark())
        self.state = State.OFF
        self.people = People()
        self.vocabulary = Vocabulary(self.people)
        self._past = Past()
        self._order = Order()
        self._release_timer = ""
        self.attention = Attention(root, rings=rings)
        self._goodbye = ""
        self.line = Line(root, self._take, fingerprint)
        self._build()
        self._bind()
        self._begin(place, name)

    def stay(self) -> None:
        """Serve the window until it is closed."""
        try:
            self.root.mainloop()
        finally:
            for number in SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            self._stop_timer()
            self.line.close()

    def _stop_timer(self) -> None:
        """Tk would call it even when the window is gone."""
        with contextlib.suppress(tkinter.TclError):  # the screen may be gone
            if self._release_timer:
                self.root.after_cancel(self._release_timer)

    # ---- what a person does -----------------------------------------------------------------------------------

    @property
    def pane(self) -> Pane:
        """The talk of the current room."""
        return self.panes.current

    def connect(self, password: str = "") -> None:
        """Connect to what is in the fields; or try the other name, or the password, where one is asked for."""
        try:
            address = self.header.read()
        except Incomplete as incomplete:
            self.banner.show(f"{incomplete}")
            return
        self.banner.clear()
        self.secret.clear()
        self._enter(State.TRYING)
        if address.place != self.line.place:
            self.panes.forget_others()
            self._past = Past()
        self.line.connect(address, password)

    def disconnect(self) -> None:
        """Leave the room; what is written stays."""
        if self.state is State.ON:
            self.pane.show([note("You have left.")])
        self.line.hang_up()
        self._order.release()
        self.secret.clear()
        self.people.hear({"event": "link", "state": "closed"})
        self._show_people()
        self._enter(State.OFF)
        self.status.show(Standing.OFF, "Not connected")

    def send(self, text: str) -> bool:
        """Send what was written, a command or something said; False, and it stays, where that cannot be."""
        if self.state is not State.ON:
            self.banner.show("There is no connection, so nothing was sent. Your text stays where it is.")
            return False
        secret = secret_in(text)
        if secret and secret.asks:
            self._ask_for_password(secret)
            return True
        if self._past.typed(text, self.people.room):
            self.pane.read_back()
        elif not (self.line.keep(secret, secret.password) if secret else self.line.say(text)):
            self.banner.show("The server takes nothing at the moment. Your text stays where it is.")
            return False
        self.banner.clear()
        self.pane.go_down()
        self._show_standing()
        return True

    def go(self, room: str) -> None:
        """Talk in another of one's rooms."""
        self.line.ask("join", GOING, room=room)

    def _read_back(self, room: str, first: int) -> bool:
        """Ask for what was said in a room before the message with the id `first`; return whether that can be."""
        return room in self.people.places and self.line.put({**older(room, first), "ref": f"{OLDER}{room}"})

    def _ask_for_password(self, secret: Secret) -> None:
        action = {"register": "Register", "password": "Change"}.get(secret.verb, "Log in")
        self.secret.ask(
            f"{secret.question}:", action, lambda password: self._keep(secret, password), twice=secret.is_new
        )

    def _keep(self, secret: Secret, password: str) -> None:
        if not self.line.keep(secret, password):
            self.banner.show("The server takes nothing at the moment. Nothing was changed.")
        self.composer.text.focus_set()

    def leave(self) -> None:
        """Close the window: say quit, and end."""
        self.root.quit()

    # ---- how it is made ---------------------------------------------------------------------------------------

    def _build(self) -> None:
        pixels = self.look.pixels
        frame = ttk.Frame(self.root, padding=(pixels(14), pixels(10), pixels(14), pixels(6)))
        frame.pack(fill="both", expand=True)
        frame.columnconfigure(0, weight=1)
        frame.rowconfigure(4, weight=1)
        self.header = Header(frame, self.look, self._act)
        self.banner = Banner(frame, self.look)
        self.secret = SecretRow(frame, self.look, self._give_up_secret)
        self.stranger = StrangerRow(frame, self.look, self.line.confirm, self.disconnect)
        middle = ttk.Panedwindow(frame, orient="horizontal")
        left = ttk.Frame(middle)
        self.rooms = RoomList(left, self.look, self.go)
        self.list = PeopleList(left, self.look, lambda name: self.composer.begin(f"/msg {name} "))
        self.rooms.pack(fill="x", pady=(0, pixels(14)))
        self.list.pack(fill="both", expand=True)
        right = ttk.Frame(middle)
        self.panes = Panes(right, self.look, self._read_back)
        self.composer = Composer(right, self.look, self.send, self.vocabulary.complete)
        self.status = Status(frame, self.look)
        self.panes.pack(fill="both", expand=True)
        self.composer.pack(side="bottom", fill="x", pady=(pixels(10), 0), before=self.panes)
        middle.add(left)
        middle.add(right, weight=1)
        for row, part in enumerate((self.header, self.banner, self.secret, self.stranger, middle)):
            part.grid(row=row, column=0, sticky="nsew", pady=(0, pixels(8)))
        self.status.grid(row=5, column=0, sticky="ew")
        for part in (self.secret, self.stranger, self.banner):
            part.clear()
        self.keys = Keys(
            root=self.root,
            look=self.look,
            header=self.header,
            banner=self.banner,
            people=self.list,
            rooms=self.rooms,
            panes=self.panes,
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
        for number in SIGNALS:
            signal.signal(number, lambda _number, _frame: self.leave())

    def _begin(self, place: Place, name: str) -> None:
        self.header.fill(replace(place, host=place.host or USUALLY.host, port=place.port or USUALLY.port), name)
        self._enter(State.OFF)
        self.status.show(Standing.OFF, "Not connected")
        self.root.minsize(*map(self.look.pixels, SMALLEST))
        self.root.geometry("{}x{}".format(*map(self.look.pixels, USUAL)))
        self.root.deiconify()
        self.root.wait_visibility(self.composer.text)  # what is typed from now on finds its way there
        self.header.ask("Name" if place.host else "Server")
        if place.host and name:
            self.connect()

    # ---- what the link delivers -------------------------------------------------------------------------------

    def _take(self, batch: list[Object]) -> None:
        """Take in what came, and show at once what can be shown in the order of the room."""
        before = self.line.on_the_way
        self._show([ready for found in batch for ready in self._sort(found)])
        if self._order.holds and not self._release_timer:
            self._release_timer = self.root.after(round(MOMENT * 1000), self._release)
        if self.line.on_the_way != before:
            self._show_standing()

    def _release(self) -> None:
        self._release_timer = ""
        self._show(self._order.release())

    def _sort(self, found: Object) -> list[Object]:
        gathered = self._past.gather(found)
        if gathered is None:
            return []
        return self._order.sort({**gathered, "asked": self.line.answered(found)}, waiting=self.line.on_the_way > 0)

    def _show(self, batch: list[Object]) -> None:
        changed = False
        told: list[Entry] = []
        for found in batch:
            changed |= self.people.hear(found)
            told += self._hear(found)
        if told:
            self.panes.show(told, self.people.me)
            self.attention.count(told, self.people.me)
        if changed:
            self._show_people()

    def _hear(self, found: Object) -> list[Entry]:
        """Do what one object asks for; return what is to be shown of it."""
        event, ref = word(found, "event"), word(found, "ref")
        if ref.startswith(OLDER):
            told = entries({**found, "ref": None}, self.people) if event == "history" else []
            self.panes.show_above(ref.removeprefix(OLDER), told, is_all=event == "told")
            return []
        if ref == COMMANDS:
            self.vocabulary.learn(word(found, "text"))
        if event == "link":
            return self._hear_link(found)
        if event == "refused":
            return self._hear_refusal(found)
        if event == "welcome":
            self._welcome()
        elif event == "removed":
            self.panes.unsay(whole(found, "message"), f"(removed by {word(found, 'by')})")
            return []
        elif event == "goodbye":
            self._goodbye = word(found, "code")
        elif event in ("joined", "parted"):
            self._enter_room()
        is_told = ref not in (COMMANDS, ROOMS) and (event != "joined" or self.people.fresh)
        return entries(found, self.people) if is_told else []

    def _enter_room(self) -> None:
        self.panes.turn_to(self.people.room)
        self.line.ask("channels", ROOMS)

    def _hear_link(self, found: Object) -> list[Entry]:
        state, text = word(found, "state"), word(found, "text")
        if state in ("closed", "gave_up"):
            self._end(text)
        elif state != "connected":
            self._enter(State.TRYING)
            self.status.show(Standing.WAITING, text)
        if state == "retrying":
            self.banner.show(text)
        elif state == "stranger":
            self.status.show(Standing.WAITING, "Not connected")
            self.stranger.ask(text, word(found, "fingerprint"))
        is_told = state in ("lost", "gave_up") or found.get("resumed") is True
        return entries(found, self.people) if is_told else []

    def _welcome(self) -> None:
        self._goodbye = ""
        self._enter(State.ON)
        self.banner.clear()
        self.line.ask("help", COMMANDS)
        self._enter_room()
        self.composer.text.focus_set()

    def _end(self, text: str) -> None:
        self.line.hang_up()
        self.secret.clear()
        was_refused = self.state is State.NAMING  # for good: the banner says why
        self._enter(State.OFF)
        self.status.show(Standing.OFF, "Not connected")
        if self._goodbye != "quit" and not was_refused:
            self.banner.show(f"{text} {advice(self._goodbye)}".rstrip())

    def _hear_refusal(self, found: Object) -> list[Entry]:
        """Say why; bring back what was not granted, so that it can be mended; but a password was never kept."""
        text, line = word(found, "text"), word(found, "asked")
        if self.state is State.TRYING and "ref" not in found:
            self._ask_for_login(word(found, "code"), text)
            return []
        self.banner.show(text)
        if line and not secret_in(line) and not self.composer.content:
            self.composer.write(line)
            return []
        return entries({**found, "text": f"{text}\n{line}"}, self.people) if line else []

    def _ask_for_login(self, code: str, text: str) -> None:
        """The login was refused: ask for the password of this name, or for another name."""
        self._enter(State.NAMING)
        if code not in ASKING:
            self.status.show(Standing.WAITING, "Choose another name")
            self.header.ask("Name")
            self.banner.show(text)
            return
        name = self.header.fields["Name"].get().strip()
        self.status.show(Standing.WAITING, "Log in with the password, or choose another name")
        if code in ("registered", DOOR):
            self.secret.ask(text, "Log in", self.connect)
        else:
            self.banner.show(text)
            self.secret.ask(f"The password of {name}:", "Log in", self.connect)

    def _give_up_secret(self) -> None:
        if self.state is State.NAMING:
            self.header.ask("Name")
        else:
            self.composer.text.focus_set()

    # ---- what is shown ----------------------------------------------------------------------------------------

    def _enter(self, state: State) -> None:
        self.state = state
        self.stranger.clear()
        editable = state in (State.OFF, State.NAMING)
        self.header.offer("Cancel" if state is State.TRYING else "Connect" if editable else "Disconnect", editable)
        self._show_standing()

    def _show_people(self) -> None:
        self.list.show(self.people.names, self.people.count, self.people.me)
        self.rooms.show(self.people.places.values(), self.people.room)
        self._show_standing()

    def _show_standing(self) -> None:
        people = self.people
        if self.state is State.ON:
            self.header.rename(people.me)
            place = self.line.place
            waiting = f"  ·  {self.line.on_the_way} on the way" if self.line.on_the_way else ""
            where = f"{place.host} port {place.port}{', by TLS' if place.tls else ''}"
            self.status.show(Standing.GOOD, f"{people.me} in {people.title}, at {where}{waiting}")
        self.composer.hint(f"Write to {people.title}" if self.state is State.ON else "Connect to talk")
        self.attention.title(f"{people.title} - Chat" if self.state is State.ON else "Chat")

    def _report_fault(self, kind: Any, error: Any, trace: Any) -> None:
        """A fault of ours: say so in the window, and leave the details where they are looked for."""
        traceback.print_exception(kind, error, trace, file=sys.stderr)
        self._report_error(f"{kind.__name__}: {error}")

    def _report_error(self, what: str) -> None:
        print(what, file=sys.stderr)
        with contextlib.suppress(tkinter.TclError):  # the window is gone, and what it had put off has come all the same
            self.banner.show(f"Something went wrong in this window ({what}). You can go on.")
