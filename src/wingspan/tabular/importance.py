"""Measure how much worse a model becomes when the values of a column are shuffled."""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from wingspan.tabular.apply import predicted_by
from wingspan.tabular.blocks import Table, iter_blocks
from wingspan.tabular.clean import is_missing
from wingspan.tabular.evaluate import Metric, count_rows
from wingspan.tabular.features import Features
from wingspan.tabular.inputs import used_by
from wingspan.tabular.metrics import LOWER_IS_BETTER, values_of
from wingspan.tabular.preparation import Preparation
from wingspan.tabular.residuals import count_errors, regression_metrics
from wingspan.tabular.split import SplitRule, assign, test_mask
from wingspan.tabular.transform import features_of, target_of

if TYPE_CHECKING:
    import polars as pl
    from sklearn.base import BaseEstimator

_ROWS = 2_000
_WORK, _FEWEST = 100_000, 20
"""Columns times features that are looked at, and the fewest columns: a table of 5,000 would take minutes."""

_REPEATS, _LEVEL = 5, 0.95
_COEFFICIENTS = 50


@dataclass(frozen=True, slots=True)
class Importance:
    """How much worse a metric becomes without each column, with an interval over the shuffles.

    Attributes
    ----------
    coefficients
        What a standard deviation of each feature adds, for a linear model with one output; the largest first.
    inputs
        Columns that the model has; in a wide table only the most used of them are in `columns`.
    """

    metric: str
    rows: int
    columns: dict[str, Metric]
    coefficients: dict[str, float]
    inputs: int = 0

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        """Read what a card holds of it, the most important first, which JSON does not keep."""
        columns = {name: Metric(**metric) for name, metric in content["columns"].items()}
        ordered = dict(sorted(columns.items(), key=lambda item: -(item[1].value or 0.0)))
        largest = dict(sorted(content["coefficients"].items(), key=lambda item: -abs(item[1])))
        return cls(**{**content, "columns": ordered, "coefficients": largest})


def importance(
    model: "BaseEstimator",
    table: Table,
    split: SplitRule,
    preparation: Preparation,
    metric: str,
) -> Importance:
    """Shuffle each raw column of the first rows that the model was not fitted on.

    Notes
    -----
    The interval is the normal one of the mean over five shuffles, at 95 %.
    """
    frame = _unseen_rows(table, split, preparation)
    random = np.random.default_rng(0)
    if len(frame) < 2:
        return Importance(metric, len(frame), {}, coefficients_of(model, preparation))
    y, x = target_of(preparation, frame), features_of(preparation, frame)
    base = _loss(model, preparation, x, y, metric)
    places, ruled = _places(preparation), used_by(preparation.rules)
    found = {}
    for name in most_used(model, preparation):
        losses = []
        for _ in range(_REPEATS):
            order = random.permutation(len(frame))
            if name in ruled or name not in places:
                changed = frame.with_columns(frame[name].gather(order))
                shuffled = features_of(preparation, changed)
            else:
                shuffled = x.shuffled(places[name], order)
            losses.append(_loss(model, preparation, shuffled, y, metric) - base)
        away = (
            NormalDist().inv_cdf(0.5 + _LEVEL / 2)
            * float(np.std(losses, ddof=1))
            / math.sqrt(_REPEATS)
        )
        mean = float(np.mean(losses))
        found[name] = Metric(mean, mean - away, mean + away)
    ordered = dict(sorted(found.items(), key=lambda item: -(item[1].value or 0.0)))
    known = coefficients_of(model, preparation)
    return Importance(metric, len(frame), ordered, known, len(preparation.inputs))


def most_used(model: "BaseEstimator", preparation: Preparation) -> list[str]:
    """Return the raw columns to shuffle: all, or in a wide table those that the model uses most.

    How much it uses a feature is its importance or coefficient, or how many splits of boosted trees it has.
    """
    inputs, width = preparation.inputs, len(preparation.features)
    most = max(_WORK // max(width, 1), _FEWEST)
    if len(inputs) <= most:
        return list(inputs)
    use = _use_of(model, width)
    totals = {
        name: float(use[start:stop].sum()) for name, (start, stop) in _places(preparation).items()
    }
    return sorted(inputs, key=lambda name: -totals.get(name, 0.0))[:most]


def _places(preparation: Preparation) -> dict[str, tuple[int, int]]:
    """Return the first feature of each column, and the one after its last."""
    sizes = [
        *((number.name, len(number.features)) for number in preparation.numbers),
        *((category.name, len(category.features)) for category in preparation.categories),
        *((text.name, len(text.features)) for text in preparation.texts),
        *((mean.name, 1) for mean in preparation.means),
    ]
    places, start = {}, len(preparation.features) - sum(size for _, size in sizes)
    for name, size in sizes:
        places[name] = (start, start + size)
        start += size
    return places


def _use_of(model: "BaseEstimator", width: int) -> NDArray[np.float64]:
    """Return how much a model uses each feature, (F,); zeros where it does not say."""
    last = model.steps[-1][1] if hasattr(model, "steps") else model
    if hasattr(last, "feature_importances_"):
        return np.asarray(last.feature_importances_, np.float64)
    if hasattr(last, "coef_"):
        sums = np.abs(np.reshape(last.coef_, (-1, width))).sum(axis=0)
        return np.asarray(sums, np.float64)
    used = np.zeros(width)
    for trees in getattr(last, "_predictors", ()):
        for tree in trees:
            splits = tree.nodes["feature_idx"][tree.nodes["is_leaf"] == 0]
            used += np.bincount(splits, minlength=width)
    return np.asarray(used, np.float64)


def _unseen_rows(table: Table, split: SplitRule, preparation: Preparation) -> "pl.DataFrame":
    """Return the first test rows, of the fold that the rule names or of the whole."""
    import polars as pl

    most = min(_ROWS, max(_ROWS * 500 // len(preparation.features), 100))
    assignment = assign(table, split)
    columns = list(dict.fromkeys([*preparation.schema.names, *split.columns]))
    parts: list[pl.DataFrame] = []
    for block, frame in enumerate(iter_blocks(table, columns)):
        mask = test_mask(assignment, block, frame) & ~is_missing(frame[preparation.target])
        parts.append(frame.filter(pl.Series(mask)))
        if sum(map(len, parts)) >= most:
            break
    return pl.concat(parts).head(most)


def _loss(
    model: "BaseEstimator",
    preparation: Preparation,
    x: Features,
    y: NDArray[Any],
    metric: str,
) -> float:
    if preparation.task == "regression":
        scale = {"center": preparation.center, "scale": preparation.scale}
        errors = count_errors(predicted_by(model, x), y, 0, **scale)
        value = regression_metrics(errors, _LEVEL)[metric][0]
    else:
        value = values_of(count_rows(model, x, y, 0, classes=len(preparation.classes)))[metric]
    if math.isnan(value):
        return 0.0
    return value if metric in LOWER_IS_BETTER else -value


def coefficients_of(model: "BaseEstimator", preparation: Preparation) -> dict[str, float]:
    """Return the coefficients of a linear model with one output, else nothing.

    Each is what a standard deviation of the feature adds.
    """
    last = model.steps[-1][1] if hasattr(model, "steps") else model
    found = getattr(last, "coef_", None)
    if found is None or np.size(found) != len(preparation.features):
        return {}
    values = np.ravel(np.asarray(found, np.float64))
    order = np.argsort(-np.abs(values), kind="stable")[:_COEFFICIENTS]
    return {preparation.features[k]: float(values[k]) for k in order}
