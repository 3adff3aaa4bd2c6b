"""HTTP: one request a connection, answered with a page or a sentence, or upgraded to a WebSocket.

It serves what is in its table of pages, and knows nothing of the room. There are no bodies, no cookies and nothing
personal in any answer: what is said in the room travels over the WebSocket alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING

from chat.events import Ended, Event, Refused, Request
from chat.limits import Limits, ledger
from record import field, record
from wires.origin import HOST, Trust
from wires.pages import Page
from wires.wire import Wire

if TYPE_CHECKING:  # they take a while to import, and are needed at the first request
    from websockets.http11 import Request as HttpRequest
    from websockets.server import ServerProtocol

HEAD = Limits().header  # bytes in a request, which is nothing but a head, where nobody has set another limit

_END = re.compile(rb"\n\r?\n")
_LINE = re.compile(rb"([!-~]+) ([!-~]+) HTTP/([0-9])\.([0-9])\r\n")
_VERSION = re.compile(rb" HTTP/[0-9](?:\.[0-9])?\r?\Z")
_BODY = re.compile(rb"\ncontent-length[ \t]*:[ \t]*0*[1-9]", re.IGNORECASE)

_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")
"""What a proxy adds, which may serve anybody from its own address."""

_GOODBYES = {"login_timeout": 408, "fault": 500}
"""The status where the connection ends before the request does; 503 for all other reasons."""

VERSION = "13"
_NEEDED = {"Sec-WebSocket-Version": VERSION, "Upgrade": "websocket", "Connection": "close, upgrade"}
"""What 426 has to say (RFC 6455 section 4.2.2, RFC 9110 section 15.5.22)."""

GUARDED: Mapping[str, str] = {
    "Connection": "close",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""What every answer carries, and with it a policy that lets a page load nothing from elsewhere."""

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'{sockets}; "
    "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@record
class Live:
    """What was made just now."""

    text: str
    status: int = 200
    kind: str = "text/plain; charset=utf-8"


@record
class Site:
    """What is served: the pages by their paths, and to whom; with `tls`, only to who comes by https.

    `live` makes what changes all the time, for who asks from an address, empty where that cannot be trusted.
    """

    pages: Mapping[str, Page]
    trust: Trust
    tls: bool = False
    live: Mapping[str, Callable[[str], Live]] = field(default_factory=lambda: {"/healthz": lambda _: Live("ok\n")})


_NOTHING = Site({}, Trust())


