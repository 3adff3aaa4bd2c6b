"""The settings while the room is open: read again, tried out before anything changes, then taken over.

What reads files runs aside. Nobody is disconnected by what changes here; what would need that waits for a restart.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import resource
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn, Protocol

from chat.events import Refused
from chat.house import Answer
from chat.hub import Hub
from chat.limits import ledger
from chat.rooms import key
from chat.rule import ban_listed, write_down
from chat.sanctions import Sanctions, listed
from chat.turn import Room
from net.connection import Limits
from net.gatekeeper import Room as Space
from options import Options, parse
from ready import site
from record import replace
from way_in import WayIn, certificate

if TYPE_CHECKING:
    from wires.http import Site

RESTART = frozenset({
    "host", "port", "data", "no_store", "recover", "selector", "server_name", "no_udp", "udp_trust",
    "log", "log_level", "log_json",
})  # fmt: skip
"""What cannot change while people are here."""

RESERVE = 24  # descriptors


class Server(Protocol):
    """The server, as its settings see it."""

    hub: Hub
    options: Options
    limits: Limits
    way_in: WayIn

    @property
    def site(self) -> Site: ...
    def serve(self, site: Site) -> None: ...
    def welcome_irc(self) -> None: ...


class _Parser(argparse.ArgumentParser):
    """Raises what another would end the program for."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(message)


class Found:
    """What was read, and is good."""

    def __init__(self, options: Options) -> None:
        self.options = options
        listed(options.ban)
        self.site = site(options)
        self.certificate = certificate(options)


class Settings:
    """What was given at the start, and how it is read again. `notice` is told when that begins, and when it is over."""

    def __init__(self, server: Server, arguments: Sequence[str] | None, notice: Callable[[bool], None]) -> None:
        self._server = server
        self._arguments = arguments
        self._notice = notice
        server.hub.desk.listed = Sanctions(listed(server.options.ban))

    def reload(self, answer: Answer) -> None:
        """Read everything again; `answer` gets what has changed, or why nothing has. Raises Refused `busy`."""
        self._server.hub.aside.run(self._look, lambda found: self._take(found, answer))
        self._notice(True)

    def hang_up(self) -> None:
        """SIGHUP: the same, and the host's log has the answer. It comes also when the terminal is closed."""
        hub, host = self._server.hub, self._server.hub.host
        assert host is not None

        def answer(found: str | Refused) -> None:
            if isinstance(found, Refused):
                hub.note(found.text)
            else:
                write_down(hub, host, "RELOAD", "by SIGHUP", found)
                hub.note(found)

        try:
            self.reload(answer)
        except Refused as refusal:
            hub.note(refusal.text)

    def take_over(self, old: Options) -> None:
        """Have in force what has changed since earlier code has read the settings."""
        new = self._server.options
        self._apply([name for name in Options.__match_args__ if getattr(old, name) != getattr(new, name)], old, new)

    def _look(self) -> Found | ValueError | OSError:
        """Read and try out. It runs aside, and changes nothing."""
        try:
            options = parse(self._arguments, kind=_Parser)
            return Found(options)
        except (ValueError, OSError) as error:
            return error

    def _take(self, found: Found | ValueError | OSError, answer: Answer) -> None:
        try:
            if isinstance(found, Found):
                answer("\n".join(self._changes(found)) or "Read again: nothing has changed.")
            else:
                answer(Refused("bad_settings", f"Nothing has changed: {found}."))
        finally:
            self._notice(False)

    def _changes(self, found: Found) -> Iterator[str]:
        """Take everything over that can be, and yield a sentence for each kind of it."""
        server, new = self._server, found.options
        old = server.options
        changed = [name for name in Options.__match_args__ if getattr(old, name) != getattr(new, name)]
        waiting = [name for name in changed if name in RESTART]
        if bool(old.tls_cert) != bool(new.tls_cert):
            waiting += ["tls_cert", "tls_key"]
        live = [name for name in changed if name not in waiting]
        server.options = replace(new, **{name: getattr(old, name) for name in waiting})
        self._apply(live, old, server.options)
        if live:
            yield f"Changed, and in force: {', '.join(live)}."
        if waiting:
            yield f"Changed, but it needs a restart: {', '.join(waiting)}."
        yield from self._renew(found)
        if found.site.pages != server.site.pages:
            yield "The page has changed: who opens it gets the new one."
        server.serve(replace(found.site, tls=bool(server.options.tls_cert), live=server.site.live))

    def _apply(self, changed: Sequence[str], old: Options, new: Options) -> None:
        """Take over what has changed, and nothing else: the rest may have been changed by commands since."""
        server, hub = self._server, self._server.hub
        server.limits = bounds(new)
        ledger.limits, ledger.exempt, ledger.lifted = new, new.limit_exempt, new.no_flood_limit
        if "room_name" in changed:
            hub.title = hub.rooms.lobby.title = new.room_name
        if "password" in changed:
            hub.door = new.password
        if "operator" in changed:
            hub.operators = operators(new)
        if "ban" in changed and hub.host is not None:
            ban_listed(hub, hub.host, listed(new.ban))
        hub.rooms.fixed = new.fixed_rooms
        self._furnish([line for line in new.room if line not in old.room])
        self._clear({room(line).name for line in old.room} - {room(line).name for line in new.room})
        if {"motd", "room_name"} & {*changed}:
            server.welcome_irc()

    def _furnish(self, lines: Sequence[str]) -> None:
        """Have these rooms, with the host in them."""
        hub, host = self._server.hub, self._server.hub.host
        assert host is not None
        current = host.current
        for line in lines:
            wanted = room(line)
            place = hub.rooms.make(wanted.title, wanted.description)
            if host not in place.members:
                hub.come(host, place)
        host.current = current

    def _clear(self, names: Collection[str]) -> None:
        """Keep these rooms only until nobody is in them any more."""
        hub, host = self._server.hub, self._server.hub.host
        assert host is not None
        for place in [place for place in hub.rooms if place.name in names]:
            place.lasting = False
            if host in place.members:
                hub.go(host, place)

    def _renew(self, found: Found) -> Iterator[str]:
        tls = self._server.way_in.tls
        if tls is not None and found.certificate is not None and str(tls.certificate) != str(found.certificate):
            tls.certificate = found.certificate
            yield f"TLS from now on: {tls.certificate}."


