"""What the statements of a Python file bind, use and import. Pure: text in, facts out.

Comments, docstrings, formatting, ``if TYPE_CHECKING:`` and ``if __name__ == "__main__":`` are no
part of a statement's text.
"""

import ast
import symtable
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from wingspan.files import digest_bytes
from wingspan.store.annotation import statements

_CHANGING = {"add", "append", "clear", "extend", "insert", "pop", "remove", "setdefault", "update"}
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class Import(NamedTuple):
    """One imported name: `name` is None for ``import module`` and ``*`` for everything."""

    module: str
    name: str | None

    def __str__(self) -> str:
        return self.module if self.name is None else f"{self.module}.{self.name}"


@dataclass(frozen=True)
class Statement:
    """One statement of a module's top level."""

    node: ast.stmt
    package: str

    @cached_property
    def text(self) -> str:
        """The statement in the one formatting of `ast.unparse`."""
        return ast.unparse(self.node)

    @cached_property
    def binds(self) -> frozenset[str]:
        """The module's names that it defines, assigns or imports, also by ``global``."""
        found = {name for node in _same_scope(self.node) for name in _bound_by(node)}
        for node in ast.walk(self.node):
            if isinstance(node, ast.Global):
                found.update(node.names)
        return frozenset(found)

    @cached_property
    def changes(self) -> frozenset[str]:
        """The names whose objects it changes: ``a[0] = 1``, ``a.b = 1``, ``a.add(1)``."""
        return frozenset(name for node in _same_scope(self.node) for name in _changed_by(node))

    @cached_property
    def registers_with(self) -> frozenset[str]:
        """The names whose objects decorate a function: ``@a.add``."""
        return frozenset(
            name
            for node in _same_scope(self.node)
            for decorator in _decorators(node)
            if isinstance(decorator, ast.Attribute)
            for name in _root(decorator)
        )

    @cached_property
    def hands_on(self) -> frozenset[str]:
        """The names that it gives to a call whose result it drops, such as ``shuffle(a)``."""
        return frozenset(name for node in _same_scope(self.node) for name in _handed_by(node))

    @cached_property
    def calls(self) -> frozenset[str]:
        """The names that it calls, or decorates with, when the module is imported."""
        return frozenset(name for node in _same_scope(self.node) for name in _called_by(node))

    @cached_property
    def fills(self) -> frozenset[str]:
        """The module's names whose objects a call of this function changes."""
        found = (name for node in ast.walk(self.node) for name in _filled_by(node))
        return self.uses.intersection(found)

    @cached_property
    def uses(self) -> frozenset[str]:
        """The names it looks up in the module or in builtins, by Python's own scoping."""
        names = _looked_up(self.text)
        for annotation in _annotations(self.node):
            for node in ast.walk(annotation):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    names |= _names_in(node.value)
        return frozenset(names)

    @cached_property
    def imports(self) -> tuple[Import, ...]:
        """Everything it imports, also inside functions."""
        return tuple(_imports(self.node, self.package))

    def defines(self, name: str) -> str:
        """Say what it makes of `name`: a ``function``, ``class``, ``import`` or ``global``."""
        if isinstance(self.node, ast.Import | ast.ImportFrom):
            return "import"
        for node in _same_scope(self.node):
            if isinstance(node, _DEFINITIONS) and node.name == name:
                return "class" if isinstance(node, ast.ClassDef) else "function"
        return "global"


