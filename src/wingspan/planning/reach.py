"""What a name of a Python file reaches: names of that file, project modules, distributions.

Everything is read from files as text: no module is imported or run, so imports made by `importlib`
and the like are not seen.
"""

import stat
import sys
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from pathlib import Path

from wingspan.errors import DeclarationError
from wingspan.files import digest_bytes, digest_file
from wingspan.planning.digest_cache import SETTLED_NS
from wingspan.planning.modules import Place, locate, metadata_files, metadata_folders, version_of
from wingspan.planning.syntax import Import, Source, parse

Stamp = tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class Home:
    """The module that a step's function is written in; `shown` is its name in components."""

    name: str
    shown: str
    file: Path
    package: str


@dataclass(slots=True)
class Reached:
    """What was reached; `stamps` are the files it was read from, as they were."""

    own: dict[str, str] = field(default_factory=dict)
    modules: dict[str, str] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)
    tops: set[str] = field(default_factory=set)
    distributions: dict[str, str] = field(default_factory=dict)
    wingspan: dict[str, str] = field(default_factory=dict)
    stamps: dict[Path, Stamp] = field(default_factory=dict)

    def add(self, other: "Reached") -> None:
        """Take in what another start has reached."""
        self.own |= other.own
        self.modules |= other.modules
        self.files |= other.files
        self.tops |= other.tops
        self.distributions |= other.distributions
        self.wingspan |= other.wingspan
        self.stamps |= other.stamps


def reach_name(home: Home, name: str) -> Reached:
    """Return what a top-level name of a module reaches; remembered until a file changes.

    Raises
    ------
    DeclarationError
        The file does not bind the name, or a file is not Python.
    """
    key = (home, name, tuple(sys.path))
    return _remembered(key, lambda: _Walk(home).from_name(name))


def reach_import(found: Import, beside: Path) -> Reached:
    """Return what an import in a file of a folder reaches, project modules as a whole."""
    home = Home("", "", beside / "nobody's home", "")
    return _remembered((found, beside, tuple(sys.path)), lambda: _Walk(home).from_import(found))


def read_source(file: Path, package: str) -> Source:
    """Return the statements of a file as it is now.

    Raises
    ------
    DeclarationError
        The file cannot be read, or is not Python.
    """
    stamp = _stamp(file)
    known = _sources.get((file, package))
    if known is None or known[0] != stamp:
        known = _sources[file, package] = (stamp, _read(file, package))
    return known[1]


_reached: dict[Hashable, Reached] = {}
_sources: dict[tuple[Path, str], tuple[Stamp, Source]] = {}


def _remembered(key: Hashable, find: Callable[[], Reached]) -> Reached:
    known = _reached.get(key)
    if known is None or any(_stamp(path) != stamp for path, stamp in known.stamps.items()):
        known = _reached[key] = find()
    return known


def _stamp(path: Path) -> Stamp:
    """Return what changes when a file does: its content if that is new, else its identity."""
    try:
        status = path.stat()
        if stat.S_ISREG(status.st_mode) and time.time_ns() - status.st_mtime_ns < SETTLED_NS:
            return (digest_file(path),)
    except OSError:
        return ()
    return (status.st_ino, status.st_size, status.st_mtime_ns)


