"""The IRCv3 capabilities. One that changes lines which many get makes a dialect of its own."""

from __future__ import annotations

CAPS: dict[str, str] = {
    "account-notify": "",
    "account-tag": "",
    "away-notify": "",
    "batch": "",
    "cap-notify": "",
    "chghost": "",
    "draft/account-registration": "",
    "draft/chathistory": "",
    "draft/message-redaction": "",
    "draft/multiline": "max-bytes=16384,max-lines=200",
    "draft/read-marker": "",
    "echo-message": "",
    "extended-join": "",
    "extended-monitor": "",
    "invite-notify": "",
    "labeled-response": "",
    "message-tags": "",
    "multi-prefix": "",
    "sasl": "PLAIN",
    "server-time": "",
    "setname": "",
    "standard-replies": "",
    "userhost-in-names": "",
}
"""What there is, with the value that CAP LS 302 shows."""

SHARED = frozenset({
    "account-notify", "account-tag", "away-notify", "batch", "draft/message-redaction", "draft/multiline",
    "extended-join", "invite-notify",
    "message-tags", "server-time", "setname",
})  # fmt: skip
"""Those on which the bytes depend that go to a whole room."""


def offered(version: int) -> list[str]:
    """Return what CAP LS shows: with values from version 302 on."""
    return [f"{name}={value}" if value and version >= 302 else name for name, value in CAPS.items()]


def wanted(text: str, present: frozenset[str]) -> frozenset[str] | None:
    """Return what someone has after `CAP REQ :text`, None where it asks for something there is not."""
    found = set(present)
    for word in text.split():
        name = word.removeprefix("-")
        if name not in CAPS:
            return None
        if word.startswith("-") and name != "cap-notify":
            found.discard(name)
        elif not word.startswith("-"):
            found.add(name)
    return frozenset(found)
