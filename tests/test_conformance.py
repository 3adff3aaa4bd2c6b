"""One suite over every wire: what people do, through the real socket, seen by someone on each of the wires.

A new wire is one `Speaker` more, in support/speakers.py: its bytes, and what it has no word for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from tests.support import Server
from tests.support.speakers import (
    WIRES,
    Foreign,
    IrcSpeaker,
    JsonSpeaker,
    PlainSpeaker,
    Speaker,
    UdpSpeaker,
)
from tests.tls import Papers, issue

Arrive = Callable[[type[Speaker]], Speaker]
in_tls_too = pytest.mark.parametrize("papers", [False, True], ids=["in_clear", "tls"], indirect=True)


@pytest.fixture(scope="module")
def issued(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    """A certificate, and whom one has to trust to believe it."""
    return issue(tmp_path_factory.mktemp("papers"))


@pytest.fixture
def papers(request: pytest.FixtureRequest, issued: Papers) -> Papers | None:
    """What the server shows where the script runs in TLS; `in_tls_too` runs it both ways."""
    return issued if getattr(request, "param", False) else None


@pytest.fixture
def server(start_server: Callable[..., Server], papers: Papers | None) -> Server:
    return start_server(*(papers.options if papers else ()))


@pytest.fixture
def arrive(server: Server, papers: Papers | None) -> Iterator[Arrive]:
    """`arrive(PlainSpeaker)`: someone new on this wire, not logged in; in TLS where the wire has it (UDP has not)."""
    arrived: list[Speaker] = []

    def connect(kind: type[Speaker]) -> Speaker:
        arrived.append(kind(server, papers.trust if papers else None))
        return arrived[-1]

    yield connect
    for speaker in arrived:
        speaker.close()


@pytest.fixture
def others(arrive: Arrive) -> list[Speaker]:
    """Someone on each wire, who sees what happens; each has seen the next ones come."""
    found: list[Speaker] = []
    for kind in WIRES:
        found.append(arrive(kind))
        found[-1].enter(name_on(kind))
        for before in found[:-1]:
            before.wait_for("entered", name_on(kind))
    return found


@pytest.fixture(params=WIRES, ids=lambda kind: kind.__name__.removesuffix("Speaker"))
def kind(request: pytest.FixtureRequest) -> type[Speaker]:
    wire: type[Speaker] = request.param
    return wire


@pytest.fixture
def ann(arrive: Arrive, others: list[Speaker], kind: type[Speaker]) -> Speaker:
    """Ann, on the wire that is looked at; everyone has seen her come."""
    speaker = arrive(kind)
    speaker.enter("ann")
    all_hear(others, "entered", "ann")
    return speaker


def name_on(kind: type[Speaker]) -> str:
    return f"on-{kind.__name__.removesuffix('Speaker')}"


def all_hear(others: list[Speaker], *event: str) -> None:
    for other in others:
        other.hears(*event)


def nobody_hears_more(others: list[Speaker]) -> None:
    for other in others:
        other.nothing_else()


def hears_himself(speaker: Speaker, *event: str) -> None:
    """Where a wire sends one's own words back, they come; elsewhere nothing does."""
    if speaker.echoes:
        speaker.hears(*event)


# ---- a visit


@in_tls_too
def test_a_visit_and_each_event_in_its_own_words(ann: Speaker, others: list[Speaker]) -> None:
    ann.send(ann.say("hi"), ann.ask("me", text="waves"), ann.ask("nick", name="anna"))
    for event in (("said", "ann", "hi"), ("acted", "ann", "waves"), ("renamed", "ann", "anna")):
        all_hear(others, *event)
    hears_himself(ann, "said", "ann", "hi")
    hears_himself(ann, "acted", "ann", "waves")
    if isinstance(ann, UdpSpeaker):
        assert ann.hear() == ("welcome", "anna"), "a new name is told as the first one was"
    else:
        ann.hears("renamed", "ann", "anna")
    for other in others:
        other.send(other.say("hello"), other.ask("me", text="nods"))
        for each in (ann, *others):
            if each is not other or other.echoes:
                each.hears("said", other.name, "hello")
                each.hears("acted", other.name, "nods")
    ann.send(ann.ask("quit", reason="tea"))
    assert tuple(ann.hear() for _ in ann.farewell) == ann.farewell
    assert ann.read_to_end() == ""
    all_hear(others, "exited", "anna")
    nobody_hears_more(others)


def test_private(ann: Speaker, others: list[Speaker]) -> None:
    for other in others:
        ann.send(ann.ask("msg", to=other.name.upper(), text="psst: a -> b"))
        other.hears("whispered", "ann", "psst: a -> b")
        if isinstance(ann, IrcSpeaker):
            hears_himself(ann, "whispered", "ann", "psst: a -> b")
        elif ann.delivers:
            ann.hears("sent", other.name)
    nobody_hears_more(others)
    for other in others:
        other.send(other.ask("msg", to="ann", text="yes?"))
        ann.hears("whispered", other.name, "yes?")


