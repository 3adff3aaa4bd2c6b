"""Taking a message back: who may, and what becomes of it everywhere. Its text is to be found nowhere any more.

The author may for five minutes, under the name he had when he said it; who runs its room, operators and the
host at any time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chat import names
from chat.changes import Removed
from chat.elsewhere import in_order
from chat.events import Acted, Ref, Refused, Said, Whispered
from chat.facts import Audited, MessageRemoved
from chat.hub import HOST, Hub
from chat.moderation import check_may_act_on, is_operator, runs
from chat.turn import Standing, User

WINDOW = 300.0  # seconds in which one may take back what one said
LISTED = 10

Talk = Said | Acted | Whispered


def remove(hub: Hub, user: User, number: int, reason: str = "", ref: Ref = None) -> None:
    """Remove the message with this id; the answer comes once it is kept nowhere any more.

    Raises Refused `no_message`, `not_allowed`, `too_late`. What is long ago has to be looked up: then he is declined.
    """
    found = next((event for event in _remembered(hub, user) if event.id == number), None)
    if found is not None:
        _remove(hub, user, found, reason, ref)
        return
    unknown = Refused("no_message", f"There is no message {number} that you could remove.")
    if hub.memory is None or not is_operator(user):
        raise unknown

    def answer(looked_up: Sequence[Talk] | Refused) -> None:
        try:
            if isinstance(looked_up, Refused):
                raise looked_up
            if not looked_up:
                raise unknown
            _remove(hub, user, looked_up[0], reason, ref)
        except Refused as refusal:
            hub.decline(user, "remove", refusal, ref)

    memory = hub.memory
    in_order(user, lambda then: memory.find(number, then), answer)


def removable(hub: Hub, user: User) -> Sequence[Talk]:
    """Return what someone said last, or what was last said in his room, as far as he may remove it; oldest first."""
    if is_operator(user):
        return [*user.room.scrollback][-LISTED:]
    mine = [event for event in _remembered(hub, user) if _why_not(hub, user, event) is None]
    return sorted(mine, key=lambda event: event.id)[-LISTED:]


def _remembered(hub: Hub, user: User) -> Iterator[Talk]:
    """Yield what someone may know of, of all that is remembered without asking the disk."""
    for room in hub.rooms if is_operator(user) else user.rooms:
        yield from room.scrollback
    yield from user.private


def _why_not(hub: Hub, user: User, event: Talk) -> Refused | None:
    """Return why someone may not remove this, or None."""
    if _is_by(hub, user, event):
        late = hub.clock.time() - event.at > WINDOW and not is_operator(user)
        return (
            Refused("too_late", "You can take a message back for five minutes, and these are over.") if late else None
        )
    if _runs_its_room(user, event) and _standing(hub, event) <= user.standing:
        return None
    if not is_operator(user):
        return Refused("not_allowed", "Only its author, who runs the room and operators may remove a message.")
    try:
        check_may_act_on(user, _standing(hub, event), event.sender)
    except Refused as refusal:
        return refusal
    return None


def _is_by(hub: Hub, user: User, event: Talk) -> bool:
    """Return whether someone has said this himself: not somebody who had his name before."""
    key = names.key(event.sender)
    if user.account is not None and key == user.account.key:
        return True
    return key == user.key and event.at >= user.named


def _runs_its_room(user: User, event: Talk) -> bool:
    return not isinstance(event, Whispered) and any(room.name == event.room and runs(user, room) for room in user.rooms)


def _standing(hub: Hub, event: Talk) -> int:
    """Return the standing of who said something."""
    if event.sender == HOST:
        return Standing.HOST
    user, account = hub.find(event.sender), hub.accounts.find(event.sender)
    present = user.standing if user is not None and _is_by(hub, user, event) else Standing.GUEST
    return max(present, account.standing if account else Standing.GUEST)


def _remove(hub: Hub, user: User, event: Talk, reason: str, ref: Ref) -> None:
    refusal = _why_not(hub, user, event)
    if refusal is not None:
        raise refusal
    readers = _forget(hub, event)
    private = isinstance(event, Whispered)
    to = (*event.to, *event.kept) if isinstance(event, Whispered) else ()
    place = "" if isinstance(event, Whispered) else event.room
    said = Removed(*hub.stamp(), place, event.id, event.sender, user.name, reason, to, user.who)
    hub.desk.removals.append(said)
    room = next((room for room in hub.rooms if room.name == place), None)
    hub.post(said, room, tuple(readers if private else {user: None} if room not in user.rooms else ()))
    hub.keep(MessageRemoved(event.id))
    what = f"message {event.id} of {event.sender}'s"
    where = "in private" if private else f"in {place}"
    act = Audited(hub.clock.time(), user.name, "REMOVE", f"{what}, {where}", reason)
    hub.desk.record(act, hub.keep)
    hub.when_kept(lambda: hub.inform(user, "remove", f"{what[0].upper()}{what[1:]} is removed.", ref))


def _forget(hub: Hub, event: Talk) -> dict[User, None]:
    """Forget a message wherever it is remembered; return who has had it in private."""
    hub.rooms.forget(event)
    readers: dict[User, None] = {}
    for other in hub:
        if any(one.id == event.id for one in other.private):
            other.private = tuple(one for one in other.private if one.id != event.id)
            readers[other] = None
    for name in event.kept if isinstance(event, Whispered) else ():
        account = hub.accounts.find(name)
        if account is not None and event.id > account.read:
            account.inbox = max(0, account.inbox - 1)
    return readers
