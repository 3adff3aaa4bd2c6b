"""Where one's own name stands in what somebody says: what is meant for oneself. It knows no screen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from clients.words import Entry, Kind


def split(text: str, name: str) -> Iterator[tuple[str, bool]]:
    """Yield the pieces of `text` that are not empty, and whether each is `name`, as a whole word, in any case."""
    done = 0
    for match in _pattern(name).finditer(text) if name else ():
        if done < match.start():
            yield text[done : match.start()], False
        yield match[0], True
        done = match.end()
    if done < len(text):
        yield text[done:], False


def is_for(entry: Entry, name: str) -> bool:
    """Return whether somebody else says it to `name` in private, or calls him in a room, now."""
    if entry.own or entry.past:
        return False
    if entry.kind is Kind.PRIVATE:
        return True
    return entry.kind in (Kind.SAID, Kind.ACTED) and bool(name) and _pattern(name).search(entry.text) is not None


@lru_cache(maxsize=4)
def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", re.IGNORECASE)
