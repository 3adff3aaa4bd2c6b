"""A UDP socket under the loop, and its peers: to whoever owns a peer, it is what a connection is.

What an owner writes are datagrams, each behind its length in two bytes. Knows nothing of what is in them. UDP may
lose: what does not fit into a peer's outbox is dropped, whole. A peer is an address; anyone can forge one.
"""

from __future__ import annotations

import socket
from collections import Counter, deque
from collections.abc import Callable, Iterator
from typing import Protocol

from net.connection import Owner
from net.listener import shown
from net.loop import READ, WRITE, Loop
from record import record

AT_ONCE = 256  # datagrams read in one turn
LARGEST = 65_536
INBOX = 64  # datagrams kept while a peer is held
KEPT = 8_192  # bytes in one that is kept

Address = tuple[str, int]  # and, under IPv6, flow and scope


@record
class Bounds:
    """How many peers there may be, and how many bytes may wait for one; `hit` is told which was met."""

    peers: int = 1_000
    per_host: int = 64
    outbox: int = 65_536
    hit: Callable[[str], None] = lambda _limit: None


class Door(Protocol):
    """Who answers those who are no peers yet; `knock` returns an answer, and what lets the sender in."""

    def trusts(self, host: str) -> bool: ...
    def knock(self, host: str, address: str, data: bytes) -> tuple[bytes, bytes]: ...
    def full(self, host: str) -> bytes: ...


Welcome = Callable[["Peer"], Owner]


class Peer:
    """The way to one address. Its owner is told of the end exactly once, from the loop, never from `write`."""

    def __init__(self, home: Datagrams, address: Address) -> None:
        self.shown = shown(address)
        self.host = address[0]
        self.address = address
        self.owner: Owner | None = None
        self.outbox: deque[bytes] = deque()
        self.waiting = 0  # bytes in the outbox
        self.leaving = False
        self.held = False
        self.inbox: deque[bytes] = deque()  # what came while it was held
        self._home = home

    def write(self, data: bytes) -> None:
        """Send each datagram in `data`, or keep it. Never blocks, raises, or calls the owner."""
        if not self.leaving:
            self._home.send(self, data)

    def queue(self, data: bytes) -> None:
        """Keep `data` until the loop is about to sleep."""
        if data and not self.leaving:
            self._home.keep(self, data)

    def hold(self, on: bool) -> None:
        """Hear nothing for a while; a little of what comes is kept, the rest is lost, as it may be on the way."""
        self.held = on
        if self.inbox and not on:
            self._home.mark(self)

    def hang_up(self) -> None:
        """Send what is kept, and forget the peer. Twice is harmless."""
        if not self.leaving:
            self.leaving = True
            self._home.mark(self)


