"""What terminals send besides text: telnet commands (RFC 854, 857), line ends of their own, and rubbed-out letters.

All of it is taken out, wherever the stream is cut; every option is declined but echo, which hides a password.
"""

from __future__ import annotations

import re

IAC = b"\xff"
_SB, _SE = 250, 240
_WILL, _WONT, _DO, _DONT = 251, 252, 253, 254
_ANSWER = {_WILL: _DONT, _DO: _WONT}
_MOST_ANSWERS = 64  # per connection: two sides that answer each other would never end
_ECHO = 1
_RUBBED, _KILLED = 8, 21  # Ctrl-H and Ctrl-U, as a raw terminal sends them
_TYPED = {244: _KILLED, 243: _KILLED, 247: _RUBBED, 248: _KILLED}  # interrupt, break; erase a character, a line
_ARE_YOU_THERE = 246
YES = b"[Yes]\n"

HIDE = bytes([IAC[0], _WILL, _ECHO])
"""Show nothing of what is typed: the server says that it would do so itself, and does not."""
SHOW = bytes([IAC[0], _WONT, _ECHO])


class Telnet:
    """Takes commands out of a stream, wherever it is cut. 0xFF never occurs in UTF-8, so text is never touched."""

    def __init__(self) -> None:
        self.hiding = False  # HIDE was sent, SHOW was not yet
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
            return self._agree(verb, byte)
        if byte in (_WILL, _WONT, _DO, _DONT):
            self._command += bytes([byte])
            return b""
        self._command = b""
        if byte in (_SB, _SE):
            self._inside = byte == _SB
            return b""
        return b"" if self._inside else self._obey(byte, text)

    def _obey(self, byte: int, text: bytearray) -> bytes:
        if byte == IAC[0]:
            text.append(byte)  # a doubled 0xFF is the byte itself, which is then no UTF-8
        elif byte in _TYPED:
            text.append(_TYPED[byte])
        return self._answer(YES) if byte == _ARE_YOU_THERE else b""

    def _agree(self, verb: int, option: int) -> bytes:
        if verb not in _ANSWER or (self.hiding and (verb, option) == (_DO, _ECHO)):
            return b""
        return self._answer(bytes([IAC[0], _ANSWER[verb], option]))

    def _answer(self, answer: bytes) -> bytes:
        self._answers += 1
        return answer if self._answers <= _MOST_ANSWERS else b""


class Keyboard:
    """What a person types: whatever the Enter key sends ends a line."""

    def __init__(self) -> None:
        self.returns = False  # Enter sends CR, as in telnet and in raw terminals
        self._after_return = False

    def line_ends(self, text: bytes) -> bytes:
        """Return `text` with LF for CR, CR LF and CR NUL, wherever it is cut."""
        if not text:
            return text
        if self._after_return and text[0] in b"\n\0":
            text = text[1:]
        self._after_return = text.endswith(b"\r")
        if b"\r" not in text:
            return text
        self.returns = True
        return text.replace(b"\r\n", b"\n").replace(b"\r\0", b"\n").replace(b"\r", b"\n")


def rub_out(line: bytes) -> bytes:
    """Return a typed line without what its backspaces and its Ctrl-U have taken back; bad UTF-8 stays as bad."""
    if not _EDITED.search(line):
        return line
    kept: list[str] = []
    for letter in line.decode("utf-8", "surrogateescape"):
        if letter == chr(_KILLED):
            kept.clear()
        elif letter in "\b\x7f":
            del kept[-1:]
        else:
            kept.append(letter)
    return "".join(kept).encode("utf-8", "surrogateescape")


_EDITED = re.compile(b"[\x08\x15\x7f]")
