"""Whatever value a step returns, it comes back as it was or is refused when it is stored: property tests."""

import dataclasses
import datetime as dt
import enum
from collections import Counter, OrderedDict, defaultdict, deque
from dataclasses import InitVar, dataclass, field
from decimal import Decimal
from typing import NamedTuple

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from polars.testing import assert_frame_equal
from polars.testing.parametric import dataframes

from wingspan.errors import UnsupportedTypeError
from wingspan.store.codec import decode, encode

FEW = settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
MANY = settings(FEW, max_examples=10_000)


def sizes(check, **drawn):
    """Return a property with few examples, and with 10,000 where the long tests run."""
    many = MANY(given(**drawn)(check))
    return FEW(given(**drawn)(check)), pytest.mark.long(pytest.mark.timeout(3600)(many))


class Level(enum.IntEnum):
    LOW = 1
    SMALL = 1  # an alias
    HIGH = 2


class Rights(enum.Flag):
    READ = enum.auto()
    WRITE = enum.auto()


class Named(NamedTuple):
    first: object
    second: object = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    x: object
    y: object = 0.0


@dataclass
class Made:
    seed: InitVar[int]
    kept: list[object] = field(default_factory=list)
    sum: int = field(init=False, default=0)

    def __post_init__(self, seed):
        self.sum = seed + len(self.kept)


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.text(st.characters(), max_size=4)
    | st.text(st.characters(categories=["Cs", "Cc"]), max_size=3)
    | st.binary(max_size=4)
    | st.binary(max_size=4).map(bytearray)
    | st.decimals()
    | st.fractions()
    | st.uuids()
    | st.dates()
    | st.datetimes(timezones=st.none() | st.timezones(), allow_imaginary=False)
    | st.times(timezones=st.none() | st.just(dt.timezone(dt.timedelta(hours=5, minutes=45))))
    | st.timedeltas()
    | st.sampled_from([*Level, *Rights, Rights(0), Rights(3)])
    | st.builds(range, st.integers(-9, 9), st.integers(-9, 9), st.sampled_from([-3, 1, 2]))
    | arrays.from_dtype(np.dtype("f4"))
    | arrays.from_dtype(np.dtype("M8[us]"))
)
KEYS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=3)
    | st.binary(max_size=2)
)
HASHABLE = KEYS | st.tuples(KEYS, KEYS) | st.frozensets(KEYS, max_size=2)


def containers(inner):
    pairs = st.dictionaries(HASHABLE, inner, max_size=3)
    return (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | pairs
        | st.sets(HASHABLE, max_size=3)
        | st.frozensets(HASHABLE, max_size=3)
        | st.builds(deque, st.lists(inner, max_size=3), st.sampled_from([None, 5]))
        | pairs.map(OrderedDict)
        | pairs.map(Counter)
        | st.builds(defaultdict, st.sampled_from([None, int, list, str]), pairs)
        | st.builds(Named, inner, inner)
        | st.builds(Point, x=inner, y=inner)
        | st.builds(Made, st.integers(0, 9), st.lists(inner, max_size=2))
    )


VALUES = st.recursive(LEAVES, containers, max_leaves=12)


def same(there, here):
    """Return whether two values are equal in type, value, order and sign, with NaN equal to NaN."""
    if type(there) is not type(here):
        return False
    if dataclasses.is_dataclass(here):
        names = [each.name for each in dataclasses.fields(here)]
        return all(same(getattr(there, name), getattr(here, name)) for name in names)
    if isinstance(here, dict):
        extra = getattr(here, "default_factory", None) is getattr(there, "default_factory", None)
        return extra and same(list(there.items()), list(here.items()))
    if isinstance(here, list | tuple | deque):
        bounds = getattr(there, "maxlen", None) == getattr(here, "maxlen", None)
        return bounds and len(there) == len(here) and all(map(same, there, here))
    if isinstance(here, set | frozenset):
        return there == here and Counter(map(type, there)) == Counter(map(type, here))
    if isinstance(here, float | Decimal):
        return repr(there) == repr(here)
    if isinstance(here, dt.datetime | dt.time):
        return repr(there) == repr(here) and there.fold == here.fold
    return there == here or repr(there) == repr(here)


