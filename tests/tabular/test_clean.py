"""Each rule changes what it declares, counts it, and leaves the rest; the same rules clean new rows."""

import json
from datetime import date

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from wingspan.errors import SettingError, TableError
from wingspan.tabular.clean import (
    DateRule,
    RangeRule,
    RareRule,
    RatioRule,
    Rules,
    TextRule,
    check_rules,
    clean,
)
from wingspan.tabular.schema import infer_schema

ALL = Rules(
    text=(TextRule("home", case="upper"),),
    infinities="null",
    ranges=(RangeRule("age", 18, 120), RangeRule("income", high=1e6, action="clip")),
    ratios=(RatioRule("loan_per_income", "loan", "income"),),
    dates=(DateRule("since", ("year", "weekday"), age_at="2024-03-01"),),
    drop=("note",),
    rare=(RareRule("home", count=5),),
)


def schema_of(frame):
    return infer_schema([frame], dict(frame.schema), 100)


def test_rules_survive_json_and_a_person_may_write_them():
    """What is written is read back equal; what is left out has its default."""
    assert Rules.from_json(json.loads(json.dumps(ALL.as_json()))) == ALL
    short = Rules.from_json({"ranges": [{"column": "age", "low": 18}], "drop": ["x"]})
    assert short == Rules(ranges=(RangeRule("age", low=18),), drop=("x",))


def test_misspelt_rules_list_the_close_names():
    """All wrong names are told together."""
    with pytest.raises(SettingError) as caught:
        Rules.from_json({"range": [], "ranges": [{"colum": "age"}]})
    assert "rules has no 'range' (is it 'ranges'?)" in str(caught.value)
    assert "ranges has no 'colum' (is it 'column'?)" in str(caught.value)


def test_no_rule_changes_nothing():
    """Without rules, rows come back as they are, nulls and NaN included."""
    frame = pl.DataFrame({"a": [1.0, None, float("nan")], "b": ["x ", None, ""]})
    cleaned = clean(frame, Rules())
    assert_frame_equal(cleaned.frame, frame)
    assert cleaned.keep.all()
    assert cleaned.counts == {}


def test_text_is_stripped_and_brought_to_one_case():
    """White space around goes, nothing but space is missing, and changes are counted."""
    frame = pl.DataFrame({"home": [" rent", "RENT", "  ", None, "Own"]})
    cleaned = clean(frame, Rules(text=(TextRule("home", case="upper"),)))
    assert cleaned.frame["home"].to_list() == ["RENT", "RENT", None, None, "OWN"]
    assert cleaned.counts == {"home: text changed": 3}


@pytest.mark.parametrize("values", [[5, 20, None, 130], [5.0, 20.0, float("nan"), 130.0]])
@pytest.mark.parametrize(
    ("action", "count", "result", "keep"),
    [
        ("null", "made missing", [None, 20, "?", None], [True] * 4),
        ("clip", "clipped", [18, 20, "?", 120], [True] * 4),
        ("drop", "row dropped", [5, 20, "?", 130], [False, True, True, False]),
    ],
)
def test_numbers_out_of_range(values, action, count, result, keep):
    """They are made missing, clipped, or their rows dropped; a missing number is in no range and stays."""
    frame = pl.DataFrame({"age": values})
    cleaned = clean(frame, Rules(ranges=(RangeRule("age", 18, 120, action),)))
    found = cleaned.frame["age"].to_list()
    found[2] = "?"
    assert found == result
    assert cleaned.keep.tolist() == keep
    assert cleaned.counts == {f"age: out of range, {count}": 2}


def test_a_row_to_predict_is_never_dropped():
    """There, the number is missing instead."""
    frame = pl.DataFrame({"age": [5, 20]})
    rules = Rules(ranges=(RangeRule("age", low=18, action="drop"),))
    cleaned = clean(frame, rules, predicting=True)
    assert cleaned.frame["age"].to_list() == [None, 20]
    assert cleaned.keep.all()


def test_infinities_are_an_error_unless_declared_missing():
    """The message names the columns and their counts; the rule counts them."""
    inf = float("inf")
    frame = pl.DataFrame({"a": [1.0, inf, None, -inf], "b": [1.0, 2.0, 3.0, float("nan")]})
    with pytest.raises(TableError, match="infinite numbers: column 'a' has inf"):
        clean(frame, Rules())
    cleaned = clean(frame, Rules(infinities="null"))
    assert cleaned.frame["a"].to_list() == [1.0, None, None, None]
    assert cleaned.counts == {"a: infinite, made missing": 2}


def test_a_ratio_is_a_new_column():
    """It is missing where a side is, and where the denominator is 0, which is counted."""
    frame = pl.DataFrame({"loan": [1, 2, 0, None], "income": [4, 0, 0, 1]})
    cleaned = clean(frame, Rules(ratios=(RatioRule("r", "loan", "income"),)))
    assert cleaned.frame["r"].to_list() == [0.25, None, None, None]
    assert cleaned.counts == {"r: denominator 0, made missing": 2}


@pytest.mark.parametrize("as_text", [False, True])
def test_dates_become_parts_and_an_age(as_text):
    """From dates or from text of the declared format; what is no date is missing and counted."""
    dates = [date(2024, 2, 29), None, date(2023, 1, 1)]
    frame = pl.DataFrame({"since": dates})
    if as_text:
        frame = pl.DataFrame({"since": ["29.02.2024", "soon", "01.01.2023"]})
    rule = DateRule("since", ("year", "month", "day", "weekday"), "2024-03-01", "%d.%m.%Y")
    cleaned = clean(frame, Rules(dates=(rule,)))
    assert cleaned.frame.rows() == [(2024, 2, 29, 4, 1), (None,) * 5, (2023, 1, 1, 7, 425)]
    assert cleaned.frame.columns[-1] == "since_age_days"
    assert cleaned.counts == ({"since: not a date, made missing": 1} if as_text else {})


def test_rules_are_checked_against_the_columns_together():
    """Names that are not there, kinds that do not fit, and the target are told in one message."""
    frame = pl.DataFrame({"age": [1], "home": ["x"], "label": [1]})
    rules = Rules(
        text=(TextRule("age"),),
        ranges=(RangeRule("agee"), RangeRule("label", low=0)),
        ratios=(RatioRule("home", "age", "age"),),
    )
    with pytest.raises(SettingError) as caught:
        check_rules(rules, schema_of(frame), "label")
    message = str(caught.value)
    assert "text: column 'age' is number, not category or text" in message
    assert "range: there is no column 'agee' (is it 'age'?)" in message
    assert "range would change the target 'label'" in message
    assert "ratio: column 'home' is already there" in message


def test_all_rules_together_in_their_order():
    """Ranges come before ratios, so that a ratio is of clean numbers."""
    frame = pl.DataFrame(
        {
            "age": [17, 30],
            "income": [2e6, float("inf")],
            "loan": [1000, 1000],
            "home": ["rent ", "OWN"],
            "since": [date(2020, 1, 1)] * 2,
            "note": ["x", "y"],
        }
    )
    check_rules(ALL, schema_of(frame))
    cleaned = clean(frame, ALL)
    assert "note" not in cleaned.frame.columns
    assert cleaned.frame["loan_per_income"].to_list() == [0.001, None]
    assert cleaned.counts == {
        "home: text changed": 1,
        "income: infinite, made missing": 1,
        "age: out of range, made missing": 1,
        "income: out of range, clipped": 1,
        "loan_per_income: denominator 0, made missing": 0,
    }
