"""Where a server is, as a person writes it: `host`, or `tls://host:port` where the way there is to be TLS."""

from __future__ import annotations

from dataclasses import dataclass

SCHEME = "tls://"


@dataclass(frozen=True, slots=True)
class Place:
    """A server. `port` is 0 and `host` empty where that was not said."""

    host: str = ""
    port: int = 0
    tls: bool = False

    def __str__(self) -> str:
        return (SCHEME if self.tls else "") + self.server

    @property
    def server(self) -> str:
        """Host and port, the way there left out."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def read_port(word: str) -> int:
    """Return a port. Raises ValueError, with a sentence, where `word` is none."""
    if not (word.isascii() and word.isdigit() and len(word) <= 5 and 0 < int(word) < 65536):
        raise ValueError(f"{word!r} is no port; give a whole number from 1 to 65535")
    return int(word)


def read_place(text: str) -> Place:
    """Return the server that is written here. Raises ValueError, with a sentence, where host or port are none."""
    text = text.strip()
    if not text.lower().startswith(SCHEME):
        return Place(text)
    host, port = text[len(SCHEME) :].rstrip("/"), ""
    if host.startswith("["):
        host, _, port = host[1:].partition("]")
        port = port.removeprefix(":")
    elif host.count(":") == 1:
        host, _, port = host.partition(":")
    if not host:
        raise ValueError(f"{text!r} names no host")
    return Place(host, read_port(port) if port else 0, tls=True)
