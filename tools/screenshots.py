"""Takes the README's pictures: terminal client and window in one talk, the console, the page and IRC in others.

Needs Debian's xvfb, xterm, xdotool, imagemagick, chromium, irssi, weechat-curses and fonts-wqy-zenhei, and playwright.

Run it as: python tools/screenshots.py [FOLDER]
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
FONT = ["-fa", "DejaVu Sans Mono", "-fs", "11", "-bg", "#14161b", "-fg", "#d8dce4", "+sb", "-b", "8"]
PATIENCE = 15.0  # seconds


@contextmanager
def running(*command: str, **how: object) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command for as long as it is needed."""
    with subprocess.Popen(command, cwd=ROOT, **how) as process:  # type: ignore[call-overload]
        try:
            yield process
        finally:
            process.terminate()


@contextmanager
def screen() -> Iterator[str]:
    """Open a screen that nobody sees; yield its name."""
    reads, writes = os.pipe()
    command = ("Xvfb", "-displayfd", str(writes), "-screen", "0", "1000x700x24", "-nolisten", "tcp")
    with running(*command, pass_fds=[writes], stderr=subprocess.DEVNULL):
        os.close(writes)
        with os.fdopen(reads) as number:
            yield f":{number.readline().strip()}"


class Window:
    """One program's window on a screen of its own: typed into, and photographed."""

    def __init__(self, stack: ExitStack, *command: str) -> None:
        self._screen = {**os.environ, "DISPLAY": stack.enter_context(screen()), "LC_ALL": "C.UTF-8"}
        self._screen.pop("NO_COLOR", None)
        stack.enter_context(running(*command, env=self._screen, stderr=subprocess.DEVNULL))
        self._id = self._do("xdotool", "search", "--sync", "--onlyvisible", "--name", ".").split()[0]
        self._do("xdotool", "windowfocus", "--sync", self._id)

    def enter(self, line: str, pause: float = 0.4) -> None:
        """Type a line, as fast as a person who is fast."""
        self._do("xdotool", "type", "--delay", "8", line)
        self._do("xdotool", "key", "Return")
        time.sleep(pause)  # a picture shows a moment; which one does not matter to any test

    def type(self, text: str) -> None:
        """Type without sending."""
        self._do("xdotool", "type", "--delay", "8", text)

    def press(self, key: str) -> None:
        """Press one key."""
        self._do("xdotool", "key", key)

    def photograph(self, path: Path) -> None:
        """Save what the window shows."""
        time.sleep(0.5)
        self._do("import", "-window", self._id, str(path))
        print(path)

    def _do(self, *command: str) -> str:
        return subprocess.run(command, env=self._screen, check=True, capture_output=True, text=True).stdout


def terminal(stack: ExitStack, *command: str) -> Window:
    """Open a terminal in which a command runs."""
    return shell(stack, sys.executable, *command)


def shell(stack: ExitStack, *command: str, size: str = "96x24") -> Window:
    """Open a terminal in which any command runs."""
    return Window(stack, "xterm", *FONT, "-geometry", size, "-e", *command)


def free_port() -> int:
    """Return a port that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until it holds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the server does not listen")
        time.sleep(0.05)


def listens(port: int) -> bool:
    """Return whether somebody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def heroes(folder: Path) -> None:
    """Play the talk of the console, the terminal and the window, and take their pictures."""
    port = free_port()
    here = ("127.0.0.1", str(port))
    with ExitStack() as stack:
        host = terminal(stack, "chat_server.py", "--host", "127.0.0.1", "--port", str(port), "--no-store")
        wait_for(lambda: listens(port))
        time.sleep(1)
        spider = terminal(stack, "chat_client.py", "-c", *here, "Spider-Man")
        time.sleep(1.5)
        iron = Window(stack, sys.executable, "chat_client.py", *here, "Ironman")
        time.sleep(1.5)
        host.enter("Welcome, everyone!")
        spider.enter("Good evening. Is anybody on the roof?")
        iron.enter("Always. Bring the 日本 noodles 🍜")
        spider.enter("/me swings by")
        iron.enter("/msg Spider-Man the spare suit is in the lab")
        iron.enter("Spider-Man, the plans are at https://example.org/plans")
        spider.enter("On my way, Ironman.")
        iron.type("/me lands")
        iron.photograph(folder / "window.png")
        spider.type("/msg Iron")
        spider.photograph(folder / "terminal.png")
        host.enter("EXIT")  # a server whose terminal is gone serves on


