"""What the statements of a Python file bind, use and import. Pure: text in, facts out.

Comments, docstrings, formatting, ``if TYPE_CHECKING:`` and ``if __name__ == "__main__":`` are no
part of a statement's text.
"""

import ast
import re
import symtable
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from wingspan.files import digest_bytes
from wingspan.store.annotation import statements

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_IN_TEXT = re.compile(r"@(\w+)|\b(?:from|join|into|update|table)\s+(\w+)", re.IGNORECASE)
"""Names that pandas, duckdb and polars look up in the caller's frame: ``query("x > @LIMIT")``."""

_RARE = frozenset({"global", "import_module", "__import__"})

Chain = tuple[str, ...]


class Import(NamedTuple):
    """One imported name: `name` is None for ``import module`` and ``*`` for everything.

    `local` is what the importing file calls it. ``import a.b`` gives its first package to `local`:
    `first` is True.
    """

    module: str
    name: str | None
    local: str = ""
    first: bool = False

    def __str__(self) -> str:
        return self.module if self.name is None else f"{self.module}.{self.name}"


@dataclass(frozen=True)
class Statement:
    """One statement of a module's top level."""

    node: ast.stmt
    package: str
    words: frozenset[str] = (
        _RARE  # those of these that the module has: what is not there is not looked for
    )

    @cached_property
    def text(self) -> str:
        """The statement in the one formatting of `ast.unparse`."""
        return ast.unparse(self.node)

    @cached_property
    def binds(self) -> frozenset[str]:
        """The module's names that it defines, assigns or imports, also by ``global``."""
        found = {name for node in same_scope(self.node) for name in _bound_by(node)}
        return frozenset(found) | self.binds_late

    @cached_property
    def binds_late(self) -> frozenset[str]:
        """The module's names that functions in it assign."""
        nodes = ast.walk(self.node) if "global" in self.words else ()
        stated = (node.names for node in nodes if isinstance(node, ast.Global))
        return frozenset(name for names in stated for name in names)

    @cached_property
    def uses(self) -> frozenset[str]:
        """The names it looks up in the module or in builtins, by Python's own scoping."""
        names = looked_up(self.text)
        for annotation in _annotations(self.node):
            for node in ast.walk(annotation):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    names |= {name for name, _ in _chains_in(node.value)}
        return frozenset(names)

    @cached_property
    def chains(self) -> dict[str, frozenset[Chain]]:
        """Attributes that each name is asked for: ``a.b.c`` gives a: (b, c).

        An empty chain is the object itself, given away or called.
        """
        found: dict[str, set[Chain]] = {}
        for name, chain in _chains(self.node):
            found.setdefault(name, set()).add(chain)
        return {name: frozenset(chains) for name, chains in found.items()}

    @cached_property
    def mentions(self) -> frozenset[str]:
        """The names in its texts that a library may look up: ``query("x > @LIMIT")``."""
        texts = (
            node.value
            for node in ast.walk(self.node)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        )
        return frozenset(name for text in texts for pair in _IN_TEXT.findall(text) for name in pair)

    @cached_property
    def imports(self) -> tuple[Import, ...]:
        """Everything it imports, also inside functions."""
        return (*_imports(self.node, self.package), *self._by_name(ast.walk(self.node)))

    @cached_property
    def imports_at_once(self) -> tuple[Import, ...]:
        """What it imports when its module is imported."""
        nodes = [node for node in at_import(self.node) if isinstance(node, ast.stmt)]
        found = [each for node in nodes for each in imported_by(node, self.package)]
        return (*found, *self._by_name(at_import(self.node)))

    def _by_name(self, nodes: Iterable[ast.AST]) -> Iterator[Import]:
        """Give the modules that it asks `importlib` for, as far as it writes their names out."""
        if {"import_module", "__import__"} & self.words:
            for node in nodes:
                if isinstance(node, ast.Call):
                    yield from _asked_for(node, self.package)

    @property
    def is_import(self) -> bool:
        """Whether it is an import and nothing else."""
        return isinstance(self.node, ast.Import | ast.ImportFrom)

    def defines(self, name: str) -> str:
        """Say what it makes of `name`: a ``function``, ``class``, ``import`` or ``global``."""
        if self.is_import:
            return "import"
        for node in same_scope(self.node):
            if isinstance(node, DEFINITIONS) and node.name == name:
                return "class" if isinstance(node, ast.ClassDef) else "function"
        return "global"


