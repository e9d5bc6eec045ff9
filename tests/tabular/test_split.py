"""Each row is in one part, the same for every shard; as scikit-learn, the same rows in the same order."""

import json

import numpy as np
import polars as pl
import pytest
from sklearn.model_selection import train_test_split

from wingspan.errors import NotFoundError, SettingError, TableError
from wingspan.tabular.blocks import BLOCK_ROWS, iter_blocks
from wingspan.tabular.read import read_table
from wingspan.tabular.split import SplitRule, assign, test_mask

ROWS = BLOCK_ROWS + 5000


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    folder = tmp_path_factory.mktemp("split")
    random = np.random.default_rng(1)
    frame = pl.DataFrame(
        {
            "n": np.arange(ROWS),
            "group": random.integers(0, 5000, ROWS),
            "name": pl.Series(random.integers(0, 5000, ROWS)).cast(pl.String) + "é",
            "label": random.choice([2, 10, 1], ROWS, p=[0.7, 0.29, 0.01]),
            "letter": random.choice(["b", "B", "a"], ROWS),
            "hole": pl.Series([None, 1] * (ROWS // 2)),
        }
    )
    frame.write_parquet(folder / "in.parquet")
    return read_table(folder / "in.parquet", folder / "out")


def masks_of(table, rule, blocks=None):
    assignment = assign(table, rule)
    numbers = table.blocks if blocks is None else blocks
    frames = iter_blocks(table, ["n", *rule.columns], numbers)
    return np.concatenate(
        [test_mask(assignment, b, f) for b, f in zip(numbers, frames, strict=True)]
    )


def column_of(table, name):
    return pl.concat(iter_blocks(table, [name]))[name].to_numpy()


def test_a_hash_gives_the_share_that_was_asked_for(table):
    """The test part is as large as asked for, up to chance."""
    for share in (0.05, 0.2, 0.5):
        part = masks_of(table, SplitRule(test_size=share)).mean()
        assert abs(part - share) < 5 * np.sqrt(share * (1 - share) / ROWS)


def test_a_hash_depends_on_the_row_and_the_seed_alone(table):
    """A shard gives what the whole table gives; another seed gives another, independent part."""
    whole = masks_of(table, SplitRule())
    last = masks_of(table, SplitRule(), range(1, 2))
    np.testing.assert_array_equal(whole[BLOCK_ROWS:], last)
    other = masks_of(table, SplitRule(seed=43))
    assert abs((whole & other).mean() - 0.04) < 0.005


def test_the_hash_is_the_same_in_every_version(table):
    """The first test rows are recorded: they may never change, or deployed results could not be repeated."""
    recorded = [7, 20, 29, 33, 41, 45, 49, 50, 52, 53]
    assert np.flatnonzero(masks_of(table, SplitRule()))[:10].tolist() == recorded
    by_name = masks_of(table, SplitRule(column="name"))
    names = column_of(table, "name")
    assert sorted(set(names[by_name]))[:5] == ["1003é", "1008é", "1014é", "1017é", "101é"]


@pytest.mark.parametrize("column", ["group", "name"])
def test_rows_of_one_id_stay_together(table, column):
    """By a column, no value is in both parts, and the share holds for values."""
    mask = masks_of(table, SplitRule(column=column))
    ids = column_of(table, column)
    test, train = set(ids[mask]), set(ids[~mask])
    assert not test & train
    assert abs(len(test) / 5000 - 0.2) < 0.03


def test_a_stratified_hash_keeps_the_share_of_each_class_to_the_row(table):
    """Each class has exactly its share of test rows, also a rare one."""
    mask = masks_of(table, SplitRule(stratify="label", test_size=0.3))
    labels = column_of(table, "label")
    for label in (1, 2, 10):
        assert mask[labels == label].sum() == round(0.3 * (labels == label).sum())


@pytest.mark.parametrize("stratify", [None, "label", "letter"])
def test_as_scikit_learn_gives_its_rows_in_its_order(table, stratify):
    """Train and test rows are those of ``train_test_split``, in its order."""
    labels = None if stratify is None else column_of(table, stratify)
    train, test = train_test_split(
        np.arange(ROWS), test_size=0.21, random_state=42, stratify=labels
    )
    rule = SplitRule("sklearn", test_size=0.21, seed=42, stratify=stratify)
    assignment = assign(table, rule)
    np.testing.assert_array_equal(assignment.training_order, train)
    np.testing.assert_array_equal(assignment.test_order, test)
    np.testing.assert_array_equal(np.flatnonzero(masks_of(table, rule)), np.sort(test))


def test_wrong_rules_are_refused(table):
    """A share, kind or column that makes no sense is told at once."""
    with pytest.raises(SettingError, match="between 0 and 1, found 20"):
        SplitRule(test_size=20)
    with pytest.raises(SettingError, match="expected hash or sklearn"):
        SplitRule("random")
    with pytest.raises(SettingError, match="knows no column"):
        SplitRule("sklearn", column="n")
    with pytest.raises(NotFoundError, match="did you mean 'label'"):
        assign(table, SplitRule(stratify="labl"))
    with pytest.raises(TableError, match="column 'hole': cannot stratify"):
        assign(table, SplitRule("sklearn", stratify="hole"))
    for kind in ("hash", "sklearn"):
        with pytest.raises(TableError, match=r"column 'n'"):
            assign(table, SplitRule(kind, stratify="n"))


def test_a_rule_survives_json():
    """What is written is read back equal."""
    rule = SplitRule("sklearn", 0.3, 7, "label")
    assert SplitRule.from_json(json.loads(json.dumps(rule.as_json()))) == rule


def test_a_table_too_small_to_split_is_refused(tmp_path):
    """One row cannot be in both parts."""
    (tmp_path / "a.csv").write_text("a\n1\n")
    table = read_table(tmp_path / "a.csv", tmp_path / "out")
    with pytest.raises(TableError, match="none is left for training"):
        assign(table, SplitRule("sklearn"))
