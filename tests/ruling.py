"""What the host and the operators can do, as a table: each verb with its line, its answer, its refusals and its trail.

`{bob}` stands for somebody who is here and may be acted on. It knows no wire; test_rule.py says the lines on each.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One verb. `answer` and `trail` are regular expressions; `refusals` are lines with what each is answered.

    `event` is how JSON calls the answer. `before` is done first; `audited` is False for what only asks.
    """

    line: str
    answer: str
    trail: str = ""
    refusals: tuple[tuple[str, str], ...] = ()
    event: str = "told"
    before: str = ""
    host: bool = False

    @property
    def verb(self) -> str:
        return self.line.split()[0]


ROWS = (
    Row(
        "KICK {bob} spam",
        r"{bob} has been kicked out. \(spam\)",
        "KICK {bob}: spam",
        (("KICK Host", "cannot (be )?kick"), ("KICK nobody", "nobody called nobody"), ("KICK", "the name is missing")),
        event="left",
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
            ("BAN", "the who is missing"),
        ),
    ),
    Row("BANS", r"BAN +name +{bob} +by \S+, for (10 min|9 min 5\d s): spam"),
    Row(
        "UNBAN {bob}",
        "Not banned any more: name {bob}",
        "UNBAN {bob}",
        (("UNBAN {bob}", "{bob} is not banned"), ("UNBAN", "the who is missing")),
    ),
    Row(
        "MUTE {bob} 2h noise",
        "Muted: name {bob}, for 2 h: noise",
        "MUTE {bob}: for 2 h: noise",
        (("MUTE Host", "Host is the host|yourself"), ("MUTE", "the who is missing")),
    ),
    Row("UNMUTE {bob}", "Not muted any more: name {bob}", "UNMUTE {bob}", (("UNMUTE {bob}", "{bob} is not muted"),)),
    Row(
        "LOCK lobby",
        "has locked this room",
        "LOCK lobby",
        (("LOCK lobby", "is locked already"), ("LOCK nowhere", "no room called nowhere")),
        event="mode",
    ),
    Row("UNLOCK lobby", "has unlocked this room", "UNLOCK lobby", (("UNLOCK lobby", "is not locked"),), event="mode"),
    Row("LOCK door", "The door is locked", "LOCK door"),
    Row("UNLOCK door", "The door is open", "UNLOCK door", (("UNLOCK door", "door is not locked"),)),
    Row(
        "SLOW 30",
        "has slowed this room down: one message each in 30 s",
        "SLOW lobby: 30 s",
        (("SLOW fast", "fast will not do"), ("SLOW", "the seconds is missing")),
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
    Row("TOPIC cats", "cats", "TOPIC lobby: cats", event="topic"),
    Row(
        "RENAME {bob} rob",
        "{bob} is rob now",
        "RENAME {bob}: rob",
        (("RENAME Host rob2", "Host is the host"), ("RENAME rob", "the new is missing")),
    ),
    Row(
        "ROOM Den: for bears",
        "There is a room Den now: /join den",
        "ROOM den: Den: for bears",
        (("ROOM lobby", "lobby is always there"), ("ROOM !", "A room's title has"), ("ROOM", "the title is missing")),
    ),
    Row(
        "UNROOM den",
        "Den has ended; 0 persons had to leave",
        "UNROOM den",
        (("UNROOM den", "no room called den"), ("UNROOM lobby", "lobby is always there")),
    ),
    Row(
        "REMOVE {id} rude",
        "Message {id} of {bob}'s is removed",
        "REMOVE message {id} of {bob}'s, in lobby: rude",
        (("REMOVE 999999999", "no message 999999999"), ("REMOVE twelve", "twelve is no id")),
    ),
    Row("WHOIS {bob}", r"{bob} comes from 127\.0\.0\.1:\d+, by plain"),
    Row("STATS", r"\d+ rooms?, \d+ messages? since the start"),
    Row("AUDIT 3", "STATS|REMOVE|UNROOM", refusals=(("AUDIT none", "none will not do"),)),
    Row(
        "OPER {bob}",
        "{bob} is an operator now, until he leaves",
        "OPER {bob}",
        (
            ("OPER {bob}", "{bob} is an operator already"),
            ("OPER nobody", "nobody called nobody"),
            ("OPER Host", "host"),
        ),
        host=True,
    ),
    Row(
        "DEOPER {bob}", "{bob} is no operator any more", "DEOPER {bob}", (("DEOPER", "the name is missing"),), host=True
    ),
    Row("DOOR sesame", "Newcomers are asked for that password", "DOOR: a password", host=True),
    Row("DOOR -", "Newcomers are asked for no password", "DOOR: no password", host=True),
    Row(
        "RESET kim", "The password of kim is now [a-z0-9]{{10}}", "RESET kim", (("RESET {bob}", "no registered name"),)
    ),
)
