"""The host's console as he wants it: what scrolls by, and a copy of what answers a script. Knows no screen."""

from __future__ import annotations

from collections.abc import Sequence

from chat.changes import Described, Moded
from chat.events import Acted, Declined, Entered, Event, Left, Noted, Ref, Renamed, Said
from wires.console import HostConsole

PASSING = (Said, Acted, Entered, Left, Renamed, Described, Moded)
DAILY = (
    " is on line from ",
    " is off line: ",
    " left without a name: ",
    " has lost the connection (",
    " is back, from ",
)
"""What notes of the daily coming and going say; all others are warnings."""


class Shown(HostConsole):
    """Everything, the talk of one room (`only` is its name), or none of it (`only` is empty)."""

    def __init__(self) -> None:
        self.only: str | None = None
        self.copy: Copy | None = None

    def encode(self, event: Event) -> bytes:
        """Return the lines for the screen; nothing where the host does not want to see this now."""
        data = super().encode(event)
        if self.copy is not None:
            self.copy.take(event, data)
        return data if self.only is None or self._wanted(event) else b""

    def encode_all(self, events: Sequence[Event]) -> bytes:
        """Return the lines of several events of one kind."""
        if self.copy is None and self.only is None:
            return super().encode_all(events)
        return b"".join([self.encode(event) for event in events])

    def own(self, event: Event, ref: Ref) -> bytes:
        """Return what the host sees of his own doing."""
        data = super().own(event, ref)
        if self.copy is not None and ref == self.copy.ref:
            self.copy.lines[event.id] = data
        return data

    def _wanted(self, event: Event) -> bool:
        if isinstance(event, Noted):
            return not any(what in event.text for what in DAILY)
        return not isinstance(event, PASSING) or (bool(self.only) and getattr(event, "room", "") == self.only)


class Copy:
    """What the console shows because of one line with this `ref`: all of its turn, later on the answers alone."""

    def __init__(self, ref: Ref) -> None:
        self.ref = ref
        self.lines: dict[int, bytes] = {}  # by the event's id: it may be written twice, once for its author
        self.refused = False
        self.at_once = True

    def take(self, event: Event, data: bytes) -> None:
        """Keep what belongs to it."""
        mine = getattr(event, "ref", None) == self.ref
        self.refused |= mine and isinstance(event, Declined)
        if mine or (self.at_once and not isinstance(event, (Said, Acted))):  # what the script says it knows
            self.lines[event.id] = data

    @property
    def text(self) -> str:
        """Return the lines."""
        return b"".join(self.lines.values()).decode()
