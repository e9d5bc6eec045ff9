"""Check the numbers that describe a distribution.

Each function raises a SettingError that says what was expected and found.
"""

import math
from collections.abc import Sequence
from typing import Final

from wingspan.errors import SettingError

_MOST_VALUES: Final = 1_000_000  # values of one parameter in a grid


def as_number(kind: str, name: str, value: object) -> float:
    """Return a finite number; refuse anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        problem = f"expected a finite number as {name}, found {value!r}"
        item = None if isinstance(value, int | float) else getattr(value, "item", None)
        fix = f"write the plain number {item()!r}" if item else f"give {name} a number"
        raise SettingError(kind, problem, fix)
    return value


def check_ends(kind: str, low: object, high: object) -> None:
    """Refuse ends that are not numbers, or not in order."""
    first, last = as_number(kind, "low", low), as_number(kind, "high", high)
    if first >= last:
        problem = f"expected low < high, found {low!r} and {high!r}"
        fix = "exchange them" if first > last else f"write [{low!r}] for one value"
        raise SettingError(kind, problem, fix)


def check_step(kind: str, q: object) -> None:
    """Refuse a step that is not positive."""
    if q is not None and as_number(kind, "q", q) <= 0:
        raise SettingError(kind, f"expected q > 0, found {q!r}", "give q a positive number")


def check_spread(kind: str, mu: object, sigma: object, q: object) -> None:
    """Refuse a mean, a spread or a step that is invalid."""
    as_number(kind, "mu", mu)
    if as_number(kind, "sigma", sigma) <= 0:
        problem = f"expected sigma > 0, found {sigma!r}"
        raise SettingError(kind, problem, "give sigma a positive number")
    check_step(kind, q)


def check_count(kind: str, count: int) -> None:
    """Refuse more values than a grid may have."""
    if count > _MOST_VALUES:
        problem = f"a grid would have {count:,} values here, the limit is {_MOST_VALUES:,}"
        raise SettingError(kind, problem, "list the values, or use another search")


def check_probabilities(kind: str, count: int, probabilities: Sequence[float]) -> None:
    """Refuse probabilities that do not fit the values, or do not sum to 1."""
    if len(probabilities) != count:
        problem = (
            f"expected as many probabilities as values, found {len(probabilities)} and {count}"
        )
        raise SettingError(kind, problem, "give each value its probability")
    for each in probabilities:
        if as_number(kind, "probability", each) < 0:
            problem = f"expected a probability of at least 0, found {each!r}"
            raise SettingError(kind, problem, "give numbers from 0 to 1")
    if not math.isclose(total := math.fsum(probabilities), 1.0, rel_tol=1e-5):
        problem = f"the probabilities sum to {total:g}, not to 1"
        raise SettingError(kind, problem, "divide each by their sum")
