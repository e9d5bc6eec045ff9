"""What a statement does to other objects when its module is imported. Pure: syntax in, facts out.

A statement may change an object that another statement, or another module, made: ``CONFIG["x"] = 1``,
``np.seterr(...)``, ``@register``. Such a change belongs to every function that may see it.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from wingspan.planning.syntax import Chain, Statement, at_import

CHANGING = {"add", "append", "clear", "extend", "insert", "pop", "remove", "setdefault", "update"}
_HARMLESS = {"debug", "info", "warning", "error", "exception", "critical", "warn", "sleep"}
_DYNAMIC = {"globals", "exec", "eval"}
_SETS = re.compile(
    r"_*(set|seed|register|enable|disable|patch|install|configure|filter|simplefilter|basicconfig|use|load_dotenv"
    r"|reset|clear|init)",
    re.IGNORECASE,
)

Callee = tuple[str, Chain]


def sets_something(name: str) -> bool:
    """Say whether a function changes something that it is not given, by its name: ``seterr``, ``register``."""
    return _SETS.match(name) is not None


@dataclass(frozen=True)
class Effect:
    """What one statement does when its module is imported, and what the functions in it do when called."""

    statement: Statement

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """The nodes that are evaluated when the module is imported."""
        return tuple(at_import(self.statement.node))

    @cached_property
    def quiet(self) -> bool:
        """Whether it surely changes nothing: it calls, decorates, derives and alters nothing."""
        return not any(_may_act(node) for node in self.nodes)

    @cached_property
    def changes(self) -> frozenset[str]:
        """The names whose objects it surely changes: ``a[0] = 1``, ``a.b = 1``, ``a += b``, ``a.run()`` alone."""
        return frozenset(name for node in self.nodes for name in _changed_by(node))

    @cached_property
    def pokes(self) -> frozenset[str]:
        """The names whose objects it changes unless they are modules: ``a.add(1)``, ``@a.add``."""
        found = (name for node in self.nodes for name in (*_poked_by(node), *_registered_by(node)))
        return frozenset(found)

    @cached_property
    def hands_on(self) -> frozenset[str]:
        """The names that it gives to a call whose result it drops, such as ``shuffle(a)``."""
        parts = [part for call in self._dropped for part in _given(call)]
        return frozenset(name for part in parts for name in _names(part))

    @cached_property
    def calls(self) -> frozenset[Callee]:
        """What it calls, or decorates with."""
        found = [node.func for node in self.nodes if isinstance(node, ast.Call)]
        found += [part for node in self.nodes for part in _decorators(node)]
        return frozenset(callee for part in found for callee in _callee(part))

    @cached_property
    def calls_of_names(self) -> tuple[tuple[str, ast.Call], ...]:
        """The calls of names, with the name that is called."""
        calls = (node for node in self.nodes if isinstance(node, ast.Call))
        return tuple((call.func.id, call) for call in calls if isinstance(call.func, ast.Name))

    @cached_property
    def passes(self) -> frozenset[Callee]:
        """The names that it gives to any call, which may call them: ``map(register, names)``."""
        calls = [node for node in self.nodes if isinstance(node, ast.Call)]
        parts = [part for call in calls for part in _given(call)]
        named = [part for part in parts if isinstance(part, ast.Name | ast.Attribute)]
        return frozenset(callee for part in named for callee in _callee(part))

    def altered(self, name: str, call: ast.Call) -> frozenset[str]:
        """Return the names given to a call of a function in this statement whose objects the function changes."""
        found: set[str] = set()
        for node in self.nodes:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
                found |= set(_altered(node, call))
        return frozenset(found)

    @cached_property
    def drops(self) -> frozenset[Callee]:
        """What it calls for nothing but what the call does."""
        return frozenset(callee for call in self._dropped for callee in _callee(call.func))

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
    def fills(self) -> frozenset[str]:
        """The module's names whose objects a call of a function or class in it changes."""
        nodes = tuple(ast.walk(self.statement.node))
        found = {name for node in nodes for name in (*_changed_by(node), *_poked_by(node))}
        rebound = {name for node in nodes if isinstance(node, ast.Global) for name in node.names}
        return self.statement.uses.intersection(found) | rebound | self._filled_classes

    @cached_property
    def _filled_classes(self) -> frozenset[str]:
        """The class that it defines, if a method changes an object that the class body made: ``self.all.append(1)``."""
        node = self.statement.node
        if not isinstance(node, ast.ClassDef):
            return frozenset()
        made = {inner.id for part in node.body for inner in ast.walk(part)
                if isinstance(part, ast.Assign | ast.AnnAssign)
                and isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store)}  # fmt: skip
        filled = any(made.intersection(_filled_by(inner)) for inner in ast.walk(node))
        return frozenset({node.name}) if filled else frozenset()

    @cached_property
    def aliases(self) -> frozenset[str]:
        """The names whose objects the names that it binds may hold, or be a part of."""
        lambdas = [node for node in self.nodes if isinstance(node, ast.Lambda)]
        nodes = [*self.nodes, *(inner for each in lambdas for inner in ast.walk(each.body))]
        called = {id(part) for node in self.nodes if isinstance(node, ast.Call)
                  for part in _function_parts(node.func)}  # fmt: skip
        return frozenset(
            node.id
            for node in nodes
            if isinstance(node, ast.Name)
            and isinstance(node.ctx, ast.Load)
            and id(node) not in called
        )

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

    @cached_property
    def _dropped(self) -> tuple[ast.Call, ...]:
        """The calls whose result it drops, but for those that only print."""
        found = (call for node in self.nodes for call in _dropped_by(node))
        return tuple(call for call in found if not _only_prints(call.func))


