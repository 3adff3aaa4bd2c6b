"""What the host and the operators can do, as a table: each verb with its line, its answer, its refusals and its trail.

`{bob}` stands for somebody who is here and may be acted on, `{id}` for a message of his. It knows no wire, but for the
words that some have of their own; test_rule.py says the lines on each.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Row:
    """One verb. `answer` and `trail` are regular expressions; `refusals` are lines with what each is answered.

    `event` is how JSON calls the answer. What only asks leaves no `trail`. `host` alone may do some. On wires of `on`
    the answer is another; `irc` is what is sent there where IRC has a word of its own, with its answer.
    """

    line: str
    answer: str
    trail: str = ""
    refusals: tuple[tuple[str, str], ...] = ()
    event: str = "told"
    host: bool = False
    on: dict[str, str] = field(default_factory=dict)
    irc: tuple[str, str] = ("", "")

    @property
    def verb(self) -> str:
        return self.line.split()[0]


NOBODY = "nobody called nobody|nobody: not logged in"
NOWHERE = "no room called nowhere|no channel named nowhere"  # the words of UDP channels

ROWS = (
    Row(
        "KICK {bob} spam",
        r"{bob} has been kicked out. \(spam\)",
        "KICK {bob}: spam",
        (
            ("KICK Host", "is the host|yourself"),
            ("KICK nobody", NOBODY),
            ("KICK", "the name is missing"),
        ),
        event="left",
        on={"udp": "Lobby {bob}", "textbook": "LEFT {bob}"},
        irc=("KILL {bob} :spam", "KICK #lobby {bob} "),
    ),
    Row(
        "BAN {bob} 10m spam",
        r"Banned: name {bob}, for 10 min: spam\. {bob} came from 127\.0\.0\.1, which stays open",
        "BAN {bob}: for 10 min: spam",
        (
            ("BAN Host", "Host is the host|yourself"),
            ("BAN {bob} 10x", "10x is no length of time"),
            ("BAN 10.0.0.0/4", "too wide"),
            ("BAN nobody/here", "is no network"),
            ("BAN", "the name, address or network is missing"),
        ),
    ),
    Row("BANS", r"BAN +name +{bob} +by \S+, for (10 min|9 min \d\d s): spam"),
    Row(
        "UNBAN {bob}",
        "Not banned any more: name {bob}",
        "UNBAN {bob}",
        (("UNBAN {bob}", "{bob} is not banned"), ("UNBAN", "the name, address or network is missing")),
    ),
    Row("BAN 127.0.0.9 3d", r"Banned: address 127\.0\.0\.9, for 3 days\.", r"BAN 127\.0\.0\.9: for 3 days"),
    Row(
        "BAN 127.0.0.8/31 ever they know",
        r"Banned: network 127\.0\.0\.8/31, for ever: they know\.",
        r"BAN 127\.0\.0\.8/31: for ever: they know",
    ),
    Row("UNBAN 127.0.0.9", r"Not banned any more: address 127\.0\.0\.9", r"UNBAN 127\.0\.0\.9"),
    Row("UNBAN 127.0.0.8/31", r"Not banned any more: network 127\.0\.0\.8/31", r"UNBAN 127\.0\.0\.8/31"),
    Row(
        "MUTE {bob} 2h noise",
        "Muted: name {bob}, for 2 h: noise",
        "MUTE {bob}: for 2 h: noise",
        (("MUTE Host", "Host is the host|yourself"), ("MUTE", "the name, address or network is missing")),
    ),
    Row("UNMUTE {bob}", "Not muted any more: name {bob}", "UNMUTE {bob}", (("UNMUTE {bob}", "{bob} is not muted"),)),
    Row(
        "LOCK lobby",
        "has locked this room",
        "LOCK lobby",
        (("LOCK lobby", "is locked already"), ("LOCK nowhere", NOWHERE)),
        event="mode",
        on={"irc": r"MODE #lobby \+m"},
    ),
    Row(
        "UNLOCK lobby",
        "has unlocked this room",
        "UNLOCK lobby",
        (("UNLOCK lobby", "is not locked"),),
        event="mode",
        on={"irc": "MODE #lobby -m"},
    ),
    Row("LOCK door", "The door is locked", "LOCK door"),
    Row("UNLOCK door", "The door is open", "UNLOCK door", (("UNLOCK door", "door is not locked"),)),
    Row(
        "SLOW 30",
        "has slowed this room down: one message each in 30 s",
        "SLOW lobby: 30 s",
        (("SLOW fast", "fast will not do; give a whole number from 0 to 3600"), ("SLOW", "the seconds is missing")),
        event="slowed",
    ),
    Row("SLOW 0", "lets everybody speak as often as he likes", "SLOW lobby: off", event="slowed"),
    Row(
        "ANNOUNCE the break is over",
        "announces: the break is over",
        "ANNOUNCE: the break is over",
        (("ANNOUNCE", "the text is missing"),),
        event="announced",
    ),
    Row(
        "TOPIC cats",
        "cats",
        "TOPIC lobby: cats",
        event="topic",
        irc=("TOPIC #lobby :cats", "TOPIC #lobby :cats"),
    ),
    Row(
        "RENAME {bob} rob",
        "{bob} is rob now",
        "RENAME {bob}: rob",
        (("RENAME Host rob2", "Host is the host|keeps the name"), ("RENAME rob", "the new is missing")),
    ),
    Row(
        "ROOM Den: for bears",
        "There is a room Den now: /join den",
        "ROOM den: Den: for bears",
        (("ROOM lobby", "lobby is always there"), ("ROOM !", "A room's title has"), ("ROOM", "the title is missing")),
    ),
    Row(
        "LOCK den",
        "Den is locked: only operators",
        "LOCK den",
        on=dict.fromkeys(("console", "script"), "has locked this room"),
    ),
    Row(
        "UNROOM den",
        "Den has ended; 0 persons had to leave",
        "UNROOM den",
        (("UNROOM den", "no room called den|no channel named den"), ("UNROOM lobby", "lobby is always there")),
    ),
    Row(
        "REMOVE {id} rude",
        "Message {id} of {bob}'s is removed",
        "REMOVE message {id} of {bob}'s, in lobby: rude",
        (("REMOVE 999999999", "no message 999999999"), ("REMOVE twelve", "twelve is no id")),
    ),
    Row("REMOVE", "nothing that you could remove"),
    Row(
        "WHOIS {bob}",
        r"{bob} comes from 127\.0\.0\.1:\d+, by plain",
        irc=("WHOIS {bob}", r" 378 \S+ {bob} :is connecting from \*@127\.0\.0\.1"),
    ),
    Row("STATS", r"\d+ rooms?, \d+ messages? since the start"),
    Row("STATS kim", r"kim: 0 messages, \d\d:\d\d:\d\d on line, here now", refusals=(("STATS nobody", NOBODY),)),
    Row("LIMITS", r"per_address = 64, hit 0 times"),
    Row("LIST_USERS", "{bob}", event="listed"),
    Row("HELP ban", "BAN bob 10m spam", refusals=(("HELP nonsense", "no command /nonsense|no help on that"),)),
    Row("RELOAD", "Read again: nothing has changed", r"RELOAD: Read again: nothing has changed\."),
    Row("AUDIT 3", "RELOAD|REMOVE|UNROOM", refusals=(("AUDIT none", "none will not do"),)),
    Row(
        "OPER {bob}",
        "{bob} is an operator now, until he leaves",
        "OPER {bob}",
        (
            ("OPER {bob}", "{bob} is an operator already"),
            ("OPER nobody", NOBODY),
            ("OPER Host", "host"),
        ),
        host=True,
    ),
    Row(
        "DEOPER {bob}", "{bob} is no operator any more", "DEOPER {bob}", (("DEOPER", "the name is missing"),), host=True
    ),
    Row("DOOR sesame", "Newcomers are asked for that password", "DOOR: a password", host=True),
    Row("DOOR -", "Newcomers are asked for no password", "DOOR: no password", host=True),
    Row("SHOW none", "Only answers and warnings", host=True),
    Row("SHOW all", "Everything is shown", refusals=(("SHOW nowhere", NOWHERE),), host=True),
    Row("QR", "The code of http://.* needs a terminal", host=True, event="refused"),  # there is none
    Row("EXIT 60 the end", "closes in 1 hour: the end", "EXIT: 60 the end", host=True),
    Row("EXIT cancel", "The room stays open", "EXIT: cancel", (("EXIT cancel", "No end has been set"),), host=True),
    Row(
        "RESET kim", "The password of kim is now [a-z0-9]{{10}}", "RESET kim", (("RESET {bob}", "no registered name"),)
    ),
)
