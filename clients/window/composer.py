"""The entry line: Return sends, Shift+Return begins a new line, and it grows with what is written.

Up and Down bring back what was sent, Tab completes. It keeps its text until told to clear it, so nothing is lost
while there is no connection. It does not know what is sent, nor which names and commands there are; but a password
behind its command is neither shown nor remembered.
"""

from __future__ import annotations

import tkinter
from collections.abc import Callable
from tkinter import ttk

from clients.secret import secret_in
from clients.window.look import BODY, Look

TALLEST = 6  # lines; more are scrolled
REMEMBERED = 200

Completions = Callable[[str, str], list[str]]
"""Given the beginning of a word, and the text before it: what it may become."""


class Composer(ttk.Frame):
    """Where one writes. `send(text)` returns whether the text was taken; then it is remembered and cleared."""

    def __init__(self, master: tkinter.Misc, look: Look, send: Callable[[str], bool], completions: Completions) -> None:
        super().__init__(master)
        self._look = look
        self._send = send
        self._completions = completions
        self._focused = False
        self._cycle: list[str] = []
        self._sent: list[str] = []
        self._place = 0
        self._draft = ""
        self._field = ttk.Frame(self, style="Field.TFrame")
        self.text = tkinter.Text(self._field, height=1, width=1, wrap="word", undo=True, relief="flat", borderwidth=0)
        self._placeholder = tkinter.Label(self.text, anchor="w", borderwidth=0, cursor="xterm")
        self.button = ttk.Button(self, text="Send", style="Accent.TButton", command=self._hand_over)
        self._lay_out()
        self._bind()
        look.follow(self._paint)
        self._changed()

    @property
    def content(self) -> str:
        """What is written, as it is."""
        return self.text.get("1.0", "end-1c")

    def write(self, text: str) -> None:
        """Put `text` in place of what is written, the cursor at its end."""
        self._cycle = []
        self.text.replace("1.0", "end", text)
        self.text.mark_set("insert", "end-1c")
        self.text.see("insert")

    def begin(self, words: str) -> None:
        """Put `words` before what is written, and go on writing there."""
        self.text.insert("1.0", words)
        self.text.mark_set("insert", f"1.{len(words.encode('utf-16-le')) // 2}")
        self.text.focus_set()

    def hint(self, text: str) -> None:
        """Say what this is for, while nothing is written."""
        self._placeholder.configure(text=text)

    # ---- how it is made ---------------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        self.columnconfigure(0, weight=1)
        self._field.grid(row=0, column=0, sticky="nsew")
        self._field.columnconfigure(0, weight=1)
        self._field.rowconfigure(0, weight=1)
        pixels = self._look.pixels
        self.text.grid(row=0, column=0, sticky="nsew", padx=pixels(9), pady=pixels(7))
        self.button.grid(row=0, column=1, sticky="s", padx=(pixels(8), 0), ipady=pixels(3))

    def _bind(self) -> None:
        for key in ("<Return>", "<KP_Enter>"):
            self.text.bind(key, lambda _event: self._hand_over())
        for key in ("<Shift-Return>", "<Shift-KP_Enter>"):
            self.text.bind(key, lambda _event: self._break_line())
        self.text.bind("<Control-a>", lambda _event: self._mark_all())
        self.text.bind("<Tab>", lambda _event: self._complete())
        self.text.bind("<<PrevWindow>>", lambda _event: self._go_to(self.text.tk_focusPrev()))
        self.text.bind("<Up>", lambda _event: self._recall(-1))
        self.text.bind("<Down>", lambda _event: self._recall(1))
        self.text.bind("<Key>", self._forget_cycle, add="+")
        self.text.bind("<<Paste>>", lambda _event: self._make_room_for_paste())
        self.text.bind("<<Modified>>", lambda _event: self._changed())
        self.text.bind("<Configure>", lambda _event: self._fit())
        self.text.bind("<FocusIn>", lambda _event: self._focus(True), add="+")
        self.text.bind("<FocusOut>", lambda _event: self._focus(False))
        self._placeholder.bind("<Button-1>", lambda _event: self.text.focus_set())

    def _focus(self, focused: bool) -> None:
        self._focused = focused
        self._paint()

    def _paint(self) -> None:
        self._field.state(["focus" if self._focused else "!focus"])
        ground = self._look.sprite("textbox-focus" if self._focused else "textbox-rest")
        colours = self._look.colours
        self.text.configure(background=ground, foreground=colours.text, insertbackground=colours.text, font=BODY)
        self.text.tag_configure("secret", elide=True)
        self.text.configure(highlightthickness=0, selectbackground=colours.marked, selectforeground=colours.text)
        self._placeholder.configure(background=ground, foreground=colours.dim, font=BODY)
        self._fit()

    def _changed(self) -> None:
        self.text.edit_modified(False)
        if self.text.compare("end-1c", "==", "1.0"):
            self._placeholder.place(x=2, y=0)
        else:
            self._placeholder.place_forget()
        self._hide_secret()
        self._fit()

    def _hide_secret(self) -> None:
        """Show nothing of a password that is typed behind its command."""
        self.text.tag_remove("secret", "1.0", "end")
        if secret := secret_in(self.content):
            self.text.tag_add("secret", f"1.0+{secret.start}c", "end")

    def _fit(self) -> None:
        found = self.text.count("1.0", "end", "displaylines")
        lines = found[0] if isinstance(found, tuple) else found or 1
        height = min(max(lines, 1), TALLEST)
        if height != self.text.cget("height"):
            self.text.configure(height=height)
            self.text.see("insert")

    # ---- sending and what was sent ----------------------------------------------------------------------------

    def _hand_over(self) -> str:
        self.text.focus_set()  # first: sending may give the keyboard to who asks for a password
        text = self.content.strip("\n")
        self.text.focus_set()  # before it is sent: what is sent may ask for a password, and have the keyboard then
        if text.strip() and self._send(text):
            secret = secret_in(text)
            self._sent = [*self._sent[-REMEMBERED + 1 :], secret.kept if secret else text]
            self._place = len(self._sent)
            self.write("")
            self.text.edit_reset()
        return "break"

    def _break_line(self) -> str:
        self.text.insert("insert", "\n")
        self.text.see("insert")
        return "break"

    def _mark_all(self) -> str:
        self.text.tag_add("sel", "1.0", "end-1c")
        return "break"

    def _recall(self, step: int) -> str | None:
        """At the edge of the text, go to an earlier or later one; inside it, let the cursor move."""
        edge, there = ("1.0", "insert linestart") if step < 0 else ("end-1c", "insert lineend")
        place = self._place + step
        if self.text.compare(edge, "!=", there) or not 0 <= place <= len(self._sent):
            return None
        if self._place == len(self._sent):
            self._draft = self.content
        self._place = place
        self.write(self._draft if place == len(self._sent) else self._sent[place])
        return "break"

    def _make_room_for_paste(self) -> None:
        """What is marked gives way to what is pasted, which Tk on X11 leaves out."""
        if self.text.tag_ranges("sel"):
            self.text.delete("sel.first", "sel.last")

    # ---- completion -------------------------------------------------------------------------------------------

    def _complete(self) -> str:
        """Complete the word before the cursor; again for the next possibility. With nothing written, go on."""
        if not self.content:
            return self._go_to(self.text.tk_focusNext())
        if not self._cycle:
            self._cycle = self._possibilities()
        if self._cycle:
            self.text.replace("word", "insert", self._cycle[0])
            self._cycle = [*self._cycle[1:], self._cycle[0]]
        return "break"

    def _possibilities(self) -> list[str]:
        """Mark where the word begins, and return what it may become."""
        blank = self.text.search(r"[\s,]", "insert", stopindex="1.0", backwards=True, regexp=True)
        self.text.mark_set("word", f"{blank}+1c" if blank else "1.0")
        self.text.mark_gravity("word", "left")
        return self._completions(self.text.get("word", "insert"), self.text.get("1.0", "word"))

    def _forget_cycle(self, event: tkinter.Event[tkinter.Misc]) -> None:
        if event.keysym != "Tab":
            self._cycle = []

    def _go_to(self, widget: tkinter.Misc | None) -> str:
        if widget:
            widget.focus_set()
        return "break"
