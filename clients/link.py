"""The link to a server that the terminal and the window share: a thread that connects, listens, and comes back.

It knows no screen. What it learns it hands over as the server's own objects, made harmless, and as its news:
`{"event": "link", "state": S, "text": "a sentence for the person"}`, where S is one of

connecting  an attempt begins
connected   the name is accepted; the server's `welcome` comes next
lost        the connection broke; `retrying` or `gave_up` comes next
retrying    the next attempt comes after a pause, which the text tells
gave_up     the last attempt failed: the end
closed      the server said goodbye, or `close` was called: the end
"""

from __future__ import annotations

import contextlib
import os
import random
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from clients.visit import Foreign, Lost, Patience, Visit, refusal

REQUESTS = 10_000  # that may wait for the thread to take them

Deliver = Callable[[dict[str, Any]], None]


class _Closed(Exception):
    """`close` was called, or the server said goodbye."""


class _NameRefused(Exception):
    """The person must choose another name."""


class Link:
    """One visit to a server over the JSON wire, in a thread of its own.

    `deliver` is called on that thread, with one object at a time. A refused login ends in a wait for `login`.
    A request that could not be sent, or was not answered before the connection broke, is delivered as
    `refused` with its `ref` and the code `not_connected`, `not_sent`, `too_long` or `unconfirmed`.

    On coming back it goes into the rooms in which it was. The password is kept in memory for that alone.
    """

    def __init__(
        self,
        host: str,
        port: int,
        name: str,
        deliver: Deliver,
        *,
        attempts: int = 5,
        patience: Patience | None = None,
    ) -> None:
        self.server = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._host, self._port, self._name = host, port, name
        self._deliver = deliver
        self._attempts = attempts
        self._patience = patience or Patience()
        self._password = ""
        self._new_password: tuple[object, str] = (None, "")
        self._accepted = ""
        self._rooms: dict[str, None] = {}
        self._failures = 0
        self._new_login: tuple[str, str] | None = None
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
        """Try again under another name, or with the password of this one, after a refusal."""
        self._new_login = name, password
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
            self._refuse_requests()
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
        while self._failures < self._attempts:
            try:
                self._visit()
            except _NameRefused:
                self._await_name()
            except (Lost, OSError, UnicodeError) as error:
                hopeless = not self._accepted and isinstance(error, (Foreign, socket.gaierror, UnicodeError))
                self._failures = self._attempts if hopeless else self._failures + 1
                self._pause(_reason(error))

    def _visit(self) -> None:
        self._news("connecting", f"Connecting to {self.server} …")
        self._obey_close()
        sock = self._dial()
        with sock:
            visit = Visit(sock, self._name, self._patience, self._password)
            self._selector.register(sock, selectors.EVENT_READ)
            try:
                self._talk(visit, sock)
            except (Lost, OSError) as error:
                self._lose(visit, _reason(error))
                raise
            finally:
                self._selector.unregister(sock)

    def _dial(self) -> socket.socket:
        """Return a connected socket. Raises OSError, or UnicodeError for a host name that cannot be one."""
        error = OSError("no such address")
        for family, kind, protocol, _, address in socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM):
            sock = socket.socket(family, kind, protocol)
            try:
                self._connect(sock, address)
            except OSError as failed:
                sock.close()
                error = failed
            except BaseException:
                sock.close()
                raise
            else:
                return sock
        raise error

    def _connect(self, sock: socket.socket, address: Any) -> None:
        sock.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            sock.connect(address)
        deadline = time.monotonic() + self._patience.connect
        self._selector.register(sock, selectors.EVENT_WRITE)
        try:
            while not self._sleep(deadline, sock):
                self._obey_close()
                if time.monotonic() >= deadline:
                    raise TimeoutError
        finally:
            self._selector.unregister(sock)
        if number := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(number, os.strerror(number))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _talk(self, visit: Visit, sock: socket.socket) -> None:
        """Carry requests there and objects back until the visit is over."""
        while True:
            self._take_requests(visit)
            if self._reason is not None:
                self._take_leave(visit)
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if visit.waiting else 0)
            self._selector.modify(sock, events)
            ready = self._sleep(visit.deadline, sock)
            if ready & selectors.EVENT_READ:
                for found in visit.receive():
                    self._hear(visit, found)
            if ready & selectors.EVENT_WRITE:
                visit.flush()
            visit.check()

    def _hear(self, visit: Visit, found: dict[str, Any]) -> None:
        event = found.get("event")
        if event == "welcome":
            self._welcomed(visit, found)
        elif event == "refused" and not visit.welcomed:
            self._refused(found)
        elif event == "renamed" and found.get("old") == self._accepted:
            self._renamed(_text(found, "new"))
        elif event == "told" and found.get("ref") is not None and found.get("ref") == self._new_password[0]:
            self._name, self._password = self._accepted, self._new_password[1]
        elif event in ("joined", "parted"):
            self._move(_text(found, "room"), came=event == "joined")
        self._deliver(found)
        if event == "goodbye":
            raise _Closed(_text(found, "text") or "The server said goodbye.")

    def _welcomed(self, visit: Visit, found: dict[str, Any]) -> None:
        """The name is accepted; go into the rooms one was in before, the current one last."""
        self._news("connected", f"Connected to {self.server}{' again' if self._accepted else ''}.")
        self._accepted = self._name = _text(found, "name") or self._name
        first = _text(found, "room")
        again = [room for room in self._rooms if room != first or room == next(reversed(self._rooms))]
        self._rooms = {first: None}
        if again != [first]:
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
        own = code == "name_taken" and self._name == self._accepted
        if (own or code == "busy") and self._failures + 1 < self._attempts:
            raise Lost("your name is still held by the connection that broke" if own else "the server is busy")
        self._deliver(found)
        raise _NameRefused

    def _lose(self, visit: Visit, reason: str) -> None:
        """A connection broke: tell it where there was one, and what became uncertain with it."""
        if self._reason is not None:
            raise _Closed("You have left.")
        if visit.welcomed:
            if time.monotonic() - visit.began >= self._patience.steady:
                self._failures = 0
            self._news("lost", f"The connection to {self.server} is lost: {reason}.")
        for unanswered in visit.unanswered():
            self._deliver(unanswered)

    def _pause(self, reason: str) -> None:
        """Wait before the next attempt, longer each time, or give up."""
        if self._failures >= self._attempts:
            self._refuse_requests()
            self._news("gave_up", f"Gave up on {self.server}: {reason}.")
            return
        pause = min(self._patience.pause * 2 ** (self._failures - 1), self._patience.longest)
        pause *= random.uniform(0.8, 1.2)  # so that a room of people does not come back in the same instant
        what = f"{self.server}: {reason}. Trying again in {pause:.1f} s ({self._failures + 1} of {self._attempts})."
        self._news("retrying", what)
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
        (self._name, self._password), self._new_login = self._new_login, None
        self._failures = 0

    def _obey_close(self) -> None:
        if self._reason is not None:
            raise _Closed("You have left.")

    def _take_leave(self, visit: Visit) -> None:
        if not visit.welcomed:
            raise _Closed("You have left.")
        visit.leave(self._reason or "")

    def _take_requests(self, visit: Visit) -> None:
        if not visit.welcomed:
            return
        while self._requests:
            request = self._requests.popleft()
            if request.get("do") in ("register", "password"):
                self._new_password = request.get("ref"), str(request.get("password", ""))
            if refused := visit.put(request):
                self._deliver(refused)

    def _refuse_requests(self) -> None:
        while self._requests:
            text = "There is no connection; that was not sent."
            self._deliver(refusal(self._requests.popleft(), "not_connected", text))

    def _sleep(self, until: float | None, sock: socket.socket | None = None) -> int:
        """Sleep until `sock` is ready, another thread wakes us, or the time has come; return the events of `sock`."""
        seconds = None if until is None else max(until - time.monotonic(), 0)
        found = 0
        for key, events in self._selector.select(seconds):
            if key.fileobj is self._woken:
                self._woken.recv(4096)
            elif key.fileobj is sock:
                found = events
        return found

    def _news(self, state: str, text: str) -> None:
        self._deliver({"event": "link", "state": state, "text": text})


def _text(found: dict[str, Any], key: str) -> str:
    value = found.get(key)
    return value if isinstance(value, str) else ""


def _reason(error: Exception) -> str:
    """Return what went wrong, to stand inside a sentence."""
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there"
    if isinstance(error, TimeoutError):
        return "no answer"
    if isinstance(error, (socket.gaierror, UnicodeError)):
        return "there is no such address"
    text = getattr(error, "strerror", None) or str(error)
    return text[:1].lower() + text[1:] if text else type(error).__name__
