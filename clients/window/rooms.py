"""The list of one's rooms on the left: which is the current one, and where something new was said."""

from __future__ import annotations

import tkinter
from collections.abc import Callable, Iterable
from tkinter import ttk

from clients.people import Place
from clients.window.look import STRONG, Look

TALLEST = 8  # rows; more are scrolled
MANY = 999  # unread messages; of more it shows that there are more


class RoomList(ttk.Frame):
    """One's rooms. `choose(room)` is called when one is clicked, or chosen with Return."""

    def __init__(self, master: tkinter.Misc, look: Look, choose: Callable[[str], None]) -> None:
        super().__init__(master)
        self._look = look
        self._choose = choose
        self._shown: list[tuple[str, str, int]] = []
        self._current = ""
        self._rows: dict[str, str] = {}
        self._heading = ttk.Label(self, text="Rooms", style="Strong.TLabel")
        self.tree = ttk.Treeview(self, show="tree", columns=("unread",), selectmode="browse", style="People.Treeview")
        self._lay_out()
        self.tree.bind("<ButtonRelease-1>", self._click)
        for keys in ("<Return>", "<KP_Enter>"):
            self.tree.bind(keys, lambda _event: self._take())
        look.follow(self._paint)

    def show(self, places: Iterable[Place], current: str) -> None:
        """Show these rooms, in this order; the current one is marked."""
        rooms = [(place.room, place.title, place.unread) for place in places]
        if (rooms, current) == (self._shown, self._current):
            return
        self._shown, self._current = rooms, current
        self.tree.delete(*self.tree.get_children())
        self._rows.clear()
        for room, title, unread in rooms:
            count = f"{MANY}+" if unread > MANY else f"{unread or ''}"
            tags = ("current",) if room == current else ("unread",) if unread else ()
            self._rows[room] = self.tree.insert("", "end", text=title, values=(count,), tags=tags)
        self.tree.configure(height=min(max(len(rooms), 1), TALLEST))
        self.mark_current()

    def mark_current(self) -> None:
        """Select the current room, wherever the keyboard has been."""
        if row := self._rows.get(self._current):
            self.tree.selection_set(row)
            self.tree.focus(row)
            self.tree.see(row)

    def titles(self) -> list[str]:
        """Return the titles from top to bottom, each with the number of unread messages where there are any."""
        return [f"{title} ({unread})" if unread else title for _, title, unread in self._shown]

    def take_focus(self) -> None:
        """Go to the list by keyboard."""
        self.mark_current()
        self.tree.focus_set()

    def step(self, rows: int) -> None:
        """Choose the room so many rows below the current one; after the last comes the first."""
        rooms = list(self._rows)
        if self._current in rooms and len(rooms) > 1:
            self._choose(rooms[(rooms.index(self._current) + rows) % len(rooms)])

    def _lay_out(self) -> None:
        pixels = self._look.pixels
        self.columnconfigure(0, weight=1)
        self._heading.grid(row=0, column=0, sticky="w", padx=pixels(6), pady=(0, pixels(6)))
        self.tree.grid(row=1, column=0, sticky="ew")
        self.tree.column("#0", minwidth=pixels(60), width=pixels(120))
        self.tree.column("unread", minwidth=pixels(46), width=pixels(50), stretch=False, anchor="e")
        self.tree.configure(height=1)

    def _paint(self) -> None:
        self.tree.tag_configure("current", font=STRONG)
        self.tree.tag_configure("unread", font=STRONG, foreground=self._look.colours.link)

    def _click(self, event: tkinter.Event[tkinter.Misc]) -> None:
        if self.tree.identify_row(event.y):
            self._take()

    def _take(self) -> str:
        chosen = self.tree.selection()
        for room, row in self._rows.items():
            if row in chosen and room != self._current:
                self._choose(room)
        return "break"
