"""Tables and columns of polars and pandas come back as they were."""

import datetime as dt
import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest
from polars.testing import assert_frame_equal, assert_series_equal

from wingspan.errors import UnsupportedTypeError
from wingspan.store.codec import decode, encode

POLARS = pl.DataFrame(
    {
        "int": pl.Series([1, None, 3], dtype=pl.Int16),
        "float": [0.5, float("nan"), None],
        "text": ["a", None, ""],
        "flag": [True, None, False],
        "day": [dt.date(2024, 1, 1), None, None],
        "time": pl.Series(
            [dt.datetime(2024, 1, 1), None, None],  # noqa: DTZ001
            dtype=pl.Datetime("ns", "Europe/Berlin"),
        ),
        "span": pl.Series([dt.timedelta(1), None, None], dtype=pl.Duration("ms")),
        "clock": [dt.time(1), None, None],
        "list": [[1, 2], None, []],
        "struct": [{"x": 1}, {"x": None}, {"x": 3}],
        "category": pl.Series(["a", "b", "a"], dtype=pl.Categorical),
        "enum": pl.Series(["a", "b", "a"], dtype=pl.Enum(["b", "a"])),
        "bytes": [b"1", None, b""],
        "nothing": pl.Series([None] * 3, dtype=pl.Null),
        "decimal": pl.Series(["1.50", "2.25", None]).cast(pl.Decimal(10, 2)),
        "array": pl.Series([[1, 2], [3, 4], None], dtype=pl.Array(pl.Int8, 2)),
    }
)


def back(value, tmp_path):
    """Store a value, twice for equal bytes, and read it."""
    record = encode(value, tmp_path / "value")
    assert encode(value, tmp_path / "again") == record
    return decode(tmp_path / "value", record)


@pytest.mark.parametrize(
    "frame",
    [POLARS, POLARS.head(0), pl.DataFrame(), POLARS.select("int")],
    ids=["full", "empty", "nothing", "one"],
)
def test_a_polars_frame_comes_back(tmp_path, frame):
    """Values, types and their order survive, with no rows and no columns too."""
    found = back(frame, tmp_path)
    assert found.schema == frame.schema
    assert_frame_equal(found, frame)


def test_a_frame_without_columns_keeps_its_height(tmp_path):
    """Rows without columns are still rows."""
    assert back(pl.DataFrame(height=5), tmp_path).shape == (5, 0)


def test_a_polars_series_comes_back(tmp_path):
    """A column keeps its name, also an empty one."""
    for name in ("x", ""):
        folder = tmp_path / f"named {name}"
        folder.mkdir()
        assert_series_equal(back(pl.Series(name, [1, None]), folder), pl.Series(name, [1, None]))


def test_a_lazy_frame_is_stored_computed_and_comes_back_lazy(tmp_path):
    """A LazyFrame comes back as a scan of the stored file, which holds the same bytes as the frame."""
    lazy = POLARS.lazy().filter(pl.col("int") > 1).with_columns(pl.col("int") * 2)
    found = back(lazy, tmp_path)
    assert isinstance(found, pl.LazyFrame)
    assert_frame_equal(found.collect(), lazy.collect())


def test_a_polars_column_of_objects_is_refused(tmp_path):
    """Python objects in a column are named."""
    frame = pl.DataFrame({"fine": [1], "odd": pl.Series([object()], dtype=pl.Object)})
    for value in (frame, frame.lazy()):
        with pytest.raises(UnsupportedTypeError, match="odd"):
            encode(value, tmp_path / "value")


DAYS = pd.date_range("2024-01-01", periods=3, freq="D")
COLUMNS = {
    **{kind: pd.Series([1, 2, 3], dtype=kind) for kind in ("int8", "int64", "uint16", "float32")},
    "bool": [True, False, True],
    "complex": [1j, 2j, 3j],
    "nullable": pd.array([1, None, 3], dtype="Int32"),
    "nullable float": pd.array([1.5, None, 3], dtype="Float64"),
    "nullable bool": pd.array([True, None, False], dtype="boolean"),
    "text": ["a", "b", None],
    "string": pd.array(["a", pd.NA, "c"], dtype=pd.StringDtype("python", na_value=pd.NA)),
    "object": pd.Series(["a", 1, None], dtype=object),
    "missing": pd.Series([np.nan, pd.NA, pd.NaT], dtype=object),
    "category": pd.Categorical(["a", None, "b"], categories=["b", "a"], ordered=True),
    "numbers": pd.Categorical([3, 1, 3]),
    "cut": pd.cut([1, 5, 9], 3),
    "time": DAYS,
    "seconds": DAYS.astype("datetime64[s]"),
    "zone": DAYS.tz_localize("Europe/Berlin"),
    "utc": DAYS.tz_localize("UTC").as_unit("ms"),
    "offset": DAYS.tz_localize(dt.timezone(dt.timedelta(hours=2))),
    "span": pd.to_timedelta([1, None, 3], unit="h"),
    "period": pd.period_range("2024-01", periods=3, freq="M"),
    "interval": pd.arrays.IntervalArray.from_breaks([0.0, 1, 2, 3]),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_a_pandas_column_comes_back(tmp_path, name):
    """Every kind of column survives in a frame and alone, with what is missing in it and with no rows."""
    frame = pd.DataFrame({name: COLUMNS[name]})
    for number, value in enumerate((frame, frame.iloc[:0])):
        folder = tmp_path / str(number)
        folder.mkdir()
        found = back(value, folder)
        assert [str(t) for t in found.dtypes] == [str(t) for t in value.dtypes]
        pd.testing.assert_frame_equal(found, value)
    pd.testing.assert_series_equal(back(frame[name], tmp_path), frame[name])


INDEXES = {
    "range": pd.RangeIndex(3),
    "steps": pd.RangeIndex(2, 8, 2, name="i"),
    "numbers": pd.Index([3, 1, 2]),
    "text": pd.Index(["a", "b", "c"], name="key"),
    "floats": pd.Index([0.5, 1.5, np.nan]),
    "objects": pd.Index(["a", 1, None], dtype=object),
    "days": DAYS,
    "zone": DAYS.tz_localize("Europe/Berlin"),
    "spans": pd.timedelta_range("1h", periods=3, freq="h"),
    "categories": pd.CategoricalIndex(["a", "b", "a"]),
    "periods": pd.period_range("2024", periods=3, freq="Y"),
    "intervals": pd.interval_range(0, 3),
    "levels": pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)], names=["x", None]),
    "tuple name": pd.Index([1, 2, 3], name=("a", 1)),
}


