"""Describe what is swept: one distribution a parameter.

Also the functions with which a user makes distributions.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from wingspan.errors import DeclarationError, SettingError
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
    from_json,
)


def uniform(low: float, high: float, *, q: float | None = None) -> Distribution:
    """Draw a real number from `low` to `high`; `q` rounds it to a multiple of `q`."""
    return Uniform(low, high, q=q)


def log_uniform(low: float, high: float, *, q: float | None = None) -> Distribution:
    """Draw from `low` to `high`, with every order of magnitude as likely.

    Both ends are values, not exponents.
    """
    return LogUniform(low, high, q=q)


def int_uniform(low: int, high: int) -> Distribution:
    """Draw an integer from `low` to `high`, both included."""
    return IntUniform(low, high)


def normal(mu: float = 0.0, sigma: float = 1.0, *, q: float | None = None) -> Distribution:
    """Draw from the normal distribution; `q` rounds the number to a multiple of `q`."""
    return Normal(mu, sigma, q=q)


def log_normal(mu: float = 0.0, sigma: float = 1.0, *, q: float | None = None) -> Distribution:
    """Draw a number whose natural logarithm is normal with `mu` and `sigma`."""
    return LogNormal(mu, sigma, q=q)


def beta(a: float = 1.0, b: float = 1.0, *, q: float | None = None) -> Distribution:
    """Draw from the beta distribution, between 0 and 1."""
    return Beta(a, b, q=q)


def choice(values: Sequence[Any], probabilities: Sequence[float] | None = None) -> Distribution:
    """Draw one of the values; a plain list in `over` is a choice with equal probabilities."""
    shares = (
        None if probabilities is None else _listed("probabilities", probabilities, "[0.8, 0.2]")
    )
    return Choice(_listed("values", values, "[1, 2]"), shares)


def _listed(name: str, given: Any, example: str) -> tuple[Any, ...]:  # noqa: ANN401 - whatever the user gives
    """Return a sequence as a tuple; refuse text, and what has no order."""
    unordered = isinstance(given, str | bytes | Mapping | AbstractSet)
    if unordered or not isinstance(given, Iterable):
        found = f"{given!r}, of type {type(given).__qualname__}"
        raise SettingError(
            "choice", f"expected a list as {name}, found {found}", f"write {name}={example}"
        )
    return tuple(given)


@dataclass(frozen=True, slots=True)
class Dimension:
    """One swept parameter: its place in the arguments, and its distribution.

    Parameters
    ----------
    path
        The name of the function's argument, then the keys of the dicts within it.
    """

    path: tuple[str, ...]
    distribution: Distribution

    @property
    def name(self) -> str:
        """The path joined by dots, as tables and pictures show it."""
        return ".".join(self.path)


@dataclass(frozen=True, slots=True)
class Space:
    """All swept parameters, sorted by name; their order in a declaration does not matter."""

    dimensions: tuple[Dimension, ...]

    def __post_init__(self) -> None:
        found = sorted(self.dimensions, key=lambda each: each.path)
        object.__setattr__(self, "dimensions", tuple(found))
        columns = self.columns
        for name in columns:
            if columns.count(name) > 1:
                problem = f"two parameters are called {name}"
                raise DeclarationError("sweep", problem, "rename one of them")

    @property
    def columns(self) -> tuple[str, ...]:
        """The dotted name of each parameter."""
        return tuple(each.name for each in self.dimensions)

    @property
    def names(self) -> tuple[str, ...]:
        """The arguments that the function gets; nested parameters are one dict."""
        return tuple(dict.fromkeys(each.path[0] for each in self.dimensions))

    @property
    def size(self) -> int | None:
        """The number of combinations; None if it is infinite."""
        counts = [each.distribution.count for each in self.dimensions]
        return math.prod(count or 0 for count in counts) if None not in counts else None

    @property
    def searched(self) -> tuple[Dimension, ...]:
        """The parameters that have more than one value."""
        return tuple(each for each in self.dimensions if not _single(each.distribution))

    def values(self, shares: Mapping[str, float]) -> dict[str, Json]:
        """Return the function's arguments, given a number between 0 and 1 for each parameter."""
        return self.nested(
            {
                each.name: each.distribution.quantile(shares.get(each.name, 0.5))
                for each in self.dimensions
            }
        )

    def nested(self, flat: Mapping[str, Json]) -> dict[str, Json]:
        """Return values by dotted name as the function's arguments."""
        arguments: dict[str, Json] = {}
        for each in self.dimensions:
            place = arguments
            for key in each.path[:-1]:
                place = place.setdefault(key, {})
            place[each.path[-1]] = flat[each.name]
        return arguments

    def flat(self, arguments: Mapping[str, Json]) -> dict[str, Json]:
        """Return the function's arguments by dotted name; missing ones are left out."""
        found = {}
        for each in self.dimensions:
            value: Json = arguments
            for key in each.path:
                value = value.get(key, _ABSENT) if isinstance(value, Mapping) else _ABSENT
            if value is not _ABSENT:
                found[each.name] = value
        return found

    def json(self) -> list[Json]:
        """Return the space as JSON; `from_json` reads it."""
        return [[list(each.path), each.distribution.json()] for each in self.dimensions]

    @classmethod
    def from_json(cls, written: Sequence[Json]) -> "Space":
        """Return the space that `json` wrote."""
        return cls(tuple(Dimension(tuple(path), from_json(each)) for path, each in written))


_ABSENT = object()


def _single(distribution: Distribution) -> bool:
    return isinstance(distribution, Choice) and distribution.count == 1
