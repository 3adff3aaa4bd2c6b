"""The chat pane: what was said and what happened, newest below; read-only, to be selected and copied from.

It opens links, keeps still while somebody reads back, and says how much is new. It does not know where that
comes from.
"""

from __future__ import annotations

import re
import threading
import tkinter
import webbrowser
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from tkinter import ttk

from clients.mention import split
from clients.window.look import BODY, FIXED, SMALL, STRONG, Look, shade
from clients.words import Entry, Kind

BY_HAND = ("<KeyPress>", "<ButtonPress>", "<MouseWheel>", "<B1-Motion>", "<B2-Motion>")  # what may move the view
TINY = ("TkDefaultFont", -1)
LINES = 5000  # kept after a trim
MOST = 20_000  # kept where somebody reads back so far
SPARE = 500  # more than that before the next one
SPOKEN = frozenset({Kind.SAID, Kind.ACTED, Kind.PRIVATE})

LINK = re.compile(r"""https?://[\w\[][^\s<>"'`]*""", re.IGNORECASE)
AFTER_LINK = ".,;:!?)]}*_"


class Pane(ttk.Frame):
    """What was said and what happened.

    `ask_older(first)` is called where somebody has come to its beginning, the message with that id; it tells whether
    more is on its way.
    """

    def __init__(self, master: tkinter.Misc, look: Look, ask_older: Callable[[int], bool]) -> None:
        super().__init__(master)
        self._look = look
        self._ask_older = ask_older
        self._begins = False  # what was said first is shown
        self._asks = False  # what is older has been asked for
        self._kept = LINES
        self._me = ""
        self._last: Entry | None = None
        self._tagged: deque[str] = deque()  # a tag for each message that can be taken away
        self._by_hand = False
        self._following = True
        self._unseen = 0
        self.text = tkinter.Text(self, wrap="word", state="disabled", relief="flat", borderwidth=0, width=1, height=1)
        self._bar = ttk.Scrollbar(self, command=self._drag)
        self.hint = ttk.Button(self, style="Accent.TButton", command=self.go_down, takefocus=False)
        self._lay_out()
        self._bind()
        look.follow(self._paint)

    def show(self, entries: Sequence[Entry], me: str = "") -> None:
        """Add entries at the bottom, to be read by `me`; the view follows only if the bottom was in view."""
        self._me = me
        self.text.configure(state="normal")
        for entry in entries:
            self._add(entry)
        self._trim()
        self.text.configure(state="disabled")
        if self._following:
            self.text.see("end")
        else:
            self._unseen += sum(entry.kind in SPOKEN and not entry.past for entry in entries)
            self._show_hint()

    def show_above(self, entries: Sequence[Entry], *, is_all: bool) -> None:
        """Add what is older than all that is here; what is read stays where it is. `is_all`: there is no more."""
        self._asks, self._begins = False, is_all
        if not entries:
            return
        last, self._last = self._last, None
        line, _, column = self.text.index("@0,0").partition(".")
        before = self._lines()
        pieces: list[str | tuple[str, ...]] = []
        for entry in entries:
            for text, tags in self._pieces(entry):
                pieces += [text, tags]
            self._last = entry
        self.text.configure(state="normal")
        self.text.insert("1.0", *pieces)  # type: ignore[arg-type]  # as in _add
        self.text.configure(state="disabled")
        self._last = last
        self._tagged.extendleft(f"id{entry.id}" for entry in reversed(entries) if entry.id)
        added = self._lines() - before
        self._kept = min(self._kept + added, MOST)
        if not self._following:
            self.text.yview(f"{int(line) + added}.{column}")

    def read_back(self) -> None:
        """Ask for what is older than all that is here, unless that is on its way, or there is nothing more."""
        if not (self._asks or self._begins):
            self._asks = self._ask_older(int(self._tagged[0].removeprefix("id")) if self._tagged else 0)

    def go_down(self) -> None:
        """Show the newest."""
        self.text.see("end")
        self._reached(bottom=True)

    def scroll(self, pages: int) -> None:
        """Move the view by pages; negative is back in time."""
        self._touch()
        self.text.yview_scroll(pages, "pages")

    def links(self, most: int = 9) -> list[str]:
        """Return the newest links, the newest first, each once."""
        ends = self.text.tag_ranges("link")
        found = [self.text.get(begin, end) for begin, end in zip(ends[-2::-2], ends[-1::-2], strict=True)]
        return list(dict.fromkeys(found))[:most]

    def forget(self) -> None:
        """Stop following the theme: this pane is about to go."""
        self._look.forget(self._paint)

    # ---- how it is made ---------------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        self.rowconfigure(0, weight=1)
        self.columnconfigure(0, weight=1)
        self.text.grid(row=0, column=0, sticky="nsew")
        self._bar.grid(row=0, column=1, sticky="ns")
        self.text.configure(yscrollcommand=self._scrolled, padx=self._look.pixels(14), pady=self._look.pixels(10))

    def _bind(self) -> None:
        self.text.bindtags(("ByHand", *self.text.bindtags()))
        for event in BY_HAND:
            self.text.bind_class("ByHand", event, lambda _event: self._touch())
        self.text.bind("<Button-1>", lambda _event: self.text.focus_set(), add="+")
        self.text.bind("<Configure>", lambda _event: self._stay_down())
        self.text.bind("<End>", lambda _event: self.go_down())
        self.text.bind("<Home>", lambda _event: self.text.see("1.0"))
        self.text.tag_bind("link", "<ButtonRelease-1>", self._click_link)
        self.text.tag_bind("link", "<Enter>", lambda _event: self.text.configure(cursor="hand2"))
        self.text.tag_bind("link", "<Leave>", lambda _event: self.text.configure(cursor="xterm"))

    def _paint(self) -> None:
        colours, pixels = self._look.colours, self._look.pixels
        self.text.configure(
            background=colours.pane,
            font=TINY,  # of the empty last line, which Tk always has; every other one has a tag with a font
            cursor="xterm",
            highlightthickness=1,
            highlightbackground=colours.pane,
            highlightcolor=colours.link,
            selectbackground=colours.marked,
            selectforeground=colours.text,
            inactiveselectbackground=colours.marked,
            spacing2=pixels(2),
        )
        tag = self.text.tag_configure
        tag("gap", font=TINY, spacing1=pixels(4), spacing3=pixels(3))
        tag("head", font=STRONG, spacing1=pixels(10), spacing3=pixels(3))
        tag("small", font=SMALL, foreground=colours.dim)
        for name in ("said", "acted", "own", "private", "reply"):
            tag(name, lmargin1=pixels(12), lmargin2=pixels(12), lmargincolor=colours.pane)
            tag(name, spacing1=pixels(2), spacing3=pixels(3), font=BODY, foreground=colours.text)
        tag("own", background=colours.own)
        tag("private", background=colours.private)
        tag("reply", background=colours.reply, font=FIXED)
        tag("event", foreground=colours.dim, font=SMALL, spacing1=pixels(4), spacing3=pixels(4))
        tag("notice", background=colours.reply, foreground=colours.text, font=STRONG, justify="center")
        tag("notice", spacing1=pixels(10), spacing3=pixels(10))
        tag("error", foreground=colours.error, font=BODY, spacing1=pixels(4), spacing3=pixels(4))
        tag("past", foreground=colours.dim)
        tag("rule", foreground=colours.link, font=SMALL, justify="center", spacing1=pixels(10), spacing3=pixels(6))
        tag("mention", background=colours.mention, font=STRONG)
        tag("link", foreground=colours.link, underline=True)
        for number, colour in enumerate(colours.names):
            tag(f"name{number}", foreground=colour)
        for above in ("mention", "link", "sel"):
            self.text.tag_raise(above)
        self._stay_down()

    # ---- entries ----------------------------------------------------------------------------------------------

    def _add(self, entry: Entry) -> None:
        """Insert in one call. No position is counted: Tk counts a character beyond U+FFFF as two."""
        pieces: list[str | tuple[str, ...]] = []
        for text, tags in self._pieces(entry):
            pieces += [text, tags]
        self.text.insert("end", *pieces)  # type: ignore[arg-type]  # typeshed wants a first text, then the rest
        self._last = entry
        if entry.id:
            self._tagged.append(f"id{entry.id}")

    def unsay(self, number: int, text: str) -> None:
        """Put `text` in the place of the message with this id, if it is here."""
        ranges = self.text.tag_ranges(f"id{number}")
        if ranges:
            self.text.configure(state="normal")
            begin = self.text.index(str(ranges[0]))
            self.text.delete(begin, str(ranges[-1]))
            self.text.insert(begin, f"{text}\n", ("event",))
            self.text.configure(state="disabled")

    def _pieces(self, entry: Entry) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield texts and their tags. A line feed carries the background of its line to the edge."""
        if entry.kind in SPOKEN and not self._goes_on(entry):
            yield entry.who, ("head", f"name{shade(entry.who)}")
            yield f"   {_when(entry)}{_privacy(entry)}{_where(entry)}\n", ("head", "small")
        if entry.kind is Kind.REPLY:
            yield "\n", ("gap",)
        tags = (_tag(entry), *(["past"] if entry.past else []), *([f"id{entry.id}"] if entry.id else []))
        if entry.kind in (Kind.ACTED, Kind.NOTICE):
            yield entry.head.removeprefix("[*] "), tags
        called = self._me if entry.kind in SPOKEN and not entry.own else ""
        for text, is_link in _split_links(entry.text):
            if is_link:
                yield text, (*tags, "link")
                continue
            for piece, is_me in split(text, called):
                yield piece, (*tags, "mention") if is_me else tags
        yield (f"   {entry.time[:5]}\n" if entry.kind is Kind.EVENT else "\n"), tags

    def _goes_on(self, entry: Entry) -> bool:
        """Does it stand under the same name, minute and addressees as the one before?"""
        last = self._last
        return last is not None and _heading(last) == _heading(entry)

    def _lines(self) -> int:
        return int(self.text.index("end-1c").partition(".")[0])

    def _trim(self) -> None:
        lines = self._lines()
        if lines > self._kept + SPARE:
            self._begins = False
            self.text.delete("1.0", f"{lines - self._kept}.0")
            while self._tagged and not self.text.tag_ranges(self._tagged[0]):
                self.text.tag_delete(self._tagged.popleft())

    # ---- where one reads --------------------------------------------------------------------------------------

    def _scrolled(self, first: float, last: float) -> None:
        """Follow the newest until somebody moves the view; a change of size or fonts alone is no such move."""
        self._bar.set(first, last)
        if float(last) >= 1.0:
            self._reached(bottom=True)
        elif self._by_hand:
            self._reached(bottom=False)
        else:
            self.after_idle(self._stay_down)
        self._by_hand = False

    def _touch(self) -> None:
        self._by_hand = True
        self.after_idle(self._look_back)

    def _look_back(self) -> None:
        if self.text.yview()[0] <= 0.0:
            self.read_back()

    def _drag(self, *how: str) -> None:
        self._touch()
        self.text.yview(*how)

    def _reached(self, *, bottom: bool) -> None:
        self._following = bottom
        if bottom:
            self._unseen, self._kept = 0, LINES
        self._show_hint()

    def _stay_down(self) -> None:
        """After a change of size, the newest is in view if it was before."""
        self._by_hand = False
        if self._following:
            self.text.see("end")

    def _show_hint(self) -> None:
        if not self._unseen:
            self.hint.place_forget()
            return
        self.hint.configure(text="↓  1 new message" if self._unseen == 1 else f"↓  {self._unseen} new messages")
        self.hint.place(relx=0.5, rely=1.0, y=-self._look.pixels(10), anchor="s")

    # ---- links ------------------------------------------------------------------------------------------------

    def _click_link(self, event: tkinter.Event[tkinter.Misc]) -> None:
        if self.text.tag_ranges("sel"):
            return  # the end of a selection that was drawn with the mouse
        here = self.text.tag_prevrange("link", f"@{event.x},{event.y}+1c")
        if here:
            open_link(self.text.get(*here))


def _heading(entry: Entry) -> tuple[object, ...]:
    return entry.kind is Kind.PRIVATE, entry.who, _when(entry), _privacy(entry), _where(entry)


def _when(entry: Entry) -> str:
    return f"{entry.day} {entry.time[:5]}" if entry.day else entry.time[:5]


def _where(entry: Entry) -> str:
    """Return the room of what is shown outside it."""
    return f"   in {entry.place.strip()}" if entry.place and not entry.room else ""


def _privacy(entry: Entry) -> str:
    """Return whom a private message went to, to stand behind the name and the time."""
    if entry.kind is not Kind.PRIVATE:
        return ""
    return f"   privately to {entry.head.removeprefix(f'{entry.who} -> ').removesuffix(': ')}"


def _tag(entry: Entry) -> str:
    if entry.kind is Kind.PRIVATE or not entry.own:
        return entry.kind.value
    return "own"


def open_link(address: str) -> None:
    """Show a web page in the browser; nothing but http and https is opened."""
    if LINK.fullmatch(address):
        # Some browsers keep the caller waiting until they end.
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()


def _split_links(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the pieces of `text`, and whether each is a link."""
    done = 0
    for match in LINK.finditer(text):
        address = _trimmed(match[0])
        yield text[done : match.start()], False
        yield address, True
        done = match.start() + len(address)
    yield text[done:], False


def _trimmed(address: str) -> str:
    """Return the address without the full stop or bracket of the sentence around it."""
    while address[-1] in AFTER_LINK and not (address[-1] == ")" and address.count("(") >= address.count(")")):
        address = address[:-1]
    return address
