"""Choose the best of several models by the user's metric, or by a proper score."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from wingspan.errors import SettingError, TableError, near
from wingspan.shown import counted
from wingspan.tabular.evaluate import Evaluation
from wingspan.tabular.labels import Task
from wingspan.tabular.metrics import LOSSES, LOWER_IS_BETTER, available
from wingspan.tabular.residuals import METRICS

_FEW_POSITIVES = 0.05
"""Below this share of the rarer class, models are compared by how they rank rows."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which model is best, and how the others follow.

    Attributes
    ----------
    metrics
        The deciding metric, then those that break a tie.
    ranking
        All models, best first; one without a value comes last.
    ties
        Models as good as the best by every deciding metric; the first given is taken.
    """

    best: str
    metrics: list[str]
    ranking: list[str]
    ties: list[str]


def select(
    evaluations: Mapping[str, Evaluation], metric: str | None = None, *tie_breaks: str
) -> Selection:
    """Return the best model by `metric`, then by the tie breaks, then by the order given.

    Parameters
    ----------
    evaluations
        Evaluations on the same rows, by the name of the model.
    metric
        Default: see `proper_metrics`. With more than two classes, ``precision`` means ``precision_macro``, and so on.
        Losses and errors are better when lower.

    Raises
    ------
    TableError
        There is no model, no model has the metric or a value of it, or the rows differ.
    """
    if not evaluations:
        raise TableError("select", "there is no model to choose from", "evaluate at least one")
    sizes = {name: one.rows for name, one in evaluations.items()}
    if len(set(sizes.values())) > 1:
        problem = f"the models were evaluated on different numbers of rows: {sizes}"
        raise TableError("select", problem, "evaluate all of them on the same rows")
    names = [metric, *tie_breaks] if metric else proper_metrics(evaluations.values())
    names = list(dict.fromkeys(_known(name, evaluations.values()) for name in names))
    costs = {name: tuple(_cost(one, key) for key in names) for name, one in evaluations.items()}
    ranking = sorted(costs, key=costs.__getitem__)
    if math.isinf(costs[ranking[0]][0]):
        problem = f"{names[0]} is not defined for any model on {counted(sizes[ranking[0]], 'row')}"
        raise TableError("select", problem, "choose by another metric with --select")
    ties = [name for name in ranking[1:] if costs[name] == costs[ranking[0]]]
    return Selection(best=ranking[0], metrics=names, ranking=ranking, ties=ties)


def proper_metrics(evaluations: Iterable[Evaluation]) -> list[str]:
    """Return the metrics to choose by where the user names none.

    RMSE for numbers. For classes log loss; ROC AUC where less than a twentieth of the rows are of the rarer of two
    classes, or a model gives no probabilities; macro F1 where such a model has more than two classes.
    """
    each = list(evaluations)
    first = each[0]
    if first.task == "regression":
        return ["rmse", "mae"]
    rarest = min(sum(row) for row in first.confusion) / first.rows
    proper = all(_defined(one, "log_loss") for one in each)
    if len(first.classes) > 2:
        return ["log_loss", "accuracy"] if proper else ["f1_macro", "accuracy"]
    if proper and rarest >= _FEW_POSITIVES:
        return ["log_loss", "roc_auc"]
    return ["roc_auc", "f1"] if any(_defined(one, "roc_auc") for one in each) else ["log_loss"]


def precise_metrics(classes: int) -> list[str]:
    """Return the metrics that the loan workflow chooses by: precision, then F1."""
    suffix = "" if classes == 2 else "_macro"
    return [f"precision{suffix}", f"f1{suffix}"]


def check_metrics(names: Iterable[str], task: Task) -> None:
    """Refuse names that are not metrics of a task, before there are evaluations.

    Raises
    ------
    SettingError
        A name is not a metric; the message lists close ones.
    """
    known = dict.fromkeys([*available(2), *available(3)] if task == "classification" else METRICS)
    for name in names:
        if name not in known:
            problem = f"not a metric of a {task}; there are {', '.join(known)}"
            raise SettingError(f"metric {name!r}", problem, near(name, known))


def is_better(one: Evaluation, other: Evaluation, metric: str) -> bool:
    """Return whether a model is better than another beyond the interval of its metric."""
    mine, theirs = one.metrics.get(metric), other.metrics.get(metric)
    if mine is None or mine.value is None or mine.low is None or mine.high is None:
        return False
    if theirs is None or theirs.value is None:
        return True
    if metric in LOWER_IS_BETTER:
        return mine.high < theirs.value
    return mine.low > theirs.value


def needs_probabilities(names: Iterable[str]) -> list[str]:
    """Return the metrics that are defined for probabilities alone."""
    return [name for name in names if name in LOSSES]


def cost_of(one: Evaluation, metrics: Sequence[str]) -> tuple[str, float]:
    """Return the deciding metric, by default a proper one, and its value to minimise."""
    name = _known(metrics[0], [one]) if metrics else proper_metrics([one])[0]
    return name, _cost(one, name)


def _known(name: str, evaluations: Iterable[Evaluation]) -> str:
    """Return the name of a metric as these models have it."""
    each = list(evaluations)
    if not any(name in one.metrics for one in each) and f"{name}_macro" in each[0].metrics:
        return f"{name}_macro"
    if not any(name in one.metrics for one in each):
        each[0].metric(name)  # refused with the names that there are
    return name


def _defined(one: Evaluation, name: str) -> bool:
    return name in one.metrics and one.metrics[name].value is not None


def _cost(evaluation: Evaluation, name: str) -> float:
    """Return what to minimise; infinity where the metric is not defined."""
    found = evaluation.metrics.get(name)
    if found is None or found.value is None or math.isnan(found.value):
        return math.inf
    return found.value if name in LOWER_IS_BETTER else -found.value
