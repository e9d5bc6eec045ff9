"""Raw rows become the same numbers in training, test and prediction; what is new is handled and counted."""

import numpy as np
import polars as pl
import pytest

from wingspan.errors import TableError
from wingspan.tabular.blocks import BLOCK_ROWS, iter_blocks, shards
from wingspan.tabular.clean import RangeRule, RareRule, Rules
from wingspan.tabular.matrix import matrix
from wingspan.tabular.prepare import learn_preparation
from wingspan.tabular.read import read_table
from wingspan.tabular.split import SplitRule
from wingspan.tabular.transform import (
    count_unseen,
    iter_matrices,
    target_of,
    transform,
)

ROWS = BLOCK_ROWS + 3000
RULE = SplitRule()


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    folder = tmp_path_factory.mktemp("transform")
    random = np.random.default_rng(5)
    frame = pl.DataFrame(
        {
            "income": random.normal(10, 2, ROWS),
            "age": random.integers(10, 90, ROWS),
            "home": random.choice(["RENT", "OWN", "BOAT"], ROWS, p=[0.5, 0.49, 0.01]),
            "member": random.random(ROWS) < 0.5,
            "label": random.choice([3, 1, 2], ROWS),
        }
    ).with_columns(pl.when(pl.col("income") > 8).then("income"))
    frame.write_parquet(folder / "in.parquet")
    return read_table(folder / "in.parquet", folder / "out")


@pytest.fixture(scope="module")
def preparation(table):
    return learn_preparation(table, RULE, target="label")


def new_rows(**columns):
    rows = {"income": 1.5, "age": 30, "home": "OWN", "member": True} | columns
    return pl.DataFrame({name: [value] for name, value in rows.items()})


def test_a_row_becomes_its_features(preparation):
    """Numbers as they are, booleans and categories as 0 and 1, the first category as none."""
    assert preparation.features == ("income", "age", "member", "home_OWN", "home_RENT")
    assert transform(preparation, new_rows()).tolist() == [[1.5, 30, 1, 1, 0]]
    assert transform(preparation, new_rows(home="BOAT", member=False)).tolist() == [
        [1.5, 30, 0, 0, 0]
    ]


def test_missing_values_are_filled(preparation):
    """With the training mean; NaN is missing, and a missing category is no category."""
    income, age, _ = (column.fill for column in preparation.numbers)
    for nothing in (None, float("nan")):
        row = new_rows(income=nothing, age=None, home=None)
        assert transform(preparation, row).tolist() == [[income, age, 1, 0, 0]]


def test_features_are_of_the_precision_asked_for_and_in_c_order(preparation, table):
    """float64 by default; float32 for estimators that compute with it."""
    (frame,) = iter_blocks(table, blocks=range(1, 2))
    wide = transform(preparation, frame)
    narrow = transform(preparation, frame, dtype=np.float32)
    assert wide.dtype == np.float64
    assert narrow.dtype == np.float32
    assert wide.flags.c_contiguous
    assert narrow.flags.c_contiguous
    np.testing.assert_array_equal(wide.astype(np.float32), narrow)


def test_new_categories_have_no_feature_and_are_counted(preparation):
    """A value that training has not seen is 0 everywhere, and is told."""
    rows = pl.concat(
        [new_rows(), new_rows(home="CASTLE"), new_rows(home="TENT"), new_rows(home=None)]
    )
    assert transform(preparation, rows)[1:, 3:].tolist() == [[0, 0]] * 3
    assert count_unseen(preparation, rows) == {"home": 2}
    assert count_unseen(preparation, new_rows()) == {}


def test_new_categories_go_with_the_rare_ones(table):
    """With a rare rule, both have the one feature; only the new ones are unseen; a missing one has none."""
    rules = Rules(rare=(RareRule("home", share=0.1),))
    preparation = learn_preparation(table, RULE, target="label", rules=rules)
    rows = pl.concat([new_rows(home=home) for home in ("OWN", "RENT", "BOAT", "TENT", None)])
    assert preparation.features[3:] == ("home_RENT", "home_(rare)")
    assert transform(preparation, rows)[:, 3:].tolist() == [[0, 0], [1, 0], [0, 1], [0, 1], [0, 0]]
    assert count_unseen(preparation, rows) == {"home": 1}


def test_rules_clean_new_rows_and_drop_none(table):
    """A row that training would drop is predicted with the value missing."""
    rules = Rules(ranges=(RangeRule("age", low=18, action="drop"),))
    preparation = learn_preparation(table, RULE, target="label", rules=rules)
    fill = preparation.numbers[1].fill
    assert fill > 50
    assert transform(preparation, new_rows(age=3))[0, 1] == fill


def test_missing_columns_are_told(preparation):
    """All at once, with those that are there."""
    with pytest.raises(TableError, match=r"\['age', 'home'\], found \['income', 'member'\]"):
        transform(preparation, new_rows().drop("age", "home"))


def test_class_numbers_are_places_in_the_sorted_labels(preparation):
    """Also when whole numbers come as decimals; a label training has not seen is refused."""
    for labels in ([1, 3, 2], [1.0, 3.0, 2.0]):
        assert target_of(preparation, pl.DataFrame({"label": labels})).tolist() == [0, 2, 1]
    with pytest.raises(TableError, match=r"expected one of \[1, 2, 3\], found \[4\]"):
        target_of(preparation, pl.DataFrame({"label": [1, 4]}))
    with pytest.raises(TableError, match="the target is not in the table"):
        target_of(preparation, pl.DataFrame({"x": [1]}))


def test_parts_are_every_row_once(table, preparation):
    """Train and test rows partition the table, block by block or whole, whatever the shards."""
    train = matrix(table, RULE, preparation, "train")
    test = matrix(table, RULE, preparation, "test")
    assert sorted([*train.rows, *test.rows]) == list(range(ROWS))
    blocks = [
        block
        for shard in shards(table, 2)
        for block in iter_matrices(table, RULE, preparation, "test", blocks=shard)
    ]
    assert [block.block for block in blocks] == [0, 1]
    np.testing.assert_array_equal(np.concatenate([block.x for block in blocks]), test.x)
    np.testing.assert_array_equal(np.concatenate([block.y for block in blocks]), test.y)
    np.testing.assert_array_equal(np.concatenate([block.rows for block in blocks]), test.rows)
    frame = pl.concat(iter_blocks(table))
    np.testing.assert_array_equal(test.x, transform(preparation, frame)[test.rows])
    np.testing.assert_array_equal(train.y, target_of(preparation, frame)[train.rows])


def test_dropped_rows_are_in_no_part(table):
    """A rule's rows are in neither matrix, and the sizes are those that were learned."""
    rules = Rules(ranges=(RangeRule("age", low=18, action="drop"),))
    preparation = learn_preparation(table, RULE, target="label", rules=rules)
    parts = [matrix(table, RULE, preparation, part) for part in ("train", "test")]
    kept = pl.concat(iter_blocks(table))["age"].to_numpy() >= 18
    assert sorted(np.concatenate([part.rows for part in parts])) == list(np.flatnonzero(kept))


def test_the_order_of_rows_is_that_of_scikit_learn_in_compatibility_mode(table):
    """With the row's position as first feature."""
    rule = SplitRule("sklearn")
    preparation = learn_preparation(table, rule, target="label", compatibility=True)
    for part in ("train", "test"):
        m = matrix(table, rule, preparation, part)
        np.testing.assert_array_equal(m.x[:, 0], m.rows)
        assert list(m.rows) != sorted(m.rows)
