"""A target is one label or one number in each row; what is not is refused with a way out."""

import re

import polars as pl
import pytest

from wingspan.errors import NotFoundError, SettingError, TableError
from wingspan.tabular.clean import Rules
from wingspan.tabular.declared import check_columns
from wingspan.tabular.given import check_model_name, model_name_of
from wingspan.tabular.labels import one_target, refuse_many
from wingspan.tabular.matrix import matrix
from wingspan.tabular.prepare import learn_preparation
from wingspan.tabular.read import ReadOptions
from wingspan.tabular.split import SplitRule, assign
from wingspan.tabular.transform import target_of


@pytest.mark.parametrize(
    "labels",
    [
        ["red", "blue", "red;blue"],
        ["a|b", "b|c", "a|c"],
        ["x, y", "x", "y"],
        [f"{a};{b}" for a in "abcdefghijkl" for b in "abcdefghijkl" if a != b],
    ],
)
def test_rows_of_several_labels_are_refused(labels):
    """Labels that are joined in a text, also where there are very many of them."""
    with pytest.raises(TableError, match="expected one label in each row"):
        refuse_many("y", labels)


@pytest.mark.parametrize(
    "labels",
    [
        ["New York, NY", "Los Angeles, CA", "San Francisco, CA"],
        ["low;medium", "high"],
        ["yes", "no"],
        [1, 2, 3],
        ["a;", "b;"],
    ],
)
def test_labels_that_hold_a_separator_are_labels(labels):
    """Parts that stand in one label only are no labels of their own."""
    refuse_many("y", labels)


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([["a"], ["b"]] * 10, "lists"),
        (pl.Series(["2020-01-01", "2020-01-02"] * 10).str.to_date(), "dates"),
        ([b"a", b"b"] * 10, "Binary"),
    ],
)
def test_targets_of_other_kinds_are_refused(table_of, values, found):
    """Lists, dates and bytes."""
    table = table_of(pl.DataFrame({"x": range(20), "y": values}))
    with pytest.raises(TableError, match=found):
        learn_preparation(table, SplitRule(), target="y")


@pytest.mark.parametrize(
    ("texts", "found", "fix"),
    [
        (
            [f"${n},000" for n in range(1, 150)],
            "amounts with a currency",
            "--numbers y --thousands ,",
        ),
        ([f"{n},25" for n in range(150)], "a decimal comma", "--decimal ,"),
        ([*map(str, range(150)), "{?}"], "numbers and '{?}'", "--missing '{?}'"),
        (
            [f"{n % 28 + 1}.{n % 12 + 1}.20{n // 12 + 10}" for n in range(150)],
            "dates",
            "days since",
        ),
    ],
)
def test_texts_that_are_no_classes_are_refused_with_the_option_that_reads_them(texts, found, fix):
    """More texts than there may be classes: numbers with marks, a word among numbers, dates."""
    with pytest.raises(TableError, match=re.escape(found)) as caught:
        refuse_many("y", texts)
    assert fix in caught.value.fix


def test_several_targets_are_refused(tmp_path):
    """Given twice, or in one option."""
    with pytest.raises(SettingError, match="expected one target column, found 2: a, b"):
        one_target(["a", "b"])
    path = tmp_path / "t.csv"
    path.write_text("a,b,c\n1,2,3\n")
    with pytest.raises(TableError, match="found 2: a, b"):
        check_columns(path, ReadOptions(), ["a,b"])


@pytest.mark.parametrize("above", ["# made by hand\n# units\n", "Report,,\n", "sep=,\n"])
def test_lines_above_the_header_are_named_with_the_command_that_removes_them(tmp_path, above):
    """Comments, a title, and the line that a spreadsheet program writes."""
    path = tmp_path / "t.csv"
    path.write_text(f"{above}a,b,c\n1,2,3\n")
    line = above.count("\n") + 1
    with pytest.raises(NotFoundError, match=f"but of line {line}") as caught:
        check_columns(path, ReadOptions(), ["b"])
    assert f"tail -n +{line} " in caught.value.fix
    with pytest.raises(NotFoundError, match="not a column; there are"):
        check_columns(path, ReadOptions(), ["d"])