def check_value(folder, value):
    record = encode(value, folder / "value")
    found = decode(folder / "value", record)
    assert same(found, value), (found, value)
    assert encode(found, folder / "again") == record


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Give a function that makes an empty folder."""
    base = tmp_path_factory.mktemp("values")
    count = 0

    def new():
        nonlocal count
        count += 1
        made = base / f"{count}"
        made.mkdir()
        return made

    return new


def any_value(folders, value):
    """Any nesting of what the documentation's table names comes back equal, with equal bytes."""
    check_value(folders(), value)


DTYPES = (
    arrays.scalar_dtypes().filter(lambda dtype: dtype.char not in "gG")
    | arrays.array_dtypes(arrays.scalar_dtypes().filter(lambda d: d.char not in "gG"), max_size=3)
    | arrays.nested_dtypes(
        arrays.scalar_dtypes().filter(lambda d: d.char not in "gG"), max_leaves=3
    )
)
SHAPES = arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)


def any_array(folders, data):
    """Any array of NumPy comes back with its dtype, shape, values and order in memory."""
    dtype = data.draw(DTYPES)
    assume(dtype.itemsize)
    value = data.draw(arrays.arrays(dtype, SHAPES))
    order = data.draw(st.sampled_from(["C", "F", "strided", "reversed", "turned"]))
    if order == "F":
        value = np.asfortranarray(value)
    elif order == "turned":
        value = value.T
    elif value.ndim and order == "strided":
        value = value[::2]
    elif value.ndim and order == "reversed":
        value = value[::-1]
    folder = folders()
    record = encode([value], folder / "value")
    (found,) = decode(folder / "value", record)
    assert (found.dtype, found.shape) == (value.dtype, value.shape)
    assert found.tobytes() == np.array(value, order="C").tobytes() or repr(found) == repr(value)
    assert encode([found], folder / "again") == record


def any_polars_frame(folders, frame):
    """Any table of polars comes back with its types, or is refused; so does each of its columns."""
    folder = folders()
    try:
        record = encode(frame, folder / "value")
    except UnsupportedTypeError:
        assert any("Decimal" in str(dtype) or "128" in str(dtype) for dtype in frame.dtypes)
        return
    found = decode(folder / "value", record)
    assert found.schema == frame.schema
    assert_frame_equal(found, frame, categorical_as_str=True)
    assert encode(found, folder / "again") == record


INDEXES = st.sampled_from(
    ["range", "text", "dates", "zone", "levels", "categories", "floats", "periods"]
)
NAMES = (
    st.text(max_size=3)
    | st.integers(-2, 2)
    | st.none()
    | st.tuples(st.text(max_size=2), st.integers(0, 2))
    | st.booleans()
    | st.datetimes()
)
ZONES = ["UTC", "Europe/Berlin", "Asia/Kathmandu", "+05:30"]


def index_of(kind, size):
    days = pd.date_range("2024-03-30", periods=size, freq="D")
    return {
        "range": pd.RangeIndex(3, 3 + 2 * size, 2, name="r"),
        "text": pd.Index([f"k{n}" for n in range(size)], dtype=object),
        "dates": days,
        "zone": days.tz_localize("Europe/Berlin"),
        "levels": pd.MultiIndex.from_arrays([["a"] * size, range(size)], names=[None, ("x", 1)]),
        "categories": pd.CategoricalIndex(["b"] * size, categories=["c", "b"], ordered=True),
        "floats": pd.Index([0.5] * size, dtype="float32"),
        "periods": pd.period_range("2024-01", periods=size, freq="Q"),
    }[kind]


