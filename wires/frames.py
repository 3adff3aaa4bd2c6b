"""Cuts a stream into the frames of a WebSocket (RFC 6455 section 5.2): the library never gets half of one.

So what has come of the next message is here, as bytes. What a frame says is not looked at.
"""

from __future__ import annotations

CONTROL = 8  # opcodes from here on are of frames that may stand between the fragments of a message
_FIN, _MASKED = 0x80, 0x80
_EXTENDED = {126: 2, 127: 8}
_EMPTY = 6  # bytes in a frame that brings nothing: its head and its mask


class Frames:
    """The frames of one client. `most` are the bytes in one, and in a message all together."""

    __slots__ = ("begun", "lost", "most", "rest")

    def __init__(self, most: int) -> None:
        self.most = most
        self.rest = b""  # of a frame
        self.begun: bytes | bytearray = b""  # whole frames of a message that is not at its end
        self.lost = False  # they are too many to be kept, for what they have brought

    def cut(self, data: bytes) -> bytes:
        """Return the whole frames that `data` ends; all there is where something is wrong with the next one."""
        data = self.rest + data
        start = 0
        while start < len(data):
            end = self._end(data, start)
            if end < 0:
                start = len(data)
            elif end > len(data):
                break
            else:
                self._keep(data[start], data[start:end])
                start = end
        self.rest = data[start:]
        return data[:start] if self.rest else data

    def _end(self, data: bytes, start: int) -> int:
        """Return where the frame ends that begins there, at the least; -1 for one that nobody may send."""
        if len(data) - start < 2:
            return start + 2
        length = data[start + 1] & 0x7F
        if not data[start + 1] & _MASKED:
            return -1
        head = start + 2
        if more := _EXTENDED.get(length, 0):
            head += more
            if len(data) < head:
                return head
            length = int.from_bytes(data[head - more : head], "big")
        return head + 4 + length if length <= self.most else -1

    def _keep(self, first: int, frame: bytes) -> None:
        """Keep the frames of a message until its last one has come, but those that bring nothing."""
        if first & 0x0F >= CONTROL:
            return
        if first & _FIN:
            self.begun, self.lost = b"", False
        elif not self.begun:
            self.begun = bytearray(frame)  # not before: few send fragments, and bytes would be copied for each of them
        elif len(frame) > _EMPTY and not self.lost:
            self.lost = len(self.begun) > 8 * self.most
            self.begun += b"" if self.lost else frame
