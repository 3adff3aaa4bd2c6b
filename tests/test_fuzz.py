"""A short run of the fuzzer; `make fuzz MINUTES=…` is the long one."""

from __future__ import annotations

import pytest

from tests import fuzz
from tests.room import hash_quickly


@pytest.mark.parametrize("seed", [20_261_121, 7])
def test_hostile_bytes_harm_nobody(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    hash_quickly(monkeypatch)
    assert fuzz.run(6.0, seed, most=1_000) > 20
