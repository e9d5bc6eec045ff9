"""Samples -> the advisor: every model is trained, judged (and counts calibrated) on a later slice, and one of them wins.

Then each is trained again on both slices, as what is newest tells most.
What learns, learns on labels of releases alone (see `mended`); what only counts, counts and is calibrated on those of
the log, each half of the later slice compared as the other calibrates it. All are compared by the labels of releases
alone. The sealed test is not looked at here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, Final, NamedTuple

import numpy as np

from wingspan.advisor.judging import metrics
from wingspan.advisor.judging.removal import Removal, learn_removal
from wingspan.advisor.judging.saved import Advisor
from wingspan.advisor.models.baselines import (
    Fit,
    Model,
    Rates,
    Releases,
    as_released,
    fit_always,
    fit_code_rates,
    fit_constant,
    fit_mates,
    fit_osg_rule,
    fit_rates,
)
from wingspan.advisor.models.calibrate import (
    IDENTITY,
    Curve,
    both_ways,
    fit_curve,
    halves_of,
)
from wingspan.advisor.models.learned import (
    fit_blend,
    fit_boosting,
    fit_logistic,
    propensity,
)
from wingspan.advisor.models.mended import without_fixes
from wingspan.advisor.samples.samples import Reals, Rows, Samples
from wingspan.advisor.samples.split import Split, incident_weights
from wingspan.errors import NotFoundError

ALWAYS: Final = "always release"
CONSTANT: Final = "constant"
PER_CODE: Final = "rate per code"
ADVISING: Final = "rate per template"  # what advises where no winner can be named
COUNTED: Final[Mapping[str, Fit]] = {
    ALWAYS: fit_always,
    "OSG rule": fit_osg_rule,
    CONSTANT: fit_constant,
    PER_CODE: fit_code_rates,
    ADVISING: fit_rates,
    "mates' last outcome": fit_mates,
}
PREFERRED: Final = "boosting and forest"  # a short slice tells little of which model is best
LEARNED: Final[Mapping[str, Fit]] = {
    "logistic regression": fit_logistic,
    "gradient boosting": fit_boosting,
    PREFERRED: fit_blend,
}
_CLEARLY: Final = 0.8  # incidents of one user or one outage are less independent than they look
LEAST: Final = 50  # labelled incidents without which nothing is learned but counts
CALIBRATING: Final = (30, 20)  # labelled holds and their incidents without which none can: so many
# releases are asked of a rate before it decides, and each half must have incidents to compare by


class Weights(NamedTuple):
    """Weights of the rows that train, of those that calibrate, and of both together."""

    train: Reals
    later: Reals
    both: Reals


@dataclass(frozen=True, slots=True)
class Contestant:
    """A model, trained on both slices, with its calibration.

    Attributes
    ----------
    curve
        `IDENTITY` of what learns.
    error
        Squared error, on each row of the slice that calibrates, of the model that was trained on the first slice alone.
    brier
        Their weighted mean.
    """

    name: str
    model: Model = field(repr=False)
    curve: Curve = field(repr=False)
    error: Reals = field(repr=False)
    brier: float

    def raw(self, samples: Samples, rows: Rows, releases: Releases) -> Reals:
        """Return the probability before calibration."""
        return self.model.predict(samples, rows, releases)

    def probability(self, samples: Samples, rows: Rows, releases: Releases) -> Reals:
        """Return the calibrated probability that each row's release pays."""
        return self.curve(self.raw(samples, rows, releases))


@dataclass(frozen=True, slots=True)
class Contest:
    """All models.

    Attributes
    ----------
    winner
        `PREFERRED`, or who has a Brier score on the slice that calibrates that is lower by more than chance and by a fifth;
        where that does not take part, the one with the lowest. None where that slice is too small to tell.
    lacking
        Why there is no winner; empty where there is one.
    rates
        The counts of the slices that train and calibrate.
    removal
        When a job is removed rather than released.
    """

    contestants: tuple[Contestant, ...]
    winner: str | None
    rates: Rates = field(repr=False)
    removal: Removal
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
        return Advisor(best.name, best.model, best.curve, self.rates, card, self.removal)


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
    weights = training_weights(samples, split)
    entered = [enter(name, fit, samples, split, weights) for name, fit in fits.items()]
    return choose(entered, samples, split, weights, frozenset(controls or {}))


