"""Shift an advisor's probabilities by outcomes that it did not learn from.

Users and faults change after training: a reason that meant a bug comes from an outage of hundreds of clusters. Each new
outcome shows by how much the advisor errs for such holds. All is counted at fixed numbers of outcomes, so that advice on
an old hold stays the same when the log goes on.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from wingspan.advisor.holds.episodes import Episodes
from wingspan.advisor.models.baselines import as_released
from wingspan.advisor.models.calibrate import shifted, to_logit
from wingspan.advisor.models.mended import ASSUMED
from wingspan.advisor.models.saved import Advisor
from wingspan.advisor.samples.samples import Reals, Rows, Samples

EVERY: Final = 10  # outcomes from one fit to the next
MOST: Final = 2000  # newest outcomes in a fit
SPREAD: Final = 0.5  # standard deviation of shifts, as logits, before any outcome is known
HALF_LIFE_S: Final = 8 * 86400.0
_STEPS: Final = 12


def outcomes_since(since: float, episodes: Episodes, earliest: int) -> Rows:
    """Return the episodes with an outcome known from a time on, in the order of outcomes.

    Those are left out that no question from the row `earliest` on uses.
    """
    rows = _known_since(episodes, since)
    before = int(np.searchsorted(episodes.outcome_row[rows], earliest))
    return rows[max(before // EVERY * EVERY - MOST, 0) :]


def outcomes_during(samples: Samples, block: Rows) -> Rows:
    """Return the samples whose outcome became known during a block, in the order of outcomes."""
    since = float(samples.moments.clock[block].min())
    rows = _known_since(samples.episodes, since)
    last = int(samples.moments.upto[block].max())
    return rows[samples.episodes.outcome_row[rows] < last]


def _known_since(episodes: Episodes, since: float) -> Rows:
    """Return the episodes with an outcome known from a time on, in the order of outcomes."""
    known = ~np.isnan(episodes.label) & (episodes.excluded == 0) & (episodes.known >= since)
    rows = np.flatnonzero(known)
    return rows[np.argsort(episodes.outcome_row[rows], kind="stable")]


def shifts(
    advisor: Advisor,
    samples: Samples,
    past: Rows,
    asked: Rows,
    upto: NDArray[np.int64],
    own: Reals | None = None,
) -> Reals:
    """Return the shift of each asked sample's logit.

    Parameters
    ----------
    past
        Samples of `outcomes_since`, in that order.
    upto
        For each asked sample: outcomes on smaller rows were known.
    own
        By how much the logits of all samples are moved before, by the verdicts on their faults.
    """
    if not len(past):
        return np.zeros(len(asked))
    said = advisor.curve(advisor.model.predict(samples, past, as_released(samples, past)))
    said = said if own is None else shifted(said, own[past])
    return shifts_by(said, samples, past, asked, upto)


def shifts_by(
    said: Reals, samples: Samples, past: Rows, asked: Rows, upto: NDArray[np.int64]
) -> Reals:
    """Return `shifts` of a model that gave the past outcomes the probabilities `said`."""
    found = np.zeros(len(asked))
    fits = samples.episodes.outcome_row[past][EVERY - 1 :: EVERY]
    number = np.searchsorted(fits, upto)
    fixed = np.where(as_released(samples, past).blind > 0, 0.0, ASSUMED)
    for count in np.unique(number[number > 0]).tolist():
        used = slice(max(count * EVERY - MOST, 0), count * EVERY)
        by_cause = _fit(samples, past[used], to_logit(said[used]), fixed[used])
        mine = number == count
        found[mine] = by_cause[samples.cause[asked[mine]]]
    return found


def _fit(samples: Samples, rows: Rows, logit: Reals, fixed: Reals) -> Reals:
    """Return the shift for each cause: that of its code and sub-code, and its own.

    Each cluster counts once for a cause. `fixed` is how often a user's release pays due to a fix that no log shows.
    """
    cause, ends = samples.cause[rows], samples.known_at[rows]
    unit = samples.episodes.cluster[rows].astype(np.int64) * len(samples.causes) + cause
    _, which, count = np.unique(unit, return_inverse=True, return_counts=True)
    weights = np.exp2((ends - ends.max()) / HALF_LIFE_S) / count[which]
    label = samples.label[rows]
    pairs = np.array([each[:2] for each in samples.causes], np.int64)
    _, kind = np.unique(pairs, axis=0, return_inverse=True)
    found = np.zeros(len(samples.causes))
    for group in (kind.reshape(-1), np.arange(len(samples.causes))):
        mine = group[cause]
        size = int(group.max()) + 1
        found += _shift_groups(logit + found[cause], label, weights, fixed, mine, size)[group]
    return found


def _shift_groups(
    logit: Reals,
    label: Reals,
    weights: Reals,
    fixed: Reals,
    group: NDArray[np.int64],
    size: int,
) -> Reals:
    """Return each group's likeliest shift, with a normal prior around 0, by Newton's method."""
    found = np.zeros(size)
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-logit - found[group]))
        alone = label * p / (p + (1 - p) * fixed)  # chance that it would have paid without a fix
        slope = np.bincount(group, weights * (alone - p), size) - found / SPREAD**2
        bend = np.bincount(group, weights * p * (1 - p), size) + SPREAD**-2
        found += np.clip(slope / bend, -1.0, 1.0)
    return found
