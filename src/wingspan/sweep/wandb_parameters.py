"""Read the parameters of a W&B sweep file, with every distribution that W&B has."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeAlias

from wingspan.errors import SettingError, near
from wingspan.sweep.distributions import (
    Beta,
    Choice,
    Distribution,
    IntUniform,
    Json,
    LogNormal,
    LogUniform,
    Normal,
    Uniform,
)
from wingspan.sweep.over import require_json
from wingspan.sweep.space import Dimension

_Maker: TypeAlias = Callable[[Mapping[str, Json]], Distribution]


def read_parameters(
    given: Json, path: tuple[str, ...], where: str, search: str, notes: list[str]
) -> Iterator[Dimension]:
    """Yield each swept parameter of a sweep file, nested ones too.

    What the user should know is added to `notes`.

    Raises
    ------
    SettingError
        The message names the parameter, what was expected and what was found.
    """
    if not isinstance(given, dict) or not given:
        problem = f"expected at least one parameter, found {shown_value(given)}"
        raise SettingError(where, problem, "write parameters: {lr: {min: 0.001, max: 0.1}}")
    for name, config in given.items():
        place = f"{where}.{name}"
        if not isinstance(name, str) or not name:
            raise SettingError(where, f"expected a name, found {name!r}", "put it in quotes")
        if not isinstance(config, dict) or not config:
            problem = f"expected value, values or a distribution, found {shown_value(config)}"
            raise SettingError(place, problem, f"write {name}: {{value: {shown_value(config)}}}")
        inner = (*path, name)
        if "parameters" in config:
            if others := sorted(set(config) - {"parameters"}):
                problem = f"a parameter with nested parameters has no other keys, found {', '.join(others)}"
                fix = "remove it; parameters that depend on another one's value are not searched"
                raise SettingError(place, problem, fix)
            yield from read_parameters(config["parameters"], inner, place, search, notes)
        else:
            yield Dimension(inner, _parameter(config, place, search, notes))


def _parameter(
    config: Mapping[str, Json], place: str, search: str, notes: list[str]
) -> Distribution:
    kind = _kind(config, place)
    required, optional, make = _KINDS[kind]
    known = ("distribution", *required, *optional)
    for key in config:
        if key not in known:
            problem = f"{kind} has no key {key!r}"
            raise SettingError(place, problem, near(str(key), known))
    for key in required:
        if key not in config:
            raise SettingError(place, f"{kind} needs {key}", f"add {key}")
    _check_numbers(kind, config, place)
    found = _made({key: config[key] for key in known[1:] if key in config}, make, place)
    if kind in _EXPONENTS and isinstance(found, LogUniform):
        notes.append(
            f"{place}: {kind} takes exponents of e, so it draws from {found.low:g} to {found.high:g}; "
            f"{kind}_values takes the values themselves."
        )
    if search == "grid" and kind == "q_uniform":
        return Choice(tuple(_grid_of(found)))
    return found


def _check_numbers(kind: str, config: Mapping[str, Json], place: str) -> None:
    """Refuse what is not a number, and ends that are exchanged, by the file's own words."""
    whole = kind == "int_uniform"
    for key in _NUMBERS:
        if key in config and not (is_integer if whole else is_number)(config[key]):
            expected = "an integer" if whole else "a finite number"
            problem = f"expected {expected} as {key}, found {shown_value(config[key])}"
            raise SettingError(place, problem, _number_fix(key, config[key], whole=whole))
    if "min" not in config or "max" not in config:
        return
    low, high = config["min"], config["max"]
    if low >= high:
        fix = "exchange them" if low > high else f"write value: {low} for one value"
        raise SettingError(place, f"expected min < max, found {low} and {high}", fix)
    if kind in _ABOVE_0 and low <= 0:
        fix = "give the values themselves, such as min: 1e-5, not their exponents"
        raise SettingError(place, f"expected min > 0, found {low}", fix)


