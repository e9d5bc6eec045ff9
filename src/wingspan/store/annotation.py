"""Name the types of a function's annotations, without importing what they name.

A name under ``if TYPE_CHECKING:`` does not exist at run time; the imports in the module's source say what it means.
"""

import ast
import builtins
import dataclasses
import importlib.util
import inspect
import sys
import types
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

VALUE = "value"  # the output of a function that returns no NamedTuple


@dataclass(frozen=True, slots=True)
class TypeName:
    """A type by its public qualified name, such as ``polars.DataFrame`` or ``builtins.dict``.

    Parameters
    ----------
    args
        Of a generic, a union or a literal; of a literal, the texts of its values.
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
        return self.name.removeprefix("builtins.").removeprefix("typing.") + inner


NONE = TypeName("None", kind="none")
ANY = TypeName("typing.Any", kind="any")
_FLAT = ("polars", "pandas", "torch", "numpy")
"""Libraries whose classes are known by the library's own name."""
_ALIASES = {"numpy.typing.NDArray": "numpy.ndarray"}


def read_signature(function: Callable[..., Any]) -> dict[str, TypeName]:
    """Return the type of each annotated parameter, and of the result as ``return``."""
    scope, found = _annotated(function)
    return {name: scope.type_name(annotation) for name, annotation in found.items()}


def read_return(function: Callable[..., Any]) -> TypeName | None:
    """Return the type of the result; None without an annotation."""
    scope, found = _annotated(function)
    return scope.type_name(found["return"]) if "return" in found else None


def _annotated(function: Callable[..., Any]) -> "tuple[_Scope, dict[str, Any]]":
    inner = inspect.unwrap(function) if hasattr(function, "__wrapped__") else function
    scope = _Scope(getattr(inner, "__globals__", {}), getattr(inner, "__module__", ""))
    return scope, getattr(inner, "__annotations__", {})


def statements(root: ast.AST) -> Iterator[ast.AST]:
    """Give all statements in a syntax tree, which is far quicker than all of its nodes."""
    pending = [root]
    for node in pending:
        yield node
        for block in ("body", "handlers", "orelse", "finalbody", "cases"):
            inner = getattr(node, block, ())
            pending += inner if isinstance(inner, list) else ()


@lru_cache(maxsize=4096)
def name_of_class(kind: type) -> str:
    """Return the public qualified name of a class.

    It names the shortest of its packages that has the class under its name.
    """
    parts = kind.__module__.split(".")
    for size in range(1, len(parts)):
        package = ".".join(parts[:size])
        if getattr(sys.modules.get(package), kind.__qualname__, None) is kind:
            return f"{package}.{kind.__qualname__}"
    return f"{kind.__module__}.{kind.__qualname__}"


def find_class(name: str) -> type | None:
    """Return the class of a qualified name if its module is imported already."""
    found = _find(name)
    return found if isinstance(found, type) else None


def _find(name: str) -> Any:  # noqa: ANN401 - whatever a module holds
    """Return what a qualified name means if its module is imported already, or None."""
    parts = name.split(".")
    for size in range(len(parts) - 1, 0, -1):
        found: Any = sys.modules.get(".".join(parts[:size]))
        if found is not None:
            for part in parts[size:]:
                found = vars(found).get(part) if hasattr(found, "__dict__") else None
            return found
    return None


