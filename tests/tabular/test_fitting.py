"""How far a long fit is, where the estimator can say so; the fitted model is the same."""

import numpy as np
import pytest
from sklearn.ensemble._hist_gradient_boosting import gradient_boosting

from wingspan.store.estimators import _dumped
from wingspan.tabular import fitting
from wingspan.tabular import train as train_module
from wingspan.tabular.estimators import make_estimator
from wingspan.tabular.matrix import matrix
from wingspan.tabular.prepare import learn_preparation
from wingspan.tabular.split import SplitRule
from wingspan.tabular.train import train, train_table


@pytest.fixture
def rows():
    random = np.random.default_rng(0)
    x = random.normal(size=(3_000, 6))
    return x, (x[:, 0] + random.normal(size=3_000) > 0).astype(np.int64)


@pytest.mark.parametrize(
    ("estimator", "parameters", "rounds"),
    [
        ("hist_gradient_boosting", {"max_iter": 60, "learning_rate": 0.02}, 60),
        ("gradient_boosting", {"n_estimators": 40}, 40),
        ("random_forest", {"n_estimators": 40, "max_depth": 6}, 40),
        ("extra_trees", {"n_estimators": 43, "max_depth": 4}, 43),
    ],
)
def test_rounds_are_reported_and_change_no_model(rows, monkeypatch, estimator, parameters, rounds):
    """Rising rounds with the time left, none of them the last; the model gives the same to the last bit."""
    monkeypatch.setattr(fitting, "FIRST_S", 0.0)
    monkeypatch.setattr(fitting, "EACH_S", 0.001)
    told = []
    made = train(*rows, estimator, parameters, 3, report=lambda *facts: told.append(facts))
    plain = train(*rows, estimator, parameters, 3)
    np.testing.assert_array_equal(made.predict_proba(rows[0]), plain.predict_proba(rows[0]))
    given = [{**each.get_params(), "n_jobs": None} for each in (made, plain)]
    assert given[0] == given[1]
    done = [each[0] for each in told]
    assert done == sorted(done)
    assert done[0] > 0
    assert done[-1] < rounds
    assert all(of == rounds and left > 0 for _, of, left in told)


def test_a_short_fit_reports_nothing(rows):
    """No file is written for it."""
    told = []
    train(*rows, "random_forest", {"n_estimators": 40}, report=lambda *facts: told.append(facts))
    train(*rows, "logistic_regression", report=lambda *facts: told.append(facts))
    assert told == []


@pytest.mark.parametrize("target", ["late", "income"])
def test_rows_that_stop_a_fit_are_held_out_without_a_copy(table_of, people, monkeypatch, target):
    """The stored model is that of scikit-learn, byte for byte, though it divides no rows itself."""
    monkeypatch.setattr(train_module, "_DIVIDED_ROWS", 0)
    table, split = table_of(people(17_000).drop("key").drop_nulls("income")), SplitRule()
    prepared = learn_preparation(table, split, target=target)
    rows = matrix(table, split, prepared, "train")
    given = ("hist_gradient_boosting", {"max_iter": 3}, 5)
    plain = train(rows.x, rows.y, *given)
    monkeypatch.setattr(gradient_boosting, "train_test_split", None)
    model = train_table(table, split, prepared, *given)
    assert _dumped(model) == _dumped(plain)


@pytest.mark.parametrize(
    "parameters",
    [
        {"early_stopping": False},
        {"validation_fraction": None},
        {"class_weight": "balanced"},
        {"categorical_features": [0]},
        {"warm_start": True},
        {"validation_fraction": 0.3},
    ],
)
def test_rows_stay_in_order_where_scikit_learn_must_divide_them(parameters):
    """It holds out none, must see all rows first, or takes too few for that by default."""
    y = np.arange(14_000) % 2
    order, held = fitting.held_out_last(make_estimator("hist_gradient_boosting", parameters), y)
    assert held == 0
    np.testing.assert_array_equal(order, np.arange(14_000))
