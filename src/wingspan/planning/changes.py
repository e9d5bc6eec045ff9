"""Find the objects that code may change, by the names that lead to them.

The functions are pure: they take syntax and return facts.

A change reaches further than the name that it is made through: after ``c = k.P``, ``c.b = 5`` changes what k holds. So
each name has links to what its value may be, be a part of, or hold; the analysis errs on the side of a change.
"""

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from wingspan.planning.syntax import DEFINITIONS, Import, Statement, at_import, imported_by

CHANGING = {"add", "append", "clear", "extend", "insert", "pop", "remove", "setdefault", "update"}
CHANGING |= {"popitem", "discard", "sort", "reverse", "appendleft", "popleft", "extendleft", "__setitem__"}  # fmt: skip
CHANGING |= {"__setattr__", "__delattr__", "__delitem__", "__iadd__", "shuffle", "put", "fill"}
_HARMLESS = {"debug", "info", "warning", "error", "exception", "critical", "warn", "sleep"}
_SETTERS = {"setattr", "delattr", "next", "exec", "eval"}
_COPIES = {"dict", "list", "set", "frozenset", "tuple", "sorted", "copy"}
_PARTS = {"getattr", "vars", "type", "iter", "next", "reversed", "enumerate", "zip", "map", "filter", "max", "min", "super"}  # fmt: skip
_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "truediv", ast.FloorDiv: "floordiv", ast.Mod: "mod",
    ast.MatMult: "matmul", ast.LShift: "lshift", ast.RShift: "rshift", ast.BitOr: "or", ast.BitAnd: "and",
    ast.BitXor: "xor", ast.Pow: "pow",
}  # fmt: skip
DEEPEST = 3  # levels below an object that are distinguished

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


class Decoration(ast.Call):
    """The call of a decorator."""


class Link(NamedTuple):
    """A value comes from something: a name's object, or the result of a call.

    A change `depth` levels below the value changes the origin if `depth` is at least `least`, `down` levels deeper.
    """

    origin: str | ast.Call
    down: int = 0
    least: int = 0
    part: str = ""  # the first attribute that is asked of the name

    def below(self, levels: int, part: str = "") -> "Link":
        """Return the link of a part of the value."""
        first = self.part if self.down or self.least else part
        return Link(self.origin, self.down + levels, max(self.least - levels, 0), first)

    def held(self) -> "Link":
        """Return the link of a new object that holds the value."""
        return self._replace(down=self.down - 1, least=self.least + 1)

    def copied(self) -> "Link":
        """Return the link of a shallow copy of the value."""
        return self._replace(least=max(self.least, 1))

    def at(self, depth: int) -> int | None:
        """Return how deep below the origin a change is; None if it is none of the origin's."""
        return min(max(depth + self.down, 0), DEEPEST) if depth >= self.least else None


@dataclass(frozen=True, eq=False)
class Piece:
    """Code that runs together: a statement at import, or a function with its inner calls."""

    nodes: tuple[ast.AST, ...]
    package: str
    parameters: tuple[str, ...] = ()
    plain: int = 0  # of the parameters, those that a position may name
    local: frozenset[str] = frozenset()
    results: tuple[ast.expr, ...] = ()

    @cached_property
    def imports(self) -> dict[str, Import]:
        """The names that it imports itself."""
        found = (each for node in self.nodes for each in imported_by(node, self.package))
        return {each.local: each for each in found}

    def parameter(self, where: int | str | None) -> tuple[str, ...]:
        """Return the parameters that an argument may go to."""
        if isinstance(where, int) and where < self.plain:
            return (self.parameters[where],)
        if isinstance(where, str) and where in self.parameters:
            return (where,)
        return self.parameters if where is None else self.parameters[self.plain :]

    @cached_property
    def links(self) -> dict[str, list[Link]]:
        """For each name that it binds, what its value comes from."""
        found: dict[str, list[Link]] = defaultdict(list)
        for node in self.nodes:
            for target, links in _bindings(node):
                for name, link in _bound(target, tuple(links)):
                    found[name].append(link)
        return found

    @cached_property
    def changed(self) -> tuple[Link, ...]:
        """What it changes itself."""
        return tuple(link for node in self.nodes for link in _changed_by(node))

    @cached_property
    def calls(self) -> tuple[ast.Call, ...]:
        """Its calls; a decorator is a call that is given what it decorates."""
        found = [node for node in self.nodes if isinstance(node, ast.Call)]
        found += [
            Decoration(each, [ast.Name(node.name, ast.Load())], [])
            for node in self.nodes
            if isinstance(node, DEFINITIONS)
            for each in node.decorator_list
        ]
        found += [
            Decoration(base, [], node.keywords)  # which __init_subclass__ is given
            for node in self.nodes
            if isinstance(node, ast.ClassDef) and node.keywords
            for base in (*node.bases, *(word.value for word in node.keywords))
        ]
        return tuple(found)

    @cached_property
    def operations(self) -> tuple[ast.Call, ...]:
        """Its operators and subscripts, as the calls of the methods that a class may have for them."""
        return tuple(call for node in self.nodes for call in _operation(node))

    @cached_property
    def dropped(self) -> frozenset[int]:
        """The ids of the calls that are made only for what they do."""
        calls = (call for node in self.nodes for call in _dropped_by(node))
        return frozenset(id(call) for call in calls if not only_prints(call.func))

    @cached_property
    def returned(self) -> tuple[Link, ...]:
        """What its result comes from."""
        return tuple(link for result in self.results for link in sources(result))


