"""What to train on a table: the values that `table_training` makes a pipeline of."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from wingspan.recipes.table_tuning import Tuning, tuned_name
from wingspan.tabular.clean import Rules
from wingspan.tabular.estimate import Size, size_of_table
from wingspan.tabular.inputs import Wanted
from wingspan.tabular.labels import Task
from wingspan.tabular.peek import guess_task
from wingspan.tabular.preparation import Treatment
from wingspan.tabular.read import ReadOptions
from wingspan.tabular.spaces import Searched
from wingspan.tabular.split import SplitRule
from wingspan.tabular.threshold import DEFAULT

DEFAULTS: dict[Task, tuple[str, ...]] = {
    "classification": ("logistic_regression", "decision_tree", "hist_gradient_boosting"),
    "regression": ("ridge", "decision_tree", "hist_gradient_boosting"),
}
"""The estimators that are compared where the user names none."""

LOANS = ("logistic_regression", "decision_tree")
"""The estimators of the loan workflow, which the compatibility mode has."""


@dataclass(frozen=True)
class Training:
    """What to train, on what, and how to choose.

    Parameters
    ----------
    data
        CSV or Parquet: a file, a folder, or several files.
    target
        Column to predict.
    estimators
        Label -> scikit-learn's name in snake case, or ``module:Class``; default: a linear model, a tree and boosted
        trees.
    parameters
        Label -> parameters of the estimator.
    select
        Metric, then tie breaks; default a proper score, in compatibility mode precision, then f1.
    treatment
        How missing numbers are filled, and how training rows are weighted.
    date_parts
        Whether dates without a rule become their year, month and weekday.
    task
        Default: by the target's first rows.
    validation
        Share of the training rows on which the models are compared; 0: they are compared on the test rows.
    folds
        In place of that, the number of folds of a cross-validation.
    group
        A column whose rows of one value stay in one part.
    time
        A column of dates or numbers: the latest rows are for the test.
    tuning
        How parameters of the estimators are searched; None: they are not.
    learning_curve
        Whether the best estimator is also fitted on parts of the training rows, to see how much more rows help.
    threshold
        With two classes, the score above which a row is predicted as the second: a number, a metric that it makes as
        large as possible on the validation rows, or ``cost:5``.
    compatibility
        Prepare and split as a pandas script does: row number as a feature, means over all rows, scikit-learn's split.
    shards
        Parts that preparation, evaluation and prediction are done in; no result depends on it.
    cpus
        Cores of each fit.
    memory
        Memory of every step; default: by the size of the table, and by the estimator.
    """

    data: Path | list[Path]
    target: str
    estimators: Mapping[str, str] | None = None
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    select: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    rules: Rules = field(default_factory=Rules)
    treatment: Treatment = field(default_factory=Treatment)
    date_parts: bool = True
    options: ReadOptions = field(default_factory=ReadOptions)
    task: Task | None = None
    test_size: float = 0.2
    validation: float = 0.2
    folds: int = 0
    group: str | None = None
    time: str | None = None
    tuning: Tuning | None = None
    learning_curve: bool = False
    threshold: str = DEFAULT
    seed: int = 42
    stratify: bool = False
    compatibility: bool = False
    shards: int = 1
    cpus: int = 1
    memory: str | None = None

    @cached_property
    def size(self) -> Size:
        """About how large the table is."""
        return size_of_table(self.data, self.options)

    @cached_property
    def guess(self) -> tuple[Task, str]:
        """The task, and the reason if it was guessed."""
        if self.task is not None:
            return self.task, ""
        if self.compatibility:
            return "classification", ""
        return guess_task(self.data, self.options, self.target)

    @property
    def named(self) -> dict[str, str]:
        """Estimators by label as the user names them, or the default ones."""
        if self.estimators is not None:
            return dict(self.estimators)
        return {name: name for name in (LOANS if self.compatibility else DEFAULTS[self.guess[0]])}

    @cached_property
    def searched(self) -> dict[str, dict[str, Searched]]:
        """Search space of each estimator that is tuned, by label."""
        if self.tuning is None:
            return {}
        return self.tuning.searched(self.named, self.parameters)

    @property
    def labels(self) -> dict[str, str]:
        """All estimators that are compared by label, untuned and tuned."""
        named = self.named
        return named | {tuned_name(label): named[label] for label in self.searched}

    @property
    def tuned(self) -> dict[str, str]:
        """Label of each tuned estimator by the label of the untuned one."""
        return {label: tuned_name(label) for label in self.searched}

    def without(self, labels: list[str]) -> Self:
        """Return the same training without some estimators, and without their tuning."""
        left = {label: name for label, name in self.named.items() if label not in labels}
        tuned = [
            label for label in self.searched if label in left and tuned_name(label) not in labels
        ]
        tuning = None
        if self.tuning is not None and tuned:
            spaces = {
                label: {n: each.drawn for n, each in self.searched[label].items()}
                for label in tuned
            }
            tuning = replace(self.tuning, spaces=spaces)
        return replace(self, estimators=left, tuning=tuning)

    @property
    def wanted(self) -> Wanted:
        """What becomes a feature, and what is predicted."""
        task, _ = self.guess
        guessed = self.task is None
        drop = tuple(dict.fromkeys([*self.drop, *([self.group] if self.group else [])]))
        reading = self.options.marks_of()
        given = (self.target, drop, self.rules, self.compatibility, task, guessed, reading)
        return Wanted(*given, self.treatment, self.date_parts)

    @property
    def split(self) -> SplitRule:
        """How rows are divided."""
        stratify = self.target if self.stratify else None
        if self.compatibility:
            return SplitRule("sklearn", self.test_size, self.seed, stratify, folds=self.folds)
        validation = 0.0 if self.folds else self.validation
        return SplitRule(
            "hash",
            self.test_size,
            self.seed,
            stratify,
            column=self.group,
            validation=validation,
            folds=self.folds,
            time=self.time,
        )

    @property
    def facts(self) -> dict[str, Any]:
        """What the card of the best model says of the training."""
        files = self.data if isinstance(self.data, list) else [self.data]
        return {
            "data": [path.name for path in files],
            "estimators": self.labels,
            "parameters": {label: dict(given) for label, given in self.parameters.items()},
            "seed": self.seed,
            "split": self.split.as_json(),
            "select": list(self.select),
            "precise": self.compatibility,
        }
