"""The client in a terminal: what is typed goes to the link, what comes from it stands above the line.

It knows neither sockets nor how a terminal is drawn on.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import Any

from prompt_toolkit import PromptSession
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.validation import Validator

from clients.completion import Words
from clients.endings import FINAL, LEFT, LOST, after_goodbye
from clients.line import Line, terminal_output
from clients.link import Link
from clients.mention import is_for
from clients.order import MOMENT, Order
from clients.paint import STYLE, painted
from clients.past import Past
from clients.people import People, word
from clients.place import Place, read_place, read_port
from clients.secret import ASKING, DOOR, UNEQUAL, Secret, secret_in
from clients.trust import Trust
from clients.words import Entry, Kind, entries, how_many, note, unsaid, whole

BATCH = 500  # entries printed at once; between batches keys are heard
GAP = 0.02  # seconds between two batches
BACKLOG = 20_000  # objects that may wait for a terminal that takes nothing; then the oldest talk is left out
REPAINTED = 500  # entries that can be shown anew, without one that was removed
BELOW = 4  # rows of the screen that are kept for the line
QUIET = 2.0  # seconds between two rings at least
NO_SCREEN = 2  # exit code where there is nothing to draw on
HURRY = 2.0  # seconds until one has left, whatever the link still waits for
TRUSTING = "Trust it (yes, no)? "
COMMANDS, ROOMS = "commands", "rooms"  # the refs of the questions for the commands and the rooms

Found = dict[str, Any]


def run(place: Place, name: str, fingerprint: str, *, rings: bool = True) -> int:
    """Talk until one leaves or the server is gone; return the exit code. What is empty, or 0, is asked for.

    With `rings` the terminal rings when something is meant for this person.
    """
    try:
        if not place.host:
            asked = read_place(_ask("Server [127.0.0.1]: ", *_WHERE) or "127.0.0.1")
            place = replace(asked, port=asked.port or place.port, tls=asked.tls or place.tls)
        if not place.port:
            place = replace(place, port=read_port(_ask("Port [3001]: ", *_PORT) or "3001"))
        name = name or _ask("Name: ", lambda text: bool(text.strip()), "A name, please.")
        return Terminal(place, name, Trust(fingerprint), rings=rings).run()
    except (EOFError, KeyboardInterrupt):
        return LEFT
    except _no_console() as error:
        print(f"{error} Or talk in a window: python chat_client.py", file=sys.stderr)
        return NO_SCREEN


def _no_console() -> tuple[type[Exception], ...]:
    """Return what is raised on Windows where there is no console to draw on; elsewhere nothing is."""
    on_windows = sys.platform == "win32"
    return (import_module("prompt_toolkit.output.win32").NoConsoleScreenBufferError,) if on_windows else ()


def _ask(question: str, accept: Callable[[str], bool], error: str) -> str:
    validator = Validator.from_callable(accept, error, move_cursor_to_end=True)
    session: PromptSession[str] = PromptSession(question, output=terminal_output(), validator=validator)
    return session.prompt(validate_while_typing=False).strip()


def _fits(read: Callable[[str], object]) -> Callable[[str], bool]:
    """Return whether a text is empty, or can be read."""

    def accept(text: str) -> bool:
        try:
            return not text.strip() or bool(read(text.strip()))
        except ValueError:
            return False

    return accept


_WHERE = _fits(read_place), "A name or an address, please, or tls://name:port."
_PORT = _fits(read_port), "A port is a whole number from 1 to 65535."


class Terminal:
    """One visit from a terminal."""

    def __init__(self, place: Place, name: str, trust: Trust, *, rings: bool = True) -> None:
        self._link = Link(place, name, self._deliver, trust=trust)
        self._name = name
        self._rings, self._rang = rings, -QUIET
        self._stranger = ""
        self._people = People()
        self._words = Words(self._people)
        self._line = Line(self._words, STYLE, on_line=self._typed, on_leave=self._leave, state=self._state_line)
        self._state = ""
        self._leaving = False
        self._ending = LEFT
        self._refs = 0
        self._waiting: dict[int, str] = {}
        self._past = Past()
        self._order = Order()
        self._news: deque[Found] = deque()
        self._lock = threading.Lock()
        self._scheduled = False
        self._left_out = 0
        self._shown: deque[Entry] = deque(maxlen=REPAINTED)

    def run(self) -> int:
        """Run until the end; return the exit code."""
        try:
            return self._line.run(begin=self._link.start)
        finally:
            self._link.close()
            self._link.join()

    # ---- what is typed ----------------------------------------------------------------------------------------

    def _typed(self, text: str) -> None:
        text = text.strip("\n")
        if self._stranger:
            self._decide(text.strip().lower())
            return
        if not text.strip():
            return
        if not self._name:
            self._name = text.strip()
            self._link.login(self._name)
        elif self._says_goodbye(text):
            self._leave(text.partition(" ")[2].strip())
        elif secret := secret_in(text):
            self._send_secret(secret)
        elif older := self._past.typed(text, self._people.room):
            self._send(older, text)
        else:
            self._send({"do": "say", "text": text} if self._is_pasted(text) else {"do": "line", "line": text}, text)

    def _says_goodbye(self, text: str) -> bool:
        return text.strip() == "tata" or text.split(maxsplit=1)[0].lower() == "/quit"

    def _is_pasted(self, text: str) -> bool:
        """Is this a text of several lines? A command never is: a private text must not become public."""
        return "\n" in text and not text.startswith("/")

    def _send_secret(self, secret: Secret) -> None:
        """Send a command with a password; where it stands alone, ask for one, for a new one twice."""

        def compare(first: str | None, second: str | None) -> None:
            if first and second and first != second:
                self._print([note(UNEQUAL, Kind.ERROR)])
            elif first and second:
                self._send(secret.request(first), secret.shown)

        def repeat(first: str | None) -> None:
            if first and secret.is_new:
                self._line.ask_secret("The same again: ", lambda second: compare(first, second))
            else:
                compare(first, first)

        if secret.asks:
            self._line.ask_secret(f"{secret.question}: ", repeat)
        else:
            self._send(secret.request(secret.password), secret.shown)

    def _send(self, request: Found, line: str) -> None:
        """Send a request; `line` is how it may be shown."""
        self._refs += 1
        if self._link.send({**request, "ref": self._refs}):
            self._waiting[self._refs] = line
        else:
            self._print([note("Too much waits to be sent already; that was not sent.", Kind.ERROR)])

    def _leave(self, reason: str = "") -> None:
        """Say goodbye; who asks twice leaves without the answer."""
        if self._leaving:
            self._line.end(LEFT)
        self._leaving = True
        self._link.close(reason)
        self._line.call_later(HURRY, lambda: self._line.end(LEFT))

    # ---- what arrives -----------------------------------------------------------------------------------------

    def _deliver(self, found: Found) -> None:
        """Take an object on the link's thread, and see to it that it is told on ours."""
        with self._lock:
            self._news.append(found)
            if len(self._news) > BACKLOG:
                self._thin_out()
            wake, self._scheduled = not self._scheduled, True
        if wake:
            self._line.call(self._tell)

    def _thin_out(self) -> None:
        """Leave out what was said in the older half of the backlog; who came and went stays."""
        older = [self._news.popleft() for _ in range(BACKLOG // 2)]
        kept = [found for found in older if found.get("event") not in ("said", "acted")]
        self._left_out += len(older) - len(kept)
        self._news.extendleft(reversed(kept))

    def _tell(self) -> None:
        """Print the next batch, and the others a moment later."""
        with self._lock:
            batch = [self._news.popleft() for _ in range(min(len(self._news), BATCH))]
            left_out, self._left_out = self._left_out, 0
            self._scheduled = more = bool(self._news)
        told = [note(f"{left_out} messages left out: this terminal was too slow.")] if left_out else []
        self._show([ready for found in batch for ready in self._sort(found)], told)
        if self._order.holds:
            self._line.call_later(MOMENT, self._release)
        if more:
            self._line.call_later(GAP, self._tell)

    def _sort(self, found: Found) -> list[Found]:
        """Return what can be told now, in the order of the room."""
        gathered = self._past.gather(found)
        if gathered is None:
            return []
        ref = found.get("ref")
        line = self._waiting.pop(ref, "") if isinstance(ref, int) else ""
        return self._order.sort({**gathered, "asked": line}, waiting=bool(self._waiting))

    def _release(self) -> None:
        if self._order.holds:
            self._show(self._order.release(), [])

    def _show(self, batch: list[Found], told: list[Entry]) -> None:
        """Print what is `told` already, and then a batch; do what follows from it."""
        for found in batch:
            told += self._hear(found)
        self._print(told)
        for found in batch:
            self._obey(found)

    def _hear(self, found: Found) -> list[Entry]:
        """Take in one object; return how it is told."""
        self._people.hear(found)
        if found.get("ref") == COMMANDS:
            self._words.learn(word(found, "text"))
        return entries(found, self._people) if found.get("ref") not in (COMMANDS, ROOMS) else []

    def _print(self, told: list[Entry]) -> None:
        self._shown += told
        pieces: StyleAndTextTuples = []
        for each in told:
            pieces += painted(each, self._line.columns, self._people.me)
        if pieces:
            self._line.show(pieces)
        else:
            self._line.refresh()
        self._call(told)

    def _call(self, told: list[Entry]) -> None:
        """Ring where something is meant for this person, but not again and again."""
        now = time.monotonic()
        if self._rings and now >= self._rang + QUIET and any(is_for(each, self._people.me) for each in told):
            self._rang = now
            self._line.ring()

    def _unsay(self, found: Found) -> None:
        """Take a message that was removed off the screen; what has scrolled away is in nobody's hands."""
        gone = whole(found, "message")
        if not any(each.id == gone for each in self._shown if gone):
            return
        self._shown = deque((unsaid(each, found) if each.id == gone else each for each in self._shown), REPAINTED)
        pieces: StyleAndTextTuples = []
        rows = 0
        for each in reversed(self._shown):
            text = painted(each, self._line.columns, self._people.me)
            rows += sum(piece[1].count("\n") for piece in text)
            if rows > self._line.rows - BELOW:
                break
            pieces = [*text, *pieces]
        self._line.repaint(pieces)

    def _obey(self, found: Found) -> None:
        """Do what follows from an object that has been told."""
        event = word(found, "event")
        if event == "link":
            self._enter_state(word(found, "state"))
            if self._state == "stranger":
                self._stranger = word(found, "fingerprint")
                self._line.ask(TRUSTING, "")
        elif event == "welcome":
            self._link.send({"do": "help", "ref": COMMANDS})
            self._link.send({"do": "channels", "ref": ROOMS})
        elif event in ("joined", "parted"):
            self._link.send({"do": "channels", "ref": ROOMS})
        elif event == "removed":
            self._unsay(found)
        elif event == "refused" and self._state == "connecting" and "ref" not in found:
            if word(found, "code") not in FINAL:
                self._ask_for_login(word(found, "code"))
        elif event == "refused" and word(found, "code") == "not_connected" and not secret_in(word(found, "asked")):
            self._line.give_back(word(found, "asked"))
        elif event == "goodbye":
            self._ending = after_goodbye(word(found, "code"))

    def _ask_for_login(self, code: str) -> None:
        """The login was refused: ask for the password of this name, or for another name."""
        self._state = "refused"
        if code in ASKING:
            whose = "this room" if code == DOOR else self._name
            self._line.ask_secret(f"Password of {whose}: ", self._prove)
        else:
            self._line.ask("Another name: ", self._name)
            self._name = ""

    def _decide(self, answer: str) -> None:
        """Take the answer to the question whether the server is to be trusted."""
        if answer in ("y", "yes"):
            self._link.confirm(self._stranger)
            self._stranger = ""
        elif answer in ("n", "no"):
            self._link.close()
            self._line.end(LOST)
        else:
            self._line.ask(TRUSTING, "")

    def _prove(self, password: str | None) -> None:
        if password:
            self._link.login(self._name, password)
        elif password is None:
            self._leave()
        else:
            self._ask_for_login("")

    def _enter_state(self, state: str) -> None:
        self._state = state
        if state in ("closed", "gave_up"):
            self._line.end(LEFT if self._leaving else LOST if state == "gave_up" else self._ending)

    # ---- what stands under the line ---------------------------------------------------------------------------

    def _state_line(self) -> StyleAndTextTuples:
        """Say how things stand; the most important first, because a narrow terminal cuts the end off."""
        here, state = self._people, _STATES.get(self._state, "")
        facts = [self._link.server]
        if self._state == "connected":
            facts += [here.title, how_many(here.count), here.me]
            facts += [f"#{place.room} {place.unread} new" for place in here.elsewhere]
        if self._waiting:
            facts.append(f"{len(self._waiting)} on the way")
        looks = "" if self._state == "connected" else "class:trouble"
        return [(looks, state), ("", "".join(f" · {fact}" for fact in facts))]


_STATES = {
    "connecting": "connecting …",
    "refused": "login refused",
    "stranger": "not connected",
    "connected": "connected",
    "lost": "not connected",
    "retrying": "not connected; trying again",
    "gave_up": "not connected",
    "closed": "closed",
}
