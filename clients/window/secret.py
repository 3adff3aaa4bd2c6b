"""The row in which a password is asked for: it shows dots, and keeps nothing once it has been handed over."""

from __future__ import annotations

import tkinter
from collections.abc import Callable
from tkinter import ttk

from clients.secret import UNEQUAL
from clients.window.look import BODY, SMALL, Look

DOT = "•"


class SecretRow(ttk.Frame):
    """Asks for a password, for a new one twice. `give_up` is called by Cancel and by Escape."""

    def __init__(self, master: tkinter.Misc, look: Look, give_up: Callable[[], None]) -> None:
        super().__init__(master, style="Card.TFrame", padding=look.pixels(10))
        self._look = look
        self._give_up = give_up
        self._take: Callable[[str], None] = lambda password: None
        self._twice = False
        self.label = ttk.Label(self, font=BODY)
        self._again = ttk.Label(self, text="again", font=SMALL)
        self.fields = [ttk.Entry(self, show=DOT, width=18) for _ in range(2)]
        self.button = ttk.Button(self, style="Accent.TButton", command=self._hand_over)
        self._cancel = ttk.Button(self, text="Cancel", command=self._stop)
        self._lay_out()
        look.follow(self._paint)

    def ask(self, sentence: str, action: str, take: Callable[[str], None], *, twice: bool = False) -> None:
        """Show the row with this sentence and button, and put the cursor there; `take` gets the password."""
        self._take, self._twice = take, twice
        self._empty()
        self.label.configure(text=sentence)
        self.button.configure(text=action)
        for part in (self._again, self.fields[1]):
            if twice:
                part.grid()
            else:
                part.grid_remove()
        self._paint()
        self.grid()
        self.update_idletasks()  # the keyboard comes to a field only when that is on the screen
        self.fields[0].focus_set()

    def clear(self) -> None:
        """Take the row away, and what is in it."""
        self._empty()
        self.grid_remove()

    @property
    def asks(self) -> bool:
        """Is something asked for?"""
        return bool(self.grid_info())

    def _lay_out(self) -> None:
        pixels = self._look.pixels
        self.columnconfigure(0, weight=1)
        row = (self.fields[0], self._again, self.fields[1], self.button, self._cancel)
        self.label.grid(row=0, column=0, sticky="w")
        for column, part in enumerate(row, 1):
            part.grid(row=0, column=column, padx=(pixels(8), 0))
        for field in self.fields:
            for key in ("<Return>", "<KP_Enter>"):
                field.bind(key, lambda _event: self._hand_over())
            field.bind("<Control-a>", lambda event: self._mark(event.widget))
            field.bind("<Escape>", lambda _event: self._stop())
        self.bind("<Configure>", lambda _event: self._wrap())

    def _wrap(self) -> None:
        beside = sum(part.winfo_reqwidth() for part in self.grid_slaves() if part is not self.label)
        self.label.configure(wraplength=max(self.winfo_width() - beside - self._look.pixels(80), 100))

    def _paint(self) -> None:
        self.label.configure(foreground=self._look.colours.text)
        self._again.configure(foreground=self._look.colours.dim)

    def _hand_over(self) -> str:
        first, second = (field.get() for field in self.fields)
        if not first:
            self.fields[0].focus_set()
        elif self._twice and not second:
            self.fields[1].focus_set()
        elif self._twice and first != second:
            self._empty()
            self.label.configure(text=UNEQUAL, foreground=self._look.colours.error)
            self.fields[0].focus_set()
        else:
            self.clear()
            self._take(first)
        return "break"

    def _stop(self) -> str:
        self.clear()
        self._give_up()
        return "break"

    def _mark(self, field: tkinter.Misc) -> str:
        """Mark all of it, as Ctrl+A does in the other fields."""
        if isinstance(field, ttk.Entry):
            field.selection_range(0, "end")
        return "break"

    def _empty(self) -> None:
        for field in self.fields:
            field.delete(0, "end")