@pytest.mark.parametrize("name", INDEXES)
def test_a_pandas_index_comes_back(tmp_path, name):
    """Every kind of index survives, as rows and as columns, of its type and with its names."""
    frame = pd.DataFrame(np.arange(9.0).reshape(3, 3), index=INDEXES[name])
    (tmp_path / "turned").mkdir()
    for value, folder in ((frame, tmp_path), (frame.T, tmp_path / "turned")):
        found = back(value, folder)
        pd.testing.assert_frame_equal(found, value, check_column_type="exact")
        assert type(found.index) is type(value.index)
        assert type(found.columns) is type(value.columns)


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame(),
        pd.DataFrame(index=pd.Index(["a", "b"])),
        pd.DataFrame(columns=["a", "b"]),
        pd.DataFrame({"a": []}, index=pd.DatetimeIndex([])),
        pd.DataFrame([[1, 2], [3, 4]], columns=["same", "same"]),
    ],
    ids=["nothing", "no columns", "no rows", "empty index", "equal names"],
)
def test_an_odd_pandas_frame_comes_back(tmp_path, frame):
    """Frames without rows or columns, and with equal names, survive."""
    pd.testing.assert_frame_equal(back(frame, tmp_path), frame, check_column_type="exact")


def test_a_pandas_series_without_a_name_comes_back(tmp_path):
    """A column without a name has none afterwards."""
    assert back(pd.Series([1, 2]), tmp_path).name is None


class Special(pd.DataFrame):
    """A class of a library on top of pandas."""


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (pd.DataFrame({"a": [object()]}), "object"),
        (pd.DataFrame({"a": pd.arrays.SparseArray([0, 1])}), "Sparse"),
        (Special({"a": [1]}), "Special"),
        (pd.Series([1], name=object()), "name"),
    ],
    ids=["objects", "sparse", "subclass", "name"],
)
def test_what_pandas_would_not_get_back_is_refused(tmp_path, value, words):
    """Columns, names and classes that would come back as something else are refused."""
    with pytest.raises(UnsupportedTypeError, match=words):
        encode(value, tmp_path / "value")


def test_attributes_of_a_pandas_frame_come_back(tmp_path):
    """What was noted in `attrs` is kept; what is no plain value is refused there."""
    frame = pd.DataFrame({"a": [1]})
    frame.attrs = {"unit": "m", "sizes": (1, 2)}
    assert back(frame, tmp_path).attrs == frame.attrs
    frame.attrs["unit"] = object()
    with pytest.raises(UnsupportedTypeError, match="attrs"):
        encode(frame, tmp_path / "other")


@pytest.mark.parametrize(
    ("value", "where", "words"),
    [
        (pd.DataFrame({"ok": [1], "b": pd.arrays.SparseArray([0])}), "['t']['b']", "Sparse"),
        (pd.DataFrame({"ok": [1], ("x", 1): [object()]}), "['t'][('x', 1)]", "object"),
        (pd.DataFrame({"long": np.ones(1, "g")}), "['t']['long']", "float128|longdouble"),
        (
            pl.DataFrame({"o": pl.Series([object()], dtype=pl.Object)}),
            "['t']['o']",
            "Python objects",
        ),
        (pl.DataFrame({"e": pl.Series([{}], dtype=pl.Struct([]))}), "['t']", "no child field"),
    ],
    ids=["sparse", "objects", "long double", "polars objects", "polars struct"],
)
def test_a_column_that_would_not_come_back_is_named(tmp_path, value, where, words):
    """The place in the value ends with the column's name; nothing is left."""
    with pytest.raises(UnsupportedTypeError, match=words) as caught:
        encode({"t": value}, tmp_path / "value", name="result")
    assert caught.value.where == f"result{where}"
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_said_to_be_full(tmp_path):
    """Whatever writes the file, a full disk gives a SpaceError and leaves nothing behind."""
    code = """
import resource, signal, sys
from pathlib import Path
import numpy as np, pandas as pd, polars as pl
from sklearn.linear_model import LinearRegression
from wingspan.errors import SpaceError
from wingspan.store.codec import encode
place = Path(sys.argv[1])
noise = np.random.default_rng(0).normal(size=400_000)
model = LinearRegression().fit(noise[:, None], noise); model.kept_ = noise
for value in (noise, pl.DataFrame({"a": noise}), pl.LazyFrame({"a": noise}), pd.DataFrame({"a": noise}), model, ["x" * 3_000_000], noise.tobytes()):
    try:
        encode(value, place / "value")
    except SpaceError:
        assert not list(place.iterdir())
    else:
        raise SystemExit(f"{type(value)}: no error")
"""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("a small disk can be mounted by root only")
    try:
        done = subprocess.run(
            [sys.executable, "-c", code, str(disk)], capture_output=True, text=True, check=False
        )
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    assert done.returncode == 0, done.stderr
