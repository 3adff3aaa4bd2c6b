"""What the host and the operators do to people and rooms: keep out, silence, slow down, announce, make and end rooms.

Each function decides whether the one who asks may, does it, and writes it down; commands say it in words.
"""

from __future__ import annotations

from collections.abc import Iterable

from chat.changes import Announced, Slowed
from chat.events import Left, Parted, Ref, Refused
from chat.facts import Audited, RoomMade, RoomRemoved, Sanction, StandingChanged
from chat.hub import HOST, Hub
from chat.moderation import check_may_act_on
from chat.rooms import LOBBY
from chat.sanctions import BAN, MUTE, Sanctions, Sentence, aim, banned, check_not_muted, host_of, how_long
from chat.turn import Room, Standing, User

SLOWEST = 3600  # seconds


def write_down(hub: Hub, user: User, act: str, on: str = "", text: str = "") -> None:
    """Write down what someone did."""
    hub.desk.record(Audited(hub.clock.time(), user.name, act, on, text), hub.keep)


# -- keeping out, and silent


def ban(hub: Hub, user: User, sentence: Sentence) -> list[Sanction]:
    """Keep someone, an address or a network out, and put out who is here; returns what was made of it.

    Raises Refused `yourself`, `not_allowed`, `name_bad`, `bad_network`, `too_many`.
    """
    made, met = _impose(hub, user, BAN, sentence)
    now = hub.clock.time()
    for other in met:
        hub.kick(other, user, sentence.reason, banned=banned(made[0], now).text)
    return made


def ban_listed(hub: Hub, user: User, found: Iterable[Sanction]) -> None:
    """Let these be all whom the settings keep out; who is here and meant now is put out, but for operators."""
    hub.desk.listed = listed = Sanctions(found)
    now = hub.clock.time()
    for other in _meant(hub, listed, BAN, now):
        sanction = listed.find(BAN, now, host=host_of(other.address), name=other.name, account=other.account)
        if sanction is not None and other.standing < Standing.OPERATOR:
            hub.kick(other, user, sanction.reason, banned=banned(sanction, now).text)


def mute(hub: Hub, user: User, sentence: Sentence) -> list[Sanction]:
    """Let someone, or all from an address or a network, say nothing. Raises Refused as `ban` does."""
    made, met = _impose(hub, user, MUTE, sentence)
    now = hub.clock.time()
    for other in met:
        other.muted = hub.desk.mute_of(other, now)
        text = f"You are muted {how_long(other.muted or made[0], now)}. You can still write to the host: /msg {HOST} …"
        hub.inform(other, "mute", text)
    return made


def lift(hub: Hub, user: User, kind: str, word: str) -> list[Sanction]:
    """End what `ban` or `mute` began; returns what it was. Raises Refused `not_banned`, `not_muted`, `yourself`."""
    found = hub.desk.sanctions.meant(kind, word, hub.clock.time())
    if not found and hub.desk.listed.meant(kind, word, hub.clock.time()):
        raise Refused("not_allowed", f"{word[:64]} is banned by the settings; take that out there, and RELOAD.")
    if not found:
        code = "not_banned" if kind == BAN else "not_muted"
        what = code.removeprefix("not_")
        raise Refused(code, f"{word[:64]} is not {what}. BANS lists who is.")
    if user.muted in found:
        raise Refused("yourself", "You are muted, and cannot end that yourself.")
    for sanction in found:
        hub.desk.lift(sanction, hub.keep)
    for other in hub if kind == MUTE else ():
        if other.muted in found:
            _unmute(hub, other)
    write_down(hub, user, "UNBAN" if kind == BAN else "UNMUTE", word)
    return found


def _unmute(hub: Hub, user: User) -> None:
    """Let someone speak again, unless he may not for another reason."""
    user.muted = hub.desk.mute_of(user, hub.clock.time())
    if user.muted is None:
        hub.inform(user, "unmute", "You may speak again.")
    else:
        hub.inform(user, "mute", f"You are still muted {how_long(user.muted, hub.clock.time())}.")


def _impose(hub: Hub, user: User, kind: str, sentence: Sentence) -> tuple[list[Sanction], list[User]]:
    word = sentence.word
    other, account = hub.find(word), hub.accounts.find(word)
    if other is not None and other.account is not None:
        account = other.account
    now = hub.clock.time()
    marks = aim(word, other, account)
    until = now + sentence.seconds if sentence.seconds else 0.0
    made = [Sanction(kind, *mark, until, now, user.name, sentence.reason[:200]) for mark in marks]
    met = _meant(hub, Sanctions(made), kind, now)
    if user in met:
        raise Refused("yourself", "That would be yourself.")
    for person in met:
        check_may_act_on(user, person.standing, person.name)
    if account is not None:
        check_may_act_on(user, account.standing, account.name)
    if names_host(marks):
        check_may_act_on(user, Standing.HOST, HOST)
    for sanction in made:
        hub.desk.impose(sanction, hub.keep)
    write_down(hub, user, kind.upper(), ", ".join(sanction.shown for sanction in made), how_long(made[0], now))
    return made, met


