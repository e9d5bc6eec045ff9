"""Categories as the mean of the target, out of fold."""

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import TargetEncoder

from wingspan.errors import SettingError, TableError
from wingspan.tabular.blocks import shards
from wingspan.tabular.inputs import Wanted, choose_inputs
from wingspan.tabular.matrix import matrix
from wingspan.tabular.preparation import Preparation, Treatment
from wingspan.tabular.prepare import learn_part, merge_parts
from wingspan.tabular.split import SplitRule, inner_folds
from wingspan.tabular.transform import transform

SPLIT = SplitRule(folds=3)


def frame(rows=600, values=25, target="two"):
    random = np.random.default_rng(0)
    towns = random.integers(0, values, rows)
    score = towns % 7 + random.normal(0, 2, rows)
    found = {"two": np.where(score > 4, "yes", "no"), "number": score, "many": towns % 3}
    town = pl.Series([f"town {town}" if town else None for town in towns])
    return pl.DataFrame({"town": town, "age": random.normal(size=rows), "y": found[target]})


def prepared(table, parts=1, fold=None, **options):
    wanted = Wanted("y", treatment=Treatment(means=("town",)), **options)
    inputs = choose_inputs(table, wanted)
    learned = [learn_part(table, SPLIT, inputs, each) for each in shards(table, parts)]
    return merge_parts(learned, fold)


def plain(values, y, rows):
    """Return the smoothed means over some rows, and their mean."""
    overall = y[rows].mean()
    found = {}
    for value in {values[row] for row in rows} - {None}:
        of = [row for row in rows if values[row] == value]
        found[value] = (y[of].sum() + 10 * overall) / (len(of) + 10)
    return found, overall


@pytest.mark.parametrize("target", ["two", "number"])
@pytest.mark.parametrize("fold", [None, 1])
def test_rows_get_the_mean_of_other_folds(table_of, target, fold):
    """Training rows get means without their own fold, test rows those of all training rows, as by plain loops."""
    rows = frame(target=target)
    table = table_of(rows)
    made = prepared(table, fold=fold)
    split = SPLIT if fold is None else SPLIT.rules_of_folds[fold]
    y = (rows["y"] == "yes").to_numpy().astype(float) if target == "two" else rows["y"].to_numpy()
    towns = rows["town"].to_list()
    train = matrix(table, split, made, "train")
    folds = inner_folds(split, 0, rows)
    assert set(folds) == set(range(5))
    for row, value in zip(train.rows, train.x[:, -1], strict=True):
        means, overall = plain(towns, y, [r for r in train.rows if folds[r] != folds[row]])
        assert value == pytest.approx(means.get(towns[row], overall), rel=1e-12)
    means, overall = plain(towns, y, train.rows)
    test = matrix(table, split, made, "test")
    expected = [means.get(towns[row], overall) for row in test.rows]
    np.testing.assert_allclose(test.x[:, -1], expected, rtol=1e-12)
    texts = np.array(towns, object)[train.rows][:, None]
    encoder = TargetEncoder(smooth=10.0).fit(texts, y[train.rows])
    theirs = dict(zip(encoder.categories_[0], encoder.encodings_[0], strict=True))
    assert {name: means[name] for name in means} == pytest.approx(
        {name: theirs[name] for name in means}
    )


@pytest.mark.parametrize("target", ["two", "number"])
def test_neither_shards_nor_storage_change_means(table_of, target):
    """To the last bit, over several blocks; a new value, like a missing one, gets the overall mean."""
    table = table_of(frame(300_000, target=target))
    made = prepared(table)
    assert prepared(table, parts=3) == made
    assert Preparation.from_json(made.as_json()) == made
    new = pl.DataFrame({"town": ["town 3", "elsewhere", None], "age": [0.0, 0.0, 0.0]})
    x = transform(made.for_new_rows, new)
    assert x[:, -1].tolist() == [
        made.means[0].means[made.means[0].values.index("town 3")],
        *[made.means[0].mean] * 2,
    ]
    assert made.means[0].missing > 0


def test_means_do_not_leak_the_target(table_of):
    """A target that is pure chance, with three rows for each of many values: out of fold it stays unknown."""
    random = np.random.default_rng(1)
    rows = pl.DataFrame(
        {
            "town": [f"town {town}" for town in random.integers(0, 2_000, 6_000)],
            "y": random.integers(0, 2, 6_000),
        }
    )
    table = table_of(rows)
    made = prepared(table)
    train = matrix(table, SPLIT, made, "train")
    assert abs(roc_auc_score(train.y, train.x[:, 0]) - 0.5) < 0.03
    with_own = transform(made, rows[train.rows])[:, 0]
    assert roc_auc_score(train.y, with_own) > 0.75


@pytest.mark.parametrize(
    ("options", "target", "message"),
    [
        ({}, "many", "expected numbers or two classes as the target, found 3 classes"),
        ({"compatibility": True}, "two", "compatibility uses all rows"),
    ],
)
def test_means_that_make_no_sense_are_refused(table_of, options, target, message):
    """With what to do."""
    table = table_of(frame(target=target))
    with pytest.raises((SettingError, TableError), match=message):
        prepared(table, **options)


def test_one_column_has_one_encoding(table_of):
    """Two are refused, by the column's name."""
    wanted = Wanted("y", treatment=Treatment(means=("town",), ordinal=("town",)))
    with pytest.raises(SettingError, match="column 'town': two options encode the column"):
        choose_inputs(table_of(frame()), wanted)


def test_groups_are_in_one_fold(table_of):
    """Rows of one customer are not learned from for each other."""
    rows = frame().with_columns(customer=pl.int_range(600) // 4)
    folds = inner_folds(SplitRule(column="customer"), 0, rows)
    assert (
        rows.with_columns(fold=pl.Series(folds))
        .group_by("customer")
        .agg(pl.col("fold").n_unique())["fold"]
        .max()
        == 1
    )
