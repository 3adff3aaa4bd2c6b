"""Writes down what a running program is made of, so that other code can go on with it; and reads it again.

Whatever has an identity is numbered, and written one after the other, each with what it holds and with the numbers of
what it knows: nothing nests deeply, however many know each other. Values stand where they are held. What the reader
has of its own, such as a loop, is only named. It knows none of our classes, and makes none but ours and plain ones.
"""

from __future__ import annotations

import io
import pickle
import types
from collections.abc import Callable, Mapping
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

Refer = Mapping[type, Callable[[Any], object]]
"""Says of what the reader has of its own how it is named there, by its type."""

Resolve = Callable[[Any], Any]
"""Returns what has this name."""

_ROOT = Path(__file__).resolve().parent
_OURS = frozenset(path.stem for path in _ROOT.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists())
_PLAIN = frozenset({
    "builtins.bytearray", "builtins.frozenset", "builtins.getattr", "builtins.iter", "builtins.set", "builtins.str",
    "collections.Counter", "collections.OrderedDict", "collections.deque", "functools.partial", "time.monotonic",
})  # fmt: skip
_SIMPLE = frozenset({str, int, float, bool, bytes, type(None), tuple, list, dict, types.MethodType})


class Unwritten(Exception):
    """Something cannot be written down, or cannot be read by this code; the text says what."""


def freeze(roots: Mapping[str, Any], refer: Refer) -> bytes:
    """Return `roots`, and everything they lead to, as bytes. Raises Unwritten."""
    found = io.BytesIO()
    writer = _Writer(found, refer)
    try:
        writer.dump(dict(roots))
        for thing in writer.things:  # which grow meanwhile
            writer.dump(thing.__getstate__())
        return pickle.dumps([type(thing) for thing in writer.things]) + found.getvalue()
    except Exception as error:  # a pickler raises whatever it likes
        raise Unwritten(f"{type(error).__name__}: {error}") from error


class Frozen:
    """What was written down. `roots` are there at once, but what they lead to is empty until it is filled.

    Raises Unwritten where this code has no class for something.
    """

    def __init__(self, data: bytes, resolve: Resolve) -> None:
        file = io.BytesIO(data)
        try:
            kinds = _Reader(file, [], resolve).load()
            self._things = [kind.__new__(kind) for kind in kinds]
            self._reader = _Reader(file, self._things, resolve)
            self.roots: dict[str, Any] = self._reader.load()
        except Exception as error:
            raise _unread(error) from error

    def fill(self) -> None:
        """Give everything what it holds. Raises Unwritten."""
        try:
            states = [(thing, self._reader.load()) for thing in self._things]
            for thing, state in sorted(states, key=lambda pair: _waits(pair[0])):
                _fill(thing, state)
        except Exception as error:
            raise _unread(error) from error

    def of(self, kind: type) -> list[Any]:
        """Return everything of this kind."""
        return [thing for thing in self._things if isinstance(thing, kind)]

    def check(self) -> None:
        """Raise Unwritten where something lacks what this code gives to every new one of its kind."""
        for thing in self._things:
            for name in _given_at_birth(type(thing)):  # type: ignore[arg-type]
                if not hasattr(thing, name):
                    raise Unwritten(f"{type(thing).__qualname__} needs {name}, which the code that runs does not have")


class _Writer(pickle.Pickler):
    def __init__(self, file: io.BytesIO, refer: Refer) -> None:
        super().__init__(file, 5)
        self.things: list[Any] = []
        self._numbers: dict[int, int] = {}
        self._refer = refer

    def persistent_id(self, obj: Any) -> Any:
        """Return the number of a thing, or the name of what the reader has; None for what is written in its place."""
        kind = type(obj)
        if kind in _SIMPLE:
            return None
        refer = self._refer.get(kind)
        if refer is not None:
            return refer(obj)
        if not _is_thing(kind):  # type: ignore[arg-type]
            return None
        number = self._numbers.get(id(obj))
        if number is None:
            number = self._numbers[id(obj)] = len(self.things)
            self.things.append(obj)
        return number


class _Reader(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, things: list[Any], resolve: Resolve) -> None:
        super().__init__(file)
        self._things = things
        self._resolve = resolve

    def find_class(self, module: str, name: str) -> Any:
        """Return a class or a function of ours, or one of a few that every program has. Raises UnpicklingError."""
        if module.partition(".")[0] in _OURS or f"{module}.{name}" in _PLAIN:
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name} is not to be handed over")

    def persistent_load(self, pid: Any) -> Any:
        """Return the thing with this number, or what has this name."""
        return self._things[pid] if type(pid) is int else self._resolve(pid)


@cache
def _is_thing(kind: type) -> bool:
    """Return whether what is of this kind has an identity: each is equal to itself alone."""
    if kind.__module__.partition(".")[0] not in _OURS or issubclass(kind, (type, Enum, BaseException)):
        return False
    return kind.__eq__ is object.__eq__


def _waits(thing: Any) -> bool:
    """Return whether a thing has its own way to go on, for which it may need that what it knows is there already."""
    return hasattr(thing, "__setstate__") and not hasattr(thing, "__fields__")


def _fill(thing: Any, state: Any) -> None:
    if hasattr(thing, "__setstate__"):
        thing.__setstate__(state)
        return
    plain, slotted = state if isinstance(state, tuple) else (state, None)
    for name, value in {**(plain or {}), **(slotted or {})}.items():
        if hasattr(thing, "__dict__") or hasattr(type(thing), name):  # what this code has no use for is left out
            setattr(thing, name, value)


@cache
def _given_at_birth(kind: type) -> frozenset[str]:
    """Return what constructors assign, as their code says."""
    import ast  # only who tries out pays for it
    import inspect
    import textwrap

    def is_own(node: ast.Attribute) -> bool:
        return isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Name) and node.value.id == "self"

    found: set[str] = set()
    for base in kind.__mro__:
        begin = vars(base).get("__init__")
        if isinstance(begin, types.FunctionType) and not hasattr(base, "__fields__"):
            body = ast.parse(textwrap.dedent(inspect.getsource(begin)))
            found |= {node.attr for node in ast.walk(body) if isinstance(node, ast.Attribute) and is_own(node)}
    return frozenset(found)


def _unread(error: Exception) -> Unwritten:
    return error if isinstance(error, Unwritten) else Unwritten(f"{type(error).__name__}: {error}")
