"""Which columns a model needs; a wide table does not take minutes."""

import numpy as np
import polars as pl
import pytest

from wingspan.tabular import importance as module
from wingspan.tabular.importance import importance
from wingspan.tabular.prepare import learn_preparation
from wingspan.tabular.split import SplitRule
from wingspan.tabular.train import train_table


@pytest.mark.parametrize(
    "estimator", ["logistic_regression", "decision_tree", "hist_gradient_boosting"]
)
def test_the_most_used_columns_of_a_wide_table_are_shuffled(table_of, monkeypatch, estimator):
    """The one column that matters is among them, though it is the last of 80; the others are counted."""
    random = np.random.default_rng(0)
    columns = {f"c{k}": random.normal(size=400) for k in range(80)}
    columns["y"] = np.where(columns["c79"] > 0, "yes", "no")
    table, split = table_of(pl.DataFrame(columns)), SplitRule()
    prepared = learn_preparation(table, split, target="y")
    model = train_table(table, split, prepared, estimator)
    monkeypatch.setattr(module, "_WORK", 80 * 5)
    monkeypatch.setattr(module, "_FEWEST", 3)
    found = importance(model, table, split, prepared, "roc_auc")
    assert len(found.columns) == 5
    assert found.inputs == 80
    assert next(iter(found.columns)) == "c79"
