"""Raw rows come back as predictions, in their order, whatever the shards and formats."""

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from wingspan.errors import NotFoundError, SettingError, TableError
from wingspan.tabular.apply import scores_of
from wingspan.tabular.blocks import BLOCK_ROWS, shards
from wingspan.tabular.predict import merge_predictions, predict, predict_part
from wingspan.tabular.transform import features_of, transform


@pytest.fixture
def bundle(bundle_of, people):
    return bundle_of(people(400))


def written(frame, path):
    (frame.write_csv if path.suffix == ".csv" else frame.write_parquet)(path)
    return path


@pytest.mark.parametrize("source", ["rows.csv", "rows.parquet"])
@pytest.mark.parametrize("out", ["out.csv", "out.parquet"])
def test_rows_keep_their_order_and_id(bundle, people, tmp_path, source, out):
    """Each row has its id, the model's probability, and the label that the threshold gives; no target is needed."""
    rows = people(500, seed=3)
    path = written(rows.drop("late"), tmp_path / source)
    found = predict(bundle, path, tmp_path / out, id_column="key")
    table = (pl.read_csv if out.endswith("csv") else pl.read_parquet)(tmp_path / out)
    assert table.columns == ["key", "prediction", "probability"]
    assert table["key"].to_list() == rows["key"].to_list()
    expected = scores_of(bundle.model, features_of(bundle.preparation, rows))[:, 1]
    np.testing.assert_array_equal(table["probability"].to_numpy(), expected)
    theirs = bundle.model.predict_proba(transform(bundle.preparation, rows))[:, 1]
    np.testing.assert_allclose(expected, theirs, rtol=1e-12)
    labels = np.where(expected > 0.5, "yes", "no")
    assert table["prediction"].to_list() == labels.tolist()
    assert found.rows == 500
    assert found.labels == {label: int((labels == label).sum()) for label in ("no", "yes")}
    assert (found.unseen, found.ignored) == ({}, ["key"])


def test_threshold_is_the_cards(bundle_of, people, tmp_path):
    """Labels follow the threshold that the model was evaluated with."""
    bundle = bundle_of(people(400), threshold=0.9)
    path = written(people(300, seed=3), tmp_path / "rows.csv")
    predict(bundle, path, tmp_path / "out.parquet")
    table = pl.read_parquet(tmp_path / "out.parquet")
    assert table.columns == ["prediction", "probability"]
    assert ((table["probability"] > 0.9) == (table["prediction"] == "yes")).all()
    assert ((table["probability"] > 0.5) != (table["prediction"] == "yes")).any()


