"""What the window has to say for itself: a banner for what went wrong, a bar at the bottom for how things stand."""

from __future__ import annotations

import enum
import tkinter
from tkinter import ttk

from clients.window.look import BODY, SMALL, Look


class Standing(enum.Enum):
    """How the connection stands."""

    OFF = "dim"
    WAITING = "waiting"
    GOOD = "good"


class Banner(tkinter.Frame):
    """A sentence that stays until it is answered by a success, by Escape, or by its cross. Never a dialog."""

    def __init__(self, master: tkinter.Misc, look: Look) -> None:
        super().__init__(master)
        self._look = look
        self.label = tkinter.Label(self, anchor="w", justify="left", font=BODY)
        self._cross = tkinter.Label(self, text="✕", font=BODY, cursor="hand2")
        self._cross.bind("<Button-1>", lambda _event: self.clear())
        self.label.pack(side="left", fill="x", expand=True, padx=look.pixels(10), pady=look.pixels(6))
        self._cross.pack(side="right", padx=look.pixels(10))
        self.bind("<Configure>", lambda event: self.label.configure(wraplength=event.width - look.pixels(60)))
        look.follow(self._paint)

    def show(self, sentence: str) -> None:
        """Say it."""
        self.label.configure(text=sentence)
        self.grid()

    def clear(self) -> None:
        """Take it away."""
        self.label.configure(text="")
        self.grid_remove()

    def _paint(self) -> None:
        colours = self._look.colours
        for part in (self, self.label, self._cross):
            part.configure(background=colours.error_field)
        for label in (self.label, self._cross):
            label.configure(foreground=colours.error)


class Status(ttk.Frame):
    """The bar at the bottom: a coloured dot and a sentence; at the right, where to find the keys."""

    def __init__(self, master: tkinter.Misc, look: Look) -> None:
        super().__init__(master)
        self._look = look
        self._standing = Standing.OFF
        self._dot = tkinter.Label(self, text="●", font=SMALL)
        self.label = ttk.Label(self, font=SMALL, anchor="w")
        self._keys = ttk.Label(self, font=SMALL, text="F1  keys")
        self._keys.pack(side="right")
        self._dot.pack(side="left")
        self.label.pack(side="left", fill="x", expand=True, padx=look.pixels(4))
        look.follow(self._paint)

    def show(self, standing: Standing, sentence: str) -> None:
        """Say how things stand."""
        self._standing = standing
        self.label.configure(text=sentence)
        self._paint()

    def _paint(self) -> None:
        colours = self._look.colours
        self._dot.configure(foreground=getattr(colours, self._standing.value), background=colours.ground)
        for label in (self.label, self._keys):
            label.configure(foreground=colours.dim)
