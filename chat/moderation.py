"""The rules of a room's gate: who may come in, speak, invite, say what it is about, and change these rules themselves.

Functions of a user and a room; they raise Refused or return, and post nothing.
"""

from __future__ import annotations

from math import ceil

from chat.events import Refused
from chat.turn import Room, Standing, User


def check_may_act_on(by: User, standing: int, name: str) -> None:
    """Raise Refused `not_allowed` where someone may do nothing to who has this standing and name."""
    if standing < by.standing:
        return
    if standing >= Standing.HOST:
        raise Refused("not_allowed", f"{name} is the host; nobody can do that to the host.")
    if by.standing >= Standing.OPERATOR:
        raise Refused("not_allowed", f"{name} is an operator as you are; only the host can do that.")
    raise Refused("not_allowed", "That is for operators and the host.")


def keep_pace(user: User, room: Room, now: float) -> None:
    """Take note that someone speaks. Raises Refused `slow_mode` where that is too soon after the last time."""
    gate = room.gate
    if not gate.slow or user.standing >= Standing.OPERATOR or gate.ranks.get(user):
        return
    left = gate.spoke.get(user.key, now - gate.slow) + gate.slow - now
    if left > 0:
        wait = f"wait {ceil(left)} s more"
        raise Refused("slow_mode", f"{room.title} takes one message from each person in {gate.slow} s; {wait}.")
    gate.spoke.pop(user.key, None)
    gate.spoke[user.key] = now
    while (first := next(iter(gate.spoke))) != user.key and gate.spoke[first] + gate.slow <= now:
        del gate.spoke[first]


def runs(user: User, room: Room) -> bool:
    """Return whether someone runs a room: because he made it, was made to, or is an operator of the server."""
    return room.gate.runs(user) or user.standing >= Standing.OPERATOR


def check_runs(user: User, room: Room) -> None:
    """Raise Refused `not_in` or `not_op` where someone may not change a room."""
    if not runs(user, room):
        if room not in user.rooms:
            raise Refused("not_in", f"You are not in {room.title}.")
        raise Refused("not_op", f"That is for those who run {room.title}: who made it, and the host.")


def check_may_enter(user: User, room: Room, key: str) -> None:
    """Raise Refused `banned`, `invite_only`, `wrong_key` or `room_full` where a room is closed to someone."""
    gate = room.gate
    if user.standing >= Standing.OPERATOR or user in gate.invited:
        return
    if is_banned(user, room):
        raise Refused("banned", f"You are banned from {room.title}.")
    if "i" in gate.flags and not gate.listed("I", user.mask):
        raise Refused("invite_only", f"{room.title} is for those who are invited.")
    if gate.key and key != gate.key:
        raise Refused("wrong_key", f"{room.title} takes a key, and this is not it: /join {room.name} KEY.")
    if gate.limit and len(room.members) >= gate.limit:
        raise Refused("room_full", f"{room.title} has room for {gate.limit} people, and is full.")


def check_may_speak(user: User, room: Room) -> None:
    """Raise Refused `may_not_speak` where someone is not heard in a room."""
    gate = room.gate
    if user.standing >= Standing.OPERATOR or gate.ranks.get(user):
        return
    if room not in user.rooms and "n" in gate.flags:
        raise Refused("may_not_speak", f"You are not in {room.title}, and only who is in it is heard there.")
    if "m" in gate.flags:
        raise Refused("may_not_speak", f"Only those who were given a voice may speak in {room.title} now.")
    if is_banned(user, room):
        raise Refused("may_not_speak", f"You are banned from {room.title}, and are not heard there.")


def check_may_describe(user: User, room: Room) -> None:
    """Raise Refused where someone may not say what a room is about: `not_in` or `not_op`."""
    if "t" in room.gate.flags or room not in user.rooms:
        check_runs(user, room)


def check_may_invite(user: User, room: Room) -> None:
    """Raise Refused where someone may not invite others: `not_in` or `not_op`."""
    if "i" in room.gate.flags or room not in user.rooms:
        check_runs(user, room)


def is_banned(user: User, room: Room) -> bool:
    """Return whether someone is banned from a room, and not excepted."""
    gate = room.gate
    return gate.listed("b", user.mask) and not gate.listed("e", user.mask)


def is_shown(room: Room, user: User | None) -> bool:
    """Return whether someone may know of a room: a secret one is for its members."""
    return "s" not in room.gate.flags or (user is not None and (room in user.rooms or is_operator(user)))


def is_operator(user: User) -> bool:
    """Return whether someone is an operator of the server, or its host."""
    return user.standing >= Standing.OPERATOR