def test_shards_merge_to_the_whole(bundle, people, tmp_path, table_of):
    """Parts of any shards, merged in any order, are byte for byte the CSV, and the frame, of the whole."""
    rows = people(2 * BLOCK_ROWS + 77, seed=3)
    table = table_of(rows, "raw")
    for out in ("whole.csv", "whole.parquet"):
        predict(bundle, table.data, tmp_path / out, id_column="key")
    parts = [
        predict_part(bundle, table, tmp_path / f"part{number}", blocks, id_column="key")
        for number, blocks in enumerate(shards(table, 3))
    ]
    assert len(parts) == 3
    found = merge_predictions(parts[::-1], tmp_path / "merged.csv")
    merge_predictions(parts, tmp_path / "merged.parquet")
    assert found.rows == table.rows
    assert (tmp_path / "merged.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    merged = pl.read_parquet(tmp_path / "merged.parquet")
    assert_frame_equal(merged, pl.read_parquet(tmp_path / "whole.parquet"), check_exact=True)
    assert merged["key"].to_list() == rows["key"].to_list()


def test_a_shard_that_is_missing_or_given_twice(bundle, people, tmp_path, table_of):
    """Parts that are not every block once are refused, and nothing is written."""
    table = table_of(people(BLOCK_ROWS + 5), "raw")
    first, second = (
        predict_part(bundle, table, tmp_path / str(number), blocks)
        for number, blocks in enumerate(shards(table, 2))
    )
    for parts in ([second], [first, first, second], []):
        with pytest.raises(TableError, match="each once"):
            merge_predictions(parts, tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_unseen_categories_are_counted(bundle, people, tmp_path):
    """A category that training did not see gives a prediction, and is counted by column."""
    rows = people(50, seed=3).with_columns(
        home=pl.when(pl.int_range(50) < 7).then(pl.lit("BOAT")).otherwise("home")
    )
    found = predict(bundle, written(rows, tmp_path / "rows.csv"), tmp_path / "out.csv")
    assert found.unseen == {"home": 7}
    assert pl.read_csv(tmp_path / "out.csv")["prediction"].null_count() == 0


def test_missing_values_are_filled(bundle, people, tmp_path):
    """Rows with nothing but missing values are predicted too."""
    rows = people(20).with_columns(pl.lit(None).alias(name) for name in ("age", "income", "home"))
    found = predict(bundle, written(rows, tmp_path / "rows.csv"), tmp_path / "out.parquet")
    assert found.rows == 20
    assert pl.read_parquet(tmp_path / "out.parquet")["probability"].is_finite().all()


def test_order_of_columns_does_not_matter(bundle, people, tmp_path):
    """Columns are taken by name."""
    rows = people(60, seed=3)
    for name, frame in (("a", rows), ("b", rows.select(reversed(rows.columns)))):
        predict(bundle, written(frame, tmp_path / f"{name}.csv"), tmp_path / f"{name}.out.csv")
    assert (tmp_path / "a.out.csv").read_bytes() == (tmp_path / "b.out.csv").read_bytes()


def test_several_classes(bundle_of, people, tmp_path):
    """Three classes give a probability each, and the label of the highest."""
    bundle = bundle_of(people(400), target="home")
    predict(bundle, written(people(90, seed=3), tmp_path / "rows.csv"), tmp_path / "out.parquet")
    table = pl.read_parquet(tmp_path / "out.parquet")
    names = [f"probability_{label}" for label in ("MORTGAGE", "OWN", "RENT")]
    assert table.columns == ["prediction", *names]
    best = table.select(names).to_numpy().argmax(axis=1)
    assert table["prediction"].to_list() == [names[k].removeprefix("probability_") for k in best]


def test_a_model_without_probabilities_gives_scores(bundle_of, people, tmp_path):
    """A support vector machine's score is not called a probability."""
    bundle = bundle_of(people(300), "linear_svc")
    predict(bundle, written(people(30), tmp_path / "rows.csv"), tmp_path / "out.parquet")
    assert pl.read_parquet(tmp_path / "out.parquet").columns == ["prediction", "score"]


def test_wrong_columns_are_one_message(bundle, people, tmp_path):
    """Missing columns and changed types are told together, and an older output stays as it was."""
    rows = people(20).drop("income").with_columns(age=pl.lit("old"))
    (tmp_path / "out.csv").write_text("before")
    path = written(rows, tmp_path / "rows.parquet")
    with pytest.raises(TableError) as caught:
        predict(bundle, path, tmp_path / "out.csv")
    assert "'income' is missing" in str(caught.value)
    assert "'age' was number" in str(caught.value)
    assert (tmp_path / "out.csv").read_text() == "before"
    left = {entry.name for entry in tmp_path.iterdir()}
    assert left == {"out.csv", "rows.parquet", "train", "train.parquet"}


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ({"id_column": "kye"}, NotFoundError, "'key'"),
        ({"out": "out.json"}, SettingError, r"\.csv or \.parquet"),
        ({"source": "gone.csv"}, NotFoundError, "no such file"),
    ],
)
def test_refusals(bundle, people, tmp_path, how, error, message):
    """A wrong id column, output or input is told before anything is written."""
    written(people(5), tmp_path / "rows.csv")
    source, out = tmp_path / how.get("source", "rows.csv"), tmp_path / how.get("out", "out.csv")
    with pytest.raises(error, match=message):
        predict(bundle, source, out, id_column=how.get("id_column"))
    assert not out.exists()


def test_id_column_with_a_taken_name(bundle, people, tmp_path):
    """An id column called as a column of the output is refused."""
    rows = people(5).rename({"key": "prediction"})
    path = written(rows, tmp_path / "rows.csv")
    with pytest.raises(TableError, match="rename it"):
        predict(bundle, path, tmp_path / "out.csv", id_column="prediction")
