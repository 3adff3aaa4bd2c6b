"""Colours and fonts of the window, light and dark; which of the two the desktop likes.

sv-ttk draws the widgets. What it leaves to its users is here: the sizes (it ignores `tk scaling`), the plain Tk
widgets, and the colours of the chat. Knows nothing of what is said.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tkinter
from collections.abc import Callable
from dataclasses import dataclass
from tkinter import font, ttk
from typing import Any

import sv_ttk

from clients.words import hue

ZOOMS = (0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 1.75, 2.0)
BODY, SMALL, STRONG = "SunValleyBodyFont", "SunValleyCaptionFont", "SunValleyBodyStrongFont"
FIXED = "ChatFixedFont"
PIXELS = {BODY: 14, SMALL: 12, STRONG: 14, FIXED: 13}  # heights on a screen of 96 dots an inch


@dataclass(frozen=True, slots=True)
class Colours:
    """What the chat is painted with; every text colour has a contrast of 4.5 or more on what it stands on."""

    ground: str
    pane: str
    text: str
    dim: str
    own: str
    private: str
    reply: str
    link: str
    good: str
    waiting: str
    error: str
    error_field: str
    marked: str
    mention: str
    names: tuple[str, ...]


LIGHT = Colours(
    ground="#fafafa",
    pane="#ffffff",
    text="#1f1f1f",
    dim="#666666",
    own="#e2effc",
    private="#f3e8fb",
    reply="#f3f3f3",
    link="#0b57a4",
    good="#0f7b3f",
    waiting="#8a5a00",
    error="#a4211a",
    error_field="#fde7e5",
    marked="#b9d3f5",
    mention="#ffe9a8",
    names=(
        "#b3261e", "#a64508", "#7a5c00", "#47690a", "#0d7042", "#00706f",
        "#0b62ad", "#4751c0", "#773bbb", "#9c2f9a", "#ad255f", "#6f5247",
    ),
)  # fmt: skip

DARK = Colours(
    ground="#1c1c1c",
    pane="#242424",
    text="#ececec",
    dim="#a4a4a4",
    own="#1f3a56",
    private="#3b2b4f",
    reply="#2e2e2e",
    link="#7cc0ff",
    good="#5fd39a",
    waiting="#e6c34a",
    error="#ffa79f",
    error_field="#4a2320",
    marked="#3a5f96",
    mention="#5f4d12",
    names=(
        "#ff8f86", "#ffab66", "#e6c34a", "#a8d468", "#5fd39a", "#4fd0dc",
        "#6cb8ff", "#a3acff", "#c99fff", "#f092e8", "#ff93ba", "#d2b8aa",
    ),
)  # fmt: skip


def shade(name: str) -> int:
    """Return which of the name colours is this person's, in both themes."""
    return hue(name, len(LIGHT.names))


class Look:
    """The theme in force. Those who paint themselves give `follow` a function to be called at every change."""

    def __init__(self, root: tkinter.Tk, dark: bool) -> None:
        self._root = root
        self._followers: list[Callable[[], None]] = []
        self._scale = min(max(root.winfo_fpixels("1i") / 96, 1.0), 4.0)
        self._zoom = ZOOMS.index(1.0)
        self.dark = dark
        sv_ttk.get_theme(root)
        self._fixed = font.Font(root=root, name=FIXED, exists=False, family=_family("TkFixedFont", root))
        self._size_fonts()
        # sv-ttk repaints all plain widgets when Tk tells of the new theme; we come after it.
        root.bind_class(root.winfo_class(), "<<ThemeChanged>>", lambda _event: self._repaint(), add="+")
        self.use(dark)

    @property
    def colours(self) -> Colours:
        """The colours of the theme in force."""
        return DARK if self.dark else LIGHT

    def use(self, dark: bool) -> None:
        """Change to the dark theme or to the light one."""
        self.dark = dark
        sv_ttk.set_theme("dark" if dark else "light", self._root)
        self._repaint()

    def follow(self, paint: Callable[[], None]) -> None:
        """Call `paint` now and at every change."""
        self._followers.append(paint)
        paint()

    def forget(self, paint: Callable[[], None]) -> None:
        """Call `paint` no more."""
        self._followers.remove(paint)

    def pixels(self, length: float) -> int:
        """Return a length meant for 96 dots an inch in pixels of this screen."""
        return round(length * self._scale)

    def zoom(self, steps: int) -> None:
        """Make all text larger (1) or smaller (-1); 0 is back to normal."""
        wanted = self._zoom + steps if steps else ZOOMS.index(1.0)
        self._zoom = min(max(wanted, 0), len(ZOOMS) - 1)
        self._size_fonts()
        self._repaint()

    def sprite(self, name: str) -> str:
        """Return the colour in the middle of one of sv-ttk's pictures, such as `textbox-focus`."""
        image = self._root.tk.eval(f"set ttk::theme::sv_{'dark' if self.dark else 'light'}::I({name})")
        middle = [self._root.tk.getint(self._root.tk.call("image", side, image)) // 2 for side in ("width", "height")]
        found = self._root.tk.splitlist(self._root.tk.call(image, "get", *middle))
        return "#" + "".join(f"{self._root.tk.getint(part):02x}" for part in found[:3])

    def _size_fonts(self) -> None:
        family = _family("TkDefaultFont", self._root)
        for name, height in PIXELS.items():
            named = font.nametofont(name, self._root)
            if name != FIXED and named.actual("family") != named.cget("family"):
                named.configure(family=family)
            named.configure(size=-round(height * self._scale * ZOOMS[self._zoom]))
        font.nametofont(STRONG, self._root).configure(weight="bold")

    def _repaint(self) -> None:
        style = ttk.Style(self._root)
        height = font.nametofont(BODY, self._root).metrics("linespace")
        ground = self.colours.ground
        style.configure("People.Treeview", rowheight=height + self.pixels(8), background=ground, indent=0)
        bare: Any = ("Treeitem.padding", {"children": [("Treeitem.text", {})]})  # without a mark for opening a branch
        style.layout("People.Treeview.Item", [bare])
        style.configure("People.Treeview.Item", padding=(self.pixels(6), 0))
        style.configure("Strong.TLabel", font=STRONG)
        style.layout("Field.TFrame", [("Entry.field", {"sticky": "nswe"})])
        for paint in self._followers:
            paint()


def _family(name: str, root: tkinter.Tk) -> str:
    return font.nametofont(name, root).actual("family")


def desktop_is_dark() -> bool:
    """Return whether the desktop says it is dark, where that is cheap to learn; else False."""
    if theme := os.environ.get("GTK_THEME"):
        return "dark" in theme.lower()
    try:
        return "dark" in _ask_desktop().lower()
    except (OSError, subprocess.SubprocessError):
        return False


def _ask_desktop() -> str:
    if sys.platform == "win32":
        import winreg

        place = r"Software\Microsoft\Windows\CurrentVersion\Themes\Personalize"
        with winreg.OpenKey(winreg.HKEY_CURRENT_USER, place) as found:
            return "light" if winreg.QueryValueEx(found, "AppsUseLightTheme")[0] else "dark"
    elif sys.platform == "darwin":
        return _answer("defaults", "read", "-g", "AppleInterfaceStyle")
    elif "XDG_CURRENT_DESKTOP" in os.environ:
        return _answer("gsettings", "get", "org.gnome.desktop.interface", "color-scheme")
    return ""


def _answer(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=0.5, check=False).stdout
