"""The keys of the whole window, and the menus that the right button and the menu key open."""

from __future__ import annotations

import tkinter
from collections.abc import Callable
from functools import partial

from clients.window.composer import Composer
from clients.window.header import Header
from clients.window.look import Look
from clients.window.notice import Banner
from clients.window.pane import Pane, open_link
from clients.window.panes import Panes
from clients.window.rooms import RoomList
from clients.window.roster import PeopleList
from clients.words import Kind, note

HELP = """\
Return            send; Shift+Return: a new line
Tab               complete a name or a /command; again: the next one
Up, Down          what you sent before
PageUp, PageDown  read back and forth; Ctrl+End: down to the newest
Ctrl+L            write
Ctrl+P            people; Return there: a private message
Ctrl+R            rooms; Return there: go there; Alt+Up, Alt+Down: the one above, below
Ctrl+N            server, port and name; F5: connect or disconnect
Ctrl+O            open the newest link; the menu key in the chat lists more
Ctrl+D            light or dark
Ctrl+Plus, Minus  size of the text; Ctrl+0: as it was
Escape            take away the message at the top, go back to writing
Ctrl+Q            close the window"""


class Keys:
    """Binds the keys to the parts of a window."""

    def __init__(
        self,
        *,
        root: tkinter.Tk,
        look: Look,
        header: Header,
        banner: Banner,
        people: PeopleList,
        rooms: RoomList,
        panes: Panes,
        composer: Composer,
    ) -> None:
        self._root, self._look, self._header, self._banner = root, look, header, banner
        self._people, self._rooms, self._panes, self._composer = people, rooms, panes, composer
        self._bind(root)
        self._bind(composer.text)
        panes.each(self._bind_pane)

    def _bind(self, widget: tkinter.Misc) -> None:
        """Text widgets have meanings of their own for some keys; what holds in the whole window comes first."""
        for keys, action in self._actions().items():
            widget.bind(keys, _only(action))

    def _actions(self) -> dict[str, Callable[[], object]]:
        zoom = self._look.zoom
        return {
            "<F1>": lambda: self._panes.current.show([note(HELP, Kind.REPLY)]),
            "<Escape>": self._escape,
            "<Prior>": lambda: self._panes.current.scroll(-1),
            "<Next>": lambda: self._panes.current.scroll(1),
            "<Control-End>": self._go_down,
            "<Control-l>": self._composer.text.focus_set,
            "<Control-n>": lambda: self._header.ask("Server"),
            "<Control-p>": self._people.take_focus,
            "<Control-r>": self._rooms.take_focus,
            "<Alt-Up>": lambda: self._rooms.step(-1),
            "<Alt-Down>": lambda: self._rooms.step(1),
            "<Control-o>": self._open_newest,
            "<Control-d>": self._header.toggle_dark,
            "<Control-plus>": lambda: zoom(1),
            "<Control-equal>": lambda: zoom(1),
            "<Control-KP_Add>": lambda: zoom(1),
            "<Control-minus>": lambda: zoom(-1),
            "<Control-KP_Subtract>": lambda: zoom(-1),
            "<Control-0>": lambda: zoom(0),
        }

    def _bind_pane(self, pane: Pane) -> None:
        text = pane.text
        self._bind(text)
        text.bind("<Key>", self._type_on)
        for keys in ("<Button-3>", "<Menu>", "<Shift-F10>"):
            text.bind(keys, self._open_menu)

    def _escape(self) -> None:
        self._banner.clear()
        self._composer.text.focus_set()

    def _go_down(self) -> None:
        self._panes.current.go_down()

    def _open_newest(self) -> None:
        for address in self._panes.current.links(1):
            open_link(address)

    def _open_menu(self, event: tkinter.Event[tkinter.Misc]) -> str:
        text = self._panes.current.text
        menu = tkinter.Menu(self._root, tearoff=False)
        menu.add_command(label="Copy", command=lambda: text.event_generate("<<Copy>>"))
        menu.add_command(label="Select all", command=lambda: text.event_generate("<<SelectAll>>"))
        addresses = self._panes.current.links()
        if addresses:
            menu.add_separator()
        for address in addresses:
            menu.add_command(label=f"Open {address[:60]}", command=partial(open_link, address))
        # sv-ttk stumbles over a menu that is there, but not shown, when the theme changes.
        menu.bind("<Unmap>", lambda _event: menu.after_idle(menu.destroy))
        menu.tk_popup(event.x_root, event.y_root)
        return "break"

    def _type_on(self, event: tkinter.Event[tkinter.Misc]) -> str | None:
        """Who begins to type while the chat has the focus means to write."""
        if not event.char.isprintable() or not event.char or int(event.state) & 0b1100:
            return None
        composer = self._composer.text
        composer.insert("insert", event.char)
        composer.focus_set()
        return "break"


def _only(action: Callable[[], object]) -> Callable[[object], str]:
    def act(_event: object) -> str:
        action()
        return "break"

    return act