def of_statement(statement: Statement) -> Piece:
    """Return a statement as the piece that runs when its module is imported."""
    return Piece(tuple(at_import(statement.node)), statement.package)


def of_function(node: Function, package: str) -> Piece:
    """Return the body of a function as a piece, with the functions in it."""
    body = [node.body] if isinstance(node, ast.Lambda) else node.body
    nodes = tuple(inner for part in body for inner in ast.walk(part))
    defaults = _defaults(node)
    parameters = _parameters(node)
    stated = {name for inner in nodes if isinstance(inner, ast.Global) for name in inner.names}
    local = {*parameters, *(name for inner in nodes for name in _binds(inner))} - stated
    results = [inner.value for inner in nodes if isinstance(inner, ast.Return | ast.Yield)]
    results += [node.body] if isinstance(node, ast.Lambda) else []
    plain = len(node.args.posonlyargs) + len(node.args.args)
    returned = tuple(each for each in results if each is not None)
    return Piece((*nodes, *defaults), package, parameters, plain, frozenset(local), returned)


def sources(value: ast.AST) -> Iterator[Link]:  # noqa: C901, PLR0912 - one case for each kind of expression
    """Give what the value of an expression comes from."""
    match value:
        case ast.Name(id=name):
            yield Link(name)
        case ast.Attribute(value=inner, attr=attr):
            yield from (link.below(1, attr) for link in sources(inner))
        case ast.Subscript(value=inner):
            yield from (link.below(1) for link in sources(inner))
        case ast.Starred(value=inner) | ast.Await(value=inner) | ast.YieldFrom(value=inner):
            yield from sources(inner)
        case ast.NamedExpr(value=inner):
            yield from sources(inner)
        case ast.IfExp(body=one, orelse=other):
            yield from (*sources(one), *sources(other))
        case ast.BoolOp(values=parts):
            yield from (link for part in parts for link in sources(part))
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
            yield from (link.held() for part in parts for link in sources(part))
        case ast.Dict(keys=keys, values=parts):
            both = (part for part in (*keys, *parts) if part is not None)
            yield from (link.held() for part in both for link in sources(part))
        case ast.ListComp(elt=part) | ast.SetComp(elt=part) | ast.GeneratorExp(elt=part):
            yield from (link.held() for link in sources(part))
        case ast.DictComp(value=part):
            yield from (link.held() for link in sources(part))
        case ast.BinOp(left=one, right=other):
            yield from (link.copied() for part in (one, other) for link in sources(part))
        case ast.Call():
            yield from _result(value)


def given(call: ast.Call) -> Iterator[tuple[int | str | None, ast.expr]]:
    """Give the arguments of a call by position or name; None where that cannot be known."""
    starred = False
    for position, part in enumerate(call.args):
        starred |= isinstance(part, ast.Starred)
        yield (None if starred else position), part
    yield from ((word.arg, word.value) for word in call.keywords)


def _operation(node: ast.AST) -> Iterator[ast.Call]:
    match node:
        case ast.BinOp(left=left, op=op, right=right):
            name = _OPERATORS.get(type(op), "")
            for one, other, method in ((left, right, f"__{name}__"), (right, left, f"__r{name}__")):
                yield ast.Call(ast.Attribute(one, method, ast.Load()), [other], [])
        case ast.Subscript(value=value, slice=part, ctx=ast.Load()):
            yield ast.Call(ast.Attribute(value, "__getitem__", ast.Load()), [part], [])


def functions_in(
    statement: Statement,
) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda]:
    """Give the functions of a statement, but for those inside of functions."""
    pending: list[ast.AST] = [statement.node]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield node
        else:
            pending += ast.iter_child_nodes(node)


def is_fixed(statement: Statement) -> bool:
    """Say whether a statement only gives a name a number, a text, or a tuple of such."""
    node = statement.node
    if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
        return False
    plain = ast.Constant | ast.UnaryOp | ast.BinOp | ast.Tuple | ast.JoinedStr | ast.FormattedValue
    marks = ast.operator | ast.unaryop | ast.expr_context
    return all(isinstance(inner, plain | marks) for inner in ast.walk(node.value))


def only_prints(function: ast.expr) -> bool:
    """Say whether a call only prints, logs or waits."""
    match function:
        case ast.Name(id="print"):
            return True
        case ast.Attribute(attr=attr):
            return attr in _HARMLESS
    return False


