"""Fit an estimator, and report how far a long fit is where the estimator can say so.

Boosted trees are counted while they are added. A forest is grown in parts, which gives the same trees as growing it at
once. Other estimators report nothing.

Boosted trees that stop early hold out some of the rows. scikit-learn copies all rows to divide them, unless it is given
the two parts.
"""

import inspect
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from wingspan.errors import SettingError

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

Report = Callable[[int, int, float], None]
"""Called with the rounds that are done, those there are at most, and the seconds that the rest takes at this speed."""

FIRST_S, EACH_S = 5.0, 2.0
_FOREST_PARTS = 20
_FEWEST_TREES = 40
_BOOSTED = "sklearn.ensemble._hist_gradient_boosting"
_STOPS_EARLY_ROWS = 10_000
"""scikit-learn holds rows out by default if it is given more than these."""


def fit(
    made: "BaseEstimator",
    x: Any,  # noqa: ANN401 - arrays
    y: Any,  # noqa: ANN401
    name: str,
    weights: Any = None,  # noqa: ANN401
    report: Report | None = None,
    held_out: int = 0,
) -> None:
    """Fit an estimator to rows.

    Parameters
    ----------
    held_out
        How many of the last rows decide when to stop, in the order of `held_out_last`.

    Raises
    ------
    SettingError
        The estimator refuses its parameters or the rows.
    """
    given = {} if weights is None else {"sample_weight": weights}
    if held_out:
        given |= {"X_val": x[-held_out:], "y_val": y[-held_out:]}
        x, y = x[:-held_out], y[:-held_out]
    try:
        if report is not None and _grows(made):
            _fit_in_parts(made, x, y, given, report)
            return
        with _counted(made, report):
            made.fit(x, y, **given)
    except (ValueError, TypeError) as error:
        fix = "correct its parameters or the columns, then train again"
        raise SettingError(f"estimator {name}", str(error), fix) from error


def held_out_last(made: "BaseEstimator", y: NDArray[Any]) -> tuple[NDArray[np.int64], int]:
    """Return an order of rows with those that a fit holds out last, and their number.

    The rows that are held out, and the order of the others, are those that scikit-learn draws. The number is 0 where it
    holds none out, or cannot be given them apart.

    Parameters
    ----------
    y
        (N,) classes or numbers.
    """
    none = np.arange(len(y)), 0
    if not type(made).__module__.startswith(_BOOSTED):
        return none
    given = made.get_params(deep=False)
    plain = (
        given["early_stopping"] in {"auto", True}
        and given["validation_fraction"] is not None
        and isinstance(given["random_state"], int)
        and given["categorical_features"] == "from_dtype"
        and given.get("class_weight") is None
        and not given["warm_start"]
        and "X_val" in inspect.signature(made.fit).parameters
    )
    if not plain:
        return none
    from sklearn.model_selection import train_test_split

    drawn = np.random.RandomState(given["random_state"]).randint(
        np.iinfo(np.uint32).max, dtype="u8"
    )
    classes = None if np.issubdtype(y.dtype, np.floating) else y
    how = {"test_size": given["validation_fraction"], "stratify": classes, "random_state": drawn}
    try:
        learned, held = train_test_split(none[0], **how)
    except ValueError:  # the fit refuses the rows with the same words
        return none
    if given["early_stopping"] == "auto" and len(learned) <= _STOPS_EARLY_ROWS:
        return none
    return np.concatenate([learned, held]), len(held)


def _grows(made: "BaseEstimator") -> bool:
    """Return whether an estimator is a forest that can be grown in parts.

    Its trees do not depend on how many are grown at once.
    """
    if not type(made).__module__.startswith("sklearn.ensemble._forest"):
        return False
    given = made.get_params(deep=False)
    plain = not (given["warm_start"] or given["oob_score"] or given.get("class_weight"))
    return (
        plain and isinstance(given["random_state"], int) and given["n_estimators"] >= _FEWEST_TREES
    )


def _fit_in_parts(
    made: "BaseEstimator",
    x: Any,  # noqa: ANN401
    y: Any,  # noqa: ANN401
    given: dict[str, Any],
    report: Report,
) -> None:
    """Grow a forest by a twentieth of its trees at a time."""
    trees = made.n_estimators
    clock = _Clock(report, trees)
    made.set_params(warm_start=True)
    try:
        for part in range(1, _FOREST_PARTS + 1):
            made.set_params(n_estimators=trees * part // _FOREST_PARTS)
            made.fit(x, y, **given)
            clock.at(made.n_estimators)
    finally:
        made.set_params(warm_start=False, n_estimators=trees)


@contextmanager
def _counted(made: "BaseEstimator", report: Report | None) -> Iterator[None]:
    """Count the rounds of boosted trees while they are fitted, from another thread."""
    module, rounds = type(made).__module__, None
    if module.startswith(_BOOSTED):
        rounds = made.max_iter
    elif module.startswith("sklearn.ensemble._gb"):
        rounds = made.n_estimators
    if report is None or rounds is None:
        yield
        return
    clock, over = _Clock(report, rounds), threading.Event()

    def look() -> None:
        wait = FIRST_S
        while not over.wait(wait):
            clock.at(_rounds_of(made))
            wait = EACH_S

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _rounds_of(made: "BaseEstimator") -> int:
    """Return how many rounds have been fitted, as far as the attributes of scikit-learn show it."""
    if hasattr(made, "_predictors"):
        return len(made._predictors)  # noqa: SLF001 - there is no public counter during a fit
    return sum(trees[0] is not None for trees in getattr(made, "estimators_", ()))


class _Clock:
    """Reports progress of a fit that takes long, now and then."""

    def __init__(self, report: Report, rounds: int) -> None:
        self._report, self._rounds = report, rounds
        self._start = time.monotonic()
        self._next = self._start + FIRST_S

    def at(self, done: int) -> None:
        now = time.monotonic()
        if 0 < done < self._rounds and now >= self._next:
            self._next = now + EACH_S
            left = (now - self._start) / done * (self._rounds - done)
            self._report(done, self._rounds, left)
