"""A message of several lines on its way in (IRCv3 draft/multiline): gathered until its batch ends."""

from __future__ import annotations

from record import entity, field

BYTES = 16_384
LINES = 200


@entity
class Batch:
    """What has come of a batch: `ref` is its name, `target` where it goes, `command` PRIVMSG or NOTICE."""

    ref: str
    target: str
    tags: dict[str, str]
    label: str = ""
    command: str = ""
    lines: list[str] = field(default_factory=list)
    size: int = 0
    fault: tuple[str, ...] = ()
    cuts: list[int] = field(default_factory=list)

    def add(self, command: str, target: str, text: str, concat: bool) -> None:
        """Take one more line; with `concat` it goes on with the line before. What is wrong is kept as `fault`."""
        self.size += len(text.encode()) + (0 if concat or not self.lines else 1)
        if self.fault:
            return
        if self.size > BYTES:
            self.fault = ("MULTILINE_MAX_BYTES", str(BYTES), "Multiline batch is too long")
        elif len(self.lines) >= LINES and not concat:
            self.fault = ("MULTILINE_MAX_LINES", str(LINES), "Multiline batch has too many lines")
        elif target != self.target:
            self.fault = ("MULTILINE_INVALID_TARGET", self.target, target, "Multiline batch has two targets")
        elif self.command and command != self.command:
            self.fault = ("MULTILINE_INVALID", "Multiline batch has two commands")
        elif concat and not text:
            self.fault = ("MULTILINE_INVALID", "A line that goes on with the line before is not blank")
        elif concat and not self.lines:
            self.lines.append(text)
        elif concat:
            self.cuts.append(len(self.text))
            self.lines[-1] += text
        else:
            self.lines.append(text)
        self.command = command

    @property
    def text(self) -> str:
        """Return the whole message."""
        return "\n".join(self.lines)
