"""Someone on IRC, byte by byte from modern.ircdocs.horse and ircv3.net; it knows nothing of our code."""

from __future__ import annotations

import base64
from typing import Any

from tests.support import PATIENCE, LineClient
from tests.support.clients import Address


class IrcClient(LineClient):
    """A connection that speaks IRC; with a nick, registered, with these capabilities, and in #lobby if `lobby`."""

    def __init__(
        self, server: Address, nick: str = "", caps: str = "", *, lobby: bool = False, **connection: Any
    ) -> None:
        super().__init__(server, **connection)
        self.nick = nick
        self.welcome: list[str] = []
        if nick:
            self.register(nick, caps)
        if lobby:
            self.join("#lobby")

    def tell(self, *lines: str) -> None:
        """Send these lines."""
        self.send("".join(f"{line}\r\n" for line in lines))

    def register(self, nick: str, caps: str = "") -> None:
        """Come in, as clients do."""
        if caps:
            self.tell("CAP LS 302", f"CAP REQ :{caps}")
        self.tell(f"NICK {nick}", "USER me 0 * :Some One")
        if caps:
            self.wait_for(" ACK ")
            self.tell("CAP END")
        line = ""
        while " 376 " not in line and " 422 " not in line:
            line = self.read_line()
            self.welcome.append(line)

    def join(self, room: str, key: str = "") -> list[str]:
        """Come into a room; return what the server says of it."""
        self.tell(f"JOIN {room} {key}".rstrip())
        return self.until(" 366 ")

    def until(self, wanted: str) -> list[str]:
        """Return lines up to one in which `wanted` stands."""
        found: list[str] = []
        while not found or wanted not in found[-1]:
            found.append(self.read_line(PATIENCE))
        return found

    def answer(self, *lines: str) -> list[str]:
        """Send lines, and return all that comes up to the answer to a PING behind them."""
        self.tell(*lines, "PING :the end")
        return self.until("PONG ")[:-1]

    def sasl(self, name: str, password: str) -> None:
        """Log in to an account, by PLAIN (RFC 4616)."""
        self.tell("AUTHENTICATE PLAIN")
        self.wait_for("AUTHENTICATE +")
        self.tell("AUTHENTICATE " + base64.b64encode(f"\0{name}\0{password}".encode()).decode())


def code(line: str) -> str:
    """Return the command or the number of a line."""
    words = [word for word in line.split(" ") if not word.startswith("@")]
    return words[1] if words[0].startswith(":") else words[0]
