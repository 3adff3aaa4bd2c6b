"""Who is on line, by name and by look. No two are called the same, or look the same."""

from __future__ import annotations

from collections.abc import Iterator

from chat import names
from chat.accounts import Accounts
from chat.events import Refused
from chat.turn import User


class Roster:
    """The people on line, and the registered names that only their owners may have."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._order: dict[User, None] = {}  # as they came: a new name changes nothing in it
        self._users: dict[str, User] = {}
        self._looks: dict[str, User] = {}

    def __len__(self) -> int:
        return len(self._users)

    def __iter__(self) -> Iterator[User]:
        return iter(self._order)

    def find(self, name: str) -> User | None:
        """Return the one on line called `name`, compared without case, or None."""
        return self._users.get(names.key(name))

    def at(self, key: str) -> User | None:
        """Return the one on line whose name has this key, or None."""
        return self._users.get(key)

    def check_free(self, name: str, user: User | None = None) -> tuple[str, ...]:
        """Return how `name` looks.

        Raises Refused `name_taken`, `name_looks` or `registered` where `user` cannot have it.
        """
        holder = self.find(name)
        if holder is not None and holder is not user:
            raise Refused("name_taken", f"The name {name} is taken.")
        mine = user.account if user else None
        looks = names.looks(name)
        for look in looks:
            other = self._looks.get(look)
            if other is not None and other is not user:
                raise Refused("name_looks", f"The name {name} looks like {other.name}, who is here.")
        account = self._accounts.like(looks)
        if account is not None and account is not mine:
            if account.key == names.key(name):
                raise Refused("registered", f"The name {name} is registered; it takes a login with its password.")
            raise Refused("name_looks", f"The name {name} looks like {account.name}, which is registered.")
        return tuple(looks)

    def hold(self, user: User) -> None:
        """Put someone on line under his name."""
        self._order[user] = None
        self._users[user.key] = user
        for look in user.looks:
            self._looks[look] = user

    def release(self, user: User) -> bool:
        """Give the name back; False where it was given back before."""
        if self._users.get(user.key) is not user:
            return False
        del self._order[user]
        self._forget(user)
        return True

    def rename(self, user: User, name: str, looks: tuple[str, ...]) -> None:
        """Let someone who is on line have another name, which `check_free` has found free."""
        self._forget(user)
        user.name, user.key, user.looks = name, names.key(name), looks
        self.hold(user)

    def _forget(self, user: User) -> None:
        del self._users[user.key]
        for look in user.looks:
            if self._looks.get(look) is user:
                del self._looks[look]
