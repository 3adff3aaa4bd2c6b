"""The tokens by which people whose connection is lost can come back. Only their hashes are kept, and nowhere else."""

from __future__ import annotations

import hashlib
import secrets

from chat.turn import User


class Tokens:
    """One for each person who asked for it; it lasts as long as he is on line."""

    def __init__(self) -> None:
        self._users: dict[bytes, User] = {}

    def issue(self, user: User) -> str:
        """Return a new token for `user`: 128 random bits; an earlier one is void."""
        self.revoke(user)
        token = secrets.token_urlsafe(16)
        user.token = _hash(token)
        self._users[user.token] = user
        return token

    def find(self, token: str) -> User | None:
        """Return who may come back with this token, or None."""
        return self._users.get(_hash(token))

    def revoke(self, user: User) -> None:
        """Make the token of someone who leaves void."""
        self._users.pop(user.token, None)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
