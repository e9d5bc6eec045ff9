"""The best model is the user's best."""

import numpy as np
import pytest

from wingspan.errors import SettingError, TableError
from wingspan.tabular.evaluate import Evaluation, Metric, evaluation
from wingspan.tabular.metrics import count_scores
from wingspan.tabular.select import check_metrics, is_better, precise_metrics, select


def made(rows=10, classes=("no", "yes"), **values):
    metrics = {name: Metric(value, value, value) for name, value in values.items()}
    return Evaluation(rows, list(classes), [[rows, 0], [0, 0]], metrics)


def test_precision_then_f1():
    """The choice of the loan workflow: the highest precision, and f1 decides between equals."""
    found = select(
        {
            "tree": made(precision=0.6, f1=0.9),
            "low": made(precision=0.7, f1=0.1),
            "high": made(precision=0.7, f1=0.2),
        },
        *precise_metrics(2),
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
    found = select(models, "precision", "f1")
    assert (found.best, found.ties) == ("one", ["two"])


def test_own_tie_breaks():
    """Further metrics decide in the order given."""
    models = {"a": made(f1=0.5, accuracy=0.1), "b": made(f1=0.5, accuracy=0.2)}
    assert select(models, "f1", "accuracy").best == "b"


def test_several_classes_use_macro_averages():
    """With three classes precision is the macro average; the default is log loss."""
    random = np.random.default_rng(0)
    y = random.integers(0, 3, 60)
    good, bad = np.eye(3)[y] * 0.7 + 0.1, np.full((60, 3), 1 / 3)
    models = {
        name: evaluation(count_scores(scores, y, 0), ["a", "b", "c"])
        for name, scores in (("bad", bad), ("good", good))
    }
    found = select(models, "precision", "f1")
    assert (found.best, found.metrics) == ("good", ["precision_macro", "f1_macro"])
    assert select(models).metrics == ["log_loss", "accuracy"]


def counted(share, **values):
    """Return an evaluation of 1,000 rows, of which this share is of the second class."""
    positive = int(1000 * share)
    metrics = {name: Metric(value, value, value) for name, value in values.items()}
    return Evaluation(1000, ["no", "yes"], [[1000 - positive, 0], [positive, 0]], metrics)


def test_the_default_is_a_proper_score():
    """Log loss; ROC AUC with few positive rows, or where a model gives no probabilities; RMSE of numbers."""
    assert select({"a": counted(0.4, log_loss=0.1, roc_auc=0.9, f1=0.0)}).metrics[0] == "log_loss"
    assert select({"a": counted(0.01, log_loss=0.1, roc_auc=0.9, f1=0.0)}).metrics[0] == "roc_auc"
    both = {
        "a": counted(0.4, log_loss=0.1, roc_auc=0.9, f1=0.0),
        "b": counted(0.4, roc_auc=0.95, f1=0.0),
    }
    assert (select(both).best, select(both).metrics[0]) == ("b", "roc_auc")
    numbers = Evaluation(9, [], [], {"rmse": Metric(1.0, 0.9, 1.1), "mae": Metric(1.0, 0.9, 1.1)})
    assert select({"a": numbers}).metrics == ["rmse", "mae"]


def test_a_metric_that_no_model_has_a_value_for_chooses_none():
    """An undefined metric never wins."""
    with pytest.raises(TableError, match="roc_auc is not defined for any model"):
        select({"a": made(roc_auc=None, f1=0.5)}, "roc_auc")


def test_better_is_better_beyond_the_interval():
    """The other's value lies outside of it, on the worse side."""
    one = Evaluation(9, [], [], {"rmse": Metric(1.0, 0.8, 1.2), "r2": Metric(0.5, 0.4, 0.6)})
    near = Evaluation(9, [], [], {"rmse": Metric(1.1, 0.8, 1.3), "r2": Metric(0.45, 0.4, 0.6)})
    far = Evaluation(9, [], [], {"rmse": Metric(1.3, 1.0, 1.6), "r2": Metric(0.2, 0.1, 0.3)})
    for metric in ("rmse", "r2"):
        assert is_better(one, far, metric)
        assert not is_better(one, near, metric)
        assert not is_better(far, one, metric)


def test_metrics_of_another_task_are_refused():
    """By name, before anything runs."""
    with pytest.raises(SettingError, match="not a metric of a regression"):
        check_metrics(["roc_auc"], "regression")
    check_metrics(["rmse"], "regression")
    check_metrics(["precision", "f1_macro"], "classification")


def test_refusals():
    """Nothing to choose from, an unknown metric, and different test rows are errors."""
    with pytest.raises(TableError, match="no model to choose from"):
        select({})
    with pytest.raises(TableError, match="did you mean precision"):
        select({"a": made(precision=1.0)}, "precison")
    with pytest.raises(TableError, match="different numbers of rows"):
        select({"a": made(rows=1, f1=1.0), "b": made(rows=2, f1=1.0)}, "f1")
