"""Records: the first of a class are filled in by hand, then a constructor is written. Nobody can tell which did it."""

from __future__ import annotations

from typing import Any

import pytest

from record import SELDOM, field, record


def kind() -> Any:
    """Return a class of which there is no value yet."""

    @record
    class Thing:
        name: str
        size: int = 3
        parts: list[str] = field(default_factory=list)
        shown: str = field(init=False)

        def __post_init__(self) -> None:
            object.__setattr__(self, "shown", f"{self.name} {self.size}")

    return Thing


@pytest.fixture(params=[0, SELDOM - 1, SELDOM], ids=["the first", "the last by hand", "constructed"])
def thing(request: pytest.FixtureRequest) -> Any:
    """Return a class of which there have been so many values."""
    made = kind()
    for number in range(request.param):
        assert made(f"{number}").shown == f"{number} 3"
    return made


@pytest.mark.parametrize(
    ("values", "named"),
    [(("a", 3), {}), (("a",), {"size": 3}), ((), {"size": 3, "name": "a"}), (("a",), {}), (("a", 3, []), {})],
)
def test_fields_by_place_and_by_name(thing: Any, values: tuple[Any, ...], named: dict[str, Any]) -> None:
    made = thing(*values, **named)
    assert (made.name, made.size, made.parts, made.shown) == ("a", 3, [], "a 3")


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ((), {}),
        ((), {"size": 3}),
        (("a", 3, [], "a 3"), {}),
        (("a",), {"name": "a"}),
        (("a",), {"colour": "red"}),
        (("a",), {"shown": "a 3"}),
    ],
)
def test_what_does_not_fit_is_a_type_error(thing: Any, values: tuple[Any, ...], named: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=r"Thing\.__init__\(\) "):
        thing(*values, **named)
    assert thing("a").shown == "a 3"


def test_each_has_its_own_parts(thing: Any) -> None:
    first, second = thing("a"), thing("a")
    assert first == second and first.parts is not second.parts
