"""The list of people on the left, with their count. It shows what it is given and asks for a private message."""

from __future__ import annotations

import bisect
import tkinter
from collections.abc import Callable, Iterable
from tkinter import ttk

from clients.window.look import Look, shade


class PeopleList(ttk.Frame):
    """Who is here. `address(name)` is called when somebody is double-clicked, or chosen with Return."""

    def __init__(self, master: tkinter.Misc, look: Look, address: Callable[[str], None]) -> None:
        super().__init__(master)
        self._look = look
        self._address = address
        self._rows: dict[str, str] = {}
        self._order: list[tuple[str, str]] = []
        self._own = ""
        self._heading = ttk.Label(self, text="People", style="Strong.TLabel")
        self.tree = ttk.Treeview(self, show="tree", selectmode="browse", height=1, style="People.Treeview")
        self._bar = ttk.Scrollbar(self, command=self.tree.yview)
        self._lay_out()
        for keys in ("<Double-Button-1>", "<Return>", "<KP_Enter>"):
            self.tree.bind(keys, self._choose)
        look.follow(self._paint)

    def show(self, names: Iterable[str], count: int, own: str) -> None:
        """Show these people, by name; `own` is marked as oneself. Who stays, stays selected."""
        wanted = dict.fromkeys(names)
        if own != self._own:
            self._remove({own, self._own} & self._rows.keys())
            self._own = own
        self._remove(self._rows.keys() - wanted.keys())
        for name in wanted.keys() - self._rows.keys():
            self._insert(name)
        self._heading.configure(text=f"People  {count}" if count else "People")

    def names(self) -> list[str]:
        """Return the names from top to bottom."""
        return [name for _, name in self._order]

    def take_focus(self) -> None:
        """Go to the list by keyboard."""
        rows = self.tree.get_children()
        if rows and not self.tree.selection():
            self.tree.selection_set(rows[0])
            self.tree.focus(rows[0])
        self.tree.focus_set()

    def _lay_out(self) -> None:
        self.rowconfigure(1, weight=1)
        self.columnconfigure(0, weight=1)
        self._heading.grid(row=0, column=0, sticky="w", padx=self._look.pixels(6), pady=(0, self._look.pixels(6)))
        self.tree.grid(row=1, column=0, sticky="nsew")
        self.tree.column("#0", minwidth=self._look.pixels(60), width=self._look.pixels(170))
        self.tree.configure(yscrollcommand=self._scrolled)

    def _paint(self) -> None:
        for number, colour in enumerate(self._look.colours.names):
            self.tree.tag_configure(f"name{number}", foreground=colour)

    def _insert(self, name: str) -> None:
        place = bisect.bisect(self._order, _sorted_by(name))
        self._order.insert(place, _sorted_by(name))
        text = f"{name} (you)" if name == self._own else name
        self._rows[name] = self.tree.insert("", place, text=text, tags=(f"name{shade(name)}",))

    def _remove(self, names: Iterable[str]) -> None:
        for name in names:
            self._order.remove(_sorted_by(name))
            self.tree.delete(self._rows.pop(name))

    def _scrolled(self, first: float, last: float) -> None:
        """Show the bar only where there is something to scroll."""
        self._bar.set(first, last)
        if float(first) <= 0.0 and float(last) >= 1.0:
            self._bar.grid_remove()
        else:
            self._bar.grid(row=1, column=1, sticky="ns")

    def _choose(self, _event: object) -> str:
        chosen = self.tree.selection()
        for name, row in self._rows.items():
            if row in chosen and name != self._own:
                self._address(name)
        return "break"


def _sorted_by(name: str) -> tuple[str, str]:
    return name.casefold(), name
