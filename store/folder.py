"""The data folder: its files, who holds it, and how it was left. It knows no SQL.

`chat.lock` is held by the server that runs (the system lets go of it when the process dies, however it dies).
`chat.seal` is written at an orderly end and says what the file looked like then: a file that still looks so need
not be checked from end to end, and a seal without a file tells that the file was taken away.
"""

from __future__ import annotations

import fcntl
import os
import stat
from pathlib import Path

PAIRED = ("-wal", "-shm")
"""What SQLite appends to the name of a database for the files that belong to it."""


class Unusable(Exception):
    """The store cannot be opened; the text is a sentence for the host that says which folder and why."""


class Folder:
    """A data folder, held by this process from `hold` to `release`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.database = path / "chat.db"
        self.fresh = path / "chat.db.new"
        self.wal = path / "chat.db-wal"
        self._lock = path / "chat.lock"
        self._seal = path / "chat.seal"
        self._held: int | None = None

    def hold(self) -> None:
        """Make the folder if need be, and take hold of it. Raises Unusable."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._held = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            holder = f"{os.getpid()}\n".encode()
            os.pwrite(self._held, holder, 0)
            os.ftruncate(self._held, len(holder))  # last: to empty a file can wait for the disk
            for path in self._files():
                _harden(path)
        except BlockingIOError:
            raise self._taken() from None
        except OSError as error:
            raise self.unusable(_reason(error, self.path)) from error

    def release(self) -> None:
        """Let go of the folder; twice is harmless."""
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def unusable(self, why: str) -> Unusable:
        """Return what to raise: which folder, why, and what else the host can do."""
        return Unusable(
            f"The data folder {self.path} cannot be used: {why}. "
            "Choose another one with --data DIR, or keep nothing with --no-store."
        )

    def damaged(self, why: str) -> Unusable:
        """Return what to raise for a file that is ours, and broken."""
        return Unusable(
            f"The database {self.database} is damaged: {why}. Nothing has been changed. Start with --recover to keep "
            "a copy of it and go on with what can be read, or put a backup in its place."
        )

    def lost(self) -> bool:
        """Say whether there was a database here that is not there any more."""
        return not self.database.exists() and (self._seal.exists() or self.wal.exists())

    def sealed(self) -> bool:
        """Say whether the database was closed in good order, and has not been touched since."""
        try:
            return not self.wal.exists() and self._seal.read_text(encoding="ascii") == _look(self.database)
        except (OSError, ValueError):
            return False

    def seal(self) -> None:
        """Note what the database looks like at an orderly end. Raises OSError."""
        self._seal.unlink(missing_ok=True)
        with open(self._seal, "x", encoding="ascii", opener=_private) as file:
            file.write(_look(self.database))

    def sync(self) -> None:
        """Wait until names that were given or taken in the folder are on the disk. Raises OSError."""
        descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def presence(self) -> tuple[tuple[int, int], ...]:
        """Return which files stand under our names now, to be compared. Raises OSError when one is not there."""
        return tuple((found.st_dev, found.st_ino) for found in map(os.stat, (self.database, self.wal)))

    def _files(self) -> list[Path]:
        return [Path(f"{self.database}{end}") for end in ("", *PAIRED)] + [self._lock, self._seal, self.fresh]

    def _taken(self) -> Unusable:
        with self._lock.open(encoding="ascii", errors="replace") as file:
            holder = file.read(20).strip()
        self.release()
        return self.unusable(f"another chat server (process {holder or 'unknown'}) is using it")


def remove(database: Path) -> None:
    """Remove a database and what belongs to it, if it is there. Raises OSError."""
    remove_logs(database)
    database.unlink(missing_ok=True)


def remove_logs(database: Path) -> None:
    """Remove what belongs to a database, but not itself. Raises OSError."""
    for end in PAIRED:
        Path(f"{database}{end}").unlink(missing_ok=True)


def touch(path: Path) -> None:
    """Make an empty file that only its owner can read; raises FileExistsError."""
    os.close(_private(str(path), os.O_RDWR | os.O_CREAT | os.O_EXCL))


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def _harden(path: Path) -> None:
    """See that a file is a file, not a way to somewhere else, and that only its owner can read it."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        kind = "a symbolic link" if stat.S_ISLNK(mode) else "not a file"
        raise OSError(f"{path.name} in it is {kind}")
    if mode & 0o077:
        path.chmod(0o600)


def _look(database: Path) -> str:
    found = database.lstat()
    return f"{found.st_size} {found.st_mtime_ns} {found.st_ino}\n"


def _reason(error: OSError, folder: Path) -> str:
    if isinstance(error, FileExistsError | NotADirectoryError):
        return "it is a file, or lies below one" if not folder.is_dir() else "a file in it is in the way"
    if isinstance(error, PermissionError):
        return "it may not be read or written by this user"
    if error.strerror is None:
        return str(error)
    where = Path(os.fsdecode(error.filename)).name if error.filename else folder.name
    return f"{error.strerror} ({where})"
