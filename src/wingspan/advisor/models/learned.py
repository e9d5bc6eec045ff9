"""Fit scikit-learn's logistic regression, boosting and random forests to the features.

How long after the hold a release comes, and whether a policy makes it, are features too. They are known for past
releases and asked for the next one. Names of templates are learned from the training rows alone.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from wingspan.advisor.models.baselines import Releases, as_released, blindly
from wingspan.advisor.samples.features import NAMES
from wingspan.advisor.samples.samples import Reals, Rows, Samples
from wingspan.errors import FormatError

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

_ASKED: Final = ("released_after_log_s", "released_blindly")
_TEMPLATES: Final = 200
_CODES: Final = 250
_LEAVES: Final = 8
_EDGE: Final = 1e-3
_CHANCE_LEAST: Final = 0.2
_CHANCE_ENOUGH: Final = 500  # holds, released or not


@dataclass(frozen=True, slots=True)
class Learned:
    """An estimator of scikit-learn and the meaning of its columns.

    Attributes
    ----------
    templates
        The frequent masked reasons of training, ordered by the rate at which releases paid. Their places are the
        numbers of the column ``template``, so that trees can split them by order.
    unnamed
        Whether it sees no name of a cause: see `fit_unnamed`.
    """

    estimator: "BaseEstimator" = field(repr=False)
    names: tuple[str, ...]
    templates: tuple[str, ...] = field(repr=False)
    unnamed: bool = False

    def predict(self, samples: Samples, rows: Rows, releases: Releases) -> Reals:
        """Return the estimator's probability."""
        if self.names[: -len(_ASKED)] != samples.features.names:
            problem = "was trained with other features than this version makes"
            raise FormatError("advisor", problem, "train it again with `wingspan holds train`")
        if not len(rows):
            return np.empty(0)
        table = _table(samples, rows, releases, self.templates, self.unnamed)
        estimator: Any = self.estimator
        found: Reals = estimator.predict_proba(table)[:, 1]
        return found


@dataclass(frozen=True, slots=True)
class Blend:
    """Several estimators whose logits are averaged with weights."""

    models: tuple[Learned, ...]
    weights: tuple[float, ...]

    def predict(self, samples: Samples, rows: Rows, releases: Releases) -> Reals:
        """Return the probability at the weighted mean of the logits."""
        each = [model.predict(samples, rows, releases) for model in self.models]
        return blended(each, self.weights)


def blended(each: Sequence[Reals], weights: Sequence[float]) -> Reals:
    """Return the probabilities at the weighted mean of the logits."""
    inside = np.clip(np.stack(each), _EDGE, 1 - _EDGE)
    logit = np.average(np.log(inside / (1 - inside)), axis=0, weights=weights)
    return np.asarray(1 / (1 + np.exp(-logit)), np.float64)


def _table(
    samples: Samples,
    rows: Rows,
    releases: Releases,
    templates: tuple[str, ...],
    unnamed: bool = False,
) -> NDArray[np.float32]:
    """Return the features, with template numbers that mean the same in every log.

    If `unnamed`, those that name the cause are 0.
    """
    names = samples.features.names
    table = np.empty((len(rows), len(names) + len(_ASKED)), np.float32)
    table[:, : len(names)] = samples.features.values[rows]
    table[:, -2] = np.log1p(releases.after_s)
    table[:, -1] = releases.blind
    places = {text: place for place, text in enumerate(templates)}
    known = [places.get(text, np.nan) for _, _, text in samples.causes]
    table[:, names.index("template")] = np.array(known, np.float32)[samples.cause[rows]]
    code = names.index("code")
    table[:, code] = np.clip(table[:, code], 0, _CODES)
    if unnamed:
        table[:, [names.index(name) for name in NAMES]] = 0.0
    return table


def _common_templates(samples: Samples, rows: Rows, good: NDArray[Any]) -> tuple[str, ...]:
    """Return the frequent templates, ordered by the smoothed mean of `good` (0 to 1)."""
    texts = [samples.causes[cause][2] for cause in samples.cause[rows].tolist()]
    hits: dict[str, float] = defaultdict(float)
    for text, one in zip(texts, good.tolist(), strict=True):
        hits[text] += one
    common = dict(Counter(texts).most_common(_TEMPLATES))
    return tuple(sorted(common, key=lambda text: (hits[text] + 1) / (common[text] + 2)))


