"""Declare the pipeline that trains, compares and bundles models of a table."""

from collections.abc import Iterable
from typing import Any

from wingspan.errors import SettingError
from wingspan.pipeline.handles import Handle
from wingspan.pipeline.resources import Resources
from wingspan.recipes.requests import numbers_of, read_mb, size_mb
from wingspan.recipes.table_steps import (
    Search,
    bundle,
    choose,
    choose_best,
    evaluate,
    explain,
    fit,
    join,
    join_best,
    learn,
    learn_by_rows,
    look,
    measure_gains,
    merge,
    prepare,
    rank,
    read,
    refit,
    score,
    try_out,
)
from wingspan.recipes.table_tuning import start_of
from wingspan.recipes.training import LOANS, Training
from wingspan.runner.events import FAILED, StepEvent
from wingspan.tabular.declared import check_columns
from wingspan.tabular.estimate import BASE_MB, apply_mb, fit_mb
from wingspan.tabular.estimators import check_estimator, check_probabilities
from wingspan.tabular.select import check_metrics, needs_probabilities
from wingspan.tabular.split import SplitRule
from wingspan.tabular.threshold import DEFAULT, check_threshold
from wingspan.tabular.tune import tuning_rule
from wingspan.workflow import Pipeline

__all__ = ["BASELINE", "LOANS", "Training", "failed_estimators", "table_training"]

BASELINE = "baseline"


def table_training(what: Training) -> Pipeline:
    """Declare the pipeline.

    Its results are ``prepare``, ``survey`` (an `Overview`), ``evaluate[LABEL]`` (on the validation rows), ``test`` (of
    the best model), and ``choose_best``, a `Best`. Without validation rows ``evaluate`` is on the test rows.

    Raises
    ------
    SettingError, NotFoundError
        An estimator, one of its parameters, a metric or a column is unknown. This is raised before any step runs.
    """
    _check(what)
    p = Pipeline("table-training")
    table = p.step(read, what.data, what.options, resources=_resources(what, read_mb(what.data)))
    prepared = _prepare(p, what, table, what.split)
    found = _tune(p, what, table)
    rules = what.split.rules_of_folds or [what.split]
    models, evaluations = {}, {}
    for label in what.labels:
        fitted = [_fit(p, what, label, rule, (table, prepared), found) for rule in rules]
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
    judged = (models, selection, table, prepared, rules[0])
    facts = what.facts | {"parameters": {**what.facts["parameters"], **found}}
    given = {name: facts[name] for name in ("parameters", "estimators", "seed")}
    memory = max(_fit_mb(what, label) for label in what.labels)
    asked = _resources(what, memory, cpus=what.cpus, seconds=2.0)
    best = p.step(refit, selection, *compared, given, resources=asked)
    tested = _test(p, what, best, (table, prepared), (selection, evaluations))
    both = {"test": {"best": tested}, "validation": shown}
    facts |= _explain(p, what, judged, (largest, asked), given)
    known = (seen.survey, table, prepared, facts)
    p.step(bundle, selection, best, both, *known, name="choose_best", resources=largest)
    return p


def _explain(
    p: Pipeline,
    what: Training,
    judged: tuple[Any, ...],
    asked: tuple[Resources, Resources],
    given: dict[str, Any],
) -> dict[str, Handle]:
    """Add the steps that explain the best model, the gain of tuning and the learning curve."""
    applied, fitted = asked
    found = {"importance": p.step(explain, *judged, resources=applied)}
    if what.tuned:
        found["gains"] = p.step(measure_gains, *judged, what.tuned, name="gains", resources=applied)
    if what.learning_curve:
        of_best = (*judged[1:], given)
        curve = p.step(learn_by_rows, *of_best, name="learning_curve", resources=fitted)
        found["learning_curve"] = curve
    return found


