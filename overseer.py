"""The house watched over: the status on the host's screen, the log, the figures for Prometheus, and systemd.

It looks at each turn as it goes out, and at the rest when it is asked. It decides nothing, and wakes nobody up while
nothing happens.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING, Any, Protocol

from chat.countdown import Countdown
from chat.events import Acted, Declined, Ended, Event, Noted, Said, Whispered
from chat.hub import Hub
from chat.text import count
from chat.turn import Turn
from net.connection import Connection
from net.loop import Loop, Timer
from net.systemd import Supervisor
from options import Options
from store import Store, Unusable

if TYPE_CHECKING:  # only who wants a log pays for logging.handlers
    from net.journal import Journal
    from wires.http import Live
    from wires.metrics import Metric

PAUSE = 1.0  # seconds between two looks, while something happens
TALK = (Said, Acted, Whispered)
RARE = frozenset((Ended, Declined, Noted))
COUNTED = ("_told", "_ended", "_declined", "_warnings", "_seen", "_rate", "_most")  # what goes on when code is renewed


class House(Protocol):
    """The server, as it is watched."""

    loop: Loop
    hub: Hub
    store: Store | None
    options: Options

    def ways(self) -> Collection[str]: ...
    def handshakes(self) -> tuple[int, int]: ...


class Overseer:
    """What has been counted, and who is told. `changed` is called when the status is another one."""

    def __init__(self, server: House, countdown: Countdown, changed: Callable[[], None]) -> None:
        self.supervisor = Supervisor()
        self._countdown = countdown
        self._server = server
        self._changed = changed
        self._journal = self._open_journal(server.options)
        self._told: Counter[type] = Counter()
        self._ended: Counter[str] = Counter()
        self._declined: Counter[str] = Counter()
        self._warnings: set[str] = set()
        self._seen = self._rate = 0
        self._most = [0, 0]  # bytes in and out
        self._shown = ""
        self._timer: Timer | None = None

    # -- as things happen

    def see(self, turn: Turn) -> None:
        """Take note of what a turn tells."""
        told = self._told
        for post in turn.posts:
            kind = type(post.events[0])
            told[kind] += len(post.events)
            if kind in RARE:
                self._see(post.events[0])
        if turn.posts and self._timer is None:
            self._timer = self._server.loop.call_later(PAUSE, self._look)

    def warn(self, text: str) -> None:
        """Tell the host what is not as it should be."""
        self._warnings.add(text)
        self._server.hub.note(text)

    def begin(self) -> None:
        """The room is open."""
        hub = self._server.hub
        if hub.desk.decisions.get("password") and not hub.door:
            self.warn("Newcomers were asked for a password until the last end, and are asked for none now: see DOOR.")
        self.supervisor.tell(READY=1, STATUS=self.status)
        if self.supervisor.pulse is not None:
            self._pulse()

    def reloading(self, on: bool) -> None:
        """The settings are being read again, or have been."""
        if on:
            self.supervisor.reloading()
        else:
            self.supervisor.tell(READY=1)

    def closing(self) -> None:
        """The room is being closed."""
        self.supervisor.tell(STOPPING=1, STATUS="closing")

    def close(self, seconds: float) -> None:
        """Write the rest of the log."""
        if self._journal is not None:
            self._journal.finish(seconds)

    @property
    def counted(self) -> dict[str, Any]:
        """Return what was counted, for the code that takes over."""
        return {name: vars(self)[name] for name in COUNTED}

    def take_over(self, counted: dict[str, Any]) -> None:
        """Go on counting."""
        vars(self).update(counted)
        self._timer = self._server.loop.call_later(PAUSE, self._look)

    def reopen(self) -> None:
        """Go on with the log after all."""
        self._journal = self._open_journal(self._server.options)
        self.supervisor.tell(READY=1)

    # -- when it is asked

    @property
    def status(self) -> str:
        """Return what the host sees at a glance: who is here, how much is said, and after `! ` what is wrong."""
        hub = self._server.hub
        people = f"{len(hub) - 1:,} {'person' if len(hub) == 2 else 'people'}"
        parts = [people, count(sum(1 for _ in hub.rooms), "room"), f"{self._rate} messages/s"]
        if (left := self._countdown.left) is not None:
            parts.append(time.strftime("closes at %H:%M", time.localtime(hub.clock.time() + left)))
        return " · ".join(parts) + "".join(f" ! {what}" for what in self._wrong())

    def live(self) -> dict[str, Callable[[str], Live]]:
        """Return the pages that are made when they are asked for."""
        return {"/healthz": self._health, "/metrics": self._metrics}

    # -- within

    def _see(self, event: Event) -> None:
        if isinstance(event, Ended):
            self._ended[event.code] += 1
        elif isinstance(event, Declined):
            self._declined[event.code] += 1
        elif isinstance(event, Noted):
            self._log(event.text)

    def _wrong(self) -> Iterator[str]:
        faults = self._server.loop.faults
        if not self._stores:
            yield "what is said is not stored"
        if faults:
            yield f"{count(faults, 'fault')}, see the log"

    @property
    def _stores(self) -> bool:
        """Return whether what is said is stored, where it is to be."""
        server = self._server
        return server.options.folder is None if server.store is None else server.store.healthy

    def _look(self) -> None:
        """Count what was said since the last look; another look follows as long as that changes something."""
        said = sum(self._told[kind] for kind in TALK)
        self._rate, self._seen = round((said - self._seen) / PAUSE), said
        self._timer = self._server.loop.call_later(PAUSE, self._look) if self._rate else None
        if self._shown != (status := self.status):
            self._shown = status
            self._changed()
            self.supervisor.tell(STATUS=status)

    def _pulse(self) -> None:
        assert self.supervisor.pulse is not None
        self.supervisor.tell(WATCHDOG=1)
        self._server.loop.call_later(self.supervisor.pulse, self._pulse)

    def _open_journal(self, options: Options) -> Journal | None:
        """Raises Unusable."""
        if not options.log:
            return None
        from net.journal import open_journal

        try:
            return open_journal(options.log, options.log_level, options.log_json)
        except OSError as error:
            raise Unusable(f"The log {options.log} cannot be written: {error.strerror or error}.") from error

    def _log(self, text: str) -> None:
        if self._journal is not None:
            from net.journal import EVENTS

            if text in self._warnings:
                EVENTS.warning("%s", text)
            else:
                EVENTS.info("%s", text)
        self._warnings.discard(text)

    def _health(self, peer: str) -> Live:
        from wires.http import Live

        good = self._stores
        return Live("ok\n" if good else "What is said cannot be stored.\n", 200 if good else 503)

    def _metrics(self, peer: str) -> Live:
        from wires.http import Live

        if not self._may_know(peer):
            return Live("There is nothing here.\n", 404)
        from wires.metrics import page

        return Live(page(self._figures()), kind="text/plain; version=0.0.4; charset=utf-8")

    def _may_know(self, peer: str) -> bool:
        from ipaddress import ip_address, ip_network

        try:
            address = ip_address(peer.strip("[]").partition("%")[0])
        except ValueError:
            return False
        networks = (ip_network(network) for network in self._server.options.metrics_from)
        return address.is_loopback or any(address in network for network in networks)

    def _figures(self) -> Iterator[Metric]:
        from wires.metrics import Metric

        server, hub = self._server, self._server.hub
        received, sent = self._bytes()
        longest, server.loop.longest = server.loop.longest, 0.0
        done, broken_off = server.handshakes()
        talk = {"said": Said, "acted": Acted, "private": Whispered}
        yield Metric("people", "gauge", "Guests in the room.", len(hub) - 1)
        yield Metric("rooms", "gauge", "Rooms there are.", sum(1 for _ in hub.rooms))
        yield Metric("connections", "gauge", "Connections, by wire.", Counter(server.ways()), "wire")
        yield Metric(
            "messages_total", "counter", "Messages, by kind.", {k: self._told[t] for k, t in talk.items()}, "kind"
        )
        yield Metric("received_bytes_total", "counter", "Bytes that came by TCP.", received)
        yield Metric("sent_bytes_total", "counter", "Bytes that went by TCP and have arrived.", sent)
        yield Metric("kicks_total", "counter", "People put out by the host or an operator.", self._ended["kicked"])
        yield Metric("ended_total", "counter", "People told goodbye, by reason.", self._ended, "reason")
        yield Metric("refused_total", "counter", "Requests refused, by reason.", self._declined, "reason")
        yield Metric("faults_total", "counter", "Faults of the server itself.", server.loop.faults)
        yield Metric("loop_stall_seconds", "gauge", "The longest turn of the loop since this was asked last.", longest)
        yield Metric("tls_handshakes_total", "counter", "TLS handshakes, by outcome.",
                     {"done": done, "broken_off": broken_off}, "outcome")  # fmt: skip
        if server.store is not None:
            figures = server.store.figures
            yield Metric("store_healthy", "gauge", "1 where what is said reaches the disk.", int(figures.healthy))
            yield Metric("store_queue", "gauge", "Changes that wait for the disk.", figures.pending)
            yield Metric("store_lost_total", "counter", "Changes that waited too long and are lost.", figures.lost)

    def _bytes(self) -> tuple[int, int]:
        """Return bytes in and out; what is not watched at this moment is not seen, but no sum ever goes down."""
        past = self._server.loop.traffic
        received, sent = past.received, past.sent
        for channel in self._server.loop.channels():
            if isinstance(channel, Connection):
                came, went = channel.traffic
                received += came
                sent += went
        self._most = [max(received, self._most[0]), max(sent, self._most[1])]
        return self._most[0], self._most[1]
