"""One visitor, joined: the channel he came by, the wire he speaks, the session he is in.

It decides nothing about the room; `server.py` gives it the parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from chat.events import Ended, Event, Pinged, Refused, Request, Speech, Wish, singly
from chat.flow import DELAYED, Flow, Verdict
from chat.limits import ledger
from chat.returns import Nobody, give_up, lose
from chat.session import Session
from chat.states import State
from net.connection import SILENT
from net.rounds import Round
from net.way import Nowhere
from wires.plain import Plain
from wires.sniff import Handshake, Unknown, choose

if TYPE_CHECKING:
    from contracts import House
    from net.loop import Timer
    from net.way import Way
    from wires.wire import Wire

PULSE = ("ping", "pong")
PAUSE = 0.5  # seconds without a line end after which what came counts as the name, or a person is asked for one
EARLY = 3.0  # the same, where a browser was lately: browsers connect early, and take the question for a broken answer
CHECK = 60.0  # seconds more for someone whose password is being checked: 64 others may be before him
ANSWER = 5.0  # seconds that an answer may take before the next request is heard: disks hang


class Visit:
    """One connection and the person behind it: owner of the channel, visitor to the session, listener to the room."""

    __slots__ = (
        "_active", "_alive", "_flow", "_held", "_login_by", "_pinged", "_rest", "_rested", "_round", "_secure",
        "_server", "address", "session", "way", "wire",
    )  # fmt: skip

    def __init__(self, server: House, address: str, way: Callable[[Visit], Way], wire: Wire | None = None) -> None:
        self.address = address
        self.wire: Wire = wire or Unknown()
        self.session = Session(server.hub, server.table, self)
        self._server = server
        self.way = way(self)
        self._secure = False  # what is said here is encrypted
        now = server.loop.clock.monotonic()
        self._alive = now  # when the last whole request, or the first byte of one, came; before the login, any byte
        self._active = 0.0  # when the last request came that was no sign of life only; 0 before the first
        self._pinged = 0.0
        self._rested = 0.0  # when what came last without an end counts as whole
        self._rest: Timer | None = None
        self._held: Iterator[Wish] | None = None  # what waits for a password, or for its turn
        self._flow = server.flow(self.host)
        self._login_by = now + server.options.login_timeout
        self._round: Round = server.rounds.join(self, now + PAUSE)

    # -- what the channel tells

    def heard(self, data: bytes) -> None:
        """Bytes came: let the wire make requests of them, and the session handle each."""
        if isinstance(self.wire, Unknown):
            server = self._server
            closed = server.options.closed | ({"tls"} if self._secure else set())
            wire = choose(self.wire.seen + data, closed, partial(server.http, self._secure, self.host), server.irc)
            data = self._recognise(self.wire, data, wire)
            if isinstance(wire, Handshake):
                self.way = server.secure(self, self.way, data)
                return
        if self._flow is not None:
            self._flow.pending += len(data)
        newcomer, unfinished = self.session.newcomer, self.wire.unfinished
        self._handle(self._requests(data))
        if self.wire.successor is not None:
            self._hand_over(self.wire.successor, self.wire.rest)
        if newcomer or not unfinished:  # the beginning of a line is a sign of life, more of it is not
            self._alive = self._now()
        if newcomer or self.wire.over:
            self._conclude()
        self._await_rest()
        if self._flow is not None and self._held is None and (wait := self._flow.drip(self._now())):
            self._wait(iter(()))
            self._server.loop.call_later(wait, self.resume)

    def secured(self) -> None:
        """The connection is encrypted from here on, and begins anew."""
        self._secure, self.wire = True, Unknown()
        self.session.plain_names = self.wire.plain_names
        self._alive = self._now()
        self._login_by = self._alive + self._server.options.login_timeout
        self._wake(self._alive + PAUSE)

    def ended(self, why: str) -> None:
        """The connection is gone. Nothing follows what came last: on some wires that makes it whole."""
        self._server.bring(self.session.user)
        if why == SILENT:
            ledger.hit("dead_limit")
        if self.wire.patience is not None:
            self._handle(self.wire.pause(False))
        if self.session.newcomer:
            self._server.hub.note(f"{self.address} left without a name: {why}.")
        self._round.leave(self)
        if self.session.may_return:
            self._wait_for_return(why)
        self.session.end(why)
        self._server.forget(self)
        self.way = Nowhere()  # the one that has ended knows us: so both are freed at once

    def stalled(self, limit: str, why: str) -> None:
        """The peer does not read."""
        self._put_out(limit, "slow", f"Your connection is too slow: {why}.")

    def failed(self, why: str) -> None:
        """A fault of ours was met while this visitor was served."""
        self.dismiss("fault", f"{why.capitalize()}.")

    def look(self) -> None:
        """See whether this visitor keeps the others waiting."""
        look = self._look_at_newcomer if self.session.newcomer else self._look_at_guest
        look(self._now())

    # -- what the session asks

    @property
    def host(self) -> str:
        """Return the address without the port."""
        return self.address.rpartition(":")[0]

    @property
    def wire_name(self) -> str:
        """Return what lists call this way in."""
        return self.wire.name

    def answer(self, event: Event) -> None:
        """Answer someone who is not in the room yet."""
        self.way.queue(self.wire.encode(event))

    def dismiss(self, code: str, text: str) -> None:
        """Say goodbye, and hang up."""
        hub, session = self._server.hub, self.session
        if session.state is State.LEAVING:
            return
        if session.user is not None:
            hub.leave(session.user, why=text.rstrip("."))
            hub.end(session.user, code, text)
        else:
            hub.note(f"{self.address} left without a name: {text}")
            self.answer(Ended(*hub.stamp(), code, text))
            self.hang_up()
        session.state = State.LEAVING

    def resume(self) -> None:
        """Go on with what came while a password was checked, or too fast."""
        if self.session.state is State.CHECKING:
            return
        held, self._held = self._held, None
        if self.session.state is State.LEAVING:
            return
        self.way.hold(False)
        if held is not None:
            self._handle(held)
            self._conclude()
            self._await_rest()

    def wait(self) -> Callable[[], None]:
        """Hear nothing more until what was asked for has been answered, or for a while; returns what ends it."""
        self.session.wait()
        timer = self._server.loop.call_later(ANSWER, self.session.go_on)

        def go_on() -> None:
            timer.cancel()
            self.session.go_on()

        return go_on

    def retire(self) -> None:
        """The person has come back by another connection."""
        self.session.retire()
        self.hang_up()

    def come_anew(self, code: str, text: str) -> None:
        """End a connection that cannot go on. Who may return does so by himself, as after any loss."""
        if self.session.may_return:
            self._wait_for_return(text.rstrip("."))
            self.hang_up()
        else:
            self.dismiss(code, text)

    def gather(self) -> None:
        """Make of what is held something that can be written down."""
        if self._held is not None:
            self._held = iter([*self._held])

    @property
    def secure(self) -> bool:
        """Return whether it speaks TLS, or is about to."""
        return self._secure or isinstance(self.wire, Handshake)

    # -- what the room tells

    def hang_up(self) -> None:
        """Close, once everything has been sent."""
        self.session.state = State.LEAVING
        self._round.leave(self)
        self.way.hang_up()

    # -- within

    def _put_out(self, limit: str, code: str, text: str) -> None:
        """End a connection that does not work; whoever may return is waited for."""
        ledger.hit(limit)
        self.come_anew(code, text)

    def _wait_for_return(self, why: str, limit: str = "return_limit") -> None:
        """Keep the person's place in the room for as long as the `limit` says; the others need not know."""
        hub, user = self._server.hub, self.session.user
        assert user is not None
        nobody, seconds = Nobody(self.wire), getattr(self._server.options, limit)
        lose(hub, user, nobody, why, seconds)
        self.session.retire()
        self._server.loop.call_later(seconds, partial(give_up, hub, user, nobody, limit))

    def _now(self) -> float:
        return self._server.loop.clock.monotonic()

    def _recognise(self, unknown: Unknown, data: bytes, wire: Wire | None) -> bytes:
        """Take the wire that was recognised, if any; returns the bytes it has to read."""
        if wire is None:
            return data
        self.wire = wire
        self.session.plain_names, self.session.joins = wire.plain_names, wire.joins
        self.session.greeted &= wire.plain_names  # it was a program that took its time
        if isinstance(wire, Plain) and self.session.greeted:
            wire.by_hand()
        if wire.brief:
            options = self._server.options
            self._server.browsers.note(self.host, self._now())
            self._login_by += min(0.0, options.request_timeout - options.login_timeout)
        return unknown.seen + data

    def _hand_over(self, wire: Wire, rest: bytes) -> None:
        """Go on with the wire that the last one led to; the time for a name begins now."""
        self.wire = wire
        self._login_by = self._now() + self._server.options.login_timeout
        self._handle(self._requests(rest))

    def _requests(self, data: bytes) -> Iterator[Wish]:
        """Return what `data` asks for: line by line where one may be the name, or may have to wait for its turn."""
        found = self.wire.receive(data)
        return found if self.session.user is not None and self._flow is None else singly(found)

    def _handle(self, requests: Iterator[Wish]) -> None:
        session = self.session
        last: Wish | None = None
        for request in requests:
            if not self._server.pace.allows(first=last is None, much=isinstance(request, Speech)):
                self._wait(chain((request,), requests))
                self._server.pace.wait(self)
                break
            last = request
            if self._flow is None:
                session.handle(request)
            elif not self._let_flow(self._flow, request):
                self._wait(requests)
                break
            if session.state is State.CHECKING:
                self._wait(requests)
                break
        if last is not None:
            self._alive = self._now()
            if not (isinstance(last, Request) and last.verb in PULSE):
                self._active = self._alive
        self.way.queue(self.wire.replies())

    def _let_flow(self, flow: Flow, request: Wish) -> bool:
        """Handle a request, or refuse it where too many come; returns whether the next one may follow at once."""
        session = self.session
        verdict = flow.judge(self._now())
        if verdict is Verdict.ENDED:
            self.dismiss("flood", Verdict.ENDED.value)
            return True
        if verdict is Verdict.REFUSED:
            session.handle(Refused("flood", verdict.value, getattr(request, "ref", None)))
            return True
        session.handle(request)
        pulse = isinstance(request, Request) and request.verb in PULSE
        wait = flow.spend(not pulse, self._now())
        if not wait or session.state in (State.CHECKING, State.LEAVING):
            return True
        if session.user is not None and flow.tells(self._now()):
            self._server.hub.inform(session.user, "flood", DELAYED)
        self._server.loop.call_later(wait, partial(self._server.pace.wait, self))
        return False

    def _wait(self, requests: Iterator[Wish]) -> None:
        """Read nothing more for a while; `resume` goes on."""
        self._held = requests
        self.way.hold(True)

    def _conclude(self) -> None:
        """After what came before the login, or came last: hang up, or look again whether something follows."""
        if self.wire.over:
            if self.session.newcomer and self.wire.why:
                self._server.hub.note(f"{self.address} left without a name: {self.wire.why}.")
            self._server.bring(self.session.user)
            if self.wire.reloads and self.session.may_return:
                self._wait_for_return(self.wire.why, "reload_limit")
            self.session.end(self.wire.why)
            self.hang_up()
        elif self.wire.single and self.session.state is State.NAMING:
            self.hang_up()  # not let in
        elif self._round.when > self._alive + PAUSE:
            self._wake(self._alive + PAUSE)

    def _wake(self, when: float) -> None:
        self._round.leave(self)
        if self.session.state is not State.LEAVING:
            self._round = self._server.rounds.join(self, when)

    def _look_at_newcomer(self, now: float) -> None:
        checking = self.session.state is State.CHECKING  # it is not his fault how long that takes
        if now >= self._login_by + CHECK * checking:
            self._put_out("request_timeout" if self.wire.brief else "login_timeout", "login_timeout", self._late())
        elif self._held is not None:
            self._wake(now + PAUSE)
        elif now < self._alive + self._patience(now):
            self._wake(self._alive + self._patience(now))
        else:
            self._pause()
            self._wake(self._login_by if self.session.newcomer else now)

    def _patience(self, now: float) -> float:
        """Return how long someone may be silent before he is asked for his name, or what he sent counts as whole."""
        silent = isinstance(self.wire, Unknown) and not self.wire.seen
        return EARLY if silent and self._server.browsers.has(self.host, now) else PAUSE

    def _late(self) -> str:
        options = self._server.options
        if self.wire.brief:
            what = "TLS handshake" if isinstance(self.wire, Handshake) else "request"
            return f"No whole {what} came within {min(options.request_timeout, options.login_timeout):g} seconds."
        return f"No name came within {options.login_timeout:g} seconds."

    def _pause(self) -> None:
        """Half a second without a byte: a person who waits to be asked, or a client that ends no line."""
        if isinstance(self.wire, Unknown) and self.wire.seen:
            self._handle(self._requests(self._recognise(self.wire, b"", Plain())))
        if self.wire.plain_names and not self._active and not self.wire.unfinished:
            self.session.greet()
        self._handle(self.wire.pause(self.session.greeted))

    def _await_rest(self) -> None:
        """Give what has no end yet a moment, on wires whose clients end nothing."""
        if self.wire.patience is not None and self.wire.unfinished:
            self._rested = self._now() + self.wire.patience
            if self._rest is None:
                self._rest = self._server.loop.call_at(self._rested, self._take_rest)

    def _take_rest(self) -> None:
        self._rest = None
        if self._now() < self._rested:  # more came meanwhile
            self._rest = self._server.loop.call_at(self._rested, self._take_rest)
        elif self.session.state is not State.LEAVING and self._held is None:
            self._handle(self.wire.pause(False))

    def _look_at_guest(self, now: float) -> None:
        options, wire = self._server.options, self.wire
        silent = now - self._alive
        if options.idle_limit and now - self._active >= options.idle_limit:
            ledger.hit("idle_limit")
            self.dismiss("idle", f"Nothing was heard from you for {options.idle_limit:g} seconds.")
        elif silent >= options.silent_limit and (self._pinged > self._alive or wire.unfinished or wire.reports):
            self._put_out(
                "silent_limit", "timeout", f"No whole line came from you for {options.silent_limit:g} seconds."
            )
        elif silent >= options.ping_after and wire.pings and self._pinged <= self._alive:
            ledger.hit("ping_after")
            self._pinged = now
            self.way.write(wire.encode(Pinged(0, 0.0)))
        self._wake(self._next_look(now))

    def _next_look(self, now: float) -> float:
        options = self._server.options
        silent_by, ping_by = self._alive + options.silent_limit, self._alive + options.ping_after
        due = [silent_by if silent_by > now else now + options.silent_limit]
        due += [ping_by] if self.wire.pings and ping_by > now else []
        if options.idle_limit:
            due.append(self._active + options.idle_limit)
        return min(due)
