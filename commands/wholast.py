"""List who was here in the last minutes."""

from __future__ import annotations

from commands import Call, Command, number

MOST = 100_000
SHOWN = 200  # names in each of the two lines


def run(call: Call, minutes: str) -> None:
    """Answer with everyone who is here or went within `minutes`, the last first."""
    since = call.hub.clock.time() - 60 * number(minutes, 0, MOST)
    went = {gone.name: None for gone in reversed(call.hub.gone) if gone.at >= since}
    present = {user.account for user in call.hub}
    recent = (account for account in call.hub.accounts if account.seen >= since and account not in present)
    registered = sorted(recent, key=lambda account: -account.seen)
    went |= dict.fromkeys(account.name for account in registered)
    away = [name for name in went if call.hub.find(name) is None]
    here = [user.name for user in call.hub]
    call.tell("wholast", f"Here: {_first(here)}.\nWent within {minutes} min: {_first(away) or 'nobody'}.")


def _first(found: list[str]) -> str:
    """Return the names that are shown, and how many are not."""
    more = f" and {len(found) - SHOWN:,} more" if len(found) > SHOWN else ""
    return ", ".join(found[:SHOWN]) + more


COMMAND = Command("wholast", "list who was here in the last minutes", run, "minutes")