@dataclass(frozen=True)
class Source:
    """One module as its top-level statements; an import of several names is one for each."""

    statements: tuple[Statement, ...]

    @cached_property
    def digest(self) -> str:
        """The digest of the whole module."""
        return digest_bytes("\n".join(each.text for each in self.statements).encode())

    @cached_property
    def imports(self) -> tuple[Import, ...]:
        """Everything the module imports, also inside functions."""
        return tuple(found for each in self.statements for found in each.imports)

    @cached_property
    def exports(self) -> frozenset[str]:
        """The texts in an assignment to ``__all__``."""
        values = [each.node for each in self.statements if "__all__" in each.binds]
        return frozenset(
            node.value
            for value in values
            for node in ast.walk(value)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        )

    @cached_property
    def bound(self) -> dict[str, tuple[int, ...]]:
        """For each name, the positions of the statements that bind it or may change its object."""
        found: dict[str, list[int]] = {}
        for position, each in enumerate(self.statements):
            for name in each.binds:
                found.setdefault(name, []).append(position)
        for position, each in enumerate(self.statements):
            for name in self._changed_by(each) - each.binds:
                if name in found:
                    found[name].append(position)
        return {name: tuple(sorted(positions)) for name, positions in found.items()}

    @cached_property
    def stars(self) -> tuple[int, ...]:
        """The positions of ``from module import *``."""
        return tuple(
            position
            for position, each in enumerate(self.statements)
            if any(found.name == "*" for found in each.imports)
        )

    def binding(self, name: str) -> tuple[Statement, ...]:
        """Return the statements that can give `name` its value, in order; none for a builtin."""
        own = self.bound.get(name, ())
        stars = [star for star in self.stars if not own or star > own[0]]
        return tuple(self.statements[position] for position in sorted({*own, *stars}))

    def function_text(self, name: str, line: int) -> str | None:
        """Return the text of a function, inner or not; of several of a name, that at `line`."""
        found = [
            node
            for each in self.statements
            for node in ast.walk(each.node)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name
        ]
        if len(found) > 1:
            found = [node for node in found if line == _first_line(node)]
        return ast.unparse(found[0]) if found else None

    def _changed_by(self, statement: Statement) -> frozenset[str]:
        """Return the names whose objects a statement may change, by what it calls too."""
        code = self._defined["function"] | self._defined["class"]
        filled = (each.fills for name in statement.calls & code.keys() for each in code[name])
        registered = statement.registers_with - self._defined["import"].keys()
        return statement.changes.union(registered, statement.hands_on - code.keys(), *filled)

    @cached_property
    def _defined(self) -> dict[str, dict[str, list[Statement]]]:
        """For each kind of definition, the statements that give each name one."""
        found: dict[str, dict[str, list[Statement]]] = defaultdict(dict)
        for each in self.statements:
            for name in each.binds:
                found[each.defines(name)].setdefault(name, []).append(each)
        return found


def parse(text: str | bytes, package: str) -> Source:
    """Return a module's statements; `package` is what its relative imports start from.

    Raises
    ------
    SyntaxError
        The text is not Python.
    """
    statements: list[Statement] = []
    for node in _pruned(ast.parse(text).body):
        match node:
            case ast.ImportFrom(module="__future__"):
                continue
            case ast.Import():
                parts: list[ast.stmt] = [ast.Import(names=[alias]) for alias in node.names]
            case ast.ImportFrom():
                parts = [ast.ImportFrom(node.module, [alias], node.level) for alias in node.names]
            case _:
                parts = [node]
        statements += [Statement(part, package) for part in parts]
    return Source(tuple(statements))


def _pruned(body: list[ast.stmt]) -> list[ast.stmt]:
    """Leave out of a block, in place, what cannot change a result."""
    kept: list[ast.stmt] = []
    for node in body:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            if not isinstance(node.value.value, str):
                kept.append(node)
        elif isinstance(node, ast.If) and (branch := _branch(node)) is not None:
            kept += _pruned(branch)
        else:
            _prune_blocks(node)
            kept.append(node)
    return kept


def _prune_blocks(node: ast.stmt) -> None:
    for field in ("body", "orelse", "finalbody"):
        block = getattr(node, field, None)
        if block:
            empty: list[ast.stmt] = [ast.Pass()] if field == "body" else []
            setattr(node, field, _pruned(block) or empty)
    for part in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
        part.body = _pruned(part.body) or [ast.Pass()]


