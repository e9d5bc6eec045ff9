"""Training fits what was asked for, in the memory of its input."""

import tracemalloc

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from wingspan.errors import SettingError, TableError
from wingspan.tabular.estimators import make_estimator
from wingspan.tabular.evaluate import count_table
from wingspan.tabular.metrics import values_of
from wingspan.tabular.prepare import learn_preparation
from wingspan.tabular.read import read_table
from wingspan.tabular.split import SplitRule
from wingspan.tabular.train import precision_of, train, train_table


def rows(size=400, features=4, seed=0):
    random = np.random.default_rng(seed)
    y = random.integers(0, 2, size)
    return random.normal(size=(size, features)) * [1, 10, 100, 1000][:features] + y[:, None], y


def test_scaled_in_place_is_scikit_learns_pipeline():
    """Up to one block of rows the model is bit for bit that of scaler and estimator in a Pipeline."""
    x, y = rows()
    model = train(x.copy(), y, "logistic_regression", overwrite_x=True)
    plain = make_pipeline(StandardScaler(), LogisticRegression()).fit(x, y)
    np.testing.assert_array_equal(model.predict_proba(x), plain.predict_proba(x))


def test_several_blocks_scale_alike():
    """A table of several blocks is scaled to 1e-12 of the whole at once."""
    x, y = rows(300_000, 2)
    model = train(x, y, "gaussian_nb", scale=True)
    plain = StandardScaler().fit(x)
    np.testing.assert_allclose(model[0].mean_, plain.mean_, rtol=1e-12)
    np.testing.assert_allclose(model[0].scale_, plain.scale_, rtol=1e-12)


def test_inputs_stay_as_they_are():
    """Neither training nor prediction changes the caller's rows unless allowed; a read-only array is copied."""
    x, y = rows()
    kept = x.copy()
    model = train(x, y, "logistic_regression")
    model.predict_proba(x)
    np.testing.assert_array_equal(x, kept)
    x.flags.writeable = False
    train(x, y, "logistic_regression", overwrite_x=True)
    np.testing.assert_array_equal(x, kept)


def test_trees_are_not_scaled():
    """Scaling means nothing to a tree: none is made unless asked for, and single precision is its own."""
    x, y = rows()
    assert not hasattr(train(x, y, "decision_tree"), "steps")
    assert hasattr(train(x, y, "decision_tree", scale=True), "steps")
    assert precision_of(make_estimator("decision_tree")) is np.float32
    assert precision_of(make_estimator("logistic_regression")) is np.float64


def test_seed_decides():
    """The same seed gives the same trees, another seed others."""
    x, y = rows()
    probabilities = [
        train(x, y, "random_forest", {"n_estimators": 5}, seed).predict_proba(x)
        for seed in (1, 1, 2)
    ]
    np.testing.assert_array_equal(probabilities[0], probabilities[1])
    assert (probabilities[0] != probabilities[2]).any()


def test_prediction_uses_one_thread():
    """A fitted forest adds its trees in one order, so that predictions do not change in the last bit."""
    x, y = rows()
    assert train(x, y, "random_forest", {"n_estimators": 2}).n_jobs == 1


@pytest.mark.parametrize(
    ("estimator", "size", "bound"),
    [("logistic_regression", 500_000, 0.6), ("decision_tree", 100_000, 0.8)],
)
def test_memory_of_a_fit(estimator, size, bound):
    """Fitting adds less than `bound` of the input's own bytes: no copy of the rows is made."""
    x, y = rows(size)
    x = np.ascontiguousarray(np.tile(x, 5), precision_of(make_estimator(estimator)))
    parameters = (
        {"max_iter": 3, "tol": 10.0} if estimator == "logistic_regression" else {"max_depth": 3}
    )
    train(x[:100].copy(), y[:100], estimator, parameters)
    tracemalloc.start()
    train(x, y, estimator, parameters, overwrite_x=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < bound * x.nbytes


def test_mistakes():
    """One class only, and a parameter value that the estimator refuses, are told with their place."""
    x, y = rows()
    with pytest.raises(TableError, match=r"all of class \[0\]"):
        train(x, y * 0, "decision_tree")
    with pytest.raises(SettingError, match=r"estimator decision_tree.*max_depth"):
        train(x, y, "decision_tree", {"max_depth": -3})


def test_recorded_metrics_of_the_loan_workflow(loans, tmp_path):
    """In compatibility mode logistic regression has the recorded metrics to the last digit, the tree its range."""
    table = read_table(loans, tmp_path)
    split = SplitRule("sklearn", test_size=0.2, seed=42)
    preparation = learn_preparation(table, split, target="loan_status", compatibility=True)
    found = {}
    for name in ("logistic_regression", "decision_tree"):
        model = train_table(table, split, preparation, name, seed=42, scale=True)
        found[name] = values_of(count_table(model, table, split, preparation))
    recorded = {
        "accuracy": 0.9124392531332595,
        "precision": 0.774798927613941,
        "recall": 0.5280146163215591,
        "f1": 0.6280333212604129,
    }
    assert {name: found["logistic_regression"][name] for name in recorded} == recorded
    assert 0.68 <= found["decision_tree"]["f1"] <= 0.70
