"""How much each parameter matters to the metric, by a method that is named."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from wingspan.sweep.records import COMPLETE, Trial
from wingspan.sweep.spec import Spec

FEWEST: Final = 30  # complete trials, below which the numbers are noise


@dataclass(frozen=True, slots=True)
class Importance:
    """Shares of the parameters, largest first; they sum to 1.

    Parameters
    ----------
    method
        What made them. Another method gives other shares: PED-ANOVA asks what matters among the best trials.
    """

    method: str
    shares: Mapping[str, float]


def importance(spec: Spec, trials: Sequence[Trial]) -> Importance | None:
    """Return the importances; None for fewer than 30 complete trials, or where nothing can be compared."""
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
