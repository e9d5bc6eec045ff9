"""Define the distributions of swept parameters.

Each maps a number between 0 and 1 to a value by its quantile function, as W&B's sweeps do. So a search handles that
number alone, whatever the distribution.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from statistics import NormalDist
from typing import Any, ClassVar, TypeAlias

from wingspan.errors import SettingError, installing, near
from wingspan.files import json_text

Json: TypeAlias = Any  # a str, int, float, bool, None, or a list or dict of these

_MOST_VALUES = 1_000_000  # values of one parameter in a grid


class Distribution(ABC):
    """The distribution of one parameter."""

    kind: ClassVar[str]

    @abstractmethod
    def quantile(self, u: float) -> Json:
        """Return the value below which a share of `u` of the draws lies; ``0 < u < 1``."""

    @abstractmethod
    def position(self, value: Json) -> float:
        """Return the middle of the range of `u` that gives a value.

        Raises
        ------
        SettingError
            No `u` gives it.
        """

    def values(self) -> list[Json] | None:
        """Return all values in the order of a grid, each once; None if they are not finitely many."""
        return None

    def json(self) -> dict[str, Json]:
        """Return the distribution as JSON; `from_json` reads it."""
        return {"distribution": self.kind} | {
            each.name: listed(value)
            for each in fields(self)  # type: ignore[arg-type]  # each kind is a dataclass
            if (value := getattr(self, each.name)) is not None
        }


def listed(value: Json) -> Json:
    """Return a tuple as a list, and any other value unchanged."""
    return list(value) if isinstance(value, tuple) else value


@dataclass(frozen=True)
class Continuous(Distribution):
    """A distribution of real numbers; with `q`, each value is rounded to a multiple of it."""

    def quantile(self, u: float) -> float:
        """Return the real number, or its nearest multiple of `q`."""
        value = self._real(u)
        q: float | None = getattr(self, "q", None)
        return value if q is None else _multiple(round(value / q), q)

    def position(self, value: Json) -> float:
        """Return the middle of the share that gives the value."""
        q: float | None = getattr(self, "q", None)
        number = _number(self.kind, "value", value)
        share = u = self._share(number)
        if q is not None:
            low, high = (self._clipped(number + side * q / 2) for side in (-1, 1))
            rounded = math.isclose(_multiple(round(number / q), q), number)
            u = (low + high) / 2 if rounded and (low < high or share is not None) else None
        if u is None:
            raise SettingError(
                self.kind, f"{value!r} cannot be drawn from {self}", "give a value that it can draw"
            )
        return min(max(u, 2.0**-53), 1 - 2.0**-53)

    @abstractmethod
    def _real(self, u: float) -> float:
        """Return the quantile before it is rounded."""

    @abstractmethod
    def _share(self, value: float) -> float | None:
        """Return the share of the draws below a value; None outside the support."""

    def _clipped(self, value: float) -> float:
        """Return the share below any number."""
        share = self._share(value)
        return (1.0 if value > self._real(0.5) else 0.0) if share is None else share


@dataclass(frozen=True)
class Uniform(Continuous):
    """Every real number from `low` to `high`, equally likely."""

    kind: ClassVar[str] = "uniform"
    low: float
    high: float
    q: float | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        _check_ends(self.kind, self.low, self.high)
        _check_step(self.kind, self.q)

    def values(self) -> list[Json] | None:
        """Return the multiples of `q` from `low` to `high`."""
        if self.q is None:
            return None
        ends = (round(self.low / self.q), round(self.high / self.q))
        _check_count(self.kind, ends[1] - ends[0] + 1)
        return [_multiple(count, self.q) for count in range(ends[0], ends[1] + 1)]

    def _real(self, u: float) -> float:
        return min(max(self.low + u * (self.high - self.low), self.low), self.high)

    def _share(self, value: float) -> float | None:
        inside = self.low <= value <= self.high
        return (value - self.low) / (self.high - self.low) if inside else None


@dataclass(frozen=True)
class LogUniform(Continuous):
    """Every order of magnitude from `low` to `high`, equally likely."""

    kind: ClassVar[str] = "log_uniform"
    low: float
    high: float
    q: float | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        _check_ends(self.kind, self.low, self.high)
        _check_step(self.kind, self.q)
        if self.low <= 0:
            problem = f"expected low > 0, found {self.low!r}"
            fix = "give the ends themselves, such as log_uniform(1e-5, 1e-1), not their exponents"
            raise SettingError(self.kind, problem, fix)

    def _real(self, u: float) -> float:
        low, high = math.log(self.low), math.log(self.high)
        return min(max(math.exp(low + u * (high - low)), self.low), self.high)

    def _share(self, value: float) -> float | None:
        if not self.low <= value <= self.high:
            return None
        return math.log(value / self.low) / math.log(self.high / self.low)


@dataclass(frozen=True)
class Normal(Continuous):
    """The normal distribution."""

    kind: ClassVar[str] = "normal"
    mu: float = 0.0
    sigma: float = 1.0
    q: float | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        _check_spread(self.kind, self.mu, self.sigma, self.q)

    def _real(self, u: float) -> float:
        return NormalDist(self.mu, self.sigma).inv_cdf(u)

    def _share(self, value: float) -> float | None:
        return NormalDist(self.mu, self.sigma).cdf(value)


@dataclass(frozen=True)
class LogNormal(Continuous):
    """Numbers whose natural logarithm has a normal distribution."""

    kind: ClassVar[str] = "log_normal"
    mu: float = 0.0
    sigma: float = 1.0
    q: float | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        _check_spread(self.kind, self.mu, self.sigma, self.q)

    def _real(self, u: float) -> float:
        try:
            return math.exp(NormalDist(self.mu, self.sigma).inv_cdf(u))
        except OverflowError:
            return math.nextafter(math.inf, 0)

    def _share(self, value: float) -> float | None:
        return NormalDist(self.mu, self.sigma).cdf(math.log(value)) if value > 0 else None


@dataclass(frozen=True)
class Beta(Continuous):
    """The beta distribution, between 0 and 1."""

    kind: ClassVar[str] = "beta"
    a: float = 1.0
    b: float = 1.0
    q: float | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        for name in ("a", "b"):
            if _number(self.kind, name, getattr(self, name)) <= 0:
                problem = f"expected {name} > 0, found {getattr(self, name)!r}"
                raise SettingError(self.kind, problem, f"give {name} a positive number")
        _check_step(self.kind, self.q)

    def _real(self, u: float) -> float:
        return float(_special().betaincinv(self.a, self.b, u))

    def _share(self, value: float) -> float | None:
        return float(_special().betainc(self.a, self.b, value)) if 0 <= value <= 1 else None


@dataclass(frozen=True)
class IntUniform(Distribution):
    """Every integer from `low` to `high`, both included, equally likely."""

    kind: ClassVar[str] = "int_uniform"
    low: int
    high: int

    def __post_init__(self) -> None:
        for name in ("low", "high"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int):
                problem = f"expected an integer as {name}, found {value!r}"
                raise SettingError(self.kind, problem, "give integers, or use uniform")
        _check_ends(self.kind, self.low, self.high)

    def quantile(self, u: float) -> int:
        """Return one of the integers."""
        count = self.high - self.low + 1
        return self.low + min(max(math.ceil(u * count) - 1, 0), count - 1)

    def position(self, value: Json) -> float:
        """Return the middle of an integer's share."""
        if isinstance(value, bool) or value != int(_number(self.kind, "value", value)):
            raise SettingError(self.kind, f"expected an integer, found {value!r}", "give one")
        if not self.low <= value <= self.high:
            problem = f"{value!r} is not between {self.low} and {self.high}"
            raise SettingError(self.kind, problem, "give a value between them")
        return (int(value) - self.low + 0.5) / (self.high - self.low + 1)

    def values(self) -> list[Json] | None:
        """Return all integers."""
        _check_count(self.kind, self.high - self.low + 1)
        return list(range(self.low, self.high + 1))


