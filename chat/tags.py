"""Tags that clients put on messages for one another (IRCv3 message-tags, client-only): checked, never understood."""

from __future__ import annotations

import re

from chat.events import Refused

LONGEST = 4094  # bytes (IRCv3 message-tags, "Size limit")
_TAG = re.compile(r"\+(?:[A-Za-z0-9.-]+/)?[A-Za-z0-9-]+(?:=[^\0\r\n; ]*)?")


def check(tags: str) -> str:
    """Return tags such as `+draft/react=x;+typing=active`. Raises Refused `tags_bad`."""
    if not tags:
        return ""
    if len(tags.encode("utf-8", "replace")) > LONGEST or not all(_TAG.fullmatch(tag) for tag in tags.split(";")):
        raise Refused("tags_bad", "The tags of a message are names with a + before, and values, split by semicolons.")
    return tags
