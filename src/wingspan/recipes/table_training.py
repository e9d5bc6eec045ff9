"""Declare the pipeline that trains, compares and bundles models of a table."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from wingspan.pipeline.handles import Handle
from wingspan.pipeline.resources import Resources
from wingspan.recipes.requests import numbers_of, read_mb, size_mb
from wingspan.recipes.table_steps import (
    choose,
    choose_best,
    evaluate,
    fit,
    join,
    learn,
    merge,
    prepare,
    read,
    score,
)
from wingspan.runner.events import FAILED, StepEvent
from wingspan.tabular.clean import Rules
from wingspan.tabular.declared import check_columns
from wingspan.tabular.estimate import BASE_MB, Size, apply_mb, fit_mb, size_of_table
from wingspan.tabular.estimators import check_estimator
from wingspan.tabular.read import ReadOptions
from wingspan.tabular.select import check_metrics
from wingspan.tabular.split import SplitRule
from wingspan.workflow import Pipeline

ESTIMATORS = ("logistic_regression", "decision_tree")
"""The estimators of the loan workflow."""

DEFAULTS = (*ESTIMATORS, "hist_gradient_boosting")
"""The estimators of ``wingspan train``."""


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
        Label -> scikit-learn's name in snake case, or ``module:Class``.
    parameters
        Label -> parameters of the estimator.
    select
        Metric, then tie breaks; default precision, then f1.
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
    estimators: Mapping[str, str] = field(
        default_factory=lambda: {name: name for name in ESTIMATORS}
    )
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    select: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    rules: Rules = field(default_factory=Rules)
    options: ReadOptions = field(default_factory=ReadOptions)
    test_size: float = 0.2
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

    @property
    def split(self) -> SplitRule:
        """How rows are divided."""
        kind: Literal["hash", "sklearn"] = "sklearn" if self.compatibility else "hash"
        return SplitRule(
            kind, self.test_size, self.seed, stratify=self.target if self.stratify else None
        )


def table_training(what: Training) -> Pipeline:
    """Declare the pipeline; its results are ``prepare``, ``evaluate[LABEL]`` and ``choose_best``, a `Best`.

    Raises
    ------
    SettingError, NotFoundError
        An estimator, a parameter of it, a metric or a column that is not known; told before any step runs.
    """
    for label, estimator in what.estimators.items():
        check_estimator(estimator, what.parameters.get(label))
    check_metrics(what.select)
    check_columns(what.data, what.options, [what.target, *what.drop])
    p = Pipeline("table-training")
    table = p.step(read, what.data, what.options, resources=_resources(what, read_mb(what.data)))
    preparation = _prepare(p, what, table)
    models, evaluations = {}, {}
    for label, estimator in what.estimators.items():
        parameters = dict(what.parameters.get(label, {}))
        arguments = (table, preparation, what.split, estimator, parameters, what.seed)
        memory = fit_mb(what.size, estimator, parameters, "classification")
        asked = _resources(what, memory, cpus=what.cpus, seconds=2.0)
        models[label] = p.step(fit, *arguments, name=f"fit[{label}]", resources=asked)
        evaluations[label] = _evaluate(
            p, what, label, (models[label], table, preparation, what.split)
        )
    largest = max(apply_mb(what.size, *_named(what, label)) for label in what.estimators)
    short = _resources(what, largest, seconds=0.0)
    facts = {
        "data": [path.name for path in (what.data if isinstance(what.data, list) else [what.data])],
        "estimators": dict(what.estimators),
        "parameters": {label: dict(given) for label, given in what.parameters.items()},
        "seed": what.seed,
    }
    judged = (models, evaluations, list(what.select))
    p.step(choose_best, *judged, table, preparation, what.split, facts, resources=short)
    return p


def failed_estimators(events: Iterable[StepEvent], what: Training) -> list[str]:
    """Return the estimators whose steps failed; none if any other step failed too."""
    failed = [event.step for event in events if event.state == FAILED]
    found = []
    for step in failed:
        owners = [label for label in what.estimators if step in _steps_of(label, what)]
        if not owners:
            return []
        found += owners
    return list(dict.fromkeys(found))


def _steps_of(label: str, what: Training) -> list[str]:
    """Return the names of the steps that fit and evaluate one estimator."""
    parts = [f"score-{label}[{number}]" for number in range(what.shards)]
    return [f"fit[{label}]", f"evaluate[{label}]", *parts]


def _prepare(p: Pipeline, what: Training, table: Handle) -> Handle:
    """Add the steps that learn the preparation, in one piece or in shards."""
    chosen = (what.target, list(what.drop), what.rules, what.compatibility)
    if what.shards == 1:
        return p.step(prepare, table, what.split, *chosen, resources=_resources(what))
    inputs = p.step(choose, table, *chosen, resources=_resources(what))
    parts = p.map(
        learn,
        table,
        inputs,
        what.split,
        over=numbers_of(what.shards),
        shards_in_all=what.shards,
        resources=_resources(what),
    )
    return p.step(merge, parts, name="prepare", resources=_resources(what, seconds=0.0))


def _evaluate(p: Pipeline, what: Training, label: str, scored: tuple[Any, ...]) -> Handle:
    """Add the steps that evaluate one model, in one piece or in shards."""
    name = f"evaluate[{label}]"
    asked = _resources(what, apply_mb(what.size, *_named(what, label)))
    if what.shards == 1:
        return p.step(evaluate, *scored, name=name, resources=asked)
    parts = p.map(
        score,
        *scored,
        over=numbers_of(what.shards),
        shards_in_all=what.shards,
        name=f"score-{label}",
        resources=asked,
    )
    return p.step(join, parts, scored[2], name=name, resources=_resources(what, seconds=0.0))


def _named(what: Training, label: str) -> tuple[str, Mapping[str, Any], str]:
    return what.estimators[label], what.parameters.get(label, {}), "classification"


def _resources(
    what: Training, memory_mb: int = BASE_MB, cpus: int = 1, seconds: float = 0.3
) -> Resources:
    """Ask for the memory that a step needs, unless the user says how much."""
    expected = round(1 + seconds * size_mb(what.data), 1)
    return Resources(cpus=cpus, memory=what.memory or memory_mb, expected=expected)
