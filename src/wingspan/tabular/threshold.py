"""Choose the score above which a row is predicted as the positive class, on validation rows.

A rule is a number, a metric to be as large as possible, or a cost: ``cost:5`` says that a missed positive row costs as
much as five false alarms.
"""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from wingspan.errors import SettingError
from wingspan.tabular.metrics import RATES, STEPS, Counts, rates

DEFAULT = "0.5"


def check_threshold(rule: str) -> None:
    """Refuse what is not a rule.

    Raises
    ------
    SettingError
        It is neither a share, nor a metric, nor a cost.
    """
    if rule in RATES or _cost(rule) is not None:
        return
    try:
        ok = 0 <= float(rule) < 1
    except ValueError:
        ok = False
    if not ok:
        problem = f"expected a number below 1, {', '.join(RATES)}, or cost:5, found {rule!r}"
        raise SettingError("--threshold", problem, "for example --threshold f1")


def _cost(rule: str) -> float | None:
    name, _, value = rule.partition(":")
    if name != "cost":
        return None
    try:
        cost = float(value)
    except ValueError:
        return None
    return cost if 0 < cost < math.inf else None


def threshold_of(counts: Counts, rule: str) -> float:
    """Return the threshold that a rule gives for counted rows.

    It is 0.5 unless there are two classes.
    """
    if len(counts.confusion) != 2 or rule == DEFAULT:
        return 0.5
    cost = _cost(rule)
    if cost is None and rule not in RATES:
        return float(rule)
    confusions = _confusions(counts)
    if cost is None:
        gain = rates(confusions)[rule]
    else:
        gain = -(confusions[:, 0, 1] + cost * confusions[:, 1, 0]).astype(np.float64)
    best = int(np.flatnonzero(gain == gain.max())[0])
    ends = counts.scores / STEPS
    above = ends[best] if best < len(ends) else 1.0
    below = ends[best - 1] if best else 0.0
    return float((above + below) / 2) if best else 0.0


def at_threshold(counts: Counts, threshold: float) -> Counts:
    """Return the same rows, predicted with another threshold; scores are known to 1e-6."""
    if len(counts.confusion) != 2 or threshold == 0.5:
        return counts
    place = int(np.searchsorted(counts.scores, threshold * STEPS, side="right"))
    return replace(counts, confusion=_confusions(counts)[place])


def _confusions(counts: Counts) -> NDArray[np.int64]:
    """Return the confusion (K + 1, 2, 2) with the lowest 0, 1, ... K scores negative."""
    below = np.vstack([np.zeros((1, 2), np.int64), np.cumsum(counts.rows, axis=0)])
    above = counts.rows.sum(axis=0) - below
    return np.stack([below, above], axis=-1)
