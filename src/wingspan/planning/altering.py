"""Which objects a statement may change when its module is imported, by all that it calls.

Functions and classes of the project are followed to their code, through modules. What is not known counts as a change
of what it is given. Libraries whose functions leave their arguments as they are, are listed.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from wingspan.planning.callees import Callee, Callees, Class, Code, Instance, Library, arguments_of
from wingspan.planning.changes import (
    CHANGING,
    DEEPEST,
    Decoration,
    Link,
    Piece,
    functions_in,
    given,
    is_fixed,
    of_function,
    only_prints,
    sources,
)
from wingspan.planning.effects import Effect, sets_something
from wingspan.planning.project import Module, Project
from wingspan.planning.syntax import DEFINITIONS, Statement

_GETS = re.compile(r"_*get")
"""Functions of libraries that return an object that is there already: ``decimal.getcontext()``."""
_PURE_TEXT = """
abc argparse ast base64 builtins calendar cmath collections concurrent configparser contextlib copy csv dataclasses
datetime decimal enum fractions functools hashlib inspect io itertools json logging math numbers numpy os pandas
pathlib pickle platform polars pprint pyarrow re scipy sklearn statistics string struct sys tempfile textwrap time
torch types typing typing_extensions unicodedata urllib uuid warnings wingspan xgboost lightgbm zoneinfo
"""
_PURE = frozenset(_PURE_TEXT.split())
"""Libraries whose functions leave what they are given as it is, but for `_IMPURE`."""
_IMPURE = frozenset({"copyto", "place", "put", "putmask", "fill_diagonal", "shuffle", "exec", "eval"})  # fmt: skip
_IMPURE |= {"setattr", "delattr", "next", "__setattr__", "__delattr__"}
_INTO = frozenset({"out", "inplace"})  # words of libraries for what a function writes into


class Held(NamedTuple):
    """An object by the name that a module has for it; None is a module that a function imports."""

    module: Module | None
    name: str
    part: str = ""  # the first attribute that is asked of it


class Summary(NamedTuple):
    """What code changes: its parameters, with the depth, and objects of modules.

    `run` is what the code calls.
    """

    parameters: dict[str, int]
    held: frozenset[Held]
    run: tuple[Code | Class, ...]


_DEEP = 25  # functions that call one another, of which the last is looked into
_NOTHING = Summary({}, frozenset(), ())


class Altering:
    """The changes that the modules of a project make to one another's objects, and to their own."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.callees = Callees(project)
        self._by: dict[Statement, frozenset[Held]] = {}
        self._changers: dict[Module, dict[str, set[Statement]]] = {}
        self._links: dict[Module, dict[str, list[tuple[Piece, Link]]]] = {}
        self._pieces: dict[ast.AST, Piece] = {}
        self._summaries: dict[ast.AST, Summary] = {}
        self._looking: list[ast.AST] = []  # functions that are looked at: they call one another

    def acts(self, module: Module, position: int) -> bool:
        """Return whether an import of a module changes what another module made."""
        effect = module.source.effects[position]
        if effect.quiet or module.source.declares(effect):
            return False
        if any(_elsewhere(module, held) for held in self.by(module, effect)):
            return True
        return any(self.project.hooks(module, base) for base in module.source.derives(position))

    def binding(self, module: Module, name: str) -> tuple[Statement, ...]:
        """Return the statements that may bind a module's name or change its object, in order."""
        own = module.source.binding(name)
        if name not in module.source.bound:
            return own
        wanted = {*own, *self._changers_of(module).get(name, ())}
        return tuple(each for each in module.source.statements if each in wanted)

    def by(self, module: Module, effect: Effect) -> frozenset[Held]:
        """Return what a statement changes when its module is imported."""
        statement = effect.statement
        if statement not in self._by:
            self._by[statement] = frozenset()  # while it is looked at
            self._by[statement] = frozenset(self._found(module, effect))
        return self._by[statement]

    def summary(self, code: Code) -> Summary:
        """Return what a call of a function changes, also through the parameters that it passes on."""
        if code.node not in self._summaries:
            self._summaries[code.node] = (
                _NOTHING  # while it is looked at: functions call one another
            )
            walk = _Walk(self, code.module, self.piece(code))
            self._summaries[code.node] = walk.summary()
        return self._summaries[code.node]

    def piece(self, code: Code) -> Piece:
        """Return the body of a function."""
        if code.node not in self._pieces:
            self._pieces[code.node] = of_function(code.node, code.statement.package)
        return self._pieces[code.node]

    def links(self, module: Module) -> dict[str, list[tuple[Piece, Link]]]:
        """Return, for each name that a module binds, what its value comes from."""
        known = self._links.get(module)
        if known is None:
            known = self._links[module] = defaultdict(list)
            for effect in module.source.effects:
                for name, links in effect.piece.links.items():
                    known[name] += [(effect.piece, link) for link in links]
                for name in effect.statement.binds_late:
                    for node in functions_in(effect.statement):
                        piece = self.piece(Code(module, effect.statement, node))
                        known[name] += [(piece, link) for link in piece.links.get(name, ())]
        return known

    def fixed(self, module: Module, name: str, part: str) -> bool:
        """Say whether a name surely holds what cannot be changed, such as a number."""
        found = list(self.project.find_name(module, name, (part,) if part else ()))
        return bool(found) and all(
            each.module is not None
            and all(is_fixed(effect.statement) for effect in each.module.source.binds(each.name))
            for each in found
        )

    def _changers_of(self, module: Module) -> dict[str, set[Statement]]:
        known = self._changers.get(module)
        if known is None:
            known = self._changers[module] = defaultdict(set)
            for effect in module.source.effects:
                for held in () if effect.quiet else self.by(module, effect):
                    if held.module is module:
                        known[held.name].add(effect.statement)
        return known

    def _found(self, module: Module, effect: Effect) -> Iterator[Held]:
        source = module.source
        if source.declares(effect):
            yield from (Held(module, name) for name, _ in effect.calls if name in source.bound)
            return
        done = _Walk(self, module, effect.piece, at_import=True).summary()
        yield from done.held
        yield from self._by_all(done.run)
        yield from (Held(module, name) for name, _ in effect.bases if source.hooks(name))

    def _by_all(self, begun: Iterable[Code | Class]) -> Iterator[Held]:
        """Give what code changes in modules, with all the code that it mentions."""
        seen: set[Statement] = set()
        pending: list[tuple[Module, Statement]] = []
        for code in begun:
            if isinstance(code, Code):
                yield from self.summary(code).held
            pending.append((code.module, code.statement))
        while pending:
            module, statement = pending.pop()
            if statement in seen:
                continue
            seen.add(statement)
            yield from (Held(module, name) for name in Effect(statement).filled_classes)
            for node in functions_in(statement):
                yield from self.summary(Code(module, statement, node)).held
            pending += self._mentioned(module, statement)

    def _mentioned(
        self, module: Module, statement: Statement
    ) -> Iterator[tuple[Module, Statement]]:
        """Give the definitions of functions and classes that a statement uses, in any module."""
        for name in statement.uses:
            for chain in statement.chains.get(name, ((),)):
                for found in self.project.find_name(module, name, chain):
                    if found.module is not None:
                        effects = found.module.source.binds(found.name)
                        yield from (
                            (found.module, effect.statement)
                            for effect in effects
                            if isinstance(effect.statement.node, DEFINITIONS)
                        )


