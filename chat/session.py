"""The named states of one visitor, and what each accepts. Knows neither the wire nor the socket he came by."""

from __future__ import annotations

from collections.abc import Callable

from chat import names, passwords
from chat.accounts import Account
from chat.events import (
    Answered,
    Asked,
    Declined,
    Event,
    Ponged,
    Proven,
    Ref,
    Refused,
    Request,
    Script,
    Speech,
    Told,
    Wish,
    singly,
)
from chat.hub import Hub
from chat.returns import come_back
from chat.states import ACCEPTS, LEAVING, PRESENT, State
from chat.text import clean
from chat.turn import User
from chat.visitor import Gone, Rules, Visitor
from record import replace

QUESTION = "What is your name?"
DOOR_QUESTION = "This room has a password. What is it?"

FINAL = frozenset({"banned", "door_locked"})
"""Refusals after which another try is in vain: the server hangs up."""

_OWN = frozenset({"login", "authenticate", "ping", "pong"})  # what no command does, also for those who are present
LONGEST_LINE = 100  # characters in what one says of oneself
DOOR = "\0door"  # as a name nobody can have: wrong passwords for the room are counted under it


class Session:
    """One visitor's way from the first request to the last."""

    __slots__ = (
        "_account", "_claimed", "_hub", "_ident", "_knocked", "_realname", "_resumes", "_rules", "_visitor",
        "greeted", "joins", "plain_names", "state", "user",
    )  # fmt: skip

    def __init__(self, hub: Hub, rules: Rules, visitor: Visitor) -> None:
        self.state = State.NAMING
        self.user: User | None = None
        self.greeted = False
        self.plain_names = False
        self.joins = True
        self._claimed = ""
        self._knocked = False  # the password of the room was right
        self._account: Account | None = None  # of which he has proven the password
        self._ident = self._realname = ""
        self._resumes = False  # he has asked for a token by which he can come back
        self._hub = hub
        self._rules = rules
        self._visitor: Visitor = visitor

    @property
    def _inside(self) -> bool:
        return self._knocked or not self._hub.door

    @property
    def newcomer(self) -> bool:
        """Return whether he is not in the room yet, and not gone."""
        return self.user is None and self.state is not LEAVING

    def handle(self, request: Wish) -> None:
        """Do what is asked, or answer why not. What comes after goodbye does not count."""
        if self.user is not None and self.user.gone:
            self.state = LEAVING
        if self.state is LEAVING:
            return
        if isinstance(request, Speech):
            self._speak(request)
            return
        try:
            if isinstance(request, Request):
                request = self._read(request)
                self._do(request)
            elif isinstance(request, Script):
                self._follow(request)
            else:
                raise request
        except Refused as refusal:
            self._decline(refusal, request)

    def greet(self) -> None:
        """Ask someone who said nothing yet for a name."""
        self.greeted = True
        self._ask("name", QUESTION)

    def seat(self, user: User) -> None:
        """Let `user` be the one who visits: he is in the room now."""
        self.user = user
        self.state = State.PRESENT

    def end(self, why: str) -> None:
        """The connection is gone, for the reason `why`."""
        if self.user is not None:
            self._hub.leave(self.user, why=why)
        self.retire()
        self._visitor = Gone()

    def wait(self) -> None:
        """Accept nothing until something that takes its time has been answered."""
        if self.state is PRESENT:
            self.state = State.CHECKING

    def go_on(self) -> None:
        """It has been answered: go on with what has come meanwhile."""
        if self.state is State.CHECKING and self.user is not None:
            self.state = State.PRESENT
            self._visitor.resume()

    def retire(self) -> None:
        """Somebody has come back by another connection: this one is nobody's now."""
        self.user = None
        self.state = State.LEAVING

    @property
    def may_return(self) -> bool:
        """Return whether he is to be waited for, should the connection be lost."""
        return self._resumes and self.user is not None and not self.user.gone and self._hub.closing is None

    def _read(self, request: Request) -> Request:
        """Return the request behind a typed line; where a name or a password is asked for, the line is just that.

        An empty line instead of the password asks for another name.
        """
        if self.user is None and self.plain_names:
            typed = request.rest
            if request.verb in ("say", "line") and self.state is State.PROVING and typed.strip() not in ("", "/quit"):
                return Request("prove", typed)
            if request.verb == "say":
                return Request("login", typed)
        if request.verb == "line":
            return replace(self._rules.read(self.user, request.rest), ref=request.ref)
        return request

    def _speak(self, speech: Speech) -> None:
        """Say what was typed, in one go where nothing is to be said about a single line of it."""
        if self.state is not PRESENT or self.user is None or not self._rules.speak(self._hub, self.user, speech):
            for line in singly([speech]):
                self.handle(line)

    def _follow(self, script: Script) -> None:
        """Do what a wire's script asks, and tell what it says, one after the other, until someone leaves in it."""
        steps = script.steps(self.user)
        refusal: Refused | None = None
        while self.state is not State.LEAVING and not (self.user is not None and self.user.gone):
            try:
                step = steps.throw(refusal) if refusal else next(steps)
            except StopIteration:
                return
            refusal = None
            if not isinstance(step, Request):
                self._answer(Answered(*self._hub.stamp(), step))
                continue
            try:
                self._do(step)
            except Refused as refused:
                refusal = refused

    def _do(self, request: Request) -> None:
        """Do what is asked, if this state accepts it. Raises Refused."""
        if self.state is not PRESENT and request.verb not in (ACCEPTS[self.state] or ()):
            raise Refused("not_logged_in", "Please log in with a name first.")
        if self.user is not None and request.verb not in _OWN:
            self._rules.run(self._hub, self.user, request)
        elif request.verb == "login":
            self._login(request)
        elif request.verb == "authenticate":
            self._authenticate(request)
        elif request.verb in ("ping", "pong"):
            self._pulse(request)
        elif request.verb == "prove" and not self._inside:
            self._answer_door(request)
        elif request.verb == "prove":
            self._prove(self._claimed, request.rest, request.ref)
        else:
            self._visitor.dismiss("quit", "Goodbye.")
            self.state = State.LEAVING

    # -- the name, and its password

    def _login(self, request: Request) -> None:
        if self.user is not None:
            raise Refused("logged_in", f"You are logged in already, as {self.user.name}.")
        self.state = State.NAMING
        self._check_door()
        if self._return(request):
            return
        self._resumes = "token" in (request.fields or ())
        name = names.check(request.rest if request.fields is None else request.field("name"))
        self._check_door(name)
        self._ident, self._realname = (clean(request.field(part))[:LONGEST_LINE] for part in ("ident", "realname"))
        password = request.field("password")
        if not self._inside:
            door = request.field("door")
            door, password = (door, password) if door else self._split(password)
            if self._knock(name, door):
                return
        self._admit(name, password, request.ref)

    def _check_door(self, name: str = "") -> None:
        """Raise Refused `banned` or `door_locked` where he may not come in from where he is, or under this name."""
        hub = self._hub
        account = hub.accounts.find(name) if name else None
        hub.desk.check_door(hub.clock.time(), host=self._visitor.host, name=name, account=account)

    def _admit(self, name: str, password: str, ref: Ref) -> None:
        """Let someone in under a name, or have its password proven first."""
        if self._account is not None:
            self._enter(name, self._account, ref)
        elif password:
            self._prove(name, password, ref)
        elif self._hub.accounts.find(name) is None:
            self._enter(name, None, ref)
        elif self.plain_names:
            self._claim(name)
        else:
            raise Refused("registered", f"The name {name} is registered; log in with its password.")

    def _knock(self, name: str, password: str) -> bool:
        """Check the password of the room; True where a person is asked for it. Raises Refused `room_password`."""
        guard, host, now = self._hub.guard, self._visitor.host, self._hub.clock.monotonic()
        guard.check(DOOR, host, now, "this room")
        if not password and self.plain_names:
            self._claimed, self.greeted, self.state = name, True, State.PROVING
            self._ask("password", DOOR_QUESTION)
            return True
        if not passwords.same(password, self._hub.door):
            if password:
                guard.count(DOOR, host, now)
                guard.check(DOOR, host, now, "this room")
            raise Refused("room_password", f"This room has a password{', and that is not it' * bool(password)}.")
        guard.right(DOOR, host)
        self._knocked = True
        return False

    def _split(self, given: str) -> tuple[str, str]:
        """Return the passwords of the room and of the name: who can send only one text puts a blank between them."""
        door = f"{self._hub.door} "
        return (self._hub.door, given[len(door) :]) if passwords.same(given[: len(door)], door) else (given, "")

    def _answer_door(self, request: Request) -> None:
        """Let someone in who was asked for the password of the room, or ask him again."""
        self.state = State.NAMING
        try:
            self._knock(self._claimed, request.rest)
        except Refused as refusal:
            again = refusal.code == "room_password"
            self.state = State.PROVING if again else State.NAMING
            self._decline(refusal, Request("login", ref=request.ref))
            if again:
                self._ask("password", DOOR_QUESTION)
            return
        self._admit(self._claimed, "", request.ref)

    def _return(self, request: Request) -> bool:
        """Let someone who has a token go on where he was; False where it is no good, or no longer."""
        user = self._hub.tokens.find(request.field("token"))
        if user is None:
            return False
        since, visitor = request.field("since"), self._visitor
        last = int(since) if since.isascii() and since.isdigit() and len(since) < 19 else 0
        earlier = come_back(self._hub, user, visitor, since=last, address=visitor.address, ref=request.ref)
        self._resumes = True
        self.seat(user)
        earlier.retire()
        return True

    def _claim(self, name: str) -> None:
        """Ask for the password of a registered name."""
        self._hub.guard.check(names.key(name), self._visitor.host, self._hub.clock.monotonic())
        self._claimed = name
        self.greeted = True
        self.state = State.PROVING
        self._ask("password", f"Password for {name}?")

    def _authenticate(self, request: Request) -> None:
        """Have the password of an account proven before the name is chosen."""
        self._check_door()
        name = request.field("name")
        self._check(name, request.field("password"), lambda account: self._authenticated(account, request))

    def _authenticated(self, account: Account | None, request: Request) -> None:
        self._account = account
        if account is not None:
            self._answer(Proven(*self._hub.stamp(), account.name))
        else:
            self._decline(Refused("wrong_password", "That is not the password of this account."), request)

    def _prove(self, name: str, password: str, ref: Ref) -> None:
        """Have the password of a name checked, then let its owner in."""
        self._check(name, password, lambda account: self._proved(name, account, ref))

    def _check(self, name: str, password: str, then: Callable[[Account | None], None]) -> None:
        """Have the password checked where that keeps nobody waiting; names nobody has registered take as long.

        `then` gets the account if the password was right.
        """
        guard, key, host = self._hub.guard, names.key(name), self._visitor.host
        guard.check(key, host, self._hub.clock.monotonic())
        guard.count(key, host, self._hub.clock.monotonic())
        account = self._hub.accounts.find(name)
        kept = account.secret if account else None
        before, self.state = self.state, State.CHECKING
        try:
            guard.run(
                self._hub.aside,
                host,
                lambda: self.state is State.CHECKING and passwords.matches(kept, password),  # else he is gone
                lambda right: self._checked(account if right else None, key, then),
            )
        except Refused:
            self.state = before
            guard.spare(key, host)
            raise

    def _checked(self, account: Account | None, key: str, then: Callable[[Account | None], None]) -> None:
        """The password has been checked; go on, unless he has gone meanwhile."""
        if self.state is not State.CHECKING:
            return
        self.state = State.NAMING
        if account is not None:
            self._hub.guard.right(key, self._visitor.host)
        then(account)
        self._visitor.resume()

    def _proved(self, name: str, account: Account | None, ref: Ref) -> None:
        """The password of a name has been checked: let the visitor in, or not."""
        try:
            if account is None:
                self._hub.guard.check(names.key(name), self._visitor.host, self._hub.clock.monotonic())
                raise Refused("wrong_password", f"That is not the password of {name}.")
            self._enter(name, account, ref)
        except Refused as refusal:
            again = refusal.code == "wrong_password" and self.plain_names
            self.state = State.PROVING if again else State.NAMING
            self._decline(refusal, Request("login", ref=ref))
            if again:
                self._ask("password", f"Password for {name}?")

    def _enter(self, name: str, account: Account | None, ref: Ref) -> None:
        visitor = self._visitor
        user = self._hub.enter(
            name,
            visitor,
            address=visitor.address,
            wire=visitor.wire_name,
            account=account,
            ref=ref,
            resumes=self._resumes,
            roams=not self.joins,
            ident=self._ident,
            realname=self._realname,
        )
        self.seat(user)
        if self.greeted:
            text = f"Welcome, {user.name}. {len(self._hub)} people are here. /help lists what you can type."
            self._answer(Told(*self._hub.stamp(), "welcome", text))

    # -- answers

    def _pulse(self, request: Request) -> None:
        if request.verb == "ping":
            self._answer(Ponged(*self._hub.stamp(), request.ref))

    def _decline(self, refusal: Refused, request: Wish) -> None:
        verb = request.verb if isinstance(request, Request) else ""
        about = "login" if self.user is None and verb != "authenticate" else verb
        ref = getattr(request, "ref", None)
        self._answer(Declined(*self._hub.stamp(), about, refusal.code, refusal.text, ref))
        if self.user is None and refusal.code in FINAL:
            code = "banned" if refusal.code == "banned" else "door_locked"
            self._visitor.dismiss(code, "You are not let in.")
            self.state = State.LEAVING
        if self.state is State.NAMING and self.greeted:
            self._ask("name", f"{refusal.text} {QUESTION}" if refusal.code == "name_taken" else QUESTION)

    def _ask(self, about: str, text: str) -> None:
        self._answer(Asked(*self._hub.stamp(), about, text))

    def _answer(self, event: Event) -> None:
        """Answer in the order of everything else once there is a user; before, straight away."""
        if self.user is not None:
            self._hub.tell(self.user, event)
        else:
            self._visitor.answer(event)
