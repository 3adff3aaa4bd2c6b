"""What a client gets unasked: the welcome, what the server can do, the counts, the message of the day, a room."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from chat.gate import ENTRIES, FLAGS, LISTS
from chat.limits import ledger
from chat.presence import IDENT
from chat.running import DESCRIPTION
from chat.turn import Room, User
from wires.irc import messages
from wires.irc.client import Client
from wires.irc.lines import BODY
from wires.irc.numerics import Numeric
from wires.irc.text import packed

VERSION = "chat-1"
USER_MODES = "Biow"
MODES_AT_ONCE = 20
RECALLED = 100  # messages in one answer to CHATHISTORY
TARGETS = 20


def supported() -> list[str]:
    """Return the tokens of RPL_ISUPPORT."""
    limits = ledger.limits
    return [
        "AWAYLEN=200", "BOT=B", "CASEMAPPING=ascii", f"CHANLIMIT=#:{limits.rooms_per_person}",
        f"CHANMODES={LISTS},k,l,{FLAGS}",
        "CHANNELLEN=33", "CHANTYPES=#", f"CHATHISTORY={RECALLED}", "ELIST=MNU", "EXCEPTS=e", "INVEX=I", "KICKLEN=390",
        f"MAXLIST={LISTS}:{ENTRIES}", f"MAXTARGETS={TARGETS}", f"MODES={MODES_AT_ONCE}", f"MONITOR={limits.watches}",
        "MSGREFTYPES=msgid,timestamp", "NAMELEN=100", f"NICKLEN={limits.name}", "PREFIX=(ov)@+",
        "SAFELIST", "STATUSMSG=@+",
        f"TARGMAX=NAMES:{TARGETS},LIST:1,KICK:{TARGETS},WHOIS:1,PRIVMSG:{TARGETS},NOTICE:{TARGETS},MONITOR:{limits.watches}",
        f"TOPICLEN={DESCRIPTION}", f"USERLEN={IDENT}", "UTF8ONLY", "WHOX",
    ]  # fmt: skip


def lines(client: Client) -> Iterator[str]:
    """Yield everything that follows a successful registration."""
    house, nick = client.house, client.nick
    user = client.hub.find(nick)
    source = user.mask if user else nick
    yield client.numeric(Numeric.RPL_WELCOME, f"Welcome to the {house.network} Network {source}")
    yield client.numeric(Numeric.RPL_YOURHOST, f"Your host is {house.server}, running version {VERSION}")
    made = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(house.started))
    yield client.numeric(Numeric.RPL_CREATED, f"This server was created {made}")
    takes = f"{LISTS}klov"
    yield client.numeric(Numeric.RPL_MYINFO, house.server, VERSION, USER_MODES, "".join(sorted(FLAGS + takes)), takes)
    yield from isupport(client)
    yield from lusers(client)
    yield from motd(client)


def isupport(client: Client) -> Iterator[str]:
    """Yield what the server can do, thirteen tokens a line."""
    tokens = [f"NETWORK={client.house.network.replace(' ', '_')}", *supported()]
    for start in range(0, len(tokens), 13):
        yield client.numeric(Numeric.RPL_ISUPPORT, *tokens[start : start + 13], "are supported by this server")


def lusers(client: Client) -> Iterator[str]:
    """Yield how many are here."""
    hub = client.hub
    guests = [user for user in hub if user is not hub.host]
    hidden = sum("i" in user.modes for user in guests)
    operators = sum("o" in user.modes for user in guests)
    seen, rooms = len(guests), sum(bool(room.members) for room in hub.rooms)
    yield client.numeric(
        Numeric.RPL_LUSERCLIENT, f"There are {seen - hidden} users and {hidden} invisible on 1 servers"
    )
    yield client.numeric(Numeric.RPL_LUSEROP, f"{operators}", "operator(s) online")
    yield client.numeric(Numeric.RPL_LUSERUNKNOWN, f"{client.house.strangers()}", "unregistered connections")
    yield client.numeric(Numeric.RPL_LUSERCHANNELS, f"{rooms}", "channels formed")
    yield client.numeric(Numeric.RPL_LUSERME, f"I have {seen} clients and 0 servers")
    most = f"{hub.most}"
    yield client.numeric(Numeric.RPL_LOCALUSERS, f"{seen}", most, f"Current local users {seen}, max {most}")
    yield client.numeric(Numeric.RPL_GLOBALUSERS, f"{seen}", most, f"Current global users {seen}, max {most}")


def motd(client: Client) -> Iterator[str]:
    """Yield the message of the day."""
    if not client.house.motd:
        yield client.numeric(Numeric.ERR_NOMOTD, "There is no message of the day; /join #lobby brings you to everybody")
        return
    yield client.numeric(Numeric.RPL_MOTDSTART, f"- {client.house.server} Message of the day - ")
    for line in client.house.motd:
        yield client.numeric(Numeric.RPL_MOTD, f"- {line}")
    yield client.numeric(Numeric.RPL_ENDOFMOTD, "End of /MOTD command.")


def topic(client: Client, place: Room) -> Iterator[str]:
    """Yield what a room is about, and who said so."""
    name, gate = messages.target(place.name), place.gate
    yield client.numeric(Numeric.RPL_TOPIC, name, place.description)
    if gate.described_by:
        yield client.numeric(Numeric.RPL_TOPICWHOTIME, name, gate.described_by, f"{int(gate.described_at)}")


def names(client: Client, place: Room, people: Iterable[User]) -> Iterator[str]:
    """Yield who of `people` is in a room, as many in a line as fit; `end_of_names` follows."""
    name = messages.target(place.name)
    sign = "@" if "s" in place.gate.flags else "="
    head = client.numeric(Numeric.RPL_NAMREPLY, sign, name)
    for some in packed((entry(client, place, user) for user in people), BODY - len(head.encode()) - 2):
        yield f"{head} :{some}"


def end_of_names(client: Client, wanted: str) -> str:
    """Return the line behind the names in a room, or in several."""
    return client.numeric(Numeric.RPL_ENDOFNAMES, wanted, "End of /NAMES list")


def entry(client: Client, place: Room, user: User) -> str:
    """Return someone as NAMES shows him, with the signs and the host that this client has asked for."""
    signs = place.gate.signs(user)
    shown = signs if "multi-prefix" in client.caps else signs[:1]
    return shown + (user.mask if "userhost-in-names" in client.caps else user.name)
