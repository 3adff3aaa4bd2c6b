"""Telnet negotiation (RFC 854) inside a text stream: taken out, and every option declined. Knows no lines."""

from __future__ import annotations

IAC = b"\xff"
_SB, _SE = 250, 240
_WILL, _WONT, _DO, _DONT = 251, 252, 253, 254
_ANSWER = {_WILL: _DONT, _DO: _WONT}
_MOST_ANSWERS = 64  # per connection: two sides that answer each other would never end


class Telnet:
    """Takes commands out of a stream, wherever it is cut. 0xFF never occurs in UTF-8, so text is never touched."""

    def __init__(self) -> None:
        self._command = b""  # the beginning of a command whose end has not come
        self._inside = False  # in a subnegotiation, which is skipped
        self._answers = 0

    def __bool__(self) -> bool:
        return bool(self._command) or self._inside

    def strip(self, data: bytes) -> tuple[bytes, bytes]:
        """Return the text in `data`, and the answers to send."""
        text = bytearray()
        answers = bytearray()
        for byte in data:
            if self._command:
                answers += self._continue(byte, text)
            elif byte == IAC[0]:
                self._command = IAC
            elif not self._inside:
                text.append(byte)
        return bytes(text), bytes(answers)

    def _continue(self, byte: int, text: bytearray) -> bytes:
        if len(self._command) == 2:
            verb, self._command = self._command[1], b""
            return self._answer(verb, byte)
        if byte in (_WILL, _WONT, _DO, _DONT):
            self._command += bytes([byte])
            return b""
        self._command = b""
        if byte == _SB:
            self._inside = True
        elif byte == _SE:
            self._inside = False
        elif byte == IAC[0] and not self._inside:
            text.append(byte)  # a doubled 0xFF is the byte itself, which is then no UTF-8
        return b""

    def _answer(self, verb: int, option: int) -> bytes:
        if verb not in _ANSWER or self._answers >= _MOST_ANSWERS:
            return b""
        self._answers += 1
        return bytes([IAC[0], _ANSWER[verb], option])