def enter(name: str, fit: Fit, samples: Samples, split: Split, weights: Weights) -> Contestant:
    """Train and calibrate one model, and train it again on both slices; `weights` are `training_weights`."""
    alone = without_fixes(samples, split.train)
    mine = samples if name in COUNTED else alone
    first = fit(mine, split.train, weights.train)
    curve, error = _calibrated(name, first, mine, split.calibrate, weights.later, alone.label)
    brier = float(np.average(error, weights=weights.later)) if len(error) else float("nan")
    again = mine if name in COUNTED else without_fixes(samples, split.both)
    return Contestant(name, fit(again, split.both, weights.both), curve, error, brier)


def choose(
    entered: Sequence[Contestant],
    samples: Samples,
    split: Split,
    weights: Weights,
    controls: frozenset[str],
) -> Contest:
    """Choose the winner among those that are no controls: `PREFERRED`, unless others do clearly better."""
    fair = [each for each in entered if each.name not in {ALWAYS, CONSTANT, *controls}]
    lacking = too_few(samples, split.calibrate)
    first = next((each for each in fair if each.name == PREFERRED), None)
    better = [] if lacking else fair
    if first and not lacking:
        draws = metrics.draw_clusters(samples.episodes.cluster[split.calibrate])
        weight = weights.later
        worse = {
            each.name: metrics.share(draws, weight * (each.error - first.error), weight)
            for each in fair
        }
        surely = {name for name, each in worse.items() if metrics.figure(each).high < 0}
        better = [e for e in fair if e.name in surely and e.brier < _CLEARLY * first.brier]
    best = min(better, key=lambda each: each.brier, default=first)
    rates = fit_rates(samples, split.both, weights.both)
    alone = without_fixes(samples, split.both)
    removal = learn_removal(alone, split.both, weights.both, until=split.starts[1])
    winner = best.name if best and not lacking else None
    return Contest(tuple(entered), winner, rates, removal, lacking)


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


def training_weights(samples: Samples, split: Split) -> Weights:
    """Return weights by incident, and by how rarely such a hold is released: those that were stand for those that were not."""
    slices = split.train, split.calibrate, split.both
    chances = propensity(samples, split.starts[1], *slices)
    return Weights(
        *(incident_weights(samples, rows) / c for rows, c in zip(slices, chances, strict=True))
    )


def _calibrated(
    name: str, model: Model, samples: Samples, later: Rows, weights: Reals, truest: Reals
) -> tuple[Curve, Reals]:
    """Return the calibration, and each row's squared error after calibration on the other half of the slice, by time.

    It is calibrated on the samples' labels; errors are from the `truest`. What learns probabilities is left as it is: it learns from this
    slice itself when it is trained again, and a correction for its older self would count twice.
    """
    if name == ALWAYS or not len(later):
        return IDENTITY, np.full(len(later), np.nan)
    if name not in COUNTED:
        said = model.predict(samples, later, as_released(samples, later))
        return IDENTITY, (said - truest[later]) ** 2
    order = np.argsort(samples.moments.clock[later], kind="stable")
    rows, weights = later[order], weights[order]
    scores = model.predict(samples, rows, as_released(samples, rows))
    label, incident = samples.label[rows], samples.incidents.number[rows]
    said = np.empty(len(rows))
    for mine, other in both_ways(halves_of(incident)):
        curve = fit_curve(scores[other], label[other], weights[other], incident[other])
        said[mine] = curve(scores[mine])
    error = np.empty(len(rows))
    error[order] = (said - truest[rows]) ** 2
    return fit_curve(scores, label, weights, incident), error
