"""The bundle of what the start imports: it is used where it holds what the sources say, and never else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT

PROGRAM = """
import sys
from pathlib import Path
from bundle import Bundle
bundle = Bundle(Path(sys.argv[1]))
bundle.use()
import part.one, two
print(part.one.WORD, two.WORD, "from sources" if bundle.wanted else "from the bundle")
print(part.__path__, two.__file__, two.__spec__.origin)
try:
    two.fail()
except LookupError:
    import traceback
    traceback.print_exc(file=sys.stdout)
if "keep" in sys.argv:
    bundle.keep([*sys.modules])
"""
TWO = "WORD = 'two'\ndef fail(): raise LookupError\n"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return a folder with a program that has a package and a module, and a bundle of them."""
    place = tmp_path / "place"
    (place / "part").mkdir(parents=True)
    (place / "__pycache__").mkdir()
    (place / "program.py").write_text(PROGRAM)
    (place / "part" / "__init__.py").write_text("")
    (place / "part" / "one.py").write_text("WORD = 'one'\n")
    (place / "two.py").write_text(TWO)
    assert "from sources" in run(place, "keep")
    assert bundle(place).exists()
    return place


def bundle(place: Path) -> Path:
    return next((place / "__pycache__").glob("*.bundle"), place / "none")


def run(place: Path, *words: str, **more: str) -> str:
    """Run the program, and return what it says."""
    settings = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, str(place / "program.py"), str(place), *words]
    done = subprocess.run(
        command, env={**settings, "PYTHONPATH": str(ROOT), **more}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_is_in_it_is_as_if_it_had_been_read_from_its_file(place: Path) -> None:
    from_bundle = run(place)
    assert from_bundle.startswith("one two from the bundle\n")
    bundle(place).unlink()
    assert run(place) == from_bundle.replace("from the bundle", "from sources")


def test_a_source_that_has_changed_counts(place: Path) -> None:
    (place / "two.py").write_text(TWO.replace("'two'", "'newer'"))
    assert run(place, "keep").startswith("one newer from sources\n")
    assert run(place).startswith("one newer from the bundle\n")


def test_a_module_that_has_become_a_package_counts(place: Path) -> None:
    (place / "two.py").unlink()
    (place / "two").mkdir()
    (place / "two" / "__init__.py").write_text(TWO.replace("'two'", "'newer'"))
    assert run(place).startswith("one newer from sources\n")


def test_a_copy_elsewhere_reads_its_own_sources(place: Path) -> None:
    other = place.with_name("other")
    place.rename(other)
    assert run(other).startswith("one two from sources\n")


@pytest.mark.parametrize("data", [b"", b"no bundle", b"\xe9\x01", b")\x02NN"], ids=["empty", "text", "odd", "a pair"])
def test_one_that_cannot_be_read_is_made_anew(place: Path, data: bytes) -> None:
    bundle(place).write_bytes(data)
    assert run(place, "keep").startswith("one two from sources\n")
    assert run(place).startswith("one two from the bundle\n")


def test_half_of_one_is_not_used(place: Path) -> None:
    whole = bundle(place).read_bytes()
    bundle(place).write_bytes(whole[: len(whole) // 2])
    assert run(place).startswith("one two from sources\n")


def test_none_is_written_where_python_shall_write_no_bytecode(place: Path) -> None:
    bundle(place).unlink()
    run(place, "keep", PYTHONDONTWRITEBYTECODE="1")
    assert not bundle(place).exists()


def test_none_is_written_while_somebody_is_at_work_on_a_source(place: Path) -> None:
    source = place / "two.py"
    source.write_text(TWO + f"import pathlib; pathlib.Path({str(source)!r}).write_text('half a')\n")
    bundle(place).unlink()
    assert run(place, "keep").startswith("one two from sources\n")
    assert not bundle(place).exists()
