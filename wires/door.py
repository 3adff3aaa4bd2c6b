"""The door of the UDP room: what is answered to senders who are not logged in, and who is let in.

A sender's address can be forged, so that answers go to somebody who never asked. Addresses that are trusted are
believed. Any other gets, all together, not a byte more than came from it, until a number that only who reads there
can know has come back. Owns no socket.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from record import entity
from wires.datagram import KNOWN, LOG_IN, OURS, UNKNOWN, Code, datagram, read

MOST = 1_000  # senders that are remembered
DIGITS = 6
FULL = "the room is full"


@entity
class _Stranger:
    """An address that is not proven. `credit` is what came from it, less what went there, in bytes."""

    credit: int = 0
    nick: str = ""
    number: str = ""


class Door:
    """Answers strangers. `trusted` are networks such as 127.0.0.1/32, `draw` returns a number below its argument."""

    def __init__(self, trusted: Iterable[str], draw: Callable[[int], int]) -> None:
        self._trusted = tuple(trusted)
        self._draw = draw
        self._strangers: OrderedDict[str, _Stranger] = OrderedDict()
        self.trusts = lru_cache(maxsize=4096)(self._is_trusted)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "trusts"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, trusts=lru_cache(maxsize=4096)(self._is_trusted))

    def knock(self, host: str, address: str, data: bytes) -> tuple[bytes, bytes]:
        """Return the datagram to answer with, and the one to let the sender in with; either may be empty."""
        code, text = read(data)
        if self.trusts(host):
            return (b"", data) if code == Code.LOGIN_REQ else (_refusal(code), b"")
        stranger = self._stranger(address)
        stranger.credit += len(data)
        if stranger.number and code == Code.SEND_PUBLIC and self._proves(stranger, address, text.strip()):
            return b"", datagram(Code.LOGIN_REQ, stranger.nick)
        answer = self._answer(stranger, code, text)
        if len(answer) > stranger.credit:
            return b"", b""
        stranger.credit -= len(answer)
        return answer, b""

    def full(self, host: str) -> bytes:
        """Return what someone is told for whom there is no room."""
        return datagram(Code.ERROR, FULL) if self.trusts(host) else b""

    def _is_trusted(self, host: str) -> bool:
        from ipaddress import ip_address, ip_network  # at the first datagram: the start does not wait for it

        address = ip_address(host)
        return any(address in ip_network(network) for network in self._trusted)

    def _stranger(self, address: str) -> _Stranger:
        """Return what is known of an address; who has not been heard for longest is forgotten."""
        stranger = self._strangers.setdefault(address, _Stranger())
        self._strangers.move_to_end(address)
        if len(self._strangers) > MOST:
            self._strangers.popitem(last=False)
        return stranger

    def _proves(self, stranger: _Stranger, address: str, text: str) -> bool:
        """Return whether the number has come back. A wrong one makes it void: nobody may try them all."""
        if text == stranger.number:
            del self._strangers[address]
            return True
        if text.isdecimal() and len(text) == DIGITS:
            stranger.number = ""
        return False

    def _answer(self, stranger: _Stranger, code: int, text: str) -> bytes:
        if code == Code.LOGIN_REQ and text.strip():
            stranger.nick = text.strip()
            stranger.number = stranger.number or f"{self._draw(10**DIGITS):0{DIGITS}}"
            return datagram(Code.LOGIN_ACK, stranger.nick.partition(" ")[0])
        if stranger.number and code not in OURS:
            return datagram(Code.ERROR, f"say {stranger.number}")
        return _refusal(code)


def _refusal(code: int) -> bytes:
    if code in OURS:
        return b""
    return datagram(Code.ERROR, LOG_IN if code in KNOWN else UNKNOWN)
