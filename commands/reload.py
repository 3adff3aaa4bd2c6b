"""Read the settings, the certificate and the page again, and take over what can be changed while people are here."""

from __future__ import annotations

from chat.events import Refused
from chat.rule import write_down
from chat.turn import Standing
from commands import Call, Command


def run(call: Call) -> None:
    """Answer, later, what has changed; or why nothing has."""

    def answer(found: str | Refused) -> None:
        if isinstance(found, Refused):
            call.hub.decline(call.user, "reload", found, call.ref)
        else:
            write_down(call.hub, call.user, "RELOAD", "", found)
            call.tell("reload", found)

    call.table.house.reload(answer)


COMMAND = Command(
    "reload",
    "read chat.toml, the certificate and the page again; nobody is disconnected",
    run,
    standing=Standing.OPERATOR,
    bare=True,
)
