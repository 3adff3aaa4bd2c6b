"""Who is here, in which rooms, and who is told what.

The hub decides and posts; it never sends, and knows neither sockets nor bytes. What it posted in a turn
is taken by whoever tells it to everyone (`take`), in the order in which it was accepted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from chat import names
from chat.accounts import Account, Guard
from chat.board import Clock
from chat.desk import Desk
from chat.elsewhere import Aside, AtOnce
from chat.events import (
    AS_USUAL,
    Acted,
    Ended,
    Entered,
    Form,
    Gone,
    Identity,
    Joined,
    Left,
    Recalled,
    Ref,
    Refused,
    Said,
    Welcomed,
)
from chat.facts import AccountSeen, MessagesSaved
from chat.moderation import check_may_act_on, check_may_speak, keep_pace
from chat.presence import Presence
from chat.rooms import Rooms
from chat.sanctions import check_not_muted, host_of
from chat.spoken import Spoken
from chat.tokens import Tokens
from chat.turn import NOBODY_DEAF, Departed, Post, Room, Standing, Turn, User
from record import replace

HOST = "Host"
ROSTER = 100  # names that travel with an event about who is here; the count tells how many there are
REPLAY = 50  # messages that a newcomer sees
REPLAY_CHARACTERS = 200_000  # and how long they may be, all together: the outbox is bounded
GONE = 1_000  # people who went, remembered for /wholast


class Hub(Presence):
    """All people and rooms, and the rules between them. Refusals are raised as `Refused`."""

    def __init__(
        self,
        title: str,
        clock: Clock,
        *,
        first_id: int = 1,
        accounts: Iterable[Account] = (),
        rooms: Iterable[Room] = (),
        fixed_rooms: bool = False,
        past: Mapping[str, Iterable[Said | Acted]] | None = None,
        aside: Aside | None = None,
        desk: Desk | None = None,
        cloak: Callable[[str], str] = lambda address: "chat",
    ) -> None:
        super().__init__(clock, first_id, accounts, cloak)
        self.title = title
        self.closing: str | None = None
        self.door = ""  # the password of the room, empty for none
        self.operators: Mapping[str, str] = {}  # passwords, or their hashes, by name
        self.guard = Guard()
        self.rooms = Rooms(title, rooms, fixed_rooms, past)
        self.tokens = Tokens()
        self.aside: Aside = aside or AtOnce()
        self.desk = desk or Desk()
        self.desk.furnish(self.rooms)
        self.opened = clock.monotonic()
        self.spoken = 0  # messages of those who have gone, since the start
        self.gone: deque[Departed] = deque(maxlen=GONE)
        self.most = 0  # guests at once, since the start

    # -- coming and going

    def enter(
        self,
        raw: str,
        listener: Any,
        *,
        address: str = "",
        wire: str = "",
        account: Account | None = None,
        ref: Ref = None,
        resumes: bool = False,
        roams: bool = False,
        ident: str = "",
        realname: str = "",
    ) -> User:
        """Let someone in under the name `raw`; `account` is his where he has proven it. Who `resumes` gets a token.

        Who `roams` is in no room until he joins one; anybody else comes into the lobby.
        Raises Refused: `name_missing`, `name_bad`, `name_taken`, `name_looks`, `registered`, `closing`,
        `banned`, `door_locked`.
        """
        if self.closing is not None:
            raise Refused("closing", self.closing)
        name = names.check(raw)
        self.desk.check_door(self.clock.time(), host=host_of(address), name=name, account=account)
        if account is not None:
            name = account.name if names.key(name) == account.key else name
            self.supersede(account)
        user = self._seat(name, listener, Standing.GUEST, address=address, wire=wire, account=account)
        user.roams = roams
        user.muted = self.desk.mute_of(user, self.clock.time())
        self.present(user, *(("", "") if user.muted else (ident, realname)))
        self.most = max(self.most, len(self.roster) - 1)
        self.note(f"{name} is on line from {address} ({wire}).")
        token = self.tokens.issue(user) if resumes else ""
        if roams:
            self.tell(user, Welcomed(*self.stamp(), "", self.title, name, (), ref, token))
        else:
            room = self.rooms.lobby
            self.come(user, room)
            here = tuple(member.name for member in room.members)
            self.tell(user, Welcomed(*self.stamp(), room.name, self.title, name, here, ref, token))
            self.recall(user, room)
        self.announce_arrival(user)
        if account is not None and account.inbox:
            self.inform(user, "inbox", f"Private messages waiting for you: {account.inbox}. /inbox shows them.")
        return user

    def seat_host(self, listener: Any, address: str) -> User:
        """Put the host into every lasting room, before anybody else; returns him."""
        self.host = self._seat(HOST, listener, Standing.HOST, address=address, wire="console")
        self.host.modes |= {"i"}
        self.host.who = Identity(HOST, "chat", realname="the host")
        for room in (*(room for room in self.rooms if room is not self.rooms.lobby), self.rooms.lobby):
            self.come(self.host, room)
        self._turn = Turn()
        return self.host

    def leave(self, user: User, why: str, reason: str = "") -> None:
        """Let someone go. `why` is for the host's log, `reason` his own word for the others. Twice is harmless."""
        if not self.roster.release(user):
            return
        self._remember(user)
        if self.closing is not None:
            return  # everybody is leaving, and has been told so
        self.note(f"{user.name} is off line: {why}.")
        self._depart(user, reason)

    def kick(self, user: User, by: User, reason: str = "", ref: Ref = None, *, banned: str = "") -> None:
        """Put someone out; he and everyone in his rooms are told. Who is `banned` is told so, in this sentence.

        Raises Refused `yourself`, `not_allowed`, and `not_here` where he is gone already.
        """
        if user is by:
            raise Refused("yourself", f"You are {user.name}, and cannot kick yourself.")
        check_may_act_on(by, user.standing, user.name)
        if not self.roster.release(user):
            raise Refused("not_here", f"{user.name} is not here any more.")
        self._remember(user)
        because = f": {reason}" if reason else ""
        self.note(f"{user.name} is off line: {'banned' if banned else 'kicked'} by {by.name}{because}.")
        told = self._depart(user, reason, by, ref)
        if told is not None:
            self.post(told, to=(user,))
        if banned:
            self.end(user, "banned", banned)
        else:
            self.end(user, "kicked", f"You have been kicked out{because}.")

    def end(self, user: User, code: str, text: str) -> None:
        """Say the last word to someone; whoever takes the turn hangs up on him."""
        user.gone = True
        self.post(Ended(*self.stamp(), code, text), to=(user,))
        self._turn.gone.append(user)

    def close(self, text: str) -> None:
        """Say goodbye to everyone but the host; `closing` then says why."""
        self.closing = text
        self.note(text)
        for user in tuple(self.roster):
            if user is not self.host:
                self.end(user, "closing", text)

    # -- rooms

    def come(self, user: User, room: Room) -> None:
        """Bring someone into a room; it is his current one now. Those in it are told."""
        room.members[user] = None
        user.enter(room)
        self._turn.came(user, room)
        self.post(self._entered(user, room), room=room, author=user)

    def go(
        self,
        user: User,
        room: Room,
        reason: str = "",
        by: User | None = None,
        ref: Ref = None,
        *,
        gone: bool = False,
        again: bool = False,
    ) -> Left:
        """Bring someone out of a room, or put him out `by` somebody; returns the event that tells those who stay."""
        del room.members[user]
        room.gate.forget(user)
        user.exit(room)
        self._turn.went(user, room)
        here, count = room.present(ROSTER), len(room.members)
        actor = (by.name, by.who) if by else ()
        kicked = by is not None
        left = Left(*self.stamp(), room.name, user.name, reason, kicked, here, count, user.who, *actor)
        if gone:
            left = replace(left, gone=True, again=again)
        self.post(left, room=room, author=by, ref=ref)
        self.rooms.drop_if_empty(room)
        return left

    def joined(self, room: Room, ref: Ref = None) -> Joined:
        """Return the event that shows `room` to one who is in it."""
        here = tuple(member.name for member in room.members)
        return Joined(*self.stamp(), room.name, room.title, room.description, here, ref)

    def recall(self, user: User, room: Room) -> None:
        """Show a newcomer what was said last; what is too long altogether begins later."""
        last = room.scrollback.last(REPLAY, REPLAY_CHARACTERS, without=user.blocked)
        if last:
            self.tell(user, Recalled(*self.stamp(), room.name, last))

    # -- talking

    def say(self, user: User, text: str, ref: Ref = None, *, room: Room | None = None, form: Form = AS_USUAL) -> None:
        """Say `text` to a room, by default to the one someone talks in."""
        place = room or user.room
        self._speak(user, place, [self._word(Said, user, place, text, form)], ref)

    def say_all(self, user: User, text: str) -> None:
        """Say one line of `text` after the other to the room someone talks in; for who `may_go_on` there."""
        count = text.count("\n") + 1
        if count == 1:
            self.say(user, text)
            return
        first, at = self.stamps(count)
        self._speak(user, user.room, Spoken(first, at, user.room.name, user.name, text, count, user.who))

    def act(self, user: User, text: str, ref: Ref = None, *, room: Room | None = None, form: Form = AS_USUAL) -> None:
        """Tell a room, by default the one someone talks in, what he does."""
        place = room or user.room
        self._speak(user, place, [self._word(Acted, user, place, text, form)], ref)

    @staticmethod
    def may_go_on(user: User) -> bool:
        """Return whether someone may say as much as he likes to the room he talks in."""
        room = user.current
        return room is not None and not (user.muted or room.gate.bars)

    # -- within

    def supersede(self, account: Account, by: User | None = None) -> None:
        """An account is on line once: who has proven the password takes the place of an earlier connection."""
        for key in {account.key, *(user.key for user in self.roster if user.account is account)}:
            earlier = self.roster.at(key)
            if earlier is not None and earlier is not by:
                self.leave(earlier, "logged in again from elsewhere")
                self.end(earlier, "replaced", "You have logged in again from elsewhere.")

    def _seat(
        self, name: str, listener: Any, standing: Standing, *, address: str, wire: str, account: Account | None = None
    ) -> User:
        now = self.clock.monotonic()
        user = User(name, names.key(name), (), listener, standing, now, address, wire, account=account)
        user.named = self.clock.time()
        user.looks = self.roster.check_free(name, user)
        if account is not None:
            self.recognise(user, account)
        self.roster.hold(user)
        return user

    def _depart(self, user: User, reason: str, by: User | None = None, ref: Ref = None) -> Left | None:
        """Bring someone out of all his rooms, and return what was told in his current one, if he was in any."""
        current, told = user.current, None
        heard: dict[User, None] = {}
        for room in user.rooms:
            left = self.go(user, room, reason, by, ref, gone=True, again=bool(heard))
            told = left if room is current else told
            if heard and by is None:
                knowing = frozenset(member for member in room.members if member in heard)
                gone = Gone(left.id, left.at, user.name, reason, user.who)
                self._turn.posts.append(Post([gone], room, deaf=knowing))
            if user.rooms:
                heard.update(room.members)
        return told

    def _remember(self, user: User) -> None:
        """Keep when someone was here last, and how much he took part."""
        user.gone = True
        self.tokens.revoke(user)
        self.mind_blocks(user)
        self.spoken += user.messages
        self.gone.append(Departed(user.name, self.clock.time(), user.who))
        for key in user.watched:
            self.watchers.remove(user, key)
        self.announce_departure(user.key, user.name)
        account = user.account
        if account is not None:
            seconds = int(self.clock.monotonic() - user.arrived)
            account.seen = self.clock.time()
            account.seconds += seconds
            account.messages += user.messages
            self.keep(AccountSeen(account.key, account.seen, seconds, user.messages))

    def _word(self, kind: type[Said | Acted], user: User, room: Room, text: str, form: Form) -> Said | Acted:
        return kind(*self.stamp(), room.name, user.name, text, user.who, form)

    def _speak(self, user: User, room: Room, go: Sequence[Said | Acted], ref: Ref = None) -> None:
        """Post what someone says to a room, unless he may not speak there. Raises Refused `may_not_speak`."""
        user.active = self.clock.monotonic()
        if user.muted or room.gate.bars or room not in user.rooms:
            check_not_muted(user, self.clock.time())
            check_may_speak(user, room)
            keep_pace(user, room, user.active)
        user.messages += len(go)
        if sign := go[0].form.sign:
            ranked = (m for m in room.members if sign in room.gate.signs(m) and m.hears(user))
            self.post(go[0], to=tuple(dict.fromkeys((*ranked, user))), author=user, ref=ref)
            return
        room.scrollback.add(go)
        if self.memory is not None:
            texts = (go.text, go.lines) if type(go) is Spoken else (go[0].text,)
            self._turn.facts.append(MessagesSaved(go[0], user.key, *texts))
        deaf = self._deaf and frozenset(other for other in self._deaf if room in other.rooms and not other.hears(user))
        self._turn.posts.append(Post(go, room, (), user, ref, deaf or NOBODY_DEAF))

    def _entered(self, user: User, room: Room) -> Entered:
        return Entered(*self.stamp(), room.name, user.name, room.present(ROSTER), len(room.members), user.who)
