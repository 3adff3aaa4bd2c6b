"""Going from room to room while one is on line."""

from __future__ import annotations

from chat.changes import Rested
from chat.events import Parted, Ref, Refused
from chat.hub import Hub
from chat.limits import ledger
from chat.moderation import check_may_enter
from chat.sanctions import check_not_muted
from chat.turn import Room, User


def join(hub: Hub, user: User, name: str, ref: Ref = None, *, key: str = "") -> None:
    """Bring someone into the room called `name`, or, where he is in it already, make it his current one.

    Who makes a room runs it; who is muted makes none. Raises Refused `no_room`, `room_bad`, `too_many`, `muted`, and
    what `check_may_enter` does.
    """
    if user.muted and not hub.rooms.has(name):
        check_not_muted(user, hub.clock.time())
    room = hub.rooms.get_or_make(name)
    fresh = room not in user.rooms
    if fresh:
        _check_may_join(hub, user, room, key)
        if not (room.lasting or room.members):
            room.gate.made = hub.clock.time()
            room.gate.ranks[user] = "o"
        hub.come(user, room)
        if user.away:
            others = tuple(member for member in room.members if member is not user)
            hub.post(Rested(*hub.stamp(), user.name, user.away, user.who), to=others)
    else:
        user.enter(room)
    hub.tell(user, hub.joined(room, ref))
    if fresh:
        hub.recall(user, room)


def part(hub: Hub, user: User, name: str, ref: Ref = None, *, reason: str = "") -> None:
    """Bring someone out of the room called `name`, or of his current one, back to the one before.

    Raises Refused `no_room`, `not_in`, `last_room`.
    """
    room = hub.rooms.get(name) if name else user.room
    if room not in user.rooms:
        raise Refused("not_in", f"You are not in {room.title}.")
    if len(user.rooms) == 1 and not user.roams:
        raise Refused("last_room", f"{room.title} is the only room you are in. /quit leaves altogether.")
    left = hub.go(user, room, reason)
    if user.roams:
        hub.tell(user, left)
    current = (user.current.name, user.current.title) if user.current else ("", "")
    hub.tell(user, Parted(*hub.stamp(), room.name, room.title, *current, ref))


def _check_may_join(hub: Hub, user: User, room: Room, key: str) -> None:
    check_may_enter(user, room, key)
    room.gate.invited.pop(user, None)
    most = ledger.limits.rooms_per_person
    if len(user.rooms) >= most and user is not hub.host:
        ledger.hit("rooms_per_person")
        hub.rooms.drop_if_empty(room)
        raise Refused("too_many", f"You are in {most} rooms already. /part leaves one.")