def test_rooms_and_only_members_hear(ann: Speaker, others: list[Speaker]) -> None:
    ann.send(ann.join("den"))
    ann.hears("joined", "den")
    ann.send(ann.say("is anybody here?"))
    hears_himself(ann, "said", "ann", "is anybody here?", "den")
    nobody_hears_more(others)
    for index, other in enumerate(others):
        other.send(other.join("DEN"))
        other.wait_for("joined", "den")
        if other.newcomer_hears:
            other.wait_for("recalled", "ann", "is anybody here?")
        for member in (ann, *others[:index]):
            member.hears("entered", other.name, "den")
    ann.send(ann.say("quiet here"))
    all_hear(others, "said", "ann", "quiet here", "den")
    hears_himself(ann, "said", "ann", "quiet here", "den")
    ann.send(ann.part("den"))
    ann.wait_for("parted", "den")
    if isinstance(ann, UdpSpeaker):
        assert ann.hear() == ("joined", "Lobby"), "the room that is current again"
    all_hear(others, "exited", "ann", "den")
    ann.send(ann.say("back again"))
    all_hear(others, "said", "ann", "back again")
    hears_himself(ann, "said", "ann", "back again")
    others[0].send(others[0].say("in the den still"))
    for other in others[1:]:
        other.hears("said", others[0].name, "in the den still", "den")
    ann.nothing_else()


def test_history(arrive: Arrive, kind: type[Speaker]) -> None:
    """What was said before is told as such, to a newcomer or to who asks: never as if it were said now."""
    bob = arrive(JsonSpeaker)
    bob.enter("bob")
    for text in ("one", "two: [*] x exited.", "three"):
        bob.send(bob.say(text))
    bob.nothing_else()
    ann = arrive(kind)
    ann.enter("ann")
    if not ann.newcomer_hears:
        ann.send(ann.ask("history", n="3"))
    for text in ("one", "two: [*] x exited.", "three"):
        ann.hears("recalled", "bob", text)
    bob.send(bob.say("now"))
    ann.hears("said", "bob", "now")


def test_who_comes_first_waits_for_nothing(start_server: Callable[..., Server], kind: type[Speaker]) -> None:
    """A server that is still getting ready: whoever needs a part of it before its turn brings it in."""
    server = start_server(fresh=True)
    ann, bob = kind(server), PlainSpeaker(server)
    try:
        ann.enter("ann")
        bob.enter("bob")
        ann.wait_for("entered", "bob")
        ann.send(ann.say("hi"))
        bob.wait_for("said", "ann", "hi")
    finally:
        ann.close()
        bob.close()


# ---- names


def test_taken_and_hostile_names(arrive: Arrive, kind: type[Speaker]) -> None:
    plain, eve = arrive(PlainSpeaker), arrive(kind)
    plain.enter("on-plain")
    for name in ("Host", "hOST", "H0st", "on-plain", "a/b", "\u202eeve", "eve\x1b[2J", "x" * 33, "x" * 1000, "\u200b"):
        eve.send(eve.login(name))
        assert eve.hear() == ("refused",), ascii(name)
        assert b"\x1b" not in getattr(eve.line, "pending", b"")
    eve.enter("eve")
    plain.hears("entered", "eve")
    plain.nothing_else()


def test_nothing_can_be_said_without_a_name(arrive: Arrive, others: list[Speaker], kind: type[Speaker]) -> None:
    """On plain lines the first line is the name; the textbook protocol is told by its ADD."""
    eve = arrive(kind)
    if eve.plain_before:
        return
    eve.send(eve.login("Host"))
    assert eve.hear() == ("refused",)
    for request in (eve.say("hi"), eve.ask("msg", to=others[0].name, text="hi"), eve.ask("join", room="den")):
        eve.send(request)
        assert eve.hear() == ("refused",)
    nobody_hears_more(others)


# ---- going


@in_tls_too
def test_kick(server: Server, ann: Speaker, others: list[Speaker]) -> None:
    server.type("kick is only a word here")
    server.type("KICK ANN spam")
    all_hear(others, "said", "Host", "kick is only a word here")
    all_hear(others, "kicked", "ann")
    ann.hears("said", "Host", "kick is only a word here")
    ann.hears("kicked", "ann")
    assert ann.hear() == ("goodbye", "You have been kicked out: spam.")
    assert ann.read_to_end() == ""
    nobody_hears_more(others)


def test_guests_cannot_kick(ann: Speaker, others: list[Speaker]) -> None:
    ann.send(ann.ask("kick", name="Host"), ann.ask("exit"), ann.ask("list_users"))
    assert [ann.hear() for _ in range(3)] == [("refused",)] * 3
    nobody_hears_more(others)


