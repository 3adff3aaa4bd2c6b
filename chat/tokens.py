"""The tokens by which people whose connection is lost can come back. Only their hashes are kept, and nowhere else."""

from __future__ import annotations

from chat.turn import User


class Tokens:
    """One for each person who asked for it; it lasts as long as he is on line.

    The one before stays good until the next: the connection may break before the new one has reached him.
    """

    def __init__(self) -> None:
        self._users: dict[bytes, User] = {}

    def issue(self, user: User) -> str:
        """Return a new token for `user`: 128 random bits; all but the last one before it are void."""
        import secrets

        token = secrets.token_urlsafe(16)
        *older, last = (b"", *user.tokens)
        for void in older:
            self._users.pop(void, None)
        user.tokens = (last, _hash(token))
        self._users[user.tokens[-1]] = user
        return token

    def find(self, token: str) -> User | None:
        """Return who may come back with this token, or None."""
        return self._users.get(_hash(token))

    def revoke(self, user: User) -> None:
        """Make the tokens of someone who leaves void."""
        for token in user.tokens:
            self._users.pop(token, None)


def _hash(token: str) -> bytes:
    from hashlib import sha256  # here, as it brings OpenSSL: the start does not wait for that

    return sha256(token.encode("utf-8", "replace")).digest()
