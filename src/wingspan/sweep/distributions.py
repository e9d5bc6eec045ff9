"""Define the distributions of swept parameters.

Each maps a number between 0 and 1 to a value by its quantile function, as W&B's sweeps do. So a search handles that
number alone, whatever the distribution.
"""

import math
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, fields
from statistics import NormalDist
from typing import Any, ClassVar, TypeAlias

from wingspan.errors import SettingError, installing, near
from wingspan.files import json_text
from wingspan.sweep.bounds import (
    as_number,
    check_count,
    check_ends,
    check_probabilities,
    check_spread,
    check_step,
)

Json: TypeAlias = Any  # a str, int, float, bool, None, or a list or dict of these

_LARGEST = sys.float_info.max
_EXACT = 2**53  # integers up to here are exact as floats, in which searches draw


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

    @property
    def count(self) -> int | None:
        """The number of values; None if they are not finitely many."""
        return None

    def values(self) -> list[Json] | None:
        """Return all values in the order of a grid, each once; None if they are not finitely many.

        Raises
        ------
        SettingError
            They are too many for a grid.
        """
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
        if q is None or not math.isfinite(steps := value / q):
            return value
        return _multiple(round(steps), q)

    def position(self, value: Json) -> float:
        """Return the middle of the share that gives the value."""
        q: float | None = getattr(self, "q", None)
        number = as_number(self.kind, "value", value)
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
        check_ends(self.kind, self.low, self.high)
        check_step(self.kind, self.q)
        if not math.isfinite(self.high - self.low):
            problem = f"the distance from {self.low!r} to {self.high!r} is too large for a number"
            raise SettingError(self.kind, problem, "give closer ends")

    @property
    def _steps(self) -> range:
        """The multiples of `q`, in steps of `q`."""
        q = self.q or 1
        ends = [each / q for each in (self.low, self.high)]
        if not all(map(math.isfinite, ends)):
            problem = f"q={q!r} is too small for {self.low!r} to {self.high!r}"
            raise SettingError(self.kind, problem, "give a larger q")
        return range(round(ends[0]), round(ends[1]) + 1)

    @property
    def count(self) -> int | None:
        """The number of multiples of `q`."""
        return None if self.q is None else self._steps.stop - self._steps.start

    def values(self) -> list[Json] | None:
        """Return the multiples of `q` from `low` to `high`."""
        if self.q is None:
            return None
        check_count(self.kind, self.count or 0)
        return [_multiple(count, self.q) for count in self._steps]

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
        check_ends(self.kind, self.low, self.high)
        check_step(self.kind, self.q)
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
        check_spread(self.kind, self.mu, self.sigma, self.q)

    def _real(self, u: float) -> float:
        return min(max(NormalDist(self.mu, self.sigma).inv_cdf(u), -_LARGEST), _LARGEST)

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
        check_spread(self.kind, self.mu, self.sigma, self.q)

    def _real(self, u: float) -> float:
        try:
            return math.exp(NormalDist(self.mu, self.sigma).inv_cdf(u))
        except OverflowError:
            return _LARGEST

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
            if as_number(self.kind, name, getattr(self, name)) <= 0:
                problem = f"expected {name} > 0, found {getattr(self, name)!r}"
                raise SettingError(self.kind, problem, f"give {name} a positive number")
        check_step(self.kind, self.q)

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
            if abs(value) > _EXACT:
                problem = f"expected {name} between -2^53 and 2^53, found {value!r}"
                raise SettingError(self.kind, problem, "give a smaller number")
        check_ends(self.kind, self.low, self.high)

    def quantile(self, u: float) -> int:
        """Return one of the integers."""
        count = self.high - self.low + 1
        return self.low + min(max(math.ceil(u * count) - 1, 0), count - 1)

    def position(self, value: Json) -> float:
        """Return the middle of an integer's share."""
        if isinstance(value, bool) or value != int(as_number(self.kind, "value", value)):
            raise SettingError(self.kind, f"expected an integer, found {value!r}", "give one")
        if not self.low <= value <= self.high:
            problem = f"{value!r} is not between {self.low} and {self.high}"
            raise SettingError(self.kind, problem, "give a value between them")
        return (int(value) - self.low + 0.5) / (self.high - self.low + 1)

    @property
    def count(self) -> int:
        """The number of integers."""
        return self.high - self.low + 1

    def values(self) -> list[Json] | None:
        """Return all integers."""
        check_count(self.kind, self.count)
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
            check_probabilities(self.kind, len(self.choices), self.probabilities or ())

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

    @property
    def count(self) -> int:
        """The number of different choices."""
        return len({json_text(each) for each in self.choices})

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