def _result(call: ast.Call) -> Iterator[Link]:
    """Give what the result of a call comes from, as far as its text says it."""
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name) if name in _COPIES:
            inner = [*call.args, *([call.func.value] if isinstance(call.func, ast.Attribute) else [])]  # fmt: skip
            yield from (link.copied() for part in inner for link in sources(part))
        case ast.Name(id=name) if name in _PARTS:
            yield from (link for part in call.args for link in sources(part))
        case _:
            yield Link(call)


def _bindings(node: ast.AST) -> Iterator[tuple[ast.AST, Iterable[Link]]]:
    """Give each target that a node binds, with what the value comes from."""
    match node:
        case ast.Assign(targets=targets, value=value):
            yield from ((target, sources(value)) for target in targets)
        case (
            ast.AnnAssign(target=target, value=ast.expr() as value)
            | ast.NamedExpr(target=target, value=value)
        ):
            yield target, sources(value)
        case (
            ast.For(target=target, iter=value)
            | ast.AsyncFor(target=target, iter=value)
            | ast.comprehension(target=target, iter=value)
        ):
            yield target, [link.below(1) for link in sources(value)]
        case ast.withitem(context_expr=value, optional_vars=ast.expr() as target):
            yield target, sources(value)
        case ast.Match(subject=value):
            links = [link.below(1) for link in sources(value)]
            yield from ((ast.Name(name, ast.Store()), links) for name in _matched(node))
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
            for name, default in _default_values(node):
                yield ast.Name(name, ast.Store()), sources(default)
        case ast.Call(func=ast.Attribute(value=inner, attr=attr)) if attr in CHANGING:
            taken = [link for _, part in given(node) for link in sources(part)]
            yield ast.Attribute(inner, attr, ast.Store()), taken


def _matched(node: ast.Match) -> set[str]:
    """Return the names that the patterns of a match bind."""
    return {
        name for case in node.cases for inner in ast.walk(case.pattern) for name in _binds(inner)
    }


def _bound(target: ast.AST, links: tuple[Link, ...]) -> Iterator[tuple[str, Link]]:
    """Give the names of a target with what they come from."""
    match target:
        case ast.Name(id=name):
            yield from ((name, link) for link in links)
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            for part in parts:
                yield from _bound(part, tuple(link.below(1) for link in links))
        case ast.Starred(value=inner):
            yield from _bound(inner, links)
        case (
            ast.Attribute(value=inner) | ast.Subscript(value=inner)
        ):  # it holds the value from now on
            for holder in sources(inner):
                if isinstance(holder.origin, str):
                    yield from ((holder.origin, link.held()) for link in links)


def _changed_by(node: ast.AST) -> Iterator[Link]:
    match node:
        case (
            ast.Attribute(value=inner, ctx=ast.Store() | ast.Del())
            | ast.Subscript(value=inner, ctx=ast.Store() | ast.Del())
        ):
            yield from sources(inner)
        case ast.AugAssign(target=target):
            yield from sources(target)
        case ast.Call(func=ast.Name(id=name), args=[target, *_]) if name in _SETTERS:
            yield from sources(target)
        case ast.Call(func=ast.Attribute(value=inner, attr=attr)) if attr in CHANGING:
            yield from sources(inner)
        case ast.Expr(value=ast.BinOp() as value):  # such as airflow's a >> b
            yield from (Link(link.origin) for link in sources(value))
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=inner) as func)) if not only_prints(
            func
        ):
            yield from sources(inner)


def _dropped_by(node: ast.AST) -> Iterator[ast.Call]:
    if isinstance(node, ast.Expr):
        yield from (each for each in at_import(node.value) if isinstance(each, ast.Call))


def _parameters(node: Function) -> tuple[str, ...]:
    arguments = node.args
    plain = [each.arg for each in (*arguments.posonlyargs, *arguments.args)]
    rest = [each.arg for each in (arguments.vararg, *arguments.kwonlyargs, arguments.kwarg) if each]
    return (*plain, *rest)


def _default_values(node: Function) -> Iterator[tuple[str, ast.expr]]:
    names = [each.arg for each in (*node.args.posonlyargs, *node.args.args)]
    yield from zip(names[len(names) - len(node.args.defaults) :], node.args.defaults, strict=True)
    words = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
    yield from ((word.arg, default) for word, default in words if default is not None)


def _defaults(node: Function) -> tuple[ast.AST, ...]:
    """Return assignments of the defaults to the parameters."""
    return tuple(
        ast.Assign([ast.Name(name, ast.Store())], default)
        for name, default in _default_values(node)
    )


def _binds(node: ast.AST) -> Iterable[str]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return (node.name, *_parameters(node))
        case ast.Lambda():
            return _parameters(node)
        case ast.ClassDef(name=name) | ast.ExceptHandler(name=str(name)):
            return (name,)
        case ast.Name(id=name, ctx=ast.Store()):
            return (name,)
        case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            return (name,)
    return ()
