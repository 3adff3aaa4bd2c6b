"""The row that asks whether a server is to be trusted for which no authority vouches."""

from __future__ import annotations

import tkinter
from collections.abc import Callable
from tkinter import ttk

from clients.trust import PREFIX
from clients.window.look import BODY, FIXED, Look

HALF = len(PREFIX) + 16 * len("00:")  # characters of a fingerprint in the first of two lines


class StrangerRow(ttk.Frame):
    """Shows a fingerprint. `trust` is called with it, or `refuse`; Return by itself is no consent."""

    def __init__(
        self, master: tkinter.Misc, look: Look, trust: Callable[[str], None], refuse: Callable[[], None]
    ) -> None:
        super().__init__(master, style="Card.TFrame", padding=look.pixels(10))
        self._look = look
        self._trust = trust
        self._shown = ""
        self._label = ttk.Label(self, font=BODY)
        self.fingerprint = ttk.Label(self, font=FIXED)
        self.button = ttk.Button(self, text="Trust it", command=lambda: self._trust(self._shown))
        self.cancel = ttk.Button(self, text="Cancel", style="Accent.TButton", command=refuse)
        self._lay_out()
        look.follow(self._paint)

    def ask(self, sentence: str, fingerprint: str) -> None:
        """Show the row, with the keyboard where nothing is consented to by haste."""
        self._shown = fingerprint
        self._label.configure(text=sentence)
        self.fingerprint.configure(text=f"{fingerprint[:HALF]}\n{' ' * len(PREFIX)}{fingerprint[HALF:]}")
        self._paint()
        self.grid()
        self.update_idletasks()  # as in SecretRow
        self.cancel.focus_set()

    def clear(self) -> None:
        """Take the row away."""
        self.grid_remove()

    def _lay_out(self) -> None:
        gap = self._look.pixels(8)
        self.columnconfigure(0, weight=1)
        self._label.grid(row=0, column=0, columnspan=3, sticky="w", pady=(0, gap))
        self.fingerprint.grid(row=1, column=0, sticky="w")
        self.button.grid(row=1, column=1, sticky="e", padx=gap)
        self.cancel.grid(row=1, column=2, sticky="e")
        for button in (self.button, self.cancel):
            button.bind("<Return>", lambda event: event.widget.invoke())
        self.cancel.bind("<Escape>", lambda _event: self.cancel.invoke())
        self.button.bind("<Escape>", lambda _event: self.cancel.invoke())
        self.bind("<Configure>", lambda event: self._label.configure(wraplength=event.width - self._look.pixels(30)))

    def _paint(self) -> None:
        self._label.configure(foreground=self._look.colours.text)
        self.fingerprint.configure(foreground=self._look.colours.text)
