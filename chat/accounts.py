"""Those who keep their name for good, and what the room remembers of them. Knows no disk, and hashes nothing itself."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator
from math import ceil
from typing import Any

from chat import names
from chat.elsewhere import Aside
from chat.events import Refused
from chat.flow import Bucket
from chat.limits import Limits, ledger
from record import entity, field

TRIES = Limits().tries
BLOCKED = 60.0  # seconds; also the time in which an address may be wrong so often
GUESSERS = 10_000  # pairs of name and address that are remembered
LISTED = Limits().watches


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

    One that is being checked counts as wrong until it turns out right: several at once gain nothing. An address may
    be wrong so often a minute, whatever the names, and have so many checked at once: nobody fills the queue alone.
    """

    def __init__(self) -> None:
        self._tries: dict[tuple[str, str], _Tries] = {}
        self._addresses: OrderedDict[str, Bucket] = OrderedDict()
        self._waiting: Counter[str] = Counter()

    def check(self, key: str, address: str, now: float, what: str = "that name") -> None:
        """Raise Refused `blocked` while `address` has to wait; `now` is monotonic seconds."""
        tries = self._tries.get((key, address))
        if tries is not None and tries.until > now:
            seconds = ceil(tries.until - now)
            ledger.hit("tries")
            raise Refused("blocked", f"Too many wrong passwords for {what} from your address; wait {seconds} s.")
        wait = self._address(address, now).spend(0, now)
        if wait and not ledger.spares(address):
            ledger.hit("logins_per_minute")
            raise Refused("blocked", f"Too many wrong passwords from your address; wait {int(wait) + 1} s.")

    def count(self, key: str, address: str, now: float) -> None:
        """Count a password that is about to be checked."""
        tries = self._tries.pop((key, address), None) or _Tries()
        if tries.until and tries.until <= now:
            tries = _Tries()
        tries.wrong += 1
        self._address(address, now).spend(1, now)
        if tries.wrong >= ledger.limits.tries:
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
            self._addresses[address].give_back()

    def right(self, key: str, address: str) -> None:
        """Forget the wrong ones."""
        if self._tries.pop((key, address), None) is not None and address in self._addresses:
            self._addresses[address].give_back()

    def run(self, aside: Aside, address: str, work: Callable[[], Any], then: Callable[[Any], None]) -> None:
        """Have `aside` do work that `address` has caused. Raises Refused `busy` where too much of it waits already."""
        if self._waiting[address] >= ledger.limits.checks_per_address and not ledger.spares(address):
            ledger.hit("checks_per_address")
            raise Refused("busy", "Too many passwords from your address are being checked; please try again.")

        def done(result: Any) -> None:
            self._done(address)
            then(result)

        self._waiting[address] += 1
        try:
            aside.run(work, done)
        except Refused:
            self._done(address)
            raise

    def _done(self, address: str) -> None:
        self._waiting[address] -= 1
        if not self._waiting[address]:
            del self._waiting[address]

    def _address(self, address: str, now: float) -> Bucket:
        """Return the wrong passwords that an address has left."""
        bucket = self._addresses.get(address)
        if bucket is None:
            most = ledger.limits.logins_per_minute
            bucket = self._addresses[address] = Bucket(most - 1, most / BLOCKED, now)
            if len(self._addresses) > GUESSERS:
                self._addresses.popitem(last=False)
        self._addresses.move_to_end(address)
        return bucket
