"""The modules that a file's imports lead to, as text: nothing is imported or run."""

import stat
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from wingspan.errors import DeclarationError
from wingspan.files import digest_bytes, digest_file
from wingspan.planning.digest_cache import SETTLED_NS
from wingspan.planning.effects import Callee
from wingspan.planning.modules import Place, locate, place_of
from wingspan.planning.own_imports import imports_in
from wingspan.planning.source import Source, read
from wingspan.planning.syntax import Chain, Import

Stamp = tuple[int | str, ...]
_sources: dict[tuple[Path, str, bool], tuple[Stamp, Source]] = {}


@dataclass(frozen=True, slots=True)
class Home:
    """The module that a step's function is written in; `shown` is its name in components."""

    name: str
    shown: str
    file: Path
    package: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A project file that a step imports, as it was read.

    `root` is the file's entry of ``sys.path``.

    `content` is None for a compiled module, and `file` a folder for a package without ``__init__``.
    """

    file: Path
    root: Path
    digest: str
    content: bytes | None


@dataclass(frozen=True, eq=False, slots=True)
class Module:
    """A module of the project that is written in Python; `shown` is its name in components."""

    name: str
    shown: str
    source: Source
    package: bool


class Found(NamedTuple):
    """Where a name leads to; `chain` are the attributes that are left over.

    `module` is None in a library, where `name` is that of the module.
    """

    module: Module | None
    name: str
    chain: Chain


def read_source(file: Path, package: str, *, own: bool = False) -> Source:
    """Return the statements of a file as it is now; read again when the file changes.

    Parameters
    ----------
    own
        Whether it is one of Wingspan's modules, of which only the imports are needed.

    Raises
    ------
    DeclarationError
        The file cannot be read, or is not Python.
    """
    now = stamp(file)
    known = _sources.get((file, package, own))
    if known is None or known[0] != now:
        known = _sources[file, package, own] = (now, _read(file, package, own=own))
    return known[1]


def stamp(path: Path) -> Stamp:
    """Return what changes when a file does: its content if that is new, else its identity."""
    try:
        status = path.stat()
        if stat.S_ISREG(status.st_mode) and time.time_ns() - status.st_mtime_ns < SETTLED_NS:
            return (digest_file(path),)
    except OSError:
        return ()
    return (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def prefixes(name: str) -> list[str]:
    """Return ``a``, ``a.b``, ``a.b.c`` for ``a.b.c``: the order in which Python imports them."""
    parts = name.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts) + 1)]


class Project:
    """The modules seen from one file; `stamps` are the files they were read from, as they were."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.stamps: dict[Path, Stamp] = {}
        self._places: dict[str, Place | None] = {}
        self._modules: dict[str, Module | None] = {}
        self._home: Module | None = None

    def home_module(self) -> Module:
        """Return the module of the file itself."""
        if self._home is None:
            source = self.source(self.home.file, self.home.package)
            package = self.home.file.stem == "__init__"
            self._home = Module(self.home.name, self.home.shown, source, package)
        return self._home

    def place(self, name: str) -> Place | None:
        """Return where a module lies; None if there is no module of the name."""
        if name not in self._places:
            self._places[name] = locate(name, self.home.file.parent)
            if self._places[name] is None:
                self._watch_for(name)
        return self._places[name]

    def source(self, file: Path, package: str) -> Source:
        """Return the statements of a file; note how it was."""
        self.stamps[file] = stamp(file)
        return read_source(file, package)

    def own_imports(self, name: str, file: Path) -> Source:
        """Return the imports of one of Wingspan's modules; note how its file was."""
        package = name if file.stem == "__init__" else name.rpartition(".")[0]
        self.stamps[file] = stamp(file)
        return read_source(file, package, own=True)

    def module(self, name: str) -> Module | None:
        """Return a module of the project; None if it is another's, compiled, or has no file."""
        if name not in self._modules:
            self._modules[name] = self._find(name)
        return self._modules[name]

    def submodule(self, name: str, part: str) -> str | None:
        """Return the name of a module of a package of the project, if it has it."""
        package = self.place(name)
        if package is None or package.kind != "project":
            return None
        if package.file is not None and package.file.stem != "__init__":
            return None
        return f"{name}.{part}" if self.place(f"{name}.{part}") else None

    def kept(self, name: str, place: Place) -> Kept:
        """Return what a run keeps of a module of the project."""
        if place.file is None:
            return Kept(place.folder.joinpath(*name.split(".")), place.folder, "", None)
        module = self.module(name)
        if module is None:
            self.stamps[place.file] = stamp(place.file)
            return Kept(place.file, place.folder, digest_file(place.file), None)
        return kept_source(module.source, place)

    def find(self, name: str, chain: Chain) -> Iterator[Found]:
        """Give what the attributes of a module lead to, through all that hands it on."""
        yield from self._find_in(name, chain, frozenset())

    def find_import(self, found: Import, chain: Chain) -> Iterator[Found]:
        """Give what an imported name leads to, with the attributes that are asked of it."""
        yield from self._find_import(found, chain, frozenset())

    def find_name(self, module: Module, name: str, chain: Chain) -> Iterator[Found]:
        """Give what a name of a module leads to: its definition, there or in another module."""
        yield from self._find_name(module, name, chain, frozenset())

    def hooks(self, module: Module, base: Callee) -> bool:
        """Say whether deriving a class from an imported one runs code of the project."""
        pending, seen = [(module, base)], set()
        while pending:
            each = pending.pop()
            if each in seen:
                continue
            seen.add(each)
            for found in self._find_name(each[0], *each[1], frozenset()):
                if found.module is not None:
                    if found.module.source.hooks(found.name):
                        return True
                    further = found.module.source.bases_elsewhere(found.name)
                    pending += [(found.module, callee) for callee in further]
        return False

    def _watch_for(self, name: str) -> None:
        """Note the folders where a module may come to be."""
        above, _, _ = name.rpartition(".")
        package = self._places.get(above) if above else None
        if package is not None and package.kind == "project":
            folders = [package.folder.joinpath(*above.split("."))]
        else:
            folders = [] if above else [self.home.file.parent, *map(Path, sys.path)]
        self.stamps.update({folder: stamp(folder) for folder in folders})

    def _find(self, name: str) -> Module | None:
        place = self.place(name)
        if place is None or place.file is None or place.kind != "project":
            return None
        if place.file == self.home.file:
            return self.home_module()
        if place.file.suffix != ".py":
            return None
        package = place.file.stem == "__init__"
        source = self.source(place.file, name if package else name.rpartition(".")[0])
        return Module(name, name, source, package)

    def _find_in(
        self, name: str, chain: Chain, seen: frozenset[tuple[str, Chain]]
    ) -> Iterator[Found]:
        place = self.place(name)
        if place is None or place.kind != "project":
            yield Found(None, name, chain)
            return
        if not chain or (name, chain) in seen:
            return
        seen |= {(name, chain)}
        module, (part, *rest) = self.module(name), chain
        bound = False
        if module is not None:
            for found in self._find_name(module, part, tuple(rest), seen):
                bound = True
                yield found
        inner = self.submodule(name, part)
        if inner is not None:
            yield from self._find_in(inner, tuple(rest), seen)
        elif not bound and module is not None:
            yield Found(module, "__getattr__", chain)

    def _find_name(
        self, module: Module, name: str, chain: Chain, seen: frozenset[tuple[str, Chain]]
    ) -> Iterator[Found]:
        """Yield what a module's name leads to: a definition there, or where it is imported from."""
        for each in module.source.binding(name):
            own = not each.is_import and each.defines(name) != "import"
            for found in each.imports_at_once:
                if found.local == name:
                    yield from self._find_import(found, chain, seen)
                elif found.name == "*":
                    yield from self._find_star(found, name, chain, seen)
            if own and name in each.binds:
                yield Found(module, name, chain)

    def _find_import(
        self, found: Import, chain: Chain, seen: frozenset[tuple[str, Chain]]
    ) -> Iterator[Found]:
        base = found.module.partition(".")[0] if found.first else found.module
        yield from self._find_in(base, chain if found.name is None else (found.name, *chain), seen)

    def _find_star(
        self, found: Import, name: str, chain: Chain, seen: frozenset[tuple[str, Chain]]
    ) -> Iterator[Found]:
        module = self.module(found.module)
        if module is None:
            yield Found(None, found.module, (name, *chain))
        elif gives(module.source, name):
            yield from self._find_in(found.module, (name, *chain), seen)


def kept_source(source: Source, place: Place) -> Kept:
    """Return what a run keeps of a module that was read."""
    if place.file is None:
        raise ValueError(place)
    return Kept(place.file, place.folder, digest_bytes(source.content), source.content)


def kept_home(home: Home, source: Source) -> Kept:
    """Return what a run keeps of the file that holds a step's function."""
    return kept_source(source, place_of(home.shown, home.file))


def gives(source: Source, name: str) -> bool:
    """Say whether ``import *`` of a module may bring a name."""
    if source.exports is None or name in source.public:
        return True
    return "__all__" not in source.bound and bool(source.stars) and not name.startswith("_")


def _read(file: Path, package: str, *, own: bool) -> Source:
    try:
        return imports_in(file.read_bytes(), package) if own else read(file.read_bytes(), package)
    except (SyntaxError, ValueError) as error:
        line, fix = getattr(error, "lineno", None) or 1, "correct the file"
        raise DeclarationError(f"{file}:{line}", f"this is not Python: {error}", fix) from error
    except OSError as error:
        where, fix = str(file), "functions of steps must be written in files that can be read"
        raise DeclarationError(where, f"cannot be read: {error.strerror}", fix) from error