class Refusal(Exception):
    """A request that is not granted: a status, a sentence, and headers that go with it."""

    def __init__(self, status: int, text: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.headers = headers or {}


class Http(Wire):
    """One connection of a browser, or of a program that asks for a WebSocket."""

    name = "http"
    brief = True

    def __init__(self, site: Site = _NOTHING, secure: bool = False, peer: str = "") -> None:
        self._site = site
        self._secure = secure
        self._peer = peer
        self._head = b""
        self._verb = ""
        self._host = ""

    def receive(self, data: bytes) -> Iterator[Request | Refused]:
        """Answer the request once it is there; what follows it is left out, unless it follows an upgrade."""
        if not (self.over or self.successor):
            self._gather(data)
        yield from ()

    @property
    def unfinished(self) -> bool:
        """Return whether half a request waits for the rest."""
        return not (self.over or self.successor)

    def encode(self, event: Event) -> bytes:
        """Return the answer to a request that did not come to its end; there is no other event here."""
        if not isinstance(event, Ended) or self.over:
            return b""
        return self._sentence(_GOODBYES.get(event.code, 503), event.text)

    # -- the request

    def _gather(self, data: bytes) -> None:
        seen = max(0, len(self._head) - 2)
        self._head += data
        end = _END.search(self._head, seen)
        try:
            most = ledger.limits.header
            if (end.end() if end else len(self._head)) > most:
                ledger.hit("header")
                what = 431 if b"\n" in self._head[:most] else 414
                raise Refusal(what, f"A request has at most {most:,} bytes.")
            if end is not None:
                self._answer(self._head[: end.end()], self._head[end.end() :])
            elif b"\n" in data and not _VERSION.search(self._head.partition(b"\n")[0]):
                raise Refusal(400, "That is no request line.")  # as of HTTP/0.9, behind which nothing follows
        except Refusal as refusal:
            self._end(self._sentence(refusal.status, refusal.text, refusal.headers))

    def _answer(self, head: bytes, rest: bytes) -> None:
        """Answer a whole request. Raises Refusal."""
        self._verb = _verb(head)
        protocol, request = _parse(head)
        target = self._located(request)
        path = target.partition("?")[0]
        in_clear = self._site.tls and not self._secure
        if in_clear and (path == "/ws" or path in self._site.pages):
            self._send_to_tls(path, target)
        elif path == "/ws":
            self._upgrade(protocol, request, rest)
        elif path in self._site.live:
            self._end(self._made(self._site.live[path](self._asking(request))))
        elif path in self._site.pages:
            self._end(self._page(self._site.pages[path], request))
        else:
            raise Refusal(404, "There is nothing here." if path != "/" else "The page is not installed here.")

    def _located(self, request: HttpRequest) -> str:
        """Return the path with its query, and keep the host. Raises Refusal for a name that is not ours.

        A target may name the host itself; the header does not count then (RFC 9112 sections 3.2 and 3.2.2).
        """
        hosts = request.headers.get_all("Host")
        if len(hosts) != 1 and (hosts or request.protocol == "HTTP/1.1"):
            raise Refusal(400, "A request needs one Host header.")
        host, target = "".join(hosts), request.path
        scheme = "https://" if self._secure else "http://"
        if target.lower().startswith(scheme):
            host, slash, path = target[len(scheme) :].partition("/")
            target = slash + path or "/"
        if host and not HOST.fullmatch(host.lower()):
            raise Refusal(400, "The Host header is no address and no name.")
        if host and not self._site.trust.knows(host):
            raise Refusal(421, f"Nobody here is called {host}. (The host's option --allow-origin can change that.)")
        self._host = host
        return target

    def _send_to_tls(self, path: str, target: str) -> None:
        """Send a browser to the same page by https. Raises Refusal where that cannot be said.

        No browser is to keep this, nor a Strict-Transport-Security: the host may go back to a room without TLS.
        """
        if path == "/ws":
            raise Refusal(403, "This room speaks to browsers over TLS: wss, not ws.")
        if not self._host:
            raise Refusal(400, "This room serves its pages over TLS: https, not http.")
        there = f"https://{self._host}{target}"
        self._end(self._sentence(308, f"This room serves its pages over TLS: {there}", {"Location": there}))

    def _upgrade(self, protocol: ServerProtocol, request: HttpRequest, rest: bytes) -> None:
        """Hand over to a WebSocket (RFC 6455 section 4.2). Raises Refusal."""
        from wires.websocket import WebSocket

        origins = request.headers.get_all("Origin")
        if len(origins) > 1 or (origins and not self._accepts(origins[0])):
            raise Refusal(403, "Pages from elsewhere may not talk to this room.")
        if request.headers.get_all("Sec-WebSocket-Version") != [VERSION]:
            raise Refusal(426, f"Here is a WebSocket, version {VERSION}.", _NEEDED)
        response = protocol.accept(request)
        if response.status_code != 101:
            text = bytes(response.body).decode().rstrip()
            raise Refusal(response.status_code, text, _NEEDED if response.status_code == 426 else None)
        protocol.send_response(response)
        self._replies += tuple(protocol.data_to_send())
        self.successor, self.rest = WebSocket(protocol.extensions), rest

    def _accepts(self, origin: str) -> bool:
        return self._site.trust.accepts(origin, self._host, ("https",) if self._secure else ("http", "https"))

    def _asking(self, request: HttpRequest) -> str:
        """Return the address that asks; empty where it asks for somebody else, whom we do not see."""
        return "" if any(name in request.headers for name in _FORWARDED) else self._peer

    # -- the answer

    def _made(self, live: Live) -> bytes:
        headers = {"Cache-Control": "no-store", "Content-Type": live.kind}
        return self._response(live.status, headers, live.text.encode())

    def _end(self, answer: bytes) -> None:
        """Give the answer, and be done. HEAD gets all of it but the body (RFC 9110 section 9.3.2)."""
        self._replies += (answer if self._verb != "HEAD" else answer[: answer.index(b"\r\n\r\n") + 4],)
        self.over = True
        self._head = b""

    def _page(self, page: Page, request: HttpRequest) -> bytes:
        """Return a page, or that it has not changed. Whoever keeps it asks each time whether it has."""
        fresh = {"ETag": page.tag, "Cache-Control": "no-cache"}
        known = ",".join(request.headers.get_all("If-None-Match")).replace("W/", "")
        if known.strip() == "*" or page.tag in (tag.strip() for tag in known.split(",")):
            return self._response(304, fresh)
        return self._response(200, {**fresh, "Content-Type": page.kind}, page.body)

    def _sentence(self, status: int, text: str, headers: Mapping[str, str] | None = None) -> bytes:
        plain = {"Cache-Control": "no-store", "Content-Type": "text/plain; charset=utf-8"}
        return self._response(status, {**plain, **(headers or {})}, f"{text}\n".encode())

    def _response(self, status: int, headers: Mapping[str, str], body: bytes | None = None) -> bytes:
        """Return a response (RFC 9112 section 4)."""
        every = {
            "Date": formatdate(usegmt=True),
            **GUARDED,
            "Content-Security-Policy": policy(self._host, self._site.tls),
            **headers,
        }
        if body is not None:
            every["Content-Length"] = str(len(body))
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {text}" for name, text in every.items())]
        return ("\r\n".join(lines) + "\r\n\r\n").encode() + (body or b"")


def policy(host: str, tls: bool) -> str:
    """Return the Content-Security-Policy of a page that was asked for at `host`; with `tls` its WebSocket is secure.

    Old browsers do not take 'self' for the WebSocket of the same origin, so that is named; CSP has no way to name an
    IPv6 address, where 'self' has to do.
    """
    named = [] if not host or "[" in host else [f" wss://{host}"] if tls else [f" ws://{host}", f" wss://{host}"]
    return _POLICY.format(sockets="".join(named))


def _verb(head: bytes) -> str:
    """Return GET or HEAD. Raises Refusal for every other request line, and for a body."""
    line = _LINE.match(head)
    if line is None:
        raise Refusal(400, "That is no request line.")
    if line[3] != b"1":
        raise Refusal(505, "HTTP/1.1 is spoken here.")
    verb = line[1].decode()
    if verb not in ("GET", "HEAD"):
        raise Refusal(405, "There is only GET and HEAD here.", {"Allow": "GET, HEAD"})
    if _BODY.search(head):
        ledger.hit("header")
        raise Refusal(413, "A request has no body here.")
    return verb


def _parse(head: bytes) -> tuple[ServerProtocol, HttpRequest]:
    """Return the request, and the protocol that has read it. Raises Refusal where it is none."""
    from wires.websocket import protocol

    reader = protocol()
    reader.receive_data(head)
    for request in reader.events_received():
        return reader, request  # type: ignore[return-value]
    why = reader.handshake_exc.__cause__ if reader.handshake_exc else None
    if isinstance(why, NotImplementedError):
        raise Refusal(411, "A request has no body here.")
    raise Refusal(400 if why else 431, "That is no HTTP request.")
