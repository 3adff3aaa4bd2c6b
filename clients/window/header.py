"""The top of the window: server, port, TLS and name, Connect or Disconnect, the switch between light and dark."""

from __future__ import annotations

import tkinter
from collections.abc import Callable
from dataclasses import dataclass
from tkinter import ttk

from clients.place import Place, read_place, read_port
from clients.window.look import SMALL, Look


@dataclass(frozen=True, slots=True)
class Address:
    """Where to connect to, and as whom."""

    place: Place
    name: str


class Incomplete(Exception):
    """A field does not hold what is needed. Its text is the sentence for the person."""


class Header(ttk.Frame):
    """The fields and what one does with them. `act` is called by the button and by Return in a field."""

    def __init__(self, master: tkinter.Misc, look: Look, act: Callable[[], None]) -> None:
        super().__init__(master)
        self._look = look
        self.fields: dict[str, ttk.Entry] = {}
        self._act = act
        self.button = ttk.Button(self, command=act, width=11)
        self._dark = tkinter.BooleanVar(self, look.dark)
        self._switch = ttk.Checkbutton(self, text="Dark", style="Switch.TCheckbutton", variable=self._dark)
        self._switch.configure(command=lambda: look.use(self._dark.get()))
        self._tls = tkinter.BooleanVar(self, value=False)
        self.secure = ttk.Checkbutton(self, text="TLS", variable=self._tls)
        self._labels: list[ttk.Label] = []
        self._lay_out()
        look.follow(self._paint)

    def fill(self, place: Place, name: str) -> None:
        """Put these into the fields."""
        for field, value in (("Server", place.host), ("Port", f"{place.port}"), ("Name", name)):
            self._write(self.fields[field], value)
        self._tls.set(place.tls)

    def rename(self, name: str) -> None:
        """Show the name one has now."""
        self._write(self.fields["Name"], name)

    def read(self) -> Address:
        """Return what is in the fields. Raises Incomplete, with the cursor where something is missing."""
        self._take_apart()
        host, port, name = (self.fields[field].get().strip() for field in ("Server", "Port", "Name"))
        if not host:
            raise self._incomplete("Server", "Which server? Its name or address is missing.")
        try:
            number = read_port(port)
        except ValueError:
            raise self._incomplete("Port", "The port is a number from 1 to 65535; most rooms are at 3001.") from None
        if not name:
            raise self._incomplete("Name", "Under which name do you want to be known? It is missing.")
        return Address(Place(host, number, self._tls.get()), name)

    def ask(self, field: str) -> None:
        """Put the cursor into a field and mark what is in it."""
        entry = self.fields[field]
        entry.focus_set()
        entry.selection_range(0, "end")
        entry.icursor("end")

    def offer(self, action: str, editable: bool) -> None:
        """Label the button; let the fields be changed, or not."""
        self.button.configure(text=action, style="Accent.TButton" if editable else "TButton")
        for part in (*self.fields.values(), self.secure):
            part.state(["!disabled" if editable else "disabled"])

    def _take_apart(self) -> None:
        """Where the server is written as tls://host:port, put each part where it belongs."""
        try:
            place = read_place(self.fields["Server"].get())
        except ValueError:
            raise self._incomplete("Server", "Write the name or address of a server, or tls://name:port.") from None
        if place.tls:
            self._tls.set(True)
            self._write(self.fields["Server"], place.host)
        if place.port:
            self._write(self.fields["Port"], f"{place.port}")

    def toggle_dark(self) -> None:
        """Turn the switch."""
        self._switch.invoke()

    def _lay_out(self) -> None:
        pixels = self._look.pixels
        for column, (label, width, weight) in enumerate((("Server", 16, 3), ("Port", 6, 0), ("Name", 14, 2))):
            self.columnconfigure(column, weight=weight)
            self._add_field(column, label, width)
        self.secure.grid(row=1, column=3, padx=(0, pixels(8)))
        self.button.grid(row=1, column=4, padx=(0, pixels(12)))
        self._switch.grid(row=1, column=5, sticky="e")
        for part in (self.secure, self.button, self._switch):
            part.lift()  # Tab comes here after the fields

    def _add_field(self, column: int, label: str, width: int) -> None:
        pixels = self._look.pixels
        self._labels.append(ttk.Label(self, text=label, font=SMALL))
        self._labels[-1].grid(row=0, column=column, sticky="w", padx=pixels(2))
        entry = ttk.Entry(self, width=width)
        entry.grid(row=1, column=column, sticky="ew", padx=(0, pixels(8)), pady=(pixels(2), 0))
        for key in ("<Return>", "<KP_Enter>"):
            entry.bind(key, lambda _event: entry.instate(["!disabled"], self._act))
        entry.bind("<Control-a>", lambda _event: self._mark(label))
        self.fields[label] = entry

    def _mark(self, field: str) -> str:
        self.ask(field)
        return "break"

    def _paint(self) -> None:
        for label in self._labels:
            label.configure(foreground=self._look.colours.dim)

    def _incomplete(self, field: str, sentence: str) -> Incomplete:
        self.ask(field)
        return Incomplete(sentence)

    def _write(self, entry: ttk.Entry, value: str) -> None:
        before = entry.state(["!disabled"])
        entry.delete(0, "end")
        entry.insert(0, value)
        entry.state(before)
