"""Hashes passwords with argon2id (RFC 9106), 64 MiB, 3 passes, 1 lane. Slow on purpose: never call it on the loop."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from chat.events import Refused

if TYPE_CHECKING:
    from argon2 import PasswordHasher

LONGEST = 1024  # bytes
SHORTEST = 4  # characters


@cache
def prepare() -> PasswordHasher:
    """Return what hashes. The first call takes 20 ms, for it imports the library."""
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=3, memory_cost=65_536, parallelism=1)


def check(password: str) -> str:
    """Return a new password as it will be hashed; raises Refused `password_bad` where it cannot be one."""
    if len(password) < SHORTEST:
        raise Refused("password_bad", f"A password has at least {SHORTEST} characters.")
    if len(password.encode("utf-8", "replace")) > LONGEST:
        raise Refused("password_bad", f"A password has at most {LONGEST:,} bytes.")
    if not password.isprintable():
        raise Refused("password_bad", "A password has no control characters.")
    return password


def secret(password: str) -> str:
    """Return the hash to keep."""
    return prepare().hash(password)


def matches(kept: str | None, password: str) -> bool:
    """Return whether `password` is the one behind `kept`; None (an unknown name) takes as long, and is never right."""
    from argon2.exceptions import Argon2Error, InvalidHashError

    given = password.encode("utf-8", "surrogatepass")
    try:
        return prepare().verify(kept or _decoy(), given[: LONGEST + 1]) and kept is not None
    except (Argon2Error, InvalidHashError):
        return False


def same(given: str, known: str) -> bool:
    """Return whether two texts are the same, in a time that tells nothing of where they differ."""
    from hmac import compare_digest

    return compare_digest(given.encode("utf-8", "replace"), known.encode("utf-8", "replace"))


@cache
def _decoy() -> str:
    return prepare().hash("nobody's password")
