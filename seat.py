"""The host's seat: the console's end of what a `Visit` is for a connection. It decides nothing about the room."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from chat.countdown import closing
from chat.events import Event, Ref, Request
from chat.rule import write_down
from chat.session import Session
from wires.shown import Shown

if TYPE_CHECKING:
    from contracts import House
    from net.console import Console

OTHERS = {"room": ("all", "none"), "what": ("door",), "minutes": ("cancel",)}
"""What may stand where a room, or a time, is expected."""


class HostSeat:
    """The host's place: the console's end of what a `Visit` is for a connection. Nobody can hang up on it."""

    address = host = "here"
    wire_name = "console"

    def __init__(self, server: House, console: Console) -> None:
        self.wire = Shown()
        self._console = console
        self._hub, self._rules = server.hub, server.table
        self._session = Session(server.hub, server.table, self)
        host = server.hub.host or server.hub.seat_host(self, self.address)
        host.listener = self  # also where he sat here before the code was renewed
        self._session.seat(host)

    def typed(self, line: str, ref: Ref = None) -> None:
        """Handle a line that the host has typed, or had typed by a script; what answers it carries `ref`."""
        self._session.handle(Request("line", line, ref=ref))

    def close(self) -> None:
        """EXIT, by Ctrl-C or a signal."""
        hub, host = self._hub, self._hub.host
        assert host is not None
        write_down(hub, host, "EXIT", "by Ctrl-C or a signal")
        hub.close(closing(""))

    def choose(self, room: str | None) -> None:
        """Let only what concerns a room scroll by, everything (None), or nothing (an empty name)."""
        self.wire.only = room

    def complete(self, word: str, line: str) -> list[str]:
        """Return what `word`, the last one of `line`, could become: a verb at the beginning, then what that takes."""
        choices = self._rules.verbs() if word == line else []
        expected = self._rules.expected(self._hub.host, line)
        if expected == "command":
            choices += self._rules.verbs()
        elif expected in ("room", "what"):
            choices += [*(room.name for room in self._hub.rooms), *OTHERS.get(expected, ())]
        else:
            choices += [*(user.name for user in self._hub), *OTHERS.get(expected, ())]
        if expected == "who":
            choices += [sanction.shown for sanction in self._hub.desk.sanctions]
        return [choice for choice in dict.fromkeys(choices) if choice.lower().startswith(word.lower())]

    @property
    def way(self) -> HostSeat:
        """Return what shows him what is new."""
        return self

    def write(self, data: bytes) -> None:
        """Show what is new."""
        self._console.show(data.decode().removesuffix("\n"))

    def answer(self, event: Event) -> None:
        """Show an answer."""
        self.write(self.wire.encode(event))

    def dismiss(self, code: str, text: str) -> None:
        """The host stays as long as the room is open."""

    def failed(self, why: str) -> None:
        """The host stays, whatever could not be shown."""

    def resume(self) -> None:
        """The host is never checked."""

    def wait(self) -> Callable[[], None]:
        """The host may type on: what he asked for is answered when it is there."""
        return lambda: None

    def hang_up(self) -> None:
        """The host stays as long as the room is open."""
