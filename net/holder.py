"""Says who listens on a port, as far as Linux lets us see. Knows only /proc."""

from __future__ import annotations

from pathlib import Path

LONGEST = 160  # characters shown of a command line
_LISTENING = "0A"


def holder(port: int) -> str:
    """Return `command line (pid 123)` of the process that listens on TCP `port`, or `another program`."""
    inodes = _inodes(port)
    for folder in Path("/proc").glob("[0-9]*") if inodes else ():
        if _holds(folder, inodes):
            return f"{_command(folder)} (pid {folder.name})"
    return "another program"


def _inodes(port: int) -> set[str]:
    found = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        try:
            rows = table.read_text().split("\n")[1:]
        except OSError:
            continue
        for row in filter(None, rows):
            cells = row.split()
            if cells[3] == _LISTENING and int(cells[1].rpartition(":")[2], 16) == port:
                found.add(f"socket:[{cells[9]}]")
    return found


def _holds(folder: Path, inodes: set[str]) -> bool:
    try:
        return any(str(entry.readlink()) in inodes for entry in (folder / "fd").iterdir())
    except OSError:
        return False  # gone, or another user's


def _command(folder: Path) -> str:
    try:
        line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
    except OSError:
        line = ""  # it has just ended
    return "".join(filter(str.isprintable, line))[:LONGEST] or "another program"