@dataclass(frozen=True)
class Choice(Distribution):
    """One of several values, equally likely or with probabilities."""

    kind: ClassVar[str] = "choice"
    choices: tuple[Json, ...]
    probabilities: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "choices", tuple(self.choices))
        if not self.choices:
            raise SettingError(self.kind, "the list of values is empty", "list some values")
        if self.probabilities is not None:
            object.__setattr__(self, "probabilities", tuple(self.probabilities))
            _check_probabilities(self.kind, len(self.choices), self.probabilities or ())

    def quantile(self, u: float) -> Json:
        """Return the value whose share contains `u`."""
        return self.choices[self.index(u)]

    def index(self, u: float) -> int:
        """Return the index of the value whose share contains `u`."""
        last = len(self.choices) - 1
        if self.probabilities is None:
            return min(max(math.ceil(u * len(self.choices)) - 1, 0), last)
        total = 0.0
        for place, share in enumerate(self.probabilities):
            total += share
            if u < total:
                return place
        return max(place for place, share in enumerate(self.probabilities) if share)

    def position(self, value: Json) -> float:
        """Return the middle of a value's share."""
        place = self.place(value)
        if self.probabilities is None:
            return (place + 0.5) / len(self.choices)
        return sum(self.probabilities[:place]) + self.probabilities[place] / 2

    def place(self, value: Json) -> int:
        """Return the index of a value among the choices."""
        texts = [json_text(each) for each in self.choices]
        if json_text(value) in texts:
            return texts.index(json_text(value))
        for place, each in enumerate(self.choices):  # 1 equals 1.0, but not true
            if each == value and isinstance(each, bool) == isinstance(value, bool):
                return place
        problem = f"{value!r} is not one of the choices: {', '.join(texts)}"
        raise SettingError(self.kind, problem, near(str(value), map(str, self.choices)))

    def values(self) -> list[Json] | None:
        """Return the choices, each once."""
        return list({json_text(each): each for each in self.choices}.values())


