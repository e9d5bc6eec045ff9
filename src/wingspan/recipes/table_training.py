"""Declare the pipeline that trains, compares and bundles models of a table."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from wingspan.pipeline.handles import Handle
from wingspan.pipeline.resources import Resources
from wingspan.recipes.requests import numbers_of, read_mb, size_mb
from wingspan.recipes.table_steps import (
    bundle,
    choose,
    choose_best,
    evaluate,
    explain,
    fit,
    join,
    join_best,
    learn,
    look,
    merge,
    prepare,
    rank,
    read,
    refit,
    score,
)
from wingspan.runner.events import FAILED, StepEvent
from wingspan.tabular.clean import Rules
from wingspan.tabular.declared import check_columns
from wingspan.tabular.estimate import BASE_MB, Size, apply_mb, fit_mb, size_of_table
from wingspan.tabular.estimators import check_estimator, check_probabilities
from wingspan.tabular.inputs import Wanted
from wingspan.tabular.labels import Task
from wingspan.tabular.peek import guess_task
from wingspan.tabular.preparation import Treatment
from wingspan.tabular.read import ReadOptions
from wingspan.tabular.select import check_metrics, needs_probabilities
from wingspan.tabular.split import SplitRule
from wingspan.tabular.threshold import DEFAULT, check_threshold
from wingspan.workflow import Pipeline

BASELINE = "baseline"

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
    def labels(self) -> dict[str, str]:
        """Label -> estimator of all that are compared."""
        if self.estimators is not None:
            return dict(self.estimators)
        return {name: name for name in (LOANS if self.compatibility else DEFAULTS[self.guess[0]])}

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


def table_training(what: Training) -> Pipeline:
    """Declare the pipeline.

    Its results are ``prepare``, ``survey`` (an `Overview`), ``evaluate[LABEL]`` (on the validation rows), ``test`` (of
    the best model), and ``choose_best``, a `Best`. Without validation rows ``evaluate`` is on the test rows.

    Raises
    ------
    SettingError, NotFoundError
        An estimator, a parameter of it, a metric or a column that is not known; told before any step runs.
    """
    _check(what)
    p = Pipeline("table-training")
    table = p.step(read, what.data, what.options, resources=_resources(what, read_mb(what.data)))
    prepared = _prepare(p, what, table)
    rules = what.split.rules_of_folds or [what.split]
    models, evaluations = {}, {}
    for label in what.labels:
        fitted = [_fit(p, what, label, rule, (table, prepared)) for rule in rules]
        models[label] = fitted[0]
        scored = list(zip(fitted, rules, strict=True))
        evaluations[label] = _evaluate(p, what, label, scored, (table, prepared))
    short = _resources(what, seconds=0.0)
    compared = (table, prepared, what.split)
    seen = p.step(look, *compared, name="survey", resources=_resources(what))
    shown = evaluations | {BASELINE: seen.baseline}
    largest = _resources(what, max(_apply_mb(what, label) for label in what.labels), seconds=0.0)
    if not what.split.fold_count:
        chosen = (evaluations, seen.baseline, seen.survey, table, prepared, what.facts)
        p.step(choose_best, models, *chosen, resources=largest)
        return p
    selection = p.step(rank, evaluations, list(what.select), what.compatibility, resources=short)
    memory = max(_fit_mb(what, label) for label in what.labels)
    asked = _resources(what, memory, cpus=what.cpus, seconds=2.0)
    unseen = p.step(explain, models, selection, table, prepared, rules[0], resources=largest)
    best = p.step(refit, selection, *compared, what.facts, resources=asked)
    tested = _test(p, what, best, (table, prepared), (selection, evaluations))
    both = {"test": {"best": tested}, "validation": shown}
    facts = (seen.survey, table, prepared, what.facts | {"importance": unseen})
    p.step(bundle, selection, best, both, *facts, name="choose_best", resources=largest)
    return p


def _check(what: Training) -> None:
    """Refuse what cannot work, before any step runs."""
    task, _ = what.guess
    for label, estimator in what.labels.items():
        check_estimator(estimator, what.parameters.get(label), task)
    check_metrics(what.select, task)
    check_threshold(what.threshold)
    for metric in needs_probabilities(what.select[:1]):
        check_probabilities(metric, what.labels, what.parameters)
    columns = [
        what.target,
        *what.drop,
        *filter(None, (what.group, what.time, what.treatment.weight)),
    ]
    check_columns(what.data, what.options, columns)


def failed_estimators(events: Iterable[StepEvent], what: Training) -> list[str]:
    """Return the estimators whose steps failed; none if any other step failed too."""
    found = []
    for event in events:
        if event.state == FAILED:
            owners = [label for label in what.labels if event.step in _steps_of(label, what)]
            if not owners:
                return []
            found += owners
    return list(dict.fromkeys(found))


def _steps_of(label: str, what: Training) -> list[str]:
    """Return the names of the steps that fit and evaluate one estimator."""
    rules = what.split.rules_of_folds or [what.split]
    fits = [_named("fit", label, rule) for rule in rules]
    parts = [_part_of(label, shard, rule, what) for rule in rules for shard in range(what.shards)]
    return [f"evaluate[{label}]", *fits, *parts]


def _named(kind: str, label: str, rule: SplitRule) -> str:
    """Return the name of a step of one of several folds, or of the only one."""
    fold = f",{rule.fold + 1}" if rule.fold is not None and rule.folds else ""
    return f"{kind}[{label}{fold}]"


def _part_of(label: str, shard: int, rule: SplitRule, what: Training) -> str:
    """Return the name of the step that scores a shard, a fold, or a shard of a fold."""
    fold = [str(rule.fold + 1)] if rule.fold is not None and rule.folds else []
    part = [str(shard)] if what.shards > 1 else []
    inside = ",".join([*fold, *part])
    return f"score-{label}[{inside}]" if inside else f"score-{label}"


def _prepare(p: Pipeline, what: Training, table: Handle) -> Handle:
    """Add the steps that learn the preparation, in one piece or in shards."""
    if what.shards == 1:
        return p.step(prepare, table, what.split, what.wanted, resources=_resources(what))
    inputs = p.step(choose, table, what.wanted, resources=_resources(what))
    parts = p.map(
        learn,
        table,
        inputs,
        what.split,
        over=numbers_of(what.shards),
        shards_in_all=what.shards,
        resources=_resources(what),
    )
    short = _resources(what, seconds=0.0)
    return p.step(merge, parts, table, what.split, name="prepare", resources=short)


def _fit(
    p: Pipeline, what: Training, label: str, rule: SplitRule, given: tuple[Handle, Handle]
) -> Handle:
    """Add the step that fits one estimator, on all training rows or on those of a fold."""
    estimator, parameters = what.labels[label], dict(what.parameters.get(label, {}))
    asked = _resources(what, _fit_mb(what, label), cpus=what.cpus, seconds=2.0)
    name = _named("fit", label, rule)
    return p.step(fit, *given, rule, estimator, parameters, what.seed, name=name, resources=asked)


def _evaluate(
    p: Pipeline,
    what: Training,
    label: str,
    scored: list[tuple[Handle, SplitRule]],
    given: tuple[Handle, Handle],
) -> Handle:
    """Add the steps that evaluate one estimator's models, in one piece or in parts."""
    name = f"evaluate[{label}]"
    asked = _resources(what, _apply_mb(what, label))
    if what.shards == 1 and len(scored) == 1:
        model, rule = scored[0]
        how = (model, *given, rule, what.threshold)
        return p.step(evaluate, *how, name=name, resources=asked)
    parts: dict[str, Handle] = {}
    for model, rule in scored:
        parts |= _score(p, what, label, (model, *given, rule), asked)
    short = _resources(what, seconds=0.0)
    return p.step(join, parts, given[1], what.threshold, name=name, resources=short)


