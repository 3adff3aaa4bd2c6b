"""The host's desk: whom he keeps out or silent, whether the door is locked, what was removed, and who did what.

Functions of the hub; they decide and write down, and post nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from chat.accounts import Account
from chat.changes import Removed
from chat.events import Refused
from chat.facts import Audited, Decided, Lifted, Sanction
from chat.sanctions import BAN, MUTE, Sanctions, banned, host_of, how_long
from chat.text import clean, one_line
from chat.turn import Room, Standing, User

TRAIL = 1_000  # acts that are remembered without asking the disk
REMOVED = 1_000  # removals of which those are told who come back
TEXT = 400  # characters of one act
SHUT = "The host lets nobody new in at the moment."


class Desk:
    """What the host has decided.

    `decisions` hold until they are taken back, also over a restart: `lock door` is why, `lock ROOM` and `slow ROOM` are
    as they say, and `password` only that there was one at the door.
    """

    def __init__(
        self,
        sanctions: Iterable[Sanction] = (),
        trail: Iterable[Audited] = (),
        decisions: Mapping[str, str] | None = None,
    ) -> None:
        self.decisions = dict(decisions or {})
        self.sanctions = Sanctions(sanctions)
        self.listed = Sanctions()  # what the settings say, and only they can take back
        self.trail: deque[Audited] = deque(trail, TRAIL)
        self.removals: deque[Removed] = deque(maxlen=REMOVED)

    @property
    def locked(self) -> str:
        """Return why nobody new may come in; nothing where everybody may."""
        return self.decisions.get("lock door", "")

    def decide(self, name: str, value: str, keep: Callable[[Any], None]) -> None:
        """Let something hold until it is taken back, by an empty value."""
        before = self.decisions.pop(name, "")
        if value:
            self.decisions[name] = value
        if value != before:
            keep(Decided(name, value))

    def furnish(self, rooms: Iterable[Room]) -> None:
        """Lock and slow down the rooms that were so before the start."""
        for room in rooms:
            if self.decisions.get(f"lock {room.name}"):
                room.gate.flags.add("m")
            room.gate.slow = int(self.decisions.get(f"slow {room.name}") or 0)

    def check_door(self, now: float, *, host: str = "", name: str = "", account: Account | None = None) -> None:
        """Raise Refused `banned` or `door_locked` where someone, of whom so much is known, may not come in."""
        found = self._ban_of(now, host=host, name=name, account=account)
        if found is not None:
            raise banned(found, now)
        if self.locked and name and not (account and account.standing >= Standing.OPERATOR):
            raise Refused("door_locked", self.locked)

    def check_name(self, now: float, name: str) -> None:
        """Raise Refused `banned` where nobody may be called so."""
        found = self._ban_of(now, name=name)
        if found is not None:
            raise banned(found, now)

    def check_new_name(self, now: float, name: str) -> None:
        """Raise Refused `banned` or `muted` where nobody who is here may take this name."""
        self.check_name(now, name)
        found = self.sanctions.find(MUTE, now, name=name)
        if found is not None:
            raise Refused("muted", f"The name {found.shown} is muted {how_long(found, now)}.")

    def mute_of(self, user: User, now: float) -> Sanction | None:
        """Return what keeps someone from speaking, if anything does."""
        return self.sanctions.find(MUTE, now, host=host_of(user.address), name=user.name, account=user.account)

    def _ban_of(self, now: float, **person: Any) -> Sanction | None:
        found = (bans.find(BAN, now, **person) for bans in (self.listed, self.sanctions))
        return next(filter(None, found), None)

    def tidy(self, now: float, keep: Callable[[Any], None]) -> None:
        """Forget the sanctions whose time is over, here and where they are kept."""
        for sanction in self.sanctions.ended(now):
            self.lift(sanction, keep)

    def impose(self, sanction: Sanction, keep: Callable[[Any], None]) -> None:
        """Put a sanction in force. Raises Refused `too_many`."""
        self.tidy(sanction.at, keep)
        self.sanctions.add(sanction)
        keep(sanction)

    def lift(self, sanction: Sanction, keep: Callable[[Any], None]) -> None:
        """End a sanction."""
        self.sanctions.remove(sanction)
        keep(Lifted(sanction.kind, sanction.sort, sanction.key))

    def record(self, act: Audited, keep: Callable[[Any], None]) -> None:
        """Write down what somebody did."""
        fields = (one_line(clean(field))[:TEXT] for field in (act.by, act.act, act.on, act.text))
        act = Audited(act.at, *fields)
        self.trail.append(act)
        keep(act)