def _check(what: Training) -> None:
    """Refuse what cannot work, before any step runs."""
    task, _ = what.guess
    for label, estimator in what.labels.items():
        check_estimator(estimator, what.parameters.get(label), task)
    for label, space in what.searched.items():
        check_estimator(what.labels[label], dict.fromkeys(space), task)
    if what.tuning is not None and (what.folds or what.compatibility or not what.validation):
        problem = "what tuning gains is measured on a validation part, which there is not"
        fix = "leave out --folds, --compatibility and --validation 0: tuning has folds of its own"
        raise SettingError("--tune", problem, fix)
    if what.learning_curve and not what.split.fold_count:
        problem = "it is measured on validation rows, which there are not"
        raise SettingError("--learning-curve", problem, "leave out --validation 0")
    check_metrics(what.select, task)
    check_threshold(what.threshold)
    calibration = what.treatment.calibration
    of_classes = {
        "--calibrate": calibration is not None,
        "--threshold": what.threshold != DEFAULT,
        "--class-weight": what.treatment.balanced,
        "--stratify": what.stratify,
    }
    for option, given in of_classes.items():
        if given and task == "regression":
            problem = "the target is a number, and this option is for classes"
            raise SettingError(option, problem, "leave it out, or give --task classification")
    for metric in () if calibration else needs_probabilities(what.select[:1]):
        check_probabilities(metric, what.labels, what.parameters)
    columns = [
        what.target,
        *what.drop,
        *filter(None, (what.group, what.time, what.treatment.weight)),
    ]
    check_columns(what.data, what.options, columns)
    _refuse_target(what)


def _refuse_target(what: Training) -> None:
    """Refuse the target as the column of another option."""
    used = {
        "--group": what.group,
        "--time": what.time,
        "--weight": what.treatment.weight,
        "--drop": what.target if what.target in what.drop else None,
    }
    for option, column in used.items():
        if column == what.target:
            problem = "the column is the target, which new rows do not have"
            raise SettingError(
                f"{option} {column}", problem, "name another column, or leave it out"
            )


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
    sources = [source for source, name in what.tuned.items() if name == label]
    fits += [f"tune[{source}]" for source in sources]
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


def _tune(p: Pipeline, what: Training, table: Handle) -> dict[str, Handle]:
    """Add the sweeps that tune estimators.

    Return the parameters found, by the label of the tuned estimator.
    """
    tuning, found = what.tuning, dict[str, Handle]()
    if tuning is None:
        return found
    rule = tuning_rule(what.split, tuning.folds)
    asked = _resources(what)
    prepared = p.step(prepare, table, rule, what.wanted, name="prepare[tune]", resources=asked)
    for label, space in what.searched.items():
        fixed = dict(what.parameters.get(label, {}))
        search = Search(what.labels[label], fixed, list(what.select), what.seed)
        tuned = p.sweep(
            try_out,
            table,
            prepared,
            rule,
            search,
            over={"parameters": {name: each.drawn for name, each in space.items()}},
            metric="cost",
            trials=tuning.trials,
            seed=what.seed,
            start=start_of(space),
            name=f"tune[{label}]",
            resources=_resources(what, _fit_mb(what, label), cpus=what.cpus, seconds=2.0),
        )
        found[what.tuned[label]] = tuned.parameters
    return found


def _prepare(p: Pipeline, what: Training, table: Handle, split: SplitRule) -> Handle:
    """Add the steps that learn the preparation, in one piece or in shards."""
    if what.shards == 1:
        return p.step(prepare, table, split, what.wanted, resources=_resources(what))
    inputs = p.step(choose, table, what.wanted, resources=_resources(what))
    parts = p.map(
        learn,
        table,
        inputs,
        split,
        over=numbers_of(what.shards),
        shards_in_all=what.shards,
        resources=_resources(what),
    )
    short = _resources(what, seconds=0.0)
    return p.step(merge, parts, table, split, name="prepare", resources=short)


def _fit(
    p: Pipeline,
    what: Training,
    label: str,
    rule: SplitRule,
    given: tuple[Handle, Handle],
    found: dict[str, Handle],
) -> Handle:
    """Add the step that fits one estimator, on all training rows or on those of a fold."""
    estimator = what.labels[label]
    parameters: Any = found.get(label, dict(what.parameters.get(label, {})))
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
    """Add the steps that evaluate the best model on the test rows.

    The threshold was chosen on validation rows.
    """
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
