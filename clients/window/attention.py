"""Calls somebody back who looks elsewhere: the count in the title, and the bell. It does not know what is said."""

from __future__ import annotations

import time
import tkinter

from clients.mention import is_for
from clients.window.pane import SPOKEN
from clients.words import Entry

QUIET = 2.0  # seconds between two rings at least


class Attention:
    """Counts what comes while another window has the keyboard; with `rings`, what is meant for oneself rings."""

    def __init__(self, root: tkinter.Tk, *, rings: bool) -> None:
        self._root = root
        self._rings, self._rang = rings, -QUIET
        self._unread = 0
        self._title = "Chat"
        root.bind("<FocusIn>", lambda _event: self._look(), add="+")

    def title(self, title: str) -> None:
        """Let the window be called so, behind the count of what is unread."""
        self._title = title
        self._root.title(f"({self._unread}) {title}" if self._unread else title)

    def count(self, told: list[Entry], me: str) -> None:
        """Take note of what is shown now, to a person called `me`."""
        if self._root.tk.call("focus"):
            return
        self._unread += sum(each.kind in SPOKEN and not (each.own or each.past) for each in told)
        self.title(self._title)
        now = time.monotonic()
        if self._rings and now >= self._rang + QUIET and any(is_for(each, me) for each in told):
            self._rang = now
            self._root.bell()

    def _look(self) -> None:
        self._unread = 0
        self.title(self._title)
