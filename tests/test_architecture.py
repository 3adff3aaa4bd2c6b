"""The shape of the house: who may import whom, and what every source file has.

Read from the imports themselves, also those inside functions, so that the picture in the README stays true.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.support import ROOT

PARTS = (
    "chat", "net", "wires", "commands", "store", "clients", "web", "options", "values", "visit", "seat", "way_in",
    "errands", "overseer", "settings", "workshop", "server", "chat_server", "chat_client", "record", "ready",
    "snapshot", "contracts", "handover", "inheritance", "opening", "upgrade",
)  # fmt: skip

FOR_ALL = {"record"}

MAY_IMPORT = {
    "record": set(),
    "snapshot": set(),
    "ready": {"chat", "wires", "options", "errands"},
    "chat": {"chat"},
    "net": {"net"},
    "wires": {"wires", "chat"},
    "commands": {"commands", "chat"},
    "store": {"store", "chat"},
    "clients": {"clients", "wires.jsonl", "wires.wire", "chat.events", "chat.text"},
    "options": {"chat.limits", "values"},
    "values": {"chat.limits"},
    "chat_client": {"clients"},
    "contracts": {"chat", "commands", "net", "options", "visit", "wires"},
    "visit": {"chat", "contracts", "net", "wires"},
    "seat": {"chat", "contracts", "net", "wires"},
    "way_in": {"chat", "net", "options"},
    "errands": {"chat", "net", "options", "seat", "store", "wires"},
    "workshop": {"chat", "net"},
    "overseer": {"chat", "net", "options", "store", "wires"},
    "settings": {"chat", "net", "options", "ready", "way_in", "wires"},
    "opening": {"chat", "errands", "net", "options", "ready", "settings", "store", "visit", "wires", "workshop"},
    "handover": set(PARTS) - {"clients", "chat_client", "chat_server", "server", "inheritance", "upgrade"},
    "inheritance": set(PARTS) - {"clients", "chat_client", "chat_server", "server", "upgrade"},
    "upgrade": {"chat", "handover", "net", "snapshot", "store"},
    "server": set(PARTS) - {"clients", "chat_client", "chat_server"},
    "chat_server": {"server"},
}

ONLY_THERE = {
    "socket": {"net", "clients", "server", "visit", "errands", "settings", "opening", "handover", "inheritance"},
    "selectors": {"net", "clients"},
    "ssl": {"net", "clients"},
    "sqlite3": {"store"},
    "tkinter": {"clients"},
    "asyncio": set(),
}
"""Modules that only these parts may import. Of these, those that are not folders open no socket: they name its type."""

LONGEST = 400


def _sources() -> list[Path]:
    found = [path for part in PARTS for path in (ROOT / part).rglob("*.py")]
    return sorted([*found, *(path for part in PARTS if (path := ROOT / f"{part}.py").exists())])


def _imports(path: Path) -> Iterator[str]:
    """Yield the modules that a file imports; `from a import b` is `a.b` where that is a module of ours, else `a`."""
    for node in ast.walk(ast.parse(path.read_bytes(), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module, f"{path}:{node.lineno}: a relative import"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if (ROOT / full.replace(".", "/")).with_suffix(".py").exists() else node.module


def _for_types(path: Path) -> Iterator[str]:
    """Yield the modules that a file imports below `if TYPE_CHECKING:`."""
    for node in ast.walk(ast.parse(path.read_bytes(), str(path))):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            yield from (inner.module or "" for inner in node.body if isinstance(inner, ast.ImportFrom))


def _part(module: str) -> str:
    return module.partition(".")[0]


def _module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


SOURCES = _sources()
each_source = pytest.mark.parametrize("path", SOURCES, ids=_module)


def test_there_is_something_to_look_at() -> None:
    assert {"chat", "net", "wires", "commands", "clients", "chat_server", "chat_client"} <= {
        _part(_module(path)) for path in SOURCES
    }


@each_source
def test_imports_point_one_way(path: Path) -> None:
    part = _part(_module(path))
    allowed = MAY_IMPORT[part] | FOR_ALL
    ours = {module for module in _imports(path) if _part(module) in PARTS}
    wrong = {module for module in ours if _part(module) not in allowed and module not in allowed}
    assert not wrong, f"{part} may import {sorted(allowed)} of ours, not {sorted(wrong)}"


@each_source
def test_sockets_sql_and_windows_stay_where_they_belong(path: Path) -> None:
    part = _part(_module(path))
    wrong = {module for module in _imports(path) if part not in ONLY_THERE.get(_part(module), {part})}
    assert not wrong, f"{_module(path)} imports {sorted(wrong)}"


def test_no_circle() -> None:
    """But for what only the type checker reads."""
    graph = {_module(path): set(_imports(path)) - set(_for_types(path)) for path in SOURCES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"a circle of imports: {' <- '.join(error.args[1])}")


@each_source
def test_says_at_its_top_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_bytes())), f"{_module(path)} has no docstring at its top"


@each_source
def test_is_short_enough_to_read(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines < LONGEST, f"{_module(path)} has {lines} lines"


def test_commands_are_not_imported_by_name_from_elsewhere() -> None:
    """The table finds its files by itself: to add a command is to add a file, and nothing else."""
    for path in SOURCES:
        named = {module for module in _imports(path) if module.startswith("commands.")}
        assert not named, f"{_module(path)} imports {sorted(named)}"
