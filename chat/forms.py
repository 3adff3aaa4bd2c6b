"""How programs want something to be said: the form of a message, checked. Its tags are never understood here."""

from __future__ import annotations

import re

from chat.events import AS_USUAL, Form, Refused
from chat.gate import SIGNS

MOST = 200  # cuts
LONGEST = 4094  # bytes (IRCv3 message-tags, "Size limit")
_TAG = r"\+(?:[A-Za-z0-9.-]+/)?[A-Za-z0-9-]+(?:=[^\0\r\n; ]*)?"


def check(tags: str) -> str:
    """Return tags such as `+draft/react=x;+typing=active`. Raises Refused `tags_bad`."""
    if not tags:
        return ""
    if len(tags.encode("utf-8", "replace")) > LONGEST or not all(re.fullmatch(_TAG, tag) for tag in tags.split(";")):
        raise Refused("tags_bad", "The tags of a message are names with a + before, and values, split by semicolons.")
    return tags


def form(notice: str = "", tags: str = "", cuts: str = "", sign: str = "") -> Form:
    """Return the form that a program asks for. Raises Refused `tags_bad`, `form_bad`."""
    if not (notice or tags or cuts or sign):
        return AS_USUAL
    places = cuts.split(",") if cuts else []
    known = not sign or sign in SIGNS.values()
    if (
        not known
        or len(places) > MOST
        or not all(place.isascii() and place.isdigit() and len(place) < 6 for place in places)
    ):
        raise Refused("form_bad", "A sign is @ or +; cuts are at most 200 numbers, split by commas.")
    return Form(bool(notice), check(tags), tuple(sorted(map(int, places))), sign)