def _fit(
    estimator: "BaseEstimator",
    samples: Samples,
    rows: Rows,
    weights: Reals,
    unnamed: bool = False,
) -> Learned:
    templates = _common_templates(samples, rows, samples.label[rows])
    table = _table(samples, rows, as_released(samples, rows), templates, unnamed)
    table[:, np.isnan(table).all(axis=0)] = (
        0.0  # such columns are never split on, and binning accepts them
    )
    label = samples.label[rows]
    between = np.flatnonzero((label > 0) & (label < 1))  # such a row counts as both, in these parts
    part = np.concatenate([np.where(label > 0, label, 1.0), 1 - label[between]])
    table = np.concatenate([table, table[between]])
    weights = np.concatenate([weights, weights[between]]) * part
    yes = np.concatenate([label > 0, np.zeros(len(between), bool)])
    learner: Any = estimator
    key = "logisticregression__sample_weight" if hasattr(learner, "steps") else "sample_weight"
    learner.fit(table, yes.astype(np.int64), **{key: weights * len(rows) / weights.sum()})
    return Learned(estimator, (*samples.features.names, *_ASKED), templates, unnamed)


def fit_logistic(samples: Samples, rows: Rows, weights: Reals) -> Learned:
    """Fit a logistic regression on ranks (quantiles) of the features and indicators of codes."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, QuantileTransformer

    names = samples.features.names
    categories = [names.index("code"), names.index("template")]
    numbers = [place for place in range(len(names) + len(_ASKED)) if place not in categories]
    quantiles = QuantileTransformer(n_quantiles=min(100, len(rows)), random_state=0)
    imputer = SimpleImputer(strategy="constant", fill_value=-1.0)
    columns = ColumnTransformer(
        [
            ("numbers", make_pipeline(imputer, quantiles), numbers),
            ("codes", OneHotEncoder(handle_unknown="ignore", sparse_output=False), categories),
        ]
    )
    return _fit(
        make_pipeline(columns, LogisticRegression(C=0.5, solver="newton-cholesky")),
        samples,
        rows,
        weights,
    )


def fit_boosting(samples: Samples, rows: Rows, weights: Reals) -> Learned:
    """Fit gradient boosting, which takes missing values as they are."""
    return _fit(_boosting(len(rows)), samples, rows, weights)


def fit_unnamed(samples: Samples, rows: Rows, weights: Reals) -> Learned:
    """Fit gradient boosting to features that do not name the cause of a hold.

    A text that always meant users' bugs in training may come from an outage later. What happens around a hold shows that
    for any text, but a model that knows the texts relies on them.
    """
    return _fit(_boosting(len(rows)), samples, rows, weights, unnamed=True)


def _boosting(count: int) -> "BaseEstimator":
    """Return the estimator for a number of rows."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    least = max(5, min(100, count // 50))
    return HistGradientBoostingClassifier(
        learning_rate=0.05,
        max_iter=150,
        max_leaf_nodes=_LEAVES,
        min_samples_leaf=least,
        l2_regularization=5.0,
        max_features=0.3,  # for each split: diverse trees lose fewer good jobs
        early_stopping=False,
        random_state=0,
    )


def fit_forest(samples: Samples, rows: Rows, weights: Reals) -> Learned:
    """Fit a random forest."""
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(
        n_estimators=60, min_samples_leaf=10, max_features=0.3, max_samples=0.5, random_state=0
    )
    return _fit(forest, samples, rows, weights)


def propensity(samples: Samples, until: float, *slices: Rows) -> tuple[Reals, ...]:
    """Return the chance that such a hold was released with a known outcome, by slice.

    It is learned from all holds before `until` (UTC seconds) and outcomes known by then, and is at least `_CHANCE_LEAST`.
    """
    everyone = (samples.episodes.excluded == 0) & (samples.moments.clock < until)
    everyone = np.flatnonzero(everyone)
    known = ~np.isnan(samples.label[everyone]) & (samples.known_at[everyone] < until)
    if len(everyone) < _CHANCE_ENOUGH or known.all() or not known.any():
        return tuple(np.ones(len(each)) for each in slices)
    model = _chance_of(samples, everyone, known)
    found = [model.predict(samples, each, blindly(len(each), 0.0)) for each in slices]
    return tuple(np.clip(each, _CHANCE_LEAST, 1.0) for each in found)


def _chance_of(samples: Samples, rows: Rows, known: NDArray[np.bool_]) -> Learned:
    from sklearn.ensemble import HistGradientBoostingClassifier

    names = samples.features.names
    templates = _common_templates(samples, rows, known)
    estimator = HistGradientBoostingClassifier(
        learning_rate=0.1,
        max_iter=60,
        max_leaf_nodes=8,
        min_samples_leaf=50,
        early_stopping=False,
        random_state=0,
    )
    table = _table(samples, rows, blindly(len(rows), 0.0), templates)
    table[:, np.isnan(table).all(axis=0)] = 0.0
    estimator.fit(table, known.astype(np.int64))
    return Learned(estimator, (*names, *_ASKED), templates)
