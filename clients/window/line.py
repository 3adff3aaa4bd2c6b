"""The window's line to a server: one link at a time, and what it delivers brought into Tk's thread.

It knows which texts were sent and are not answered yet. What a link that was hung up still delivers is told apart by
its number and left out. It knows no widget.
"""

from __future__ import annotations

import contextlib
import tkinter
from collections.abc import Callable
from typing import Any

from clients.link import Link
from clients.place import Place
from clients.secret import Secret
from clients.trust import Trust
from clients.window.header import Address
from clients.window.mailbox import Mailbox

LOOK, LOOKS = 20, 100  # milliseconds between two looks whether the link before has ended, and how many at most

Object = dict[str, Any]


class Line:
    """Calls `hear` in Tk's thread with the objects of the server and the news of the link, in batches."""

    def __init__(self, root: tkinter.Tk, hear: Callable[[list[Object]], None], fingerprint: str = "") -> None:
        self._root = root
        self._fingerprint = fingerprint
        self._hear = hear
        self._mailbox: Mailbox[tuple[int, Object]] = Mailbox(root, self._take)
        self._link: Link | None = None
        self._links = 0
        self._refs = 0
        self._sent: dict[int, str] = {}
        self.place = Place()

    def connect(self, address: Address, password: str = "") -> None:
        """Connect anew; or log in otherwise, where the link to this very place still waits for a name or a password."""
        if self._link and self.place == address.place:
            self._link.login(address.name, password)
            return
        before = self.hang_up()
        number = self._links
        self.place = address.place
        trust = Trust(self._fingerprint)
        self._link = Link(self.place, address.name, lambda found: self._mailbox.put((number, found)), trust=trust)
        self._start(self._link, before, LOOKS)

    def confirm(self, fingerprint: str) -> None:
        """The person trusts the stranger that has this fingerprint."""
        if self._link:
            self._link.confirm(fingerprint)

    def say(self, text: str) -> bool:
        """Send what was typed; False where it was not taken. It is remembered until it is answered."""
        return self._send({"do": "line", "line": text}, text)

    def keep(self, secret: Secret, password: str) -> bool:
        """Send a command with a password; what is remembered of it is only that there was one."""
        return self._send(secret.request(password), secret.shown)

    @property
    def on_the_way(self) -> int:
        """How many texts are not answered yet."""
        return len(self._sent)

    def ask(self, verb: str, ref: str, **fields: str) -> None:
        """Send a command of the window's own."""
        self.put({"do": verb, "ref": ref, **fields})

    def put(self, request: Object) -> bool:
        """Send a request of the window's own; False where it was not taken."""
        return self._link is not None and self._link.send(request)

    def answered(self, found: Object) -> str:
        """Return, once, the text which `found` answers; empty where it answers none."""
        ref = found.get("ref")
        return self._sent.pop(ref, "") if isinstance(ref, int) else ""

    def hang_up(self) -> Link | None:
        """Say quit and hear no more; return the link, which ends by itself."""
        link, self._link = self._link, None
        self._links += 1
        self._sent.clear()
        if link:
            link.close()
            self._mailbox.clear()
        return link

    def close(self) -> None:
        """Leave for good, and destroy the window: when this returns, the room has heard it and no thread is left."""
        link = self.hang_up()
        with contextlib.suppress(tkinter.TclError):  # the screen may be gone, and the window with it
            self._mailbox.close()
            self._root.destroy()
        if link:
            link.join()

    def _send(self, request: Object, text: str) -> bool:
        self._refs += 1
        if self._link is None or not self._link.send({**request, "ref": self._refs}):
            return False
        self._sent[self._refs] = text
        return True

    def _start(self, link: Link, before: Link | None, looks: int) -> None:
        """Start when the link before has said its quit, so that the name is free again; or after 2 s."""
        if link is not self._link:
            return
        if before is None or looks == 0 or before.join(0):
            link.start()
        else:
            self._root.after(LOOK, lambda: self._start(link, before, looks - 1))

    def _take(self, batch: list[tuple[int, Object]]) -> None:
        if current := [found for number, found in batch if number == self._links]:
            self._hear(current)
