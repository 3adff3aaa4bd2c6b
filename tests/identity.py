"""A server that can prove who it is, to whom knows its authority. Needs trustme."""

from __future__ import annotations

import ssl

import trustme

from clients.trust import fingerprint


class Identity:
    """A certificate for 127.0.0.1, or for other names, of an authority that nobody knows unless he is told."""

    def __init__(self, *names: str) -> None:
        self.authority = trustme.CA()
        made = self.authority.issue_cert(*(names or ("127.0.0.1",)))
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.configure_cert(self.context)
        self.pem = made.cert_chain_pems[0].bytes()
        self.fingerprint = fingerprint(ssl.PEM_cert_to_DER_cert(self.pem.decode("ascii")))
