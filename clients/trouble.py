"""What went wrong on the way to a server, in words, and what one can do about it. It knows no connection."""

from __future__ import annotations

import socket
import ssl

from clients.visit import Foreign
from clients.ways import plainly

USUAL = "most rooms are at 3001"


def reason(error: Exception) -> str:
    """Return what went wrong, to stand inside a sentence."""
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there"
    if isinstance(error, TimeoutError):
        return "no answer"
    if isinstance(error, (socket.gaierror, UnicodeError)):
        return "there is no such address"
    if isinstance(error, ssl.SSLError):
        return plainly(error)
    text = getattr(error, "strerror", None) or str(error)
    return text[:1].lower() + text[1:] if text else type(error).__name__


def remedy(error: Exception) -> str:
    """Return what one can look at where no connection was ever made: a sentence, or nothing."""
    if isinstance(error, ConnectionRefusedError):
        return f"Is the server running there, and is this its port ({USUAL})?"
    if isinstance(error, (socket.gaierror, UnicodeError)):
        return "Is the name written as it should be, and is there a network?"
    if isinstance(error, Foreign):
        return f"Is this the right port ({USUAL})?"
    if isinstance(error, ssl.SSLError):
        return "Does the host serve TLS? If not, leave it out."
    if isinstance(error, OSError):
        return "Is the address right, and does a network lead there?"
    return ""
