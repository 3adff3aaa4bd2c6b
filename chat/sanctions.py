"""Who is kept out of the house, and who may not speak in it: by name, account, address or network, until when.

A sanction ends by itself: it counts only as long as its time lasts. Knows nobody who is here, and keeps nothing itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from math import inf
from typing import TYPE_CHECKING

from chat import names
from chat.accounts import Account
from chat.events import Refused
from chat.facts import Sanction
from chat.text import span
from chat.turn import Standing, User
from record import record

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

BAN, MUTE = "ban", "mute"
MOST = 1_000  # sanctions at once
LONGEST = 3_650 * 86_400  # seconds
WIDEST = {4: 8, 6: 16}  # the shortest prefix of a network
EVER = frozenset({"ever", "forever"})
_TIME = r"([1-9]\d{0,5})([smhdw])"
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}

Mark = tuple[str, str, str]  # kind, sort and key
Aim = tuple[str, str, str]  # sort, key, and how it is shown


@record
class Sentence:
    """Whom a word means, for how many seconds (0: for ever), and why."""

    word: str
    seconds: float = 0.0
    reason: str = ""


class Sanctions:
    """All that are in force, and those that have ended since somebody looked."""

    def __init__(self, known: Iterable[Sanction] = ()) -> None:
        self._all: dict[Mark, Sanction] = {}
        self._looks: dict[tuple[str, str], Mark] = {}
        self._networks: dict[Mark, IPv4Network | IPv6Network] = {}
        for sanction in known:
            self.add(sanction)

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Sanction]:
        return iter(self._all.values())

    def __getstate__(self) -> list[Sanction]:
        return [*self._all.values()]

    def __setstate__(self, known: list[Sanction]) -> None:
        Sanctions.__init__(self, known)

    def add(self, sanction: Sanction) -> None:
        """Put one in force, in the place of an earlier one of the same kind for the same. Raises Refused `too_many`."""
        mark = _mark(sanction)
        if mark not in self._all and len(self._all) >= MOST:
            raise Refused("too_many", f"There are {MOST} bans and mutes already; UNBAN some first.")
        self._all[mark] = sanction
        if sanction.sort == "name":
            self._look(sanction)
        elif sanction.sort in ("address", "network"):
            found = network(sanction.key)
            assert found is not None
            self._networks[mark] = found

    def remove(self, sanction: Sanction) -> None:
        """End one."""
        mark = _mark(sanction)
        self._all.pop(mark, None)
        self._networks.pop(mark, None)
        if sanction.sort == "name":
            self._looks.clear()
            for other in [other for other in self._all.values() if other.sort == "name"]:
                self._look(other)

    def of(self, kind: str, now: float) -> list[Sanction]:
        """Return those of a kind that are in force, the oldest first."""
        return [sanction for sanction in self._all.values() if sanction.kind == kind and lasts(sanction, now)]

    def ended(self, now: float) -> list[Sanction]:
        """Return those whose time is over."""
        return [sanction for sanction in self._all.values() if not lasts(sanction, now)]

    def meant(self, kind: str, word: str, now: float) -> list[Sanction]:
        """Return those that `word` names: a name, an account, an address or a network."""
        keys = {names.key(word), str(network(word) or "")} - {""}
        return [sanction for sanction in self.of(kind, now) if sanction.key in keys]

    def find(
        self, kind: str, now: float, *, host: str = "", name: str = "", account: Account | None = None
    ) -> Sanction | None:
        """Return the one that keeps this person, of whom so much is known, out or silent: that which lasts longest."""
        found = filter(None, self._fitting(kind, now, host, name, account))
        return max(found, key=lambda sanction: sanction.until or inf, default=None)

    def _look(self, sanction: Sanction) -> None:
        for look in names.looks(sanction.shown):
            self._looks[sanction.kind, look] = _mark(sanction)

    def _fitting(
        self, kind: str, now: float, host: str, name: str, account: Account | None
    ) -> Iterator[Sanction | None]:
        if not self._all:
            return
        if account is not None:
            yield self._get((kind, "account", account.key), now)
        if name:
            for look in names.looks(name):
                yield self._get(self._looks.get((kind, look)), now)
        address = _address(host) if self._networks else None
        for mark, found in self._networks.items():
            if mark[0] == kind and address is not None and address in found:
                yield self._get(mark, now)

    def _get(self, mark: Mark | None, now: float) -> Sanction | None:
        sanction = self._all.get(mark) if mark else None
        return sanction if sanction is not None and lasts(sanction, now) else None


def _mark(sanction: Sanction) -> Mark:
    return sanction.kind, sanction.sort, sanction.key


def lasts(sanction: Sanction, now: float) -> bool:
    """Return whether a sanction is still in force."""
    return not sanction.until or sanction.until > now


def host_of(address: str) -> str:
    """Return an address without its port."""
    return address.rpartition(":")[0]


def _address(host: str) -> IPv4Address | IPv6Address | None:
    from ipaddress import ip_address  # whoever bans nobody by address does without

    try:
        found = ip_address(host.strip("[]"))
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found  # a socket for both kinds shows the older one so


def network(word: str) -> IPv4Network | IPv6Network | None:
    """Return the network, or the one address (with a port, too), that a word names; None where it is none."""
    from ipaddress import ip_network

    if word.count(":") == 1 or "]:" in word:
        word = word.rpartition(":")[0]
    try:
        return ip_network(word.strip("[]"), strict=False)
    except ValueError:
        return None


def aim(word: str, user: User | None, account: Account | None) -> list[Aim]:
    """Return sort, key and look of what is meant by a word, where it names this user or account, if any.

    Who is registered is meant under whatever name; who is here under another name, with that name, too. An address
    is always meant as one, also where somebody has called himself so.
    Raises Refused `bad_network`, and what no name can be.
    """
    marks = _mark_of_network(word)
    if user is None and account is None and (marks or "/" in word):
        if not marks:
            raise Refused("bad_network", f"{word[:64]} is no network; 192.0.2.0/24 is one.")
        return marks
    if account is not None:
        marks.append(("account", account.key, account.name))
    shown = user.name if user else word
    if account is None or names.key(shown) != account.key:
        marks.append(("name", names.key(names.check(shown)), shown))
    return marks


def _mark_of_network(word: str) -> list[Aim]:
    found = network(word)
    if found is None:
        return []
    if found.prefixlen < WIDEST[found.version]:
        raise Refused("bad_network", f"{found} is too wide: at least /{WIDEST[found.version]}.")
    single = found.num_addresses == 1
    return [("address" if single else "network", str(found), str(found.network_address if single else found))]


def sentence(who: str, word: str, rest: str) -> Sentence:
    """Return what is meant by a name and the words behind it: `bob 10m spam`, `bob spam`.

    Raises Refused `bad_time`.
    """
    match = re.fullmatch(_TIME, word, re.IGNORECASE)
    if match and (seconds := int(match[1]) * _UNITS[match[2].lower()]) <= LONGEST:
        return Sentence(who, float(seconds), rest.strip())
    if word.lower() in EVER:
        return Sentence(who, 0.0, rest.strip())
    if word[:1].isdigit():
        raise Refused("bad_time", f"{word[:20]} is no length of time; 30s, 10m, 2h, 3d and ever are.")
    return Sentence(who, 0.0, f"{word} {rest}".strip())


def listed(lines: Iterable[str]) -> list[Sanction]:
    """Return what lines such as `192.0.2.0/24: spam` keep out for ever. Raises ValueError."""
    found = []
    for line in lines:
        who, _, reason = line.partition(": ")
        try:
            (mark,) = aim(who, None, None)
        except Refused as refusal:
            raise ValueError(f"ban: {who}: {refusal.text.rstrip('.')}") from None
        found.append(Sanction(BAN, *mark, 0.0, 0.0, "the settings", reason.strip()[:200]))
    return found


def how_long(sanction: Sanction, now: float) -> str:
    """Return for how long from now on, and why: `for 9 min 58 s: spam`."""
    time = f"for {span(sanction.until - now)}" if sanction.until else "for ever"
    return f"{time}: {sanction.reason}" if sanction.reason else time


def banned(sanction: Sanction, now: float) -> Refused:
    """Return what someone is told who is kept out: why, and for how long."""
    who = f"The name {sanction.shown} is banned" if sanction.sort == "name" else "You are banned"
    return Refused("banned", f"{who} {how_long(sanction, now)}.")


def check_not_muted(user: User, now: float, to: Iterable[User] = ()) -> None:
    """Raise Refused `muted` where someone may not speak now. Those who could let him speak again he may write to."""
    sanction = user.muted
    if sanction is None:
        return
    if not lasts(sanction, now):
        user.muted = None
        return
    standings = [other.standing for other in to]
    if not standings or min(standings) < Standing.OPERATOR:
        raise Refused("muted", f"You are muted {how_long(sanction, now)}. You can write to the host: /msg Host …")


def audible(user: User, reason: str, now: float) -> str:
    """Return a reason as others may read it: none of someone who is muted, whose leaving nobody can prevent."""
    return "" if user.muted is not None and lasts(user.muted, now) else reason
