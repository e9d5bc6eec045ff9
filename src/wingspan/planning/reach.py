"""What a name of a Python file reaches: definitions of the project, distributions.

Everything is read from files as text: no module is imported or run, so imports by names that are made
at run time are not seen. A definition counts with all that it uses, in whatever module. Importing a
module also runs its statements: those that change something elsewhere count for everything that
imports it. Where a name can be looked up that the text does not hold, the whole module counts.
"""

import sys
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from wingspan.errors import DeclarationError
from wingspan.files import digest_file
from wingspan.planning.effects import Effect
from wingspan.planning.modules import Place, metadata_files, metadata_folders, version_of
from wingspan.planning.project import (
    Home,
    Kept,
    Module,
    Project,
    Stamp,
    gives,
    kept_home,
    prefixes,
    stamp,
)
from wingspan.planning.source import Source
from wingspan.planning.syntax import Chain, Import, Statement, digest_of, parse


@dataclass(slots=True)
class Reached:
    """What was reached; `stamps` are the files it was read from, as they were."""

    own: dict[str, str] = field(default_factory=dict)
    modules: dict[str, str] = field(default_factory=dict)
    files: dict[str, Kept] = field(default_factory=dict)
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


def reach_text(home: Home, text: str, free: frozenset[str]) -> Reached:
    """Return what a function inside another reaches, but for the variables that it captures."""
    key = (home, text, free, tuple(sys.path))
    return _remembered(key, lambda: _Walk(home).from_text(text, free))


def reach_import(found: Import, chain: Chain, beside: Path) -> Reached:
    """Return what an import in a file of a folder reaches, and the attributes that are asked of it."""
    home = Home("", "", beside / "nobody's home", "")
    key = (found, chain, beside, tuple(sys.path))
    return _remembered(key, lambda: _Walk(home).from_import(found, chain))


_reached: dict[Hashable, Reached] = {}


def _remembered(key: Hashable, find: Callable[[], Reached]) -> Reached:
    known = _reached.get(key)
    if known is None or any(stamp(path) != was for path, was in known.stamps.items()):
        known = _reached[key] = find()
    return known


