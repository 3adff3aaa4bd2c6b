"""What brings bytes to somebody, and takes them: a connection, the peer of a UDP socket, a layer of TLS; or nothing."""

from __future__ import annotations

from typing import Protocol


class Way(Protocol):
    """One way. `queue` keeps what it gets until the loop is about to sleep; `hold` reads nothing for a while."""

    def write(self, data: bytes) -> None: ...
    def queue(self, data: bytes) -> None: ...
    def hold(self, on: bool) -> None: ...
    def hang_up(self) -> None: ...


class Nowhere:
    """The way to somebody who is gone: what is still said to him is lost."""

    def write(self, data: bytes) -> None:
        """Lose it."""

    def queue(self, data: bytes) -> None:
        """Lose it."""

    def hold(self, on: bool) -> None:
        """Nothing comes any more."""

    def hang_up(self) -> None:
        """There is nothing to close."""
