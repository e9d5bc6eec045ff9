"""Bind the arguments of a call to parameter names, as copies that nothing changes later."""

import dataclasses
import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from wingspan.errors import DeclarationError
from wingspan.pipeline.handles import Handle, Handles, by_label
from wingspan.pipeline.options import check_function, check_parameters, unknown_argument
from wingspan.pipeline.place import calling_place
from wingspan.shown import counted
from wingspan.store.annotation import TypeName, read_signature

_PLAIN = frozenset({bool, int, float, str, bytes, type(None)})
_CONTAINERS = frozenset({list, tuple, set, dict})
_DEEPEST = 200  # levels, so that no recursion of what handles an argument ends early
_MAPPINGS = {"builtins.dict", "builtins.object", "collections.abc.Mapping"}
_SEQUENCES = {
    "builtins.list",
    *(f"collections.abc.{n}" for n in ("Sequence", "Collection", "Iterable")),
}


def handles_in(value: object) -> Iterable[Handle]:
    """Yield every handle inside nested lists, tuples, sets, dicts and dataclasses."""
    if type(value) in _PLAIN:
        return
    if isinstance(value, Handle):
        yield value
        return
    inner: Iterable[Any] = ()
    if isinstance(value, list | tuple | set | frozenset):
        inner = value
    elif isinstance(value, Mapping):
        held = by_label(value) if isinstance(value, Handles) else value
        inner = (*held.keys(), *held.values())
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        inner = [getattr(value, each.name, None) for each in dataclasses.fields(value)]
    for item in inner:
        if type(item) not in _PLAIN:
            yield from handles_in(item)


@functools.lru_cache(maxsize=4096)
def _signature(function: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(function)


def signature_of(function: Any, place: str) -> inspect.Signature:  # noqa: ANN401 - whatever the user gives
    """Return the parameters of a function.

    Raises
    ------
    DeclarationError
        It is not a function, or one of Python's own, such as `int`, that has no signature.
    """
    check_function(function, place)
    try:
        return _signature(function)
    except (TypeError, ValueError) as error:
        name = getattr(function, "__name__", repr(function))
        problem = f"{name} has no signature, so its arguments have no names"
        raise DeclarationError(
            place, problem, "wrap it in a function with named parameters"
        ) from error


def unwrapped(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], place: str
) -> tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]:
    """Take a functools.partial apart: its arguments are arguments like others.

    Raises
    ------
    DeclarationError
        It is not a function.
    """
    check_function(function, place)
    inner: Any = function
    while isinstance(inner, functools.partial):
        inner, args, kwargs = inner.func, (*inner.args, *args), {**inner.keywords, **kwargs}
    return inner, args, kwargs


def bind(
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    place: str,
    method: str = "p.step",
    constant: Mapping[int, Any] = MappingProxyType({}),
) -> Mapping[str, Any]:
    """Return the arguments by parameter name, frozen; refuse what the function does not take.

    Parameters
    ----------
    constant
        Copies of arguments that many steps share, by the identity of the argument.
    """
    signature = signature_of(function, place)
    name = getattr(function, "__name__", repr(function))
    check_parameters(name, signature.parameters, method, place)
    variable = [
        p
        for p in signature.parameters.values()
        if p.kind in {p.VAR_POSITIONAL, p.VAR_KEYWORD, p.POSITIONAL_ONLY}
    ]
    if variable:
        problem = f"{name} takes {variable[0]}, so its arguments have no fixed names"
        raise DeclarationError(place, problem, "wrap it in a function with named parameters")
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError as error:
        wrong = [key for key in kwargs if key not in signature.parameters]
        hint = (
            unknown_argument(wrong[0], kwargs[wrong[0]], signature.parameters)
            if wrong
            else f"its signature is {name}{signature}"
        )
        raise DeclarationError(place, f"{name}: {error}", hint) from None
    given = bound.arguments
    maps = [parameter for parameter, value in given.items() if isinstance(value, Handles)]
    kinds = read_signature(function) if maps else {}
    gathered = {each: _gathered(given[each], kinds.get(each), f"{place}: {name}, parameter {each}")
                for each in maps}  # fmt: skip
    return frozen({**given, **gathered}, constant)


def _gathered(found: Handles, kind: TypeName | None, where: str) -> object:
    """Return a map's results as the parameter expects them: by label, or in the map's order."""
    if kind is None or kind.kind in {"any", "union"} or kind.name in _MAPPINGS:
        return by_label(found)
    if kind.name in _SEQUENCES:
        return list(by_label(found).values())
    if kind.name == "builtins.tuple":
        return tuple(by_label(found).values())
    problem = f"it takes {kind}, and is given the {counted(len(found), 'result')} of a map"
    fix = "annotate it as list[...], in the order of the map, or as dict[str, ...], by label"
    raise DeclarationError(where, problem, fix)


def frozen(
    arguments: Mapping[str, Any], constant: Mapping[int, Any] = MappingProxyType({})
) -> Mapping[str, Any]:
    """Copy the containers, so that changing a list after the declaration changes nothing."""
    return MappingProxyType({
        name: constant[id(value)] if id(value) in constant else copied(value)
        for name, value in arguments.items()
    })  # fmt: skip


def copied(value: Any, depth: int = 0) -> Any:  # noqa: ANN401
    """Copy the containers of an argument, also inside each other."""
    kind = type(value)
    if kind not in _CONTAINERS and not isinstance(value, Handles):
        return value
    if depth > _DEEPEST:
        problem = f"an argument holds itself, or is nested deeper than {_DEEPEST} levels"
        raise DeclarationError(calling_place(), problem, "pass a flat list or dict")
    if isinstance(value, Mapping):
        return {key: copied(item, depth + 1) for key, item in by_label(value).items()}
    return kind([copied(item, depth + 1) for item in value])
