"""Follow one metric epoch by epoch, and decide when a training should end.

Every training that stops early follows this rule: a user's step and the advisor's network.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from wingspan.errors import SettingError

GOALS: Final = ("minimize", "maximize")


@dataclass(frozen=True, slots=True)
class Patience:
    """A training ends after `patience` epochs in a row without a better value.

    A value is better if it gains more than `min_delta`. A value that is not finite ends the training at once.

    A value that is not finite ends it at once.
    """

    patience: int = 3
    min_delta: float = 0.0
    goal: str = "minimize"

    def __post_init__(self) -> None:
        where = "early stopping"
        if self.goal not in GOALS:
            problem = f"expected goal as minimize or maximize, found {self.goal!r}"
            raise SettingError(where, problem, 'for a loss: goal="minimize"')
        if type(self.patience) is not int or self.patience < 1:
            problem = f"expected patience as a whole number of at least 1, found {self.patience!r}"
            raise SettingError(where, problem, "give the number of epochs to wait: patience=5")
        if type(self.min_delta) not in {int, float} or not 0 <= self.min_delta < math.inf:
            problem = f"expected min_delta as a number of at least 0, found {self.min_delta!r}"
            raise SettingError(
                where,
                problem,
                "leave it out, or give the smallest gain that counts: min_delta=0.001",
            )


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a training.

    Attributes
    ----------
    epochs
        The number of values so far.
    best, best_epoch
        The best value and the number of its epoch, counted from 0; None before the first finite value.
    wait
        Epochs since the best one.
    """

    rule: Patience
    epochs: int = 0
    best: float | None = None
    best_epoch: int | None = None
    wait: int = 0
    finite: bool = True

    def after(self, value: float) -> "Progress":
        """Return the progress after one more epoch."""
        if self._better(value):
            return replace(self, epochs=self.epochs + 1, best=value, best_epoch=self.epochs, wait=0)
        finite = self.finite and math.isfinite(value)
        return replace(self, epochs=self.epochs + 1, wait=self.wait + 1, finite=finite)

    def _better(self, value: float) -> bool:
        if not math.isfinite(value):
            return False
        if self.best is None:
            return True
        gain = self.best - value if self.rule.goal == "minimize" else value - self.best
        return gain > self.rule.min_delta

    @property
    def improved(self) -> bool:
        """Whether the last epoch is the best one."""
        return self.epochs > 0 and self.best_epoch == self.epochs - 1

    @property
    def ended(self) -> bool:
        """Whether the training should end."""
        return not self.finite or self.wait >= self.rule.patience


def progress_of(rule: Patience, values: Iterable[float]) -> Progress:
    """Return the progress of a training after these values.

    >>> progress_of(Patience(2), [3.0, 1.0, 2.0, 1.5]).ended
    True
    """
    found = Progress(rule)
    for value in values:
        found = found.after(value)
    return found
