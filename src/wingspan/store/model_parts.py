"""Find the part of a model that cannot be stored, and say where it is and what to do.

skops names a type, not its place. The place is searched only after a model was refused.
"""

from collections.abc import Callable, Collection, Iterator
from functools import partial
from types import FunctionType, MethodType, ModuleType
from typing import Any

from wingspan.errors import UnsupportedTypeError
from wingspan.store.trust import resolve_name

FAILURES = (TypeError, ValueError, LookupError, AttributeError, RecursionError, NotImplementedError)
"""What skops raises for a part that it cannot write or read."""
_LEAVES = (type, FunctionType, ModuleType, str, bytes)
_IMPORTABLE = "define it at the top level of a .py file that the step's module imports"
_SAVE = "or give the model's class save(self, folder) and a class method load(folder)"


def refused_name(model: object, names: Collection[str]) -> UnsupportedTypeError:
    """Return the refusal of the first part whose class or function has one of these names."""
    parts = ((place, part) for place, part in _walk("", model, set()) if name_of(part) in names)
    place, part = next(parts, ("", None))
    name = min(names) if part is None else name_of(part)
    module, _, last = name.rpartition(".")
    named = resolve_name(module, last)
    kind = "class" if isinstance(named, type) else "function"
    if is_nameless(name):
        problem = f"the model holds {name}, which cannot be imported in another process"
        return UnsupportedTypeError(place, problem, _IMPORTABLE)
    problem = f"the model holds the {kind} {name}, which may not be used when the model is read"
    fix = f"leave it out, {_SAVE}"
    if named is None:
        problem = f"the model holds {part!r}, which cannot be found again by its name"
        fix = f"use a function or class of the step's own module in its place, {_SAVE}"
    elif kind == "function":
        fix = f"use a function of the step's own module: def own_{last}(x): return {name}(x)"
    return UnsupportedTypeError(place, problem, fix)


def refused_part(
    model: object, attempt: Callable[[Any], object], error: Exception
) -> UnsupportedTypeError:
    """Return the refusal of the innermost part for which an attempt to store it fails.

    Parameters
    ----------
    error
        What the attempt raised for the whole model.
    """
    first, place, above = "", "", [model]
    while inner := _failing(above[-1], attempt):
        step, part, error = inner
        first, place = first or step, place + step
        if any(part is outer for outer in above):
            problem = f"a {name_of(part)} holds itself here, which skops cannot store"
            fix = f"delete that part before the model is returned (del model{first}), {_SAVE}"
            return UnsupportedTypeError(place, problem, fix)
        above.append(part)
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    problem = f"skops cannot store a {name_of(above[-1])} and read it again: {reason}"
    return UnsupportedTypeError(place, problem, f"replace that part, {_SAVE}")


def _failing(
    value: object, attempt: Callable[[Any], object]
) -> tuple[str, object, Exception] | None:
    for step, part in _parts(value):
        try:
            attempt(part)
        except FAILURES as error:
            return step, part, error
    return None


def require_importable(model: object, names: Collection[str]) -> None:
    """Refuse a function or class that its module does not have under its name.

    Parameters
    ----------
    names
        Those of the classes and functions that no library defines.
    """
    for place, part in _walk("", model, set()) if names else ():
        named: Any = part if isinstance(part, FunctionType | type) else type(part)
        name = name_of(part)
        ours = name in names and named.__module__ != "builtins"
        if ours and resolve_name(named.__module__, named.__name__) is not named:
            problem = f"the model holds {name}, but its module has something else under this name"
            raise UnsupportedTypeError(place, problem, _IMPORTABLE)


def is_nameless(name: str) -> bool:
    """Return whether no module has a class or function: a lambda, nested, or in a notebook."""
    return "<" in name or name.startswith("__main__.")


def name_of(part: object) -> str:
    """Return the name by which skops knows a class, a function, or the class of any other value."""
    named: Any = part if hasattr(part, "__name__") and hasattr(part, "__module__") else type(part)
    return f"{named.__module__}.{named.__name__}"


def _walk(place: str, value: object, seen: set[int]) -> Iterator[tuple[str, object]]:
    if id(value) in seen:
        return
    seen.add(id(value))
    yield place, value
    for step, part in _parts(value):
        yield from _walk(place + step, part, seen)


def _parts(value: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - any value
    """Yield the values that one holds, with the expression that leads to each."""
    if isinstance(value, _LEAVES):
        return
    if isinstance(value, partial):
        yield from ((f".{name}", getattr(value, name)) for name in ("func", "args", "keywords"))
    elif isinstance(value, MethodType):
        yield ".__self__", value.__self__
    elif isinstance(value, dict):
        yield from ((f"[{key!r}]", item) for key, item in value.items())
    elif isinstance(value, list | tuple | set | frozenset):
        yield from ((f"[{index}]", item) for index, item in enumerate(value))
    elif getattr(getattr(value, "dtype", None), "hasobject", False) and hasattr(value, "ravel"):
        yield from ((f".flat[{index}]", item) for index, item in enumerate(value.ravel().tolist()))
    else:
        held = getattr(value, "__dict__", {})
        yield from ((f".{name}", item) for name, item in held.items())
