"""IRC (X1) through the real socket: what modern.ircdocs.horse and IRCv3 say, a sentence a test. No copy of irctest."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.foreign import UdpClient
from tests.gauges import cpu_seconds
from tests.irc_client import IrcClient, code
from tests.support import ROOT, JsonClient, LineClient, PlainClient, Server, free_port
from tests.tls import issue

Irc = Callable[..., IrcClient]
JoinJson = Callable[..., JsonClient]
SECRET = "correct horse battery"
OPTIONS = (
    "--operator",
    "root: sesame open",
    "--room",
    "Weather: Talk about the weather",
    "--server-name",
    "chat.example.org",
)


@pytest.fixture
def server(start_server: Callable[..., Server], tmp_path: Path) -> Server:
    return start_server("--data", tmp_path, *OPTIONS)


@pytest.fixture
def irc(server: Server) -> Iterator[Irc]:
    """`irc("ann", "batch", lobby=True)`: someone on IRC; closed after the test."""
    opened: list[IrcClient] = []

    def visit(nick: str = "", caps: str = "", where: Server = server, *, lobby: bool = False) -> IrcClient:
        opened.append(IrcClient(where, nick, caps, lobby=lobby))
        return opened[-1]

    yield visit
    for client in opened:
        client.close()


@pytest.fixture
def registered(server: Server, join_json: JoinJson) -> None:
    """The name ann is registered, and she has left."""
    ann = join_json("ann")
    assert ann.request("register", password=SECRET)["event"] == "told"
    ann.tell("quit")
    ann.read_to_end()


# ---- registration


def test_the_welcome_is_complete_and_in_order(irc: Irc) -> None:
    """Upon completion of registration the server MUST send 001 to 005, LUSERS and the MOTD, in this order."""
    ann = irc("ann")
    codes = [code(line) for line in ann.welcome]
    assert codes[:5] == ["001", "002", "003", "004", "005"]
    assert next(number for number in codes if number.startswith("25")) == "251"
    assert codes[-1] in ("376", "422")
    assert all(line.split(" ")[2] == "ann" for line in ann.welcome)
    assert all(line.endswith(":are supported by this server") for line in ann.welcome if " 005 " in line)


def test_what_isupport_promises_holds(irc: Irc) -> None:
    ann = irc("ann")
    tokens = dict(token.partition("=")[::2] for line in ann.welcome if " 005 " in line for token in line.split(" ")[3:])
    assert ann.answer("NICK " + "x" * (int(tokens["NICKLEN"]) + 1))[0].split(" ")[1] == "432"
    assert "NICK" in ann.answer("NICK " + "x" * int(tokens["NICKLEN"]))[0]
    assert tokens["CASEMAPPING"] == "ascii" and tokens["CHANTYPES"] == "#"
    assert {"UTF8ONLY", "WHOX", "MONITOR", "CHATHISTORY", "MSGREFTYPES"} <= tokens.keys()


def test_nothing_but_registration_is_answered_before_it(irc: Irc) -> None:
    visitor = irc()
    answers = visitor.answer("PASS x", "JOIN #lobby", "PRIVMSG #lobby :x", "WHO *", "NOSUCH", "NICK", "USER x", "PASS")
    assert [code(line) for line in answers] == ["451", "451", "451", "421", "431", "461", "461"]


def test_registration_waits_for_cap_end(irc: Irc) -> None:
    """The server MUST NOT complete registration while capability negotiation goes on."""
    visitor = irc()
    assert [code(line) for line in visitor.answer("CAP LS 302", "NICK ann", "USER a 0 * :A")] == ["CAP"]
    assert code(visitor.answer("CAP END")[0]) == "001"
    assert [code(line) for line in visitor.answer("USER a 0 * :A", "PASS x")] == ["462", "462"]


def test_capabilities_are_all_taken_or_none(irc: Irc) -> None:
    """If one capability of a REQ is not known the server MUST reply NAK and change nothing."""
    visitor = irc()
    offered = visitor.answer("CAP LS 302")[0]
    for (
        name
    ) in """message-tags server-time echo-message labeled-response batch standard-replies multi-prefix away-notify
                   account-notify account-tag extended-join setname userhost-in-names chghost invite-notify cap-notify
                   sasl=PLAIN draft/chathistory draft/multiline=""".split():
        assert name in offered
    assert "NAK :batch nonsense" in visitor.answer("CAP REQ :batch nonsense")[0]
    assert "ACK :batch -setname" in visitor.answer("CAP REQ :batch -setname")[0]
    listed = visitor.answer("CAP LIST")[0]
    assert "batch" in listed and "nonsense" not in listed
    assert code(visitor.answer("CAP NONSENSE")[0]) == "410"


def test_a_taken_nick_is_433_and_a_bad_one_432(irc: Irc) -> None:
    irc("ann")
    visitor = irc()
    answers = visitor.answer("USER a 0 * :A", "NICK ANN", "NICK Host", "NICK :a b", "NICK #a", "NICK \u202ex")
    assert [code(line) for line in answers] == ["433", "433", "432", "432", "432"]
    visitor.close()
    visitor = irc()
    visitor.register("bob")


def test_the_password_of_the_room(irc: Irc, start_server: Callable[..., Server]) -> None:
    """With --password, PASS gives it; a wrong one, or none, is 464 and the end."""
    server = start_server("--password", "swordfish")
    for wrong in ("", "PASS shark"):
        visitor = irc("", "", server)
        visitor.tell(*([wrong] if wrong else []), "NICK eve", "USER e 0 * :E")
        rest = visitor.read_to_end()
        assert " 464 " in rest and "ERROR :" in rest and " 001 " not in rest
    visitor = irc("", "", server)
    visitor.tell("PASS swordfish")
    visitor.register("ann")


# ---- accounts


def test_sasl_plain_logs_in(irc: Irc, registered: None) -> None:
    ann = irc()
    ann.tell("CAP LS 302", "CAP REQ :sasl", "NICK ann", "USER a 0 * :A")
    ann.sasl("ann", "wrong")
    assert " 904 " in ann.wait_for(re.compile(r" 90[0-9] "))
    ann.sasl("ann", SECRET)
    assert " 900 ann " in ann.wait_for(" 900 ")
    assert " 903 ann " in ann.read_line()
    ann.tell("CAP END")
    ann.until(" 001 ")
    assert any("is logged in as" in line for line in ann.answer("WHOIS ann"))


def test_sasl_that_is_broken_off_or_too_long(irc: Irc) -> None:
    ann = irc()
    ann.tell("CAP REQ :sasl")
    assert [code(line) for line in ann.answer("AUTHENTICATE EXTERNAL")][1:] == ["908", "904"]
    assert [code(line) for line in ann.answer("AUTHENTICATE PLAIN", "AUTHENTICATE *")] == ["AUTHENTICATE", "906"]
    assert code(ann.answer("AUTHENTICATE PLAIN", "AUTHENTICATE " + "A" * 401)[-1]) == "905"
    assert code(ann.answer("AUTHENTICATE PLAIN", "AUTHENTICATE ====")[-1]) == "904"


def test_a_registered_nick_needs_its_password(irc: Irc, registered: None) -> None:
    eve, ann = irc(), irc()
    eve.tell("PASS wrong", "NICK ann", "USER e 0 * :E")
    assert " 464 " in eve.read_to_end()
    ann.tell(f"PASS :{SECRET}")
    ann.register("ann")


def test_nickserv_registers_and_a_plain_client_needs_the_password(irc: Irc, connect: Callable[..., LineClient]) -> None:
    ann = irc("ann")
    ann.tell("PRIVMSG NickServ :REGISTER sesame-open")
    ann.wait_for("NickServ!")
    ann.tell("QUIT")
    ann.read_to_end()
    person = connect()
    person.send_line("ann")
    assert person.read_line() == "Password for ann?"


# ---- what others say of themselves


@pytest.mark.parametrize(
    "ident", ["x KICK #lobby bob :ha", "x@chat.server\n:Host QUIT :", "!@ \r\n", "\U00010330" * 100]
)
def test_what_a_program_says_of_itself_forges_nothing(irc: Irc, server: Server, ident: str) -> None:
    """Between the ! and the @ of a source stand only what a user name may hold, and 20 characters of it."""
    bob, name = irc("bob", lobby=True), "\U00010330" * 32
    with JsonClient(server) as eve:
        assert eve.request("login", name=name, ident=ident)["event"] == "welcome"
        eve.tell("say", text="hello")
        coming, talk = bob.read_line(), bob.read_line()
    source = rf":{name}!~[A-Za-z0-9._-]{{1,20}}@[0-9a-z.]+"
    assert re.fullmatch(rf"{source} JOIN #lobby", coming) and re.fullmatch(rf"{source} PRIVMSG #lobby :hello", talk)


def test_names_that_leave_a_line_no_room_stop_nobody(start_server: Callable[..., Server], irc: Irc) -> None:
    """`name = 128` of letters of four bytes: more than a line of IRC holds, and twice of it than a datagram."""
    server = start_server("--name", 128)
    bob = irc("bob", "", server, lobby=True)
    with JsonClient(server, "\U00010330" * 128) as eve, closing(UdpClient(server, "udo")):
        eve.tell("say", text="hello " * 100)
        bob.wait_for("JOIN #lobby")
        bob.wait_for("PRIVMSG #lobby :hello")
        eve.tell("me", text="waves " * 100)
        bob.wait_for("ACTION waves")
        bob.answer()


def test_no_reason_of_a_program_is_longer_than_a_line(irc: Irc, server: Server) -> None:
    """RFC 1459 section 2.3: messages "shall not exceed 512 characters in length", CR LF included."""
    bob = irc("bob", "message-tags draft/message-redaction away-notify invite-notify", lobby=True)
    long = "\u20ac" * 5_000
    with JsonClient(server, "eve") as eve:
        eve.request("join", room="den")
        eve.tell("topic", text=long)
        bob.join("#den")
        eve.tell("away", reason=long)
        eve.tell("tag", query=long, room="den")
        number = eve.request("say", text="oops", room="den")["id"]
        eve.tell("remove", id=f"{number}", reason=long)
        eve.tell("kick", name="bob", reason=long)
        eve.tell("quit", reason=long)
        for line in bob.until(" QUIT "):
            body = line.partition(" ")[2] if line.startswith("@") else line
            assert len(body.encode()) <= 510


def test_who_tells_addresses_to_operators_alone(irc: Irc) -> None:
    ann = irc("ann")
    irc("bob")
    assert ann.answer("WHO bob %in")[0].split(" ")[3:] == ["255.255.255.255", "bob"]
    assert "127.0.0.1" not in str(ann.answer("WHOIS bob"))
    ann.answer("OPER root :sesame open")
    assert ann.answer("WHO bob %in")[0].split(" ")[3:] == ["127.0.0.1", "bob"]
    assert "127.0.0.1" in str(ann.answer("WHOIS bob"))


def test_who_finds_the_invisible_only_in_rooms_of_ones_own(irc: Irc) -> None:
    ann, bob = irc("ann"), irc("bob")
    bob.answer("MODE bob +i")
    assert [code(line) for line in ann.answer("WHO bo*")] == ["315"]
    bob.join("#den")
    ann.join("#den")
    assert [code(line) for line in ann.answer("WHO bo*")] == ["352", "315"]


def test_names_of_a_room_show_the_invisible_to_its_members(irc: Irc) -> None:
    ann, bob = irc("ann"), irc("bob")
    bob.answer("MODE bob +i")
    bob.join("#den")
    assert [code(line) for line in ann.answer("NAMES #den")] == ["366"]
    ann.join("#den")
    assert sorted(ann.answer("NAMES #den")[0].rpartition(":")[2].split()) == ["@bob", "ann"]


def test_a_secret_room_tells_strangers_nothing(irc: Irc) -> None:
    ann, bob = irc("ann"), irc("bob")
    bob.join("#den")
    bob.answer("MODE #den +s", "TOPIC #den :bears")
    assert "#den" not in str(ann.answer("LIST", "WHOIS bob"))
    assert not {"332", "353", "352"} & {code(line) for line in ann.answer("TOPIC #den", "NAMES #den", "WHO #den")}


def test_history_is_for_those_who_are_in_the_room(irc: Irc) -> None:
    ann, bob = irc("ann", "batch draft/chathistory"), irc("bob")
    bob.join("#den")
    bob.answer("PRIVMSG #den :among us")
    refused = ann.answer("CHATHISTORY LATEST #den * 10")
    assert "CHATHISTORY INVALID_TARGET LATEST #den" in refused[0] and len(refused) == 1
    ann.join("#den")
    assert "among us" in str(ann.answer("CHATHISTORY LATEST #den * 10"))


def test_one_line_goes_to_so_many_at_most(irc: Irc) -> None:
    """TARGMAX=PRIVMSG:20: each further one is answered by ERR_TOOMANYTARGETS."""
    nicks = ",".join(f"nobody{number}" for number in range(22))
    assert [code(line) for line in irc("ann").answer(f"PRIVMSG {nicks} :x")] == ["401"] * 20 + ["407"] * 2


def test_an_answer_for_sasl_has_an_end(irc: Irc) -> None:
    """What comes in pieces of 400 bytes is not gathered for ever (ERR_SASLTOOLONG)."""
    ann = irc()
    ann.tell("CAP REQ :sasl", "AUTHENTICATE PLAIN")
    ann.wait_for("AUTHENTICATE +")
    ann.tell(*[f"AUTHENTICATE {'A' * 400}"] * 21)
    assert " 905 " in ann.wait_for(" 905 ")


def test_lists_go_on_in_the_next_line(irc: Irc) -> None:
    """Of names as long as they may be, in letters of three bytes, and of rooms."""
    ann = irc("ann")
    names = ["ⴰ" * 30 + letter for letter in "ⴱⴳⴷⴹⴻⴼⴽⵀⵃⵄ"]
    rooms = ["#" + "ⴰ" * 30 + letter for letter in "ⴱⴳⴷⴹⴻⴼ"]
    for number in range(0, 10, 5):
        ann.answer(f"MONITOR + {','.join(names[number : number + 5])}")
    for room in rooms:
        ann.join(room)
    offline = [line for line in ann.answer("MONITOR S") if code(line) == "731"]
    assert ",".join(line.split(" ")[-1].lstrip(":") for line in offline).split(",") == names
    shown = [line for line in ann.answer("WHOIS ann") if code(line) == "319"]
    assert re.findall("#[ⴰ-ⵧ]+", " ".join(shown)) == rooms
    assert all(len(line.encode()) <= 510 for line in offline + shown) and len(offline) > 1 < len(shown)


# ---- rooms


def test_join_shows_the_topic_and_the_names(irc: Irc) -> None:
    """JOIN, then RPL_TOPIC if there is one, then RPL_NAMREPLY and RPL_ENDOFNAMES."""
    ann = irc("ann")
    lines = ann.join("#WEATHER")
    assert [code(line) for line in lines] == ["JOIN", "332", "353", "366"]
    assert lines[1].endswith(":Talk about the weather")
    assert lines[2].endswith(":Host ann")


def test_the_end_of_the_names_of_many_rooms_says_which(irc: Irc) -> None:
    """RPL_ENDOFNAMES carries what was asked for: a client finds its question by it."""
    rooms = ",".join(f"#room{number}" for number in range(12))
    assert irc("ann").answer(f"NAMES {rooms}")[-1].split()[:4][1:] == ["366", "ann", rooms]


def test_who_makes_a_room_runs_it_and_others_do_not(irc: Irc) -> None:
    """Whoever is alone in a room he created may set its topic and remove people."""
    ann, bob = irc("ann"), irc("bob")
    assert ann.join("#den")[1].endswith(":@ann")
    bob.join("#den")
    assert [code(line) for line in bob.answer("TOPIC #den :mine", "KICK #den ann", "MODE #den +m")] == ["482"] * 3
    ann.tell("MODE #den +t", "TOPIC #den :Foxes")
    assert re.search(r" TOPIC #den :?Foxes$", bob.wait_for("TOPIC"))
    ann.answer("KICK #den bob :enough")
    assert bob.wait_for("KICK").endswith("KICK #den bob enough")
    assert [code(line) for line in bob.answer("PRIVMSG #den :x", "PART #den")] == ["404", "442"]


def test_the_key_of_a_room_is_shown_to_those_who_are_in_it(irc: Irc) -> None:
    ann, bob = irc("ann"), irc("bob")
    ann.join("#den")
    ann.answer("MODE #den +k secret")
    assert bob.answer("MODE #den")[0].endswith(" 324 bob #den +ntk *")
    assert ann.answer("MODE #den")[0].endswith(" 324 ann #den +ntk secret")


def test_who_may_not_rule_is_told_so_and_who_may_why_not(irc: Irc) -> None:
    ann = irc("ann")
    assert code(ann.answer("BAN bob 10m")[0]) == "481"
    ann.answer("OPER root :sesame open")
    assert "NOTICE ann :" in (said := ann.answer("UNBAN nobody")[0]) and "nobody" in said


def test_modes_of_a_room_shut_it(irc: Irc) -> None:
    ann, bob = irc("ann"), irc("bob")
    ann.join("#den")
    for mode, refused in (("+i", "473"), ("+k secret", "475"), ("+l 1", "471"), ("+b bob!*@*", "474")):
        letter, value = mode[1], mode[3:]
        ann.answer(f"MODE #den {mode}")
        assert code(bob.answer("JOIN #den")[0]) == refused
        ann.answer(f"MODE #den -{letter} {value.upper() if letter == 'b' else value}".rstrip())
    ann.answer("MODE #den +k secret", "MODE #den +m")
    bob.join("#den", "secret")
    assert code(bob.answer("PRIVMSG #den :x")[0]) == "404"
    ann.answer("MODE #den +v bob")
    assert [line for line in bob.answer("PRIVMSG #den :x") if code(line) == "404"] == []
    assert code(ann.answer("MODE #den +Z")[-1]) == "472"


def test_list_names_and_who(irc: Irc) -> None:
    ann = irc("ann", lobby=True)
    assert " 352 ann #lobby Host chat chat.example.org Host H* :0 the host" in "\n".join(ann.answer("WHO #lobby"))
    assert [code(line) for line in ann.answer("LIST")] == ["321", "322", "322", "323"]
    assert any("#weather 1 :Talk about the weather" in line for line in ann.answer("LIST"))
    assert re.search(r" 352 ann #lobby ~me \S+ chat.example.org ann H :0 Some One", "\n".join(ann.answer("WHO #lobby")))
    assert " 354 ann 42 ann" in "\n".join(ann.answer("WHO ann %tn,42"))
    assert [code(line) for line in ann.answer("WHOIS nobody", "WHOWAS nobody")] == ["401", "318", "406", "369"]


# ---- talk


def test_a_message_to_several_and_to_nobody(irc: Irc) -> None:
    ann, bob = irc("ann", lobby=True), irc("bob")
    assert code(ann.answer("PRIVMSG bob,#lobby,nobody :hi")[-1]) == "401"
    assert bob.read_line().endswith(" PRIVMSG bob :hi")
    assert [code(line) for line in ann.answer("PRIVMSG", "PRIVMSG bob", "PRIVMSG #nowhere :x")] == ["411", "412", "403"]
    assert ann.answer("NOTICE nobody :x") == [], "a NOTICE is never answered"


def test_a_long_text_comes_in_lines_of_512_bytes_and_whole(irc: Irc, join_json: JoinJson) -> None:
    ann, bob = irc("ann", lobby=True), join_json("bob")
    text = "Grüße 👩\u200d🔬 e\u0301! " * 100
    bob.request("say", text=text)
    heard = ""
    while len(heard) < len(text):
        line = ann.wait_for("PRIVMSG #lobby :")
        assert len(line.encode()) <= 510
        part = line.partition(" :")[2]
        assert not part.startswith(("\u0301", "\u200d"))
        heard += part
    assert heard == text


def test_ctcp_goes_between_irc_clients_and_nobody_else_sees_it(
    irc: Irc, join_plain: Callable[..., PlainClient], join_json: JoinJson
) -> None:
    ann, bob = irc("ann", lobby=True), irc("bob", lobby=True)
    plain, robot = join_plain("plain"), join_json("robot")
    ann.wait_for("robot")
    plain.wait_for("robot entered.")
    ann.tell(
        "PRIVMSG #lobby :\1VERSION\1", "PRIVMSG bob :\1PING 123\1", "PRIVMSG plain :\1PING 1\1", "PRIVMSG #lobby :end"
    )
    assert bob.wait_for("VERSION").endswith(" PRIVMSG #lobby :\1VERSION\1")
    assert bob.wait_for("PING").endswith(" PRIVMSG bob :\1PING 123\1")
    bob.tell("NOTICE ann :\1PING 123\1")
    assert ann.wait_for("NOTICE ann").endswith(" NOTICE ann :\1PING 123\1")
    assert plain.read_line().endswith("ann > end")
    assert robot.read()["text"] == "end"


def test_actions_are_one_event_on_all_wires(irc: Irc, join_plain: Callable[..., PlainClient]) -> None:
    """Row T4: `/me waves` shows as `* ann waves`, wherever it was typed."""
    ann, bob = irc("ann", lobby=True), join_plain("bob")
    ann.tell("PRIVMSG #lobby :\1ACTION waves\1")
    assert bob.read_line().endswith("] * ann waves")
    bob.send_line("/me nods")
    assert ann.wait_for("ACTION").endswith("PRIVMSG #lobby :\1ACTION nods\1")


def test_an_action_in_private_stays_one(irc: Irc, join_plain: Callable[..., PlainClient]) -> None:
    ann, bob, cat = irc("ann"), irc("bob"), join_plain("cat")
    ann.tell("PRIVMSG bob,cat :\1ACTION waves\1")
    assert bob.wait_for("PRIVMSG").endswith("PRIVMSG bob :\1ACTION waves\1")
    assert cat.read_line().endswith("] ann -> cat: * ann waves")


def test_of_colours_nothing_is_left(irc: Irc, join_plain: Callable[..., PlainClient]) -> None:
    """Colours are digits behind a control character (modern.ircdocs.horse/formatting): both go."""
    ann, bob = irc("ann", lobby=True), join_plain("bob")
    ann.tell("PRIVMSG #lobby :\x02bold\x0f \x0304,12red\x03 7 \x04ff0000,00ff00hex\x04 \x1d\x1f\x1e\x11\x16end")
    assert bob.read_line().endswith("] ann > bold red 7 hex end")


def test_a_room_whose_name_nobody_can_type_is_no_room(irc: Irc) -> None:
    ann = irc("ann", lobby=True)
    assert ann.answer("JOIN #den\x07") == [":chat.example.org 403 ann #den :No such channel"]


def test_an_account_is_made_before_what_follows_is_answered(irc: Irc) -> None:
    ann = irc("ann")
    assert ann.answer(f"REGISTER * * :{SECRET}")[-1].startswith(":chat.example.org REGISTER SUCCESS ann ")
    assert code(ann.answer("OPER root :sesame open")[0]) == "381"


def test_away_is_told_to_who_writes(irc: Irc) -> None:
    ann, bob = irc("ann", "away-notify", lobby=True), irc("bob", lobby=True)
    ann.wait_for("bob")
    assert code(bob.answer("AWAY :lunch")[0]) == "306"
    assert ann.wait_for("AWAY").endswith("AWAY lunch")
    assert ann.answer("PRIVMSG bob :hi")[0].endswith(" 301 ann bob lunch")
    assert code(bob.answer("AWAY")[-1]) == "305"


def test_monitor_tells_when_someone_comes_and_goes(irc: Irc) -> None:
    ann = irc("ann")
    assert code(ann.answer("MONITOR + bob")[0]) == "731"
    bob = irc("bob")
    assert re.search(r" 730 ann :?bob!", ann.wait_for(" 730 "))
    bob.close()
    assert "bob" in ann.wait_for(" 731 ")
    assert "bob" in ann.answer("MONITOR L")[0]


# ---- IRCv3


def test_a_label_marks_its_answer(irc: Irc) -> None:
    """One line carries the label; several are a batch of type labeled-response; none is ACK."""
    ann = irc("ann", "labeled-response batch echo-message message-tags", lobby=True)
    ann.tell("@label=a PING x")
    assert re.fullmatch(r"@label=a \S+ PONG \S+ x", ann.read_line())
    assert re.fullmatch(r"@label=b (:\S+ )?ACK", ann.answer("@label=b PONG x")[0])
    lines = ann.answer("@label=c WHOIS ann")
    batch = re.fullmatch(r"@label=c (?::\S+ )?BATCH \+(\S+) labeled-response", lines[0])
    assert batch and lines[-1].endswith(f"BATCH -{batch[1]}")
    assert all(f"batch={batch[1]}" in line for line in lines[1:-1])
    echo = ann.answer("@label=d PRIVMSG #lobby :hi")
    assert len(echo) == 1 and "label=d" in echo[0] and echo[0].endswith("PRIVMSG #lobby :hi")


def test_history_by_request(irc: Irc, join_json: JoinJson) -> None:
    bob = join_json("bob")
    ids = [bob.request("say", text=f"line {number}")["id"] for number in range(5)]
    ann = irc("ann", "draft/chathistory batch message-tags server-time")
    ann.join("#lobby")

    def asked(words: str) -> list[str]:
        lines = ann.answer(f"CHATHISTORY {words}")
        assert "chathistory #lobby" in lines[0] and " BATCH -" in f" {lines[-1]}"
        return [line.rpartition(":")[2].rpartition(" ")[2] for line in lines[1:-1]]

    assert asked("LATEST #lobby * 2") == ["3", "4"]
    assert asked(f"BEFORE #lobby msgid={ids[2]} 10") == ["0", "1"]
    assert asked(f"AFTER #lobby msgid={ids[2]} 10") == ["3", "4"]
    assert asked(f"BETWEEN #lobby msgid={ids[0]} msgid={ids[4]} 2") == ["1", "2"]
    assert "Messages could not be retrieved" in ann.answer("CHATHISTORY LATEST #nowhere * 5")[0]


def test_several_lines_are_one_message(irc: Irc, join_json: JoinJson) -> None:
    ann, bob = irc("ann", "draft/multiline batch message-tags", lobby=True), join_json("bob")
    ann.wait_for("bob")
    ann.tell("BATCH +1 draft/multiline #lobby", "@batch=1 PRIVMSG #lobby :one", "@batch=1 PRIVMSG #lobby :tw",
             "@batch=1;draft/multiline-concat PRIVMSG #lobby :o", "BATCH -1")  # fmt: skip
    assert bob.wait_for("said")["text"] == "one\ntwo"
    bob.tell("say", text="three\nfour")
    opened = re.search(r" BATCH \+(\S+) draft/multiline #lobby$", ann.wait_for("BATCH +"))
    assert opened
    for text in ("three", "four"):
        line = ann.read_line()
        assert line.endswith(f" PRIVMSG #lobby :{text}") and f"batch={opened[1]}" in line
    assert ann.read_line().endswith(f" BATCH -{opened[1]}")


# ---- operators, and the house


def test_an_operator_kills(irc: Irc) -> None:
    root, bob = irc("ann", lobby=True), irc("bob", lobby=True)
    assert [code(line) for line in bob.answer("KILL ann :no", "OPER root wrong")] == ["481", "464"]
    assert "381" in [code(line) for line in root.answer("OPER root :sesame open")]
    root.tell("KILL bob :spam")
    assert "ERROR :" in bob.read_to_end()
    assert "spam" in root.wait_for("bob")


def test_without_irc_a_client_is_told_so(irc: Irc, start_server: Callable[..., Server]) -> None:
    server = start_server("--no-irc")
    visitor = irc("", "", server)
    visitor.tell("NICK ann", "USER a 0 * :A")
    rest = visitor.read_to_end()
    assert rest.startswith("ERROR :") and rest.count("\r\n") == 1


def test_the_end_of_the_room_is_an_error_line(server: Server, irc: Irc) -> None:
    ann = irc("ann", lobby=True)
    server.type("EXIT bedtime")
    assert ann.read_to_end().endswith("ERROR :Closing link: (The host has closed the room: bedtime.)\r\n")
    assert server.wait() == 0


# ---- hostile input


def test_a_session_cut_at_every_byte_is_the_same_session(irc: Irc, join_json: JoinJson) -> None:
    bob = join_json("bob")
    for number in range(3):
        visitor = irc()
        stream = f"CAP LS 302\r\nNICK x{number}\r\nUSER a 0 * :A B\r\nCAP REQ :batch\r\nCAP END\n"
        stream += "JOIN #lobby\r\nPRIVMSG #lobby :né\r\n"
        data, step = stream.encode(), (1, 3, 7)[number]
        for start in range(0, len(data), step):
            visitor.send(data[start : start + step])
        assert bob.wait_for("said")["text"] == "né"


def test_a_flood_of_odd_lines_harms_nobody(irc: Irc, join_json: JoinJson) -> None:
    """No line, however odd, ends the server or makes it write a traceback (the suite looks at that)."""
    source = random.Random(1)
    bob, eve = join_json("bob"), irc("eve", lobby=True)
    for line in (b"@" * 3000, b":" * 400, b"\xff" * 300, b"JOIN " + b"#," * 200, b"MODE #lobby " + b"+o" * 200, b" ",
                 b"\0" * 100, b"WHO %" + b"t" * 300, b"@label=" + b"\\" * 4000 + b" PING",
                 b"CHATHISTORY LATEST #lobby * -1", b"USER", b"AUTHENTICATE", b"BATCH +", b"BATCH -",
                 b"MONITOR + " + b",".join([b"x"] * 200)):  # fmt: skip
        eve.send(line + b"\r\n")
    for _ in range(200):
        eve.send(source.randbytes(source.randrange(80)).replace(b"QUIT", b"") + b"\r\n")
    eve.tell("PRIVMSG #lobby :still here")
    assert bob.wait_for("said", text="still here")


def test_a_forged_line_in_a_programs_fields_reaches_nobody(irc: Irc, join_json: JoinJson) -> None:
    """What a JSON client puts a line end into is still one line of IRC."""
    ann = irc("ann", "message-tags setname away-notify", lobby=True)
    eve = join_json("eve")
    forged = "x\r\n:Host!Host@chat PRIVMSG #lobby :forged"
    eve.tell("tag", tags="", query=forged, room="lobby")
    eve.tell("setname", realname=forged)
    eve.tell("away", reason=forged)
    eve.tell("topic", room="lobby", text=forged)
    eve.tell("join", room="den")
    eve.tell("part", room="den", reason=forged)
    eve.tell("quit", reason=forged)
    for line in ann.until("QUIT"):
        assert not line.startswith(":Host!") and "\r" not in line


def test_the_options_that_protocol_md_names_for_a_test_server(
    start_server: Callable[..., Server], irc: Irc, tmp_path: Path
) -> None:
    block = (ROOT / "PROTOCOL.md").read_text().partition("### A server for a test suite")[2].partition("```toml\n")[2]
    papers = issue(tmp_path)
    assert (papers.certificate.name, papers.key.name) == ("cert.pem", "key.pem")
    file = tmp_path / "test.toml"
    file.write_text(block.partition("```")[0])
    server = start_server("--config", file, "--port", free_port())
    wrong, ann = irc("", "", server), irc("", "", server)
    wrong.tell("PASS shark", "NICK eve", "USER e 0 * :E")
    assert " 464 " in wrong.read_to_end()
    ann.tell("PASS :open sesame")
    ann.register("ann")
    assert ann.welcome[0].startswith(":My.Little.Server 001 ann ")
    assert "381" in [code(line) for line in ann.answer("OPER operuser operpassword")]
    ann.tell("REGISTER * * sesame-open")
    ann.wait_for("REGISTER SUCCESS ann")
    with IrcClient(server, tls=papers.trust) as bob:
        bob.tell("PASS :open sesame")
        bob.register("bob")
        bob.join("#lobby")
    assert (tmp_path / "data").is_dir()


def test_start_up_is_quick(start_server: Callable[..., Server], irc: Irc) -> None:
    """The measure asks for half a second of an idle machine; here it is the processor time that is counted."""
    server = start_server("--no-store", dev=False)
    irc("ann", "", server)
    assert cpu_seconds(server.pid) < 1.5