def test_a_lost_connection_is_one_exit(ann: Speaker, others: list[Speaker]) -> None:
    if not ann.streams:
        ann.close()  # who has no connection cannot lose it; he is missed when he says nothing for too long
        nobody_hears_more(others)
        return
    ann.line.reset()
    all_hear(others, "exited", "ann")
    nobody_hears_more(others)


def test_the_end_of_the_room(server: Server, ann: Speaker, others: list[Speaker]) -> None:
    server.type("EXIT bedtime")
    for each in (ann, *others):
        assert each.hear() == ("goodbye", "The host has closed the room: bedtime.")
        if each.streams:
            assert each.read_to_end() == "", "and nobody is told of the others' going"
    assert server.wait() == 0


# ---- bytes


@in_tls_too
def test_one_byte_at_a_time(arrive: Arrive, others: list[Speaker], kind: type[Speaker]) -> None:
    bea = arrive(kind)
    pieces = [bea.arrive("bea"), bea.say("schön, 你好"), bea.ask("me", text="waves")]
    bea.send(*((bytes([byte]) for byte in b"".join(pieces)) if bea.streams else pieces))
    bea.wait_for("welcome", "bea")
    for event in (("entered", "bea"), ("said", "bea", "schön, 你好"), ("acted", "bea", "waves")):
        all_hear(others, *event)
    if not bea.streams:
        bea.send(b"\0")
        bea.wait_for("refused")


@in_tls_too
def test_all_in_one_packet(arrive: Arrive, others: list[Speaker], kind: type[Speaker]) -> None:
    bea = arrive(kind)
    lines = [f"line {number}" for number in range(200 if bea.streams else 50)]
    pieces = [bea.arrive("bea"), *(bea.say(line) for line in lines), bea.ask("quit", reason=""), bea.say("too late")]
    bea.send(*([b"".join(pieces)] if bea.streams else pieces))
    bea.wait_for("welcome", "bea")
    for goodbye in bea.farewell:
        bea.wait_for(*goodbye)
    all_hear(others, "entered", "bea")
    for line in lines:
        all_hear(others, "said", "bea", line)
    all_hear(others, "exited", "bea")
    nobody_hears_more(others)


def test_too_long_garbage_and_blank_lines(ann: Speaker, others: list[Speaker]) -> None:
    ann.send(ann.too_long)
    assert ann.hear() == ("refused",)
    ann.send(ann.garbage, ann.blanks, ann.say("still here"))
    if ann.garbled:
        all_hear(others, "said", "ann", ann.garbled)
    all_hear(others, "said", "ann", "still here")
    nobody_hears_more(others)


def test_hostile_texts_arrive_as_texts(ann: Speaker, others: list[Speaker]) -> None:
    for text in (
        "[*] ann exited.",
        "12:00 > [*]",
        "\x1b]0;x\x07red\x1b[31m",
        "\u202eabc",
        "OK",
        '{"event":"left"}',
        "tab\there",
        "NEW bob",
        ":bob!b@c QUIT :x",
        "@time=x :bob PRIVMSG",
        "[21 Nov 15:25] x",
    ):
        ann.send(ann.say(text))
        shown = re.sub("[\x00-\x08\x0a-\x1f\u202e]", "", text).replace("\t", " ")
        for other in others:
            kind = "recalled" if isinstance(other, IrcSpeaker) and text.startswith("[21") else "said"
            other.hears(kind, "ann", shown if kind == "said" else "x")


def test_several_lines_in_a_text_are_one_event(arrive: Arrive, others: list[Speaker]) -> None:
    """Where an event is a line, a line feed in it is a blank; IRC says it line by line, all of them eve's."""
    eve = arrive(JsonSpeaker)
    eve.enter("eve")
    eve.send(eve.say("one\n[12:00:00] [*] ann exited.\n:ann!a@b QUIT :x"))
    all_hear(others, "entered", "eve")
    for other in others:
        lines = ["one", "[12:00:00] [*] ann exited.", ":ann!a@b QUIT :x"]
        if isinstance(other, IrcSpeaker):
            for line in lines:
                other.hears("said", "eve", line)
        else:
            blank = " " if isinstance(other, (PlainSpeaker, Foreign)) else "\n"
            other.hears("said", "eve", blank.join(lines))


# ---- all together


@in_tls_too
def test_each_says_something_and_sees_the_others_once_and_in_one_order(others: list[Speaker]) -> None:
    """Eight clients on six wires and two dialects, three rounds, all at once."""
    for turn in range(3):
        for other in others:
            other.send(other.say(f"{other.name} {turn}"))
    everything = {("said", other.name, f"{other.name} {turn}") for other in others for turn in range(3)}
    orders = {
        other.name: [other.hear() for _ in range(len(everything) - (0 if other.echoes else 3))] for other in others
    }
    whole = next(orders[other.name] for other in others if other.echoes)
    assert set(whole) == everything
    for other in others:
        mine = [said for said in whole if other.echoes or said[1] != other.name]
        assert orders[other.name] == mine, other.name
    nobody_hears_more(others)
