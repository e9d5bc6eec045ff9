"""Judge whether a value plainly contradicts its annotation.

In doubt it does not, as annotations say more than can be checked.
"""

import sys
from typing import Any

from wingspan.errors import UnsupportedTypeError
from wingspan.store.annotation import TypeName, find_class, name_of_class

_ACCEPTS = {  # number types that stand in for one another, as type checkers have it
    "builtins.float": ("builtins.int", "numpy.integer", "numpy.floating"),
    "builtins.int": ("numpy.integer",),
    "builtins.bool": ("numpy.bool", "numpy.bool_"),
}


def check_value(value: object, kind: TypeName) -> None:
    """Check the class of a value against an annotation; what is in a container is not looked at.

    Raises
    ------
    UnsupportedTypeError
        It is of another class.
    """
    if not _fits(value, kind):
        real: type = type(value)
        found = "None" if value is None else name_of_class(real)
        problem = f"the annotation says {kind}, the value is {found}"
        raise UnsupportedTypeError("", problem, "return what the annotation says, or correct it")


def _fits(value: object, kind: TypeName) -> bool:
    match kind.kind:
        case "any":
            return True
        case "none":
            return value is None
        case "union":
            return any(_fits(value, arg) for arg in kind.args)
        case "literal":
            return value.__class__ not in {str, int, bool} or repr(value) in {
                a.name for a in kind.args
            }
    names = {name_of_class(base) for base in value.__class__.__mro__}
    if kind.name in names or names.intersection(_ACCEPTS.get(kind.name, ())):
        return True
    expected = find_class(kind.name)
    if expected is None:
        return kind.name.partition(".")[0] in sys.modules and value is not None
    return _is_instance(value, expected)


def _is_instance(value: object, expected: Any) -> bool:  # noqa: ANN401 - a class, or a protocol
    try:
        return isinstance(value, expected) or _is_twin(type(value), expected)
    except TypeError:  # a protocol that is not checked at run time
        return True


def _is_twin(kind: type, expected: type) -> bool:
    """Return whether two classes have one source: imported twice, or run as a script."""
    modules = {kind.__module__, expected.__module__}
    same = len(modules) == 1 or "__main__" in modules
    return same and kind.__qualname__ == expected.__qualname__
