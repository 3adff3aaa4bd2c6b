"""Say how much someone takes part."""

from __future__ import annotations

from chat.events import Refused
from chat.hub import Hub
from chat.moderation import is_operator
from chat.sanctions import BAN, MUTE
from chat.text import ago, count, hms
from commands import Call, Command


def run(call: Call, name: str) -> None:
    """Answer with messages sent, time on line and last visit: of `name`, or of the caller; to the host, of the room."""
    hub = call.hub
    if not name and is_operator(call.user):
        call.tell("stats", _of_the_room(hub))
        return
    user = hub.find(name) if name else call.user
    account = user.account if user else hub.accounts.find(name)
    if user is None and account is None:
        raise Refused("not_here", f"There is nobody called {name}, here or registered.")
    shown = user.name if user else (account.name if account else name)
    messages = (user.messages if user else 0) + (account.messages if account else 0)
    seconds = int(hub.clock.monotonic() - user.arrived) if user else 0
    seconds += account.seconds if account else 0
    seen = "here now" if user or not account else f"last seen {ago(hub.clock.time() - account.seen)} ago"
    call.tell("stats", f"{shown}: {count(messages, 'message')}, {hms(seconds)} on line, {seen}.")


def _of_the_room(hub: Hub) -> str:
    """Return how the whole room does."""
    said = hub.spoken + sum(user.messages for user in hub)
    people = (
        f"{count(len(hub), 'user')} here, at most {count(hub.most, 'guest')} at once; {len(hub.accounts)} registered"
    )
    rooms = f"{count(len(tuple(hub.rooms)), 'room')}, {count(said, 'message')} since the start"
    now = hub.clock.time()
    order = f"{len(hub.desk.sanctions.of(BAN, now))} banned, {len(hub.desk.sanctions.of(MUTE, now))} muted"
    return f"Open for {hms(int(hub.clock.monotonic() - hub.opened))}.\n{people}.\n{rooms}.\n{order}."


COMMAND = Command(
    "stats", "say how much someone takes part; to the host, alone: how the room does", run, "name?", bare=True
)
