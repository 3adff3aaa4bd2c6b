"""One pane for each room, of which the current one is in view: each keeps its talk, and where one was reading."""

from __future__ import annotations

import tkinter
from collections.abc import Callable, Sequence
from itertools import groupby
from tkinter import ttk

from clients.window.look import Look
from clients.window.pane import Pane
from clients.words import Entry, Kind

MOST = 30  # panes; beyond them, that of the room one was in longest ago goes


class Panes(ttk.Frame):
    """The talk of all rooms. Before the first room there is a pane without one, which that room takes over.

    `read_back(room, first)` is called where somebody has come to the first message that is shown of a room; it tells
    whether more is on its way.
    """

    def __init__(self, master: tkinter.Misc, look: Look, read_back: Callable[[str, int], bool]) -> None:
        super().__init__(master)
        self._look = look
        self._read_back = read_back
        self._prepare: Callable[[Pane], None] = lambda pane: None
        self._panes: dict[str, Pane] = {}
        self._room = ""
        self.turn_to("")

    @property
    def current(self) -> Pane:
        """The one in view."""
        return self._panes[self._room]

    def each(self, prepare: Callable[[Pane], None]) -> None:
        """Call `prepare` for each pane there is, and for each that will be."""
        self._prepare = prepare
        for pane in self._panes.values():
            prepare(pane)

    def turn_to(self, room: str) -> None:
        """Bring the pane of a room into view."""
        if room and self._room == "" and "" in self._panes:
            self._panes = {room: self._panes.pop("")}
        elif self._room in self._panes:
            self.current.pack_forget()
        self._room = room
        pane = self._panes[room] = self._pane(room)
        pane.pack(fill="both", expand=True)
        self._drop_oldest()

    def show(self, entries: Sequence[Entry], me: str) -> None:
        """Add each entry to its room's pane; what belongs to no room is shown in the current one."""
        for room, some in groupby(entries, lambda entry: entry.room or self._room):
            self._pane(room, keep=True).show(list(some), me)

    def show_above(self, room: str, entries: Sequence[Entry], *, is_all: bool) -> None:
        """Put what was said in a room before all that is shown of it; `is_all`: there is nothing more."""
        if room in self._panes:
            self._panes[room].show_above([entry for entry in entries if entry.kind is not Kind.RULE], is_all=is_all)

    def unsay(self, number: int, text: str) -> None:
        """Put `text` in the place of a message, wherever it stands."""
        for pane in self._panes.values():
            pane.unsay(number, text)

    def forget_others(self) -> None:
        """Keep what is in view alone: the other rooms are those of another server."""
        for room in [room for room in self._panes if room != self._room]:
            self._drop(room)

    def _pane(self, room: str, *, keep: bool = False) -> Pane:
        """Return the pane of a room; unless it should `keep` its place, it is the one used last from now on."""
        pane = self._panes.get(room) if keep else self._panes.pop(room, None)
        if pane is None:
            pane = self._panes[room] = Pane(self, self._look, lambda first: self._read_back(self._room, first))
            self._prepare(pane)
        return pane

    def _drop_oldest(self) -> None:
        while len(self._panes) > MOST:
            self._drop(next(iter(self._panes)))

    def _drop(self, room: str) -> None:
        pane = self._panes.pop(room)
        pane.forget()
        pane.destroy()
