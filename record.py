"""How plain data is made here: `record` for values, `entity` for what has an identity and changes.

They do what the dataclasses of the standard library do, with slots. Those take almost a millisecond of the start each,
and a frozen one takes a microsecond to make: a message would spend a quarter of its time on that. Nothing stops a
program from changing a record at run time; mypy does, to which they are frozen.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

if sys.version_info < (3, 11):  # noqa: UP036 - what is imported first says so; else it would be a riddle
    raise SystemExit(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}.")

from typing import Any, TypeVar, cast, dataclass_transform

T = TypeVar("T")


class _Fresh:
    """Stands for the default of a field until the class is made."""

    __slots__ = ("factory", "init")

    def __init__(self, factory: Callable[[], Any] | None, init: bool) -> None:
        self.factory = factory
        self.init = init


def field(*, default_factory: Callable[[], Any] | None = None, init: bool = True) -> Any:
    """Return the default of a field: a fresh one for each, or, without `init`, one that `__post_init__` sets."""
    return _Fresh(default_factory, init)


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(cls: type[T]) -> type[T]:
    """Make a class of values: equal where their fields are, and not to be changed."""
    made = _slotted(cls)
    for method in (_eq, _hash):
        setattr(made, f"_{method.__name__}__", method)
    return made


@dataclass_transform(eq_default=False, field_specifiers=(field,))
def entity(cls: type[T]) -> type[T]:
    """Make a class of things that change, each equal to itself alone."""
    return _slotted(cls)


def replace(value: T, **changes: Any) -> T:
    """Return a copy with some fields changed."""
    names: tuple[str, ...] = value.__match_args__  # type: ignore[attr-defined]
    return type(value)(**{name: getattr(value, name) for name in names} | changes)


def _slotted(cls: type[T]) -> type[T]:
    """Return the same class with slots, and a constructor that takes the fields, those of its base first."""
    space: dict[str, Any] = {name: value for name, value in vars(cls).items() if name not in _FORGOTTEN}
    annotated = [name for name, kind in space.get("__annotations__", {}).items() if not kind.startswith("ClassVar")]
    defaults = dict(getattr(cls, "__defaults__", {}))
    defaults.update({name: space.pop(name) for name in annotated if name in space})
    names = (*getattr(cls, "__fields__", ()), *annotated)
    space |= {
        "__slots__": tuple(annotated),
        "__fields__": names,
        "__defaults__": defaults,
        "__qualname__": cls.__qualname__,
    }
    space["__match_args__"] = tuple(name for name in names if not _is_late(defaults.get(name)))
    space.setdefault("__repr__", _repr)
    space["__setstate__"] = _take_over
    made = type(cls.__name__, cls.__bases__, space)
    left = SELDOM

    def first(self: Any, *values: Any, **named: Any) -> None:
        """Fill the first few in by hand; only then write the constructor, which takes as long as forty of them."""
        nonlocal left
        left -= 1
        if left < 0 or not _fill(self, made, values, named):
            constructor = made.__init__ = _constructor(made)  # type: ignore[misc]
            constructor(self, *values, **named)

    made.__init__ = first  # type: ignore[misc]
    return cast("type[T]", made)


_FORGOTTEN = ("__dict__", "__weakref__")
SELDOM = 100  # made of a class while it has no constructor of its own: most never get so far


def _is_late(default: object) -> bool:
    return isinstance(default, _Fresh) and not default.init


def _fill(value: Any, cls: Any, values: tuple[Any, ...], named: dict[str, Any]) -> bool:
    """Set the fields of a new value; False, and nothing is done, where a constructor would raise TypeError."""
    names, defaults = cls.__match_args__, cls.__defaults__
    given = dict(zip(names, values, strict=False)) | named
    if len(given) < len(values) + len(named) or any(name not in names for name in named):
        return False
    if any(name not in given and name not in defaults for name in names):
        return False
    for name in names:
        setattr(value, name, given[name] if name in given else _usual(defaults[name]))
    if hasattr(cls, "__post_init__"):
        value.__post_init__()
    return True


def _usual(default: Any) -> Any:
    return default.factory() if isinstance(default, _Fresh) and default.factory else default


def _constructor(cls: Any) -> Callable[..., None]:
    """Write the constructor: straight assignments, which is what makes it fast."""
    given: dict[str, Any] = {}
    params, lines = [], []
    for name in cls.__match_args__:
        default = cls.__defaults__.get(name, _NONE)
        value = name
        if isinstance(default, _Fresh):
            given[f"_{name}"] = default.factory
            given["_NONE"] = _NONE
            params.append(f"{name}=_NONE")
            value = f"_{name}() if {name} is _NONE else {name}"
        elif default is not _NONE:
            given[f"_{name}"] = default
            params.append(f"{name}=_{name}")
        else:
            params.append(name)
        lines.append(f" self.{name} = {value}\n")
    if hasattr(cls, "__post_init__"):
        lines.append(" self.__post_init__()\n")
    exec(f"def __init__({', '.join(['self', *params])}):\n{''.join(lines) or ' pass'}", given)
    made: Callable[..., None] = given["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    return made


_NONE = object()


def _values(value: Any) -> tuple[Any, ...]:
    return tuple([getattr(value, name) for name in value.__fields__])


def _take_over(self: Any, state: Any) -> None:
    """Have what other code, older or newer, has written down: what it did not know is as for a new one.

    Raises AttributeError where there is nothing that a new one would have.
    """
    known = state[1] or {}
    for name in self.__fields__:
        if name in known:
            setattr(self, name, known[name])
        elif name in self.__defaults__:
            setattr(self, name, _usual(self.__defaults__[name]))
        else:
            raise AttributeError(f"{type(self).__qualname__} needs {name}, of which nothing is known")


def _eq(self: Any, other: object) -> Any:
    return _values(self) == _values(other) if type(other) is type(self) else NotImplemented


def _hash(self: Any) -> int:
    return hash(_values(self))


def _repr(self: Any) -> str:
    shown = [f"{name}={getattr(self, name)!r}" for name in self.__fields__]
    return f"{type(self).__qualname__}({', '.join(shown)})"
