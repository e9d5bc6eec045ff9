"""Find what a call calls: code of the project, a library, or unknown.

Nothing is imported or run.
"""

import ast
import builtins
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from wingspan.planning.changes import Function, Link, Piece, given, sources
from wingspan.planning.project import Found, Module, Project
from wingspan.planning.syntax import DEFINITIONS, Chain, Statement, same_scope

_MAKERS = frozenset({"__init__", "__new__", "__post_init__", "__init_subclass__"})
_LONGEST = 8  # attributes of a name that are followed
_NO_CODE = Piece((), "")


@dataclass(frozen=True, eq=False, slots=True)
class Code:
    """A function of the project.

    The first parameter of a method is not among the arguments of a call.
    """

    module: Module
    statement: Statement
    node: Function
    method: bool = False
    makes: bool = False  # a constructor, whose object is new


class Library(NamedTuple):
    """A function, class or method of a library or of Python."""

    name: str
    chain: Chain

    @property
    def top(self) -> str:
        """Name of the library."""
        return self.name.partition(".")[0]

    @property
    def last(self) -> str:
        """Name of the function."""
        return self.chain[-1] if self.chain else self.name.rpartition(".")[2]


class Instance(NamedTuple):
    """An object that the project made, or a method of it; `method` is the method's name."""

    method: str


@dataclass(frozen=True, eq=False, slots=True)
class Class:
    """A class of the project, of which a call makes an object."""

    module: Module
    statement: Statement
    node: ast.ClassDef


UNKNOWN = Instance("")
Callee = Code | Class | Library | Instance


class Callees:
    """The calls of a project's modules."""

    def __init__(self, project: Project) -> None:
        self.project = project

    def of(self, module: Module, piece: Piece, function: ast.expr) -> list[Callee]:
        """Return all that an expression which is called may be."""
        return list(self._of(module, piece, function, set()))

    def _of(
        self, module: Module, piece: Piece, function: ast.expr, seen: set[object]
    ) -> Iterator[Callee]:
        chain: list[str] = []
        while isinstance(function, ast.Attribute):
            chain.insert(0, function.attr)
            function = function.value
        match function:
            case ast.Name(id=name):
                yield from self._named(module, piece, name, tuple(chain), seen)
            case ast.Constant() | ast.JoinedStr():  # methods of texts
                yield Library("builtins", tuple(chain))
            case ast.Lambda() if not chain:
                yield Code(module, Statement(ast.Expr(function), piece.package), function)
            case ast.Call(func=inner):
                for callee in self._of(module, piece, inner, seen):
                    yield from self._of_result(callee, tuple(chain), seen)
            case _:
                yield Instance(chain[-1] if chain else "")

    def _named(
        self, module: Module, piece: Piece, name: str, chain: Chain, seen: set[object]
    ) -> Iterator[Callee]:
        if (module, piece, name, chain) in seen:
            return
        if len(chain) > _LONGEST:  # of x = x.above, in a loop
            yield Instance(chain[-1])
            return
        seen.add((module, piece, name, chain))
        if name in piece.imports:
            found: Iterable[Found] = self.project.find_import(piece.imports[name], chain)
        elif name in piece.local:
            yield from self._linked(module, piece, name, chain, seen)
            return
        elif not module.source.foreign(name) and name not in module.source.bound:
            yield Library("builtins", (name, *chain)) if hasattr(builtins, name) else UNKNOWN
            return
        else:
            found = self.project.find_name(module, name, chain)
        for each in found:
            yield from self._found(each, seen)

    def _linked(
        self, module: Module, piece: Piece, name: str, chain: Chain, seen: set[object]
    ) -> Iterator[Callee]:
        """Give what a name may be by what it is bound to."""
        unknown = Instance(chain[-1] if chain else "")
        for link in piece.links.get(name, ()):
            if isinstance(link.origin, str):
                part = (link.part,) if link.part else ()
                yield from self._named(module, piece, link.origin, (*part, *chain), seen)
            elif chain:
                for callee in self._of(module, piece, link.origin.func, seen):
                    yield from self._of_result(callee, chain, seen)
            else:
                yield unknown
        if name not in piece.links:
            yield unknown

    def _found(self, found: Found, seen: set[object]) -> Iterator[Callee]:
        module = found.module
        if module is None or module.name.partition(".")[0] == "wingspan":
            yield Library("wingspan" if module else found.name, found.chain or (found.name,))
            return
        for effect in module.source.binds(found.name):
            for node in same_scope(effect.statement.node):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    if node.name == found.name and not found.chain:
                        yield Code(module, effect.statement, node)
                elif isinstance(node, ast.ClassDef) and node.name == found.name:
                    yield from self._of_class(
                        Class(module, effect.statement, node), found.chain, seen
                    )
            if not isinstance(effect.statement.node, DEFINITIONS):
                lambdas = [node for node in effect.nodes if isinstance(node, ast.Lambda)]
                yield from (Code(module, effect.statement, node) for node in lambdas)
                yield from self._linked(module, effect.piece, found.name, found.chain, seen)
            elif found.chain:
                yield Instance(found.chain[-1])

    def _of_class(self, found: Class, chain: Chain, seen: set[object]) -> Iterator[Callee]:
        """Give what making an object runs, or the method that is called; of the bases too."""
        module, statement, node = found.module, found.statement, found.node
        if not chain:
            yield found
        wanted = {chain[-1]} if chain else _MAKERS
        for part in node.body:
            if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef) and part.name in wanted:
                static = any(getattr(each, "id", "") == "staticmethod" for each in part.decorator_list)  # fmt: skip
                yield Code(module, statement, part, method=not static, makes=not chain)
        for base in node.bases:
            asked = ast.Attribute(base, chain[-1], ast.Load()) if chain else base
            callees = self._of(module, _NO_CODE, asked, seen)
            yield from (each for each in callees if isinstance(each, Code))

    def _of_result(self, callee: Callee, chain: Chain, seen: set[object]) -> Iterator[Callee]:
        """Give what a result is that is called, or whose method is."""
        match callee:
            case Class() if chain:
                methods = list(self._of_class(callee, chain, seen))
                yield from methods or [Instance(chain[-1])]
            case Library(name=name, chain=before):
                yield Library(name, (*before, *chain))
            case _:
                yield Instance(chain[-1] if chain else "")


def arguments_of(
    code: Code, piece: Piece, call: ast.Call, changed: dict[str, int]
) -> Iterator[tuple[Link, int]]:
    """Yield the arguments that reach changed parameters, with the depth of the change."""
    if not changed:
        return
    if code.method and not code.makes and isinstance(call.func, ast.Attribute) and piece.parameters:
        depth = changed.get(piece.parameters[0])
        if depth is not None:
            yield from ((link, depth) for link in sources(call.func.value))
    shifts = (
        (1,) if code.makes else (0, 1) if code.method else (0,)
    )  # a method may be called by its class
    for where, part in given(call):
        places = {where + shift if isinstance(where, int) else where for shift in shifts}
        names = {name for place in places for name in piece.parameter(place)}
        depths = [changed[name] for name in names if name in changed]
        if depths:
            yield from ((link, max(depths)) for link in sources(part))
