"""New rows that differ from those of the training are reported by column, with counts; those that do not are not."""

import numpy as np
import polars as pl
import pytest

from wingspan.tabular.drift import Seen
from wingspan.tabular.predict import merge_predictions, predict, predict_part


@pytest.fixture
def model(bundle_of, people):
    return bundle_of(people(400))


CASES = {
    "empty": ("income", lambda frame: frame.with_columns(income=pl.lit(None, pl.Float64))),
    "missing": ("age", lambda frame: frame.with_columns(age=pl.when(pl.col("key").str.ends_with("1")).then(None).otherwise("age"))),
    "drift": ("age", lambda frame: frame.with_columns(pl.col("age") * 12)),
    "unseen": ("home", lambda frame: frame.with_columns(home=pl.when(pl.col("key").str.ends_with("3")).then(pl.lit("BOAT")).otherwise("home"))),
}  # fmt: skip


@pytest.mark.parametrize("code", CASES)
def test_what_differs_is_reported(model, people, tmp_path, code):
    """An empty column, missing values, a mean that moved, categories that training did not see."""
    column, change = CASES[code]
    change(people(300, seed=9)).write_csv(tmp_path / "new.csv")
    found = predict(model, tmp_path / "new.csv", tmp_path / "out.csv").findings
    assert [(each.code, each.column) for each in found] == [(code, column)]
    assert any(character.isdigit() for character in found[0].message)
    assert found[0].fix


@pytest.mark.parametrize("rows", [5, 300])
def test_rows_like_those_of_the_training_are_not_reported(model, people, tmp_path, rows):
    """Another sample of the same people, also a small one."""
    people(rows, seed=9).write_csv(tmp_path / "new.csv")
    made = predict(model, tmp_path / "new.csv", tmp_path / "out.csv")
    assert made.findings == []
    assert made.seen.rows == rows
    assert set(made.seen.missing) == {"age", "income", "home"}


def test_parts_say_what_the_whole_says(model, people, tmp_path, table_of):
    """Each shard counts; the counts together are compared."""
    table = table_of(people(50, seed=3).with_columns(pl.col("age") + 100), "new")
    part = predict_part(model, table, tmp_path / "part")
    merged = merge_predictions([part], tmp_path / "out.csv", model.preparation)
    assert [each.code for each in merged.findings] == ["drift"]
    one = Seen(2, {"a": 1}, {"a": [1.5]})
    assert one + Seen(1, {"b": 1}, {"a": [2.5]}) == Seen(3, {"a": 1, "b": 1}, {"a": [1.5, 2.5]})
    assert np.isclose(sum((one, one), Seen()).rows, 4)
