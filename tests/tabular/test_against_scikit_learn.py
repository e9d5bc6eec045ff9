"""On scikit-learn's own data sets every metric is that of a plain script with the same split."""

import numpy as np
import polars as pl
import pytest
from sklearn import datasets
from sklearn import metrics as sk
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from threadpoolctl import threadpool_limits

from wingspan.tabular.evaluate import count_table, evaluation, merge_some
from wingspan.tabular.inputs import Wanted, choose_inputs
from wingspan.tabular.prepare import learn_part, merge_parts
from wingspan.tabular.split import SplitRule, assign, test_mask, train_mask
from wingspan.tabular.train import train_table

SETS = {
    "iris": datasets.load_iris,
    "wine": datasets.load_wine,
    "breast cancer": datasets.load_breast_cancer,
    "digits": datasets.load_digits,
    "diabetes": datasets.load_diabetes,
    "made classes": lambda: datasets.make_classification(400, 12, n_informative=6, random_state=0),
    "made numbers": lambda: datasets.make_regression(400, 12, noise=20.0, random_state=0),
}
CLASSES = {
    "logistic_regression": lambda: make_pipeline(
        StandardScaler(), LogisticRegression(max_iter=500)
    ),
    "decision_tree": lambda: DecisionTreeClassifier(random_state=3),
    "hist_gradient_boosting": lambda: HistGradientBoostingClassifier(random_state=3, max_iter=4),
    "random_forest": lambda: RandomForestClassifier(20, random_state=3, n_jobs=1),
}
NUMBERS = {
    "linear_regression": lambda: make_pipeline(StandardScaler(), LinearRegression()),
    "ridge": lambda: make_pipeline(StandardScaler(), Ridge()),
    "decision_tree": lambda: DecisionTreeRegressor(random_state=3),
    "hist_gradient_boosting": lambda: HistGradientBoostingRegressor(random_state=3, max_iter=4),
}
PARAMETERS = {
    "logistic_regression": {"max_iter": 500},
    "random_forest": {"n_estimators": 20},
    "hist_gradient_boosting": {"max_iter": 4},
}
REGRESSIONS = {"diabetes", "made numbers"}


def rows_of(name):
    found = SETS[name]()
    return (found.data, found.target) if hasattr(found, "data") else found


def of_classes(model, x, y):
    """Return the metrics of a plain script."""
    scores, said = model.predict_proba(x), model.predict(x)
    two = scores.shape[1] == 2
    how = {"zero_division": 0} if two else {"zero_division": 0, "average": "macro"}
    suffix = "" if two else "_macro"
    found = {
        "accuracy": sk.accuracy_score(y, said),
        f"precision{suffix}": sk.precision_score(y, said, **how),
        f"recall{suffix}": sk.recall_score(y, said, **how),
        f"f1{suffix}": sk.f1_score(y, said, **how),
        "log_loss": sk.log_loss(y, scores, labels=range(scores.shape[1])),
    }
    if two:
        found["roc_auc"] = sk.roc_auc_score(y, scores[:, 1])
        found["average_precision"] = sk.average_precision_score(y, scores[:, 1])
        found["brier_score"] = sk.brier_score_loss(y, scores[:, 1])
    return found


def of_numbers(model, x, y):
    """Return the metrics of a plain script."""
    said = model.predict(x)
    return {
        "mae": sk.mean_absolute_error(y, said),
        "rmse": sk.root_mean_squared_error(y, said),
        "r2": sk.r2_score(y, said),
        "median_error": sk.median_absolute_error(y, said),
        "mape": sk.mean_absolute_percentage_error(y, said),
    }


@pytest.mark.parametrize("name", SETS)
def test_metrics_are_those_of_a_plain_script(table_of, name):
    """Of the test part, and of one fold of it: each estimator, each metric."""
    x, y = rows_of(name)
    x, y = x[:600], y[:600]
    task = "regression" if name in REGRESSIONS else "classification"
    frame = pl.DataFrame({f"x{k}": x[:, k] for k in range(x.shape[1])}).with_columns(y=pl.Series(y))
    table = table_of(frame)
    with threadpool_limits(1):  # a thread a core, on a busy machine, takes a hundred times as long
        compare(name, frame, table, x, y, task)


def compare(name, frame, table, x, y, task):
    rule = SplitRule(folds=3, seed=5)
    inputs = choose_inputs(table, Wanted("y"))
    assert inputs.task == task
    part = learn_part(table, rule, inputs)
    for label, make in (NUMBERS if task == "regression" else CLASSES).items():
        for each in (rule, rule.rules_of_folds[0]):
            assignment = assign(table, each)
            train, test = (mask(assignment, 0, frame) for mask in (train_mask, test_mask))
            prepared = merge_parts([part], each.fold)
            model = train_table(table, each, prepared, label, PARAMETERS.get(label), 3)
            counts = merge_some(iter([count_table(model, table, each, prepared)]))
            found = evaluation(counts, prepared.classes, replicates=20)
            plain = make().fit(x[train], y[train])
            expected = (of_numbers if task == "regression" else of_classes)(plain, x[test], y[test])
            for metric, value in expected.items():
                got = found.metric(metric).value
                assert got == pytest.approx(value, abs=2e-6, rel=1e-6), (label, metric)
            assert found.rows == test.sum()
            assert np.isfinite(found.metric(next(iter(expected))).low)
