"""Say something to one person, or to a few, that nobody else hears."""

from __future__ import annotations

from chat.events import Refused
from chat.forms import form
from chat.mail import whisper
from commands import Call, Command

MOST = 20


def run(call: Call, to: str, text: str, **how: str) -> None:
    """Send `text` to the names in `to`, which are joined by commas."""
    wanted = [name for name in to.split(",") if name]
    if to.endswith(","):
        raise Refused("missing", "Write the names without blanks between them: /msg alice,bob hello.")
    if not wanted:
        raise Refused("missing", "The name of whom you write to is missing.")
    if len(wanted) > MOST:
        raise Refused("too_many", f"A private message goes to at most {MOST} people.")
    whisper(call.hub, call.user, wanted, text, call.ref, form=form(**how))


COMMAND = Command(
    "msg",
    "private, to one person or to several: /msg alice,bob hello",
    run,
    "to text",
    more="notice tags cuts",
    aliases=("tell", "w"),
)