KINDS: dict[str, type[Distribution]] = {
    each.kind: each for each in (Uniform, LogUniform, IntUniform, Normal, LogNormal, Beta, Choice)
}


def from_json(written: dict[str, Json]) -> Distribution:
    """Return the distribution that `Distribution.json` wrote."""
    settings = dict(written)
    return KINDS[settings.pop("distribution")](**settings)


def _special() -> Any:  # noqa: ANN401 - a module without annotations
    try:
        from scipy import special
    except ImportError:
        problem = "this distribution needs SciPy, which is not installed"
        raise SettingError("beta", problem, installing("sweep")) from None
    return special


def _multiple(count: int, q: float) -> float:
    """Return a multiple of `q` without binary rounding errors; an integer if `q` is one."""
    return count * q if isinstance(q, int) else float(f"{count * q:.15g}")


def _number(kind: str, name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        problem = f"expected a finite number as {name}, found {value!r}"
        raise SettingError(kind, problem, f"give {name} a number")
    return value


def _check_ends(kind: str, low: object, high: object) -> None:
    first, last = _number(kind, "low", low), _number(kind, "high", high)
    if first >= last:
        problem = f"expected low < high, found {low!r} and {high!r}"
        fix = "exchange them" if first > last else f"write [{low!r}] for one value"
        raise SettingError(kind, problem, fix)


def _check_step(kind: str, q: object) -> None:
    if q is not None and _number(kind, "q", q) <= 0:
        raise SettingError(kind, f"expected q > 0, found {q!r}", "give q a positive number")


def _check_spread(kind: str, mu: object, sigma: object, q: object) -> None:
    _number(kind, "mu", mu)
    if _number(kind, "sigma", sigma) <= 0:
        problem = f"expected sigma > 0, found {sigma!r}"
        raise SettingError(kind, problem, "give sigma a positive number")
    _check_step(kind, q)


def _check_count(kind: str, count: int) -> None:
    if count > _MOST_VALUES:
        problem = f"a grid would have {count:,} values here, the limit is {_MOST_VALUES:,}"
        raise SettingError(kind, problem, "list the values, or use another search")


def _check_probabilities(kind: str, count: int, probabilities: Sequence[float]) -> None:
    if len(probabilities) != count:
        problem = (
            f"expected as many probabilities as values, found {len(probabilities)} and {count}"
        )
        raise SettingError(kind, problem, "give each value its probability")
    for each in probabilities:
        if _number(kind, "probability", each) < 0:
            problem = f"expected a probability of at least 0, found {each!r}"
            raise SettingError(kind, problem, "give numbers from 0 to 1")
    if not math.isclose(total := math.fsum(probabilities), 1.0, rel_tol=1e-5):
        problem = f"the probabilities sum to {total:g}, not to 1"
        raise SettingError(kind, problem, "divide each by their sum")
