"""Evaluations of several models -> the best one, by the user's metric."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from wingspan.errors import SettingError, TableError
from wingspan.tabular.evaluate import Evaluation
from wingspan.tabular.metrics import LOSSES, available


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
        By the model's name; all of the same test rows.
    metric
        Default precision, then f1 (several classes: their macro averages). Losses are better when lower.

    Raises
    ------
    TableError
        Nothing to choose from, a metric that is not there, or evaluations of different rows.
    """
    if not evaluations:
        raise TableError("select", "there is no model to choose from", "evaluate at least one")
    sizes = {name: one.rows for name, one in evaluations.items()}
    if len(set(sizes.values())) > 1:
        problem = f"the models were evaluated on different numbers of rows: {sizes}"
        raise TableError("select", problem, "evaluate all of them on the same test rows")
    first = next(iter(evaluations.values()))
    suffix = "" if len(first.classes) == 2 else "_macro"
    names = [metric or f"precision{suffix}", *(tie_breaks or (f"f1{suffix}",))]
    names = list(dict.fromkeys(names))
    places = {name: tuple(_cost(one, key) for key in names) for name, one in evaluations.items()}
    ranking = sorted(places, key=places.__getitem__)
    ties = [name for name in ranking[1:] if places[name] == places[ranking[0]]]
    return Selection(best=ranking[0], metrics=names, ranking=ranking, ties=ties)


def check_metrics(names: Iterable[str]) -> None:
    """Refuse names that are no metric, of however many classes, before there are evaluations.

    Raises
    ------
    SettingError
        One is not; the message lists the close ones.
    """
    known = dict.fromkeys([*available(2), *available(3)])
    for name in names:
        if name not in known:
            close = get_close_matches(name, known)
            fix = f"did you mean {' or '.join(close)}?" if close else "choose one of those"
            problem = f"there is none called so; there are {', '.join(known)}"
            raise SettingError(f"metric {name!r}", problem, fix)


def _cost(evaluation: Evaluation, name: str) -> float:
    """Return what to minimise; infinity where the metric is not defined."""
    value = evaluation.metric(name).value
    if value is None or math.isnan(value):
        return math.inf
    return value if name in LOSSES else -value
