"""Those who keep their name for good, and what the room remembers of them. Knows no disk, and hashes nothing itself."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from math import ceil
from typing import Any

from chat import names
from chat.elsewhere import Aside
from chat.events import Refused
from chat.limits import Limits, ledger
from record import entity, field

TRIES = Limits().tries
BLOCKED = 60.0  # seconds; also the time in which an address may be wrong so often
HOUR = 3600.0
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
    be wrong so often a minute, whatever the names, have so many checked at once, and register so many names an hour:
    nobody fills the queue, or the store, alone. `group` makes of addresses those that count as one.
    """

    def __init__(self, group: Callable[[str], str] = str) -> None:
        self._group = group
        self._tries: dict[tuple[str, str], _Tries] = {}
        self._wrong = _Lately(BLOCKED)
        self._made = _Lately(HOUR)
        self._waiting: Counter[str] = Counter()

    def check(self, key: str, address: str, now: float, what: str = "that name") -> None:
        """Raise Refused `blocked` while `address` has to wait; `now` is monotonic seconds."""
        place = self._group(address)
        tries = self._tries.get((key, place))
        if tries is not None and tries.until > now:
            seconds = ceil(tries.until - now)
            ledger.hit("tries")
            raise Refused("blocked", f"Too many wrong passwords for {what} from your address; wait {seconds} s.")
        wait = self._wrong.wait(place, ledger.limits.logins_per_minute, now)
        if wait and not ledger.spares(address):
            ledger.hit("logins_per_minute")
            raise Refused("blocked", f"Too many wrong passwords from your address; wait {ceil(wait)} s.")

    def count(self, key: str, address: str, now: float) -> None:
        """Count a password that is about to be checked."""
        place = self._group(address)
        tries = self._tries.pop((key, place), None) or _Tries()
        if tries.until and tries.until <= now:
            tries = _Tries()
        tries.wrong += 1
        self._wrong.add(place, ledger.limits.logins_per_minute, now)
        if tries.wrong >= ledger.limits.tries:
            tries.until = now + BLOCKED
        self._tries[key, place] = tries
        while len(self._tries) > GUESSERS:
            del self._tries[next(iter(self._tries))]

    def spare(self, key: str, address: str) -> None:
        """Take back the last one: it was not checked after all."""
        place = self._group(address)
        tries = self._tries.get((key, place))
        if tries is not None:
            tries.wrong -= 1
            tries.until = 0.0
            self._wrong.take_back(place)

    def right(self, key: str, address: str) -> None:
        """Forget the wrong ones."""
        place = self._group(address)
        if self._tries.pop((key, place), None) is not None:
            self._wrong.take_back(place)

    def check_registers(self, address: str, now: float) -> None:
        """Count a name that somebody registers. Raises Refused `too_many` where his address has had its share."""
        place, most = self._group(address), ledger.limits.registrations
        wait = self._made.wait(place, most, now)
        if wait and not ledger.spares(address):
            ledger.hit("registrations")
            minutes = ceil(wait / 60)
            raise Refused("too_many", f"Your address has registered {most} names lately; wait {minutes} min.")
        self._made.add(place, most, now)

    def run(self, aside: Aside, address: str, work: Callable[[], Any], then: Callable[[Any], None]) -> None:
        """Have `aside` do work that `address` has caused. Raises Refused `busy` where too much of it waits already."""
        place = self._group(address)
        if self._waiting[place] >= ledger.limits.checks_per_address and not ledger.spares(address):
            ledger.hit("checks_per_address")
            raise Refused("busy", "Too many passwords from your address are being checked; please try again.")

        def done(result: Any) -> None:
            self._done(place)
            then(result)

        self._waiting[place] += 1
        try:
            aside.run(work, done)
        except Refused:
            self._done(place)
            raise

    def _done(self, place: str) -> None:
        self._waiting[place] -= 1
        if not self._waiting[place]:
            del self._waiting[place]


class _Lately:
    """What addresses have done within the last `seconds`; who has done something longest ago is forgotten first."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def wait(self, address: str, most: int, now: float) -> float:
        """Return for how many seconds an address has to wait that may do something `most` times; 0 if it may now."""
        times = self._times.get(address)
        return max(0.0, times[-most] + self._seconds - now) if times and len(times) >= most else 0.0

    def add(self, address: str, most: int, now: float) -> None:
        """Take note that it does it now."""
        times = self._times.setdefault(address, deque())
        times.append(now)
        while len(times) > most:
            times.popleft()
        self._times.move_to_end(address)
        if len(self._times) > GUESSERS:
            self._times.popitem(last=False)

    def take_back(self, address: str) -> None:
        """The last one does not count."""
        if times := self._times.get(address):
            times.pop()
