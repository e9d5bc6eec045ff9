"""Train and compare all models, and choose the cheapest decisions, or the models' average.

Each model is compared on blocks of the calibrating slice, trained each time on what was known before. It is then
trained once more on everything before the test. Learned models train on labels corrected for users' fixes (see
`mended`), counting baselines on the log's labels. All are compared by corrected labels. None is calibrated on the
slice: one short period made rates worse more often than better. The sealed test stays closed here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from math import inf, isnan
from typing import Any, Final, NamedTuple

import numpy as np

from wingspan.advisor.answers.own_fault import own_shifts_of
from wingspan.advisor.judging import metrics
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
from wingspan.advisor.models.calibrate import IDENTITY, shifted
from wingspan.advisor.models.decision import decision_cost
from wingspan.advisor.models.drift import outcomes_during, shifts_by
from wingspan.advisor.models.intervals import STRENGTH, fit_strength, group_holds
from wingspan.advisor.models.learned import (
    Blend,
    Learned,
    blended,
    fit_boosting,
    fit_forest,
    fit_logistic,
    fit_unnamed,
    propensity,
)
from wingspan.advisor.models.mended import without_fixes
from wingspan.advisor.models.saved import Advisor
from wingspan.advisor.samples.samples import Reals, Rows, Samples
from wingspan.advisor.samples.split import Split, incident_weights, rolling
from wingspan.errors import NotFoundError
from wingspan.shown import counted

ALWAYS: Final = "always release"
CONSTANT: Final = "constant"
OSG: Final = "OSG rule"  # a recipe, which says 0 or 1 and learns from no outcome
PER_CODE: Final = "rate per code"
ADVISING: Final = "rate per template"  # it advises where no winner can be named
COUNTED: Final[Mapping[str, Fit]] = {
    ALWAYS: fit_always,
    OSG: fit_osg_rule,
    CONSTANT: fit_constant,
    PER_CODE: fit_code_rates,
    ADVISING: fit_rates,
    "mates' last outcome": fit_mates,
}
BOOSTING: Final = "gradient boosting"
UNNAMED: Final = "boosting without names"
LEARNED: Final[Mapping[str, Fit]] = {
    "logistic regression": fit_logistic,
    BOOSTING: fit_boosting,
    "random forest": fit_forest,
    UNNAMED: fit_unnamed,
}
AVERAGE: Final = "average"  # of the learned models
_SHARES: Final = {"logistic regression": 5.0, BOOSTING: 4.0, "random forest": 1.0, UNNAMED: 5.0}
LEAST: Final = 50  # labelled incidents below which only counts are used
# Labelled holds and their incidents, below which no winner is named: a rate too needs that many
# releases before it decides, and each half needs incidents to compare by.
CALIBRATING: Final = (30, 20)


class Weights(NamedTuple):
    """Weights of the rows that train, of those that calibrate, and of both together."""

    train: Reals
    later: Reals
    both: Reals


@dataclass(frozen=True, slots=True)
class Contestant:
    """A model trained on both slices, and its results on blocks of the later one before that.

    Attributes
    ----------
    said
        Probability for each row of the calibrating slice, by models that had not seen its block.
    error, cost
        Squared error of each probability, and the cost of the decision by it.
    brier
        Weighted mean of the errors.
    past
        For each block, probabilities of the outcomes that became known in its time, by the model that had not seen it.
    """

    name: str
    model: Model = field(repr=False)
    said: Reals = field(repr=False)
    error: Reals = field(repr=False)
    cost: Reals = field(repr=False)
    brier: float
    past: tuple[Reals, ...] = field(default=(), repr=False)

    def probability(self, samples: Samples, rows: Rows, releases: Releases) -> Reals:
        """Return the probability that each row's release pays."""
        return self.model.predict(samples, rows, releases)


