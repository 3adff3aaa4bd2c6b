"""Tells everyone what the hub has posted, and has it kept. What is much to tell takes several turns of the loop.

One telling comes after the other. What little is said to few while one is under way slips in; everything else waits
until that is out, and, where that took long, a moment more for those who answer it: so they are told together, with
half the writes that two groups told by turns would take. It decides nothing, and knows neither sockets nor bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from chat.hub import Hub
from chat.turn import Turn, User
from net.loop import FAULT, Loop
from store import Store
from wires.crowds import Crowds
from wires.fanout import Acknowledgements, Telling

FEW = 16  # people whom something may be told while a telling is under way
LONG = 0.005  # seconds; after a telling that took so long, the next one waits for those who answer this one
WAIT = 0.05  # of those seconds, at most
MOST = 0.004  # seconds


class Watcher(Protocol):
    """Who looks at each turn as it goes out."""

    def see(self, turn: Turn) -> None: ...


class House(Protocol):
    """The server, as far as something is told in it."""

    loop: Loop
    hub: Hub
    store: Store | None

    @property
    def overseer(self) -> Watcher: ...


class Teller:
    """One for all. Nobody sees anything in another order than that in which the hub has accepted it."""

    def __init__(self, server: House) -> None:
        self._server = server
        self._telling: Telling | None = None
        self._crowds = Crowds()
        self._faults: dict[Any, Exception] = {}
        self._began = 0.0  # when the telling began that is under way, or was the last one
        self._awaited: set[User] = set()  # who spoke in it, and may answer
        self._patience = 0.0  # when that has taken too long

    def tell_all(self) -> None:
        """Tell whatever there is to tell."""
        while True:
            self._awaited.clear()
            self.tell(lambda: False)
            if not self._server.loop.behind:
                return

    def tell(self, late: Callable[[], bool]) -> None:
        """Go on telling until it is `late`, and say to the loop whether more is to be told."""
        loop, hub = self._server.loop, self._server.hub
        may_begin = self._telling is None  # else the loop first hears who has more to say: it is told together
        while self._go_on(late) and may_begin and not self._waits() and self._begin():
            may_begin = not late()
        if self._telling is not None and hub.posted:
            self._slip_in(self._telling)
        loop.untold = bool(hub.posted)
        loop.behind = loop.untold or self._telling is not None

    def bring(self, user: User | None) -> None:
        """Tell somebody who is about to leave what he is still to be told."""
        if self._telling is not None and user is not None:
            self._telling.bring(user)

    def _go_on(self, late: Callable[[], bool]) -> bool:
        """Go on with what is being told; returns whether it is out."""
        if self._telling is None:
            return True
        for user in self._server.hub.posted.since:
            self._telling.forget(user)
        if self._telling.go_on(late):
            self._await_answers(self._telling)
            self._telling = None
        self._blame()
        return self._telling is None

    def _await_answers(self, told: Telling) -> None:
        """Expect those who have spoken to go on: where they do not all come at once, they would be told by turns."""
        now = self._server.loop.clock.monotonic()
        took = now - self._began
        self._awaited = {*told.authored} if took > LONG else set()
        self._patience = now + min(took * WAIT, MOST)

    def _waits(self) -> bool:
        """Return whether what has been posted is to wait a moment for those who may have more to say."""
        posted = self._server.hub.posted
        if not (self._awaited and posted) or self._server.loop.clock.monotonic() > self._patience:
            return False
        return not self._awaited.issubset(post.author for post in posted.posts)

    def _begin(self) -> bool:
        """Begin with what has been posted since; returns whether that is anything."""
        self._began = self._server.loop.clock.monotonic()
        turn = self._server.hub.take()
        self._telling = self._open(turn) if turn else None
        return self._telling is not None

    def _slip_in(self, under_way: Telling) -> None:
        """Tell what concerns a few, after what each of them is still to be told."""
        audience = self._server.hub.posted.audience(FEW)
        if audience is None:
            return
        for user in audience:
            under_way.bring(user)
        self._open(self._server.hub.take()).go_on()
        self._blame()

    def _open(self, turn: Turn) -> Telling:
        """Have a turn kept, and hang up on those who leave once they have been told why."""
        self._server.overseer.see(turn)
        self._crowds.forget(turn)
        telling = Telling(turn, self._faults.__setitem__, self._crowds)
        try:
            for user in turn.gone:
                telling.bring(user)
            self._keep(turn, telling)
        finally:
            for user in turn.gone:
                user.listener.hang_up()
        return telling

    def _keep(self, turn: Turn, telling: Telling) -> None:
        """Have the store keep what is to last; whoever waits for that is told when it is safe."""
        store = self._server.store
        acknowledgements = telling.acknowledgements() if turn.lasts else []
        done = partial(_kept, turn, telling, acknowledgements)
        if store is None:
            done()
            return
        store.used(self._server.hub.newest)
        if turn.facts or turn.when_kept:
            store.write(turn.facts, done if acknowledgements or turn.when_kept else None)

    def _blame(self) -> None:
        """Put out those in whose wires there was a fault of ours."""
        faults, self._faults = self._faults, {}
        for listener, error in faults.items():
            self._server.loop.report(type(listener.wire).__name__, error)
            listener.failed(FAULT)


def _kept(turn: Turn, telling: Telling, acknowledgements: Acknowledgements) -> None:
    if acknowledgements:
        telling.bring_authors()
    for listener, data in acknowledgements:
        listener.way.write(data)
    for action in turn.when_kept:
        action()
