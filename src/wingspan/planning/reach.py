"""What a name of a Python file reaches: definitions of the project, distributions.

Everything is read from files as text: no module is imported or run, so imports by names that are made
at run time are not seen. A definition counts with all that it uses, in whatever module. Importing a
module also runs its statements: those that change something elsewhere count for everything that
imports it. Where a name can be looked up that the text does not hold, the whole module counts.
"""

import sys
from collections.abc import Callable, Hashable, Mapping
from copy import copy
from functools import partial
from pathlib import Path

from wingspan.errors import DeclarationError
from wingspan.files import digest_file
from wingspan.planning.altering import Altering
from wingspan.planning.calls_at_import import imports_by_calls
from wingspan.planning.effects import Effect
from wingspan.planning.import_time import acting, import_time_code
from wingspan.planning.modules import Place
from wingspan.planning.project import (
    Home,
    Module,
    Project,
    Stamp,
    gives,
    kept_home,
    prefixes,
    stamp,
)
from wingspan.planning.reached import Reached
from wingspan.planning.source import Source
from wingspan.planning.syntax import Chain, Import, Statement, digest_of, parse


def reach_name(home: Home, name: str) -> Reached:
    """Return what a top-level name of a module reaches; remembered until a file changes.

    Raises
    ------
    DeclarationError
        The file does not bind the name, or a file is not Python.
    """
    key = (home, name, tuple(sys.path))
    return _remembered(key, lambda: _begun(home).from_name(name))


def reach_text(home: Home, text: str, free: frozenset[str]) -> Reached:
    """Return what a function inside another reaches, but for the variables that it captures."""
    key = (home, text, free, tuple(sys.path))
    return _remembered(key, lambda: _begun(home).from_text(text, free))


def reach_import(found: Import, chain: Chain, near: Path) -> Reached:
    """Return what an import in a folder's file reaches, and the attributes that it uses."""
    home = Home("", "", near / "no home", "")
    key = (found, chain, near, tuple(sys.path))
    return _remembered(key, lambda: _Walk(home).from_import(found, chain))


_reached: dict[Hashable, Reached] = {}
_walks: dict[Hashable, "_Walk"] = {}


def _remembered(key: Hashable, find: Callable[[], Reached]) -> Reached:
    known = _reached.get(key)
    if known is None or _changed(known.stamps):
        known = _reached[key] = find()
    return known


def _changed(stamps: Mapping[Path, Stamp]) -> bool:
    return any(stamp(path) != was for path, was in stamps.items())


def _begun(home: Home) -> "_Walk":
    """Return a walk with all that an import of the module runs, the same for all its names."""
    key = (home, tuple(sys.path))
    known = _walks.get(key)
    if known is None or _changed(known.reached.stamps):
        known = _walks[key] = _Walk(home)
        known.begin()
    return known.copy()


