"""A function's annotations -> names of types, without importing what the annotations name.

A name under ``if TYPE_CHECKING:`` does not exist at run time; it is then read from the imports of the module's source.
"""

import ast
import builtins
import dataclasses
import inspect
import sys
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

_PUBLIC = {
    "polars": "polars",
    "pandas": "pandas",
    "torch": "torch",
    "numpy": "numpy",
    "pathlib": "pathlib",
}
"""Libraries whose classes live in private modules but are known by the library's own name."""


@dataclass(frozen=True, slots=True)
class TypeName:
    """A type by its public qualified name, such as ``polars.DataFrame`` or ``builtins.dict``.

    Parameters
    ----------
    args
        Of a generic, a union or a literal.
    fields
        Name and type of each field of a NamedTuple or a dataclass, where the class is at hand.
    kind
        ``class``, ``namedtuple``, ``dataclass``, ``none``, ``union``, ``any`` or ``literal``.
    """

    name: str
    args: tuple["TypeName", ...] = ()
    fields: tuple[tuple[str, "TypeName"], ...] = ()
    kind: str = "class"

    def __str__(self) -> str:
        if self.kind == "union":
            return " | ".join(map(str, self.args))
        inner = f"[{', '.join(map(str, self.args))}]" if self.args else ""
        return self.name.removeprefix("builtins.") + inner


NONE = TypeName("None", kind="none")
ANY = TypeName("typing.Any", kind="any")


def read_signature(function: Callable[..., Any]) -> dict[str, TypeName]:
    """Return the type of each annotated parameter and of ``return``; what has no annotation is left out."""
    inner = inspect.unwrap(function)
    scope = _Scope(getattr(inner, "__globals__", {}), getattr(inner, "__module__", ""))
    found = getattr(inner, "__annotations__", {})
    return {name: scope.type_name(annotation) for name, annotation in found.items()}


def name_of_class(kind: type) -> str:
    """Return the public qualified name of a class."""
    top = kind.__module__.partition(".")[0]
    if top in _PUBLIC and "." not in kind.__qualname__ and kind.__module__ != top:
        return f"{_PUBLIC[top]}.{kind.__qualname__}"
    return f"{kind.__module__}.{kind.__qualname__}"


class _Scope:
    """What the names of a module mean."""

    def __init__(self, names: dict[str, Any], module: str) -> None:
        self._names = names
        self._module = module

    def type_name(self, annotation: Any) -> TypeName:  # noqa: ANN401 - annotations are anything
        """Return the name of an annotation: a type, a generic, or text of one."""
        if isinstance(annotation, str):
            try:
                tree = ast.parse(annotation, mode="eval").body
            except SyntaxError:
                return TypeName(annotation)
            return self._from_tree(tree)
        if isinstance(annotation, typing.ForwardRef):
            return self.type_name(annotation.__forward_arg__)
        if annotation is None or annotation is type(None):
            return NONE
        if annotation is Any:
            return ANY
        return self._from_object(annotation)

    def _from_object(self, annotation: Any) -> TypeName:  # noqa: ANN401
        origin, args = typing.get_origin(annotation), typing.get_args(annotation)
        if origin in {typing.Union, types.UnionType}:
            return TypeName("typing.Union", tuple(map(self.type_name, args)), kind="union")
        if origin is typing.Literal:
            return TypeName(
                "typing.Literal", tuple(TypeName(repr(arg)) for arg in args), kind="literal"
            )
        if origin is typing.Annotated:
            return self.type_name(args[0])
        if origin is not None:
            return TypeName(
                name_of_class(origin), tuple(self.type_name(a) for a in args if a is not Ellipsis)
            )
        if isinstance(annotation, type):
            return _class_name(annotation)
        return TypeName(str(annotation))

    def _from_tree(self, tree: ast.expr) -> TypeName:
        """Return the name of an annotation that is text."""
        if isinstance(tree, ast.Constant):
            return (
                self.type_name(tree.value)
                if isinstance(tree.value, str) or tree.value is None
                else ANY
            )
        if isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.BitOr):
            sides = (self._from_tree(tree.left), self._from_tree(tree.right))
            parts = [
                part for side in sides for part in (side.args if side.kind == "union" else (side,))
            ]
            return TypeName("typing.Union", tuple(parts), kind="union")
        if isinstance(tree, ast.Subscript):
            return self._subscript(tree)
        found = self._look_up(tree)
        return self.type_name(found) if not isinstance(found, str) else TypeName(found)

    def _subscript(self, tree: ast.Subscript) -> TypeName:
        base = self._from_tree(tree.value)
        inner = tree.slice.elts if isinstance(tree.slice, ast.Tuple) else [tree.slice]
        if base.name == "typing.Literal":
            return TypeName(
                base.name, tuple(TypeName(ast.unparse(part)) for part in inner), kind="literal"
            )
        args = tuple(self._from_tree(part) for part in inner if not _is_ellipsis(part))
        if base.name == "typing.Optional":
            return TypeName("typing.Union", (*args, NONE), kind="union")
        return TypeName(base.name, args, kind="union" if base.name == "typing.Union" else base.kind)

    def _look_up(self, tree: ast.expr) -> Any:  # noqa: ANN401
        """Return the object that a dotted name means, or its qualified name if it is not imported."""
        parts = ast.unparse(tree).split(".")
        first = self._names.get(parts[0], getattr(builtins, parts[0], None))
        if first is None:
            return ".".join(
                [_imports(self._module).get(parts[0], f"{self._module}.{parts[0]}"), *parts[1:]]
            )
        found = first
        for part in parts[1:]:
            if not hasattr(found, part):
                return ".".join([getattr(found, "__name__", parts[0]), *parts[parts.index(part) :]])
            found = getattr(found, part)
        return found


def _is_ellipsis(tree: ast.expr) -> bool:
    return isinstance(tree, ast.Constant) and tree.value is Ellipsis


@lru_cache(maxsize=4096)
def _class_name(kind: type) -> TypeName:
    """Return the name of a class, with its fields if it is a NamedTuple or a dataclass."""
    name = name_of_class(kind)
    names = getattr(kind, "_fields", ()) if issubclass(kind, tuple) else ()
    if dataclasses.is_dataclass(kind):
        names = tuple(field.name for field in dataclasses.fields(kind))
    if not names:
        return TypeName(name)
    scope = _Scope(vars(sys.modules.get(kind.__module__, builtins)), kind.__module__)
    hints: dict[str, Any] = {}
    for base in reversed(kind.__mro__):
        hints |= getattr(base, "__annotations__", {})
    fields = tuple((field, scope.type_name(hints.get(field, Any))) for field in names)
    return TypeName(
        name, fields=fields, kind="dataclass" if dataclasses.is_dataclass(kind) else "namedtuple"
    )


@lru_cache(maxsize=256)
def _imports(module: str) -> dict[str, str]:
    """Return what the imports of a module's source, wherever they stand, call things: local name -> qualified name."""
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None or Path(file).suffix != ".py":
        return {}
    found = {}
    for node in ast.walk(ast.parse(Path(file).read_bytes())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                found[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                found[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return found
