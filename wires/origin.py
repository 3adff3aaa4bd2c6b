"""Which names the server answers to, and which pages may talk to it.

The first is the guard against DNS rebinding: a foreign page that makes its own name point at this machine is
refused, since nobody here goes by that name. The second is the guard against a foreign page that opens a WebSocket
to this machine from its visitor's browser. Programs are no pages, and need neither.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import ip_address

from record import record

HOST = re.compile(r"(\[[0-9a-f:.]{2,45}\]|[0-9a-z_.-]{1,253})(?::[0-9]{1,5})?")
"""What a Host header may be, in lower case: an address or a name, and perhaps a port (RFC 9110 section 7.2)."""

_PRIVATE = (".local", ".localhost", ".internal", ".home.arpa")
"""Names that nobody can own in public (RFC 6762, RFC 6761, ICANN 2024, RFC 8375)."""


@record
class Trust:
    """What the host said about names: `names` are further ones of this machine, `origins` pages that may talk to it."""

    names: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()

    def knows(self, host: str) -> bool:
        """Return whether `host`, a good Host header, is a name of ours: none that a stranger could have registered.

        An address is no name at all, and a name without a dot leads nowhere in public.
        """
        found = HOST.fullmatch(host.lower())
        if found is None:
            return False
        name = found[1].removesuffix(".")
        if _is_address(name) or "." not in name or name.endswith(_PRIVATE) or name in self.names:
            return True
        return any(origin.partition("://")[2] == host.lower() for origin in self.origins)

    def accepts(self, origin: str, host: str, schemes: Sequence[str] = ("http", "https")) -> bool:
        """Return whether a page from `origin` may talk to the server it knows as `host`.

        A page of our own may, whether it came by http or, through a proxy, by https; and those that were allowed.
        """
        origin = origin.lower()
        return origin in self.origins or origin in {f"{scheme}://{host.lower()}" for scheme in schemes}


def _is_address(name: str) -> bool:
    try:
        ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True