class _Walk:
    """One walk from a name through the files it reaches."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.reached = Reached()
        self.project = Project(home)
        self.altering = Altering(self.project)
        self.reached.stamps = self.project.stamps
        self.names: list[tuple[Module, str, Chain]] = []
        self.whole: list[str] = []
        self.seen: set[Hashable] = set()
        self.deeper: dict[tuple[str, bool], bool] = {}
        self.later: list[Callable[[], None]] = []  # a chain of imports may be longer than a stack
        self.acts: dict[Module, tuple[Statement, ...]] = {}
        self._asks_for_subclasses = False

    def from_name(self, name: str) -> Reached:
        module = self.project.home_module()
        if not module.source.binding(name):
            problem = f"the file has no top-level {name}; it may have changed since it was imported"
            fix = "define it at the top level, not below `if __name__`, and start Python again"
            raise DeclarationError(str(self.home.file), problem, fix)
        self.names.append((module, name, ()))
        return self._finish()

    def from_text(self, text: str, free: frozenset[str]) -> Reached:
        module = self.project.home_module()
        for each in parse(text, self.home.package):
            self._statement(module, each, free)
        return self._finish()

    def from_import(self, found: Import, chain: Chain) -> Reached:
        self._follow(found, chain)
        return self._finish()

    def begin(self) -> None:
        """Import the module and the packages that it lies in."""
        for parent in prefixes(self.home.name)[:-1]:
            self._module(parent, used=True)
        if not _is_ours(self.home.name):
            module = self.project.home_module()
            self.reached.files[self.home.shown] = kept_home(self.home, module.source)
            self._imported(module)
        self._finish()

    def copy(self) -> "_Walk":
        """Return a walk that goes on from here; what it reads is known to this one too."""
        other = copy(self)
        other.reached = self.reached.copy()
        other.names, other.whole, other.later = [], [], []
        other.seen, other.acts, other.deeper = {*self.seen}, {**self.acts}, {**self.deeper}
        return other

    def _finish(self) -> Reached:
        before = len(self.acts)
        while self.names or self.whole or self.later:
            while self.names or self.whole or self.later:
                if self.later:
                    self.later.pop()()
                elif self.names:
                    self._name(*self.names.pop())
                else:
                    self._take_whole(self.whole.pop())
            if self._asks_for_subclasses:
                self._add_subclasses()
        if len(self.acts) > before:
            for module, statements in import_time_code(self.project, self.acts, self.acts):
                self.reached.own[f"import-time code of {module.shown}"] = digest_of(statements)
        return self.reached

    def _name(self, module: Module, name: str, chain: Chain) -> None:
        """Take in what can give a name of a module its value."""
        if self._again(module, name, chain):
            return
        if module.source.opaque:
            self._take_whole_module(module)
        binding = self.altering.binding(module, name)
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
            self.names += [(module, name, chain) for chain in sorted(chains.get(name, {()}))]
        mentioned = statement.mentions & module.source.bound.keys()
        self.names += [(module, name, ()) for name in sorted(mentioned)]
        for found in statement.imports:
            self._import(found.module, used=True)
            hidden = found.local not in statement.binds  # inside a function or class
            for chain in sorted(chains.get(found.local, {()} if hidden else ())):
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
            above, _, last = found.module.rpartition(".")
            if above and not found.first:  # import a.b as c: what the package calls b
                self._attributes(above, (last, *chain))
        else:
            self._attributes(found.module, (found.name, *chain))

    def _attributes(self, name: str, chain: Chain) -> None:
        """Take in what the attributes of a module lead to; the whole module where it is given away."""
        place = self.project.place(name)
        if place is None or place.kind != "project" or _is_ours(name):
            return
        if not chain:
            self.whole.append(name)
            return
        module, (part, *rest) = self.project.module(name), chain
        bound = module is not None and _may_have(module.source, part)
        if module is not None and bound:
            self.names.append((module, part, tuple(rest)))
        inner = self.project.submodule(name, part)
        if inner is not None:
            self._import(inner, used=True)
            self._attributes(inner, tuple(rest))
        elif module is not None and not bound and part not in _OF_MODULES:
            if "__getattr__" in module.source.bound:
                self.names.append((module, "__getattr__", ()))
            else:
                self.whole.append(name)

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
            self.whole.append(found.module)
        if name in other.source.bound or other.source.stars:
            self.names.append((other, name, chain))
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
        if key not in self.deeper:
            self.deeper[key] = True  # while it is looked at: modules may import one another
            self.deeper[key] = self._note(name, used=used)
        return self.deeper[key]

    def _note(self, name: str, *, used: bool) -> bool:
        place = self.project.place(name)
        if place is None:
            if used and "." not in name:
                self.reached.distributions[name] = "not installed"
            return False
        if _is_ours(name):
            return self._wingspan(name, place) if used else self._load_wingspan(name, place)
        if place.kind == "project":
            return self._of_project(name, place)
        if place.kind == "distribution":
            self.reached.loaded.add(name)
            if used:
                self.reached.add_distribution(name, place)
        return False

    def _of_project(self, name: str, place: Place) -> bool:
        module = self.project.module(name)
        self.reached.files[name] = self.project.kept(name, place)
        if module is not None:
            self.later.append(partial(self._imported, module))
        elif place.file is not None:
            self.reached.modules[name] = self.reached.files[name].digest
        return place.file is None or place.file.stem == "__init__"

    def _imported(self, module: Module) -> None:
        """Take in what importing a module runs: further imports, and what changes things elsewhere."""
        if module in self.acts:
            return
        self.acts[module] = acting(self.altering, module)
        for found in module.source.imports_at_once:
            self._import(found.module, used=False)
            if found.name and self.project.submodule(found.module, found.name):
                self._import(f"{found.module}.{found.name}", used=False)
        for found in imports_by_calls(self.project, module):
            self._import(found.module, used=False)
        for each in self.acts[module]:
            self._statement(module, each)

    def _add_subclasses(self) -> None:
        """Take in the classes of all imported modules that are derived from others."""
        for module in self.acts:
            for effect in module.source.effects:
                if effect.bases and not self._again("subclasses", effect.statement):
                    self.names += [(module, name, ()) for name in sorted(effect.statement.binds)]

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
            self.whole.append(found.module)
            if found.name and (inner := self.project.submodule(found.module, found.name)):
                self._import(inner, used=True)
                self.whole.append(inner)

    def _add_text(self, key: str, text: str) -> None:
        known = self.reached.own.get(key)
        if known is None or text not in known.split(", "):
            self.reached.own[key] = f"{known}, {text}" if known else text

    def _again(self, *what: Hashable) -> bool:
        """Return whether this was seen before, and remember it."""
        if what in self.seen:
            return True
        self.seen.add(what)
        return False

    def _wingspan(self, name: str, place: Place) -> bool:
        """Note one of Wingspan's modules: by its bytes in a checkout, else by the version.

        ``__init__`` only hands names on and is not followed.
        """
        self.reached.wingspan.setdefault(name, "")
        if place.file is None:
            return True
        if name != "wingspan" and place.file != self.home.file:
            if place.kind == "project":
                self.reached.wingspan[name] = digest_file(place.file)
            if place.file.suffix == ".py":
                source = self.project.own_imports(name, place.file)
                self.later.append(partial(self._import_all, source))
        return place.file.stem == "__init__"

    def _load_wingspan(self, name: str, place: Place) -> bool:
        """Follow the imports of one of Wingspan's modules, which may need a library of their own."""
        if name == "wingspan" or place.file is None:
            return True
        if place.file.suffix == ".py":
            for found in self.project.own_imports(name, place.file).imports_at_once:
                self.later.append(partial(self._import, found.module, used=False))
        return place.file.stem == "__init__"

    def _import_all(self, source: Source) -> None:
        for found in source.imports:
            self._import(found.module, used=True)
            if found.name:
                self._import(f"{found.module}.{found.name}", used=True)


_OF_MODULES = frozenset({"__name__", "__file__", "__doc__", "__path__", "__spec__", "__package__"})


def _is_ours(name: str) -> bool:
    return name.partition(".")[0] == "wingspan"


def _may_have(source: Source, name: str) -> bool:
    return name in source.bound or bool(source.stars)
