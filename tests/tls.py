"""Certificates for tests, and a TLS client that hands out its bytes: it may send them when and how it likes."""

from __future__ import annotations

import datetime
import hashlib
import ssl
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import trustme

from tests.support import PATIENCE, Connection
from tests.support.clients import Address


@dataclass(frozen=True)
class Papers:
    """A certificate and its key in files, and what a client needs to believe it."""

    certificate: Path
    key: Path
    trust: ssl.SSLContext

    @property
    def options(self) -> tuple[str, str, str, str]:
        """Return the server's options for it."""
        return "--tls-cert", str(self.certificate), "--tls-key", str(self.key)

    @property
    def fingerprint(self) -> str:
        """Return that of the certificate that is in the file now."""
        return fingerprint(ssl.PEM_cert_to_DER_cert(self.certificate.read_text()))


def issue(folder: Path, *, expired: bool = False, rsa: bool = False) -> Papers:
    """Have somebody sign a certificate for 127.0.0.1, and put it into `folder`."""
    folder.mkdir(exist_ok=True)
    kind = trustme.KeyType.RSA if rsa else trustme.KeyType.ECDSA
    authority = trustme.CA(key_type=kind)
    now = datetime.datetime.now(datetime.UTC)
    ends = now - datetime.timedelta(days=1) if expired else None
    begins = now - datetime.timedelta(days=30) if expired else None
    issued = authority.issue_cert("127.0.0.1", "localhost", not_before=begins, not_after=ends, key_type=kind)
    certificate, key = folder / "cert.pem", folder / "key.pem"
    certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    key.write_bytes(issued.private_key_pem.bytes())
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(trust)
    return Papers(certificate, key, trust)


def careless(version: ssl.TLSVersion) -> ssl.SSLContext:
    """Return a client's context that checks nothing, and speaks this version alone."""
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    trust.minimum_version = trust.maximum_version = version
    return trust


def fingerprint(der: bytes) -> str:
    """Return what `openssl x509 -fingerprint -sha256` shows."""
    digest = hashlib.sha256(der).hexdigest().upper()
    return ":".join(digest[start : start + 2] for start in range(0, len(digest), 2))


class HandMade(Connection):
    """A TLS client whose bytes go out in pieces of `step` bytes; `flight` returns the next ones instead of sending."""

    def __init__(self, server: Address, trust: ssl.SSLContext, step: int = 1 << 20) -> None:
        super().__init__(server)
        self.step = step
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = trust.wrap_bio(self._in, self._out, server_hostname=server.host)

    def flight(self) -> bytes:
        """Return what the handshake has to send now, empty when it is done."""
        with suppress(ssl.SSLWantReadError):
            self.tls.do_handshake()
        return self._out.read()

    def take_in(self) -> bool:
        """Read what has come; False at the end."""
        self.pending = b""
        came = self._receive(PATIENCE)
        self._in.write(self.pending)
        self.pending = b""
        return came

    def shake_hands(self) -> None:
        """Do the whole handshake."""
        while True:
            try:
                self.tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self.push(self._out.read())
                assert self.take_in(), "the server closed during the handshake"
        self.push(self._out.read())

    def say(self, data: bytes) -> None:
        """Send this, encrypted."""
        self.tls.write(data)
        self.push(self._out.read())

    def hear(self, wanted: bytes) -> bytes:
        """Return what comes, decrypted, up to and including `wanted`."""
        found = b""
        while wanted not in found:
            try:
                piece = self.tls.read(65536)
                assert piece, f"the end came before {wanted!r}: {found!r}"
                found += piece
            except ssl.SSLWantReadError:
                assert self.take_in(), f"the connection ended before {wanted!r}: {found!r}"
        return found

    def push(self, data: bytes) -> None:
        """Send these bytes, in pieces."""
        for start in range(0, len(data), self.step):
            self.send(data[start : start + self.step])