@pytest.mark.parametrize(
    ("target", "name"),
    [("Loan Status", "Loan_Status"), (" größe (cm) ", "groe_cm"), ("年齢", "model"), ("y", "y")],
)
def test_a_model_has_a_name_whatever_the_target_is_called(target, name):
    """The name is that of a folder."""
    assert model_name_of(target) == name
    check_model_name(model_name_of(target))


def rows_without_target(table_of):
    y = ["a", "b"] * 30
    y[3] = y[50] = None
    return table_of(pl.DataFrame({"x": range(60), "y": y}))


def test_a_missing_target_is_counted_over_the_whole_table(table_of):
    """The message has the count, the first row and the option; no block is mentioned."""
    table = rows_without_target(table_of)
    with pytest.raises(TableError, match="missing in 2 rows, first in row 4") as caught:
        learn_preparation(table, SplitRule(), target="y")
    assert "--drop-missing-target" in caught.value.fix


def test_rows_without_a_target_may_be_left_out(table_of):
    """They are in neither part, also where the split is stratified by the target."""
    table = rows_without_target(table_of)
    for split in (SplitRule(), SplitRule(stratify="y")):
        prepared = learn_preparation(table, split, target="y", rules=Rules(missing_target="drop"))
        rows = [
            *matrix(table, split, prepared, "train").rows,
            *matrix(table, split, prepared, "test").rows,
        ]
        assert sorted(rows) == [n for n in range(60) if n not in {3, 50}]
        assert prepared.counts == {"y: target missing, row left out": 2}


def test_missing_values_of_a_stratified_split_are_counted(table_of):
    """In scikit-learn's split, which cannot have them."""
    table = rows_without_target(table_of)
    with pytest.raises(TableError, match="2 missing values"):
        assign(table, SplitRule("sklearn", stratify="y"))


def test_labels_beyond_53_bits_are_told_apart(table_of):
    """Two whole numbers that are one as a float are two classes."""
    big = 2**53
    table = table_of(pl.DataFrame({"x": range(40), "y": [big, big + 1] * 20}))
    prepared = learn_preparation(table, SplitRule(), target="y")
    assert prepared.classes == (big, big + 1)
    assert target_of(prepared, pl.DataFrame({"y": [big + 1, big]})).tolist() == [1, 0]


def test_ids_of_the_last_bit_split(table_of):
    """A column of unsigned 64-bit numbers divides rows as any other."""
    ids = pl.Series([2**64 - 1 - n for n in range(50)], dtype=pl.UInt64)
    table = table_of(pl.DataFrame({"id": ids, "y": ["a", "b"] * 25}))
    prepared = learn_preparation(table, SplitRule(column="id"), target="y", drop=[])
    assert prepared.test_rows + prepared.training_rows == 50


def test_columns_without_a_value_in_training_are_left_out(table_of):
    """A number, a boolean and a category whose values are all in the test part, or nowhere."""
    split = SplitRule()
    rows = 60
    test = assign(table_of(pl.DataFrame({"y": [0] * rows})), split)
    from wingspan.tabular.split import test_mask as mask_of

    mask = mask_of(test, 0, pl.DataFrame({"y": [0] * rows}))
    only = lambda value: [value if there else None for there in mask]
    frame = pl.DataFrame(
        {"x": range(rows), "n": only(1.5), "f": only(True), "c": only("a"), "y": ["a", "b"] * 30}
    )
    prepared = learn_preparation(table_of(frame, "other"), split, target="y")
    assert prepared.features == ("x",)
    assert set(prepared.ignored) == {"n", "f", "c"}
    assert prepared.inputs == ("x",)
    with pytest.raises(TableError, match="no column has a value"):
        learn_preparation(table_of(frame.drop("x"), "none"), split, target="y")
