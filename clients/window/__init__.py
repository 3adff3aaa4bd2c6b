"""The window: one visit to a chat in a window of the desktop, by mouse or by keyboard alone.

`mailbox` brings what the link delivers from its thread into Tk's. `header`, `people`, `pane`, `composer` and `notice`
are the parts one sees, `look` their colours and fonts, `app` joins them. Nothing here knows a socket.
"""

from __future__ import annotations

import sys

from clients.place import Place

NO_WINDOW = 2  # exit code where there is nothing to open a window with


def run(place: Place, name: str, fingerprint: str = "", *, rings: bool = True) -> int:
    """Open the window and stay until it is closed; return the exit code of the process: 0, or 2 with no window.

    A host, port or name that is empty, or 0, is asked for in the window; with all three it connects at once.
    `fingerprint` is that of the server's certificate, where it was given. With `rings` the screen rings when something
    is meant for this person while he looks elsewhere.
    """
    try:
        import tkinter

        import sv_ttk  # noqa: F401  # asked for here, so that what is missing is said in words
    except ImportError as error:
        return _explain(_what_to_install(error.name or ""))
    from clients.window.app import ChatWindow

    try:
        root = tkinter.Tk(className="Chat")
    except tkinter.TclError as error:
        return _explain(f"No window can be opened here: {error}. In a terminal, `chat_client.py -c` does the same.")
    ChatWindow(root, place, name, fingerprint, rings=rings).stay()
    return 0


def _what_to_install(module: str) -> str:
    if module == "sv_ttk":
        return "The window needs sv-ttk: `pip install -r requirements.txt` installs it."
    return (
        "The window needs tkinter, which this Python lacks: on Debian and Ubuntu `apt install python3-tk`, on Fedora "
        "`dnf install python3-tkinter`, on macOS `brew install python-tk`. `chat_client.py -c` needs no window."
    )


def _explain(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return NO_WINDOW