def ruler(folder: Path) -> None:
    """Play an evening on which the host has to do something, and take two pictures of the console."""
    port = free_port()
    rooms = ("--room-name", "Allotments", "--room", "Weather: rain and sun")
    with ExitStack() as stack:
        command = ("chat_server.py", "--host", "127.0.0.1", "--port", str(port), "--no-store", *rooms)
        host = shell(stack, sys.executable, *command, size="96x30")
        wait_for(lambda: listens(port))
        time.sleep(1.5)
        ruth, omar, greta, eve = (Classmate(stack, port, name) for name in ("Ruth", "Omar", "Greta", "Eve"))
        host.enter("Good evening, everybody!")
        ruth.does("say", text="Good evening, Host.")
        omar.does("say", text="Evening! Is there water?")
        ruth.does("say", text="The water is back on, plots 1 to 12.")
        greta.does("join", room="weather")
        greta.does("say", text="Frost tonight: cover the beans 🥶")
        omar.does("me", text="runs for the fleece")
        eve.does("say", text="CHEAP SEEDS, CHEAP SEEDS, CHEAP SEEDS")
        host.enter("KICK Eve we have enough seeds")
        host.enter("TOPIC What is to be done this week")
        omar.does("msg", to="Host", text="Thank you!")
        host.type("The gate is lo")
        time.sleep(1)
        host.photograph(folder / "console.png")
        host.press("ctrl+u")
        host.enter("BAN Eve 2h seeds")
        host.enter("KICK Host")
        host.enter("SLOW 10")
        host.enter("SHOW weather")
        ruth.does("say", text="This is not shown.")
        greta.does("say", text="Minus three by six o'clock.")
        host.enter("BANS")
        host.enter("AUDIT")
        host.enter("EXIT 30 the lights go out")
        host.type("LOCK d")
        host.press("Tab")
        time.sleep(1)
        host.photograph(folder / "console-ruling.png")
        host.press("ctrl+u")
        host.enter("EXIT")


class Classmate:
    """Someone on the JSON wire, who only talks; and he waits for each answer, so that all keep their turns."""

    def __init__(self, stack: ExitStack, port: int, name: str) -> None:
        line = stack.enter_context(socket.create_connection(("127.0.0.1", port), PATIENCE))
        self._file = stack.enter_context(line.makefile("rw", encoding="utf-8", newline="\n"))
        self.does("login", name=name)

    def does(self, verb: str, **values: str) -> None:
        """Send a request, and wait until it has been done."""
        for request in ({"do": verb, **values}, {"do": "ping"}):
            self._file.write(json.dumps(request) + "\n")
        self._file.flush()
        while json.loads(self._file.readline())["event"] != "pong":
            pass


def enter(page: Page, port: int, name: str) -> None:
    """Come in by the page."""
    page.goto(f"http://127.0.0.1:{port}/")
    page.get_by_label("Your name").fill(name)
    page.keyboard.press("Enter")
    page.locator("#me", has_text=name).wait_for(state="attached")


def write(page: Page, text: str) -> None:
    """Say something on the page, and see it acknowledged."""
    page.get_by_label("Message", exact=True).fill(text)
    page.keyboard.press("Enter")
    page.locator(".own:not(.pending)", has_text=text.rpartition(" ")[2]).last.wait_for()


