"""Whom to trust where no authority vouches for a server: whose fingerprint was given, or once confirmed by a person.

Those confirmed are kept in a file, one line each, as ssh does with its known hosts. Nothing here knows a socket.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import ssl
import tempfile
from functools import cached_property
from pathlib import Path

MOST = 1000  # servers that are remembered; then the one confirmed first is forgotten
SIZE = 262_144  # bytes of the file that are read
PREFIX = "SHA256:"
DIGITS = 64


class Untrusted(Exception):
    """The server is not the one it should be. Its text is a sentence that says what to do."""


class Stranger(Exception):
    """No authority vouches for the server, and nobody has confirmed its `fingerprint` yet; `why` is a clause."""

    def __init__(self, fingerprint: str, why: str) -> None:
        super().__init__(why)
        self.fingerprint = fingerprint
        self.why = why


def fingerprint(certificate: bytes) -> str:
    """Return the fingerprint of a certificate in DER, as a host's console shows it."""
    return _written(hashlib.sha256(certificate).hexdigest())


def read_fingerprint(text: str) -> str:
    """Return a fingerprint in the usual form. Raises ValueError where `text` is none."""
    digits = text.strip().upper().removeprefix(PREFIX).replace(":", "")
    if len(digits) != DIGITS or set(digits) - set("0123456789ABCDEF"):
        raise ValueError(
            f"{text!r} is no fingerprint; give SHA256: and 64 hexadecimal digits, as the host's console does"
        )
    return _written(digits)


class Pins:
    """The file of the fingerprints that were confirmed: `host:port SHA256:…`, a line each, the newest last."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path

    @cached_property
    def path(self) -> Path:
        """Where the file is."""
        if self._path:
            return self._path
        from platformdirs import user_data_path  # here, so that what is missing is said in words

        return user_data_path("chat-room", appauthor=False) / "known_servers"

    def find(self, server: str) -> str:
        """Return the fingerprint of a server, empty where none is known, or the file cannot be read."""
        return self._read().get(server.lower(), "")

    def keep(self, server: str, pin: str) -> None:
        """Remember a server. Raises OSError."""
        known = self._read()
        known.pop(server.lower(), None)
        known[server.lower()] = pin
        lines = [f"{each} {known[each]}\n" for each in list(known)[-MOST:]]
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        number, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}-")  # with mode 0600
        try:
            with os.fdopen(number, "w", encoding="utf-8") as file:
                file.writelines(lines)
            Path(name).replace(self.path)
        except OSError:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise

    def _read(self) -> dict[str, str]:
        try:
            with self.path.open(encoding="utf-8", errors="replace") as file:
                text = file.read(SIZE)
        except OSError:
            return {}
        found = {}
        for line in text.splitlines():
            server, _, pin = line.strip().partition(" ")
            with contextlib.suppress(ValueError):
                found[server] = read_fingerprint(pin)
        return found


class Trust:
    """Decides for one server. `given` is the fingerprint that it must have, whatever an authority says."""

    def __init__(self, given: str = "", pins: Pins | None = None) -> None:
        self._given = given
        self._pins = pins or Pins()
        self._confirmed: dict[str, str] = {}
        self._strange = ""
        self._is_checked = False

    def context(self, server: str) -> ssl.SSLContext:
        """Return how to connect: checked against the authorities, where the fingerprint alone does not decide."""
        self._is_checked = not self._strange and not self._expected(server)
        if self._is_checked:
            return ssl.create_default_context()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # `check` does it
        return context

    def mistrust(self, why: str) -> bool:
        """Take note that no authority vouches for it; True where one should look at its fingerprint."""
        is_new, self._strange = not self._strange, why
        return is_new

    def check(self, server: str, certificate: bytes) -> None:
        """Raise Untrusted or Stranger where the server that has this certificate must not be talked to."""
        shown, expected, why, self._strange = fingerprint(certificate), self._expected(server), self._strange, ""
        if self._given and shown != self._given:
            raise Untrusted(f"its fingerprint is {shown}, not the one that was given. Nothing was sent to it")
        if expected and shown != expected:
            raise Untrusted(
                f"its certificate is not the one it had before. Somebody may be listening in, or the host has made a "
                f"new one: ask the host whether the console shows {shown}. If so, delete the line that begins with "
                f"{server.lower()} in {self._pins.path}, and connect again"
            )
        if not expected and not self._is_checked:
            raise Stranger(shown, why)

    def confirm(self, server: str, pin: str) -> None:
        """The person trusts this fingerprint. Raises OSError where that cannot be kept; it counts for now, though."""
        self._confirmed[server] = pin
        self._pins.keep(server, pin)

    def _expected(self, server: str) -> str:
        return self._given or self._confirmed.get(server, "") or self._pins.find(server)


def _written(digits: str) -> str:
    digits = digits.upper()
    return PREFIX + ":".join(digits[at : at + 2] for at in range(0, len(digits), 2))
