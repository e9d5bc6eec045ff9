"""Samples -> the advisor: every model is trained, calibrated on a later slice, and the best of them there wins.

The slice that calibrates is halved by time to choose: what the first half calibrates, the second
half compares. The sealed test is not looked at here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from wingspan.advisor.baselines import (
    Fit,
    Model,
    Rates,
    Reals,
    Rows,
    fit_always,
    fit_code_rates,
    fit_mates,
    fit_osg_rule,
    fit_rates,
)
from wingspan.advisor.calibrate import Curve, fit_curve
from wingspan.advisor.learned import fit_boosting, fit_logistic, propensity, released_after
from wingspan.advisor.samples import Samples
from wingspan.advisor.saved import Advisor
from wingspan.advisor.split import Split, incident_weights

ALWAYS: Final = "always release"
PER_CODE: Final = "rate per code"
COUNTED: Final[Mapping[str, Fit]] = {
    ALWAYS: fit_always,
    "OSG rule": fit_osg_rule,
    PER_CODE: fit_code_rates,
    "rate per template": fit_rates,
    "mates' last outcome": fit_mates,
}
LEARNED: Final[Mapping[str, Fit]] = {
    "logistic regression": fit_logistic,
    "gradient boosting": fit_boosting,
}
LEAST: Final = 50  # labelled incidents without which nothing is learned but counts


@dataclass(frozen=True, slots=True)
class Contestant:
    """A model with its calibration, and its Brier score where the winner was chosen."""

    name: str
    model: Model = field(repr=False)
    curve: Curve = field(repr=False)
    brier: float

    def probability(self, samples: Samples, rows: Rows, after_s: Reals) -> Reals:
        """Return the calibrated probability that a release so many seconds after the hold pays."""
        return self.curve(self.model.predict(samples, rows, after_s))


@dataclass(frozen=True, slots=True)
class Contest:
    """All models.

    Attributes
    ----------
    winner
        The name of the one with the lowest Brier score on the second half of the slice that calibrates.
    rates
        The counts of the training slice.
    """

    contestants: tuple[Contestant, ...]
    winner: str
    rates: Rates = field(repr=False)

    def __getitem__(self, name: str) -> Contestant:
        return next(each for each in self.contestants if each.name == name)

    def advisor(self, card: dict[str, Any]) -> Advisor:
        """Return the winner, ready to be saved."""
        best = self[self.winner]
        return Advisor(best.name, best.model, best.curve, self.rates, card)


def hold_contest(
    samples: Samples, split: Split, more: Mapping[str, Fit] | None = None, *, learn: bool = True
) -> Contest:
    """Train and calibrate every model, and choose one.

    Parameters
    ----------
    more
        Other models that take part, by name.
    learn
        Without it, only counts take part.
    """
    train, later = split.train, split.calibrate
    enough = len(np.unique(samples.incidents.number[train])) >= LEAST
    enough = enough and len(np.unique(samples.label[train])) == 2
    fits = {**COUNTED, **(LEARNED if learn and enough else {}), **(more or {})}
    weights = training_weights(samples, train, later)
    contestants = []
    for name, fit in fits.items():
        model = fit(samples, train, weights[0])
        contestants.append(_calibrated(name, model, samples, later, weights[1]))
    fair = [each for each in contestants if each.name != ALWAYS]
    winner = min(fair, key=lambda each: each.brier if each.brier == each.brier else np.inf)
    return Contest(tuple(contestants), winner.name, fit_rates(samples, train, weights[0]))


def training_weights(samples: Samples, train: Rows, later: Rows) -> tuple[Reals, Reals]:
    """Return weights by incident, and by how rarely such a hold is released: those that were stand for those that were not."""
    plain = incident_weights(samples, train), incident_weights(samples, later)
    chance = propensity(samples, train, later)
    return plain[0] / chance[0], plain[1] / chance[1]


def _calibrated(
    name: str, model: Model, samples: Samples, later: Rows, weights: Reals
) -> Contestant:
    if name == ALWAYS:
        return Contestant(name, model, Curve((0.0, 1.0), (0.0, 1.0)), float("nan"))
    scores = model.predict(samples, later, released_after(samples, later))
    label, incident = samples.label[later], samples.incidents.number[later]
    order = np.argsort(samples.moments.clock[later], kind="stable")
    first, second = order[: len(order) // 2], order[len(order) // 2 :]

    def curve(places: NDArray[np.int64]) -> Curve:
        count = len(np.unique(incident[places]))
        return fit_curve(scores[places], label[places], weights[places], count)

    error = (curve(first)(scores[second]) - label[second]) ** 2
    brier = float(np.average(error, weights=weights[second])) if len(second) else float("nan")
    return Contestant(name, model, curve(order), brier)
