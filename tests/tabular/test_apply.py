"""Models applied to features by column give what scikit-learn gives for the matrix."""

import numpy as np
import polars as pl
import pytest

from wingspan.tabular import stream
from wingspan.tabular.apply import predicted_by, scores_of
from wingspan.tabular.blocks import BLOCK_ROWS
from wingspan.tabular.importance import _places
from wingspan.tabular.inputs import Wanted, choose_inputs
from wingspan.tabular.linear import sums_of
from wingspan.tabular.predict import predict
from wingspan.tabular.preparation import Treatment
from wingspan.tabular.prepare import learn_part, merge_parts
from wingspan.tabular.read import read_table
from wingspan.tabular.split import SplitRule
from wingspan.tabular.train import train_table
from wingspan.tabular.transform import features_of, transform


def frame(rows, target):
    random = np.random.default_rng(3)
    year = random.integers(2000, 2024, rows)  # its mean is many times its deviation
    size = random.choice(["S", "M", "L"], rows)
    score = (year - 2012) / 6 + (size == "L") + random.normal(size=rows)
    made = {
        "two": np.where(score > 0, "a", "b"),
        "three": np.digitize(score, [-1, 1]),
        "number": score,
    }
    return pl.DataFrame(
        {
            "year": year,
            "size": size,
            "colour": random.choice(["red", "blue"], rows),
            "note": random.choice(["good wine", "bad bread", "good bread"], rows),
            "town": random.choice([f"t{k}" for k in range(30)], rows),
            "y": made[target],
        }
    )


def fitted(table_of, rows, target, estimator, **parameters):
    table = table_of(rows)
    treatment = Treatment(
        ordinal=("size=S<M<L",),
        texts=("note",),
        means=() if target == "three" else ("town",),
        indicators=True,
    )
    inputs = choose_inputs(table, Wanted("y", treatment=treatment))
    prepared = merge_parts([learn_part(table, SplitRule(), inputs)])
    return train_table(table, SplitRule(), prepared, estimator, parameters, 1), prepared


@pytest.mark.parametrize(
    ("target", "estimator", "linear"),
    [
        ("two", "logistic_regression", True),
        ("three", "logistic_regression", True),
        ("two", "linear_svc", True),
        ("two", "hist_gradient_boosting", False),
        ("two", "random_forest", False),
        ("number", "ridge", True),
        ("number", "linear_regression", True),
        ("number", "hist_gradient_boosting", False),
    ],
)
def test_columns_give_what_the_matrix_gives(table_of, target, estimator, linear):
    """Scores and predictions to 12 digits; a matrix is made only for models that are not linear."""
    rows = frame(700, target)
    model, prepared = fitted(table_of, rows, target, estimator)
    new = rows.with_columns(size=pl.when(pl.int_range(700) % 9 > 0).then("size"))
    x, by_column = transform(prepared, new), features_of(prepared, new)
    np.testing.assert_array_equal(by_column.matrix(), x)
    parts = np.concatenate(list(by_column.matrices(np.float64, 300)))
    np.testing.assert_array_equal(parts, x)
    assert (sums_of(model, by_column) is not None) == linear
    applied = predicted_by if target == "number" else scores_of
    mine, theirs = applied(model, by_column), applied(model, x.astype(parts.dtype))
    np.testing.assert_allclose(mine, theirs, rtol=1e-11, atol=1e-12)


def test_a_shuffled_column_is_that_of_shuffled_rows(table_of):
    """Numbers, categories, orders, words and means; the other columns stay."""
    rows = frame(400, "two").with_columns(year=pl.when(pl.int_range(400) % 7 > 0).then("year"))
    _, prepared = fitted(table_of, rows, "two", "decision_tree")
    x, order = features_of(prepared, rows), np.random.default_rng(0).permutation(400)
    for name, place in _places(prepared).items():
        changed = rows.with_columns(rows[name].gather(order))
        expected = transform(prepared, changed)
        np.testing.assert_array_equal(x.shuffled(place, order).matrix(), expected)


@pytest.mark.parametrize("fault", [None, "word", "value", "nul", "short", "blank"])
def test_a_csv_read_once_gives_what_a_table_gives(table_of, bundle_of, people, tmp_path, fault):
    """Regular or not, over several blocks: the same predictions, or the same error."""
    bundle = bundle_of(people(400))
    rows = people(BLOCK_ROWS + 500, seed=5)
    path, out = tmp_path / "new.csv", tmp_path / "out.parquet"
    rows.write_csv(path)
    lines = path.read_text().splitlines()
    place = BLOCK_ROWS + 77
    key, age, income, home, late = lines[place].split(",")
    lines[place] = {
        None: lines[place],
        "word": f"{key},{age},NA,{home},{late}",
        "value": f"{key},old,{income},{home},{late}",
        "nul": f"{key},{age},{income},O\0WN,{late}",
        "short": f"{key},{age},{income},{home}",
        "blank": "",
    }[fault]
    path.write_text("\n".join(lines) + "\n")
    outcomes = []
    for streams in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            if not streams:
                patch.setattr("wingspan.tabular.predict.streamed", _unsure)
            try:
                found = predict(bundle, path, out, id_column="key")
                outcomes.append((found.rows, found.labels, pl.read_parquet(out).rows()))
                out.unlink()
            except Exception as error:  # noqa: BLE001 - compared
                outcomes.append(str(error))
    assert outcomes[0] == outcomes[1]
    assert isinstance(outcomes[0], str) == (fault in {"value", "nul", "short"})
    left = {entry.name for entry in tmp_path.iterdir()}
    assert left == {"new.csv", "train", "train.parquet"}


def _unsure(*_):
    raise stream.Unsure


def test_a_regular_csv_is_not_written_as_a_table(bundle_of, people, tmp_path, monkeypatch):
    """It is read once, also with missing values in its last column."""
    bundle = bundle_of(people(400))
    rows = people(300, seed=5).with_columns(late=pl.when(pl.int_range(300) > 3).then("late"))
    rows.write_csv(tmp_path / "new.csv")
    monkeypatch.setattr("wingspan.tabular.predict.read_table", None)
    assert predict(bundle, tmp_path / "new.csv", tmp_path / "out.csv").rows == 300
    monkeypatch.setattr("wingspan.tabular.predict.read_table", read_table)
    rows.write_parquet(tmp_path / "new.parquet")
    predict(bundle, tmp_path / "new.parquet", tmp_path / "out2.csv")
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "out2.csv").read_bytes()
