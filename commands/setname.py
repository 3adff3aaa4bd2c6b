"""Give the real name, which /whois and IRC clients show."""

from __future__ import annotations

from chat.changes import Presented
from chat.events import Refused
from chat.sanctions import check_not_muted
from commands import Call, Command
from record import replace

LONGEST = 100  # characters


def run(call: Call, realname: str) -> None:
    """Be called `realname` in full; those who share a room are told where their client shows it."""
    user, hub = call.user, call.hub
    given = realname.strip()
    if len(given) > LONGEST:
        raise Refused("too_long", f"A real name has at most {LONGEST} characters.")
    check_not_muted(user, hub.clock.time())
    user.who = replace(user.who, realname=given)
    hub.post(Presented(*hub.stamp(), user.name, user.who), to=hub.concerned(user))
    call.tell("setname", f"You are {given} in full.")


COMMAND = Command("setname", "give your real name, which /whois shows", run, "realname", guests=True)
