"""Who is here, and what is known of them: the part of the hub that is asked, and decides nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from sys import intern

from chat.accounts import Account, Accounts
from chat.board import Board, Clock
from chat.events import Identity, Missed, Person, Refused, Seen
from chat.moderation import is_shown
from chat.roster import Roster
from chat.turn import Standing, User, Watchers

IDENT = 20  # characters
_NO_IDENT = re.compile(r"[^A-Za-z0-9._-]+")


def ident_of(text: str) -> str:
    """Return what of `text` may stand between the ! and the @ of a mask: nothing that could end it, or be forged."""
    return _NO_IDENT.sub("", text)[:IDENT]


class Presence(Board):
    """People by name and by account, and who waits for whom. `cloak` makes of an address a host to show."""

    def __init__(self, clock: Clock, first_id: int, accounts: Iterable[Account], cloak: Callable[[str], str]) -> None:
        super().__init__(clock, first_id)
        self.accounts = Accounts(accounts)
        self.roster = Roster(self.accounts)
        self.watchers = Watchers()
        self.cloak = cloak
        self._deaf: set[User] = set()

    def __len__(self) -> int:
        return len(self.roster)

    def __iter__(self) -> Iterator[User]:
        return iter(self.roster)

    def find(self, name: str) -> User | None:
        """Return the one here called `name`, compared without case, or None."""
        return self.roster.find(name)

    def get(self, name: str) -> User:
        """Return the one here called `name`; raises Refused `not_here`."""
        user = self.roster.find(name)
        if user is None:
            raise Refused("not_here", f"There is nobody called {name} here.")
        return user

    def on_line(self, account: Account) -> User | None:
        """Return who is here with this account, under whatever name, or None."""
        return next((user for user in self.roster if user.account is account), None)

    def people(self, users: Iterable[User], viewer: User) -> tuple[Person, ...]:
        """Return a row for each of `users`, with what `viewer` may know."""
        now = self.clock.monotonic()
        return tuple(
            Person(user.name, int(now - user.arrived), self._order(user, viewer), user.address, user.wire, user.away)
            for user in users
        )

    # -- what is known of people

    def present(self, user: User, ident: str, realname: str) -> None:
        """Set what IRC shows of someone; where he has said nothing of himself, what way he came by.

        `ident` and `realname` are as he gave them.
        """
        ident = ident_of(ident)
        account = user.account.name if user.account else ""
        host = self.cloak(user.address.rpartition(":")[0])
        user.who = Identity(intern(f"~{ident or user.wire}"), host, account, realname or user.name)

    def recognise(self, user: User, account: Account) -> None:
        """Let someone have what his account remembers."""
        user.notes = account
        if account.standing > user.standing:
            user.standing = Standing(account.standing)
            user.modes |= {"o"}
        for key in user.watched:
            self.watchers.add(user, key)
        self.mind_blocks(user)

    def acquainted(self, user: User) -> tuple[User, ...]:
        """Return all who share a room with someone, and himself."""
        return tuple({user: None} | {member: None for room in user.rooms for member in room.members})

    def concerned(self, user: User) -> tuple[User, ...]:
        """Return those whom a change of someone's state concerns: who shares a room with him or watches for him."""
        return tuple(dict.fromkeys((*self.acquainted(user), *self.watchers.of(user.key))))

    def mind_blocks(self, user: User) -> None:
        """Take note that the names `user` has blocked have changed."""
        if user.blocked and not user.gone:
            self._deaf.add(user)
        else:
            self._deaf.discard(user)

    def announce_arrival(self, user: User) -> None:
        """Tell those who watch for this name."""
        for watcher in self.watchers.of(user.key):
            if watcher is not user:
                self.tell(watcher, Seen(*self.stamp(), user.name))

    def announce_departure(self, key: str, name: str) -> None:
        """Tell those who watch for this name that it is nobody's any more."""
        for watcher in self.watchers.of(key):
            self.tell(watcher, Missed(*self.stamp(), name))

    @staticmethod
    def _order(user: User, viewer: User) -> tuple[str, ...]:
        """Return the names of someone's rooms, the current one first, but of those of which `viewer` may not know."""
        return tuple(room.name for room in reversed(user.rooms) if is_shown(room, viewer))
