"""Running a room: its description, who is invited or put out, and its modes."""

from __future__ import annotations

from chat.changes import Described, Invited, Inviting, Moded
from chat.events import Parted, Ref, Refused
from chat.gate import ENTRIES, FLAGS, LISTS, MASK, RANKS, Entry, whole
from chat.hub import Hub
from chat.moderation import check_may_act_on, check_may_describe, check_may_invite, check_runs, is_operator
from chat.text import one_line
from chat.turn import Room, User
from record import record

DESCRIPTION = 390  # characters
INVITED = 100  # people who may be waited for, a room
BIGGEST = 10_000  # what the limit of a room may be


def describe(hub: Hub, user: User, room: Room, text: str, ref: Ref = None) -> bool:
    """Say what a room is about; empty takes it back. Returns whether that is new.

    Raises Refused `not_in`, `not_op`, `too_long`.
    """
    check_may_describe(user, room)
    text = one_line(text)
    if len(text) > DESCRIPTION:
        raise Refused("too_long", f"What a room is about is said in at most {DESCRIPTION} characters.")
    if text == room.description:
        return False
    room.description = text
    room.gate.described_by, room.gate.described_at = user.mask, hub.clock.time()
    hub.post(Described(*hub.stamp(), room.name, user.name, text, user.who), room, author=user, ref=ref)
    return True


def invite(hub: Hub, user: User, name: str, room: Room, ref: Ref = None) -> None:
    """Ask someone into a room, which is open to him then.

    Raises Refused `not_here`, `not_in`, `not_op`, `in_already`.
    """
    other = hub.get(name)
    check_may_invite(user, room)
    if room in other.rooms:
        raise Refused("in_already", f"{other.name} is in {room.title} already.")
    invited = room.gate.invited
    invited[other] = None
    while len(invited) > INVITED:
        del invited[next(iter(invited))]
    if other.hears(user):
        hub.tell(other, Invited(*hub.stamp(), room.name, room.title, user.name, other.name, user.who))
    hub.post(Inviting(*hub.stamp(), room.name, user.name, other.name, user.who), room, author=user, ref=ref)


def remove(hub: Hub, user: User, name: str, room: Room, reason: str, *, ref: Ref = None) -> None:
    """Put someone out of a room, not off line: who is in no other is in the lobby then.

    Raises Refused `not_here`, `not_in`, `not_there`, `not_op`, `not_allowed`, `last_room`.
    """
    check_runs(user, room)
    other = hub.get(name)
    if room not in other.rooms:
        raise Refused("not_there", f"{other.name} is not in {room.title}.")
    if other is not user and is_operator(other):
        check_may_act_on(user, other.standing, other.name)
    lobby = hub.rooms.lobby
    falls_back = len(other.rooms) == 1 and not other.roams  # nobody but who came by IRC is nowhere
    if falls_back and room is lobby:
        raise Refused("last_room", f"{other.name} is in no room but {room.title}, where everybody is.")
    left = hub.go(other, room, reason, user, ref)
    hub.post(left, to=(other,))
    if falls_back:
        hub.come(other, lobby)
        hub.tell(other, hub.joined(lobby))
        hub.recall(other, lobby)
    if other.current is not None:
        hub.tell(other, Parted(*hub.stamp(), room.name, room.title, other.room.name, other.room.title))


@record
class Change:
    """One change of a mode: `+` or `-`, its letter, and what goes with it, such as a name, a mask or a key."""

    sign: str
    letter: str
    value: str = ""


def change(hub: Hub, user: User, room: Room, changes: list[Change], ref: Ref = None) -> bool:
    """Change the modes of a room; all who are in it are told what really changed. Returns whether anything did.

    Raises Refused `not_in`, `not_op`; changes that mean nothing are left out.
    """
    check_runs(user, room)
    done = [made for wanted in changes if (made := _change(hub, user, room, wanted))]
    if room.lasting and any(made.letter == "m" for made in done):
        hub.desk.decide(f"lock {room.name}", "yes" if "m" in room.gate.flags else "", hub.keep)
    if done:
        hub.post(Moded(*hub.stamp(), room.name, user.name, shown(done), user.who), room, author=user, ref=ref)
    return bool(done)


def shown(changes: list[Change]) -> str:
    """Return changes as IRC writes them: `+o-v ann bob`."""
    letters, last = "", ""
    for made in changes:
        letters += made.letter if made.sign == last else made.sign + made.letter
        last = made.sign
    return " ".join([letters, *(made.value for made in changes if made.value)])


def _change(hub: Hub, user: User, room: Room, wanted: Change) -> Change | None:
    if wanted.letter in FLAGS:
        return _flag(room, wanted)
    if wanted.letter in LISTS:
        return _list(hub, user, room, wanted)
    if wanted.letter in RANKS:
        return _rank(hub, room, wanted)
    if wanted.letter == "k":
        return _key(room, wanted)
    return _limit(room, wanted) if wanted.letter == "l" else None


def _flag(room: Room, wanted: Change) -> Change | None:
    flags, on = room.gate.flags, wanted.sign == "+"
    if (wanted.letter in flags) is on:
        return None
    (flags.add if on else flags.discard)(wanted.letter)
    return Change(wanted.sign, wanted.letter)


def _list(hub: Hub, user: User, room: Room, wanted: Change) -> Change | None:
    mask = whole(wanted.value)[:MASK]
    masks = room.gate.lists.setdefault(wanted.letter, {})
    same = next((known for known in masks if known.lower() == mask.lower()), "")
    if wanted.sign == "-":
        return Change("-", wanted.letter, masks.pop(same).mask) if same else None
    if same or sum(map(len, room.gate.lists.values())) >= ENTRIES:
        return None
    masks[mask] = Entry(mask, user.mask, hub.clock.time())
    return Change("+", wanted.letter, mask)


def _rank(hub: Hub, room: Room, wanted: Change) -> Change | None:
    other = hub.find(wanted.value)
    if other is None or room not in other.rooms:
        return None
    ranks = set(room.gate.ranks.get(other, ""))
    if (wanted.letter in ranks) is (wanted.sign == "+"):
        return None
    ranks ^= {wanted.letter}
    room.gate.ranks[other] = "".join(sorted(ranks))
    return Change(wanted.sign, wanted.letter, other.name)


def _key(room: Room, wanted: Change) -> Change | None:
    if wanted.sign == "-":
        had, room.gate.key = room.gate.key, ""
        return Change("-", "k", had) if had else None
    room.gate.key = wanted.value
    return wanted


def _limit(room: Room, wanted: Change) -> Change | None:
    if wanted.sign == "-":
        had, room.gate.limit = room.gate.limit, 0
        return Change("-", "l") if had else None
    if not (wanted.value.isascii() and wanted.value.isdigit() and 0 < int(wanted.value[:9]) <= BIGGEST):
        return None
    room.gate.limit = int(wanted.value)
    return Change("+", "l", str(room.gate.limit))
