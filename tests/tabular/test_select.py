"""The best model is the user's best."""

import numpy as np
import pytest

from wingspan.errors import TableError
from wingspan.tabular.evaluate import Evaluation, Metric, evaluation
from wingspan.tabular.metrics import count_scores
from wingspan.tabular.select import select


def made(rows=10, classes=("no", "yes"), **values):
    metrics = {name: Metric(value, value, value) for name, value in values.items()}
    return Evaluation(rows, list(classes), [[rows, 0], [0, 0]], metrics)


def test_precision_then_f1():
    """The default is the highest precision, and f1 decides between equals."""
    found = select(
        {
            "tree": made(precision=0.6, f1=0.9),
            "low": made(precision=0.7, f1=0.1),
            "high": made(precision=0.7, f1=0.2),
        }
    )
    assert found.best == "high"
    assert found.ranking == ["high", "low", "tree"]
    assert found.metrics == ["precision", "f1"]
    assert found.ties == []


def test_losses_are_better_when_lower():
    """Each metric knows its direction."""
    models = {"a": made(log_loss=0.9, f1=1.0), "b": made(log_loss=0.2, f1=0.0)}
    assert select(models, "log_loss").best == "b"


def test_undefined_is_last():
    """A model without a value never wins, whichever way the metric points."""
    for name in ("log_loss", "roc_auc"):
        models = {"a": made(f1=1.0, **{name: None}), "b": made(f1=0.0, **{name: 0.4})}
        assert select(models, name).ranking == ["b", "a"]
    nan = {"a": made(f1=float("nan")), "b": made(f1=0.0)}
    assert select(nan, "f1").best == "b"


def test_full_ties_are_told():
    """Models equal by every deciding metric: the first given wins and the others are named."""
    models = {name: made(precision=0.5, f1=0.5) for name in ("one", "two")}
    found = select(models)
    assert (found.best, found.ties) == ("one", ["two"])


def test_own_tie_breaks():
    """Further metrics decide in the order given."""
    models = {"a": made(f1=0.5, accuracy=0.1), "b": made(f1=0.5, accuracy=0.2)}
    assert select(models, "f1", "accuracy").best == "b"


def test_several_classes_use_macro_averages():
    """With three classes the default is macro precision."""
    random = np.random.default_rng(0)
    y = random.integers(0, 3, 60)
    good, bad = np.eye(3)[y] * 0.7 + 0.1, np.full((60, 3), 1 / 3)
    models = {
        name: evaluation(count_scores(scores, y, 0), ["a", "b", "c"])
        for name, scores in (("bad", bad), ("good", good))
    }
    found = select(models)
    assert (found.best, found.metrics) == ("good", ["precision_macro", "f1_macro"])


def test_refusals():
    """Nothing to choose from, an unknown metric, and different test rows are errors."""
    with pytest.raises(TableError, match="no model to choose from"):
        select({})
    with pytest.raises(TableError, match="did you mean precision"):
        select({"a": made(precision=1.0)}, "precison")
    with pytest.raises(TableError, match="different numbers of rows"):
        select({"a": made(rows=1, f1=1.0), "b": made(rows=2, f1=1.0)}, "f1")
