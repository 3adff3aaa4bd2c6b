"""The link to a server that the terminal and the window share: a thread that connects, listens, and comes back.

It knows no screen. What it learns it hands over as the server's own objects, made harmless, and as its news:
`{"event": "link", "state": S, "text": "a sentence for the person"}`, where S is one of

connecting  an attempt begins
connected   the name is accepted; the server's `welcome` comes next
lost        the connection broke; `retrying` or `gave_up` comes next
retrying    the next attempt comes after a pause, which the text tells
stranger    nobody vouches for the server, whose `fingerprint` comes with it: `confirm` it, or `close`
gave_up     the last attempt failed, or the server is not to be trusted: the end
closed      the server said goodbye, or `close` was called: the end

`retrying` has `"again": true` where it only repeats what the one before said.
"""

from __future__ import annotations

import contextlib
import random
import selectors
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from clients.dial import Dialer
from clients.endings import FINAL
from clients.ledger import Ledger, refusal
from clients.people import word
from clients.place import Place
from clients.secret import DOOR
from clients.trouble import reason, remedy
from clients.trust import Stranger, Trust, Untrusted
from clients.visit import Foreign, Lost, Patience, Visit
from clients.ways import Way

REQUESTS = 10_000  # that may wait for the thread to take them

Deliver = Callable[[dict[str, Any]], None]


class _Closed(Exception):
    """`close` was called, or the server said goodbye."""


class _NameRefused(Exception):
    """The person must choose another name."""


