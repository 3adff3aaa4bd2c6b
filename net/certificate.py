"""The server's certificate and key: read, and tried out.

Whether they are any good is found out by shaking hands with ourselves, in memory: what OpenSSL would refuse to a
visitor, it refuses here. It knows no connection.
"""

from __future__ import annotations

import ssl
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from time import gmtime, strftime

_MISMATCH = "the key in {key} does not belong to the certificate in {certificate}"
_REASONS = {
    **dict.fromkeys(("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED"), _MISMATCH),
    "EE_KEY_TOO_SMALL": "the key of the certificate in {certificate} is too short to be safe",
}


class BadCertificate(ValueError):
    """The certificate or its key will not do; the text says why."""


class Certificate:
    """What the server shows of itself. Raises BadCertificate, in words for the host."""

    def __init__(self, certificate: str, key: str) -> None:
        self.context, self.fingerprint, self.until = _load(certificate, key)

    def __str__(self) -> str:
        return f"{self.fingerprint}, good until {self.until}"


def _load(certificate: str, key: str) -> tuple[ssl.SSLContext, str, str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    _look_at(certificate, "CERTIFICATE")
    _look_at(key, "PRIVATE KEY")
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except (ssl.SSLError, OSError) as error:
        raise BadCertificate(_why(error, certificate, key)) from error
    fingerprint, until = _try_out(context, certificate)
    return context, fingerprint, until


def _look_at(path: str, what: str) -> None:
    """See whether the file can be read, and is what it should be; OpenSSL would not say which of the two is bad."""
    try:
        text = Path(path).read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise BadCertificate(f"{path} cannot be read: {(error.strerror or str(error)).lower()}") from error
    if f"{what}-----" not in text:  # RSA PRIVATE KEY, EC PRIVATE KEY and the like are meant, too
        raise BadCertificate(f"there is no {what.lower()} in {path}; it has to be a PEM file")


def _no_password() -> str:
    """Never let OpenSSL ask for one on the terminal."""
    raise BadCertificate("the key is protected by a password; give one without (openssl pkey -in KEY -out PLAIN)")


def _why(error: OSError, certificate: str, key: str) -> str:
    reason = getattr(error, "reason", None)
    if reason in _REASONS:
        return _REASONS[reason].format(certificate=certificate, key=key)
    return f"{certificate} and {key} are no certificate and key that can be used: {_words(error)}"


def _try_out(context: ssl.SSLContext, certificate: str) -> tuple[str, str]:
    """Shake hands with ourselves; return the fingerprint of the certificate, and the day it ends."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # who signed it does not matter here
    try:
        client.load_verify_locations(certificate)
        theirs = _shake_hands(context, client)
    except ssl.SSLCertVerificationError as error:
        raise BadCertificate(f"the certificate in {certificate} will not do: {error.verify_message}") from error
    except ssl.SSLError as error:
        raise BadCertificate(f"the certificate in {certificate} cannot be used: {_words(error)}") from error
    der = theirs.getpeercert(binary_form=True) or b""
    ends = (theirs.getpeercert() or {}).get("notAfter", "")
    return fingerprint(der), strftime("%Y-%m-%d", gmtime(ssl.cert_time_to_seconds(str(ends))))


def _shake_hands(server: ssl.SSLContext, client: ssl.SSLContext) -> ssl.SSLObject:
    """Return the client's side."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    theirs = client.wrap_bio(back, there)
    ours = server.wrap_bio(there, back, server_side=True)
    for side in (theirs, ours, theirs, ours):
        with suppress(ssl.SSLWantReadError):
            side.do_handshake()
    return theirs


def fingerprint(der: bytes) -> str:
    """Return `SHA256:AA:BB:…` of a certificate."""
    return f"SHA256:{sha256(der).digest().hex(':').upper()}"


def _words(error: OSError) -> str:
    return (getattr(error, "reason", None) or error.strerror or str(error)).replace("_", " ").lower()
