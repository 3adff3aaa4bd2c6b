"""The files of the page: read once, at start, into a table of what is served. Knows nothing of requests.

What is not in the table is not there: no path from outside ever reaches the file system, and no folder is listed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path

from record import record

KINDS: Mapping[str, str] = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".ico": "image/x-icon",
    ".png": "image/png",
    ".webmanifest": "application/manifest+json",
}
"""The suffixes that are served, and as what."""


@record
class Page:
    """One file, as it is served. `tag` changes with its content (an entity tag, RFC 9110 section 8.8.3)."""

    kind: str
    body: bytes
    tag: str


def load(folder: Path) -> dict[str, Page]:
    """Return the pages by their paths: `/` is index.html, `/app.css` is app.css. Nothing where there is no folder."""
    pages = {f"/{path.relative_to(folder).as_posix()}": _page(path) for path in _files(folder)}
    if "/index.html" in pages:
        pages["/"] = pages["/index.html"]
    return pages


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files to serve: of a known kind, not hidden, and really in the folder."""
    root = folder.resolve()
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix in KINDS and not hidden and path.is_file() and path.resolve().is_relative_to(root):
            yield path


def _page(path: Path) -> Page:
    body = path.read_bytes()
    return Page(KINDS[path.suffix], body, f'"{sha256(body).hexdigest()[:20]}"')
