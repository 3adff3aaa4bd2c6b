"""The fuzzer, led by coverage: atheris (libFuzzer) looks for bytes that reach what none have reached before.

`python -m tests.fuzz_guided MINUTES`; the first byte of an input chooses the wire, the second how it is cut. It is run
by `make fuzz` where atheris can be installed, and begins with the seeds in tests/data/seeds.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

try:
    import atheris
except ImportError:
    print("atheris is not installed: nothing is led by coverage.")
    sys.exit(0)

import pytest

with atheris.instrument_imports(include=["chat", "commands", "wires"]):
    from tests import fuzz
    from tests.room import hash_quickly

_benches: list[fuzz.Bench] = []
_tried = 0


def one_input(data: bytes) -> None:
    """Let somebody send this."""
    global _tried  # noqa: PLW0603 -- libFuzzer calls a function, and nothing else
    _tried += 1
    if len(data) < 2:
        return
    if _tried % fuzz.ROUNDS == 1 or not _benches:
        _benches[:] = [fuzz.Bench()]
    wires = sorted(_benches[0].makers)
    cut = 2 + data[1] % max(1, len(data) - 2)
    _benches[0].throw(wires[data[0] % len(wires)], [piece for piece in (data[2:cut], data[cut:]) if piece])


def main() -> None:
    """Go on for the minutes on the command line."""
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        hash_quickly(patch)
        wires = sorted(fuzz.Bench().makers)
        for wire, sessions in fuzz.seeds().items():
            for number, session in enumerate(sessions):
                head = bytes((wires.index(wire), 0))
                Path(folder, f"{wire}-{number}").write_bytes(head + session)
        bounds = [
            f"-max_total_time={int(minutes * 60)}",
            f"-max_len={fuzz.LARGEST}",
            "-timeout=20",
            "-rss_limit_mb=2048",
        ]
        atheris.Setup([sys.argv[0], folder, *bounds], one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
