"""Samples -> the advisor: every model is trained, calibrated on a later slice, and the best of them there wins.

What learns, learns and is calibrated on labels of releases alone (see `mended`); what only counts, on those of the
log. The slice that calibrates is halved by time to choose: what the first half calibrates, the second half
compares, by the labels of releases alone. The sealed test is not looked at here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, Final

import numpy as np

from wingspan.advisor import metrics
from wingspan.advisor.baselines import (
    Fit,
    Model,
    Rates,
    Reals,
    Releases,
    Rows,
    as_released,
    blindly,
    fit_always,
    fit_code_rates,
    fit_mates,
    fit_osg_rule,
    fit_rates,
)
from wingspan.advisor.calibrate import IDENTITY, Curve, fit_curve
from wingspan.advisor.learned import fit_boosting, fit_logistic, propensity
from wingspan.advisor.mended import without_fixes
from wingspan.advisor.samples import Samples
from wingspan.advisor.saved import Advisor
from wingspan.advisor.split import Split, incident_weights
from wingspan.errors import NotFoundError

ALWAYS: Final = "always release"
PER_CODE: Final = "rate per code"
ADVISING: Final = "rate per template"  # what advises where no winner can be named
COUNTED: Final[Mapping[str, Fit]] = {
    ALWAYS: fit_always,
    "OSG rule": fit_osg_rule,
    PER_CODE: fit_code_rates,
    ADVISING: fit_rates,
    "mates' last outcome": fit_mates,
}
LEARNED: Final[Mapping[str, Fit]] = {
    "logistic regression": fit_logistic,
    "gradient boosting": fit_boosting,
}
WRONG_MAX: Final = 0.01
EXPECTED_MAX: Final = 0.03
ENOUGH_PAID: Final = 50  # incidents in which a release paid
LEAST: Final = 50  # labelled incidents without which nothing is learned but counts
CALIBRATING: Final = (30, 20)  # labelled holds and their incidents without which none can: so many
# releases are asked of a rate before it decides, and each half must have incidents to compare by


@dataclass(frozen=True, slots=True)
class Contestant:
    """A model with its calibration.

    Attributes
    ----------
    safe
        The probability below which at most 1 % of the releases lie that paid, where it was calibrated.
    brier
        Where the winner was chosen.
    """

    name: str
    model: Model = field(repr=False)
    curve: Curve = field(repr=False)
    safe: float
    brier: float

    def probability(self, samples: Samples, rows: Rows, releases: Releases) -> Reals:
        """Return the calibrated probability that each row's release pays."""
        return self.curve(self.model.predict(samples, rows, releases))


@dataclass(frozen=True, slots=True)
class Contest:
    """All models.

    Attributes
    ----------
    winner
        The name of the one with the lowest Brier score on the second half of the slice that calibrates;
        None where that slice is too small to tell.
    lacking
        Why there is no winner; empty where there is one.
    rates
        The counts of the training slice.
    """

    contestants: tuple[Contestant, ...]
    winner: str | None
    rates: Rates = field(repr=False)
    lacking: str = ""

    @property
    def judged(self) -> str:
        """The winner, else what advises without one."""
        return self.winner or ADVISING

    def __getitem__(self, name: str) -> Contestant:
        return next(each for each in self.contestants if each.name == name)

    def advisor(self, samples: Samples, split: Split, logs: list[dict[str, Any]]) -> Advisor:
        """Return the winner, ready to be saved; its card tells what it was chosen from, and from what `logs`.

        Raises
        ------
        NotFoundError
            There is no winner: the slice that calibrates is too small.
        """
        if self.winner is None:
            where = ", ".join(str(log["path"]) for log in logs[:3]) or "the logs"
            fix = "train on more logs; until then `wingspan holds advise` goes by rules and rates"
            raise NotFoundError(where, f"no advisor can be chosen: {self.lacking}", fix)
        best = self[self.winner]
        card = {
            "logs": logs,
            "holds": len(samples),
            "incidents": len(samples.incidents),
            "train": len(split.train),
            "calibrate": len(split.calibrate),
            "slices_start": split.starts,
            "brier": {
                each.name: each.brier if each.brier == each.brier else None
                for each in self.contestants
            },
            "version": version("wingspan"),
        }
        return Advisor(best.name, best.model, best.curve, self.rates, card)


def hold_contest(
    samples: Samples,
    split: Split,
    more: Mapping[str, Fit] | None = None,
    *,
    learn: bool = True,
    controls: Mapping[str, Fit] | None = None,
) -> Contest:
    """Train and calibrate every model, and choose one.

    Parameters
    ----------
    more
        Other models that take part, by name.
    learn
        Without it, only counts take part.
    controls
        Models that stand beside the others and cannot win.
    """
    learned = LEARNED if learn and enough_to_learn(samples, split.train) else {}
    fits = {**COUNTED, **learned, **(more or {}), **(controls or {})}
    weights = training_weights(samples, split.train, split.calibrate)
    entered = [enter(name, fit, samples, split, weights) for name, fit in fits.items()]
    return choose(entered, samples, split, weights, frozenset(controls or {}))