def parse(text: str | bytes, package: str) -> tuple[Statement, ...]:
    """Return a module's statements; `package` is what its relative imports start from.

    An import of several names is one statement for each.

    Raises
    ------
    SyntaxError
        The text is not Python.
    """
    found: list[Statement] = []
    content = text if isinstance(text, bytes) else text.encode()
    words = frozenset(word for word in _RARE if word.encode() in content)
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
        found += [Statement(part, package, words) for part in parts]
    return tuple(found)


def digest_of(found: Iterable[Statement]) -> str:
    """Return the digest of the statements' texts."""
    return digest_bytes("\n".join(each.text for each in found).encode())


def same_scope(root: ast.AST) -> Iterator[ast.AST]:
    """Give a statement's nodes without those of the functions and classes in it."""
    pending = [root]
    while pending:
        node = pending.pop()
        yield node
        if not isinstance(node, (*DEFINITIONS, ast.Lambda)):
            pending += ast.iter_child_nodes(node)


def at_import(root: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes that are evaluated with a statement: bodies of classes, not of functions."""
    pending = [root]
    while pending:
        each = pending.pop()
        yield each
        match each:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                pending += [*each.decorator_list, *each.args.defaults]
                pending += [part for part in each.args.kw_defaults if part is not None]
            case ast.Lambda():
                pending += each.args.defaults
            case _:
                pending += reversed(list(ast.iter_child_nodes(each)))


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


def looked_up(text: str) -> set[str]:
    """Return the names that code and the functions in it look up outside of functions."""
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


def _chains(root: ast.AST) -> Iterator[tuple[str, Chain]]:
    """Yield the names in a tree with the attributes after them, also in annotation texts."""
    pending = [root]
    while pending:
        node = pending.pop()
        attributes: list[str] = []
        inner = node
        while isinstance(inner, ast.Attribute):
            attributes.append(inner.attr)
            inner = inner.value
        if isinstance(inner, ast.Name):
            yield inner.id, tuple(reversed(attributes))
        else:
            pending += ast.iter_child_nodes(inner)
    for annotation in _annotations(root):
        for node in ast.walk(annotation):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield from _chains_in(node.value)


def _chains_in(annotation: str) -> list[tuple[str, Chain]]:
    """Return the names in an annotation written as a text; none if it is not an expression."""
    try:
        tree = ast.parse(annotation.strip(), mode="eval")
    except SyntaxError:
        return []
    return list(_chains(tree.body))


def _imports(root: ast.stmt, package: str) -> Iterator[Import]:
    for node in statements(root):
        yield from imported_by(node, package)


def imported_by(node: ast.AST, package: str) -> Iterator[Import]:
    """Give what a node imports, if it is an import."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            local = alias.asname or alias.name.partition(".")[0]
            yield Import(alias.name, None, local, first=alias.asname is None)
    elif isinstance(node, ast.ImportFrom):
        module = _absolute(node.module or "", node.level, package)
        for alias in node.names:
            yield Import(module, alias.name, alias.asname or alias.name)


def _asked_for(call: ast.Call, package: str) -> Iterator[Import]:
    match call:
        case ast.Call(
            func=ast.Attribute(attr="import_module") | ast.Name(id="import_module" | "__import__"),
            args=[ast.Constant(value=str(name)), *_],
        ):
            level = len(name) - len(name.lstrip("."))
            yield Import(_absolute(name.lstrip("."), level, package), None)


def _absolute(module: str, level: int, package: str) -> str:
    if not level or not package:
        return "" if level else module
    base = package.rsplit(".", level - 1)[0] if level > 1 else package
    return f"{base}.{module}" if module else base