@st.composite
def pandas_columns(draw, size):  # noqa: PLR0911
    """Draw a column of a kind that the store takes."""
    kind = draw(
        st.sampled_from(
            [
                "numpy",
                "text",
                "masked",
                "category",
                "zone",
                "object",
                "span",
                "period",
                "interval",
                "string",
            ]
        )
    )
    some = lambda of: draw(st.lists(of, min_size=size, max_size=size))
    maybe = lambda of: some(st.none() | of)
    match kind:
        case "numpy":
            dtype = draw(st.sampled_from(["i1", "u8", ">i4", "f4", "f8", "?", "c16"]))
            return draw(arrays.arrays(dtype, size))
        case "text":
            return pd.Series(maybe(st.text(max_size=3)))
        case "string":
            return pd.array(
                maybe(st.text(max_size=3)),
                dtype=pd.StringDtype("python", na_value=draw(st.sampled_from([pd.NA, np.nan]))),
            )
        case "masked":
            dtype = draw(st.sampled_from(["Int8", "UInt64", "Float32", "boolean"]))
            return pd.array(
                maybe(st.booleans() if dtype == "boolean" else st.integers(0, 9)), dtype=dtype
            )
        case "category":
            known = draw(
                st.lists(st.integers(-3, 3) | st.floats(0, 1), unique=True, max_size=3)
                | st.lists(st.text(max_size=2), unique=True, max_size=3)
                | st.lists(st.dates(), unique=True, max_size=2)
            )
            codes = draw(arrays.arrays("i1", size, elements=st.integers(-1, len(known) - 1)))
            return pd.Categorical.from_codes(codes, categories=known, ordered=draw(st.booleans()))
        case "zone":
            unit = draw(st.sampled_from(["s", "ms", "us", "ns"]))
            stamps = draw(
                arrays.arrays(
                    f"M8[{unit}]",
                    size,
                    elements=st.integers(-(10**9), 10**9).map(lambda n: np.datetime64(n, unit)),
                )
            )
            zone = draw(st.sampled_from([None, *ZONES]))
            series = pd.Series(stamps)
            return series if zone is None else series.dt.tz_localize("UTC").dt.tz_convert(zone)
        case "object":
            return pd.Series(
                maybe(
                    st.integers()
                    | st.text(max_size=2)
                    | st.dates()
                    | st.decimals(allow_nan=False)
                    | st.lists(st.integers(), max_size=2)
                ),
                dtype=object,
            )
        case "span":
            return pd.Series(draw(arrays.arrays("m8[ms]", size)))
        case "period":
            return pd.period_range(
                "2020", periods=size, freq=draw(st.sampled_from(["D", "M", "Q-JAN", "W-TUE"]))
            )
    closed = draw(st.sampled_from(["left", "right", "both", "neither"]))
    return pd.arrays.IntervalArray.from_breaks(np.arange(size + 1.0), closed=closed)


@st.composite
def pandas_frames(draw):
    """Draw a table: any kinds of columns, odd names, any index, also without rows or columns."""
    size = draw(st.integers(0, 3))
    columns = draw(st.lists(pandas_columns(size), max_size=4))
    index = index_of(draw(INDEXES), size)
    parts = [
        pd.Series(column, index=index)
        if not isinstance(column, pd.Series)
        else column.set_axis(index)
        for column in columns
    ]
    frame = pd.concat(parts, axis=1) if parts else pd.DataFrame(index=index)
    names = draw(st.lists(NAMES, min_size=len(parts), max_size=len(parts)))
    frame.columns = (
        pd.Index(names, dtype=object, tupleize_cols=False) if draw(st.booleans()) else frame.columns
    )
    return frame


def any_pandas_frame(folders, frame):
    """Any table of pandas comes back with its dtypes, index and names, and so does each column."""
    folder = folders()
    record = encode(
        {"table": frame, "columns": [frame.iloc[:, n] for n in range(frame.shape[1])]},
        folder / "value",
    )
    found = decode(folder / "value", record)
    assert list(found["table"].dtypes) == list(frame.dtypes)
    pd.testing.assert_frame_equal(found["table"], frame, check_column_type="exact", check_freq=True)
    for number, column in enumerate(found["columns"]):
        pd.testing.assert_series_equal(column, frame.iloc[:, number])
    assert encode(found, folder / "again") == record


TABLES = dataframes(max_cols=4, max_size=4, allow_null=True, excluded_dtypes=[pl.Object])
test_any_value, test_many_values = sizes(any_value, value=VALUES)
test_any_array, test_many_arrays = sizes(any_array, data=st.data())
test_any_polars_frame, test_many_polars_frames = sizes(any_polars_frame, frame=TABLES)
test_any_pandas_frame, test_many_pandas_frames = sizes(any_pandas_frame, frame=pandas_frames())
