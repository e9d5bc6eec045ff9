"""Compute accuracy, precision, recall and f-measure of probabilities, cut at one half."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from wingspan.advisor.samples.samples import Reals

HALF: Final = 0.5


def classify(p: Reals, y: Reals) -> Mapping[str, float]:
    """Return the figures over all samples; a figure without a denominator is 0.

    >>> classify(np.array([0.9, 0.8, 0.1]), np.array([1.0, 0.0, 0.0]))["precision"]
    0.5
    """
    said, true = p >= HALF, y >= HALF
    hits, claims, there = (float(each.sum()) for each in (said & true, said, true))
    return {
        "accuracy": float(np.mean(said == true)) if len(p) else 0.0,
        "precision": hits / max(claims, 1.0),
        "recall": hits / max(there, 1.0),
        "f_measure": 2 * hits / max(claims + there, 1.0),
    }
