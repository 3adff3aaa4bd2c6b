"""How fast somebody may talk. What comes faster is delayed; what would wait for too long is refused. Has no clock.

A bucket holds what may come all at once, and fills again by and by. There is one for each person and one for each
address. It may be overdrawn once: then one waits until the debt is paid, so that nothing is lost and order is kept.
"""

from __future__ import annotations

from collections import OrderedDict
from enum import Enum

from chat.limits import Ledger, Limits

AT_ONCE = 8  # seconds' worth of bytes that may come at once: a message of the greatest length goes through
DRIP = 32_768  # bytes without the end of a message that are charged by themselves
KNOWN = 10_000  # addresses remembered
DELAYED = "You send fast: what you say is delayed, and nothing is lost."
QUIET = 10.0  # seconds in which nobody is told again that he is delayed


class Bucket:
    """So many things at once, so many a second afterwards."""

    __slots__ = ("_at", "_burst", "_left", "_rate")

    def __init__(self, burst: float, rate: float, now: float) -> None:
        self._burst = self._left = burst
        self._rate = rate
        self._at = now

    def spend(self, count: float, now: float) -> float:
        """Take `count` out; return for how many seconds one has to wait now, 0 where nothing is owed."""
        self._left = min(self._burst, self._left + (now - self._at) * self._rate) - count
        self._at = now
        return -self._left / self._rate if self._left < 0 else 0.0

    def give_back(self) -> None:
        """Put one back in."""
        self._left = min(self._burst, self._left + 1)

    @property
    def full(self) -> bool:
        """Return whether hardly anything had been taken when it was asked last."""
        return self._left >= self._burst - 1


class Talk:
    """A bucket for messages and one for bytes."""

    __slots__ = ("bytes", "messages")

    def __init__(self, limits: Limits, factor: int, now: float) -> None:
        self.messages = Bucket(limits.talk_burst * factor, limits.talk_rate * factor, now)
        self.bytes = Bucket(limits.talk_bytes * factor * AT_ONCE, limits.talk_bytes * factor, now)

    def spend(self, messages: int, size: int, now: float) -> float:
        """Take from both; return for how long to wait."""
        return max(self.messages.spend(messages, now), self.bytes.spend(size, now))


class Addresses:
    """What those who come from one address may do together; who has not been heard for longest is forgotten."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._talks: OrderedDict[str, Talk] = OrderedDict()

    def flow(self, host: str, place: str, now: float) -> Flow | None:
        """Return what holds back a newcomer from `host`, who shares with all of `place`; None where nothing does."""
        if self._ledger.spares(host):
            return None
        limits = self._ledger.limits
        talk = self._talks.get(place)
        if talk is None:
            talk = self._talks[place] = Talk(limits, limits.address_factor, now)
            if len(self._talks) > KNOWN:
                self._talks.popitem(last=False)
        self._talks.move_to_end(place)
        return Flow(self._ledger, talk, now)


class Verdict(Enum):
    """What becomes of a message; for the person, in words."""

    GRANTED = ""
    REFUSED = "You send too much; this was left out. Pause a while."
    ENDED = "You sent far more than the room takes."


class Flow:
    """What one connection may say."""

    __slots__ = ("_address", "_delayed", "_ledger", "_person", "_refused", "_told", "pending")

    def __init__(self, ledger: Ledger, address: Talk, now: float) -> None:
        self._ledger = ledger
        self._address = address
        self._person = Talk(ledger.limits, 1, now)
        self._delayed = 0.0  # seconds, since the bucket was full
        self._refused = 0
        self._told = -QUIET
        self.pending = 0  # bytes that came, and are charged with the next message

    def judge(self, now: float) -> Verdict:
        """Return what becomes of the next message. Who was refused may go on when his bucket is full again."""
        limits = self._ledger.limits
        if self._delayed <= limits.talk_delay:
            return Verdict.GRANTED
        self.pending = 0
        self._person.spend(0, 0, now)
        if self._person.messages.full:
            self._delayed, self._refused = 0.0, 0
            return Verdict.GRANTED
        self._refused += 1
        self._ledger.hit("talk_refused" if self._refused > limits.talk_refused else "talk_delay")
        return Verdict.ENDED if self._refused > limits.talk_refused else Verdict.REFUSED

    def spend(self, count: int, now: float) -> float:
        """Charge `count` messages, and what came; return for how long the next one has to wait."""
        wait = self._charge(count, now)
        if wait:
            if not self._delayed:
                self._ledger.hit("talk_burst")
            self._delayed += wait
        elif self._person.messages.full:
            self._delayed = 0.0
        return wait

    def drip(self, now: float) -> float:
        """Charge much that came and is no whole message yet; return for how long what follows has to wait."""
        if self.pending < DRIP:
            return 0.0
        return self._charge(0, now)

    def _charge(self, count: int, now: float) -> float:
        size, self.pending = self.pending, 0
        rate, volume = self._person.messages.spend(count, now), self._person.bytes.spend(size, now)
        wait = max(rate, volume, self._address.spend(count, size, now))
        if wait:
            self._ledger.hit("talk_rate" if wait == rate else "talk_bytes" if wait == volume else "address_factor")
        return wait

    def tells(self, now: float) -> bool:
        """Return whether it is time to tell that there is a delay."""
        if now - self._told < QUIET:
            return False
        self._told = now
        return True
