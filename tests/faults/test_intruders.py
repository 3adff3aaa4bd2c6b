"""Faults: scripts in everything that comes to the page, by every entrance. Nothing of it runs, in a real browser."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page

from tests.browser import Guest
from tests.irc_client import IrcClient
from tests.support import JsonClient, LineClient, PlainClient, Server

StartServer = Callable[..., Server]

WATCH = "window.ran = []; window.alert = what => { window.ran.push(String(what)) }"
LOOK = """() => {
    const bad = []
    for (const each of document.querySelectorAll("*")) {
        for (const {name, value} of each.attributes) {
            if (name.startsWith("on")) bad.push(each.outerHTML.slice(0, 200))
            if (["href", "src", "action", "formaction", "xlink:href", "srcdoc", "data"].includes(name)
                && !/^(https?:|[/#?]|data:image|[\\w.-]+$|\\.?\\/)/i.test(value.trim())) bad.push(name + "=" + value)
        }
    }
    const odd = document.querySelectorAll("#log :is(script, style, img, svg, iframe, object, embed, form, input, base, meta, link, math, template, video, audio)")
    for (const each of odd) bad.push(each.outerHTML.slice(0, 200))
    return [...window.ran, ...bad]
}"""  # noqa: E501

CALLS = [
    "<script>alert({n})</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<img src=x onerror=alert({n})>",
    "<img src=x onerror=\"alert({n})\">",
    "<img/src=`x`onerror=alert({n})>",
    "<svg onload=alert({n})>",
    "<svg/onload=alert({n})//",
    "<svg><script>alert({n})</script></svg>",
    "<svg><animate onbegin=alert({n}) attributeName=x dur=1s>",
    "<svg><a xlink:href=\"javascript:alert({n})\"><text x=9 y=9>x</text></a></svg>",
    "<body onload=alert({n})>",
    "<body onpageshow=alert({n})>",
    "<iframe src=javascript:alert({n})>",
    "<iframe srcdoc=\"<script>parent.alert({n})</script>\">",
    "<object data=javascript:alert({n})>",
    "<embed src=javascript:alert({n})>",
    "<a href=javascript:alert({n})>x</a>",
    "<a href=\"java\tscript:alert({n})\">x</a>",
    "<a href=\"&#106;avascript:alert({n})\">x</a>",
    "<form action=javascript:alert({n})><input type=submit>",
    "<button formaction=javascript:alert({n})>x</button>",
    "<input autofocus onfocus=alert({n})>",
    "<select autofocus onfocus=alert({n})>",
    "<textarea autofocus onfocus=alert({n})>",
    "<details open ontoggle=alert({n})>",
    "<video><source onerror=alert({n})></video>",
    "<video src=x onerror=alert({n})>",
    "<audio src=x onerror=alert({n})>",
    "<marquee onstart=alert({n})>",
    "<meta http-equiv=refresh content=\"0;url=javascript:alert({n})\">",
    "<base href=javascript:alert({n})//>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<style>@import'//evil.example/x.css';</style>",
    "<style>*{{display:none}}</style>",
    "<div style=\"background:url(javascript:alert({n}))\">",
    "<div onmouseover=alert({n}) style=position:fixed;inset:0>",
    "<math><mtext></form><form><mglyph><style></math><img src=x onerror=alert({n})>",
    "<math href=javascript:alert({n})>x</math>",
    "<noscript><p title=\"</noscript><img src=x onerror=alert({n})>\">",
    "<template><img src=x onerror=alert({n})></template>",
    "<xss id=x tabindex=1 onfocus=alert({n})></xss>",
    "<x contenteditable onblur=alert({n})>",
    "\"><script>alert({n})</script>",
    "'><script>alert({n})</script>",
    "</title><script>alert({n})</script>",
    "</textarea><script>alert({n})</script>",
    "</style><script>alert({n})</script>",
    "</script><script>alert({n})</script>",
    "--><script>alert({n})</script>",
    "]]><script>alert({n})</script>",
    "\" onmouseover=alert({n}) x=\"",
    "' onfocus=alert({n}) autofocus '",
    "` onclick=alert({n}) `",
    "javascript:alert({n})",
    "JaVaScRiPt:alert({n})",
    "javascript&colon;alert({n})",
    "\u2028javascript:alert({n})",
    "data:text/html,<script>alert({n})</script>",
    "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
    "vbscript:alert({n})",
    "http://x/\"onmouseover=alert({n})//",
    "http://x/'onmouseover='alert({n})",
    "https://x/<img src=x onerror=alert({n})>",
    "http://javascript:alert({n})@x/",
    "https://x/javascript:alert({n})",
    "view-source:javascript:alert({n})",
    "blob:javascript:alert({n})",
    "{{{{constructor.constructor('alert({n})')()}}}}",
    "${{alert({n})}}",
    "#{{alert({n})}}",
    "<%= alert({n}) %>",
    "';alert({n});//",
    "\";alert({n});//",
    "\\\";alert({n});//",
    "`-alert({n})-`",
    "&lt;script&gt;alert({n})&lt;/script&gt;",
    "&#60;img src=x onerror=alert({n})&#62;",
    "%3Cscript%3Ealert({n})%3C/script%3E",
    "\\x3cscript\\x3ealert({n})\\x3c/script\\x3e",
    "\uff1cscript\uff1ealert({n})\uff1c/script\uff1e",
    "<scr<script>ipt>alert({n})</scr</script>ipt>",
    "<img src=x:x onerror\x0c=alert({n})>",
    "<<script>alert({n})//<</script>",
    "<a id=defaultView><a id=defaultView name=alert>{n}",
    "__proto__",
    "constructor",
]  # fmt: skip
PAYLOADS = [call.format(n=number) for number, call in enumerate(CALLS)]


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that takes note of what runs in it."""
    context = browser.new_context(locale="en-GB")
    context.add_init_script(WATCH)
    yield context.new_page()
    context.close()


def _nothing_ran(guest: Guest) -> None:
    """Hover over and look at everything, then see that nothing ran, and that nothing could."""
    assert guest.page.evaluate(LOOK) == []
    assert guest.trouble == []


def _say_all(server: Server, client: JsonClient) -> None:
    """Bring each payload in by every verb that shows something to others."""
    for payload in PAYLOADS:
        client.tell("say", text=payload)
        client.tell("me", text=payload)
        client.tell("msg", to="alice", text=payload)
        client.tell("away", text=payload)
        client.tell("topic", text=payload)
        client.tell("setname", text=payload)
        client.tell("join", room=payload[:32])
        client.tell("nick", name=payload[:32])
    client.request("ping")


def test_there_are_eighty() -> None:
    assert len(PAYLOADS) >= 80


@pytest.mark.limit(120)
def test_nothing_runs_whichever_way_it_comes(start_server: StartServer, page: Page) -> None:
    server = start_server("--motd", PAYLOADS[2], "--room-name", "<b onclick=alert(1)>", "--rooms", 400, dev=False)
    guest = Guest(page, server).joined("alice")
    with JsonClient(server, "eve") as eve:
        eve.request("join", room="den")
        guest.say("/join den")
        guest.sees("den")
        _say_all(server, eve)
        with PlainClient(server, "mallory") as mallory:
            for payload in PAYLOADS:
                line = " ".join(payload.split())
                mallory.send_line(line)
                server.type(f"ANNOUNCE {line}")
                server.type(f"ROOM {line[:30]}: {line}")
            mallory.send_line("/msg alice over")
        for number, payload in enumerate(PAYLOADS):
            _come_and_go(server, payload, number)
        eve.tell("msg", to="alice", text="that was all")
        guest.sees("that was all")
    shown = guest.log.inner_text()
    assert all(payload in shown for payload in (PAYLOADS[0], PAYLOADS[3], PAYLOADS[41]))
    for number in range(5):
        guest.page.mouse.move(200 + 100 * number, 300)
    _nothing_ran(guest)


def _come_and_go(server: Server, payload: str, number: int) -> None:
    """Try it as a name on two wires, and as the last words of somebody on IRC."""
    with LineClient(server) as client:
        client.send_line(json.dumps({"do": "login", "name": payload, "token": payload}))
        client.read_line()
    if number % 8 == 0:
        with IrcClient(server, f"irc{number}") as irc:
            irc.send_line("JOIN #den")
            irc.send_line(f"PRIVMSG #den :{payload}")
            irc.send_line(f"QUIT :{payload}")
            irc.read_to_end()


@pytest.mark.limit(120)
def test_nothing_runs_from_history_and_from_the_address(start_server: StartServer, page: Page) -> None:
    server = start_server(dev=False)
    with JsonClient(server, "eve") as eve:
        for payload in PAYLOADS:
            eve.tell("say", text=payload)
        eve.request("say", text="the end of history")
        for payload in PAYLOADS[::10]:
            address = f"http://{server.host}:{server.port}/?room={quote(payload)}&name={quote(payload)}#{payload}"
            page.goto(address.replace("\t", "%09").replace("\x0c", "%0c"))
            assert page.evaluate(LOOK) == [], address
        guest = Guest(page, server).joined("alice")
        guest.sees("the end of history")
        guest.say("/history 200")
        _links_lead_out(guest)
        _nothing_ran(guest)


def _links_lead_out(guest: Guest) -> None:
    links: list[dict[str, Any]] = guest.page.evaluate(
        "() => [...document.querySelectorAll('#log a')].map(a => ({href: a.protocol, rel: a.rel}))"
    )
    assert links and {link["href"] for link in links} <= {"http:", "https:"}
    assert all("noopener" in link["rel"] and "noreferrer" in link["rel"] for link in links)