class _Walk:
    """One walk from a name through the files it reaches."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.reached = Reached()
        self.project = Project(home)
        self.reached.stamps = self.project.stamps
        self._names: list[tuple[Module, str, Chain]] = []
        self._whole: list[str] = []
        self._later: list[Callable[[], None]] = []  # a chain of imports may be longer than a stack
        self._seen: set[Hashable] = set()
        self._deeper: dict[tuple[str, bool], bool] = {}
        self._run: list[Module] = []
        self._asks_for_subclasses = False

    def from_name(self, name: str) -> Reached:
        module = self.project.home_module()
        if not module.source.binding(name):
            problem = f"the file has no top-level {name}; it may have changed since it was imported"
            fix = "define it at the top level, not below `if __name__`, and start Python again"
            raise DeclarationError(str(self.home.file), problem, fix)
        self._begin(module)
        self._names.append((module, name, ()))
        return self._finish()

    def from_text(self, text: str, free: frozenset[str]) -> Reached:
        module = self.project.home_module()
        self._begin(module)
        for each in parse(text, self.home.package):
            self._statement(module, each, free)
        return self._finish()

    def from_import(self, found: Import, chain: Chain) -> Reached:
        self._follow(found, chain)
        return self._finish()

    def _begin(self, module: Module) -> None:
        if not _is_ours(self.home.name):
            self.reached.files[self.home.shown] = kept_home(self.home, module.source)
            self._imported(module)
        for parent in prefixes(self.home.name)[:-1]:
            self._module(parent, used=True)

    def _finish(self) -> Reached:
        while self._names or self._whole or self._later:
            while self._names or self._whole or self._later:
                if self._later:
                    self._later.pop()()
                elif self._names:
                    self._name(*self._names.pop())
                else:
                    self._take_whole(self._whole.pop())
            if self._asks_for_subclasses:
                self._add_subclasses()
        return self.reached

    def _name(self, module: Module, name: str, chain: Chain) -> None:
        """Take in what can give a name of a module its value."""
        if self._again(module, name, chain):
            return
        if module.source.opaque:
            self._take_whole_module(module)
        binding = module.source.binding(name)
        for each in binding:
            self._imported_name(module, each, name, chain)
        own = [each for each in binding if not each.is_import]
        if own and not self._again(module, name):
            kinds = [
                kind for each in own if (kind := each.defines(name)) not in {"global", "import"}
            ]
            key = f"{kinds[0] if kinds else 'global'} {module.shown}.{name}"
            self.reached.own[key] = digest_of(own)
            for each in own:
                self._statement(module, each)

    def _imported_name(self, module: Module, statement: Statement, name: str, chain: Chain) -> None:
        """Follow a name to where a statement imports it from, if it does."""
        for found in statement.imports_at_once:
            if found.name == "*":
                self._star(module, found, name, chain)
            elif found.local == name:
                if statement.is_import:
                    self._add_text(f"import {module.shown}.{name}", str(found))
                self._follow(found, chain)

    def _statement(
        self, module: Module, statement: Statement, free: frozenset[str] = frozenset()
    ) -> None:
        """Take in all that a statement uses."""
        if self._again(statement):
            return
        if "__subclasses__" in statement.text:
            self._asks_for_subclasses = True
        if Effect(statement).dynamic:
            self._take_whole_module(module)
        chains = statement.chains
        for name in sorted(statement.uses - free):
            self._names += [(module, name, chain) for chain in sorted(chains.get(name, {()}))]
        mentioned = statement.mentions & module.source.bound.keys()
        self._names += [(module, name, ()) for name in sorted(mentioned)]
        for found in statement.imports:
            self._import(found.module, used=True)
            for chain in sorted(chains.get(found.local, ())):
                self._follow(found, chain)
            if found.name is not None and self.project.submodule(found.module, found.name):
                self._import(f"{found.module}.{found.name}", used=True)

    def _follow(self, found: Import, chain: Chain) -> None:
        """Take in an imported name and the attributes that are asked of it."""
        if not found.module:
            return
        self._import(found.module, used=True)
        if found.name is None:
            self._attributes(found.module.partition(".")[0] if found.first else found.module, chain)
        else:
            self._attributes(found.module, (found.name, *chain))

    def _attributes(self, name: str, chain: Chain) -> None:
        """Take in what the attributes of a module lead to; the whole module where it is given away."""
        place = self.project.place(name)
        if place is None or place.kind != "project" or _is_ours(name):
            return
        if not chain:
            self._whole.append(name)
            return
        module, (part, *rest) = self.project.module(name), chain
        bound = module is not None and _may_have(module.source, part)
        if module is not None and bound:
            self._names.append((module, part, tuple(rest)))
        inner = self.project.submodule(name, part)
        if inner is not None:
            self._import(inner, used=True)
            self._attributes(inner, tuple(rest))
        elif module is not None and not bound and part not in _OF_MODULES:
            if "__getattr__" in module.source.bound:
                self._names.append((module, "__getattr__", ()))
            else:
                self._whole.append(name)

    def _star(self, module: Module, found: Import, name: str, chain: Chain) -> None:
        """Take in a name that a star import may bring."""
        self._import(found.module, used=True)
        other = self.project.module(found.module)
        if other is not None and not gives(other.source, name):
            return
        self._add_text(f"import {module.shown}.*", str(found))
        if other is None:
            self._attributes(found.module, ())
            return
        if other.source.exports is None:
            self._whole.append(found.module)
        if name in other.source.bound or other.source.stars:
            self._names.append((other, name, chain))
        else:
            self._attributes(found.module, (name, *chain))

    def _import(self, name: str, *, used: bool) -> None:
        """Take in that a module is imported, and the packages that it lies in."""
        for prefix in prefixes(name) if name else ():
            if not self._module(prefix, used=used):
                return

    def _module(self, name: str, *, used: bool) -> bool:
        """Note a module once; say whether to look for submodules."""
        key = (name, used)
        if key not in self._deeper:
            self._deeper[key] = True  # while it is looked at: modules may import one another
            self._deeper[key] = self._note(name, used=used)
        return self._deeper[key]

    def _note(self, name: str, *, used: bool) -> bool:
        place = self.project.place(name)
        if place is None:
            if used and "." not in name:
                self._absent(name)
            return False
        if _is_ours(name):
            return used and self._wingspan(name, place)
        if place.kind == "project":
            return self._of_project(name, place)
        if place.kind == "distribution" and used:
            self._distribution(name, place)
        return False

    def _of_project(self, name: str, place: Place) -> bool:
        module = self.project.module(name)
        self.reached.files[name] = self.project.kept(name, place)
        if module is not None:
            self._later.append(partial(self._imported, module))
        elif place.file is not None:
            self.reached.modules[name] = self.reached.files[name].digest
        return place.file is None or place.file.stem == "__init__"

    def _imported(self, module: Module) -> None:
        """Take in what importing a module runs: further imports, and what changes things elsewhere."""
        if self._again("imported", module):
            return
        self._run.append(module)
        source = module.source
        for found in source.imports_at_once:
            self._import(found.module, used=False)
            if found.name and self.project.submodule(found.module, found.name):
                self._import(f"{found.module}.{found.name}", used=False)
        acting = [each for position, each in enumerate(source.statements)
                  if not each.is_import and self.project.acts(module, position)]  # fmt: skip
        acting += [each for each in source.unused_imports if self._is_distribution(each.imports[0])]
        if acting:
            self.reached.own[f"import-time code of {module.shown}"] = digest_of(acting)
            for each in acting:
                self._statement(module, each)

    def _is_distribution(self, found: Import) -> bool:
        place = self.project.place(found.module.partition(".")[0])
        return place is not None and place.kind == "distribution"

    def _add_subclasses(self) -> None:
        """Take in the classes of all imported modules that are derived from others."""
        for module in self._run:
            for effect in module.source.effects:
                if effect.bases and not self._again("subclasses", effect.statement):
                    self._names += [(module, name, ()) for name in sorted(effect.statement.binds)]

    def _take_whole(self, name: str) -> None:
        module = self.project.module(name)
        if module is not None:
            self._take_whole_module(module)

    def _take_whole_module(self, module: Module) -> None:
        """Take in a module as a whole, and all that it imports as a whole."""
        if self._again("whole", module):
            return
        self.reached.modules[module.shown] = module.source.digest
        self._imported(module)
        for found in module.source.imports:
            if not found.module or _is_ours(found.module):
                self._import(found.module, used=True)
                continue
            self._import(found.module, used=True)
            self._whole.append(found.module)
            if found.name and (inner := self.project.submodule(found.module, found.name)):
                self._import(inner, used=True)
                self._whole.append(inner)

    def _add_text(self, key: str, text: str) -> None:
        known = self.reached.own.get(key)
        if known is None or text not in known.split(", "):
            self.reached.own[key] = f"{known}, {text}" if known else text

    def _again(self, *what: Hashable) -> bool:
        """Say whether this was taken in before; it is from now on."""
        if what in self._seen:
            return True
        self._seen.add(what)
        return False

    def _wingspan(self, name: str, place: Place) -> bool:
        """Note one of Wingspan's modules, by its bytes if it is a checkout's; else the version says it all.

        ``__init__`` only hands names on and is not followed.
        """
        self.reached.wingspan.setdefault(name, "")
        if place.file is None:
            return True
        self._deeper[name, True] = place.file.stem == "__init__"  # modules may import one another
        if name != "wingspan" and place.file != self.home.file:
            if place.kind == "project":
                self.reached.wingspan[name] = digest_file(place.file)
            if place.file.suffix == ".py":
                package = name if place.file.stem == "__init__" else name.rpartition(".")[0]
                source = self.project.source(place.file, package)
                self._later.append(partial(self._import_all, source))
        return place.file.stem == "__init__"

    def _import_all(self, source: Source) -> None:
        for found in source.imports:
            self._import(found.module, used=True)
            if found.name:
                self._import(f"{found.module}.{found.name}", used=True)

    def _distribution(self, name: str, place: Place) -> None:
        self.reached.tops.add(name.partition(".")[0])
        self.reached.stamps[place.folder] = stamp(place.folder)
        folders = metadata_folders(name, place.folder)
        for folder in folders:
            for file in metadata_files(folder):
                self.reached.stamps[file] = stamp(file)
            title, version = version_of(folder)
            self.reached.distributions[title] = version
        if not folders:
            self.reached.distributions[name.partition(".")[0]] = "unknown version"

    def _absent(self, name: str) -> None:
        self.reached.distributions[name] = "not installed"
        for folder in (self.home.file.parent, *map(Path, sys.path)):
            self.reached.stamps[folder] = stamp(folder)


_OF_MODULES = frozenset({"__name__", "__file__", "__doc__", "__path__", "__spec__", "__package__"})


def _is_ours(name: str) -> bool:
    return name.partition(".")[0] == "wingspan"


def _may_have(source: Source, name: str) -> bool:
    return name in source.bound or bool(source.stars)