class _Walk:
    """One piece of code, and what the changes that it makes reach."""

    def __init__(
        self, whole: Altering, module: Module, piece: Piece, *, at_import: bool = False
    ) -> None:
        self.whole = whole
        self.module = module
        self.piece = piece
        self.at_import = at_import
        self.held: set[Held] = set()
        self.run: list[Code | Class] = []
        self.seen: dict[object, int] = {}
        self.depths: dict[str, int] = {}  # of the piece's own names that are changed
        self.pending: list[tuple[Piece, Link, int]] = []

    def summary(self) -> Summary:
        for link in self.piece.changed:
            self._change([link])
        for call in self.piece.calls:
            self._call(call)
        for call in self.piece.operations:
            callees = self.whole.callees.of(self.module, self.piece, call.func)
            for code in (each for each in callees if isinstance(each, Code)):
                self._call_code(code, call)
        for node in self.piece.nodes:
            if isinstance(node, ast.Global):
                self.held |= {Held(self.module, name) for name in node.names}
        while self.pending:
            self._reach(*self.pending.pop())
        changed = {name: self.depths[name] for name in self.piece.parameters if name in self.depths}
        return Summary(changed, frozenset(self.held), tuple(self.run))

    def _change(self, links: Iterable[Link], depth: int = 0) -> None:
        self.pending += [(self.piece, link, depth) for link in links]

    def _reach(self, piece: Piece, link: Link, depth: int) -> None:
        """Go on from a change of a value to what the value comes from."""
        below = link.at(depth)
        if below is None:
            return
        key = (piece, link.origin, link.part)
        if self.seen.get(key, -1) >= below:
            return
        self.seen[key] = below
        if isinstance(link.origin, ast.Call):
            self.pending += [(piece, each, below) for each in self._result(piece, link.origin)]
            return
        name = link.origin
        if piece is self.piece:
            self.depths[name] = max(below, self.depths.get(name, 0))
        self.pending += [(piece, each, below) for each in piece.links.get(name, ())]
        if name in piece.imports:
            self.held.add(Held(None, name))
        elif name not in piece.local:
            self._reach_global(name, link.part, below)

    def _reach_global(self, name: str, part: str, depth: int) -> None:
        source = self.module.source
        if name in source.bound or source.foreign(name):
            if not self.whole.fixed(self.module, name, part):
                self.held.add(Held(self.module, name, part))
            key = (self.module, name)
            if self.seen.get(key, -1) < depth:
                self.seen[key] = depth
                links = self.whole.links(self.module).get(name, ())
                self.pending += [(piece, link, depth) for piece, link in links]

    def _result(self, piece: Piece, call: ast.Call) -> Iterator[Link]:
        """Give what the result of a call comes from."""
        for callee in self.whole.callees.of(self.module, piece, call.func):
            match callee:
                case Class():
                    yield from (link.held() for _, part in given(call) for link in sources(part))
                case Code(makes=False):
                    yield from self._returned(callee, call)
                case Library(last=last):
                    yield from (link for _, part in given(call) for link in sources(part))
                    if _GETS.match(last) and isinstance(call.func, ast.Attribute | ast.Name):
                        yield from (Link(link.origin) for link in sources(call.func))
                case Instance(method=method):
                    yield from (link for _, part in given(call) for link in sources(part))
                    if method and isinstance(call.func, ast.Attribute):
                        yield from (link.below(1) for link in sources(call.func.value))

    def _returned(self, code: Code, call: ast.Call) -> Iterator[Link]:
        """Yield the arguments that a function may return whole or in part; note module objects too."""
        piece = self.whole.piece(code)
        inner = _Walk(self.whole, code.module, piece)
        inner.pending = [(piece, link, 0) for link in piece.returned]
        while inner.pending:
            inner._reach(*inner.pending.pop())
        self.held |= inner.held
        returned = {name: inner.depths[name] for name in piece.parameters if name in inner.depths}
        for link, depth in arguments_of(code, piece, call, returned):
            yield link.below(depth)

    def _call(self, call: ast.Call) -> None:
        """Note what a call may change."""
        if only_prints(call.func):
            return
        passed = self._passed(call)
        self.run += [each for each in passed if isinstance(each, Code)]
        dropped = id(call) in self.piece.dropped
        if any(self._changes_given(each) for each in passed):
            self._change(self._given(call), DEEPEST)
        for _, part in given(call):
            if (
                isinstance(part, ast.Attribute) and part.attr in CHANGING
            ):  # a method that is given away
                self._change(sources(part.value))
        for callee in self.whole.callees.of(self.module, self.piece, call.func):
            if isinstance(callee, Code):
                self._call_code(callee, call)
            elif isinstance(callee, Class):
                self.run.append(callee)
            elif _changes_arguments(callee, call, dropped=dropped):
                self._change(self._given(call), DEEPEST)
            self._call_method(callee, call, dropped=dropped)

    def _call_code(self, code: Code, call: ast.Call) -> None:
        self.run.append(code)
        changed = self.whole.summary(code).parameters
        for link, depth in arguments_of(code, self.whole.piece(code), call, changed):
            self._change([link], depth)
        if isinstance(code.node, ast.FunctionDef) and code.node.name == "__post_init__" and changed:
            self._change(self._given(call), DEEPEST)  # the fields of a dataclass

    def _call_method(self, callee: Callee, call: ast.Call, *, dropped: bool) -> None:
        """Note that a call may change the object whose method it is, or something of its library."""
        roots = [Link(link.origin, part=link.part) for link in sources(call.func)]
        match callee:
            case Library(name="builtins", last="exec" | "eval"):  # a text may change anything
                self.held.add(Held(None, callee.last))
            case Library():
                acts = (dropped and callee.name != "builtins") or sets_something(callee.last)
                if acts or (len(callee.chain) > 1 and callee.last in CHANGING):
                    self._change(roots)
            case Instance(method=method):
                if self.at_import or dropped or method in CHANGING or sets_something(method):
                    self._change(roots, 0 if method in CHANGING else DEEPEST)
            case _ if self.at_import and dropped:
                named = [link for link in roots if isinstance(link.origin, str)]
                self._change(
                    [link for link in named if self.module.source.foreign(str(link.origin))]
                )

    def _passed(self, call: ast.Call) -> list[Code | Library]:
        """Return the functions that a call is given, and may call."""
        found: list[Code | Library] = []
        for _, part in given(call):
            if isinstance(part, ast.Name | ast.Attribute | ast.Lambda):
                callees = self.whole.callees.of(self.module, self.piece, part)
                found += [each for each in callees if isinstance(each, Code | Library)]
        return [] if isinstance(call, Decoration) else found

    def _changes_given(self, passed: Code | Library) -> bool:
        """Say whether a function that a call is given may change what else it is given."""
        if isinstance(passed, Code):
            return bool(self.whole.summary(passed).parameters)
        return passed.top not in _PURE or passed.last in _IMPURE

    def _given(self, call: ast.Call) -> Iterator[Link]:
        """Give what a call is given, but for functions of the project."""
        for _, part in given(call):
            if isinstance(part, ast.Name | ast.Attribute):
                callees = self.whole.callees.of(self.module, self.piece, part)
                if callees and all(isinstance(each, Code) and not each.makes for each in callees):
                    continue
            yield from sources(part)


def _elsewhere(module: Module, held: Held) -> bool:
    """Say whether an object is another module's."""
    return held.module is not module or module.source.foreign(held.name)


def _changes_arguments(callee: Library | Instance, call: ast.Call, *, dropped: bool) -> bool:
    """Return whether a call outside the project may change its arguments."""
    if isinstance(callee, Instance):
        return callee.method not in CHANGING  # which take it in
    if callee.name == "builtins" and callee.last in CHANGING:  # list.append(a, 1)
        return True
    into = any(word.arg in _INTO for word in call.keywords)
    pure = callee.top in _PURE and callee.last not in _IMPURE and not sets_something(callee.last)
    return dropped or into or not pure
