"""The ready pipeline for tables: any number of shards gives the same result, and the recorded figures are reached."""

import os
from pathlib import Path

import numpy as np
import pytest

from wingspan.recipes.table_prediction import add_prediction
from wingspan.recipes.table_training import Training, table_training

SHARED = Path(os.environ.get("WINGSPAN_SHARED", Path(__file__).parents[2] / ".." / "shared"))
LOANS = SHARED / "data" / "loan" / "loan_data.csv"


@pytest.fixture(scope="module")
def big_table(tmp_path_factory):
    """Three blocks of rows with missing numbers and categories."""
    import polars as pl

    rows = 300_000
    random = np.random.default_rng(5)
    income = np.where(random.random(rows) < 0.03, np.nan, random.lognormal(10, 0.5, rows))
    grade = random.integers(0, 4, rows)
    late = (grade + random.normal(0, 1.5, rows) > 2.5).astype(int)
    path = tmp_path_factory.mktemp("big") / "big.csv"
    table = pl.DataFrame({
        "income": pl.Series(income).fill_nan(None),
        "grade": np.array(list("ABCD"))[grade],
        "age": random.integers(18, 80, rows),
        "late": late,
    })  # fmt: skip
    table.write_csv(path)
    return path


def ran(data, home, shards, **options):
    """Run the pipeline with a prediction of the same rows; return its run and the step of the predictions."""
    estimators = {"logistic": "logistic_regression"}
    p = table_training(Training(data, "late", estimators=estimators, shards=shards, **options))
    made = add_prediction(
        p, p.steps["choose_best"].handle().bundle, data, suffix=".parquet", shards_in_all=shards
    )
    return p.run(home=home), made.step


@pytest.mark.long
def test_shards_change_no_result(big_table, tmp_path):
    """Preparation, metrics with intervals, and predictions of one piece equal those of three shards."""
    import polars as pl

    whole, predicted = ran(big_table, tmp_path / "one", 1)
    parts, _ = ran(big_table, tmp_path / "three", 3)
    assert whole["prepare"] == parts["prepare"]
    assert whole["evaluate[logistic]"] == parts["evaluate[logistic]"]
    one, three = whole[predicted], parts[predicted]
    assert pl.read_parquet(one.path).equals(pl.read_parquet(three.path))
    assert (one.rows, one.labels) == (three.rows, three.labels)
    assert one.rows == 300_000


@pytest.mark.skipif(
    not LOANS.exists(), reason="the loan table is not beside this checkout: set WINGSPAN_SHARED"
)
def test_compatibility_reaches_the_recorded_figures(tmp_path):
    """Logistic regression to the last digit, the tree's F1 within its range, the first deployed by precision."""
    run = table_training(Training(LOANS, "loan_status", compatibility=True)).run(home=tmp_path)
    metrics = run["evaluate[logistic_regression]"].metrics
    assert metrics["accuracy"].value == 0.9124392531332595
    assert metrics["precision"].value == 0.774798927613941
    assert metrics["recall"].value == 0.5280146163215591
    assert metrics["f1"].value == 0.6280333212604129
    assert 0.68 <= run["evaluate[decision_tree]"].metrics["f1"].value <= 0.70
    assert run["choose_best"].selection.best == "logistic_regression"