class _Walk:
    """One walk from a name through the files it reaches."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.reached = Reached()
        self._names: list[str] = []
        self._imports: list[Import] = []
        self._seen: set[str | Import] = set()
        self._deeper: dict[str, bool] = {}
        self._places: dict[str, Place | None] = {}

    def from_name(self, name: str) -> Reached:
        source = self._source(self.home.file, self.home.package)
        if not source.binding(name):
            problem = f"the file has no top-level {name}; it may have changed since it was imported"
            fix = "define it at the top level, not below `if __name__`, and start Python again"
            raise DeclarationError(str(self.home.file), problem, fix)
        if self.home.name.partition(".")[0] != "wingspan":
            self.reached.files[self.home.shown] = self.home.file
        for parent in _prefixes(self.home.name)[:-1]:
            self._module(parent, wanted=False)
        self._names.append(name)
        while self._names or self._imports:
            if self._names:
                self._name(source, self._names.pop())
            else:
                self._import(self._imports.pop())
        return self.reached

    def from_import(self, found: Import) -> Reached:
        self._imports.append(found)
        while self._imports:
            self._import(self._imports.pop())
        return self.reached

    def _name(self, source: Source, name: str) -> None:
        if name in self._seen:
            return
        self._seen.add(name)
        statements = source.binding(name)
        own = [each for each in statements if each.defines(name) != "import"]
        for each in statements:
            if each not in own:
                star = each.imports[0].name == "*"
                key = f"import {self.home.shown}.{'*' if star else name}"
                self._add_text(key, str(each.imports[0]))
            self._names += sorted(each.uses)
            self._imports += each.imports
        if own:
            kinds = [kind for each in own if (kind := each.defines(name)) != "global"]
            text = "\n".join(each.text for each in own)
            key = f"{kinds[0] if kinds else 'global'} {self.home.shown}.{name}"
            self.reached.own[key] = digest_bytes(text.encode())

    def _add_text(self, key: str, text: str) -> None:
        known = self.reached.own.get(key)
        if known is None or text not in known.split(", "):
            self.reached.own[key] = f"{known}, {text}" if known else text

    def _import(self, found: Import) -> None:
        """Follow one import; one from the home itself is one more name, not the whole home."""
        if found in self._seen or not found.module:
            return
        self._seen.add(found)
        for prefix in _prefixes(found.module):
            if not self._module(prefix, wanted="." not in prefix):
                return
        if self._is_home(found.module):
            self._from_home(found)
        if found.name == "*":
            self._imports += [Import(found.module, name) for name in self._exports(found.module)]
        elif found.name is not None:
            name = f"{found.module}.{found.name}"
            self._module(name, wanted=False)
            if self._is_home(name):
                self._from_home(Import(name, None))

    def _from_home(self, found: Import) -> None:
        source = self._source(self.home.file, self.home.package)
        if found.name is not None and found.name in source.bound:
            self._names.append(found.name)
        elif found.name in {None, "*"}:
            self.reached.modules[self.home.shown] = source.digest
            self._imports += source.imports

    def _exports(self, module: str) -> list[str]:
        place = self._place(module)
        if place is None or place.file is None or place.file.suffix != ".py":
            return []
        return sorted(self._source(place.file, module).exports)

    def _module(self, name: str, *, wanted: bool) -> bool:
        """Note a module once, if `wanted` its absence too; say whether to look for submodules."""
        if name not in self._deeper:
            self._deeper[name] = self._note(name, wanted=wanted)
        return self._deeper[name]

    def _note(self, name: str, *, wanted: bool) -> bool:
        place = self._place(name)
        if place is None:
            if wanted:
                self._absent(name)
            return False
        if place.kind == "standard" or place.file is None:
            return place.kind != "standard"
        if self._is_home(name):
            return True
        if name.partition(".")[0] == "wingspan":
            self._wingspan(name, place)
        elif place.kind == "distribution":
            self._distribution(name, place)
            return False
        else:
            self.reached.files[name] = place.file
            self.reached.modules[name] = self._whole(name, place.file)
        return place.file.stem == "__init__"

    def _whole(self, name: str, file: Path) -> str:
        if file.suffix != ".py":
            self.reached.stamps[file] = _stamp(file)
            return digest_file(file)
        source = self._source(file, name if file.stem == "__init__" else name.rpartition(".")[0])
        self._imports += source.imports
        return source.digest

    def _wingspan(self, name: str, place: Place) -> None:
        """Note one of Wingspan's modules, by its bytes if it is a checkout's; else the version says it all.

        ``__init__`` only hands names on and is not followed.
        """
        self.reached.wingspan.setdefault(name, "")
        if name != "wingspan" and place.file is not None:
            if place.kind == "project":
                self.reached.wingspan[name] = digest_file(place.file)
            if place.file.suffix == ".py":
                package = name if place.file.stem == "__init__" else name.rpartition(".")[0]
                self._imports += self._source(place.file, package).imports

    def _distribution(self, name: str, place: Place) -> None:
        self.reached.tops.add(name.partition(".")[0])
        self.reached.stamps[place.folder] = _stamp(place.folder)
        folders = metadata_folders(name, place.folder)
        for folder in folders:
            for file in metadata_files(folder):
                self.reached.stamps[file] = _stamp(file)
            title, version = version_of(folder)
            self.reached.distributions[title] = version
        if not folders:
            self.reached.distributions[name.partition(".")[0]] = "unknown version"

    def _absent(self, name: str) -> None:
        self.reached.distributions[name] = "not installed"
        for folder in (self.home.file.parent, *map(Path, sys.path)):
            self.reached.stamps[folder] = _stamp(folder)

    def _is_home(self, name: str) -> bool:
        place = self._place(name)
        return place is not None and place.file == self.home.file

    def _place(self, name: str) -> Place | None:
        if name not in self._places:
            self._places[name] = locate(name, self.home.file.parent)
        return self._places[name]

    def _source(self, file: Path, package: str) -> Source:
        self.reached.stamps[file] = _stamp(file)
        return read_source(file, package)


def _read(file: Path, package: str) -> Source:
    try:
        return parse(file.read_bytes(), package)
    except (SyntaxError, ValueError) as error:
        line, fix = getattr(error, "lineno", None) or 1, "correct the file"
        raise DeclarationError(f"{file}:{line}", f"this is not Python: {error}", fix) from error
    except OSError as error:
        where, fix = str(file), "functions of steps must be written in files that can be read"
        raise DeclarationError(where, f"cannot be read: {error.strerror}", fix) from error


def _prefixes(name: str) -> list[str]:
    """Return ``a``, ``a.b``, ``a.b.c`` for ``a.b.c``: the order in which Python imports them."""
    parts = name.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts) + 1)]
