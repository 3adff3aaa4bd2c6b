"""Taking another name while one is here, or being given one."""

from __future__ import annotations

from chat import names
from chat.events import Ref, Refused, Renamed
from chat.hub import HOST, ROSTER, Hub
from chat.moderation import check_may_act_on
from chat.sanctions import check_not_muted
from chat.turn import Standing, User


def rename(hub: Hub, user: User, raw: str, ref: Ref = None, *, by: User | None = None) -> None:
    """Give someone another name, because he wants it or `by` does; all who share a room with him are told.

    Raises Refused `name_missing`, `name_bad`, `name_taken`, `name_looks`, `registered`, `banned`, `muted`,
    `not_allowed`.
    """
    if by is None:
        check_not_muted(user, hub.clock.time())
    else:
        check_may_act_on(by, user.standing, user.name)
    if user.standing is Standing.HOST:
        raise Refused("not_allowed", f"{HOST} keeps the name {HOST}.")
    name = names.check(raw)
    if name == user.name:
        raise Refused("name_taken", f"{'You are' if by is None else 'That is'} {name} already.")
    hub.desk.check_new_name(hub.clock.time(), name)
    looks = hub.roster.check_free(name, user)
    old, key = user.name, user.key
    hub.roster.rename(user, name, looks)
    user.named = hub.clock.time()
    room = user.current or hub.rooms.lobby
    event = Renamed(*hub.stamp(), old, name, room.present(ROSTER), len(room.members), user.who)
    hub.post(event, to=hub.acquainted(user), author=user, ref=ref)
    if user.key != key:
        hub.announce_departure(key, old)
        hub.announce_arrival(user)
