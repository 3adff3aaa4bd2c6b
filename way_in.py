"""How people find the room: the address on the host's screen, the code to scan, and the certificate that they see.

It decides nothing about who may come in; `chat_server.py` gives it the parts.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import TYPE_CHECKING

from chat.events import Refused
from chat.links import Front, picture
from chat.sanctions import listed
from net.listener import own_address

if TYPE_CHECKING:  # only who has a certificate pays for OpenSSL
    from net.certificate import Certificate
    from net.console import Console
    from net.loop import Loop
    from net.secure import Tls
    from options import Options

BESIDE = 11  # rows of the first screen that are not the code: banner, address, certificate, prompt, status, news
HINT = "QR shows a code to scan."


class WayIn:
    """What stands at the door, for the host and for browsers. `tls` is None where there is no certificate."""

    def __init__(self, options: Options, loop: Loop, console: Console, front: Front, note: Callable[[str], None]):
        self.tls = _tls(options, loop)
        self._host = options.host
        self._loop = loop
        self._console = console
        self._front = front
        self._note = note

    def open(self, port: int) -> None:
        """Say where browsers come in."""
        scheme = "https" if self.tls else "http"
        self._front.address = f"{scheme}://{_in_url(reached_at(self._host))}:{port}/"
        self._front.screen = lambda: self._console.size

    def show(self) -> None:
        """Tell the host how browsers come in, with a code to scan where it fits; and what they see of TLS."""
        self._console.show(f"Open {self._front.address} in a browser.")
        if self._console.size != (0, 0):
            self._loop.call_soon(self._show_code)  # the prompt first: the code takes a while to import
        if self.tls is not None:
            self._note(f"TLS: {self.tls.certificate}.")

    def _show_code(self) -> None:
        try:
            code = picture(self._front.address)
        except Refused as refusal:
            self._console.show(f"[!] {refusal.text}")
        else:
            self._console.show("\n".join(code) if self._front.fits(code, BESIDE) else HINT)


def examine(options: Options) -> str:
    """Try out the bans, and the certificate if there is one; return what `--check` says of it. Raises ValueError."""
    if options.ban:
        listed(options.ban)
    found = certificate(options)
    return f"# TLS: {found}\n" if found else ""


def reached_at(host: str) -> str:
    """Return the address by which others reach the room."""
    return own_address() if host in ("", "0.0.0.0", "::") else host


def certificate(options: Options) -> Certificate | None:
    """Return the certificate, tried out; None where there is none. Raises ValueError."""
    if not options.tls_cert:
        return None
    from net.certificate import Certificate

    return Certificate(options.tls_cert, options.tls_key)


def _tls(options: Options, loop: Loop) -> Tls | None:
    found = certificate(options)
    if found is None:
        return None
    from net.secure import Tls

    return Tls(loop, found)


def _in_url(address: str) -> str:
    """Return an address as it stands in a URL."""
    return f"[{address}]" if ":" in address else address


def why_not(options: Options, error: OSError) -> str:
    """Return why the room cannot be opened where the options say, and what to do about it."""
    place = f"{options.host or 'every address'}, port {options.port}"
    if error.errno == errno.EADDRINUSE:
        from net.holder import holder

        return (
            f"The room cannot be opened at {place}: {holder(options.port)} listens there already. "
            "Stop it, or choose another port with --port N (0 picks a free one)."
        )
    if error.errno == errno.EACCES:
        return (
            f"The room cannot be opened at {place}: that port needs more rights. Choose one above 1023 with --port N."
        )
    return f"The room cannot be opened at {place}: {error.strerror or error}. Choose another address with --host."