def school(folder: Path) -> None:
    """Play the talk of a class, and take the page's pictures: light, dark, and on a phone."""
    port = free_port()
    rooms = ("--room-name", "Class 9b", "--room", "Homework: what is to be done", "--room", "Weather: rain and sun")
    command = (sys.executable, "chat_server.py", "--host", "127.0.0.1", "--port", str(port), "--no-store", *rooms)
    with ExitStack() as stack:
        stack.enter_context(running(*command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL))
        wait_for(lambda: listens(port))
        browser = stack.enter_context(sync_playwright()).chromium.launch(executable_path=shutil.which("chromium"))
        names = ("Ms-Lund", "Ben", "Zoë", "Tariq", "Ann", "Ирина")
        lund, ben, zoe, tariq, *_ = (Classmate(stack, port, name) for name in names)
        lund.does("say", text="Good morning! Today: fractions, exercises 3 and 4.")
        zoe.does("say", text="Is there an example?")
        lund.does("say", text="There is one at https://example.org/fractions (second page).")
        mila = browser.new_page(viewport={"width": 1280, "height": 820}, device_scale_factor=1.5, locale="en-GB")
        enter(mila, port, "Mila")
        for room in ("Homework", "Class 9b"):
            mila.locator("#room-list").get_by_role("button", name=room, exact=False).first.click()
            mila.get_by_role("heading", name=room).wait_for()
        write(mila, "Thank you, that is what I needed.")
        write(mila, "Can we go through exercise 4 together afterwards?")
        Classmate(stack, port, "Tom")
        ben.does("say", text="Sure, Mila, in the break. Tom comes too 🙂")
        ben.does("say", text="Room 12 is free.")
        zoe.does("msg", to="Mila", text="psst: did you do the second part?")
        write(mila, "/msg Zoë not yet – shall we do it together?")
        lund.does("say", text="Please remember: the excursion is on Friday, whatever the weather. ☔")
        tariq.does("say", text="👏🎉")
        write(mila, "See you there!")
        tariq.does("join", room="homework")
        tariq.does("say", text="Which pages?")
        for scheme in ("light", "dark"):
            picture(mila, folder / f"page-{scheme}.png")
            mila.get_by_role("button", name="Dark colours").click()
        pia = browser.new_page(viewport={"width": 360, "height": 720}, device_scale_factor=2, locale="en-GB")
        enter(pia, port, "Pia")
        ben.does("say", text="Welcome, Pia! We are in room 12 in the break.")
        zoe.does("msg", to="Pia", text="I kept you a seat")
        write(pia, "Thanks, I am on my way 🏃")
        picture(pia, folder / "page-phone.png")
        browser.close()


def regulars(folder: Path) -> None:
    """Play the talk of people who stay with the clients they have, and take pictures of irssi and WeeChat."""
    port = free_port()
    here = ("127.0.0.1", str(port))
    rooms = ("--room-name", "Allotments", "--room", "Weather: rain and sun", "--motd", "Please close the gate.")
    command = (sys.executable, "chat_server.py", "--host", here[0], "--port", here[1], "--no-store", *rooms)
    with ExitStack() as stack:
        homes = [stack.enter_context(TemporaryDirectory()) for _ in range(2)]
        stack.enter_context(running(*command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL))
        wait_for(lambda: listens(port))
        ruth, omar = (Classmate(stack, port, name) for name in ("Ruth", "Omar"))
        ruth.does("say", text="The water is back on, plots 1 to 12.")
        ruth.does("me", text="shakes the mud off her boots")
        irssi = shell(stack, "irssi", "--home", homes[0], "-c", here[0], "-p", here[1], "-n", "greta")
        weechat = shell(stack, "weechat", "-d", homes[1], size="104x24")
        time.sleep(2)
        weechat.enter(f"/server add garden {here[0]}/{here[1]} -notls -nicks=willem -autojoin=#lobby")
        weechat.enter("/connect garden", 2)
        irssi.enter("/join #lobby", 1)
        irssi.enter("Morning! Did anybody see my blue watering can?", 1.5)
        omar.does("say", text="By the compost, under the Kürbisse 🎃")
        weechat.enter("I have it. Sorry, greta!", 1.5)
        irssi.enter("/me sighs with relief", 1.5)
        weechat.enter("/nick willem_away", 1.5)
        ruth.does("say", text="Frost tonight, cover the beans.")
        weechat.enter("/msg greta it stands at your gate now", 1.5)
        irssi.type("Thank you b")
        irssi.photograph(folder / "irssi.png")
        weechat.type("On my way with fle")
        weechat.photograph(folder / "weechat.png")


def picture(page: Page, path: Path) -> None:
    """Save what the page shows, once its letters are there."""
    page.evaluate("document.fonts.ready")
    page.wait_for_timeout(300)
    page.screenshot(path=path)
    print(path)


def main(folder: Path) -> None:
    """Take all pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    heroes(folder)
    ruler(folder)
    school(folder)
    regulars(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "docs" / "pictures"))
