"""What the start imports, compiled, in one file: `__pycache__/start….bundle`.

Python looks for each of 142 modules, compares two files, opens one and reads it, which takes a sixth of the start. A
bundle holds what it found there. Like Python's own files it is used only where no source has changed since, by time and
size; else all is imported as usual, and the bundle made anew once the room is open. It knows nothing of what it holds.
"""

from __future__ import annotations

import marshal
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

Kept = tuple[str, int, int, bool, CodeType]  # source, when it was changed, its size, whether it is a package, the code


class Loader(SourceFileLoader):
    """Loads a module whose code is at hand."""

    def __init__(self, name: str, source: str, code: CodeType) -> None:
        super().__init__(name, source)
        self._code = code

    def get_code(self, _fullname: str) -> CodeType:
        """Return the code."""
        return self._code


class Bundle:
    """The bundle of the modules below `root`: for these sources in this place, and for this Python."""

    def __init__(self, root: Path) -> None:
        self.wanted = False  # it was asked for in vain
        self._root = str(root)
        name = f"start.{sys.implementation.cache_tag}-{sys.hexversion:x}-{sys.flags.optimize}.bundle"
        self._file = root / "__pycache__" / name
        self._modules: dict[str, Kept] = {}

    def use(self) -> None:
        """Import from the bundle, if there is one, and it is what Python would make of the sources now."""
        try:
            root, modules = marshal.loads(self._file.read_bytes())
            self.wanted = root != self._root or not all(_is_as_it_was(*kept) for kept in modules.values())
        except (OSError, EOFError, ValueError, TypeError, AttributeError):
            self.wanted = True  # there is none, none that can be read, or a source has gone
        if not self.wanted:
            self._modules = modules
            sys.meta_path.insert(0, self)

    def keep(self, names: Iterable[str]) -> None:
        """Write those of these modules that are ours, for the next start; where that cannot be, it does without."""
        if sys.dont_write_bytecode:
            return
        try:
            data = marshal.dumps((self._root, dict(self._found(names))))
            fresh = self._file.with_suffix(f".{os.getpid()}")
            fresh.write_bytes(data)
            fresh.replace(self._file)  # so that it is whole, or not there
        except (OSError, SyntaxError):
            pass  # nobody may write there, or somebody is at work on a source

    def _found(self, names: Iterable[str]) -> Iterator[tuple[str, Kept]]:
        for name in names:
            loader = getattr(sys.modules[name], "__loader__", None)
            if not isinstance(loader, SourceFileLoader) or name == "__main__":
                continue
            base = f"{self._root}/{name.replace('.', '/')}"
            if loader.path in (f"{base}.py", f"{base}/__init__.py"):
                seen, code = Path(loader.path).stat(), loader.get_code(name)
                assert code is not None
                yield name, (loader.path, seen.st_mtime_ns, seen.st_size, loader.is_package(name), code)

    def find_spec(self, name: str, _path: Sequence[str] | None, _target: ModuleType | None = None) -> ModuleSpec | None:
        """Tell Python how a module is loaded that is in the bundle."""
        if name not in self._modules:
            return None
        source, _, _, is_package, code = self._modules.pop(name)
        spec = ModuleSpec(name, Loader(name, source, code), origin=source, is_package=is_package)
        if spec.submodule_search_locations is not None:
            spec.submodule_search_locations.append(source.removesuffix("/__init__.py"))
        spec.has_location, spec.cached = True, str(self._file)
        return spec


def _is_as_it_was(source: str, changed: int, size: int, *_: object) -> bool:
    seen = os.stat(source)  # noqa: PTH116 - there are so many that a Path for each would take longer than to look
    return (seen.st_mtime_ns, seen.st_size) == (changed, size)


bundle = Bundle(Path(__file__).parent)
