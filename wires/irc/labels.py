"""Bundles what answers a labeled command (IRCv3 labeled-response): tagged where it is one line, a batch where several.

The marks travel among the pieces that a person gets in a turn, so that what others do is never drawn in.
"""

from __future__ import annotations

from wires.irc.lines import escape

_OPENING = b"\0("
CLOSING = b"\0)"


def opening(label: str) -> bytes:
    """Return the mark behind which the answers to `label` begin."""
    return _OPENING + escape(label).encode()


class Collector:
    """Puts the pieces of one connection together. An answer may go on in a later turn."""

    def __init__(self) -> None:
        self._label: bytes | None = None
        self._lines: list[bytes] = []
        self._batches = 0

    def join(self, pieces: list[bytes], batches: bool) -> bytes:
        """Return the pieces as one, without marks. Without `batches` only one line can carry its label."""
        if self._label is None and not any(piece.startswith(_OPENING) for piece in pieces):
            return b"".join(pieces)
        found: list[bytes] = []
        for piece in pieces:
            if piece.startswith(_OPENING):
                self._label, self._lines = piece.removeprefix(_OPENING), []
            elif piece.startswith(CLOSING):
                found += [*self._bundle(batches), piece.removeprefix(CLOSING)]
                self._label = None
            elif self._label is not None:
                self._lines += [line + b"\n" for line in piece.split(b"\n")[:-1]]
            else:
                found.append(piece)
        return b"".join(found)

    def _bundle(self, batches: bool) -> list[bytes]:
        label, lines = self._label or b"", [line for line in self._lines if line]
        if not lines:
            return [b"@label=" + label + b" ACK\r\n"]
        if len(lines) == 1 or _is_one_batch(lines):
            return [_tag(lines[0], b"label=" + label), *lines[1:]]
        if not batches:
            return lines
        self._batches += 1
        batch = b"b%d" % self._batches
        inner = [_tag(line, b"batch=" + batch) if not _batched(line) else line for line in lines]
        start = b"@label=" + label + b" BATCH +" + batch + b" labeled-response\r\n"
        return [start, *inner, b"BATCH -" + batch + b"\r\n"]


def _is_one_batch(lines: list[bytes]) -> bool:
    """Return whether the lines are a batch already: one message of several lines."""
    words = lines[0].partition(b" BATCH +")[2].split()
    return bool(words) and lines[-1].rstrip().endswith(b"BATCH -" + words[0])


def _batched(line: bytes) -> bool:
    """Return whether a line is in a batch of its own already."""
    return line.startswith(b"@") and b"batch=" in line.split(b" ", 1)[0]


def _tag(line: bytes, tag: bytes) -> bytes:
    """Return a line with one more tag."""
    return b"@" + tag + b";" + line[1:] if line.startswith(b"@") else b"@" + tag + b" " + line
