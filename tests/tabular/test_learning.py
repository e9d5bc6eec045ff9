"""How much more rows help is measured on rows that no part was fitted on."""

import numpy as np
import polars as pl
import pytest

from wingspan.errors import SettingError
from wingspan.recipes.table_training import Training, table_training
from wingspan.tabular.evaluate import count_table, evaluation
from wingspan.tabular.learning import learning_curve
from wingspan.tabular.prepare import learn_preparation
from wingspan.tabular.split import SplitRule
from wingspan.tabular.train import train_table


@pytest.mark.parametrize("target", ["late", "amount"])
def test_each_point_has_twice_the_rows_and_the_last_is_the_model(table_of, target):
    """All points are judged on the same rows; parts that are too small have none; it is said in words."""
    random = np.random.default_rng(0)
    x = random.normal(size=(500, 5))
    amount = x[:, 0] + x[:, 1] + random.normal(size=500)
    columns = {f"x{k}": x[:, k] for k in range(5)}
    table = table_of(pl.DataFrame(columns | {"late": (amount > 0).astype(int), "amount": amount}))
    split = SplitRule(validation=0.3).rules_of_folds[0]
    dropped = "amount" if target == "late" else "late"
    prepared = learn_preparation(table, split, target=target, drop=[dropped])
    name = "logistic_regression" if target == "late" else "ridge"
    metric = "log_loss" if target == "late" else "rmse"
    curve = learning_curve(table, split, prepared, "line", (name, {}, 0), metric)
    rows = list(curve.points)
    assert rows[-1] == prepared.training_rows
    assert [round(rows[-1] / each) for each in rows] in ([16, 8, 4, 2, 1], [8, 4, 2, 1])
    assert curve.points[rows[0]].value > curve.points[rows[-1]].value
    model = train_table(table, split, prepared, name, {}, 0)
    whole = evaluation(count_table(model, table, split, prepared), prepared.classes)
    assert curve.points[rows[-1]].value == pytest.approx(whole.metric(metric).value, rel=1e-9)
    assert str(curve).startswith(f"{metric} of line by training rows: {rows[0]} rows ")


def test_a_training_shows_it_where_there_are_validation_rows(tmp_path):
    """It is a step of its own; without validation rows it is refused before any fit."""
    data = tmp_path / "t.csv"
    data.write_text("a,late\n" + "".join(f"{n},{n % 2}\n" for n in range(40)))
    steps = table_training(Training(data, "late", learning_curve=True)).steps
    assert "learning_curve" in steps
    with pytest.raises(SettingError, match="measured on validation rows"):
        table_training(Training(data, "late", learning_curve=True, validation=0.0))