def names_host(marks: Iterable[tuple[str, str, str]]) -> bool:
    """Return whether the host is meant."""
    return any(sort == "name" and shown.lower() == HOST.lower() for sort, _, shown in marks)


def _meant(hub: Hub, sanctions: Sanctions, kind: str, now: float) -> list[User]:
    """Return those here whom these sanctions fit."""
    return [
        other
        for other in hub
        if sanctions.find(kind, now, host=host_of(other.address), name=other.name, account=other.account)
    ]


# -- standing


def appoint(hub: Hub, user: User, name: str, standing: Standing) -> str:
    """Make someone an operator, or one no more; a registered name stays so. Returns the name and how long, in words.

    Raises Refused `not_here`, `not_allowed`, `no_change`.
    """
    other = hub.find(name)
    account = other.account if other else hub.accounts.find(name)
    if other is None and account is None:
        raise Refused("not_here", f"There is nobody called {name}, here or registered.")
    shown = other.name if other else account.name if account else name
    if other is user or (other is not None and other.standing >= Standing.HOST):
        raise Refused("not_allowed", f"{shown} is the host, and stays that.")
    if {standing} == {each.standing for each in (other, account) if each is not None}:
        raise Refused("no_change", f"{shown} is {'an' if standing == Standing.OPERATOR else 'no'} operator already.")
    if account is not None:
        account.standing = standing
        hub.keep(StandingChanged(account.key, standing))
    if other is not None:
        other.standing = standing
        other.modes = other.modes | {"o"} if standing == Standing.OPERATOR else other.modes - {"o"}
        hint = "You are an operator now. /help lists what you can do."
        about = "oper" if standing == Standing.OPERATOR else "deoper"
        hub.inform(other, about, hint if about == "oper" else "You are no operator any more.")
    write_down(hub, user, "OPER" if standing == Standing.OPERATOR else "DEOPER", shown)
    return shown


# -- rooms


def slow(hub: Hub, user: User, room: Room, seconds: int, ref: Ref = None) -> None:
    """Let each person speak in a room once in so many seconds; 0: as often as he likes. All in it are told."""
    room.gate.slow = seconds
    room.gate.spoke.clear()
    if room.lasting:
        hub.desk.decide(f"slow {room.name}", f"{seconds}" if seconds else "", hub.keep)
    hub.post(Slowed(*hub.stamp(), room.name, user.name, seconds, user.who), room, author=user, ref=ref)
    write_down(hub, user, "SLOW", room.name, f"{seconds} s" if seconds else "off")


def announce(hub: Hub, user: User, text: str, ref: Ref = None) -> None:
    """Tell everybody something. Raises Refused `muted`."""
    check_not_muted(user, hub.clock.time())
    hub.post(Announced(*hub.stamp(), user.name, text, user.who), to=tuple(hub), author=user, ref=ref)
    write_down(hub, user, "ANNOUNCE", "", text)


def make(hub: Hub, user: User, title: str, description: str) -> Room:
    """Make a room that stays, also over a restart; the host is in it. Raises Refused as `Rooms.make` does."""
    room = hub.rooms.make(title, description)
    room.gate.made = room.gate.made or hub.clock.time()
    hub.keep(RoomMade(room.name, room.title, room.description, "", own=False))
    host = hub.host
    if host is not None and room not in host.rooms:
        current = host.current
        hub.come(host, room)
        if current is not None:  # he goes on talking where he was
            host.enter(current)
    write_down(hub, user, "ROOM", room.name, f"{title}: {description}" if description else title)
    return room


def unmake(hub: Hub, user: User, room: Room) -> int:
    """End a room: who is in no other is in the lobby then. Returns how many were in it.

    Raises Refused `not_allowed`.
    """
    if room.name == LOBBY:
        raise Refused("not_allowed", "The lobby is always there.")
    room.lasting = False
    hub.keep(RoomRemoved(room.name))
    for what in ("lock", "slow"):
        hub.desk.decide(f"{what} {room.name}", "", hub.keep)
    people = [member for member in room.members if member is not hub.host]
    for member in (*people, *([hub.host] if hub.host in room.members else [])):
        assert member is not None
        _bring_out(hub, user, room, member)
    hub.rooms.drop_if_empty(room)
    write_down(hub, user, "UNROOM", room.name)
    return len(people)


def _bring_out(hub: Hub, user: User, room: Room, member: User) -> None:
    lobby = hub.rooms.lobby
    falls_back = len(member.rooms) == 1 and not member.roams
    left: Left = hub.go(member, room, "the room has ended")
    if falls_back:
        hub.come(member, lobby)
    if member is hub.host:
        return
    if member.roams:
        hub.tell(member, left)
    current = (member.current.name, member.current.title) if member.current else ("", "")
    hub.tell(member, Parted(*hub.stamp(), room.name, room.title, *current))
    if falls_back:
        hub.tell(member, hub.joined(lobby))
