"""A value is said in a few words, whatever it is."""

import dataclasses
from collections import Counter, OrderedDict, namedtuple
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wingspan.runner.job.brief import brief

Point = namedtuple("Point", "x y")


class Colour(Enum):
    RED = 1


class Level(IntEnum):
    HIGH = 3


@dataclasses.dataclass
class Fitted:
    weights: list[float]


class Broken(dict):
    def items(self):
        raise RuntimeError


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, "None"), (True, "True"), (3, "3"), (0.1 + 0.2, "0.3"), (1e-9, "1e-09"), (float("nan"), "nan"), ("text", "text"),
        ({"auc": 0.912345678, "n": 3}, "{auc: 0.912346, n: 3}"), ([1, 2.5, "a"], '[1, 2.5, "a"]'), ((1,), "(1)"),
        ({2, 1}, "{1, 2}"), (set(), "{}"), ([], "[]"), ({"a": {"b": [1]}}, "{a: {b: [1]}}"), (Point(1, 2), "Point(x=1, y=2)"),
        (Colour.RED, "RED"), (Level.HIGH, "HIGH"), (date(2026, 1, 2), "2026-01-02"), (timedelta(hours=1), "1:00:00"),
        (Decimal("1.20"), "1.20"), (list(range(1000)), "list of 1,000"), ({str(n): n for n in range(50)}, "dict of 50"),
        (["x" * 90, "y" * 90], "list of 2"), (10**400, "int"), (b"abc", "3 bytes"), (Counter("aab"), "{a: 2, b: 1}"),
        (OrderedDict(a=1), "{a: 1}"), (Path("/a/model.bin"), "file model.bin"), (Fitted([1.0]), "Fitted"), (object(), "object"),
        (np.float64(1 / 3), "0.333333"), (np.int64(5), "5"), (np.zeros((1000, 3)), "array 1,000 x 3 float64"),
        (np.array(5), "array of one int64"), (pl.DataFrame({"a": [1, 2], "b": [3, 4]}), "table 2 x 2"),
        (pl.Series([1, 2]), "column of 2 rows"), (pl.LazyFrame({"a": [1]}), "table that is computed when it is read"),
        (Broken(a=1), "Broken"), ("a\x1b[31mb", "a\\x1b[31mb"),
    ],
)  # fmt: skip
def test_a_value_is_said_in_a_few_words(value, told):
    """Short values as they stand, others by kind and size."""
    assert brief(value) == told


def test_models_and_tables_of_pandas():
    """By class, and by shape."""
    pd = pytest.importorskip("pandas")
    linear = pytest.importorskip("sklearn.linear_model")
    assert brief(pd.DataFrame({"a": range(1200)})) == "table 1,200 x 1"
    assert brief(pd.Series([1])) == "column of 1 row"
    assert brief(linear.LogisticRegression(C=2.0)) == "LogisticRegression"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.dates(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=30,
)


@settings(max_examples=100)
@given(VALUES)
def test_it_is_one_short_line_of_any_value(value):
    """Nothing that a terminal acts on is in it."""
    told = brief(value)
    assert len(told) <= 100
    assert "\n" not in told
    assert "\x1b" not in told