def _branch(node: ast.If) -> list[ast.stmt] | None:
    """Return the branch a job takes of ``if TYPE_CHECKING`` or ``if __name__ == "__main__"``."""
    test = ast.unparse(node.test)
    if test in {"TYPE_CHECKING", "typing.TYPE_CHECKING", "__name__ == '__main__'"}:
        return node.orelse
    if test in {"not TYPE_CHECKING", "not typing.TYPE_CHECKING"}:
        return node.body
    return None


def _same_scope(root: ast.AST) -> Iterator[ast.AST]:
    """Give a statement's nodes without those of the functions and classes in it."""
    pending = [root]
    while pending:
        node = pending.pop()
        yield node
        if not isinstance(node, (*_DEFINITIONS, ast.Lambda)):
            pending += ast.iter_child_nodes(node)


def _bound_by(node: ast.AST) -> Iterable[str]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return (node.name,)
        case ast.Name(ctx=ast.Store() | ast.Del()):
            return (node.id,)
        case ast.Import() | ast.ImportFrom():
            return [alias.asname or alias.name.partition(".")[0] for alias in node.names]
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
            return (name,)
        case ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
            return (name,)
    return ()


def _changed_by(node: ast.AST) -> Iterable[str]:
    match node:
        case ast.Expr(value=ast.Call(func=ast.Attribute() as func)):
            return _root(func)
    return _filled_by(node)


def _filled_by(node: ast.AST) -> Iterable[str]:
    match node:
        case (
            ast.Attribute(ctx=ast.Store() | ast.Del()) | ast.Subscript(ctx=ast.Store() | ast.Del())
        ):
            return _root(node)
        case ast.Call(func=ast.Attribute(attr=attr) as func) if attr in _CHANGING:
            return _root(func)
    return ()


def _handed_by(node: ast.AST) -> Iterable[str]:
    match node:
        case ast.Expr(value=ast.Call(args=args)):
            return [name for part in args for name in _root(part)]
    return ()


def _called_by(node: ast.AST) -> Iterable[str]:
    match node:
        case ast.Call(func=ast.Name(id=name)):
            return (name,)
    return [each.id for each in _decorators(node) if isinstance(each, ast.Name)]


def _decorators(node: ast.AST) -> Iterator[ast.expr]:
    """Give what a function or class is decorated with, without the arguments of decorators."""
    for each in getattr(node, "decorator_list", ()):
        yield each.func if isinstance(each, ast.Call) else each


def _root(node: ast.AST) -> Iterable[str]:
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Starred | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return (node.id,) if isinstance(node, ast.Name) else ()


def _looked_up(text: str) -> set[str]:
    """Return the names that a statement and the functions in it look up outside of functions."""
    names: set[str] = set()
    top = symtable.symtable(text, "<statement>", "exec")
    tables = [top]
    while tables:
        table = tables.pop()
        for symbol in table.get_symbols():
            inside = table is not top and symbol.is_global()
            falls_through = table is top or isinstance(table, symtable.Class)
            if inside or (falls_through and symbol.is_referenced()):
                names.add(symbol.get_name())
        tables += table.get_children()
    return names


def _annotations(root: ast.AST) -> Iterator[ast.expr]:
    for node in ast.walk(root):
        for field in ("annotation", "returns"):
            annotation = getattr(node, field, None)
            if isinstance(annotation, ast.expr):
                yield annotation


def _names_in(annotation: str) -> set[str]:
    """Return the names in an annotation written as a text; none if it is not an expression."""
    try:
        tree = ast.parse(annotation.strip(), mode="eval")
    except SyntaxError:
        return set()
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _first_line(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])


def _imports(root: ast.stmt, package: str) -> Iterator[Import]:
    for node in statements(root):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = _absolute(node.module or "", node.level, package)
            yield from (Import(module, alias.name) for alias in node.names)


def _absolute(module: str, level: int, package: str) -> str:
    if not level or not package:
        return "" if level else module
    base = package.rsplit(".", level - 1)[0] if level > 1 else package
    return f"{base}.{module}" if module else base
