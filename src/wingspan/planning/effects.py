"""Find what a statement does to other objects when its module is imported.

The functions are pure: they take syntax and return facts.

A statement may change an object that another statement, or another module, made: ``CONFIG["x"] = 1``,
``np.seterr(...)``, ``@register``. Such a change belongs to every function that may see it.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from wingspan.planning.changes import CHANGING, Piece, of_statement
from wingspan.planning.syntax import Chain, Statement, at_import

_DYNAMIC = {"globals", "exec", "eval"}
_SETS = re.compile(
    r"_*(set|seed|register|enable|disable|patch|install|configure|filter|simplefilter|basicconfig|use|load_dotenv"
    r"|reset|clear|init)",
    re.IGNORECASE,
)

Callee = tuple[str, Chain]


def sets_something(name: str) -> bool:
    """Return whether a function changes global state, by its name: ``seterr``, ``register``."""
    return _SETS.match(name) is not None


@dataclass(frozen=True)
class Effect:
    """What one statement does at import, and what the functions in it do when called."""

    statement: Statement

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """The nodes that are evaluated when the module is imported."""
        return tuple(at_import(self.statement.node))

    @cached_property
    def quiet(self) -> bool:
        """Whether it certainly changes nothing: no calls, decorators, bases, operators or targets."""
        return not any(_may_act(node) for node in self.nodes)

    @cached_property
    def piece(self) -> Piece:
        """What it does, by the names that it reaches objects through."""
        return of_statement(self.statement)

    @cached_property
    def calls(self) -> frozenset[Callee]:
        """What it calls, or decorates with."""
        found = [node.func for node in self.nodes if isinstance(node, ast.Call)]
        found += [part for node in self.nodes for part in _decorators(node)]
        return frozenset(callee for part in found for callee in _callee(part))

    @cached_property
    def bases(self) -> frozenset[Callee]:
        """The bases and metaclasses of its classes."""
        classes = [node for node in self.nodes if isinstance(node, ast.ClassDef)]
        parts = [part for each in classes for part in each.bases]
        parts += [word.value for each in classes for word in each.keywords]
        return frozenset(callee for part in parts for callee in _callee(part))

    @cached_property
    def hooks(self) -> bool:
        """Whether it makes a class that is called when a class is derived from it."""
        return any(
            (isinstance(node, ast.FunctionDef) and node.name in {"__init_subclass__", "__new__"})
            or (isinstance(node, ast.ClassDef) and any(w.arg == "metaclass" for w in node.keywords))
            for node in ast.walk(self.statement.node)
        )

    @cached_property
    def filled_classes(self) -> frozenset[str]:
        """The class that it defines, if a method changes an object of the class body.

        An example of such a change is ``self.all.append(1)``.
        """
        node = self.statement.node
        if not isinstance(node, ast.ClassDef):
            return frozenset()
        made = {inner.id for part in node.body for inner in ast.walk(part)
                if isinstance(part, ast.Assign | ast.AnnAssign)
                and isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store)}  # fmt: skip
        filled = any(made.intersection(_filled_by(inner)) for inner in ast.walk(node))
        return frozenset({node.name}) if filled else frozenset()

    @cached_property
    def dynamic(self) -> bool:
        """Whether it, or a function in it, can look up any name of its module."""
        chains = self.statement.chains
        if _DYNAMIC & chains.keys() and _DYNAMIC & chains.keys() & self.statement.uses:
            return True
        if any(chain[:1] == ("modules",) for chain in chains.get("sys", ())):
            return True
        if not {"vars", "locals"} & chains.keys():
            return False
        bare = [node for node in ast.walk(self.statement.node) if isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name) and not node.args]  # fmt: skip
        if any(node.func.id == "vars" for node in bare):  # type: ignore[attr-defined]
            return True
        return any(node in self.nodes and node.func.id == "locals" for node in bare)  # type: ignore[attr-defined]


def _may_act(node: ast.AST) -> bool:
    match node:
        case ast.Call() | ast.AugAssign() | ast.Delete() | ast.BinOp() | ast.Subscript():
            return True
        case ast.Attribute(ctx=ctx):
            return not isinstance(ctx, ast.Load)
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return bool(node.decorator_list)
        case ast.ClassDef():
            return bool(node.decorator_list or node.bases or node.keywords)
    return False


def _filled_by(node: ast.AST) -> Iterable[str]:
    """Return the attribute whose object is changed.

    It is ``all`` for ``self.all.append(1)`` and for ``cls.all[0] = 1``.
    """
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Attribute(attr=held), attr=attr)):
            return (held,) if attr in CHANGING else ()
        case ast.Subscript(value=ast.Attribute(attr=held), ctx=ast.Store() | ast.Del()):
            return (held,)
        case ast.Attribute(value=ast.Name(id="cls"), attr=held, ctx=ast.Store()):
            return (held,)
    return ()


def _decorators(node: ast.AST) -> Iterator[ast.expr]:
    """Give what a function or class is decorated with, without the arguments of decorators."""
    for each in getattr(node, "decorator_list", ()):
        yield each.func if isinstance(each, ast.Call) else each


def _callee(node: ast.expr) -> Iterable[Callee]:
    """Return the name and attributes of what is called: of ``a.b(1).c`` they are a and (b,)."""
    chain: list[str] = []
    while not isinstance(node, ast.Name):
        match node:
            case ast.Attribute(value=value, attr=attr):
                node, chain = value, [attr, *chain]
            case ast.Call(func=value) | ast.Subscript(value=value):
                node, chain = value, []
            case _:
                return ()
    return ((node.id, tuple(chain)),)