class Datagrams:
    """One bound socket. `door` answers strangers, `welcome` gives each new peer its owner."""

    def __init__(self, loop: Loop, sock: socket.socket, door: Door, welcome: Welcome, bounds: Bounds | None = None):
        self._loop = loop
        self._sock = sock
        self._door = door
        self._welcome = welcome
        self._bounds = bounds or Bounds()
        self._peers: dict[Address, Peer] = {}
        self._per_host: Counter[str] = Counter()
        self._marked: dict[Peer, None] = {}
        self._blocked: dict[Peer, None] = {}
        self._serving: Peer | None = None
        self._closing = False
        loop.watch(self, READ)

    def __len__(self) -> int:
        return len(self._peers)

    def fileno(self) -> int:
        """Return the descriptor, -1 after the end."""
        return self._sock.fileno()

    # -- the loop's side

    def ready(self, events: int) -> None:
        """Hear what has come, a part at a time; send what is kept."""
        if events & WRITE:
            self._drain_all()
        if not events & READ:
            return
        for _ in range(AT_ONCE):
            try:
                data, address = self._sock.recvfrom(LARGEST)
            except BlockingIOError:
                return
            except OSError:
                continue  # news of somebody who is gone (ICMP): the next one is not
            self._hear(address, data)
            self._serving = None

    def flush(self) -> None:
        """Send what was kept for the end of the turn, and forget those who leave."""
        while self._marked:
            peer = self._serving = next(iter(self._marked))
            del self._marked[peer]
            self._catch_up(peer)
            self._drain(peer)
            if peer.leaving:
                self._forget(peer)
        self._serving = None

    def fail(self, why: str) -> None:
        """A fault of ours while one peer was served: that one is taken leave of, the others stay."""
        peer, self._serving = self._serving, None
        if self._marked:
            self._loop.mark(self)
        if peer is None or peer.leaving:
            return
        if peer.owner is None:
            peer.hang_up()
            return
        try:
            peer.owner.failed(why)
        except Exception:
            peer.hang_up()
            raise

    # -- the server's side

    def go_on(self) -> None:
        """Be watched by the loop of the code that has taken over."""
        self._loop.watch(self, READ | WRITE if self._blocked else READ)

    def close(self) -> None:
        """Let nobody in any more; the socket is closed when the last peer has left."""
        self._closing = True
        if not self._peers:
            self.shut()

    def shut(self) -> None:
        """Close the socket now. Twice is harmless."""
        self._loop.unwatch(self)
        self._sock.close()

    # -- the peers' side

    def send(self, peer: Peer, data: bytes) -> None:
        """Send at once what can be, after what is kept already."""
        for datagram in _cut(data):
            if peer.outbox or not self._send(datagram, peer.address):
                self._store(peer, datagram)
        if peer.outbox:
            self._block(peer)

    def keep(self, peer: Peer, data: bytes) -> None:
        """Keep it for the end of the turn."""
        for datagram in _cut(data):
            self._store(peer, datagram)
        self.mark(peer)

    def mark(self, peer: Peer) -> None:
        """Look after `peer` before the loop sleeps."""
        self._marked[peer] = None
        self._loop.mark(self)

    # -- within

    def _hear(self, address: Address, data: bytes) -> None:
        peer = self._peers.get(address)
        if peer is None:
            self._meet(address, data)
        elif peer.held or peer.inbox:
            if len(peer.inbox) < INBOX and len(data) <= KEPT:
                peer.inbox.append(data)
        elif not peer.leaving and peer.owner is not None:
            self._serving = peer
            peer.owner.heard(data)

    @staticmethod
    def _catch_up(peer: Peer) -> None:
        """Let a peer be heard that was held, until he is held again."""
        while peer.inbox and peer.owner is not None and not (peer.held or peer.leaving):
            peer.owner.heard(peer.inbox.popleft())

    def _meet(self, address: Address, data: bytes) -> None:
        if self._closing:
            return
        answer, admission = self._door.knock(address[0], shown(address), data)
        if admission and self._is_full(address[0]):
            answer, admission = self._door.full(address[0]), b""
        if answer:
            self._send(answer, address)
        if admission:
            self._let_in(Peer(self, address), admission)

    def _let_in(self, peer: Peer, admission: bytes) -> None:
        self._peers[peer.address] = peer
        self._per_host[peer.host] += 1
        self._serving = peer
        peer.owner = self._welcome(peer)
        peer.owner.heard(admission)

    def _is_full(self, host: str) -> bool:
        crowded = self._per_host[host] >= self._bounds.per_host and not self._door.trusts(host)
        full = len(self._peers) >= self._bounds.peers
        if crowded or full:
            self._bounds.hit("udp_peers" if full else "udp_per_address")
        return crowded or full

    def _forget(self, peer: Peer) -> None:
        if self._peers.pop(peer.address, None) is None:
            return
        peer.outbox.clear()
        self._unblock(peer)
        self._per_host[peer.host] -= 1
        if not self._per_host[peer.host]:
            del self._per_host[peer.host]
        if peer.owner is not None:
            peer.owner.ended("hung up")
        if self._closing and not self._peers:
            self.shut()

    def _store(self, peer: Peer, datagram: bytes) -> None:
        if peer.waiting + len(datagram) <= self._bounds.outbox:
            peer.outbox.append(datagram)
            peer.waiting += len(datagram)
        else:
            self._bounds.hit("outbox")

    def _send(self, datagram: bytes, address: Address) -> bool:
        """Return False where the kernel can take no more; what cannot be sent at all counts as lost."""
        try:
            self._sock.sendto(datagram, address)
        except BlockingIOError:
            return False
        except OSError:
            pass  # no way there, or nobody: the peer falls silent, and is put out
        return True

    def _drain(self, peer: Peer) -> None:
        while peer.outbox:
            if not self._send(peer.outbox[0], peer.address):
                self._block(peer)
                return
            peer.waiting -= len(peer.outbox.popleft())
        self._unblock(peer)

    def _drain_all(self) -> None:
        for peer in tuple(self._blocked):
            self._drain(peer)

    def _block(self, peer: Peer) -> None:
        """Ask to be told when the kernel takes more."""
        if not self._blocked:
            self._loop.change(self, READ | WRITE)
        self._blocked[peer] = None

    def _unblock(self, peer: Peer) -> None:
        if peer in self._blocked:
            del self._blocked[peer]
            if not self._blocked:
                self._loop.change(self, READ)


def _cut(data: bytes) -> Iterator[bytes]:
    """Yield the datagrams in `data`."""
    start = 0
    while start < len(data):
        end = start + 2 + int.from_bytes(data[start : start + 2], "big")
        yield data[start + 2 : end]
        start = end
