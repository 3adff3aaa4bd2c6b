"""IRC, as modern.ircdocs.horse and IRCv3 have it: one connection. Lines in, scripts of requests and replies out.

What a verb does stands in the files beside this one, each a generator over the hub; this one reads and writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial

from chat.events import Event, Ref, Refused, Request, Script
from chat.turn import User
from wires.irc import labels, told
from wires.irc.client import Client, House, Steps, Verbs
from wires.irc.lines import LINE, Line, Unreadable, parse
from wires.irc.numerics import Numeric
from wires.wire import Lines, Wire


class Irc(Wire):
    """One connection of an IRC client. `verbs` are those it may send."""

    name = "irc"
    pings = True
    joins = False
    personal = True

    def __init__(self, house: House, verbs: Verbs) -> None:
        self.client = Client(house, verbs)
        self._lines = Lines(LINE)
        self._labels = labels.Collector()

    @property
    def dialect(self) -> object:  # type: ignore[override]  # it is the client that has it, and sets it
        """Return what decides the bytes of a line that many get: the capabilities on which they depend."""
        return self.client.dialect

    def receive(self, data: bytes) -> Iterator[Request | Refused | Script]:
        """Yield a script for each line."""
        for raw in self._lines.cut(data):
            if self.over:
                return
            yield Script(partial(self._obey, raw))

    @property
    def unfinished(self) -> bool:
        """Return whether half a line waits for the rest."""
        return self._lines.unfinished

    def encode(self, event: Event) -> bytes:
        """Return the lines for the event."""
        return self.encode_all([event])

    def encode_all(self, events: Sequence[Event]) -> bytes:
        """Return the lines for several events of one kind."""
        lines = told.encode_all(self.client, events)
        self._look_for_the_end()
        return lines

    def own(self, event: Event, ref: Ref) -> bytes:
        """Return what its author gets: an echo of his words where he asked for it, his own coming and renaming."""
        return told.own(self.client, event)

    def join(self, pieces: list[bytes]) -> bytes:
        """Return this person's lines, the answers to labeled commands bundled."""
        return self._labels.join(pieces, "batch" in self.client.caps)

    # -- within

    def _look_for_the_end(self) -> None:
        self.over, self.why = self.client.over, self.client.why

    def _obey(self, raw: bytes | None, user: User | None) -> Steps:
        """Do what a line asks; what answers it stands between the marks of its label."""
        client = self.client
        if user is not None:
            client.nick = user.name
        try:
            line = _read(raw)
        except Unreadable as error:
            yield self._unreadable(error)
            return
        if line is None:
            return
        whole = line.command != "BATCH"  # which is answered at its end
        label = line.tags.get("label", "")[:64] if whole and "labeled-response" in client.caps else ""
        if label:
            yield labels.opening(label)
        try:
            yield from self._run(line, user)
        except Refused as refusal:
            yield client.refused(line.command, refusal)
        if label:
            yield labels.CLOSING
        self._look_for_the_end()

    def _unreadable(self, error: Unreadable) -> str:
        if error.why == "encoding":
            return self.client.fail(error.command, "INVALID_UTF8", "This server speaks UTF-8, and that line is none.")
        return self.client.numeric(Numeric.ERR_INPUTTOOLONG, "Input line was too long")

    def _run(self, line: Line, user: User | None) -> Steps:
        client = self.client
        rule = client.verbs.get(line.command)
        if rule is None:
            yield client.numeric(Numeric.ERR_UNKNOWNCOMMAND, line.command[:32], "Unknown command")
        elif user is None and not rule.early:
            yield client.numeric(Numeric.ERR_NOTREGISTERED, "You have not registered")
        elif len([value for value in line.params[: rule.needs] if value]) < rule.needs:
            yield client.numeric(Numeric.ERR_NEEDMOREPARAMS, line.command, "Not enough parameters")
        else:
            yield from rule.run(client, user, line)


_COLOURS = re.compile(rb"\x03(?:[0-9]{1,2}(?:,[0-9]{1,2})?)?|\x04(?:[0-9A-Fa-f]{6}(?:,[0-9A-Fa-f]{6})?)?")
"""Codes that have digits behind them, which would stay in the text; the others are single control characters."""


def _read(raw: bytes | None) -> Line | None:
    """Return the line, None for an empty one. Raises Unreadable, also where it was too long as a whole."""
    if raw is None:
        raise Unreadable("long")
    return parse(_COLOURS.sub(b"", raw) if b"\3" in raw or b"\4" in raw else raw)