@dataclass(frozen=True, slots=True)
class Contest:
    """All models, and the one that was chosen.

    Attributes
    ----------
    winner
        `AVERAGE`, or a model whose decisions cost less, by more than chance over clusters and in every block. If
        nothing is learned, the count whose decisions cost least. None if the slice is too small to compare.
    lacking
        Why there is no winner; else empty.
    rates
        The counts of the training and calibrating slices.
    strength
        The most clusters that the judged model's probabilities count as.
    stored
        The advisor that was trained earlier, if that is judged.
    foreign
        Whether it is judged in another pool than the one it was trained in.
    starts
        When the slices after the training one begin, UTC seconds.
    """

    contestants: tuple[Contestant, ...]
    winner: str | None
    rates: Rates = field(repr=False)
    strength: float = STRENGTH
    lacking: str = ""
    stored: Advisor | None = field(default=None, repr=False)
    foreign: bool = False
    starts: tuple[float, float] = (inf, inf)

    @property
    def judged(self) -> str:
        """The winner, else the rates that advise without one."""
        return self.winner or ADVISING

    def __getitem__(self, name: str) -> Contestant:
        return next(each for each in self.contestants if each.name == name)

    def advising(self, card: dict[str, Any] | None = None) -> Advisor | None:
        """Return the advisor for held jobs: the winner, or None if rules and rates advise."""
        if self.winner is None or self.stored:
            return self.stored
        best = self[self.winner]
        card = card or {"slices_start": self.starts}
        if self.foreign:
            card = {**card, "access_points": []}
        return Advisor(best.name, best.model, IDENTITY, self.rates, card, self.strength)

    def advisor(self, samples: Samples, split: Split, logs: list[dict[str, Any]]) -> Advisor:
        """Return the winner, ready to be saved; its card says what it was chosen from.

        Raises
        ------
        NotFoundError
            There is no winner, since the calibrating slice is too small.
        """
        brier = {each.name: each.brier for each in self.contestants}
        known = {name: None if isnan(value) else value for name, value in brier.items()}
        card = describe_training(samples, split, logs) | {"brier": known}
        made = self.advising(card)
        if made is None:
            where = ", ".join(str(log["path"]) for log in logs[:3]) or "the logs"
            fix = "train on more logs; until then `wingspan holds advise` goes by rules and rates"
            raise NotFoundError(where, f"no advisor can be chosen: {self.lacking}", fix)
        return made


