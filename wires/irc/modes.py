"""MODE: of a room, and of oneself."""

from __future__ import annotations

from collections.abc import Iterator

from chat.events import Refused, Request
from chat.gate import FLAGS, LISTS, RANKS
from chat.moderation import is_shown, runs
from chat.running import Change, shown
from chat.turn import Room, User
from wires.irc import rooms
from wires.irc.client import Client, Rule, Steps
from wires.irc.greeting import MODES_AT_ONCE, USER_MODES
from wires.irc.lines import Line
from wires.irc.messages import mask, target
from wires.irc.numerics import Numeric

_LISTED = {
    "b": (Numeric.RPL_BANLIST, Numeric.RPL_ENDOFBANLIST, "End of channel ban list"),
    "e": (Numeric.RPL_EXCEPTLIST, Numeric.RPL_ENDOFEXCEPTLIST, "End of channel exception list"),
    "I": (Numeric.RPL_INVEXLIST, Numeric.RPL_ENDOFINVEXLIST, "End of channel invite exception list"),
}


def mode(client: Client, user: User, line: Line) -> Steps:
    """Tell or change modes."""
    name = line.param(0)
    if not name.startswith("#"):
        yield from _own(client, user, line)
        return
    room = rooms.find(client, name)
    if room is None or not is_shown(room, user):
        yield rooms.no_room(client, name)
    elif len(line.params) < 2:
        yield from _show(client, user, room)
    else:
        yield from _change(client, user, room, line)


def _show(client: Client, user: User, room: Room) -> Iterator[str]:
    modes = room.gate.shown(with_key=room in user.rooms or runs(user, room))
    yield client.numeric(Numeric.RPL_CHANNELMODEIS, target(room.name), *modes.split(" "))
    if room.gate.made:
        yield client.numeric(Numeric.RPL_CREATIONTIME, target(room.name), f"{int(room.gate.made)}")


def _change(client: Client, user: User, room: Room, line: Line) -> Steps:
    """Have those changes made that make sense; each of the others is answered."""
    changes: list[Change] = []
    for wanted in _read(line.param(1), list(line.params[2:])):
        fault = _fault(client, room, wanted)
        if wanted.letter in LISTS and not wanted.value:
            yield list(_list(client, user, room, wanted.letter))
        elif fault and (runs(user, room) or wanted.letter not in FLAGS + LISTS + RANKS + "kl"):
            yield fault
        else:
            changes.append(wanted)
    if changes:
        try:
            yield Request("mode", "", {"room": room.name, "changes": shown(changes[:MODES_AT_ONCE])})
        except Refused as refusal:
            yield rooms.refused(client, target(room.name), refusal)


def _read(letters: str, values: list[str]) -> Iterator[Change]:
    sign = "+"
    for letter in letters:
        if letter in "+-":
            sign = letter
            continue
        takes = letter in LISTS + RANKS + "k" or (letter == "l" and sign == "+")
        yield Change(sign, letter, values.pop(0) if takes and values else "")


def _fault(client: Client, room: Room, wanted: Change) -> str:
    """Return what is wrong with a change, empty where it is right."""
    letter, value, name = wanted.letter, wanted.value, target(room.name)
    if letter not in FLAGS + LISTS + RANKS + "kl":
        return client.numeric(Numeric.ERR_UNKNOWNMODE, letter, "is unknown mode char to me")
    if letter in RANKS:
        return _nobody(client, room, value)
    bad_key = not value or " " in value or "," in value or value.startswith(":") or len(value) > 32
    if letter == "k" and wanted.sign == "+" and bad_key:
        return client.numeric(Numeric.ERR_INVALIDMODEPARAM, name, "k", "*", "A key has no blanks and no commas")
    bad_limit = not (value.isascii() and value.isdigit() and int(value[:9]) > 0)
    if letter == "l" and wanted.sign == "+" and bad_limit:
        return client.numeric(Numeric.ERR_INVALIDMODEPARAM, name, "l", rooms.shown(value), "A limit is a whole number")
    return ""


def _nobody(client: Client, room: Room, nick: str) -> str:
    """Return that there is nobody in the room of that nick, empty where there is."""
    if not nick:
        return client.numeric(Numeric.ERR_NEEDMOREPARAMS, "MODE", "Not enough parameters")
    other = client.hub.find(nick)
    if other is None:
        return client.numeric(Numeric.ERR_NOSUCHNICK, rooms.shown(nick), "No such nick/channel")
    if room not in other.rooms:
        return client.numeric(
            Numeric.ERR_USERNOTINCHANNEL, other.name, target(room.name), "They aren't on that channel"
        )
    return ""


def _list(client: Client, user: User, room: Room, letter: str) -> Iterator[str]:
    item, end, text = _LISTED[letter]
    name = target(room.name)
    if letter != "b" and not runs(user, room):
        yield rooms.refused(client, name, Refused("not_op", ""))
        return
    for entry in room.gate.lists.get(letter, {}).values():
        yield client.numeric(item, name, entry.mask, entry.by, f"{int(entry.at)}")
    yield client.numeric(end, name, text)


def _own(client: Client, user: User, line: Line) -> Steps:
    """Tell or change what one has set for oneself."""
    other = client.hub.find(line.param(0))
    if other is not user:
        number = Numeric.ERR_USERSDONTMATCH if other else Numeric.ERR_NOSUCHNICK
        where = [] if other else [rooms.shown(line.param(0))]
        yield client.numeric(number, *where, "Can't change mode for other users" if other else "No such nick/channel")
        return
    if len(line.params) < 2:
        yield client.numeric(Numeric.RPL_UMODEIS, "+" + "".join(sorted(user.modes)))
        return
    done: list[Change] = []
    for wanted in _read(line.param(1), []):
        if wanted.letter not in USER_MODES:
            yield client.numeric(Numeric.ERR_UMODEUNKNOWNFLAG, "Unknown MODE flag")
        elif (wanted.letter in user.modes) is (wanted.sign == "-") and (wanted.letter != "o" or wanted.sign == "-"):
            yield (
                Request("deoper")
                if wanted.letter == "o"
                else Request("umode", "", {"change": f"{wanted.sign}{wanted.letter}"})
            )
            done.append(Change(wanted.sign, wanted.letter))
    if done:
        yield f":{mask(user.name, user.who)} MODE {user.name} {shown(done)}"


VERBS = {"MODE": Rule(mode, 1)}