# -- what options stand for


def operators(options: Options) -> dict[str, str]:
    """Return the operators' passwords by their names."""
    found = (line.partition(":") for line in options.operator)
    return {name.strip(): password.strip() for name, _, password in found}


def room(line: str) -> Room:
    """Return the room that `Title: description` stands for."""
    title, _, description = line.partition(":")
    return Room(key(title.strip().replace(" ", "-")), title.strip(), description.strip())


def motd(options: Options) -> tuple[str, ...]:
    """Return the lines of the message of the day."""
    return tuple(options.motd.split("\n")) if options.motd else ()


def bounds(options: Options) -> Limits:
    """Return the bounds of a connection that begins now."""
    return Limits(
        stalled=options.stall_limit, outbox=options.outbox, dead=options.dead_limit, keepalive=options.ping_after
    )


def space(options: Options) -> Space:
    """Return how many connections there may be; some descriptors are kept for the store, the log and our goodbyes."""
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = max(1, descriptors - RESERVE) if descriptors != resource.RLIM_INFINITY else options.connections
    return Space(min(options.connections, free), options.per_address, options.new_per_second, options.half_open)


def allow_many_descriptors(options: Options) -> None:
    """Take as many descriptors as the system lets us have, and as much space for them as all who may come need.

    Linux doubles the space when it is full, for which a process with threads waits 5 to 20 ms: that is done here,
    before there are any (`expand_fdtable` in fs/file.c).
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with suppress(OSError):  # where the standard descriptors are all there may be
        os.close(fcntl.fcntl(0, fcntl.F_DUPFD, space(options).connections + RESERVE - 1))