def describe_training(samples: Samples, split: Split, logs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the part of an advisor's card that describes its training data."""
    return {
        "logs": logs,
        "holds": len(samples),
        "incidents": len(samples.incidents),
        "train": len(split.train),
        "calibrate": len(split.calibrate),
        "slices_start": split.starts,
        "access_points": list(samples.timeline.events.access_points),
        "version": version("wingspan"),
    }


def hold_contest(
    samples: Samples,
    split: Split,
    more: Mapping[str, Fit] | None = None,
    *,
    learn: bool = True,
    controls: Mapping[str, Fit] | None = None,
) -> Contest:
    """Train and compare every model, and choose one.

    Parameters
    ----------
    more
        Other models that take part, by name.
    learn
        If false, only counts take part.
    controls
        Models that are in the table and cannot win.
    """
    learned = LEARNED if learn and enough_to_learn(samples, split.train) else {}
    fits = {**COUNTED, **learned, **(more or {}), **(controls or {})}
    weights = training_weights(samples, split)
    entered = [enter(name, fit, samples, split, weights) for name, fit in fits.items()]
    return choose(entered, samples, split, weights, frozenset(controls or {}))


def enter(name: str, fit: Fit, samples: Samples, split: Split, weights: Weights) -> Contestant:
    """Train one model before each block, and once on both slices.

    `weights` are `training_weights`.
    """
    said, seen = np.full(len(split.calibrate), np.nan), []
    for earlier, judged in rolling(samples, split):
        model = fit(
            _taught(name, samples, earlier), earlier, weights.both[_places(split.both, earlier)]
        )
        releases = as_released(samples, judged)
        said[_places(split.calibrate, judged)] = model.predict(samples, judged, releases)
        past = outcomes_during(samples, judged)
        seen.append(model.predict(samples, past, as_released(samples, past)))
    model = fit(_taught(name, samples, split.both), split.both, weights.both)
    truest = without_fixes(samples, split.train).label[split.calibrate]
    return replace(_contestant(name, model, said, truest, weights.later), past=tuple(seen))


def _contestant(name: str, model: Model, said: Reals, truest: Reals, weights: Reals) -> Contestant:
    error, cost = (said - truest) ** 2, decision_cost(said, truest)
    brier = float(np.average(error, weights=weights)) if len(error) else float("nan")
    return Contestant(name, model, said, error, cost, brier)


def _taught(name: str, samples: Samples, rows: Rows) -> Samples:
    """Return the samples with the labels on which a model trains."""
    return samples if name in COUNTED else without_fixes(samples, rows)


def _places(rows: Rows, chosen: Rows) -> Rows:
    return np.searchsorted(rows, chosen)


def choose(
    entered: Sequence[Contestant],
    samples: Samples,
    split: Split,
    weights: Weights,
    controls: frozenset[str],
) -> Contest:
    """Choose the winner among models that are not controls, the average included."""
    lacking = too_few(samples, split.calibrate)
    truest = without_fixes(samples, split.train).label[split.calibrate]
    average = [_average(entered, truest, weights.later)] if _can_average(entered) else []
    entered = [*entered, *average]
    fair = [each for each in entered if each.name not in {ALWAYS, CONSTANT, *controls}]
    winner = None if lacking or not fair else _cheapest(fair, samples, split, weights.later)
    rates = fit_rates(samples, split.both, weights.both)
    judged = next((each for each in entered if each.name == (winner or ADVISING)), None)
    strength = STRENGTH if judged is None else _strength(judged, samples, split, weights)
    return Contest(tuple(entered), winner, rates, strength, lacking, starts=split.starts)


def _can_average(entered: Sequence[Contestant]) -> bool:
    return set(_SHARES) <= {each.name for each in entered}


def _average(entered: Sequence[Contestant], truest: Reals, weights: Reals) -> Contestant:
    known = {each.name: each for each in entered}
    parts, shares = [known[name] for name in _SHARES], tuple(_SHARES.values())
    models = [part.model for part in parts]
    model = Blend(tuple(each for each in models if isinstance(each, Learned)), shares)
    said = blended([part.said for part in parts], shares)
    past = tuple(blended(each, shares) for each in zip(*(part.past for part in parts), strict=True))
    return replace(_contestant(AVERAGE, model, said, truest, weights), past=past)


def _cheapest(fair: Sequence[Contestant], samples: Samples, split: Split, weights: Reals) -> str:
    """Return the model whose decisions cost less for sure and in every block, else the average.

    Without an average, as where no release paid, the cheapest rate wins; of equals `ADVISING`.
    """
    first = next((each for each in fair if each.name == AVERAGE), None)
    cost = {each.name: float(np.average(each.cost, weights=weights)) for each in fair}
    if first is None:
        counted_rates = [name for name in cost if name != OSG] or list(cost)
        return min(counted_rates, key=lambda name: (cost[name], name != ADVISING))
    draws = metrics.draw_clusters(samples.episodes.cluster[split.calibrate])
    blocks = [_places(split.calibrate, judged) for _, judged in rolling(samples, split)]
    better = {}
    for each in fair:
        gain = weights * (first.cost - each.cost)
        surely = metrics.figure(metrics.share(draws, gain, weights)).low > 0
        if surely and all(gain[block].sum() > 0 for block in blocks):
            better[each.name] = cost[each.name]
    return min(better, key=lambda name: better[name], default=AVERAGE)


def _strength(judged: Contestant, samples: Samples, split: Split, weights: Weights) -> float:
    """Calibrate a model's intervals by the outcomes in the slice, block by block.

    The model is shifted by the verdicts and by the outcomes known in a block's time, as in advice. Labels are corrected for users' fixes, since
    the model predicts what a release alone does.
    """
    truest, groups, blocks = without_fixes(samples, split.train).label, [], rolling(samples, split)
    pasts = [outcomes_during(samples, block) for _, block in blocks]
    own = own_shifts_of(samples, split.calibrate, *pasts)
    for (earlier, block), past, seen in zip(blocks, pasts, judged.past, strict=True):
        rates = fit_rates(samples, earlier, weights.both[_places(split.both, earlier)])
        known = np.array([rates.evidence(cause) for cause in samples.causes], np.float64)
        shift = shifts_by(
            shifted(seen, own[past]), samples, past, block, samples.moments.upto[block]
        )
        said = shifted(judged.said[_places(split.calibrate, block)], own[block] + shift)
        groups.append(group_holds(samples, block, said, truest[block], known[samples.cause[block]]))
    return fit_strength(np.concatenate(groups)) if groups else STRENGTH


def too_few(samples: Samples, calibrate: Rows) -> str:
    """Return what the calibrating slice lacks to choose a winner; empty if nothing."""
    holds, incidents = len(calibrate), len(np.unique(samples.incidents.number[calibrate]))
    if holds >= CALIBRATING[0] and incidents >= CALIBRATING[1]:
        return ""
    return (
        f"{counted(holds, 'labelled hold')} of {counted(incidents, 'incident')} in the slice that calibrates and chooses; "
        f"{CALIBRATING[0]} of {CALIBRATING[1]} are needed"
    )


def enough_to_learn(samples: Samples, train: Rows) -> bool:
    """Return whether there are enough incidents to learn more than counts."""
    incidents = len(np.unique(samples.incidents.number[train]))
    return incidents >= LEAST and len(np.unique(samples.label[train])) == 2


def training_weights(samples: Samples, split: Split) -> Weights:
    """Return weights by incident and by how rarely such holds are released.

    Released holds stand for those that were not.
    """
    slices = split.train, split.calibrate, split.both
    chances = propensity(samples, split.starts[1], *slices)
    return Weights(
        *(incident_weights(samples, rows) / c for rows, c in zip(slices, chances, strict=True))
    )
