"""Who may come into a room, speak in it and change it: what IRC calls its modes. Plain data and masks, no rules.

A mask is compared with `name!user@host`, without case; `*` stands for any characters, `?` for one.
"""

from __future__ import annotations

from typing import Any

from record import entity, field, record

USUAL = frozenset("nt")
"""A new room hears its members alone, and only those who run it say what it is about."""

FLAGS = "Cimnst"
LISTS = "beI"
RANKS = "ov"
SIGNS = {"o": "@", "v": "+"}
ENTRIES = 100  # masks in all lists of a room
MASK = 200  # characters in a mask


@record
class Entry:
    """A mask of a list: who put it there, and when (seconds since 1970 UTC)."""

    mask: str
    by: str
    at: float


@entity
class Gate:
    """The state of one room. `ranks` holds letters of RANKS by person; `limit` 0 is none.

    With `slow` a person speaks once in so many seconds; `spoke` is when each did last, by the key of his name.
    """

    flags: set[str] = field(default_factory=lambda: set(USUAL))
    key: str = ""
    limit: int = 0
    lists: dict[str, dict[str, Entry]] = field(default_factory=dict)
    ranks: dict[Any, str] = field(default_factory=dict)
    invited: dict[Any, None] = field(default_factory=dict)
    made: float = 0.0
    described_by: str = ""
    described_at: float = 0.0
    slow: int = 0
    spoke: dict[str, float] = field(default_factory=dict)

    def signs(self, user: Any) -> str:
        """Return the signs before someone's name, the highest first: `@`, `+`, `@+`, or nothing."""
        ranks = self.ranks.get(user, "")
        return "".join(SIGNS[rank] for rank in RANKS if rank in ranks)

    def runs(self, user: Any) -> bool:
        """Return whether someone runs the room."""
        return "o" in self.ranks.get(user, "")

    def shown(self, *, with_key: bool) -> str:
        """Return the modes as IRC writes them: `+kt key`; the key itself only `with_key`."""
        letters = "".join(sorted(self.flags)) + "k" * bool(self.key) + "l" * bool(self.limit)
        values = [self.key if with_key else "*"] * bool(self.key) + [f"{self.limit}"] * bool(self.limit)
        return " ".join([f"+{letters}", *values])

    @property
    def bars(self) -> bool:
        """Return whether not everybody in the room may speak."""
        return "m" in self.flags or self.slow > 0 or bool(self.lists.get("b"))

    def listed(self, letter: str, address: str) -> bool:
        """Return whether a mask of the list `letter` fits `name!user@host`."""
        return any(fits(mask, address) for mask in self.lists.get(letter, ()))

    def forget(self, user: Any) -> None:
        """Take note that someone has left the room."""
        self.ranks.pop(user, None)


def whole(mask: str) -> str:
    """Return a mask with all its three parts: `ann` is `ann!*@*`."""
    name, at, host = mask.partition("@")
    name, bang, user = name.partition("!")
    if at and not bang:
        name, user = "*", name
    return f"{name or '*'}!{user or '*'}@{host or '*'}"


def fits(mask: str, text: str) -> bool:
    """Return whether `mask` fits the whole of `text`, without case, in time proportional to the product of both."""
    mask, text = mask.lower(), text.lower()
    at = here = 0
    star, resume = -1, 0
    while here < len(text):
        if at < len(mask) and mask[at] == "*":
            star, resume = at, here
            at += 1
        elif at < len(mask) and mask[at] in ("?", text[here]):
            at += 1
            here += 1
        elif star >= 0:
            resume += 1
            at, here = star + 1, resume
        else:
            return False
    return not mask[at:].strip("*")
