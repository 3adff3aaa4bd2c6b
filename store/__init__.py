"""What lasts: accounts, rooms, private talk and history, in one SQLite file. The only SQL of the project.

`Store` is what the server opens; `chat.facts` are what it writes, `records` what it asks and gets. Behind it, in
reading order: `store` (the thread), `backlog` (what waits), `tables` (what a change does, how questions are
answered), `messages` (what one person says in one go is one row), `schema` (the tables and their versions),
`database` and `folder` (opening, and refusing to), `wal` and `salvage` (damage), `journal` (audit.log). It knows
neither the hub nor the loop, only a callable that wakes the loop.
"""

from __future__ import annotations

from chat.facts import (
    AccountMade,
    AccountRemoved,
    AccountSeen,
    Audited,
    Blocked,
    Change,
    Decided,
    InboxRead,
    Lifted,
    MessageRemoved,
    MessagesSaved,
    PasswordChanged,
    RoomMade,
    RoomRemoved,
    Sanction,
    StandingChanged,
    Talk,
    Unblocked,
    Unwatched,
    Watched,
    WhisperSaved,
)
from store.folder import Unusable
from store.records import INBOX, PAGE, Account, Failure, Figures, Find, History, Inbox, Loaded, StoredRoom
from store.schema import VERSION as SCHEMA
from store.store import Store

__all__ = [
    "INBOX",
    "PAGE",
    "SCHEMA",
    "Account",
    "AccountMade",
    "AccountRemoved",
    "AccountSeen",
    "Audited",
    "Blocked",
    "Change",
    "Decided",
    "Failure",
    "Figures",
    "Find",
    "History",
    "Inbox",
    "InboxRead",
    "Lifted",
    "Loaded",
    "MessageRemoved",
    "MessagesSaved",
    "PasswordChanged",
    "RoomMade",
    "RoomRemoved",
    "Sanction",
    "StandingChanged",
    "Store",
    "StoredRoom",
    "Talk",
    "Unblocked",
    "Unusable",
    "Unwatched",
    "Watched",
    "WhisperSaved",
]
