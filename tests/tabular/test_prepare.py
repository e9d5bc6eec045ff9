"""What rows need to become numbers is learned from the training part only, and is equal for any number of shards."""

import json

import numpy as np
import polars as pl
import pytest

from wingspan.errors import FormatError, NotFoundError, SettingError, TableError
from wingspan.tabular.blocks import BLOCK_ROWS, iter_blocks, shards
from wingspan.tabular.clean import DateRule, RangeRule, RareRule, RatioRule, Rules
from wingspan.tabular.inputs import Wanted, choose_inputs
from wingspan.tabular.preparation import CategoryColumn, Preparation
from wingspan.tabular.prepare import learn_part, learn_preparation, merge_parts
from wingspan.tabular.read import ReadOptions, read_table
from wingspan.tabular.split import SplitRule, assign, test_mask

ROWS = 3 * BLOCK_ROWS + 100


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A table of four blocks."""
    folder = tmp_path_factory.mktemp("prepare")
    random = np.random.default_rng(5)
    frame = pl.DataFrame(
        {
            "id": np.arange(ROWS),
            "income": np.exp(random.normal(10, 2, ROWS)),
            "age": random.integers(10, 90, ROWS),
            "home": random.choice(
                ["RENT", "OWN", "MORTGAGE", "BOAT"], ROWS, p=[0.5, 0.3, 0.1999, 0.0001]
            ),
            "member": random.random(ROWS) < 0.5,
            "since": pl.Series(random.integers(0, 9000, ROWS)).cast(pl.Int32).cast(pl.Date),
            "label": random.choice(["no", "yes"], ROWS),
        }
    ).with_columns(pl.when(pl.col("id") % 7 > 0).then("income"))
    frame.write_parquet(folder / "in.parquet")
    return read_table(folder / "in.parquet", folder / "out")


def frame_of(table):
    return pl.concat(iter_blocks(table))


def training_frame(table, rule):
    assignment = assign(table, rule)
    masks = [test_mask(assignment, b, f) for b, f in enumerate(iter_blocks(table))]
    return frame_of(table).filter(~np.concatenate(masks))


def tiny(tmp_path, text, **options):
    path = tmp_path / "tiny.csv"
    path.write_text(text)
    return read_table(path, tmp_path / "out", options=ReadOptions(**options))


def test_means_and_categories_are_those_of_the_training_part(table):
    """Test rows leave no trace in what is learned."""
    rule = SplitRule(seed=1)
    train = training_frame(table, rule)
    learned = learn_preparation(table, rule, target="label", drop=["id"])
    assert learned.features == (
        "income",
        "age",
        "member",
        "home_MORTGAGE",
        "home_OWN",
        "home_RENT",
    )
    fills = {column.name: column.fill for column in learned.numbers}
    assert fills["income"] == pytest.approx(train["income"].mean(), rel=1e-14)
    assert fills["member"] == pytest.approx(train["member"].mean(), rel=1e-14)
    assert learned.training_rows == len(train)
    assert learned.test_rows == ROWS - len(train)
    assert learned.classes == ("no", "yes")
    assert learned.ignored == {"id": "dropped", "since": "a date: declare a date rule to use it"}
    assert learned.inputs == ("income", "age", "home", "member")


def test_a_category_of_test_rows_only_is_not_learned(tmp_path):
    """What no training row has is unseen."""
    lines = "".join(f"{'only' if i == 7 else 'ab'[i % 2]},{i % 2}\n" for i in range(20))
    table = tiny(tmp_path, "c,label\n" + lines)
    assert test_mask(assign(table, SplitRule()), 0, frame_of(table))[7]
    learned = learn_preparation(table, SplitRule(), target="label")
    assert learned.categories == (CategoryColumn("c", ("a", "b")),)


@pytest.mark.parametrize("compatibility", [False, True])
def test_any_number_of_shards_learns_the_same_bits(table, compatibility):
    """Parts of 1, 2 or 4 shards, in any order, merge to equal preparations."""
    rule = SplitRule("sklearn" if compatibility else "hash")
    drop = ["since"] if compatibility else []
    inputs = choose_inputs(
        table, Wanted(target="label", drop=tuple(drop), compatibility=compatibility)
    )
    whole = merge_parts([learn_part(table, rule, inputs)])
    assert whole == learn_preparation(
        table, rule, target="label", drop=drop, compatibility=compatibility
    )
    for count in (2, 4):
        parts = [learn_part(table, rule, inputs, blocks) for blocks in shards(table, count)]
        assert merge_parts(parts[::-1]) == whole


def test_rules_are_learned_with_and_stored(table):
    """Cleaned values are learned, dropped rows are not, new columns become features, and counts are kept."""
    rules = Rules(
        ranges=(RangeRule("age", 18, 80, "drop"), RangeRule("income", high=1e6)),
        ratios=(RatioRule("income_per_year", "income", "age"),),
        dates=(DateRule("since", ("year",)),),
        drop=("id",),
    )
    frame = frame_of(table)
    kept = frame.filter(pl.col("age").is_between(18, 80))
    learned = learn_preparation(table, SplitRule(), target="label", rules=rules)
    assert learned.features[:5] == ("income", "age", "member", "income_per_year", "since_year")
    assert learned.training_rows + learned.test_rows == len(kept)
    assert learned.counts["age: out of range, row dropped"] == len(frame) - len(kept)
    assert learned.counts["income: out of range, made missing"] == (frame["income"] > 1e6).sum()
    assert learned.rules == rules
    assert learned.ignored == {"id": "dropped by a rule"}


def test_rare_categories_are_folded_by_their_training_rows(table):
    """Below the count or the share, values have one feature together."""
    rules = Rules(rare=(RareRule("home", share=0.25),))
    learned = learn_preparation(table, SplitRule(), target="label", rules=rules)
    assert learned.categories == (CategoryColumn("home", ("OWN", "RENT"), ("BOAT", "MORTGAGE")),)
    assert learned.categories[0].features == ("home_RENT", "home_(rare)")
    rules = Rules(rare=(RareRule("home", count=200),))
    learned = learn_preparation(table, SplitRule(), target="label", rules=rules)
    assert learned.categories[0].folded == ("BOAT",)


def test_a_preparation_survives_json(table):
    """It is stored with the model as text, and a format of tomorrow is refused."""
    rules = Rules(rare=(RareRule("home", share=0.25),))
    learned = learn_preparation(table, SplitRule(), target="label", rules=rules)
    text = json.loads(json.dumps(learned.as_json()))
    assert Preparation.from_json(text) == learned
    with pytest.raises(FormatError, match="expected format 2, found 3"):
        Preparation.from_json({**text, "format": 3})


def test_a_column_without_values_in_training_is_left_out(tmp_path):
    """There is no mean of nothing; the reason is given."""
    lines = "".join(f",{i % 3},{i % 2}\n" for i in range(20))
    table = tiny(tmp_path, "n,x,label\n5,1,1\n" + lines)
    rule = SplitRule(seed=next(s for s in range(99) if _is_test(table, s)))
    prepared = learn_preparation(table, rule, target="label")
    assert prepared.features == ("x",)
    assert prepared.ignored == {"n": "empty: no training row has a value"}


def _is_test(table, seed):
    (frame,) = iter_blocks(table)
    return test_mask(assign(table, SplitRule(seed=seed)), 0, frame)[0]


def test_a_column_without_any_value_is_left_out(tmp_path):
    """It is no feature, and the reason is told."""
    table = tiny(tmp_path, "n,x,label\n" + "".join(f",{i},{i % 2}\n" for i in range(20)))
    learned = learn_preparation(table, SplitRule(), target="label")
    assert learned.features == ("x",)
    assert learned.ignored == {"n": "empty: no row has a value"}


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ("00000000", "the target is 0 in every row"),
        ("0101_101", r"missing in 1 row, first in row 5"),
    ],
)
def test_a_target_without_use_is_refused(tmp_path, labels, message):
    """Constant and missing labels are told, with the column."""
    lines = "".join(f"{i},{label.replace('_', '')}\n" for i, label in enumerate(labels))
    table = tiny(tmp_path, "x,label\n" + lines)
    with pytest.raises(TableError, match="column 'label': .*" + message):
        learn_preparation(table, SplitRule(), target="label")


def test_a_target_of_many_values_is_no_class(table):
    """An amount cannot be classified."""
    with pytest.raises(TableError, match="at most 100 different labels"):
        learn_preparation(table, SplitRule(), target="id", task="classification")


def test_a_class_that_only_test_rows_have_is_refused(tmp_path):
    """A model cannot learn it; the message says how to split instead."""
    lines = "".join(f"{i},{'rare' if i == 7 else 'ab'[i % 2]}\n" for i in range(20))
    table = tiny(tmp_path, "x,label\n" + lines)
    with pytest.raises(TableError, match=r"no training row has \['rare'\].*\n.*stratify"):
        learn_preparation(table, SplitRule(), target="label")


def test_wrong_names_are_refused(table):
    """Of the target, of dropped columns and in rules: the close names are listed."""
    with pytest.raises(NotFoundError, match="did you mean 'label'"):
        choose_inputs(table, Wanted(target="lable"))
    with pytest.raises(NotFoundError, match="did you mean 'income'"):
        choose_inputs(table, Wanted(target="label", drop=("incom",)))
    with pytest.raises(SettingError, match="the target is dropped"):
        choose_inputs(table, Wanted(target="label", drop=("label",)))
    with pytest.raises(SettingError, match="no column 'hom'"):
        choose_inputs(
            table,
            Wanted(
                target="label",
                rules=Rules(
                    rare=(RareRule("hom"),),
                ),
            ),
        )


def test_a_table_without_features_is_refused(tmp_path):
    """Nothing but a target teaches nothing."""
    table = tiny(tmp_path, "label\n1\n0\n")
    with pytest.raises(TableError, match="no column is left as a feature"):
        choose_inputs(table, Wanted(target="label"))


def test_compatibility_refuses_what_pandas_would_do_otherwise(table, tmp_path):
    """Dates and long texts would become thousands of features; dropped rows would change the split."""
    with pytest.raises(TableError, match="column 'since' is a date"):
        choose_inputs(table, Wanted(target="label", compatibility=True))
    rules = Rules(ranges=(RangeRule("age", low=18, action="drop"),))
    with pytest.raises(SettingError, match="changes scikit-learn's split"):
        choose_inputs(
            table, Wanted(target="label", drop=("since",), rules=rules, compatibility=True)
        )
    many = tiny(tmp_path, "t,label\na,1\nb,0\nc,1\n", max_categories=2)
    with pytest.raises(TableError, match="column 't' is text of many values"):
        choose_inputs(many, Wanted(target="label", compatibility=True))


def test_labels_may_be_numbers_booleans_or_text(tmp_path):
    """Classes are sorted; their numbers are their places."""
    for text, classes in [
        ("10,2,1", (1, 2, 10)),
        ("true,false,true", (False, True)),
        ("b,a,B", ("B", "a", "b")),
    ]:
        lines = "".join(f"{i},{text.split(',')[i % 3]}\n" for i in range(60))
        table = tiny(tmp_path, "x,label\n" + lines)
        assert learn_preparation(table, SplitRule(), target="label").classes == classes


@pytest.mark.parametrize(
    ("column", "scale"), [("income", 1e305), ("income", 1.7e308), ("y", 1e305)]
)
def test_numbers_beyond_what_a_float_squares_are_refused(table_of, column, scale):
    """By the column's name, as a feature and as a target."""
    random = np.random.default_rng(0)
    rows = pl.DataFrame({"income": random.normal(size=90), "y": random.normal(size=90)})
    table = table_of(rows.with_columns(pl.col(column).clip(-1, 1) * scale))
    with pytest.raises(TableError, match=f"column '{column}': its numbers are too large"):
        learn_preparation(table, SplitRule(), target="y")
