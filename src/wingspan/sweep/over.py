"""Read ``over={...}`` into a space."""

from collections.abc import Iterable, Mapping
from typing import Any

from wingspan.errors import DeclarationError
from wingspan.files import json_text
from wingspan.sweep.distributions import Choice, Distribution, Json
from wingspan.sweep.space import Dimension, Space

_FIX = "give each parameter a list of values or a distribution: over={'rate': ws.log_uniform(1e-5, 1e-1)}"


def read_over(over: object, where: str) -> Space:
    """Return the space of a sweep.

    A list is a choice, a dict holds nested parameters, and a distribution stays as it is.

    Raises
    ------
    DeclarationError
        The message names the parameter, what was expected and what was found.
    """
    if not isinstance(over, Mapping):
        problem = f"expected over={{name: values}}, found {over!r}"
        raise DeclarationError(where, problem, _FIX)
    if not over:
        raise DeclarationError(where, "over={} names no parameters", _FIX)
    return Space(tuple(_dimensions(over, (), where)))


def _dimensions(over: Mapping[Any, Any], path: tuple[str, ...], where: str) -> Iterable[Dimension]:
    for name, given in over.items():
        if not isinstance(name, str) or not name:
            problem = f"expected the name of a parameter, found {name!r}"
            raise DeclarationError(where, problem, _FIX)
        inner = (*path, name)
        place = f"{where}: over[{'.'.join(inner)}]"
        if isinstance(given, Distribution):
            yield Dimension(inner, _checked(given, place))
        elif isinstance(given, Mapping):
            if not given:
                problem = "the dict of nested parameters is empty"
                raise DeclarationError(place, problem, _FIX)
            yield from _dimensions(given, inner, where)
        else:
            yield Dimension(inner, _choice(given, place))


def _choice(given: object, place: str) -> Distribution:
    """Return a choice of the values of a list, a tuple, a range or an array."""
    if hasattr(given, "tolist"):
        given = given.tolist()
    if isinstance(given, str | bytes) or not isinstance(given, list | tuple | range):
        problem = f"expected a list of values or a distribution, found {given!r}"
        raise DeclarationError(
            place, problem, f"write [{given!r}] for one value, or pass it as an argument"
        )
    if not given:
        raise DeclarationError(place, "the list of values is empty", "list at least one value")
    return _checked(Choice(tuple(given)), place)


def _checked(distribution: Distribution, place: str) -> Distribution:
    if isinstance(distribution, Choice):
        for value in distribution.choices:
            require_json(value, place)
    return distribution


def require_json(value: Json, place: str) -> None:
    """Refuse a value that does not survive a round trip through JSON.

    Raises
    ------
    DeclarationError
        The message shows the value.
    """
    if isinstance(value, Mapping):
        for key, each in value.items():
            if not isinstance(key, str):
                problem = f"expected text as a key, found {key!r}"
                raise DeclarationError(place, problem, "use text as keys")
            require_json(each, place)
    elif isinstance(value, list):
        for each in value:
            require_json(each, place)
    elif isinstance(value, Distribution):
        problem = "parameters that depend on another one's value are not searched"
        fix = "sweep all of them, and let the function ignore those that do not apply"
        raise DeclarationError(place, problem, fix)
    elif not isinstance(value, str | int | float | None):
        problem = f"expected JSON (numbers, text, true, false, null, lists, dicts), found {value!r}"
        raise DeclarationError(place, problem, _fix_of(value))
    else:
        try:
            json_text(value)
        except ValueError:
            problem = f"expected a finite number, found {value!r}"
            raise DeclarationError(place, problem, "leave it out") from None


def _fix_of(value: object) -> str:
    if isinstance(value, tuple):
        return f"write a list: {list(value)!r}"
    if hasattr(value, "item"):
        return f"write the plain number {value.item()!r}"
    if hasattr(value, "__fspath__"):
        return "sweep over text, and make the path in the function"
    return "sweep over its name, and look it up in the function"