class _Scope:
    """What the names of a module mean."""

    def __init__(
        self, names: dict[str, Any], module: str, outer: frozenset[type] = frozenset()
    ) -> None:
        self._names = names
        self._module = module
        self._outer = outer  # classes whose fields are being read, so that a recursive one ends

    def type_name(self, annotation: Any) -> TypeName:  # noqa: ANN401 - annotations are anything
        """Return the name of an annotation: a type, a generic, or text of one."""
        if isinstance(annotation, typing.ForwardRef):
            annotation = annotation.__forward_arg__
        if isinstance(annotation, str):
            try:
                return self._from_tree(ast.parse(annotation.strip(), mode="eval").body)
            except SyntaxError:
                return TypeName(annotation)
        if annotation is None or annotation is type(None):
            return NONE
        if annotation in {Any, object} or isinstance(annotation, typing.TypeVar):
            return ANY
        if type(annotation) is type:  # no generic
            return self._class_name(annotation)
        return self._from_object(annotation)

    def _from_object(self, annotation: Any) -> TypeName:  # noqa: ANN401
        meant = getattr(annotation, "__supertype__", getattr(annotation, "__value__", None))
        if meant is not None and not isinstance(annotation, type):  # a NewType, a `type` statement
            return self.type_name(meant)
        origin, args = typing.get_origin(annotation), typing.get_args(annotation)
        if origin in {typing.Union, types.UnionType}:
            return _union(tuple(map(self.type_name, args)))
        if origin is typing.Literal:
            texts = tuple(TypeName(repr(arg)) for arg in args)
            return TypeName("typing.Literal", texts, kind="literal")
        if origin in {typing.Annotated, typing.Final, typing.ClassVar}:
            return self.type_name(args[0])
        if origin is not None:
            base = self.type_name(origin)
            inner = tuple(self.type_name(arg) for arg in args if _is_type(arg))
            return dataclasses.replace(base, args=inner)
        if isinstance(annotation, type):
            return self._class_name(annotation)
        return TypeName(str(annotation))

    def _class_name(self, kind: type) -> TypeName:
        """Return the name of a class, with its fields if it is a NamedTuple or a dataclass."""
        name = name_of_class(kind)
        names: tuple[str, ...] = ()
        if issubclass(kind, tuple):
            names = getattr(kind, "_fields", ())
        elif dataclasses.is_dataclass(kind):
            names = tuple(field.name for field in dataclasses.fields(kind))
        if not names:
            return TypeName(name)
        word = "namedtuple" if issubclass(kind, tuple) else "dataclass"
        if kind in self._outer:
            return TypeName(name, kind=word)
        hints: dict[str, tuple[Any, type]] = {}
        for base in reversed(kind.__mro__):
            own = inspect.get_annotations(base)
            hints |= {field: (own[field], base) for field in names if field in own}
        fields = tuple(
            (field, self._field(*hints.get(field, (Any, kind)), kind)) for field in names
        )
        return TypeName(name, fields=fields, kind=word)

    def _field(self, annotation: Any, base: type, kind: type) -> TypeName:  # noqa: ANN401
        """Return the name of a field's type, seen from the module of the class that declares it."""
        names = vars(sys.modules.get(base.__module__, builtins))
        scope = _Scope({**names, base.__name__: base}, base.__module__, self._outer | {kind})
        return scope.type_name(annotation)

    def _from_tree(self, tree: ast.expr) -> TypeName:
        """Return the name of an annotation that is text."""
        if isinstance(tree, ast.Constant):
            plain = isinstance(tree.value, str) or tree.value is None
            return self.type_name(tree.value) if plain else ANY
        if isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.BitOr):
            return _union((self._from_tree(tree.left), self._from_tree(tree.right)))
        if isinstance(tree, ast.Subscript):
            return self._subscript(tree)
        found = self._look_up(tree)
        return TypeName(_public(found)) if isinstance(found, str) else self.type_name(found)

    def _subscript(self, tree: ast.Subscript) -> TypeName:
        named = self._look_up(tree.value)
        name = named if isinstance(named, str) else _special_form(named)
        inner = tree.slice.elts if isinstance(tree.slice, ast.Tuple) else [tree.slice]
        if name == "typing.Literal":
            texts = tuple(TypeName(ast.unparse(part)) for part in inner)
            return TypeName(name, texts, kind="literal")
        args = tuple(self._from_tree(part) for part in inner if not _is_ellipsis(part))
        if name == "typing.Optional":
            return _union((*args, NONE))
        if name == "typing.Union":
            return _union(args)
        if name in {"typing.Annotated", "typing.Final"}:
            return args[0]
        base = self._from_tree(tree.value)
        return dataclasses.replace(base, args=base.args or args)

    def _look_up(self, tree: ast.expr) -> Any:  # noqa: ANN401
        """Return the object that a dotted name means, or its qualified name if it is not imported."""
        first, *rest = ast.unparse(tree).split(".")
        known = self._names.get(first, getattr(builtins, first, None))
        if known is None:
            whole = ".".join([_imports(self._module).get(first, f"{self._module}.{first}"), *rest])
            found = _find(whole)
            return whole if found is None else found
        found = known
        for index, part in enumerate(rest):
            if not hasattr(found, part):
                return ".".join([getattr(found, "__name__", first), *rest[index:]])
            found = getattr(found, part)
        return found


def _special_form(found: object) -> str:
    """Return the name of one of typing's own words; empty for any other object."""
    own = getattr(found, "__module__", None) == "typing"
    return f"typing.{getattr(found, '__name__', '')}" if own else ""


def _union(parts: tuple[TypeName, ...]) -> TypeName:
    flat = [inner for part in parts for inner in (part.args if part.kind == "union" else (part,))]
    return TypeName("typing.Union", tuple(dict.fromkeys(flat)), kind="union")


def _is_ellipsis(tree: ast.expr) -> bool:
    return isinstance(tree, ast.Constant) and tree.value is Ellipsis


def _is_type(arg: object) -> bool:
    """Return whether a generic's argument is a type; the parameters of a Callable are a list."""
    return arg is not Ellipsis and not isinstance(arg, list)


def _public(name: str) -> str:
    """Return the public name of a class that is not imported, without private modules."""
    *modules, last = name.split(".")
    if name in _ALIASES:
        return _ALIASES[name]
    if modules and modules[0] in _FLAT:
        return f"{modules[0]}.{last}" if last[:1].isupper() or last == "ndarray" else name
    private = [index for index, part in enumerate(modules) if part.startswith("_") and index]
    return ".".join([*modules[: private[0] if private else None], last])


@lru_cache(maxsize=256)
def _imports(module: str) -> dict[str, str]:
    """Return the qualified name of each local name that a module's imports bind."""
    loaded = sys.modules.get(module)
    file = getattr(loaded, "__file__", None)
    if file is None or Path(file).suffix != ".py":
        return {}
    package = getattr(loaded, "__package__", None) or ""
    found = {}
    for node in statements(ast.parse(Path(file).read_bytes())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                found[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom) and (package or not node.level):
            base = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            found |= {alias.asname or alias.name: f"{base}.{alias.name}" for alias in node.names}
    return found