def enter(
    name: str, fit: Fit, samples: Samples, split: Split, weights: tuple[Reals, Reals]
) -> Contestant:
    """Train and calibrate one model; `weights` are `training_weights`."""
    train, later = split.train, split.calibrate
    alone = without_fixes(samples, train)
    mine = samples if name in COUNTED else alone
    model = fit(mine, train, weights[0])
    curve, brier = _calibrated(name, model, mine, later, weights[1], alone.label)
    return Contestant(name, model, curve, _safe(model, curve, mine, later, weights[1]), brier)


def _safe(model: Model, curve: Curve, samples: Samples, later: Rows, weights: Reals) -> float:
    """Return the probability below which removals lose little, by what was seen, and by what the model expects of all.

    What was seen are the holds that somebody released: few, and not those that one thinks hopeless. So of all holds of
    that time, released or not, no more than `EXPECTED_MAX` of the releases that would pay may lie below; and where hardly any
    release was seen to pay, nothing is safe.
    """
    paid = weights * samples.label[later]
    if metrics.effective_count(paid, samples.incidents.number[later]) < ENOUGH_PAID:
        return 0.0
    clock = samples.moments.clock
    span = (clock >= clock[later].min()) & (clock <= clock[later].max())
    everyone = np.flatnonzero(span & (samples.episodes.excluded == 0))
    seen, all_of_them = (
        curve(model.predict(samples, rows, blindly(len(rows), 0.0))) for rows in (later, everyone)
    )
    fair = incident_weights(samples, everyone)
    return min(
        metrics.safe_threshold(seen, samples.label[later], weights, WRONG_MAX),
        metrics.safe_threshold(all_of_them, all_of_them, fair, EXPECTED_MAX),
    )


def choose(
    entered: Sequence[Contestant],
    samples: Samples,
    split: Split,
    weights: tuple[Reals, Reals],
    controls: frozenset[str],
) -> Contest:
    """Choose the winner among those that are no controls."""
    fair = [each for each in entered if each.name not in {ALWAYS, *controls}]
    best = min(fair, key=lambda each: each.brier if each.brier == each.brier else np.inf)
    rates = fit_rates(samples, split.train, weights[0])
    lacking = too_few(samples, split.calibrate)
    return Contest(tuple(entered), None if lacking else best.name, rates, lacking)


def too_few(samples: Samples, calibrate: Rows) -> str:
    """Return what the slice that calibrates lacks to choose a winner by; empty for nothing."""
    holds, incidents = len(calibrate), len(np.unique(samples.incidents.number[calibrate]))
    if holds >= CALIBRATING[0] and incidents >= CALIBRATING[1]:
        return ""
    return (
        f"{holds:,} labelled holds of {incidents:,} incidents in the slice that calibrates and chooses; "
        f"{CALIBRATING[0]} of {CALIBRATING[1]} are needed"
    )


def enough_to_learn(samples: Samples, train: Rows) -> bool:
    """Say whether there is more to learn from than what counts tell."""
    incidents = len(np.unique(samples.incidents.number[train]))
    return incidents >= LEAST and len(np.unique(samples.label[train])) == 2


def training_weights(samples: Samples, train: Rows, later: Rows) -> tuple[Reals, Reals]:
    """Return weights by incident, and by how rarely such a hold is released: those that were stand for those that were not."""
    plain = incident_weights(samples, train), incident_weights(samples, later)
    chance = propensity(samples, train, later)
    return plain[0] / chance[0], plain[1] / chance[1]


def _calibrated(
    name: str, model: Model, samples: Samples, later: Rows, weights: Reals, truest: Reals
) -> tuple[Curve, float]:
    """Return the calibration, and the Brier score on the slice's second half after calibration on its first.

    It is calibrated on the samples' labels and scored by the `truest`.
    """
    if name == ALWAYS:
        return IDENTITY, float("nan")
    order = later[np.argsort(samples.moments.clock[later], kind="stable")]
    weights = weights[np.argsort(samples.moments.clock[later], kind="stable")]
    scores = model.predict(samples, order, as_released(samples, order))
    label, incident = samples.label[order], samples.incidents.number[order]

    def curve(part: slice) -> Curve:
        count = len(np.unique(incident[part]))
        return fit_curve(scores[part], label[part], weights[part], count)

    first, second = slice(0, len(order) // 2), slice(len(order) // 2, None)
    error = (curve(first)(scores[second]) - truest[order][second]) ** 2
    brier = float(np.average(error, weights=weights[second])) if len(order) else float("nan")
    return curve(slice(None)), brier