def _number_fix(key: str, value: Json, *, whole: bool) -> str:
    """Return the way to correct a value that should be a number."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return f"give {key} a number"
    if isinstance(value, str):
        return f"remove the quotes: {key}: {value}"
    if whole and number.is_integer():
        return f"write {key}: {number:.0f}, or distribution: uniform for real numbers"
    return f"give {key} {'an integer' if whole else 'a finite number'}"


def _made(options: Mapping[str, Json], make: _Maker, place: str) -> Distribution:
    """Return the distribution; an error names its place in the file."""
    try:
        found = make(options)
    except OverflowError:
        raise SettingError(place, "the ends are too large as exponents of e", _VALUES) from None
    except SettingError as error:
        raise SettingError(place, error.problem, error.fix) from None
    for value in found.choices if isinstance(found, Choice) else ():
        _refuse_conditional(value, place)
        require_json(value, place)
    return found


def _kind(config: Mapping[str, Json], place: str) -> str:
    """Return the name of the distribution, which may follow from the keys."""
    named = config.get("distribution")
    if named is not None:
        if not isinstance(named, str) or named not in _KINDS:
            problem = f"unknown distribution {shown_value(named)}"
            raise SettingError(place, problem, near(str(named), _KINDS))
        return named
    if "value" in config:
        return "constant"
    if "values" in config:
        return "categorical_w_probabilities" if "probabilities" in config else "categorical"
    if "min" in config or "max" in config:
        whole = all(is_integer(config.get(key)) for key in ("min", "max"))
        return "int_uniform" if whole else "uniform"
    problem = f"expected value, values, min and max, or a distribution, found {shown_value(config)}"
    fix = near(next(iter(config)), ("value", "values", "min", "max", "distribution", "parameters"))
    raise SettingError(place, problem, fix)


def _refuse_conditional(value: Json, place: str) -> None:
    if isinstance(value, dict) and {"distribution", "parameters"} & set(value):
        problem = "parameters that depend on another one's value are not searched"
        fix = "sweep all of them as parameters, and ignore in the program those that do not apply"
        raise SettingError(place, problem, fix)


def _constant(options: Mapping[str, Json]) -> Distribution:
    return Choice((options["value"],))


def _categorical(options: Mapping[str, Json]) -> Distribution:
    values, probabilities = options["values"], options.get("probabilities")
    for name, each in (("values", values), ("probabilities", probabilities)):
        if name in options and not isinstance(each, list):
            problem = f"expected a list as {name}, found {shown_value(each)}"
            raise SettingError("", problem, f"write {name}: [{shown_value(each)}]")
    return Choice(tuple(values), None if probabilities is None else tuple(probabilities))


def _between(kind: Callable[..., Distribution], step: float | None = None) -> _Maker:
    def make(options: Mapping[str, Json]) -> Distribution:
        steps = {} if step is None else {"q": options.get("q", step)}
        return kind(options["min"], options["max"], **steps)

    return make


def _spread(kind: Callable[..., Distribution], step: float | None = None) -> _Maker:
    def make(options: Mapping[str, Json]) -> Distribution:
        return kind(**({} if step is None else {"q": step}) | dict(options))

    return make


def _exponents(low: float, high: float, q: float | None = None) -> Distribution:
    return LogUniform(math.exp(low), math.exp(high), q=q)


def _inverse_exponents(low: float, high: float) -> Distribution:
    return LogUniform(math.exp(-high), math.exp(-low))


_ENDS: Final = ("min", "max")
_NUMBERS: Final = (*_ENDS, "q", "mu", "sigma", "a", "b")
_ABOVE_0: Final = ("log_uniform_values", "q_log_uniform_values", "inv_log_uniform_values")
_VALUES: Final = "use log_uniform_values, which takes the values themselves"
_EXPONENTS: Final = ("log_uniform", "q_log_uniform", "inv_log_uniform")
# Each distribution has required keys, optional keys and a maker. A number whose inverse is log-uniform is itself
# log-uniform.
_KINDS: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...], _Maker]]] = {
    "constant": (("value",), (), _constant),
    "categorical": (("values",), ("probabilities",), _categorical),
    "categorical_w_probabilities": (("values", "probabilities"), (), _categorical),
    "int_uniform": (_ENDS, (), _between(IntUniform)),
    "uniform": (_ENDS, (), _between(Uniform)),
    "q_uniform": (_ENDS, ("q",), _between(Uniform, 1)),
    "log_uniform": (_ENDS, (), _between(_exponents)),
    "q_log_uniform": (_ENDS, ("q",), _between(_exponents, 1)),
    "inv_log_uniform": (_ENDS, (), _between(_inverse_exponents)),
    "log_uniform_values": (_ENDS, (), _between(LogUniform)),
    "q_log_uniform_values": (_ENDS, ("q",), _between(LogUniform, 1)),
    "inv_log_uniform_values": (_ENDS, (), _between(LogUniform)),
    "normal": ((), ("mu", "sigma"), _spread(Normal)),
    "log_normal": ((), ("mu", "sigma"), _spread(LogNormal)),
    "q_normal": ((), ("mu", "sigma", "q"), _spread(Normal, 1)),
    "q_log_normal": ((), ("mu", "sigma", "q"), _spread(LogNormal, 1)),
    "beta": ((), ("a", "b"), _spread(Beta)),
    "q_beta": ((), ("a", "b", "q"), _spread(Beta, 1)),
}


def _grid_of(found: Distribution) -> Iterator[Json]:
    """Yield the values of W&B's grid over q_uniform: from min in steps of q, without max."""
    if isinstance(found, Uniform) and found.q is not None:
        for step in range(math.ceil((found.high - found.low) / found.q)):
            value = found.low + step * found.q
            yield value if isinstance(value, int) else float(f"{value:.15g}")


def is_integer(value: object) -> bool:
    """Return whether a value is an integer, and not true or false."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    """Return whether a value is a finite number, and not true or false."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def shown_value(value: object) -> str:
    """Return a value of the file as messages show it."""
    return "nothing" if value is None else repr(value)
