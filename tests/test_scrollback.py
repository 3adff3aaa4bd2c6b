"""What a room remembers, compared with a plain list of messages; and what was said in one go, with its lines."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from chat.events import Acted, Said
from chat.scrollback import CHARACTERS, RECENT, Scrollback
from chat.spoken import Spoken, in_lines

Talk = Said | Acted

a_go = st.tuples(st.just("say"), st.integers(1, 90), st.sampled_from((1, 5, 4_000, 30_000)))
a_removal = st.tuples(st.just("remove"), st.integers(0, 250), st.just(0))


def go_of(first: int, lines: int, length: int) -> Sequence[Said]:
    texts = [f"{number} ".ljust(length, "x") for number in range(first, first + lines)]
    if lines == 1:
        return [Said(first, 1.5, "lobby", "ann", texts[0])]
    return Spoken(first, 1.5, "lobby", "ann", "\n".join(texts), lines)


@settings(deadline=None)
@given(st.lists(st.one_of(a_go, a_go, a_removal), max_size=40))
def test_a_room_remembers_what_a_list_would(steps: list[tuple[str, int, int]]) -> None:
    """The last of what was said, in however many goes: so many messages, or those that are not too much together."""
    found, model, number, removed = Scrollback(), list[Talk](), 0, 0
    for what, first, second in steps:
        if what == "say":
            go = go_of(number + 1, first, second)
            number += first
            found.add(go)
            model += go
            while sum(len(event.text) for event in model) > CHARACTERS:
                del model[0]
        else:
            found.remove(number - first)
            removed += 1
            model = [event for event in model if event.id != number - first]
        seen = [*found]
        assert len(found) == len(seen) <= RECENT
        assert seen == model[len(model) - len(seen) :]
        assert len(seen) >= min(RECENT, len(model)) - removed, "nothing is forgotten without need"
        assert [*reversed(found)] == seen[::-1]
        assert [*found.last(7)] == seen[-7:]


def test_it_knows_what_it_may_lack() -> None:
    room = Scrollback()
    room.add(go_of(1, 150, 5))
    assert not room.may_lack(0)
    room.add(go_of(151, 49, 5))
    assert not room.may_lack(0)
    room.add(go_of(200, 30, 5))
    assert room.may_lack(28)
    assert not room.may_lack(30)


def test_what_was_loaded_counts_like_what_was_said() -> None:
    room = Scrollback(go_of(1, 200, 5))
    assert room.may_lack(0)
    room.add(go_of(201, 1, 5))
    assert [event.id for event in room] == [*range(2, 202)]


@given(st.lists(st.text(st.characters(exclude_characters="\n")), min_size=2), st.integers(1, 1_000))
def test_a_go_is_the_events_of_its_lines(texts: list[str], first: int) -> None:
    go = Spoken(first, 1.5, "den", "ann", "\n".join(texts), len(texts))
    events = [Said(number, 1.5, "den", "ann", text) for number, text in enumerate(texts, first)]
    assert go[0] == events[0], "before the others are made"
    assert [*go] == events
    assert (len(go), go[-1], go[1:], go.last) == (len(events), events[-1], tuple(events[1:]), events[-1].id)
    assert in_lines(go) == in_lines(events) == "\n".join(texts)


def test_what_has_lines_of_its_own_is_not_taken_for_a_go() -> None:
    paste = Said(1, 1.5, "den", "ann", "one\ntwo")
    assert in_lines([paste, Said(2, 1.5, "den", "ann", "three")]) == ""
    assert in_lines([Said(1, 1.5, "den", "ann", "one"), Said(2, 2.5, "den", "ann", "two")]) == "", "another second"
    assert in_lines([Acted(1, 1.5, "den", "ann", "waves")] * 2) == ""
