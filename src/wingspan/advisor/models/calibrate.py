"""Calibrate probabilities with curves, and shift their logits."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from wingspan.advisor.samples.samples import Reals

_EDGE: Final = 1e-3


@dataclass(frozen=True, slots=True)
class Curve:
    """A curve through points; scores below the first and above the last take their values."""

    scores: tuple[float, ...]
    values: tuple[float, ...]

    def __call__(self, scores: Reals) -> Reals:
        """Return calibrated probabilities."""
        return np.interp(scores, self.scores, self.values)


IDENTITY: Final = Curve((0.0, 1.0), (0.0, 1.0))


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