def root(node: ast.AST) -> Iterable[str]:
    """Return the name that an expression begins with: ``a`` of ``a.b[0].c()``."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Starred | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return (node.id,) if isinstance(node, ast.Name) else ()


def _may_act(node: ast.AST) -> bool:
    match node:
        case ast.Call() | ast.AugAssign() | ast.Delete():
            return True
        case ast.Attribute(ctx=ctx) | ast.Subscript(ctx=ctx):
            return not isinstance(ctx, ast.Load)
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return bool(node.decorator_list)
        case ast.ClassDef():
            return bool(node.decorator_list or node.bases or node.keywords)
    return False


def _dropped_by(node: ast.AST) -> Iterator[ast.Call]:
    if isinstance(node, ast.Expr):
        yield from (each for each in at_import(node.value) if isinstance(each, ast.Call))


def _given(call: ast.Call) -> Iterator[ast.expr]:
    yield from (part.value if isinstance(part, ast.Starred) else part for part in call.args)
    yield from (word.value for word in call.keywords)


def _names(part: ast.expr) -> Iterator[str]:
    yield from (node.id for node in ast.walk(part) if isinstance(node, ast.Name))


def _altered(function: ast.FunctionDef | ast.AsyncFunctionDef, call: ast.Call) -> Iterator[str]:
    """Give the names in a call's arguments that the function may change, by its parameters."""
    nodes = list(ast.walk(function))
    changed = {name for node in nodes for name in (*_changed_by(node), *_poked_by(node))}
    handed = [
        inner for node in nodes for inner in _dropped_by(node) if not _only_prints(inner.func)
    ]
    changed |= {name for inner in handed for part in _given(inner) for name in _names(part)}
    parameters = [each.arg for each in (*function.args.posonlyargs, *function.args.args)]
    for position, part in enumerate(call.args):
        parameter = parameters[position] if position < len(parameters) else None
        if parameter is None or parameter in changed or isinstance(part, ast.Starred):
            yield from _names(part)
    for word in call.keywords:
        if word.arg is None or word.arg in changed:
            yield from _names(word.value)


def _only_prints(function: ast.expr) -> bool:
    match function:
        case ast.Name(id="print"):
            return True
        case ast.Attribute(attr=attr):
            return attr in _HARMLESS
    return False


def _changed_by(node: ast.AST) -> Iterable[str]:
    match node:
        case ast.Expr(value=ast.Call(func=ast.Attribute() as func)) if not _only_prints(func):
            return root(func)
        case ast.Call(func=ast.Name(id="setattr" | "delattr"), args=[target, *_]):
            return root(target)
        case ast.AugAssign(target=ast.Name(id=name)):
            return (name,)
        case (
            ast.Attribute(ctx=ast.Store() | ast.Del()) | ast.Subscript(ctx=ast.Store() | ast.Del())
        ):
            return root(node)
    return ()


def _poked_by(node: ast.AST) -> Iterable[str]:
    match node:
        case ast.Call(func=ast.Attribute(attr=attr) as func) if attr in CHANGING:
            return root(func)
    return ()


def _filled_by(node: ast.AST) -> Iterable[str]:
    """Return the attribute whose object is changed: ``all`` of ``self.all.append(1)`` and ``cls.all[0] = 1``."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Attribute(attr=held), attr=attr)):
            return (held,) if attr in CHANGING else ()
        case ast.Subscript(value=ast.Attribute(attr=held), ctx=ast.Store() | ast.Del()):
            return (held,)
        case ast.Attribute(value=ast.Name(id="cls"), attr=held, ctx=ast.Store()):
            return (held,)
    return ()


def _registered_by(node: ast.AST) -> Iterable[str]:
    for decorator in _decorators(node):
        if isinstance(decorator, ast.Attribute):
            yield from root(decorator)


def _decorators(node: ast.AST) -> Iterator[ast.expr]:
    """Give what a function or class is decorated with, without the arguments of decorators."""
    for each in getattr(node, "decorator_list", ()):
        yield each.func if isinstance(each, ast.Call) else each


def _function_parts(function: ast.expr) -> Iterator[ast.AST]:
    while isinstance(function, ast.Attribute):
        function = function.value
    yield function


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
