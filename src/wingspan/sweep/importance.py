"""Measure how much each parameter matters to the metric, by a named method."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from wingspan.sweep.records import COMPLETE, Trial
from wingspan.sweep.spec import Spec

FEWEST: Final = 30  # complete trials; with fewer the numbers are noise


@dataclass(frozen=True, slots=True)
class Importance:
    """Shares of the parameters, largest first; they sum to 1.

    Parameters
    ----------
    method
        The method's name. Methods differ: PED-ANOVA measures what matters among the best trials.
    """

    method: str
    shares: Mapping[str, float]


def importance(spec: Spec, trials: Sequence[Trial]) -> Importance | None:
    """Return the importances, or None if there is too little to compare.

    That is so below 30 complete trials, or if all trials have one value.
    """
    complete = [
        each
        for each in trials
        if each.state == COMPLETE and each.same_as is None and each.value is not None
    ]
    values = {each.value for each in complete}
    if len(complete) < FEWEST or len(values) < 2 or not spec.space.searched:
        return None
    from wingspan.sweep.model import importances

    shares = importances(spec, complete)
    return Importance("PED-ANOVA (Optuna)", shares) if shares else None