class Link:
    """One visit to a server over the JSON wire, in a thread of its own.

    `deliver` is called on that thread, with one object at a time. A refused login ends in a wait for `login`.
    A request that could not be sent is delivered as `refused` with its `ref` and the code `not_connected`, `not_sent`
    or `too_long`, one of which nobody knows what became of it as `unconfirmed`.

    Who comes back in time has missed nothing; his `welcome`, and the `joined` of his other rooms, are marked
    `"resumed": true`. Otherwise it goes into the rooms in which it was. The password is kept in memory for that alone.
    Until somebody was let in there are so many `attempts`, and later so many `returns`.
    """

    def __init__(
        self,
        place: Place,
        name: str,
        deliver: Deliver,
        *,
        trust: Trust | None = None,
        attempts: int = 5,
        returns: int = 60,
        patience: Patience | None = None,
    ) -> None:
        self.server = str(place)
        self._place, self._name = place, name
        self._deliver = deliver
        self._attempts, self._returns = attempts, returns
        self._patience = patience or Patience()
        self._trust = trust or Trust()
        self._dialer = Dialer(place, self._trust, self._watch, self._patience.connect)
        self._ledger = Ledger()
        self._password = ""
        self._door = self._asked = ""  # the password of the room; the code with which the login was refused
        self._new_password: tuple[object, str] = (None, "")
        self._accepted = ""
        self._rooms: dict[str, None] = {}
        self._failures = 0
        self._why = ""
        self._new_login: tuple[str, str] | None = None
        self._confirmed = ""
        self._reason: str | None = None
        self._requests: deque[dict[str, Any]] = deque()
        self._lock = threading.Lock()
        self._ended = False
        self._waker, self._woken = socket.socketpair()
        self._waker.setblocking(False)
        self._woken.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._woken, selectors.EVENT_READ)
        # A look-up of a host name cannot be broken off; as a daemon the thread does not hold up the end of the program.
        self._thread = threading.Thread(target=self._run, name=f"link to {self.server}", daemon=True)

    # ---- for other threads ------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to connect."""
        self._thread.start()

    def login(self, name: str, password: str = "") -> None:
        """Try again under another name, or with the password of this one or of the room, after a refusal."""
        self._new_login = name, password
        self._wake()

    def confirm(self, fingerprint: str) -> None:
        """The person trusts the stranger that has this fingerprint."""
        self._confirmed = fingerprint
        self._wake()

    def send(self, request: dict[str, Any]) -> bool:
        """Send `{"do": …}`. Never blocks; False when 10,000 requests wait already and this one was not taken."""
        if len(self._requests) >= REQUESTS:
            return False
        self._requests.append(request)
        self._wake()
        return True

    def close(self, reason: str = "") -> None:
        """Say quit and hang up. Returns at once; the thread ends within 2 s. Twice is harmless."""
        if self._reason is None:
            self._reason = reason
        if self._thread.ident is None:
            self._release()
        self._wake()

    def join(self, seconds: float = 2.0) -> bool:
        """Wait for the thread's end, but not on that thread itself; False when it did not come within `seconds`."""
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join(seconds)
        return not self._thread.is_alive()

    def _wake(self) -> None:
        with self._lock:
            if not self._ended:
                with contextlib.suppress(BlockingIOError):
                    self._waker.send(b"!")

    # ---- the thread -------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._come_and_go()
        except _Closed as end:
            self._abandon()
            self._news("closed", str(end))
        finally:
            self._release()

    def _release(self) -> None:
        with self._lock:
            self._ended = True
            self._selector.close()
            self._waker.close()
            self._woken.close()

    def _come_and_go(self) -> None:
        """Visit the server until it said goodbye, `close` was called, or too many attempts have failed."""
        while self._failures < self._most:
            try:
                self._visit()
            except _NameRefused:
                self._await_name()
            except Stranger as stranger:
                self._await_trust(stranger)
            except (Lost, OSError, UnicodeError, Untrusted) as error:
                self._failures = self._most if self._is_hopeless(error) else self._failures + 1
                self._pause(reason(error), "" if self._accepted else remedy(error))

    @property
    def _most(self) -> int:
        return self._returns if self._accepted else self._attempts

    def _is_hopeless(self, error: Exception) -> bool:
        wrong = (Foreign, socket.gaierror, UnicodeError, ssl.SSLError)
        at_first = not self._accepted and isinstance(error, wrong) and not isinstance(error, ssl.SSLEOFError)
        return at_first or isinstance(error, Untrusted)

    def _visit(self) -> None:
        self._news("connecting", f"Connecting to {self.server} …")
        self._obey_close()
        way = self._dialer.dial()
        with contextlib.closing(way):
            visit = Visit(way, self._ledger, self._patience, self._name, self._password, door=self._door)
            try:
                self._talk(visit, way)
            except (Lost, OSError) as error:
                self._lose(visit, reason(error))
                raise

    def _watch(self, descriptor: int, events: int, deadline: float) -> int:
        """Wait for a descriptor as long as nobody calls `close`; return what it is ready for."""
        with self._watching(descriptor):
            self._selector.modify(descriptor, events)
            ready = self._sleep(deadline, descriptor)
        self._obey_close()
        return ready

    @contextlib.contextmanager
    def _watching(self, descriptor: int) -> Iterator[None]:
        self._selector.register(descriptor, selectors.EVENT_READ)
        try:
            yield
        finally:
            self._selector.unregister(descriptor)

    def _talk(self, visit: Visit, way: Way) -> None:
        """Carry requests there and objects back until the visit is over."""
        descriptor = way.fileno()
        with self._watching(descriptor):
            while True:
                self._take_requests(visit)
                if self._reason is not None:
                    self._take_leave(visit)
                self._selector.modify(descriptor, way.events(visit.waiting))
                if self._sleep(0.0 if way.holds else visit.deadline, descriptor) or way.holds:
                    for found in visit.receive():
                        self._hear(visit, found)
                    visit.flush()
                visit.check()

    def _hear(self, visit: Visit, found: dict[str, Any]) -> None:
        event = found.get("event")
        if event == "welcome":
            self._welcomed(visit, found, back=found.get("resumed") is True)
        elif event == "refused" and not visit.welcomed and found.get("code") not in FINAL:
            self._refused(found)
        elif event == "renamed" and found.get("old") == self._accepted:
            self._renamed(word(found, "new"))
        elif event == "told" and found.get("ref") is not None and found.get("ref") == self._new_password[0]:
            self._name, self._password = self._accepted, self._new_password[1]
        elif event in ("joined", "parted"):
            self._move(word(found, "room"), came=event == "joined")
        self._deliver(found)
        if event == "goodbye":
            raise _Closed(word(found, "text") or "The server said goodbye.")

    def _welcomed(self, visit: Visit, found: dict[str, Any], *, back: bool) -> None:
        """The name is accepted. Who has not come back goes into the rooms in which he was, the current one last."""
        self._news("connected", f"Connected to {self.server}{' again' if self._accepted else ''}.", resumed=back)
        self._accepted = word(found, "name") or self._name
        if not (back and self._password):
            self._name = self._accepted
        self._why = ""
        first = word(found, "room")
        again = [room for room in self._rooms if room != first or room == next(reversed(self._rooms))]
        self._rooms = {first: None}
        if again != [first] and not back:
            for room in again:
                visit.put({"do": "join", "room": room})

    def _renamed(self, name: str) -> None:
        """Come back under the new name; where there is a password, under the one that it belongs to."""
        self._accepted = name or self._accepted
        if not self._password:
            self._name = self._accepted

    def _move(self, room: str, *, came: bool) -> None:
        self._rooms.pop(room, None)
        if came:
            self._rooms[room] = None

    def _refused(self, found: dict[str, Any]) -> None:
        """The login is refused: wait where that is only for the moment, else tell the person."""
        code = found.get("code")
        if code == "busy" and self._failures + 1 < self._most:
            raise Lost("the server is busy")
        if code == "name_taken" and self._name == self._accepted and self._failures + 1 < self._attempts:
            raise Lost("your name is still held by the connection that broke")
        self._give_up_open()
        self._asked = str(code)
        self._deliver(found)
        raise _NameRefused

    def _lose(self, visit: Visit, why: str) -> None:
        """A connection broke: tell it where there was one, and what became uncertain with it."""
        if self._reason is not None:
            raise _Closed("You have left.")
        if visit.welcomed:
            if time.monotonic() - visit.began >= self._patience.steady:
                self._failures = 0
            self._news("lost", f"The connection to {self.server} is lost: {why}.")
            self._why = why
        if not self._ledger.hopes:
            self._give_up_open()

    def _pause(self, why: str, what_to_do: str) -> None:
        """Wait before the next attempt, longer each time, or give up."""
        if self._failures >= self._most:
            self._abandon()
            self._news("gave_up", f"Gave up on {self.server}: {why}. {what_to_do}".rstrip())
            return
        pause = min(self._patience.pause * 2 ** (self._failures - 1), self._patience.longest)
        pause *= random.uniform(0.8, 1.2)  # so that a room of people does not come back in the same instant
        what = f"{self.server}: {why}. Trying again in {pause:.1f} s ({self._failures + 1} of {self._most})."
        self._news("retrying", what, again=why == self._why)
        self._why = why
        deadline = time.monotonic() + pause
        while time.monotonic() < deadline:
            self._sleep(deadline)
            self._obey_close()
            self._refuse_requests()

    def _await_name(self) -> None:
        while self._new_login is None:
            self._sleep(None)
            self._obey_close()
            self._refuse_requests()
        (self._name, given), self._new_login = self._new_login, None
        self._door, self._password = (given, "") if self._asked == DOOR and given else (self._door, given)
        self._failures = 0

    def _await_trust(self, stranger: Stranger) -> None:
        """Ask the person whether he trusts this server; remember it where he does."""
        shown, self._confirmed = stranger.fingerprint, ""
        why = f"Nobody vouches for {self.server} ({stranger.why})"
        what = f"{why}. Trust it only if the host's console shows this fingerprint:"
        self._news("stranger", what, fingerprint=shown)
        while self._confirmed != shown:
            self._sleep(None)
            self._obey_close()
            self._refuse_requests()
        try:
            self._trust.confirm(self._place.server, shown)
        except OSError as error:
            text = f"That you trust {self.server} could not be written down: {reason(error)}. You will be asked again."
            self._deliver({"event": "told", "about": "trust", "text": text})

    def _obey_close(self) -> None:
        if self._reason is not None:
            raise _Closed("You have left.")

    def _take_leave(self, visit: Visit) -> None:
        if not visit.welcomed:
            raise _Closed("You have left.")
        visit.leave(self._reason or "")

    def _take_requests(self, visit: Visit) -> None:
        while self._requests and self._ledger.settled:
            request = self._requests.popleft()
            if request.get("do") in ("register", "password"):
                self._new_password = request.get("ref"), str(request.get("password", ""))
            if refused := visit.put(request):
                self._deliver(refused)

    def _abandon(self) -> None:
        """It is the end: nothing more will be sent or answered."""
        self._give_up_open()
        self._refuse_requests()

    def _give_up_open(self) -> None:
        for unanswered in self._ledger.give_up():
            self._deliver(unanswered)

    def _refuse_requests(self) -> None:
        while self._requests:
            text = "There is no connection; that was not sent."
            self._deliver(refusal(self._requests.popleft(), "not_connected", text))

    def _sleep(self, until: float | None, descriptor: int = -1) -> int:
        """Sleep until `descriptor` is ready, a thread wakes us, or the time has come; return what it is ready for."""
        seconds = None if until is None else max(until - time.monotonic(), 0)
        found = 0
        for key, events in self._selector.select(seconds):
            if key.fileobj is self._woken:
                self._woken.recv(4096)
            elif key.fd == descriptor:
                found = events
        return found

    def _news(self, state: str, text: str, **more: object) -> None:
        self._deliver({"event": "link", "state": state, "text": text, **more})
