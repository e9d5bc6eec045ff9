"""Memory is estimated from the table and the estimator."""

import numpy as np
import polars as pl

from wingspan.tabular.estimate import BASE_MB, Size, apply_mb, fit_mb, size_of_table
from wingspan.tabular.read import ReadOptions


def test_rows_and_features_are_near_the_truth(tmp_path):
    """Within a tenth, of a CSV, a Parquet and several files; text of many values is no feature."""
    random = np.random.default_rng(0)
    rows = 20_000
    frame = pl.DataFrame({
        "a": random.normal(size=rows).round(3),
        "b": random.choice(list("xyz"), rows),
        "c": [f"name {n}" for n in range(rows)],
        "d": random.integers(0, 9, rows),
    })  # fmt: skip
    frame.write_csv(tmp_path / "t.csv")
    frame.write_parquet(tmp_path / "t.parquet")
    for source, factor in (
        (tmp_path / "t.csv", 1),
        (tmp_path / "t.parquet", 1),
        ([tmp_path / "t.csv"] * 2, 2),
    ):
        size = size_of_table(source, ReadOptions())
        assert abs(size.rows - factor * rows) < 0.1 * factor * rows
        assert 5 <= size.features <= 6
    assert size_of_table(tmp_path / "none.csv", ReadOptions()) == Size(0, 0)


def test_a_forest_gets_what_its_trees_need():
    """Far more than a linear model on many rows, less with shallow or few trees, and more to fit than to apply."""
    size = Size(300_000, 30)
    forest = fit_mb(size, "random_forest", {}, "classification")
    assert forest > 6_000 > fit_mb(size, "logistic_regression", {}, "classification") > BASE_MB
    assert forest > fit_mb(size, "random_forest", {"n_estimators": 10}, "classification")
    assert forest > fit_mb(size, "random_forest", {"max_depth": 8}, "classification")
    assert forest > apply_mb(size, "random_forest", {}, "classification") > BASE_MB
    assert fit_mb(size, "random_forest", {}, "regression") > forest
