"""Calibrate probabilities by later outcomes, with a line between logits."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wingspan.advisor.samples.samples import Reals, Rows

_EDGE: Final = 1e-3
_RIDGE: Final = 30.0  # clusters that the prior, the identity, counts as


@dataclass(frozen=True, slots=True)
class Curve:
    """A curve through points; scores below the first and above the last take their values."""

    scores: tuple[float, ...]
    values: tuple[float, ...]

    def __call__(self, scores: Reals) -> Reals:
        """Return calibrated probabilities."""
        return np.interp(scores, self.scores, self.values)


IDENTITY: Final = Curve((0.0, 1.0), (0.0, 1.0))


def halves_of(cluster: NDArray[np.int32]) -> tuple[Rows, Rows]:
    """Split places in time order into an earlier and a later half that share no cluster."""
    _, first, which = np.unique(cluster, return_index=True, return_inverse=True)
    early = first[which] < len(cluster) // 2
    return np.flatnonzero(early), np.flatnonzero(~early)


def both_ways(halves: tuple[Rows, Rows]) -> tuple[tuple[Rows, Rows], tuple[Rows, Rows]]:
    """Return each half paired with the other."""
    return halves, halves[::-1]


def fit_line(scores: Reals, label: Reals, weights: Reals) -> Curve:
    """Fit a line between logits (Platt's) by Newton's method, with a prior at the identity."""
    prior = np.array([0.0, 1.0])
    line = prior.copy()
    design = np.stack([np.ones(len(scores)), to_logit(scores)], axis=1)
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
    values = 1 / (1 + np.exp(-np.clip(line[0] + line[1] * to_logit(grid), -30, 30)))
    return Curve(tuple(grid.tolist()), tuple(values.tolist()))


def to_logit(scores: Reals) -> Reals:
    """Return logits; probabilities count as at least `_EDGE` from 0 and 1."""
    inside = np.clip(scores, _EDGE, 1 - _EDGE)
    return np.log(inside / (1 - inside))


def shifted(p: Reals, shift: Reals) -> Reals:
    """Return probabilities after a shift of their logits; those without a shift are unchanged.

    Examples
    --------
    >>> shifted(np.array([0.5, 0.5]), np.array([0.0, np.log(3)])).tolist()
    [0.5, 0.75]
    """
    return np.where(shift == 0, p, 1 / (1 + np.exp(-to_logit(p) - shift)))
