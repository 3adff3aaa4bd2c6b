"""The store, as the hub sees it: what the hub starts with, and the answers to what it asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chat.accounts import Account
from chat.events import Refused
from chat.turn import Room
from store.records import Failure, Find, History, Inbox, Loaded
from store.store import Store


def accounts(loaded: Loaded) -> list[Account]:
    """Return the registered names."""
    return [
        Account(
            kept.name,
            kept.key,
            kept.hash,
            kept.made,
            kept.seen,
            int(kept.seconds),
            kept.messages,
            kept.inbox,
            dict(kept.blocked),
            dict(kept.watched),
            standing=kept.standing,
        )
        for kept in loaded.accounts.values()
    ]


def lasting(loaded: Loaded) -> list[Room]:
    """Return the rooms that the host has made."""
    return [Room(kept.name, kept.title, kept.description) for kept in loaded.rooms.values() if not kept.own]


class StoreMemory:
    """Answers the hub's questions from the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def history(
        self,
        rooms: tuple[str, ...],
        person: str,
        count: int,
        without: tuple[str, ...],
        answer: Callable[[Any], None],
        *,
        before: int | None = None,
    ) -> None:
        """Call `answer` with what was said last, or last `before` an id, or with a Refused."""
        question = History(rooms, person, before, n=count, without=without)
        self._store.ask(question, lambda found: answer(_or_refused(found)))

    def inbox(self, person: str, answer: Callable[[Any], None]) -> None:
        """Call `answer` with what waits for the account `person`, or with a Refused."""
        self._store.ask(Inbox(person), lambda found: answer(_or_refused(found)))

    def find(self, number: int, answer: Callable[[Any], None]) -> None:
        """Call `answer` with what was said in a room under this id, if anything was, or with a Refused."""
        self._store.ask(Find(number), lambda found: answer(_or_refused(found)))


def _or_refused(found: Any) -> Any:
    return Refused("no_store", found.text) if isinstance(found, Failure) else found
