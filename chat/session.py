"""The named states of one visitor, and what each accepts. Knows neither the wire nor the socket he came by."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from typing import Protocol

from chat.events import Asked, Declined, Event, Ponged, Refused, Request, Told
from chat.hub import Hub, User

QUESTION = "What is your name?"


class State(Enum):
    """Every visitor is in exactly one of these."""

    NAMING = "asked for a name"
    PRESENT = "in the room"
    LEAVING = "has heard goodbye, or is gone"


ACCEPTS: dict[State, frozenset[str] | None] = {
    State.NAMING: frozenset({"login", "ping", "pong", "quit"}),
    State.PRESENT: None,
    State.LEAVING: frozenset(),
}
"""What each state accepts. None stands for `ping`, `pong` and every verb of the command table."""


class Rules(Protocol):
    """The command table, as a session sees it."""

    def read(self, user: User | None, line: str) -> Request: ...
    def run(self, hub: Hub, user: User, request: Request) -> None: ...


class Visitor(Protocol):
    """The connection, as a session sees it: who it is, and a way to answer before there is a user."""

    address: str

    @property
    def wire_name(self) -> str: ...
    def answer(self, event: Event) -> None: ...
    def dismiss(self, code: str, text: str) -> None: ...


class Session:
    """One visitor's way from the first request to the last."""

    def __init__(self, hub: Hub, rules: Rules, visitor: Visitor) -> None:
        self.state = State.NAMING
        self.user: User | None = None
        self.greeted = False
        self.plain_names = False
        self._hub = hub
        self._rules = rules
        self._visitor = visitor

    def handle(self, request: Request | Refused) -> None:
        """Do what is asked, or answer why not. What comes after goodbye does not count."""
        if self.user is not None and self.user.gone:
            self.state = State.LEAVING
        if self.state is State.LEAVING:
            return
        try:
            if isinstance(request, Refused):
                raise request
            request = self._read(request)
            accepted = ACCEPTS[self.state]
            if accepted is not None and request.verb not in accepted:
                raise Refused("not_logged_in", "Please log in with a name first.")
            self._do(request)
        except Refused as refusal:
            self._decline(refusal, request)

    def greet(self) -> None:
        """Ask someone who said nothing yet for a name."""
        self.greeted = True
        self._ask(QUESTION)

    def seat(self, user: User) -> None:
        """Let `user` be the one who visits: he is in the room now."""
        self.user = user
        self.state = State.PRESENT

    def end(self, why: str) -> None:
        """The connection is gone, for the reason `why`."""
        self.state = State.LEAVING
        if self.user is not None:
            self._hub.leave(self.user, why=why)

    def _read(self, request: Request) -> Request:
        """Return the request behind a typed line; where a name is asked for, what is said is the name."""
        if request.verb == "line":
            return replace(self._rules.read(self.user, request.rest), ref=request.ref)
        if self.user is None and self.plain_names and request.verb == "say":
            return Request("login", request.rest, ref=request.ref)
        return request

    def _do(self, request: Request) -> None:
        if request.verb == "login":
            self._login(request)
        elif request.verb in ("ping", "pong"):
            self._pulse(request)
        elif self.user is not None:
            self._rules.run(self._hub, self.user, request)
        else:
            self._visitor.dismiss("quit", "Goodbye.")
            self.state = State.LEAVING

    def _login(self, request: Request) -> None:
        if self.user is not None:
            raise Refused("logged_in", f"You are logged in already, as {self.user.name}.")
        raw = request.rest if request.fields is None else request.field("name")
        visitor = self._visitor
        user = self._hub.enter(raw, visitor, address=visitor.address, wire=visitor.wire_name, ref=request.ref)
        self.seat(user)
        if self.greeted:
            count = len(self._hub)
            self._tell(f"Welcome, {user.name}. {count} people are here. /help lists what you can type.")

    def _pulse(self, request: Request) -> None:
        if request.verb == "ping":
            self._answer(Ponged(*self._hub.stamp(), request.ref))

    def _decline(self, refusal: Refused, request: Request | Refused) -> None:
        verb = request.verb if isinstance(request, Request) else ""
        about = "login" if self.user is None else verb
        self._answer(Declined(*self._hub.stamp(), about, refusal.code, refusal.text, request.ref))
        if self.user is None and self.greeted:
            self._ask(f"{refusal.text} {QUESTION}" if refusal.code == "name_taken" else QUESTION)

    def _ask(self, text: str) -> None:
        self._answer(Asked(*self._hub.stamp(), "name", text))

    def _tell(self, text: str) -> None:
        self._answer(Told(*self._hub.stamp(), "welcome", text))

    def _answer(self, event: Event) -> None:
        """Answer in the order of everything else once there is a user; before, straight away."""
        if self.user is not None:
            self._hub.tell(self.user, event)
        else:
            self._visitor.answer(event)
