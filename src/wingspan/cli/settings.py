"""Turn ``--set NAME=VALUE`` texts into arguments of the function that declares a pipeline.

The types come from the annotations, else from the defaults.
"""

import inspect
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from wingspan.cli.texts import ANYTHING, described, example, from_text, kind_of
from wingspan.errors import SettingError, near

_VARIABLE = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}


class Arguments(NamedTuple):
    """The arguments of a factory; `named` has every parameter by name, with defaults."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    named: dict[str, Any]


def read_settings(factory: Callable[..., Any], settings: Iterable[str], target: str) -> Arguments:
    """Return the arguments that ``NAME=VALUE`` texts give.

    Raises
    ------
    SettingError
        A text has no ``=``, a name is unknown, missing or given twice, a value is not of its type.
    """
    signature = inspect.signature(factory)
    hints = _hints(factory, signature)
    given: dict[str, str] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            fix = "for example --set test_size=0.3"
            raise SettingError(f"--set {setting}", "expected NAME=VALUE", fix)
        name = name.strip()
        if name in given:
            problem = f"{name} is set twice: {given[name]!r} and {text!r}"
            raise SettingError(f"--set {setting}", problem, f"keep one --set {name}=...")
        given[name] = text
    values = {name: _value(name, text, signature, hints, target) for name, text in given.items()}
    _require_all(signature, values, hints, target)
    return _arguments(signature, values)


def _hints(factory: Callable[..., Any], signature: inspect.Signature) -> Mapping[str, Any]:
    """Return the types of the parameters, without those that cannot be resolved here."""
    try:
        return typing.get_type_hints(factory)
    except Exception:  # noqa: BLE001 - names that only a type checker imports, a callable object, ...
        scope = getattr(inspect.unwrap(factory), "__globals__", {})
        found = {}
        for name, parameter in signature.parameters.items():
            kind = parameter.annotation
            if isinstance(kind, str):
                kind = _looked_up(kind, scope)
            if kind is not parameter.empty:
                found[name] = kind
        return found


def _looked_up(annotation: str, scope: dict[str, Any]) -> object:
    try:
        return eval(annotation, scope)
    except Exception:  # noqa: BLE001 - whatever the user's annotation raises
        return inspect.Parameter.empty


def _value(
    name: str, text: str, signature: inspect.Signature, hints: Mapping[str, Any], target: str
) -> Any:  # noqa: ANN401 - of the parameter's type
    parameters = signature.parameters
    variable = next((p for p in parameters.values() if p.kind == p.VAR_KEYWORD), None)
    parameter = parameters.get(name)
    if parameter is None or parameter.kind in _VARIABLE:
        if variable is None or not name.isidentifier():
            known = [each for each, one in parameters.items() if one.kind not in _VARIABLE]
            where = f"--set {name}={text}"
            raise SettingError(where, f"{target} has no parameter {name!r}", near(name, known))
        parameter = variable
    kind = _kind(parameter, hints)
    try:
        return from_text(text, kind)
    except ValueError as error:
        fix = f"write --set {name}={example(kind)}"
        problem = f"expected {described(kind)}, found {text!r}"
        more = f": {error}" if str(error) else ""
        raise SettingError(f"--set {name}={text}", problem + more, fix) from None


def _kind(parameter: inspect.Parameter, hints: Mapping[str, Any]) -> Any:  # noqa: ANN401
    """Return the type of a parameter, by its annotation, else by its default."""
    if parameter.name in hints:
        return hints[parameter.name]
    if parameter.default is parameter.empty or parameter.default is None:
        return ANYTHING
    return kind_of(parameter.default)


def _require_all(
    signature: inspect.Signature,
    values: Mapping[str, Any],
    hints: Mapping[str, Any],
    target: str,
) -> None:
    missing = [
        parameter
        for parameter in signature.parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind not in _VARIABLE
        and parameter.name not in values
    ]
    if missing:
        problem = f"{target} needs {', '.join(parameter.name for parameter in missing)}"
        fix = " ".join(f"--set {one.name}={example(_kind(one, hints))}" for one in missing)
        raise SettingError(target, problem, f"add {fix}")


def _arguments(signature: inspect.Signature, values: dict[str, Any]) -> Arguments:
    parameters = signature.parameters.values()
    named = {
        one.name: values.get(one.name, one.default)
        for one in parameters
        if one.kind not in _VARIABLE
    }
    first = [one.name for one in parameters if one.kind == one.POSITIONAL_ONLY]
    kwargs = {name: value for name, value in values.items() if name not in first}
    return Arguments(tuple(named[name] for name in first), kwargs, named | values)
