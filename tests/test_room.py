"""Talking, names and who is here: rows T1, T2, T4, T5, W1, N1, N2, N3, N9, over plain lines and JSON lines."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest

from tests.support import JsonClient, LineClient, PlainClient, Server

STAMP = r"\[\d\d:\d\d:\d\d\] "

Join = Callable[..., PlainClient]
JoinJson = Callable[..., JsonClient]
Connect = Callable[..., LineClient]


def said(name: str, text: str) -> re.Pattern[str]:
    """Return what a line looks like in which `name` says exactly `text`."""
    return re.compile(f"^{STAMP}{re.escape(f'{name} > {text}')}$")


def assert_only(client: PlainClient, author: PlainClient, mark: str = "the end") -> None:
    """Fail unless the next thing that `client` hears is `mark`, said now by `author`."""
    author.send_line(mark)
    assert said(author.name, mark).match(line := client.read_line()), line


# ---- T1


def test_t1_a_message_reaches_everyone_else_once_stamped_and_not_its_author(join_plain: Join) -> None:
    alice, bob, carol = (join_plain(name) for name in ("alice", "bob", "carol"))
    alice.wait_for("carol entered.")
    alice.send_line("hello all")
    for client in (bob, carol):
        client.wait_for(said("alice", "hello all"))
    bob.send_line("hi")
    assert said("bob", "hi").match(alice.read_line()), "alice got her own line back, or bob's twice"
    carol.wait_for(said("bob", "hi"))
    assert_only(bob, alice)


def test_t1_order_is_kept_and_is_the_same_for_everyone(join_plain: Join) -> None:
    speakers = [join_plain(f"speaker{number}") for number in range(4)]
    listeners = [join_plain("one"), join_plain("two")]
    for number in range(50):
        for speaker in speakers:
            speaker.send_line(f"{number:03}")
    wanted = {(speaker.name, f"{number:03}") for speaker in speakers for number in range(50)}
    transcripts = []
    for listener in listeners:
        heard: list[tuple[str, str]] = []
        while len(heard) < len(wanted):
            if " > " in (line := listener.read_line()):
                author, _, text = line.partition("] ")[2].partition(" > ")
                heard.append((author, text))
        transcripts.append(heard)
        assert set(heard) == wanted
        for speaker in speakers:
            assert [text for author, text in heard if author == speaker.name] == sorted({text for _, text in wanted})
    assert transcripts[0] == transcripts[1]


def test_t1_the_host_and_programs_hear_it_too(server: Server, join_plain: Join, join_json: JoinJson) -> None:
    alice, robot = join_plain("alice"), join_json("robot")
    alice.send_line("hello")
    heard = robot.wait_for("said")
    assert (heard["from"], heard["text"], heard["room"]) == ("alice", "hello", "lobby")
    server.wait_for(re.compile(f"{STAMP}alice > hello\n"))


def test_t1_a_program_gets_an_acknowledgement_in_place_of_its_own_message(join_json: JoinJson) -> None:
    robot, other = join_json("robot"), join_json("other")
    robot.wait_for("entered")
    answer = robot.request("say", text="hi")
    assert (answer["event"], answer["do"], answer["text"]) == ("accepted", "say", "hi")
    heard = other.wait_for("said")
    assert (heard["id"], heard["time"]) == (answer["id"], answer["time"])
    other.tell("say", text="mark")
    assert robot.read()["text"] == "mark"


# ---- T2


def test_t2_several_lines_in_one_packet_are_several_messages(join_plain: Join) -> None:
    alice, bob = join_plain("alice"), join_plain("bob")
    alice.send("one\ntwo\r\nthree\n")
    for text in ("one", "two", "three"):
        bob.wait_for(said("alice", text))


def test_t2_one_byte_at_a_time_is_the_same_session_as_one_packet(connect: Connect, join_plain: Join) -> None:
    """Login, text with two to four bytes a character, CRLF, a command: the transcript does not depend on the cuts."""
    bob = join_plain("bob")
    session = "zoë\r\nšüß 漢字 🎉\r\n/me waves\nlast\n".encode()
    transcripts = []
    for pieces in ([session], [bytes([byte]) for byte in session]):
        visitor = connect()
        for piece in pieces:
            visitor.send(piece)
        heard = [bob.wait_for("zoë entered.")[11:]]
        heard += [line[11:] for line in bob.lines(3)]
        visitor.close()
        heard.append(bob.wait_for("exited.")[11:])
        transcripts.append(heard)
    assert transcripts[0] == transcripts[1]
    assert transcripts[0][1:4] == ["zoë > šüß 漢字 🎉", "* zoë waves", "zoë > last"]


def test_t2_a_cut_between_cr_and_lf_makes_no_line_of_its_own(join_plain: Join) -> None:
    alice, bob = join_plain("alice"), join_plain("bob")
    alice.send("one\r")
    alice.send("\ntwo\n")
    bob.wait_for(said("alice", "one"))
    assert said("alice", "two").match(bob.read_line())


def test_t2_a_character_cut_by_the_packets_end_is_whole_again(join_plain: Join) -> None:
    alice, bob = join_plain("alice"), join_plain("bob")
    alice.send(b"caf\xc3")
    join_plain("carol")  # the server has been busy with others in between
    bob.wait_for("carol entered.")
    alice.send(b"\xa9\n")
    bob.wait_for(said("alice", "café"))


@pytest.mark.parametrize("bad", [b"\xc3\x28", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"a\x80b", b"\xc0\xaf"])
def test_t2_bad_utf8_harms_nobody(join_plain: Join, bad: bytes) -> None:
    """What broke the originals: bad UTF-8 ended the server."""
    alice, bob = join_plain("alice"), join_plain("bob")
    alice.wait_for("bob entered.")
    alice.send(bad + b" first\nsecond\n")
    assert "\ufffd" in bob.wait_for(" first")
    assert_only(alice, bob)
    bob.wait_for(said("alice", "second"))


def test_t2_telnet_negotiation_is_taken_out_and_declined(connect: Connect, join_plain: Join) -> None:
    bob = join_plain("bob")
    visitor = connect()
    visitor.send(b"\xff\xfb\x1f\xff\xfd\x03\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0alice\r\nhel\xff\xf1lo\r\n")
    bob.wait_for("alice entered.")
    bob.wait_for(said("alice", "hello"))
    visitor.read_until("&Host&bob&alice\n")
    bob.send_line("there")
    assert "bob > there" in visitor.read_until("there\n")


def test_t2_telnet_negotiation_cut_at_every_byte(connect: Connect, join_plain: Join) -> None:
    bob = join_plain("bob")
    visitor = connect()
    for byte in b"alice\r\nhel\xff\xfb\x1flo\xff\xfa\x18\x00x\xff\xf0!\r\n":
        visitor.send(bytes([byte]))
    bob.wait_for(said("alice", "hello!"))


def test_t2_blank_lines_say_nothing_and_poison_nothing(join_plain: Join) -> None:
    """What broke the originals: a blank line poisoned the room for every later speaker."""
    alice, bob = join_plain("alice"), join_plain("bob")
    alice.send("\n\r\n   \n\t\nhello\n")
    bob.wait_for("hello")
    assert_only(bob, alice)
    bob.send_line("hi")
    assert said("bob", "hi").match(alice.wait_for(" > ")), "a blank line is not answered"


def test_t2_a_name_glued_to_the_first_message(connect: Connect, join_plain: Join) -> None:
    """What broke the originals: no framing."""
    bob = join_plain("bob")
    connect().send("alice\nhello\nagain\n")
    bob.wait_for("alice entered.")
    assert said("alice", "hello").match(bob.read_line())
    assert said("alice", "again").match(bob.read_line())


@pytest.mark.parametrize("size", [4095, 4096])
def test_t2_a_line_up_to_the_limit_arrives_whole(join_plain: Join, size: int) -> None:
    alice, bob = join_plain("alice"), join_plain("bob")
    alice.send_line("x" * size)
    bob.wait_for(said("alice", "x" * size))


@pytest.mark.parametrize("size", [4097, 5000, 8192, 20_000, 5_000_000])
def test_t2_a_longer_line_is_refused_whole_by_a_sentence_and_the_next_one_works(join_plain: Join, size: int) -> None:
    """What broke the originals: 5,000 bytes became two messages."""
    alice, bob = join_plain("alice"), join_plain("bob")
    alice.wait_for("bob entered.")
    alice.send("x" * size + "\nnext\n")
    assert re.search(r"\[!\] A line has at most 4,?096 bytes", alice.read_line())
    bob.wait_for(" > ")
    assert_only(bob, alice)


# ---- T4, T5


def test_t4_me_tells_what_one_does_on_every_wire(server: Server, join_plain: Join, join_json: JoinJson) -> None:
    alice, bob, robot = join_plain("alice"), join_plain("bob"), join_json("robot")
    alice.send_line("/me waves")
    bob.wait_for(re.compile(f"^{STAMP}\\* alice waves$"))
    heard = robot.wait_for("acted")
    assert (heard["from"], heard["text"]) == ("alice", "waves")
    server.wait_for(re.compile(f"{STAMP}\\* alice waves\n"))
    robot.tell("me", text="beeps")
    alice.wait_for(re.compile(f"^{STAMP}\\* robot beeps$"))
    server.type("/me nods")
    alice.wait_for(re.compile(f"^{STAMP}\\* Host nods$"))


def test_t5_help_lists_explains_one_and_is_never_mixed_into_chat(join_plain: Join) -> None:
    alice, bob = join_plain("alice"), join_plain("bob")
    alice.wait_for("bob entered.")
    alice.send("/help\n/help me\n/HELP nothing\n")
    bob.send_line("[=] this is chat")
    answers = []
    while "There is no command" not in (line := alice.read_line()):
        answers.append(line)
    assert not any("/list_users" in line for line in answers), "guests are offered what they may use"
    helped = [line for line in answers if " > " not in line]
    assert all(re.match(f"{STAMP}\\[=\\] /", line) for line in helped)
    assert sum("/me text" in line for line in helped) == 2
    assert_only(bob, alice, "nothing of this was said")


def test_t5_an_unknown_command_is_answered_and_not_said(join_plain: Join) -> None:
    alice, bob = join_plain("alice"), join_plain("bob")
    alice.wait_for("bob entered.")
    alice.send_line("/wave at bob")
    assert re.match(f"{STAMP}\\[!\\] There is no command /wave", alice.read_line())
    assert_only(bob, alice)


def test_t5_a_guest_may_not_use_the_hosts_commands(join_plain: Join) -> None:
    alice, bob = join_plain("alice"), join_plain("bob")
    for line in ("/exit", "/LIST_USERS", "/reset bob"):
        alice.send_line(line)
        alice.wait_for("[!] Only the host")
    alice.send_line("/kick bob")
    alice.wait_for("[!] That is for those who run Lobby: who made it, and the host.")
    alice.send_line("KICK bob")
    assert said("alice", "KICK bob").match(bob.read_line()), "without a slash it is something said"


def test_t5_msg_reaches_those_named_and_tells_who_is_away(join_plain: Join) -> None:
    alice, bob, carol, dave = (join_plain(name) for name in ("alice", "bob", "carol", "dave"))
    alice.wait_for("dave entered.")
    alice.send_line("/msg BOB,carol,nobody psst")
    for client in (bob, carol):
        assert client.wait_for("psst").endswith("alice -> bob,carol: psst")
    answer = alice.wait_for("[=] Sent to")
    assert answer.endswith("Sent to bob, carol. Not here: nobody.")
    assert_only(dave, alice)


# ---- W1


def test_w1_the_newcomer_sees_who_is_here_in_order_of_arrival(join_plain: Join, join_json: JoinJson) -> None:
    assert join_plain("zoe").users == ["Host", "zoe"]
    assert join_plain("adam").users == ["Host", "zoe", "adam"]
    welcome = join_json("robot").welcome
    assert (welcome["users"], welcome["count"]) == (["Host", "zoe", "adam", "robot"], 4)


def test_w1_the_count_is_of_people_not_of_sockets(connect: Connect, join_json: JoinJson, join_plain: Join) -> None:
    """What broke the originals: the counter counted sockets."""
    silent = [connect() for _ in range(5)]
    robot = join_json("robot")
    assert robot.welcome["count"] == 2
    bob = join_plain("bob")
    assert robot.wait_for("entered")["count"] == 3
    silent[0].close()
    bob.close()
    assert robot.wait_for("left")["count"] == 2
    assert [user["name"] for user in robot.request("users")["users"]] == ["Host", "robot"]


def test_w1_the_count_is_right_after_every_leave(join_json: JoinJson, join_plain: Join) -> None:
    robot = join_json("robot")
    guests = [join_plain(f"guest{number}") for number in range(6)]
    for index, leave in enumerate(("close", "reset", "quit") * 2):
        guest = guests[index]
        guest.send_line("/quit") if leave == "quit" else getattr(guest, leave)()
        left = robot.wait_for("left")
        assert (left["name"], left["count"]) == (guest.name, 7 - index)


def test_w1_users_and_whoelse(join_plain: Join) -> None:
    alice, _bob = join_plain("alice"), join_plain("bob")
    alice.send_line("/users")
    alice.wait_for("3 in lobby:")
    assert [re.sub(r"\d\d:\d\d:\d\d", "T", line) for line in alice.lines(3)] == [
        f"[T] [=] {name} T lobby" for name in ("Host", "alice", "bob")
    ]
    alice.send_line("/whoelse")
    alice.wait_for("2 in lobby:")
    assert [line.split()[2] for line in alice.lines(2)] == ["Host", "bob"]


# ---- N1, N2, N3


@pytest.mark.parametrize("name", ["alice", "ALICE", "Alice", "host", "HOST", "ａｌｉｃｅ"])
def test_n1_a_taken_name_gets_not_unique_and_another_try(connect: Connect, join_plain: Join, name: str) -> None:
    """N1: compared without case and width; the holder is not disturbed."""
    alice = join_plain("alice")
    visitor = connect()
    visitor.send_line(name)
    assert visitor.read_line() == "NOT_UNIQUE"
    visitor.send_line("alicia")
    visitor.wait_for("OK")
    assert visitor.read_line() == "&Host&alice&alicia"
    assert alice.read_line().endswith("alicia entered."), "the holder heard of the first try"
    visitor.send_line("hello")
    alice.wait_for(said("alicia", "hello"))


def test_n1_a_program_hears_that_a_name_is_taken(join_plain: Join, join_json: JoinJson) -> None:
    join_plain("alice")
    robot = join_json("")
    assert robot.request("login", name="ALICE")["code"] == "name_taken"
    assert robot.request("login", name="robot")["event"] == "welcome"


def test_n1_a_name_is_free_again_when_its_holder_leaves(join_plain: Join, connect: Connect) -> None:
    watcher, alice = join_plain("watcher"), join_plain("alice")
    alice.reset()
    watcher.wait_for("alice exited.")
    assert join_plain("alice").users == ["Host", "watcher", "alice"]


def test_n1_logging_in_twice_on_one_connection_is_refused(join_json: JoinJson) -> None:
    """What broke the originals: a second ADD stole the name."""
    robot, other = join_json("robot"), join_json("other")
    assert robot.request("login", name="other")["code"] == "logged_in"
    assert robot.request("say", text="still me")["event"] == "accepted"
    assert other.wait_for("said")["from"] == "robot"


@pytest.mark.parametrize(
    "name",
    [
        "two words", "tab\tname", "bell\x07", "esc\x1b[31m", "nul\0", "rtl\u202ename", "zero\u200bwidth", "a&b",
        "x" * 1000,
        "аlice", "Ноst", "H0st", "аdmin\u2066",
    ],
)  # fmt: skip
def test_n2_a_bad_or_deceptive_name_is_refused_with_the_reason(connect: Connect, join_plain: Join, name: str) -> None:
    alice = join_plain("alice")
    visitor = connect()
    visitor.send_line(name)
    answer = visitor.read_line()
    answer = visitor.read_line() if answer == "NOT_UNIQUE" else answer
    assert re.match(f"{STAMP}\\[!\\] .{{10,}}", answer), answer
    assert len(answer) < 400
    visitor.send_line("bob")
    visitor.wait_for("OK")
    assert alice.read_line().endswith("bob entered.")


@pytest.mark.parametrize("name", ["x", "Zoë", "李雷", "Ольга", "محمد", "O'Neill", "x-men", "Spider-Man", "a" * 20])
def test_n2_honest_names_are_accepted(join_plain: Join, name: str) -> None:
    assert join_plain(name).users == ["Host", name]


def test_n3_nick_changes_the_name_and_others_are_told(server: Server, join_plain: Join, join_json: JoinJson) -> None:
    alice, bob, robot = join_plain("alice"), join_plain("bob"), join_json("robot")
    bob.wait_for("robot entered.")
    alice.send_line("/nick Alicia")
    assert bob.read_line().endswith("[*] alice is now Alicia.")
    renamed = robot.wait_for("renamed")
    assert (renamed["old"], renamed["new"]) == ("alice", "Alicia")
    server.wait_for("[*] alice is now Alicia.\nUSERS: [Host,Alicia,bob,robot]\n")
    alice.wait_for("alice is now Alicia.")
    alice.send_line("it is me")
    bob.wait_for(said("Alicia", "it is me"))
    assert join_plain("alice").name == "alice", "the old name is free"


@pytest.mark.parametrize("name", ["bob", "BOB", "Host", "two words", "bоb", ""])
def test_n3_a_taken_or_bad_new_name_is_refused(join_plain: Join, name: str) -> None:
    alice, bob = join_plain("alice"), join_plain("bob")
    alice.wait_for("bob entered.")
    alice.send_line(f"/nick {name}")
    assert "[!]" in alice.read_line()
    assert_only(bob, alice)


def test_n3_one_may_change_the_case_of_ones_own_name(join_plain: Join) -> None:
    alice, bob = join_plain("alice"), join_plain("bob")
    alice.send_line("/nick ALICE")
    bob.wait_for("alice is now ALICE.")


# ---- N9


def test_n9_who_has_not_logged_in_hears_nothing_and_is_not_announced(
    server: Server, connect: Connect, join_plain: Join, join_json: JoinJson
) -> None:
    """What broke the originals: people not logged in read everything."""
    silent, json_visitor, asked = connect(), join_json(""), connect()
    json_visitor.tell("ping")
    json_visitor.wait_for("pong")
    asked.read_until("What is your name?")
    alice, bob = join_plain("alice"), join_plain("bob")
    alice.send_line("a secret")
    bob.wait_for(said("alice", "a secret"))
    server.type("/say from the host")
    bob.wait_for(said("Host", "from the host"))
    for verb in ("say", "users", "whoelse", "msg", "nick", "help", "me"):
        assert json_visitor.request(verb, text="x", to="alice", name="x")["code"] == "not_logged_in"
    asked.send_line("/users")
    asked.read_until("Please log in with a name first.")
    asked.read_until("What is your name?\n")
    silent.send_line("carol")
    heard = silent.read_until("&Host&alice&bob&carol\n")
    assert "secret" not in heard and "host" not in heard.lower().replace("&host", "")
    assert (json_visitor.pending, asked.pending) == (b"", b"")
    assert bob.read_line().endswith("carol entered."), "nobody else was announced"


# ---- the plain wire's beginnings


def test_a_login_without_a_newline_counts_after_half_a_second(connect: Connect, join_plain: Join) -> None:
    """wires.md: the oldest clients send the name without a newline."""
    bob = join_plain("bob")
    visitor = connect()
    began = time.monotonic()
    visitor.send("alice")
    visitor.wait_for("OK")
    assert time.monotonic() - began >= 0.4
    visitor.read_until("&Host&bob&alice\n")
    bob.wait_for("alice entered.")
    visitor.send("hello\n")
    bob.wait_for(said("alice", "hello"))


def test_a_taken_name_without_a_newline_and_then_another(connect: Connect, join_plain: Join) -> None:
    join_plain("alice")
    visitor = connect()
    visitor.send("alice")
    visitor.read_until("NOT_UNIQUE\n")
    visitor.send("alicia")
    visitor.read_until("OK\n&Host&alice&alicia\n")


def test_x5_who_says_nothing_is_asked_and_welcomed_in_words(connect: Connect) -> None:
    visitor = connect()
    visitor.read_until("What is your name?")
    visitor.send("ali")
    visitor.send("ce")
    time.sleep(0.7)  # longer than the pause that ends a name: a person who types in a raw terminal is not cut off
    visitor.send("\r\n")
    visitor.read_until("&Host&alice\n")
    visitor.read_until("Welcome, alice.")


def test_quit_says_goodbye_and_others_see_the_reason(server: Server, join_plain: Join, join_json: JoinJson) -> None:
    alice, bob, robot = join_plain("alice"), join_plain("bob"), join_json("robot")
    alice.send("/quit lunch\nthis does not count\n")
    assert "[.] Goodbye." in alice.read_to_end()
    assert bob.wait_for("alice").endswith("[*] alice exited. (lunch)")
    assert robot.wait_for("left")["reason"] == "lunch"
    server.wait_for("alice is off line: said goodbye.")
    robot.tell("quit")
    assert robot.wait_for("goodbye")["code"] == "quit"
    assert robot.read_to_end() == ""
    bob.send_line("/whoelse")
    bob.wait_for("1 in lobby:")


def test_quit_before_the_login_closes_with_a_goodbye(connect: Connect, join_json: JoinJson) -> None:
    robot = join_json("")
    robot.tell("quit")
    assert robot.wait_for("goodbye")["code"] == "quit"
    assert robot.read_to_end() == ""
    visitor = connect()
    visitor.send_line("/quit")
    assert "Goodbye." in visitor.read_to_end()
