"""List who was here in the last minutes."""

from __future__ import annotations

from commands import Call, Command
from commands.history import number

MOST = 100_000


def run(call: Call, minutes: str) -> None:
    """Answer with everyone who is here or went within `minutes`, the last first."""
    since = call.hub.clock.time() - 60 * number(minutes, 0, MOST)
    went = {name: None for name, at in reversed(call.hub.gone) if at >= since}
    registered = sorted((a for a in call.hub.accounts if a.seen >= since), key=lambda a: -a.seen)
    went |= dict.fromkeys(account.name for account in registered)
    away = [name for name in went if call.hub.find(name) is None]
    here = ", ".join(user.name for user in call.hub)
    call.tell("wholast", f"Here: {here}.\nWent within {minutes} min: {', '.join(away) or 'nobody'}.")


COMMAND = Command("wholast", "list who was here in the last minutes", run, "minutes")
