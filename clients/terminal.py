"""The client in a terminal: what is typed goes to the link, what comes from it stands above the line.

It knows neither sockets nor how a terminal is drawn on.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from prompt_toolkit import PromptSession
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.validation import Validator

from clients.completion import Words
from clients.endings import LEFT, LOST, after_goodbye
from clients.line import Line, terminal_output
from clients.link import Link
from clients.paint import STYLE, painted
from clients.people import People, word
from clients.words import Entry, Kind, entry, note, people

BATCH = 500  # entries printed at once; between batches keys are heard
GAP = 0.02  # seconds between two batches
BACKLOG = 20_000  # objects that may wait for a terminal that takes nothing; then the oldest talk is left out
HURRY = 2.0  # seconds until one has left, whatever the link still waits for
COMMANDS = "commands"  # the ref of the question for the commands

Found = dict[str, Any]


def run(host: str, port: int, name: str) -> int:
    """Talk until one leaves or the server is gone; return the exit code. What is empty, or 0, is asked for."""
    try:
        host = host or _ask("Server [127.0.0.1]: ") or "127.0.0.1"
        port = port or int(_ask("Port [3001]: ", _is_port, "A port is a whole number from 1 to 65535.") or 3001)
        name = name or _ask("Name: ", lambda text: bool(text.strip()), "A name, please.")
    except (EOFError, KeyboardInterrupt):
        return LEFT
    return Terminal(host, port, name).run()


def _ask(question: str, accept: Callable[[str], bool] = lambda text: True, error: str = "") -> str:
    validator = Validator.from_callable(accept, error, move_cursor_to_end=True)
    session: PromptSession[str] = PromptSession(question, output=terminal_output(), validator=validator)
    return session.prompt(validate_while_typing=False).strip()


def _is_port(text: str) -> bool:
    text = text.strip()
    return not text or (text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) < 65536)


class Terminal:
    """One visit from a terminal."""

    def __init__(self, host: str, port: int, name: str) -> None:
        self._link = Link(host, port, name, self._deliver)
        self._name = name
        self._people = People()
        self._words = Words(self._people)
        self._line = Line(self._words, STYLE, on_line=self._typed, on_leave=self._leave, state=self._state_line)
        self._state = ""
        self._leaving = False
        self._ending = LEFT
        self._refs = 0
        self._waiting: set[int] = set()
        self._news: deque[Found] = deque()
        self._lock = threading.Lock()
        self._scheduled = False
        self._left_out = 0

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
        if not text.strip():
            return
        if not self._name:
            self._name = text.strip()
            self._link.login(self._name)
        elif self._says_goodbye(text):
            self._leave(text.partition(" ")[2].strip())
        else:
            self._send({"do": "say", "text": text} if self._is_pasted(text) else {"do": "line", "line": text})

    def _says_goodbye(self, text: str) -> bool:
        return text.strip() == "tata" or text.split(maxsplit=1)[0].lower() == "/quit"

    def _is_pasted(self, text: str) -> bool:
        """Is this a text of several lines? A command never is: a private text must not become public."""
        return "\n" in text and not text.startswith("/")

    def _send(self, request: Found) -> None:
        self._refs += 1
        if self._link.send({**request, "ref": self._refs}):
            self._waiting.add(self._refs)
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
        entries = [note(f"{left_out} messages left out: this terminal was too slow.")] if left_out else []
        entries += [told for found in batch if (told := self._hear(found))]
        self._print(entries)
        for found in batch:
            self._obey(found)
        if more:
            self._line.call_later(GAP, self._tell)

    def _hear(self, found: Found) -> Entry | None:
        """Take in one object; return how it is told."""
        ref = found.get("ref")
        if isinstance(ref, int):
            self._waiting.discard(ref)
        self._people.hear(found)
        if word(found, "event") == "told" and ref == COMMANDS:
            self._words.learn(word(found, "text"))
            return None
        return entry(found, self._people.me)

    def _print(self, entries: list[Entry]) -> None:
        pieces: StyleAndTextTuples = []
        for each in entries:
            pieces += painted(each, self._line.columns)
        if pieces:
            self._line.show(pieces)
        else:
            self._line.refresh()

    def _obey(self, found: Found) -> None:
        """Do what follows from an object that has been told."""
        event = word(found, "event")
        if event == "link":
            self._enter_state(word(found, "state"))
        elif event == "welcome":
            self._link.send({"do": "help", "ref": COMMANDS})
        elif event == "refused" and self._state == "connecting" and "ref" not in found:
            self._line.ask("Another name: ", self._name)
            self._name, self._state = "", "refused"
        elif event == "goodbye":
            self._ending = after_goodbye(word(found, "code"))

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
            facts += [here.title, people(here.count), here.me]
        if self._waiting:
            facts.append(f"{len(self._waiting)} on the way")
        looks = "" if self._state == "connected" else "class:trouble"
        return [(looks, state), ("", "".join(f" · {fact}" for fact in facts))]


_STATES = {
    "connecting": "connecting …",
    "refused": "name refused",
    "connected": "connected",
    "lost": "not connected",
    "retrying": "not connected; trying again",
    "gave_up": "not connected",
    "closed": "closed",
}