def _test(
    p: Pipeline,
    what: Training,
    best: Handle,
    given: tuple[Handle, Handle],
    chosen: tuple[Handle, dict[str, Handle]],
) -> Handle:
    """Add the steps that evaluate the best model on the test rows, with the threshold that was chosen before."""
    asked = _resources(what, max(_apply_mb(what, label) for label in what.labels))
    parts = _score(p, what, "test", (best, *given, what.split), asked)
    short = _resources(what, seconds=0.0)
    return p.step(join_best, parts, given[1], *chosen, name="test", resources=short)


def _score(
    p: Pipeline,
    what: Training,
    label: str,
    given: tuple[Handle, Handle, Handle, SplitRule],
    asked: Resources,
) -> dict[str, Handle]:
    """Add the steps that score the shards of a part of the rows, by name."""
    parts: dict[str, Handle] = {}
    for shard in range(what.shards):
        name = _part_of(label, shard, given[3], what)
        parts[name] = p.step(score, *given, shard, what.shards, name=name, resources=asked)
    return parts


def _fit_mb(what: Training, label: str) -> int:
    given = what.parameters.get(label, {})
    return fit_mb(what.size, what.labels[label], given, what.guess[0])


def _apply_mb(what: Training, label: str) -> int:
    given = what.parameters.get(label, {})
    return apply_mb(what.size, what.labels[label], given, what.guess[0])


def _resources(
    what: Training, memory_mb: int = BASE_MB, cpus: int = 1, seconds: float = 0.3
) -> Resources:
    """Ask for the memory that a step needs, unless the user says how much."""
    expected = round(1 + seconds * size_mb(what.data), 1)
    return Resources(cpus, memory=what.memory, expected=expected, expected_memory=memory_mb)
