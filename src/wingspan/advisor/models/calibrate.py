"""Scores -> probabilities, by what happened later: as they are, a line on the logit scale, or steps where there is enough."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from wingspan.advisor.samples.samples import Reals, Rows

ENOUGH: Final = 300  # labelled clusters for an isotonic curve
_GAIN: Final = 0.02
_EDGE: Final = 1e-3
_RIDGE: Final = 1.0  # weight of the prior that nothing needs to change


@dataclass(frozen=True, slots=True)
class Curve:
    """A curve through points; scores below the first and above the last take their values."""

    scores: tuple[float, ...]
    values: tuple[float, ...]

    def __call__(self, scores: Reals) -> Reals:
        """Return calibrated probabilities."""
        return np.interp(scores, self.scores, self.values)


Fitter: TypeAlias = Callable[[Reals, Reals, Reals], Curve]
IDENTITY: Final = Curve((0.0, 1.0), (0.0, 1.0))


def fit_curve(scores: Reals, label: Reals, weights: Reals, cluster: NDArray[np.int32]) -> Curve:
    """Fit what serves best on the halves that it was not fitted on; scores come in the order of time.

    The scores as they are; or a line between logits (Platt's), or from `ENOUGH` clusters on an isotonic curve, if its Brier
    score is lower by a part of `_GAIN`: what a short time shows may be a few large clusters.
    """
    if not len(scores):
        return IDENTITY
    clusters = len(np.unique(cluster))
    weights = weights * clusters / weights.sum()
    halves = halves_of(cluster)
    best: Fitter = _as_it_is
    least = float((weights * (scores - label) ** 2).sum())
    for form in (
        [_platt, *([_isotonic] if clusters >= ENOUGH else [])] if min(map(len, halves)) else []
    ):
        error = 0.0
        for mine, other in both_ways(halves):
            curve = form(scores[mine], label[mine], weights[mine])
            error += float((weights[other] * (curve(scores[other]) - label[other]) ** 2).sum())
        if error < least * (1 - _GAIN):
            best, least = form, error
    return best(scores, label, weights)


def halves_of(cluster: NDArray[np.int32]) -> tuple[Rows, Rows]:
    """Part places, which come in the order of time, into an earlier and a later half that share no cluster."""
    _, first, which = np.unique(cluster, return_index=True, return_inverse=True)
    early = first[which] < len(cluster) // 2
    return np.flatnonzero(early), np.flatnonzero(~early)


def both_ways(halves: tuple[Rows, Rows]) -> tuple[tuple[Rows, Rows], tuple[Rows, Rows]]:
    """Return each half with the other."""
    return halves, halves[::-1]


def _as_it_is(scores: Reals, label: Reals, weights: Reals) -> Curve:  # noqa: ARG001
    return IDENTITY


def _isotonic(scores: Reals, label: Reals, weights: Reals) -> Curve:
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip")
    fitted.fit(scores, label, sample_weight=weights)
    values = np.clip(fitted.y_thresholds_, _EDGE, 1 - _EDGE)
    return Curve(tuple(fitted.X_thresholds_.tolist()), tuple(values.tolist()))


def _platt(scores: Reals, label: Reals, weights: Reals) -> Curve:
    """Fit intercept and slope by Newton's method, with a prior at 0 and 1."""
    prior = np.array([0.0, 1.0])
    line = prior.copy()
    design = np.stack([np.ones(len(scores)), _logit(scores)], axis=1)
    for _ in range(50):
        fitted = 1 / (1 + np.exp(-np.clip(design @ line, -30, 30)))
        slope = design.T @ (weights * (fitted - label)) + _RIDGE * (line - prior)
        bend = (design * (weights * fitted * (1 - fitted))[:, None]).T @ design
        step = np.linalg.solve(bend + _RIDGE * np.eye(2), slope)
        line -= step
        if np.abs(step).max() < 1e-9:
            break
    grid = np.linspace(0.0, 1.0, 201)
    line[1] = max(line[1], 0.0)
    values = 1 / (1 + np.exp(-np.clip(line[0] + line[1] * _logit(grid), -30, 30)))
    return Curve(tuple(grid.tolist()), tuple(values.tolist()))


def _logit(scores: Reals) -> Reals:
    inside = np.clip(scores, _EDGE, 1 - _EDGE)
    return np.log(inside / (1 - inside))
