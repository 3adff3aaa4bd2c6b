"""Somebody in front of a browser: Chromium, driven by playwright. Knows the page's labels, and no server's insides."""

from __future__ import annotations

import shutil
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserType, Locator, Page, expect

from tests.support import Address

PATIENCE = 30_000  # milliseconds
DESKTOP, PHONE = (1280, 800), (360, 640)


class Guest:
    """Somebody in front of a browser."""

    def __init__(self, page: Page, server: Address, room: str = "") -> None:
        self.page = page
        self.trouble: list[str] = []
        self.log = page.locator("#log")
        self.entry = page.get_by_label("Message", exact=True)
        self.home = f"http://{server.host}:{server.port}/"
        page.on("request", self._asked)
        page.on("pageerror", lambda error: self.trouble.append(f"error: {error}"))
        page.on("console", lambda message: self._written(message.text))
        page.goto(self.home + room)

    def join(self, name: str, password: str = "") -> None:
        self.page.get_by_label("Your name").fill(name)
        if password:
            self.page.get_by_label("Password of this name").fill(password)
        self.page.get_by_role("button", name="Join", exact=True).click()

    def joined(self, name: str) -> Guest:
        self.join(name)
        self.page.locator("#me", has_text=name).wait_for(state="attached")
        return self

    def say(self, text: str) -> None:
        self.entry.fill(text)
        self.entry.press("Enter")

    def sees(self, text: str) -> Locator:
        """Wait until this stands in the log; return its row."""
        found = self.log.locator("li", has_text=text).last
        found.wait_for()
        return found

    def people(self) -> list[str]:
        return self.page.locator("#people-list bdi").all_inner_texts()

    def look_away(self, away: bool = True) -> None:
        """Go to another tab, or come back: a headless page is always in front, so it is told so."""
        self.page.evaluate(
            """away => {
                const value = away ? "hidden" : "visible"
                Object.defineProperty(document, "visibilityState", {value, configurable: true})
                document.dispatchEvent(new Event("visibilitychange"))
            }""",
            away,
        )

    def _asked(self, request: object) -> None:
        url = request.url  # type: ignore[attr-defined]
        if urlsplit(url).netloc != urlsplit(self.home).netloc and not url.startswith("data:"):
            self.trouble.append(f"asked for {url}")

    def _written(self, text: str) -> None:
        if "Content Security Policy" in text:
            self.trouble.append(text)


def launch(kind: BrowserType, path: str = "") -> Browser:
    """Start Chromium, or what stands at `path` in its stead."""
    expect.set_options(timeout=PATIENCE)
    return kind.launch(executable_path=path or chromium(), timeout=2 * PATIENCE)


def chromium() -> str:
    """Return where Chromium is; skips the test where it is not."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("needs chromium, which is not installed here (`make test` installs it)")
    return path
