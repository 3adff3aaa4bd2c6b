"""Those who keep their name for good, and what the room remembers of them. Knows no disk, and hashes nothing itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import ceil

from chat import names
from chat.events import Refused
from record import entity, field

TRIES = 3
BLOCKED = 60.0  # seconds
GUESSERS = 10_000  # pairs of name and address that are remembered
LISTED = 200  # names that one person may block, or watch


@entity
class Account:
    """A registered name. Times are seconds since 1970 UTC; `seconds` is the time on line of all visits that have ended.

    `blocked` and `watched` are names by key; `inbox` counts the private messages that wait, `read` is the id of the
    last one that was read since the start. `standing` is a number of `chat.turn.Standing`.
    """

    name: str
    key: str
    secret: str
    made: float
    seen: float
    seconds: int = 0
    messages: int = 0
    inbox: int = 0
    blocked: dict[str, str] = field(default_factory=dict)
    watched: dict[str, str] = field(default_factory=dict)
    read: int = 0
    standing: int = 1
    marks: dict[str, str] = field(default_factory=dict)


class Accounts:
    """All registered names."""

    def __init__(self, known: Iterable[Account] = ()) -> None:
        self._accounts: dict[str, Account] = {}
        self._looks: dict[str, Account] = {}
        for account in known:
            self.add(account)

    def __len__(self) -> int:
        return len(self._accounts)

    def add(self, account: Account) -> None:
        """Keep one more."""
        self._accounts[account.key] = account
        for look in names.looks(account.name):
            self._looks.setdefault(look, account)

    def __iter__(self) -> Iterator[Account]:
        return iter(self._accounts.values())

    def find(self, name: str) -> Account | None:
        """Return the account called `name`, compared without case, or None."""
        return self._accounts.get(names.key(name))

    def like(self, looks: Iterable[str]) -> Account | None:
        """Return an account whose name looks so, or None."""
        return next((self._looks[look] for look in looks if look in self._looks), None)


@entity
class _Tries:
    wrong: int = 0
    until: float = 0.0


class Guard:
    """Counts wrong passwords per name and address: after three, that name is closed to that address for a minute.

    One that is being checked counts as wrong until it turns out right: several at once gain nothing.
    """

    def __init__(self) -> None:
        self._tries: dict[tuple[str, str], _Tries] = {}

    def check(self, key: str, address: str, now: float, what: str = "that name") -> None:
        """Raise Refused `blocked` while `address` has to wait; `now` is monotonic seconds."""
        tries = self._tries.get((key, address))
        if tries is not None and tries.until > now:
            seconds = ceil(tries.until - now)
            raise Refused("blocked", f"Too many wrong passwords for {what} from your address; wait {seconds} s.")

    def count(self, key: str, address: str, now: float) -> None:
        """Count a password that is about to be checked."""
        tries = self._tries.pop((key, address), None) or _Tries()
        if tries.until and tries.until <= now:
            tries = _Tries()
        tries.wrong += 1
        if tries.wrong >= TRIES:
            tries.until = now + BLOCKED
        self._tries[key, address] = tries
        while len(self._tries) > GUESSERS:
            del self._tries[next(iter(self._tries))]

    def spare(self, key: str, address: str) -> None:
        """Take back the last one: it was not checked after all."""
        tries = self._tries.get((key, address))
        if tries is not None:
            tries.wrong -= 1
            tries.until = 0.0

    def right(self, key: str, address: str) -> None:
        """Forget the wrong ones."""
        self._tries.pop((key, address), None)
