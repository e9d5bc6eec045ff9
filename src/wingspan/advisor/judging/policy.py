"""Score what `advise` prints, answer by answer, against a simulator's truth or the log.

A model's probabilities are only one part of an answer; rules, measured use, proof and rates are others. The printed
answers are what an operator gets.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wingspan.advisor.answers.advice import Advice
from wingspan.advisor.answers.advise import answer_each
from wingspan.advisor.holds.episodes import find_episodes
from wingspan.advisor.judging import metrics
from wingspan.advisor.judging.metrics import Draws
from wingspan.advisor.models.decision import LOOK, RATIO
from wingspan.advisor.models.intervals import group_holds
from wingspan.advisor.models.saved import Advisor
from wingspan.advisor.samples.samples import Reals, Rows, Samples
from wingspan.advisor.samples.split import incident_weights
from wingspan.advisor.samples.truth import Truth
from wingspan.eventlog.rules import ANSWERS

PRINTED: Final = "what advise prints"
_ROUNDING_S: Final = 0.5
BACK: Final = frozenset({"fix first", "remove"})


@dataclass(frozen=True, slots=True)
class Answers:
    """The printed answers about some samples, in their order."""

    rows: Rows
    advice: Sequence[Advice] = field(repr=False)

    def are(self, *answers: str) -> NDArray[np.bool_]:
        """Mark those that have one of some answers."""
        return np.array([each.answer in answers for each in self.advice], bool)


@dataclass(frozen=True, slots=True)
class Coverage:
    """Count the groups of holds whose printed 95 % interval had the share that paid."""

    groups: int
    covered: int

    @property
    def share(self) -> float:
        """Return the share of the groups; nan without any."""
        return self.covered / self.groups if self.groups else float("nan")


def answers_for(samples: Samples, rows: Rows, advisor: Advisor | None) -> Answers:
    """Return the advice on some holds, each by what was known at its record."""
    episodes = find_episodes(samples.timeline)
    return Answers(
        rows, answer_each(samples.timeline, episodes, samples.moments.take(rows), advisor)
    )


def look_costs(samples: Samples, rows: Rows, weights: Reals) -> Reals:
    """Return the cost of a person's look for each row: `LOOK` once for each cluster and cause."""
    unit = samples.episodes.cluster[rows].astype(np.int64) * len(samples.causes)
    _, which = np.unique(unit + samples.cause[rows], return_inverse=True)
    return LOOK / np.maximum(np.bincount(which, weights)[which], 1.0)


def judge_answers(
    samples: Samples, answers: Answers, truth: Truth, draws: Draws
) -> dict[str, Reals]:
    """Return the figures of printed answers, in every draw.

    "No evidence" counts as a release at once, which is what the job's owner can do without advice.
    """
    rows = answers.rows
    weights = incident_weights(samples, rows)
    lost = truth.hopeless[rows].astype(np.float64)
    look = look_costs(samples, rows, weights)
    failed = 1.0 - advised_outcomes(answers, truth)
    removed, back = answers.are("remove"), answers.are(*BACK)
    kept = RATIO * (1 - lost)
    cost = np.select([removed, back], [kept, look + kept], failed)
    regret = cost - truth.least(rows, look + kept)
    good = weights * (1 - lost)
    return {
        "regret": metrics.share(draws, weights * regret, weights),
        "good removed": metrics.share(draws, good * removed, good),
        "good held back": metrics.share(draws, good * back, good),
        "hopeless held back": metrics.share(draws, weights * lost * back, weights * lost),
        "held back rightly": metrics.share(draws, weights * lost * back, weights * back),
    }


def advised_outcomes(answers: Answers, truth: Truth) -> Reals:
    """Return whether each release would pay at the advised time; at once if none is advised."""
    later = [each.answer == "release later" for each in answers.advice]
    wait = [
        each.at - each.held_at if waits else 0.0
        for each, waits in zip(answers.advice, later, strict=True)
    ]
    delay = np.searchsorted(truth.delays_s, np.array(wait) + _ROUNDING_S, side="right") - 1
    paid = truth.pays[answers.rows, np.clip(delay, 0, len(truth.delays_s) - 1)]
    return paid.astype(np.float64)


def count_answers(answers: Answers, weights: Reals) -> dict[str, float]:
    """Return each answer's share of the holds, each incident counting once."""
    total = max(float(weights.sum()), 1e-12)
    return {name: float(weights[answers.are(name)].sum() / total) for name in ANSWERS}


def cover(samples: Samples, answers: Answers, outcomes: Reals) -> Coverage:
    """Compare printed intervals with the share that paid, group by group; nan is unknown."""
    p, low, high = (
        np.array([getattr(each, name) for each in answers.advice], np.float64)
        for name in ("probability", "low", "high")
    )
    known = ~np.isnan(p) & ~np.isnan(outcomes)
    columns = (each[known] for each in (p, outcomes, low, high))
    groups = group_holds(samples, answers.rows[known], *columns)
    inside = (groups[:, 2] <= groups[:, 1]) & (groups[:, 1] <= groups[:, 3])
    return Coverage(len(groups), int(inside.sum()))
